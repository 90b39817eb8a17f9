/* SPDX-License-Identifier: MIT */
#include "tests/support/read_screen.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/font.h"
#include "lib/assert.h"

#define TEXT_MAX 4096
#define UNKNOWN  '\1'

static size_t memory_bytes(const struct canvas_mode *m)
{
	size_t row = m->kind == CANVAS_TEXT
	                 ? 2 * m->width
	                 : (size_t)m->width * ((m->bits_per_pixel + 7) / 8);

	/* Nothing behind the last pixel belongs to us. */
	return m->height ? (size_t)m->stride_bytes * (m->height - 1) + row : 0;
}

static uint8_t *base;

void screen_memory_make(struct canvas_mode *m, unsigned misaligned)
{
	size_t size = memory_bytes(m);

	base = malloc(size + misaligned);
	assert(base != NULL);
	memset(base, 0x5a, size + misaligned);
	m->memory = base + misaligned;
}

void screen_memory_free(struct canvas_mode *m)
{
	free(base);
	base = NULL;
	m->memory = NULL;
}

static const uint8_t *at(const struct canvas_mode *m, uint32_t y)
{
	return (const uint8_t *)m->memory + (size_t)y * m->stride_bytes;
}

uint32_t screen_pixel(const struct canvas_mode *m, uint32_t x, uint32_t y)
{
	uint32_t bytes = (m->bits_per_pixel + 7) / 8, v = 0;

	for (uint32_t i = 0; i < bytes; i++)
		v |= (uint32_t)at(m, y)[x * bytes + i] << 8 * i;
	return v;
}

static uint32_t colour(struct canvas_colour c, uint32_t pixel)
{
	uint32_t top = (1u << c.bits) - 1;

	return (pixel >> c.shift & top) * 255 / top;
}

uint32_t screen_rgb(const struct canvas_mode *m, uint32_t x, uint32_t y)
{
	uint32_t p = screen_pixel(m, x, y);

	return colour(m->red, p) << 16 | colour(m->green, p) << 8 |
	       colour(m->blue, p);
}

/* Whether the glyph, in two colours, covers the cell; tells the colours. */
static bool matches(const struct canvas_mode *m, const struct font *f,
    uint32_t row, uint32_t col, uint8_t glyph, int64_t ink_paper[2])
{
	ink_paper[0] = ink_paper[1] = -1;
	for (uint32_t y = 0; y < f->height; y++)
		for (uint32_t x = 0; x < f->width; x++) {
			bool set =
			    font_row(f, glyph, y) >> (f->width - 1 - x) & 1;
			int64_t *want = &ink_paper[!set];
			uint32_t p = screen_pixel(
			    m, col * f->width + x, row * f->height + y);

			if (*want < 0)
				*want = p;
			if (*want != p)
				return false;
		}
	return ink_paper[0] != ink_paper[1];
}

static uint32_t read_pixels(
    const struct canvas_mode *m, uint32_t row, uint32_t col)
{
	int64_t colours[2];

	for (uint32_t g = 0; g < font_glyphs(); g++)
		if (matches(m, font_for_width(m->width), row, col, (uint8_t)g,
		        colours))
			return font_code_point((uint8_t)g);
	return UNKNOWN;
}

static uint32_t read_text(
    const struct canvas_mode *m, uint32_t row, uint32_t col)
{
	uint8_t code = at(m, row)[2 * col];

	for (uint32_t g = 0; g < font_glyphs(); g++)
		if (font_cp437((uint8_t)g) == code)
			return font_code_point((uint8_t)g);
	return UNKNOWN;
}

static size_t encode(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | c >> 12);
	to[1] = (char)(0x80 | (c >> 6 & 0x3f));
	to[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

const char *screen_text(const struct canvas_mode *m, uint32_t row)
{
	static char text[TEXT_MAX];
	bool pixels = m->kind == CANVAS_PIXELS;
	uint32_t columns =
	    pixels ? m->width / font_for_width(m->width)->width : m->width;
	size_t n = 0, end = 0;

	for (uint32_t i = 0; i < columns; i++) {
		uint32_t c =
		    pixels ? read_pixels(m, row, i) : read_text(m, row, i);

		n += encode(text + n, c);
		if (c != ' ')
			end = n;
		assert(n + 4 < sizeof(text));
	}
	text[end] = '\0';
	return text;
}

uint32_t screen_paper(const struct canvas_mode *m, uint32_t row, uint32_t col)
{
	const struct font *f = font_for_width(m->width);

	/* No glyph but the full block reaches that corner. */
	return screen_rgb(m, col * f->width, row * f->height);
}

uint32_t screen_ink(const struct canvas_mode *m, uint32_t row, uint32_t col)
{
	const struct font *f = font_for_width(m->width);
	uint32_t paper = screen_paper(m, row, col);

	for (uint32_t y = 0; y < f->height; y++)
		for (uint32_t x = 0; x < f->width; x++) {
			uint32_t c = screen_rgb(
			    m, col * f->width + x, row * f->height + y);

			if (c != paper)
				return c;
		}
	return paper;
}

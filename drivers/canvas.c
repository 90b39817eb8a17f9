/* SPDX-License-Identifier: MIT */
#include "drivers/canvas.h"

#include <stdbool.h>
#include <stddef.h>

#include "arch/arch.h"
#include "drivers/font.h"
#include "lib/assert.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/string.h"

#define SIDE_MAX        16384
#define STRIDE_MAX      (SIDE_MAX * 4)
#define TEXT_SIDE_MAX   256
#define COLOUR_BITS_MAX 16

#define CRTC_INDEX        0x3d4
#define CRTC_DATA         0x3d5
#define CRTC_CURSOR_START 0x0a
#define CURSOR_OFF        0x20

/* The colours of VGA text memory, in its order; grey is a little brighter, and
 * blue and red darker, so that text on them is easy to read. */
static const struct {
	uint8_t red, green, blue;
} colours[16] = {
	{ 0x00, 0x00, 0x00 },
	{ 0x00, 0x2a, 0x80 },
	{ 0x00, 0xaa, 0x00 },
	{ 0x00, 0xaa, 0xaa },
	{ 0x90, 0x00, 0x00 },
	{ 0xaa, 0x00, 0xaa },
	{ 0xaa, 0x55, 0x00 },
	{ 0xd0, 0xd0, 0xd0 },
	{ 0x70, 0x70, 0x70 },
	{ 0x55, 0x80, 0xff },
	{ 0x60, 0xff, 0x60 },
	{ 0x55, 0xff, 0xff },
	{ 0xff, 0x70, 0x60 },
	{ 0xff, 0x55, 0xff },
	{ 0xff, 0xff, 0x55 },
	{ 0xff, 0xff, 0xff },
};

static uint32_t pixel_bytes(const struct canvas_mode *m)
{
	return (m->bits_per_pixel + 7) / 8;
}

/* Where colours usually lie, when the firmware does not say how wide they are.
 */
static void fill_in_bits(struct canvas_mode *m)
{
	bool deep = m->bits_per_pixel > 16;

	if (m->red.bits != 0 && m->green.bits != 0 && m->blue.bits != 0)
		return;
	m->red.bits = m->blue.bits = deep ? 8 : 5;
	m->green.bits = deep ? 8 : m->bits_per_pixel == 16 ? 6 : 5;
}

static bool colour_fits(const struct canvas_mode *m, struct canvas_colour c)
{
	return c.bits <= COLOUR_BITS_MAX && c.shift <= 32 - c.bits &&
	       c.shift + c.bits <= 8 * pixel_bytes(m);
}

static bool pixels_usable(const struct canvas_mode *m)
{
	return m->bits_per_pixel >= 15 && m->bits_per_pixel <= 32 &&
	       m->width <= SIDE_MAX && m->height <= SIDE_MAX &&
	       m->stride_bytes <= STRIDE_MAX &&
	       m->stride_bytes >= m->width * pixel_bytes(m) &&
	       colour_fits(m, m->red) && colour_fits(m, m->green) &&
	       colour_fits(m, m->blue);
}

static uint32_t shade(struct canvas_colour c, uint32_t value)
{
	return value * ((1u << c.bits) - 1) / 255 << c.shift;
}

static void make_palette(struct canvas *c)
{
	for (int i = 0; i < 16; i++)
		c->palette[i] = shade(c->mode.red, colours[i].red) |
		                shade(c->mode.green, colours[i].green) |
		                shade(c->mode.blue, colours[i].blue);
}

static int init_pixels(struct canvas *c)
{
	fill_in_bits(&c->mode);
	if (!pixels_usable(&c->mode))
		return -EINVAL;
	c->font = font_for_width(c->mode.width);
	c->columns = c->mode.width / c->font->width;
	c->rows = c->mode.height / c->font->height;
	make_palette(c);
	return 0;
}

/* IBM VGA, CRT controller index 0x0a: bit 5 switches the cursor off. */
static void hide_cursor(void)
{
	arch_out8(CRTC_INDEX, CRTC_CURSOR_START);
	arch_out8(CRTC_DATA, CURSOR_OFF);
}

static int init_text(struct canvas *c)
{
	const struct canvas_mode *m = &c->mode;

	if (m->width > TEXT_SIDE_MAX || m->height > TEXT_SIDE_MAX ||
	    m->stride_bytes > STRIDE_MAX || m->stride_bytes < 2 * m->width)
		return -EINVAL;
	hide_cursor();
	c->columns = m->width;
	c->rows = m->height;
	return 0;
}

int canvas_init(struct canvas *c, const struct canvas_mode *m)
{
	int rc = -EINVAL;

	*c = (struct canvas){ .mode = *m };
	if (m->kind == CANVAS_PIXELS)
		rc = init_pixels(c);
	else if (m->kind == CANVAS_TEXT)
		rc = init_text(c);
	if (rc == 0 && (c->columns == 0 || c->rows == 0))
		rc = -EINVAL;
	return rc;
}

static uint8_t *line_at(const struct canvas *c, uint32_t y)
{
	return (uint8_t *)c->mode.memory + (size_t)y * c->mode.stride_bytes;
}

/* --- Pixels -------------------------------------------------------------- */

/* Inlined with a constant size, so that each becomes one store. */
static inline __attribute__((always_inline)) uint8_t *put(
    uint8_t *at, uint32_t pixel, uint32_t bytes)
{
	if (bytes == 4) {
		*(unaligned32 *)at = pixel;
	} else {
		*(unaligned16 *)at = (uint16_t)pixel;
		if (bytes == 3)
			at[2] = (uint8_t)(pixel >> 16);
	}
	return at + bytes;
}

/* One row of pixels through all the cells, since memory that combines writes
 * likes them in order. */
static inline __attribute__((always_inline)) void draw_line(
    const struct canvas *c, uint8_t *at, uint32_t y, const canvas_cell *cells,
    uint32_t count, uint32_t bytes)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t paper = c->palette[cells[i] >> 12 & 7];
		uint32_t ink = c->palette[cells[i] >> 8 & 15];
		uint32_t row = font_row(c->font, (uint8_t)cells[i], y);

		for (uint32_t x = c->font->width; x-- > 0;)
			at = put(at, row >> x & 1 ? ink : paper, bytes);
	}
}

static void draw_pixels(const struct canvas *c, uint32_t row, uint32_t column,
    const canvas_cell *cells, uint32_t count)
{
	uint32_t bytes = pixel_bytes(&c->mode);
	size_t left = (size_t)column * c->font->width * bytes;

	for (uint32_t y = 0; y < c->font->height; y++) {
		uint8_t *at = line_at(c, row * c->font->height + y) + left;

		if (bytes == 4)
			draw_line(c, at, y, cells, count, 4);
		else if (bytes == 3)
			draw_line(c, at, y, cells, count, 3);
		else
			draw_line(c, at, y, cells, count, 2);
	}
}

/* --- VGA text memory ------------------------------------------------------ */

static void draw_text(const struct canvas *c, uint32_t row, uint32_t column,
    const canvas_cell *cells, uint32_t count)
{
	uint8_t *at = line_at(c, row) + 2 * column;

	for (uint32_t i = 0; i < count; i++)
		at = put(at,
		    (uint32_t)((cells[i] & 0x7f00) |
		               font_cp437((uint8_t)cells[i])),
		    2);
}

/* --- Both ---------------------------------------------------------------- */

void canvas_clear(const struct canvas *c)
{
	const canvas_cell blank = 0x0700 | FONT_BLANK;

	if (c->mode.kind == CANVAS_PIXELS) {
		for (uint32_t y = 0; y < c->mode.height; y++)
			memset(line_at(c, y), 0,
			    (size_t)c->mode.width * pixel_bytes(&c->mode));
		return;
	}
	for (uint32_t y = 0; y < c->rows; y++)
		for (uint32_t x = 0; x < c->columns; x++)
			draw_text(c, y, x, &blank, 1);
}

void canvas_draw(const struct canvas *c, uint32_t row, uint32_t column,
    const canvas_cell *cells, uint32_t count)
{
	assert(row < c->rows && column <= c->columns &&
	       count <= c->columns - column);
	if (c->mode.kind == CANVAS_PIXELS)
		draw_pixels(c, row, column, cells, count);
	else
		draw_text(c, row, column, cells, count);
}

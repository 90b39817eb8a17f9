/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "drivers/canvas.h"
#include "drivers/font.h"
#include "lib/errno.h"
#include "tests/support/read_screen.h"

/* Light red, as in VGA text memory; the highest bit means nothing. */
#define RED_ON_BLUE 0x9c

/* Orders and widths of colours that firmware uses, and some that none does. */
static const struct format {
	uint32_t bits_per_pixel;
	struct canvas_colour red, green, blue;
} formats[] = {
	{ 32, { 16, 8 }, { 8, 8 }, { 0, 8 } },
	{ 32, { 0, 8 }, { 8, 8 }, { 16, 8 } },
	{ 32, { 24, 8 }, { 16, 8 }, { 8, 8 } },
	{ 32, { 20, 10 }, { 10, 10 }, { 0, 10 } },
	{ 24, { 16, 8 }, { 8, 8 }, { 0, 8 } },
	{ 24, { 0, 8 }, { 8, 8 }, { 16, 8 } },
	{ 16, { 11, 5 }, { 5, 6 }, { 0, 5 } },
	{ 16, { 0, 5 }, { 5, 6 }, { 11, 5 } },
	{ 15, { 10, 5 }, { 5, 5 }, { 0, 5 } },
	{ 16, { 10, 5 }, { 5, 5 }, { 0, 5 } },
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static struct canvas_mode mode_of(
    const struct format *f, uint32_t width, uint32_t height, uint32_t slack)
{
	return (struct canvas_mode){
		.kind = CANVAS_PIXELS,
		.width = width,
		.height = height,
		.stride_bytes = width * ((f->bits_per_pixel + 7) / 8) + slack,
		.bits_per_pixel = f->bits_per_pixel,
		.red = f->red,
		.green = f->green,
		.blue = f->blue,
	};
}

static void draw(const struct canvas *c, uint32_t row, uint32_t column,
    uint8_t colour, const char *s)
{
	canvas_cell cells[256];
	uint32_t n = 0;

	for (; s[n] != '\0'; n++)
		cells[n] =
		    (canvas_cell)(colour << 8 | font_glyph((uint8_t)s[n]));
	canvas_draw(c, row, column, cells, n);
}

static int difference(uint32_t a, uint32_t b)
{
	int most = 0;

	for (int shift = 0; shift < 24; shift += 8) {
		int d = (int)(a >> shift & 255) - (int)(b >> shift & 255);

		d = d < 0 ? -d : d;
		most = d > most ? d : most;
	}
	return most;
}

static void check_format(const struct format *f, uint32_t width,
    uint32_t height, uint32_t slack, unsigned misaligned)
{
	struct canvas_mode m = mode_of(f, width, height, slack);
	struct canvas c;

	screen_memory_make(&m, misaligned);
	assert_int_equal(canvas_init(&c, &m), 0);
	canvas_clear(&c);
	draw(&c, 0, 0, 0x07, "Top left");
	draw(&c, c.rows - 1, c.columns - 12, RED_ON_BLUE, "Bottom right");
	assert_string_equal(screen_text(&m, 0), "Top left");
	assert_non_null(strstr(screen_text(&m, c.rows - 1), "  Bottom right"));
	/* Five bits of a colour are 8 off at most. */
	assert_true(difference(screen_paper(&m, c.rows - 1, c.columns - 1),
	                0x002a80) <= 8);
	assert_true(difference(screen_ink(&m, c.rows - 1, c.columns - 1),
	                0xff7060) <= 8);
	/* Outside the grid it is black, not noise. */
	if (width % c.font->width != 0 || height % c.font->height != 0)
		assert_int_equal(screen_rgb(&m, width - 1, height - 1), 0);
	screen_memory_free(&m);
}

static void every_format_is_legible(void **state)
{
	for (size_t i = 0; i < FORMATS; i++) {
		check_format(&formats[i], 640, 480, 0, 0);
		check_format(&formats[i], 645, 485, 0, 0);
	}
}

static void odd_strides_and_addresses_are_no_matter(void **state)
{
	for (size_t i = 0; i < FORMATS; i++) {
		check_format(&formats[i], 641, 203, 7, 1);
		check_format(&formats[i], 799, 203, 129, 3);
	}
}

static void every_resolution_is_legible(void **state)
{
	static const uint32_t sizes[][2] = { { 640, 480 }, { 800, 600 },
		{ 1024, 768 }, { 1280, 1024 }, { 1366, 768 }, { 1600, 900 },
		{ 1919, 1080 }, { 1920, 1080 }, { 2560, 1440 }, { 3840, 2160 },
		{ 240, 33 }, { 1080, 1920 } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check_format(&formats[i % FORMATS], sizes[i][0], sizes[i][1],
		    64 * (i % 3), 0);
}

static void colours_default_by_the_size_of_a_pixel(void **state)
{
	struct format f = formats[6];
	struct canvas_mode m;
	struct canvas c;

	f.red.bits = f.green.bits = f.blue.bits = 0;
	m = mode_of(&f, 640, 480, 0);
	assert_int_equal(canvas_init(&c, &m), 0);
	assert_int_equal(c.mode.red.bits, 5);
	assert_int_equal(c.mode.green.bits, 6);
	f = formats[0];
	f.red.bits = f.green.bits = f.blue.bits = 0;
	m = mode_of(&f, 640, 480, 0);
	assert_int_equal(canvas_init(&c, &m), 0);
	assert_int_equal(c.mode.blue.bits, 8);
}

static void expect_refused(struct canvas_mode m)
{
	struct canvas c;

	assert_int_equal(canvas_init(&c, &m), -EINVAL);
}

static void modes_that_cannot_be_are_refused(void **state)
{
	const struct canvas_mode good = mode_of(&formats[0], 640, 480, 0);
	struct canvas_mode m = { .kind = CANVAS_NONE };

	expect_refused(m);
	m = good, m.bits_per_pixel = 8, expect_refused(m);
	m = good, m.bits_per_pixel = 64, expect_refused(m);
	m = good, m.stride_bytes = 640 * 4 - 1, expect_refused(m);
	m = good, m.stride_bytes = UINT32_MAX, expect_refused(m);
	m = good, m.width = 7, expect_refused(m);
	m = good, m.height = 15, expect_refused(m);
	m = good, m.height = 0, expect_refused(m);
	m = good, m.width = UINT32_MAX, expect_refused(m);
	m = good, m.red.shift = 25, expect_refused(m);
	m = good, m.green.shift = UINT32_MAX, expect_refused(m);
	m = good, m.blue.bits = 33, expect_refused(m);
	m = mode_of(&formats[4], 640, 480, 0);
	m.red.shift = 17, expect_refused(m);
	m = good, m.kind = (enum canvas_kind)7, expect_refused(m);
}

static const struct canvas_mode text_mode = {
	.kind = CANVAS_TEXT, .width = 80, .height = 25, .stride_bytes = 160
};

static void text_memory_gets_characters_and_colours(void **state)
{
	struct canvas_mode m = text_mode;
	struct canvas c;
	const uint8_t *bytes;

	screen_memory_make(&m, 0);
	assert_int_equal(canvas_init(&c, &m), 0);
	assert_int_equal(c.columns, 80);
	assert_int_equal(c.rows, 25);
	canvas_clear(&c);
	draw(&c, 24, 78, 0x9c, "\xe4!");
	bytes = m.memory;
	assert_int_equal(bytes[0], ' ');
	assert_int_equal(bytes[1], 0x07);
	assert_int_equal(bytes[24 * 160 + 156], 0x84);
	/* The highest bit would make it blink. */
	assert_int_equal(bytes[24 * 160 + 157], 0x1c);
	assert_int_equal(bytes[24 * 160 + 158], '!');
	screen_memory_free(&m);
}

static void text_modes_that_cannot_be_are_refused(void **state)
{
	struct canvas_mode m;

	m = text_mode, m.stride_bytes = 159, expect_refused(m);
	m = text_mode, m.width = 0, expect_refused(m);
	m = text_mode, m.width = 1u << 31, expect_refused(m);
	m = text_mode, m.height = 1000, expect_refused(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_is_legible),
		cmocka_unit_test(odd_strides_and_addresses_are_no_matter),
		cmocka_unit_test(every_resolution_is_legible),
		cmocka_unit_test(colours_default_by_the_size_of_a_pixel),
		cmocka_unit_test(modes_that_cannot_be_are_refused),
		cmocka_unit_test(text_memory_gets_characters_and_colours),
		cmocka_unit_test(text_modes_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

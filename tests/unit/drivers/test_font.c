/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "drivers/font.h"

#define SUBSTITUTE 0xfffd

static const struct font *small, *big;

static int find_fonts(void **state)
{
	small = font_for_width(640);
	big = font_for_width(3840);
	return 0;
}

static void the_size_follows_the_width(void **state)
{
	assert_int_equal(small->width, 8);
	assert_int_equal(small->height, 16);
	assert_int_equal(big->width, 16);
	assert_int_equal(big->height, 32);
	assert_ptr_equal(font_for_width(1919), small);
	assert_ptr_equal(font_for_width(1920), big);
}

static void every_character_of_latin_1_is_there(void **state)
{
	for (uint32_t c = ' '; c < 0x7f; c++)
		assert_int_equal(font_code_point(font_glyph(c)), c);
	for (uint32_t c = 0xa0; c < 0x100; c++)
		assert_int_equal(font_code_point(font_glyph(c)), c);
	assert_int_equal(font_glyph(' '), FONT_BLANK);
}

static void lines_arrows_and_signs_are_there(void **state)
{
	static const uint16_t signs[] = { 0x2500, 0x2502, 0x250c, 0x253c,
		0x2190, 0x2193, 0x20ac, 0x2026, 0x2588, 0x00b0 };

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		assert_int_equal(
		    font_code_point(font_glyph(signs[i])), signs[i]);
}

static void all_else_gets_the_substitute(void **state)
{
	static const uint32_t strange[] = { 0, 7, 0x1b, 0x7f, 0x9b, 0x100,
		0x4e2d, 0xfffe, 0x1f600, 0x10ffff, UINT32_MAX };

	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
		assert_int_equal(
		    font_code_point(font_glyph(strange[i])), SUBSTITUTE);
}

static void code_points_ascend_so_that_the_search_finds_them(void **state)
{
	for (uint32_t g = 1; g < font_glyphs(); g++)
		assert_true(font_code_point((uint8_t)g) >
		            font_code_point((uint8_t)(g - 1)));
}

static void letters_look_different_in_both_sizes(void **state)
{
	for (uint32_t a = '!'; a < 0x7f; a++)
		for (uint32_t b = a + 1; b < 0x7f; b++) {
			uint8_t ga = font_glyph(a), gb = font_glyph(b);

			assert_memory_not_equal(
			    small->small[ga], small->small[gb], 16);
			assert_memory_not_equal(big->big[ga], big->big[gb], 64);
		}
}

static void the_leftmost_pixel_is_the_highest_bit(void **state)
{
	/* Of L the stem is at the left and the foot goes right. */
	assert_true(font_row(small, font_glyph('L'), 5) >= 0x40);
	assert_true(font_row(big, font_glyph('L'), 10) >= 0x1000);
}

static void code_page_437_keeps_what_it_can(void **state)
{
	assert_int_equal(font_cp437(font_glyph('A')), 'A');
	assert_int_equal(font_cp437(font_glyph(0xe4)), 0x84);
	assert_int_equal(font_cp437(font_glyph(0xc0)), 'A');
	assert_int_equal(font_cp437(font_glyph(0x2502)), 0xb3);
	assert_int_equal(font_cp437(font_glyph(0x4e2d)), '?');
	for (uint32_t g = 0; g < font_glyphs(); g++)
		assert_true(font_cp437((uint8_t)g) >= 0x18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_size_follows_the_width),
		cmocka_unit_test(every_character_of_latin_1_is_there),
		cmocka_unit_test(lines_arrows_and_signs_are_there),
		cmocka_unit_test(all_else_gets_the_substitute),
		cmocka_unit_test(
		    code_points_ascend_so_that_the_search_finds_them),
		cmocka_unit_test(letters_look_different_in_both_sizes),
		cmocka_unit_test(the_leftmost_pixel_is_the_highest_bit),
		cmocka_unit_test(code_page_437_keeps_what_it_can),
	};

	return cmocka_run_group_tests(tests, find_fonts, NULL);
}

/* SPDX-License-Identifier: MIT */
/* boot/uefi/pixels.c: QEMU's firmware has blue, green, red alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "boot/uefi/pixels.h"

static struct boot_framebuffer fb;

static bool describe(uint32_t r, uint32_t g, uint32_t b, uint32_t reserved)
{
	const struct pixel_masks masks = { r, g, b, reserved };

	fb = (struct boot_framebuffer){ 0 };
	return pixels_describe(&fb, &masks);
}

static void expect_shifts(uint32_t r, uint32_t g, uint32_t b)
{
	assert_int_equal(fb.red_shift, r);
	assert_int_equal(fb.green_shift, g);
	assert_int_equal(fb.blue_shift, b);
}

static void expect_bits(uint32_t r, uint32_t g, uint32_t b)
{
	assert_int_equal(fb.red_bits, r);
	assert_int_equal(fb.green_bits, g);
	assert_int_equal(fb.blue_bits, b);
}

static void both_usual_orders_are_told_apart(void **state)
{
	assert_true(describe(0xff, 0xff00, 0xff0000, 0xff000000));
	expect_shifts(0, 8, 16);
	assert_true(describe(0xff0000, 0xff00, 0xff, 0xff000000));
	expect_shifts(16, 8, 0);
	expect_bits(8, 8, 8);
	assert_int_equal(fb.bits_per_pixel, 32);
}

static void wider_colours_are_measured(void **state)
{
	assert_true(describe(0x3ff00000, 0xffc00, 0x3ff, 0xc0000000));
	expect_shifts(20, 10, 0);
	expect_bits(10, 10, 10);
	assert_int_equal(fb.bits_per_pixel, 32);
}

static void smaller_pixels_have_fewer_bytes(void **state)
{
	assert_true(describe(0xf800, 0x7e0, 0x1f, 0));
	expect_shifts(11, 5, 0);
	expect_bits(5, 6, 5);
	assert_int_equal(fb.bits_per_pixel, 16);
	assert_true(describe(0x7c00, 0x3e0, 0x1f, 0));
	assert_int_equal(fb.bits_per_pixel, 16);
	assert_true(describe(0xff0000, 0xff00, 0xff, 0));
	assert_int_equal(fb.bits_per_pixel, 24);
}

static void without_a_colour_there_are_no_pixels(void **state)
{
	assert_false(describe(0, 0xff00, 0xff, 0));
	assert_false(describe(0xff0000, 0, 0xff, 0));
	assert_false(describe(0xff0000, 0xff00, 0, 0));
	assert_false(describe(0, 0, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_usual_orders_are_told_apart),
		cmocka_unit_test(wider_colours_are_measured),
		cmocka_unit_test(smaller_pixels_have_fewer_bytes),
		cmocka_unit_test(without_a_colour_there_are_no_pixels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

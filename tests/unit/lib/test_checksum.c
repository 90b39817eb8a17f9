/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/checksum.h"

/* RFC 1071 1, word by word. */
static uint16_t plain_sum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static uint32_t seed = 1;

static uint8_t next_byte(void)
{
	seed = seed * 1664525 + 1013904223;
	return (uint8_t)(seed >> 24);
}

static void the_example_of_rfc_1071_comes_out(void **state)
{
	/* RFC 1071 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2. */
	static const uint8_t text[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5,
		0xf6, 0xf7 };

	assert_int_equal(checksum_fold(checksum_add(0, text, 8)), 0xddf2);
	assert_int_equal(checksum_finish(checksum_add(0, text, 8)), 0x220d);
}

static void every_length_and_alignment_agrees_with_the_plain_sum(void **state)
{
	/* malloc of the exact size: AddressSanitizer sees a byte too many. */
	for (size_t at = 0; at < 8; at++) {
		for (size_t len = 0; len < 120; len++) {
			uint8_t *p = malloc(at + len);

			for (size_t i = 0; i < at + len; i++)
				p[i] = next_byte();
			uint32_t sum = checksum_add(0, p + at, len);

			assert_int_equal(
			    checksum_fold(sum), plain_sum(p + at, len));
			free(p);
		}
	}
}

static void all_ones_neither_overflow_nor_lose_a_carry(void **state)
{
	static uint8_t text[65536];

	memset(text, 0xff, sizeof(text));
	assert_int_equal(checksum_fold(checksum_add(0, text, 65536)), 0xffff);
	assert_int_equal(checksum_fold(checksum_add(1, text, 65535)), 0xff01);
}

static void nothing_sums_to_zero_and_zeros_too(void **state)
{
	static const uint8_t zeros[64];

	assert_int_equal(checksum_add(0, zeros, 0), 0);
	assert_int_equal(checksum_fold(checksum_add(0, zeros, 64)), 0);
	assert_int_equal(checksum_finish(0), 0xffff);
}

static void runs_add_up_at_odd_offsets_as_well(void **state)
{
	uint8_t text[97];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = next_byte();
	for (size_t cut = 0; cut <= sizeof(text); cut++) {
		uint32_t sum = checksum_add(0, text, cut);
		uint32_t rest = checksum_add(0, text + cut, sizeof(text) - cut);

		sum = checksum_add_run(sum, checksum_fold(rest), cut);
		assert_int_equal(checksum_fold(sum), plain_sum(text, 97));
	}
}

static void a_partial_sum_wraps_around_its_end(void **state)
{
	assert_int_equal(checksum_add_run(0xffffffff, 1, 0), 1);
	assert_int_equal(checksum_fold(checksum_add_run(0xfffffffe, 3, 0)),
	    checksum_fold(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_rfc_1071_comes_out),
		cmocka_unit_test(
		    every_length_and_alignment_agrees_with_the_plain_sum),
		cmocka_unit_test(all_ones_neither_overflow_nor_lose_a_carry),
		cmocka_unit_test(nothing_sums_to_zero_and_zeros_too),
		cmocka_unit_test(runs_add_up_at_odd_offsets_as_well),
		cmocka_unit_test(a_partial_sum_wraps_around_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * lib/string.c.  The host takes the standard names from libc, so this file
 * compiles the kernel's versions once more under names of their own and
 * compares them with libc's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define LIBC(ret, name, params, args)                                          \
	static ret libc_##name params                                          \
	{                                                                      \
		return name args;                                              \
	}
LIBC(int, memcmp, (const void *a, const void *b, size_t n), (a, b, n))
LIBC(void *, memmove, (void *d, const void *s, size_t n), (d, s, n))
LIBC(int, strcmp, (const char *a, const char *b), (a, b))
LIBC(int, strncmp, (const char *a, const char *b, size_t n), (a, b, n))

#undef RINGLET_HOST
#define memcpy             rl_memcpy
#define memmove            rl_memmove
#define memset             rl_memset
#define memcmp             rl_memcmp
#define memchr             rl_memchr
#define strlen             rl_strlen
#define strnlen            rl_strnlen
#define strcmp             rl_strcmp
#define strncmp            rl_strncmp
#define strchr             rl_strchr
#define strrchr            rl_strrchr
#define strstr             rl_strstr
#define str_copy           rl_str_copy
#define str_equal_nocase   rl_str_equal_nocase
#define str_equal_nocase_n rl_str_equal_nocase_n
#define str_lower          rl_str_lower
#define str_parse_u32      rl_str_parse_u32
#define str_parse_ipv4     rl_str_parse_ipv4
#include "lib/string.c" /* NOLINT: the kernel's side of the file */

#define ROOM 160

static uint8_t text[ROOM], left[ROOM], right[ROOM];

static void fill(uint8_t *p, uint32_t seed)
{
	for (size_t i = 0; i < ROOM; i++)
		p[i] = (uint8_t)(seed + i * 37 + i / 7);
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void memcpy_copies_every_length_at_every_alignment(void **state)
{
	fill(text, 1);
	for (size_t from = 0; from < 9; from++) {
		for (size_t n = 0; n < 100; n++) {
			size_t to = (n * 3 + from) % 11;

			fill(left, 9);
			fill(right, 9);
			assert_ptr_equal(
			    memcpy(left + to, text + from, n), left + to);
			for (size_t i = 0; i < n; i++)
				right[to + i] = text[from + i];
			assert_memory_equal(left, right, ROOM);
		}
	}
}

static void memmove_moves_overlapping_runs_both_ways(void **state)
{
	for (int shift = -40; shift <= 40; shift++) {
		for (size_t n = 0; n < 75; n++) {
			fill(left, 5);
			fill(right, 5);
			memmove(left + 42 + shift, left + 42, n);
			libc_memmove(right + 42 + shift, right + 42, n);
			assert_memory_equal(left, right, ROOM);
		}
	}
}

static void memset_sets_exactly_the_run(void **state)
{
	for (size_t at = 0; at < 9; at++) {
		for (size_t n = 0; n < 100; n++) {
			fill(left, 3);
			fill(right, 3);
			assert_ptr_equal(
			    memset(left + at, 0x1ab, n), left + at);
			for (size_t i = 0; i < n; i++)
				right[at + i] = 0xab;
			assert_memory_equal(left, right, ROOM);
		}
	}
}

static void memcmp_orders_as_unsigned_bytes(void **state)
{
	for (size_t n = 0; n < 40; n++) {
		for (size_t i = 0; i < n; i++) {
			fill(left, 7);
			fill(right, 7);
			assert_int_equal(memcmp(left, right, n), 0);
			left[i] = 0x80;
			right[i] = 0x7f;
			right[n] = 0xff;
			assert_int_equal(sign(memcmp(left, right, n)),
			    sign(libc_memcmp(left, right, n)));
			assert_true(memcmp(right, left, n) < 0);
		}
	}
}

static void memchr_finds_the_first_inside_only(void **state)
{
	const char *s = "ringlet\xff";

	assert_ptr_equal(memchr(s, 'e', 7), s + 5);
	assert_null(memchr(s, 'e', 5));
	assert_ptr_equal(memchr(s, 0x1ff, 8), s + 7);
	assert_null(memchr(s, 'r', 0));
}

static void memchr_finds_a_byte_anywhere_in_a_run(void **state)
{
	static const uint8_t near[] = { 0x00, 0x7f, 0x81, 0xff };

	for (size_t at = 0; at < 9; at++) {
		for (size_t i = 0; i < 40; i++) {
			for (size_t k = 0; k < sizeof(near); k++) {
				memset(left, near[k], ROOM);
				left[at + i] = 0x80;
				assert_ptr_equal(
				    memchr(left + at, 0x80, 40), left + at + i);
				assert_null(memchr(left + at, 0x80, i));
			}
		}
	}
}

static void memchr_is_not_misled_by_the_byte_after_a_match(void **state)
{
	/* One more than the byte that is looked for, above it. */
	const uint8_t run[]
	    __attribute__((aligned(8))) = { 3, 3, 5, 6, 6, 6, 6, 6 };

	assert_ptr_equal(memchr(run, 5, 8), run + 2);
	assert_null(memchr(run, 7, 8));
}

static void string_lengths_are_measured(void **state)
{
	assert_int_equal(strlen(""), 0);
	assert_int_equal(strlen("ringlet"), 7);
	assert_int_equal(strnlen("ringlet", 3), 3);
	assert_int_equal(strnlen("ringlet", 30), 7);
	assert_int_equal(strnlen("abc", 0), 0);
}

static void strings_compare_as_libc_does(void **state)
{
	static const char *const s[] = { "", "a", "ab", "abc", "abd", "b",
		"\xe4", "aB" };

	for (size_t i = 0; i < 8; i++) {
		for (size_t j = 0; j < 8; j++) {
			assert_int_equal(sign(strcmp(s[i], s[j])),
			    sign(libc_strcmp(s[i], s[j])));
			for (size_t n = 0; n < 5; n++)
				assert_int_equal(sign(strncmp(s[i], s[j], n)),
				    sign(libc_strncmp(s[i], s[j], n)));
		}
	}
}

static void characters_and_strings_are_found(void **state)
{
	const char *s = "a/b/c";

	assert_ptr_equal(strchr(s, '/'), s + 1);
	assert_ptr_equal(strrchr(s, '/'), s + 3);
	assert_null(strchr(s, 'x'));
	assert_null(strrchr(s, 'x'));
	assert_ptr_equal(strchr(s, '\0'), s + 5);
	assert_ptr_equal(strrchr(s, '\0'), s + 5);
	assert_ptr_equal(strstr(s, "b/"), s + 2);
	assert_ptr_equal(strstr(s, ""), s);
	assert_null(strstr(s, "b/d"));
	assert_null(strstr("", "a"));
}

static void str_copy_truncates_and_terminates(void **state)
{
	char buf[4] = "xxx";

	assert_true(str_copy(buf, 4, "abc"));
	assert_string_equal(buf, "abc");
	assert_false(str_copy(buf, 4, "abcd"));
	assert_string_equal(buf, "abc");
	assert_false(str_copy(buf, 1, "z"));
	assert_string_equal(buf, "");
	assert_false(str_copy(buf, 0, ""));
}

static void nocase_comparison_folds_ascii_only(void **state)
{
	assert_true(str_equal_nocase("Index.HTML", "iNDEX.html"));
	assert_false(str_equal_nocase("a", "ab"));
	assert_false(str_equal_nocase("ab", "a"));
	assert_false(str_equal_nocase("\xc4", "\xe4"));
	assert_false(str_equal_nocase("@", "`"));
	assert_true(str_equal_nocase_n("GET /", "get x", 4));
	assert_false(str_equal_nocase_n("GET /", "get x", 5));
	assert_true(str_equal_nocase_n("a", "b", 0));
	assert_true(str_equal_nocase_n("a", "A", 9));
}

static bool u32(const char *s, uint32_t max, uint32_t *out)
{
	return str_parse_u32(s, strlen(s), max, out);
}

static void numbers_are_parsed_strictly(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1x",
		"0x1", "4294967296", "99999999999", "00000000001" };
	uint32_t n;

	assert_true(u32("0", 9, &n) && n == 0);
	assert_true(u32("4294967295", UINT32_MAX, &n) && n == UINT32_MAX);
	assert_true(u32("007", 9, &n) && n == 7);
	assert_true(u32("100", 100, &n));
	assert_false(u32("101", 100, &n));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(u32(bad[i], UINT32_MAX, &n));
}

static void addresses_are_parsed_strictly(void **state)
{
	static const char *const bad[] = { "", "1", "1.2.3", "1.2.3.",
		"1.2.3.4.", "1.2.3.4.5", ".1.2.3", "1..2.3", "256.1.1.1",
		"1.2.3.4x", "1.2.3.0004", " 1.2.3.4", "1.2.3.-4" };
	uint32_t ip;

	assert_true(str_parse_ipv4("10.66.0.2", 9, &ip));
	assert_int_equal(ip, 0x0a420002);
	assert_true(str_parse_ipv4("255.255.255.255/24", 15, &ip));
	assert_int_equal(ip, 0xffffffff);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(str_parse_ipv4(bad[i], strlen(bad[i]), &ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memcpy_copies_every_length_at_every_alignment),
		cmocka_unit_test(memmove_moves_overlapping_runs_both_ways),
		cmocka_unit_test(memset_sets_exactly_the_run),
		cmocka_unit_test(memcmp_orders_as_unsigned_bytes),
		cmocka_unit_test(memchr_finds_the_first_inside_only),
		cmocka_unit_test(memchr_finds_a_byte_anywhere_in_a_run),
		cmocka_unit_test(
		    memchr_is_not_misled_by_the_byte_after_a_match),
		cmocka_unit_test(string_lengths_are_measured),
		cmocka_unit_test(strings_compare_as_libc_does),
		cmocka_unit_test(characters_and_strings_are_found),
		cmocka_unit_test(str_copy_truncates_and_terminates),
		cmocka_unit_test(nocase_comparison_folds_ascii_only),
		cmocka_unit_test(numbers_are_parsed_strictly),
		cmocka_unit_test(addresses_are_parsed_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* lib/fmt.c, compared with libc's snprintf wherever both know a conversion. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/fmt.h"

/* Some of these formats are nonsense on purpose (a flag that has no effect). */
#pragma clang diagnostic ignored "-Wformat"

#define SAME(...)                                                              \
	do {                                                                   \
		char ours[256], theirs[256];                                   \
		int n = fmt_snprintf(ours, sizeof(ours), __VA_ARGS__);         \
		assert_int_equal(n, snprintf(theirs, 256, __VA_ARGS__));       \
		assert_string_equal(ours, theirs);                             \
	} while (0)

static void integers_print_as_in_c(void **state)
{
	static const int64_t values[] = { 0, 1, -1, 9, 10, 255, -128, 65535,
		INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		int64_t v = values[i];

		SAME("%d %i %u %x %X %o", (int)v, (int)v, (unsigned int)v,
		    (unsigned int)v, (unsigned int)v, (unsigned int)v);
		SAME("%ld %lu %lx %lo", v, (uint64_t)v, (uint64_t)v,
		    (uint64_t)v);
		SAME("%lld %llu %zu %zd", (long long)v, (unsigned long long)v,
		    (size_t)v, (ssize_t)v);
		SAME("%hhd %hhu %hd %hu", (int)v, (int)v, (int)v, (int)v);
		SAME("%5d|%-5d|%05d|%+d|% d|%.3d", (int)v, (int)v, (int)v,
		    (int)v, (int)v, (int)v);
		SAME("%8.4d|%-8.4d|%+.0d|%08.3d|%+08d", (int)v, (int)v, (int)v,
		    (int)v, (int)v);
		SAME("%#x|%#X|%#o|%#10x|%#010x|%-#10x", (int)v, (int)v, (int)v,
		    (int)v, (int)v, (int)v);
		SAME("%.0d|%.0x|%#.0o|%#.3o", (int)v, (int)v, (int)v, (int)v);
	}
}

static void strings_and_characters_print_as_in_c(void **state)
{
	char unterminated[3] = { 'a', 'b', 'c' };

	SAME("%s|%10s|%-10s|%.2s|%10.2s|", "abc", "abc", "abc", "abc", "abc");
	SAME("%.3s", unterminated);
	SAME("%s%s", "", "x");
	SAME("%c|%5c|%-5c|", 'x', 'y', 'z');
	SAME("100%%");
	SAME("%*d|%-*d|%*d|%.*s|%.*d", 5, 1, 5, 2, -5, 3, 2, "abc", -1, 7);
	SAME("%p", (void *)0x1234);
}

static void a_null_string_prints_a_word(void **state)
{
	char buf[32];

	fmt_snprintf(buf, sizeof(buf), "%s|%8s", (char *)NULL, (char *)NULL);
	assert_string_equal(buf, "(null)|  (null)");
}

static void addresses_print_by_suffix(void **state)
{
	uint32_t ip = 0x0a42000f;
	uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0xAB, 0xff };
	char buf[64];

	fmt_snprintf(buf, sizeof(buf), "%pI %pM", (void *)&ip, (void *)mac);
	assert_string_equal(buf, "10.66.0.15 52:54:00:12:ab:ff");
	fmt_snprintf(
	    buf, sizeof(buf), "%16pI|%-16pI|", (void *)&ip, (void *)&ip);
	assert_string_equal(buf, "      10.66.0.15|10.66.0.15      |");
	fmt_snprintf(buf, sizeof(buf), "%pI", NULL);
	assert_string_equal(buf, "(null)");
	fmt_snprintf(buf, sizeof(buf), "%p", NULL);
	assert_string_equal(buf, "0x0");
}

static void truncation_terminates_and_reports_the_whole_length(void **state)
{
	char buf[8];

	for (size_t size = 0; size < sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		assert_int_equal(
		    fmt_snprintf(buf, size, "%s-%d", "abc", 1234), 8);
		if (size > 0)
			assert_int_equal(buf[size - 1], '\0');
		assert_int_equal(buf[size], '#');
	}
}

static void an_unknown_or_cut_conversion_does_no_harm(void **state)
{
	char buf[32];

	fmt_snprintf(buf, sizeof(buf), "%y|%-");
	assert_string_equal(buf, "y|");
	fmt_snprintf(buf, sizeof(buf), "%99999999999999d", 1);
	assert_int_equal(strlen(buf), 31);
}

static void text_grows_and_stops_at_the_end(void **state)
{
	char buf[8];
	struct text t = { buf, sizeof(buf), 0, false };

	fmt_add(&t, "%d", 123);
	fmt_add(&t, "%s", "abcd");
	assert_string_equal(buf, "123abcd");
	assert_false(t.truncated);
	fmt_add(&t, "%s", "");
	assert_false(t.truncated);
	fmt_add(&t, "x");
	assert_true(t.truncated);
	assert_string_equal(buf, "123abcd");
	assert_int_equal(t.len, 7);
}

static void runs_are_appended_as_they_are(void **state)
{
	char buf[8];
	struct text t = { buf, sizeof(buf), 0, false };

	fmt_add_run(&t, "50%d", 4);
	fmt_add_run(&t, "abcdef", 3);
	assert_string_equal(buf, "50%dabc");
	fmt_add_run(&t, "", 0);
	assert_false(t.truncated);
	fmt_add_run(&t, "xyz", 3);
	assert_true(t.truncated);
	assert_string_equal(buf, "50%dabc");
	assert_int_equal(t.len, 7);
}

static void text_without_room_is_truncated(void **state)
{
	struct text t = { NULL, 0, 0, false }, run = t;

	fmt_add(&t, "x");
	assert_true(t.truncated);
	assert_int_equal(t.len, 0);
	fmt_add_run(&run, "x", 1);
	assert_true(run.truncated);
	assert_int_equal(run.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_print_as_in_c),
		cmocka_unit_test(strings_and_characters_print_as_in_c),
		cmocka_unit_test(a_null_string_prints_a_word),
		cmocka_unit_test(addresses_print_by_suffix),
		cmocka_unit_test(
		    truncation_terminates_and_reports_the_whole_length),
		cmocka_unit_test(an_unknown_or_cut_conversion_does_no_harm),
		cmocka_unit_test(text_grows_and_stops_at_the_end),
		cmocka_unit_test(runs_are_appended_as_they_are),
		cmocka_unit_test(text_without_room_is_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"

static struct {
	char text[2 * LOG_RING_BYTES];
	size_t len;
} seen;

static bool nested;
static enum log_level last_level;

static void collect(enum log_level level, const char *text, size_t len)
{
	last_level = level;
	if (seen.len + len < sizeof(seen.text)) {
		memcpy(seen.text + seen.len, text, len);
		seen.len += len;
		seen.text[seen.len] = '\0';
	}
}

/* As an interrupt that logs in the middle of another line's way. */
static void log_in_between(enum log_level level, const char *text, size_t len)
{
	if (nested) {
		nested = false;
		log_info("inner");
	}
}

static uint64_t clock_ns(void)
{
	return 12345678901;
}

static int start(void **state)
{
	static bool added;

	if (!added)
		log_add_sink(collect);
	added = true;
	seen.len = 0;
	seen.text[0] = '\0';
	log_init(clock_ns);
	log_set_level(LOG_INFO);
	return 0;
}

static void a_line_is_stamped_and_ended(void **state)
{
	log_info("card %s", "up");
	assert_string_equal(seen.text, "[12.345] card up\n");
}

static void a_line_before_the_clock_is_stamped_zero(void **state)
{
	log_init(NULL);
	log_info("early");
	assert_string_equal(seen.text, "[0.000] early\n");
}

static void levels_above_the_limit_are_dropped(void **state)
{
	log_debug("no");
	log_set_level(LOG_ERROR);
	log_warn("no");
	log_error("yes");
	log_set_level(LOG_DEBUG);
	log_debug("yes too");
	assert_string_equal(seen.text, "[12.345] yes\n[12.345] yes too\n");
}

static void a_script_line_starts_at_column_one_at_any_level(void **state)
{
	log_set_level(LOG_ERROR);
	log_line("READY ip=%s", "10.0.2.15");
	assert_string_equal(seen.text, "READY ip=10.0.2.15\n");
}

static void control_characters_are_blanked(void **state)
{
	log_line("a\nREADY\x1b[2J\tb\x7f");
	assert_string_equal(seen.text, "a?READY?[2J b?\n");
}

static void a_final_newline_makes_no_empty_line(void **state)
{
	log_line("one\n");
	assert_string_equal(seen.text, "one\n");
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
	char longer[2 * LOG_LINE_BYTES];

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	log_info("%s", longer);
	assert_true(seen.len <= LOG_LINE_BYTES);
	assert_true(seen.len > LOG_LINE_BYTES - 4);
	assert_int_equal(seen.text[seen.len - 1], '\n');
}

static void the_ring_keeps_the_newest_bytes(void **state)
{
	char copy[LOG_RING_BYTES + 100];

	for (int i = 0; i < 2000; i++)
		log_line("line %d", i);
	assert_int_equal(log_copy(copy, sizeof(copy)), LOG_RING_BYTES);
	assert_memory_equal(copy + LOG_RING_BYTES - 10, "line 1999\n", 10);
	assert_memory_equal(copy + LOG_RING_BYTES - 20, "line 1998\n", 10);
	assert_int_equal(log_copy(copy, 10), 10);
	assert_memory_equal(copy, "line 1999\n", 10);
}

static void a_line_logged_inside_a_sink_arrives_whole(void **state)
{
	char copy[64];

	log_add_sink(log_in_between);
	nested = true;
	log_info("outer");
	assert_string_equal(seen.text, "[12.345] outer\n[12.345] inner\n");
	assert_int_equal(log_copy(copy, 30), 30);
	assert_memory_equal(copy, seen.text, 30);
}

static void a_removed_sink_hears_no_more(void **state)
{
	log_remove_sink(log_in_between); /* it is not there */
	log_remove_sink(collect);
	log_line("unheard");
	log_add_sink(collect);
	log_line("heard");
	assert_string_equal(seen.text, "heard\n");
}

static void a_sink_is_told_the_level(void **state)
{
	log_warn("w");
	assert_int_equal(last_level, LOG_WARN);
	log_line("l");
	assert_int_equal(last_level, LOG_LINE);
	log_error("e");
	assert_int_equal(last_level, LOG_ERROR);
}

static void after_a_panic_every_line_is_part_of_it(void **state)
{
	log_panic();
	log_line("PANIC");
	assert_int_equal(last_level, LOG_PANIC);
	log_info("i");
	assert_int_equal(last_level, LOG_PANIC);
}

static void sinks_beyond_the_limit_are_ignored(void **state)
{
	for (int i = 0; i < LOG_SINKS_MAX; i++)
		log_add_sink(log_in_between);
	log_line("once");
	assert_string_equal(seen.text, "once\n");
}

static void every_byte_ever_written_is_counted(void **state)
{
	uint64_t before = log_written();

	log_line("seven b");
	assert_int_equal(log_written(), before + 8);
	log_debug("not shown");
	assert_int_equal(log_written(), before + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_is_stamped_and_ended, start),
		cmocka_unit_test_setup(
		    a_line_before_the_clock_is_stamped_zero, start),
		cmocka_unit_test_setup(
		    levels_above_the_limit_are_dropped, start),
		cmocka_unit_test_setup(
		    a_script_line_starts_at_column_one_at_any_level, start),
		cmocka_unit_test_setup(control_characters_are_blanked, start),
		cmocka_unit_test_setup(
		    a_final_newline_makes_no_empty_line, start),
		cmocka_unit_test_setup(
		    a_long_line_is_cut_and_still_ends, start),
		cmocka_unit_test_setup(the_ring_keeps_the_newest_bytes, start),
		cmocka_unit_test_setup(a_removed_sink_hears_no_more, start),
		cmocka_unit_test_setup(a_sink_is_told_the_level, start),
		cmocka_unit_test_setup(
		    a_line_logged_inside_a_sink_arrives_whole, start),
		cmocka_unit_test_setup(
		    sinks_beyond_the_limit_are_ignored, start),
		cmocka_unit_test_setup(
		    every_byte_ever_written_is_counted, start),
		/* For good, so it comes last. */
		cmocka_unit_test_setup(
		    after_a_panic_every_line_is_part_of_it, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * The screen is read as a person would: by the shapes on it.  Rows 0 and 1 are
 * the header; the log begins at row 2.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "arch/host/arch_host.h"
#include "drivers/screen.h"
#include "lib/errno.h"
#include "sched/bh.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/support/host_test.h"
#include "tests/support/read_screen.h"

#define COLUMNS 40
#define ROWS    10
#define LOG     2

#define BLACK 0x000000
#define WHITE 0xffffff

static struct canvas_mode mode;

static void use_mode(uint32_t width, uint32_t height)
{
	mode = (struct canvas_mode){ .kind = CANVAS_PIXELS,
		.width = width,
		.height = height,
		.stride_bytes = width * 4,
		.bits_per_pixel = 32,
		.red = { 16, 8 },
		.green = { 8, 8 },
		.blue = { 0, 8 } };
	screen_memory_make(&mode, 0);
	assert_int_equal(screen_init(&mode), 0);
	screen_move(mode.memory);
}

static int start(void **state)
{
	host_test_start(8, 1 << 16);
	use_mode(COLUMNS * 8, ROWS * 16);
	return 0;
}

static int end(void **state)
{
	screen_memory_free(&mode);
	return 0;
}

static void put(const char *line)
{
	screen_write(LOG_INFO, line, strlen(line));
}

static void expect_row(uint32_t row, const char *text)
{
	assert_string_equal(screen_text(&mode, row), text);
}

/* --- The log ---------------------------------------------------------------
 */

static void lines_stand_below_the_header(void **state)
{
	put("first\n");
	put("second\n");
	expect_row(LOG, "first");
	expect_row(LOG + 1, "second");
	expect_row(LOG + 2, "");
	assert_int_equal(screen_paper(&mode, LOG, 0), BLACK);
}

static void the_log_scrolls_and_the_header_stays(void **state)
{
	char line[32];

	screen_set_header(0, "head");
	for (int i = 1; i <= 100; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		put(line);
	}
	expect_row(0, "head");
	for (uint32_t row = LOG; row < ROWS; row++) {
		snprintf(line, sizeof(line), "line %u", 93 + row - LOG);
		expect_row(row, line);
	}
}

static void a_long_line_wraps(void **state)
{
	put("0123456789012345678901234567890123456789wrapped\n");
	put("next\n");
	expect_row(LOG, "0123456789012345678901234567890123456789");
	expect_row(LOG + 1, "wrapped");
	expect_row(LOG + 2, "next");
}

static void a_line_that_just_fits_makes_no_empty_one(void **state)
{
	put("0123456789012345678901234567890123456789\n");
	put("next\n");
	expect_row(LOG + 1, "next");
}

static void a_line_longer_than_the_screen_shows_its_end(void **state)
{
	char line[COLUMNS * ROWS * 2];

	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 5, "END.\n", 5);
	screen_write(LOG_INFO, line, sizeof(line));
	assert_non_null(strstr(screen_text(&mode, ROWS - 1), "xEND."));
}

static void control_characters_are_harmless(void **state)
{
	put("a\rb\bc\x1b[2Jd\x7f\te\n");
	expect_row(LOG, "a�b�c�[2Jd�     e");
	screen_write(LOG_INFO, "nul\0byte", 8);
	expect_row(LOG + 1, "nul�byte");
}

static void utf_8_is_read(void **state)
{
	put("Gr\xc3\xbc\xc3\x9f"
	    "e 20 \xc2\xb0 \xe2\x94\x82 \xe2\x86\x92\n");
	expect_row(LOG, "Grüße 20 ° │ →");
}

static void what_the_font_lacks_is_one_substitute(void **state)
{
	put("\xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80.\n");
	expect_row(LOG, "�� �.");
}

static void broken_utf_8_is_replaced_byte_by_byte(void **state)
{
	/* Alone, cut, overlong, a surrogate, too large, cut by the end. */
	put("\x80|\xc3|\xc0\xaf|\xed\xa0\x80|\xf5\x80|\xe2\x94");
	expect_row(LOG, "�|�|��|���|��|��");
}

static void overlong_and_too_large_utf_8_is_replaced(void **state)
{
	put("\xe0\x80\xaf|\xf0\x80\x80\xaf|\xf4\x90\x80\x80|\xf7\x80\x80\x80");
	expect_row(LOG, "���|����|����|����");
}

static void a_character_cut_by_the_end_is_not_read_on(void **state)
{
	/* Behind the end stands what would complete it. */
	screen_write(LOG_INFO, "a\xc3\xa4", 2);
	expect_row(LOG, "a�");
}

static void a_tab_stops_at_the_edge(void **state)
{
	put("01234567890123456789012345678901234567\tx\n");
	expect_row(LOG + 1, "x");
}

static void an_empty_write_is_nothing(void **state)
{
	screen_write(LOG_INFO, "", 0);
	put("a\n");
	expect_row(LOG, "a");
}

static void levels_have_colours(void **state)
{
	screen_write(LOG_ERROR, "e\n", 2);
	screen_write(LOG_WARN, "w\n", 2);
	screen_write(LOG_LINE, "l\n", 2);
	screen_write(LOG_INFO, "i\n", 2);
	assert_int_equal(screen_ink(&mode, LOG, 0), 0xff7060);
	assert_int_equal(screen_ink(&mode, LOG + 1, 0), 0xffff55);
	assert_int_equal(screen_ink(&mode, LOG + 2, 0), 0x60ff60);
	assert_int_equal(screen_ink(&mode, LOG + 3, 0), 0xd0d0d0);
}

/* --- The header ------------------------------------------------------------
 */

static void the_header_is_replaced_and_cut(void **state)
{
	screen_set_header(0, "a rather long header that will be replaced");
	screen_set_header(1, "0123456789012345678901234567890123456789CUT");
	screen_set_header(0, "short");
	expect_row(0, "short");
	expect_row(1, "0123456789012345678901234567890123456789");
	expect_row(LOG, "");
	assert_int_equal(screen_paper(&mode, 0, 30), 0x002a80);
	screen_set_header(2, "there is no such line");
	expect_row(LOG, "");
}

static void tiny_screens_are_all_log(void **state)
{
	screen_memory_free(&mode);
	use_mode(24, 32);
	screen_set_header(0, "head");
	put("abcdefgh\n");
	expect_row(0, "def");
	expect_row(1, "gh");
	screen_memory_free(&mode);
	use_mode(8, 16);
	put("xyz\n");
	expect_row(0, "z");
	screen_write(LOG_PANIC, "PANIC!\n", 7);
	expect_row(0, "!");
}

static void a_huge_screen_is_used_as_far_as_there_is_room(void **state)
{
	struct canvas_mode huge = mode;

	huge.width = huge.height = 16000;
	huge.stride_bytes = 64000;
	huge.memory = NULL;
	assert_int_equal(screen_init(&huge), 0);
	assert_int_equal(screen_columns(), 1000);
	assert_true(1000 * screen_rows() <= SCREEN_CELLS_MAX);
	assert_true(screen_rows() > 20);
}

/* --- When it is drawn -------------------------------------------------------
 */

static void nothing_is_drawn_before_the_memory_is_mapped(void **state)
{
	uint32_t before;

	assert_int_equal(screen_init(&mode), 0);
	memset(mode.memory, 0x77, 4);
	before = screen_pixel(&mode, 0, 0);
	put("early\n");
	assert_int_equal(screen_pixel(&mode, 0, 0), before);
	screen_move(mode.memory);
	expect_row(LOG, "early");
}

static void a_panic_is_drawn_before_that(void **state)
{
	assert_int_equal(screen_init(&mode), 0);
	put("early\n");
	screen_write(LOG_PANIC, "PANIC too soon\n", 15);
	expect_row(LOG, "early");
	expect_row(LOG + 1, "PANIC too soon");
}

static void without_memory_everything_is_quiet(void **state)
{
	struct canvas_mode m = mode;

	m.memory = NULL;
	assert_int_equal(screen_init(&m), 0);
	put("early\n");
	screen_write(LOG_PANIC, "PANIC\n", 6);
	screen_move(NULL);
	assert_false(screen_present());
	put("late\n");
	screen_set_header(0, "x");
	screen_flush();
	m.kind = CANVAS_NONE;
	assert_int_equal(screen_init(&m), -EINVAL);
	assert_false(screen_present());
	put("later\n");
	assert_int_equal(screen_start(), 0);
}

static void what_was_on_the_screen_before_is_cleared(void **state)
{
	screen_memory_free(&mode);
	use_mode(COLUMNS * 8 + 3, ROWS * 16 + 3);
	put("a\n");
	assert_int_equal(screen_paper(&mode, LOG, 1), BLACK);
	assert_int_equal(screen_paper(&mode, ROWS - 1, COLUMNS - 1), BLACK);
	assert_int_equal(
	    screen_rgb(&mode, mode.width - 1, mode.height - 1), BLACK);
}

static void a_full_screen_is_drawn_in_turns(void **state)
{
	char line[COLUMNS];
	int turns = 0;

	assert_int_equal(screen_start(), 0);
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < ROWS; i++)
		screen_write(LOG_INFO, line, sizeof(line));
	while (screen_text(&mode, ROWS - 1)[0] != 'x' && turns < 100) {
		thread_yield();
		turns++;
	}
	/* 8 rows of 40 cells, and 64 cells a turn. */
	assert_in_range(turns, 5, 8);
}

/* The thread draws in turns, and other threads run in between. */
static void the_thread_draws_soon_and_then_rests(void **state)
{
	assert_int_equal(screen_start(), 0);
	put("one\n");
	expect_row(LOG, "");
	thread_sleep_until(clock_ns() + NS_PER_MS);
	expect_row(LOG, "one");
	put("two\n");
	thread_sleep_until(clock_ns() + 20 * NS_PER_MS);
	expect_row(LOG + 1, "");
	thread_sleep_until(clock_ns() + 40 * NS_PER_MS);
	expect_row(LOG + 1, "two");
}

static void a_flood_of_lines_lets_others_run(void **state)
{
	struct sched_stats before, after;
	uint64_t start_ns = clock_ns();
	char line[COLUMNS];

	assert_int_equal(screen_start(), 0);
	sched_get_stats(&before);
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "flood %d %d %d\n", i, i, i);
		put(line);
		thread_sleep_until(clock_ns() + NS_PER_MS);
	}
	sched_get_stats(&after);
	/* Each look at the screen is a few switches, at most 20 a second. */
	assert_true(clock_ns() - start_ns < 3 * NS_PER_S);
	assert_true(after.switches - before.switches < 2000 + 60 * 20);
	thread_sleep_until(clock_ns() + 60 * NS_PER_MS);
	expect_row(ROWS - 1, "flood 999 999 999");
}

static void an_idle_screen_sleeps(void **state)
{
	struct sched_stats before, after;

	assert_int_equal(screen_start(), 0);
	thread_sleep_until(clock_ns() + NS_PER_S);
	sched_get_stats(&before);
	thread_sleep_until(clock_ns() + 10 * NS_PER_S);
	sched_get_stats(&after);
	assert_true(after.switches - before.switches < 10);
}

static void only_what_changed_is_drawn_again(void **state)
{
	put("line\n");
	screen_set_header(0, "head");
	/* A smear that nobody asked to remove stays. */
	memset((uint8_t *)mode.memory + 20 * mode.stride_bytes, 0xee, 64);
	screen_set_header(0, "heat");
	put("next\n");
	expect_row(0, "heat");
	assert_int_equal(screen_pixel(&mode, 0, 20), 0xeeeeeeee);
}

/* --- Panic ------------------------------------------------------------------
 */

static void a_panic_is_drawn_at_once_in_its_own_colours(void **state)
{
	assert_int_equal(screen_start(), 0);
	screen_set_header(0, "head");
	put("before\n");
	screen_write(LOG_PANIC, "PANIC on purpose\n", 17);
	screen_write(LOG_PANIC, "  #0 here\n", 10);
	assert_non_null(strstr(screen_text(&mode, 0), "PANIC"));
	expect_row(1, "PANIC on purpose");
	expect_row(LOG, "before");
	expect_row(LOG + 1, "PANIC on purpose");
	expect_row(LOG + 2, "  #0 here");
	assert_int_equal(screen_paper(&mode, LOG, 0), BLACK);
	assert_int_equal(screen_paper(&mode, LOG + 1, COLUMNS - 1), 0x900000);
	assert_int_equal(screen_ink(&mode, LOG + 1, 0), WHITE);
	screen_set_header(0, "who still runs?");
	assert_non_null(strstr(screen_text(&mode, 0), "PANIC"));
}

static void the_panic_stays_in_the_header_when_it_scrolls(void **state)
{
	screen_write(LOG_PANIC, "PANIC long ago\n", 15);
	for (int i = 0; i < 50; i++)
		screen_write(LOG_PANIC, "  #0 somewhere\n", 15);
	expect_row(1, "PANIC long ago");
	expect_row(ROWS - 1, "  #0 somewhere");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_stand_below_the_header),
		TEST(the_log_scrolls_and_the_header_stays),
		TEST(a_long_line_wraps),
		TEST(a_line_that_just_fits_makes_no_empty_one),
		TEST(a_line_longer_than_the_screen_shows_its_end),
		TEST(control_characters_are_harmless),
		TEST(utf_8_is_read),
		TEST(what_the_font_lacks_is_one_substitute),
		TEST(broken_utf_8_is_replaced_byte_by_byte),
		TEST(overlong_and_too_large_utf_8_is_replaced),
		TEST(a_character_cut_by_the_end_is_not_read_on),
		TEST(a_tab_stops_at_the_edge),
		TEST(an_empty_write_is_nothing),
		TEST(levels_have_colours),
		TEST(the_header_is_replaced_and_cut),
		TEST(tiny_screens_are_all_log),
		TEST(a_huge_screen_is_used_as_far_as_there_is_room),
		TEST(nothing_is_drawn_before_the_memory_is_mapped),
		TEST(a_panic_is_drawn_before_that),
		TEST(without_memory_everything_is_quiet),
		TEST(what_was_on_the_screen_before_is_cleared),
		TEST(a_full_screen_is_drawn_in_turns),
		TEST(the_thread_draws_soon_and_then_rests),
		TEST(a_flood_of_lines_lets_others_run),
		TEST(an_idle_screen_sleeps),
		TEST(only_what_changed_is_drawn_again),
		TEST(a_panic_is_drawn_at_once_in_its_own_colours),
		TEST(the_panic_stays_in_the_header_when_it_scrolls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"

/* What the setters were given and what was reported, one per line. */
static char got[4096], said[4096];

static void note(char *where, const char *text)
{
	assert_true(strlen(where) + strlen(text) + 2 < sizeof(got));
	strcat(where, text);
	strcat(where, "\n");
}

static const char *set_a(void *settings, const char *value)
{
	char line[300];

	assert_ptr_equal(settings, got);
	if (strcmp(value, "bad") == 0)
		return "not good";
	snprintf(line, sizeof(line), "a[%s]", value);
	note(got, line);
	return NULL;
}

static const char *set_b(void *settings, const char *value)
{
	char line[300];

	if (strcmp(value, "bad") == 0)
		return "not good";
	snprintf(line, sizeof(line), "b[%s]", value);
	note(got, line);
	return NULL;
}

static void report(const char *line)
{
	note(said, line);
}

static const struct config_key keys[] = {
	{ .name = "a", .set = set_a },
	{ .name = "long.key", .set = set_b, .repeats = true, .secret = true },
	{ .name = NULL },
};

static const struct config_parser parser = { keys, got, report };

static int start(void **state)
{
	got[0] = '\0';
	said[0] = '\0';
	return 0;
}

/* Parses a block of the exact size, without a zero behind it. */
static uint32_t parse(const char *text, size_t len)
{
	char *copy = malloc(len);
	uint32_t mistakes;

	memcpy(copy, text, len);
	mistakes = config_parse_file(&parser, "config.txt", copy, len);
	free(copy);
	return mistakes;
}

static void expect(const char *text, const char *values, const char *messages)
{
	uint32_t lines = 0, mistakes = parse(text, strlen(text));

	assert_string_equal(got, values);
	assert_string_equal(said, messages);
	for (const char *p = said; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(mistakes, lines);
}

static void pairs_are_trimmed_and_set(void **state)
{
	expect("a=1\n \t long.key \t=  two words \t\nlong.key=x",
	    "a[1]\nb[two words]\nb[x]\n", "");
}

static void comments_and_empty_lines_mean_nothing(void **state)
{
	expect("# all\n\n   \n  # more\na = 1 # rest\n", "a[1]\n", "");
}

static void a_hash_inside_a_word_is_no_comment(void **state)
{
	expect("a = one#two#\n", "a[one#two#]\n", "");
}

static void windows_line_ends_and_a_bom_are_accepted(void **state)
{
	expect("\xef\xbb\xbf"
	       "a = 1\r\n\r\nlong.key = 2\r\n",
	    "a[1]\nb[2]\n", "");
}

static void an_equals_sign_may_stand_in_a_value(void **state)
{
	expect("a = b=c\n", "a[b=c]\n", "");
}

static void an_empty_value_reaches_the_setter(void **state)
{
	expect("a =\n", "a[]\n", "");
}

static void an_empty_file_is_fine(void **state)
{
	expect("", "", "");
	expect("\n", "", "");
}

static void an_unknown_key_is_reported_with_its_line(void **state)
{
	expect("a = 1\n\nprot = 80\nA = 2\naa = 3\n", "a[1]\n",
	    "config.txt:3: unknown key 'prot'\n"
	    "config.txt:4: unknown key 'A'\n"
	    "config.txt:5: unknown key 'aa'\n");
}

static void a_bad_value_is_reported_with_its_reason(void **state)
{
	expect("a = bad\n", "", "config.txt:1: a: not good 'bad'\n");
}

static void a_secret_is_not_repeated_in_a_message(void **state)
{
	expect("long.key = bad\n", "", "config.txt:1: long.key: not good\n");
}

static void lines_that_are_no_pairs_are_reported(void **state)
{
	expect("hello world\n= 5\n", "",
	    "config.txt:1: expected key = value, not 'hello world'\n"
	    "config.txt:2: no key before '= 5'\n");
}

static void a_repeated_key_wins_and_is_reported(void **state)
{
	expect("a = 1\na = bad\na = 2\nlong.key = 1\nlong.key = 2\n",
	    "a[1]\na[2]\nb[1]\nb[2]\n",
	    "config.txt:2: a: not good 'bad'\n"
	    "config.txt:3: this line replaces an earlier one of 'a'\n");
}

static void a_value_of_255_bytes_is_the_longest(void **state)
{
	char text[300] = "a = ";

	memset(text + 4, 'x', 255);
	assert_int_equal(parse(text, 4 + 255), 0);
	assert_int_equal(strlen(got), 255 + 4);
	memset(text + 4, 'x', 256);
	assert_int_equal(parse(text, 4 + 256), 1);
	assert_string_equal(said,
	    "config.txt:1: a: longer than 255 bytes "
	    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'\n");
}

static void a_zero_byte_is_a_mistake_not_an_end(void **state)
{
	assert_int_equal(parse("a = 1\0002\nlong.key = 3\n", 20), 1);
	assert_string_equal(got, "b[3]\n");
	assert_string_equal(said, "config.txt:1: a: holds a zero byte '1'\n");
}

static void utf16_is_named(void **state)
{
	assert_int_equal(parse("\xff\xfe"
	                       "a\0=\0"
	                       "1\0",
	                     8),
	    1);
	assert_int_equal(parse("\xfe\xff\0a\0=", 6), 1);
	assert_string_equal(said,
	    "config.txt:1: this is UTF-16; save it as UTF-8\n"
	    "config.txt:1: this is UTF-16; save it as UTF-8\n");
	assert_string_equal(got, "");
}

static void utf16_without_a_mark_is_named_too(void **state)
{
	assert_int_equal(parse("a\0=\0", 4), 1);
	assert_int_equal(parse("\0a\0=", 4), 1);
	assert_string_equal(said,
	    "config.txt:1: this is UTF-16; save it as UTF-8\n"
	    "config.txt:1: this is UTF-16; save it as UTF-8\n");
}

/* As a file may be that was not written to its end. */
static void zeros_are_not_taken_for_utf16(void **state)
{
	assert_int_equal(parse("\0\0\0\0", 4), 1);
	assert_non_null(strstr(said, "config.txt:1: expected key = value"));
}

static void of_many_mistakes_the_first_are_shown_and_the_rest_counted(
    void **state)
{
	char text[2 * (CONFIG_REPORTS_MAX + 3) + 1] = "";

	while (strlen(text) < sizeof(text) - 1)
		strcat(text, "x\n");
	assert_int_equal(
	    parse(text, 2 * CONFIG_REPORTS_MAX), CONFIG_REPORTS_MAX);
	assert_null(strstr(said, "more mistakes"));
	said[0] = '\0';
	assert_int_equal(parse(text, strlen(text)), CONFIG_REPORTS_MAX + 3);
	assert_non_null(
	    strstr(said, "config.txt:10: expected key = value, not 'x'\n"
	                 "config.txt: 3 more mistakes\n"));
	assert_null(strstr(said, "config.txt:11:"));
}

static void a_command_line_holds_words(void **state)
{
	assert_int_equal(
	    config_parse_words(&parser, "  a=1 long.key=2\t long.key=x=y\n"),
	    0);
	assert_string_equal(got, "a[1]\nb[2]\nb[x=y]\n");
}

static void the_last_word_of_a_key_wins_silently(void **state)
{
	assert_int_equal(config_parse_words(&parser, "a=1 a=2"), 0);
	assert_string_equal(got, "a[1]\na[2]\n");
}

static void mistakes_on_the_command_line_name_it(void **state)
{
	assert_int_equal(
	    config_parse_words(&parser, "quiet a=bad b=1 #a=3"), 4);
	assert_string_equal(said,
	    "command line: expected key = value, not 'quiet'\n"
	    "command line: a: not good 'bad'\n"
	    "command line: unknown key 'b'\n"
	    "command line: unknown key '#a'\n");
}

static void an_empty_command_line_is_fine(void **state)
{
	assert_int_equal(config_parse_words(&parser, ""), 0);
	assert_int_equal(config_parse_words(&parser, "  \t "), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start)
	const struct CMUnitTest tests[] = {
		TEST(pairs_are_trimmed_and_set),
		TEST(comments_and_empty_lines_mean_nothing),
		TEST(a_hash_inside_a_word_is_no_comment),
		TEST(windows_line_ends_and_a_bom_are_accepted),
		TEST(an_equals_sign_may_stand_in_a_value),
		TEST(an_empty_value_reaches_the_setter),
		TEST(an_empty_file_is_fine),
		TEST(an_unknown_key_is_reported_with_its_line),
		TEST(a_bad_value_is_reported_with_its_reason),
		TEST(a_secret_is_not_repeated_in_a_message),
		TEST(lines_that_are_no_pairs_are_reported),
		TEST(a_repeated_key_wins_and_is_reported),
		TEST(a_value_of_255_bytes_is_the_longest),
		TEST(a_zero_byte_is_a_mistake_not_an_end),
		TEST(utf16_is_named),
		TEST(utf16_without_a_mark_is_named_too),
		TEST(zeros_are_not_taken_for_utf16),
		TEST(of_many_mistakes_the_first_are_shown_and_the_rest_counted),
		TEST(a_command_line_holds_words),
		TEST(the_last_word_of_a_key_wins_silently),
		TEST(mistakes_on_the_command_line_name_it),
		TEST(an_empty_command_line_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

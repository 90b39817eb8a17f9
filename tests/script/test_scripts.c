/* SPDX-License-Identifier: MIT */
/*
 * Every packet script is a test, named after its file.
 *
 *	test_scripts                all
 *	test_scripts PATH...        these
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/script/script.h"
#include "tests/support/net_fixture.h"

#define FOLDER  "tests/script"
#define SCRIPTS 2000

static char *found[SCRIPTS];
static size_t count;

static int look(const char *path, const struct stat *st, int type)
{
	const char *dot = strrchr(path, '.');

	if (type == FTW_F && dot != NULL && strcmp(dot, ".pkt") == 0 &&
	    count < SCRIPTS)
		found[count++] = strdup(path);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = calloc(1, 1 << 16);

	if (f == NULL || fread(text, 1, (1 << 16) - 1, f) == 0)
		fail_msg("%s: cannot be read, or is empty", path);
	fclose(f);
	return text;
}

static void run_file(void **state)
{
	const char *path = *state;
	char *text = read_file(path);
	const char *wrong = script_run(path, text);

	free(text);
	if (wrong != NULL)
		fail_msg("%s", wrong);
}

/* --- The language itself -------------------------------------------------- */

static const struct {
	const char *text, *says;
} mistakes[] = {
	{ "listen s 80\n", "x:1: " },
	{ "# RFC 1\nfrobnicate\n", "x:2: frobnicate\nno statement" },
	{ "# RFC 1\n\n\n< X 0\n", "x:4: < X 0\nunknown flag" },
	{ "# RFC 1\n< A 0\n", "x:2: < A 0\nflag A needs ack" },
	{ "# RFC 1\n< S 0 win\n", "a word without its value" },
	{ "# RFC 1\n< S 0 <mss>\n", "unknown option" },
	{ "# RFC 1\n< S 0 <mss 1\n", "options without >" },
	{ "# RFC 1\n+3 > S 0\n", "no time such as" },
	{ "# RFC 1\nread s 1\n", "no socket is called 's'" },
	{ "# RFC 1\nlisten s 80 4 9\n", "'9' is too much" },
	{ "# RFC 1\nlisten s 80 = EFROG\n", "'EFROG' is no result" },
	{ "# RFC 1\nlisten s 80 = EPIPE\n", "expected -32 EPIPE, seen 0" },
	/* What is expected must come, as it is told, when it is told. */
	{ "# RFC 1\naccepted s\n> A 1 ack 1\n", "seen nothing" },
	{ "# RFC 1\n< S 0\n> RA 1 ack 1\n", "seq: expected RA 1" },
	{ "# RFC 1\n< S 0\n> R 0\n", "flags: expected R 0" },
	{ "# RFC 1\n< S 0\n", "x:3: the end\nexpected nothing" },
	{ "# RFC 1\n< S 0\nquiet 1s\n", "x:3: quiet 1s\nexpected nothing" },
	{ "# RFC 1\naccepted s\nwrite s 10\n> PA 1(10) ack 2\n", "ack: " },
	{ "# RFC 1\naccepted s\nwrite s 10\n> PA 1(9) ack 1\n", "len: " },
	{ "# RFC 1\naccepted s\nwrite s 10\n> pA 1(10) ack 1\n", "flags: " },
	{ "# RFC 1\naccepted s\nwrite s 10\n> A 1(10) ack 1 win 3\n", "win: " },
	{ "# RFC 1\naccepted s\nwrite s 9\n> A 1(9) ack 1\n+10ms > A 1(9) "
	  "ack 1\n",
	    "seen nothing" },
	{ "# RFC 1\naccepted s\nwrite s 9\n> A 1(9) ack 1\n+2s..3s > A 1(9) "
	  "ack 1\n",
	    "after the line before, expected 2000.000 to 3000.000" },
	{ "# RFC 1\nconnect s\n> S 0 <mss 1>\n", "mss: " },
	{ "# RFC 1\nconnect s\n> S 0 <no mss>\n", "an option too many" },
	{ "# RFC 1\nconnect s\n> S 0\nstate established\n",
	    "state: expected established, seen syn-sent" },
	{ "# RFC 1\naccepted s\nevents s readable\n", "events: " },
	{ "# RFC 1\naccepted s\nstart read s 1\n", "still waits" },
	{ "# RFC 1\nstat tcp.gave_up = 1\n", "expected 1 1, seen 0" },
};

static void mistakes_are_found_and_said_with_their_line(void **state)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const char *wrong;

		fx_setup(state);
		wrong = script_run("x", mistakes[i].text);
		if (wrong == NULL)
			fail_msg("found nothing: %s", mistakes[i].text);
		if (strstr(wrong, mistakes[i].says) == NULL)
			fail_msg(
			    "expected: %s\nseen: %s", mistakes[i].says, wrong);
	}
}

static void a_failure_shows_the_last_segments(void **state)
{
	const char *wrong;

	fx_setup(state);
	wrong = script_run("x", "# RFC 1\n< S 0\n> RA 0 ack 2\n");
	assert_non_null(wrong);
	assert_non_null(strstr(wrong, " ms < S 0 win 65535\n"));
	assert_non_null(strstr(wrong, " ms > RA 0 ack 1 win 0"));
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[SCRIPTS + 2] = {
		cmocka_unit_test(mistakes_are_found_and_said_with_their_line),
		cmocka_unit_test(a_failure_shows_the_last_segments),
	};
	int failed;

	/* What failed stands right before its result. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		found[count++] = strdup(argv[i]);
	if (count == 0)
		ftw(FOLDER, look, 16);
	qsort(found, count, sizeof(found[0]), by_name);
	for (size_t i = 0; i < count; i++)
		tests[2 + i] = (struct CMUnitTest){ found[i], run_file,
			fx_setup, fx_teardown, found[i] };
	failed =
	    _cmocka_run_group_tests("scripts", tests, 2 + count, NULL, NULL);
	for (size_t i = 0; i < count; i++)
		free(found[i]);
	return failed;
}

/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/capsule.h"

#define ROOM 4096

static union {
	struct capsule c;
	uint8_t bytes[ROOM];
} memory, other;

static const struct capsule_facts facts = { .up_ns = 3000000000,
	.wall_s = 1800000000,
	.state = CAPSULE_PANICKED,
	.build = "0.3" };

static struct capsule *make(
    struct capsule *c, const struct capsule_facts *f, const char *text)
{
	memcpy(c->text, text, strlen(text));
	capsule_seal(c, f, (uint32_t)strlen(text));
	return c;
}

static struct capsule *make_one(void)
{
	return make(&memory.c, &facts, "one\nPANIC two\n");
}

static void a_sealed_capsule_is_read_back(void **state)
{
	const struct capsule *c;

	make_one();
	c = capsule_check(&memory, ROOM);
	assert_non_null(c);
	assert_int_equal(c->facts.wall_s, 1800000000);
	assert_int_equal(c->text_len, 14);
	assert_memory_equal(c->text, "one\nPANIC two\n", 14);
	assert_int_equal(capsule_bytes(c), sizeof(*c) + 14);
	assert_non_null(capsule_check(&memory, capsule_bytes(c)));
}

/* In a block of exactly the bytes that may be read, for the sanitizer. */
static bool is_good(const void *p, size_t room)
{
	void *copy = malloc(room + 1);
	bool good;

	memcpy(copy, p, room);
	copy = realloc(copy, room ? room : 1);
	good = capsule_check(copy, room) != NULL;
	free(copy);
	return good;
}

static void any_changed_bit_is_noticed(void **state)
{
	size_t len = capsule_bytes(make_one());

	for (size_t bit = 0; bit < len * 8; bit++) {
		memory.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(is_good(&memory, len));
		memory.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(is_good(&memory, len));
}

static void a_cut_capsule_is_refused_at_every_length(void **state)
{
	size_t len = capsule_bytes(make_one());

	for (size_t room = 0; room < len; room++)
		assert_false(is_good(&memory, room));
}

static void a_broken_one_is_refused_until_it_is_sealed(void **state)
{
	capsule_break(make_one());
	assert_false(is_good(&memory, ROOM));
	capsule_seal_head(&memory.c, &facts);
	assert_true(is_good(&memory, ROOM));
}

static void a_later_head_needs_no_look_at_the_text(void **state)
{
	struct capsule_facts later = facts;

	later.up_ns++;
	make_one();
	capsule_break(&memory.c);
	capsule_seal_head(&memory.c, &later);
	assert_true(is_good(&memory, ROOM));
	assert_int_equal(memory.c.facts.up_ns, 3000000001);
}

static void a_well_sealed_oddity_is_refused(void **state)
{
	struct capsule_facts f = facts;

	f.state = 0;
	make(&memory.c, &f, "text\n");
	assert_false(is_good(&memory, ROOM));
	f.state = CAPSULE_PANICKED + 1;
	make(&memory.c, &f, "text\n");
	assert_false(is_good(&memory, ROOM));
	f = facts;
	memset(f.build, 'x', sizeof(f.build));
	make(&memory.c, &f, "text\n");
	assert_false(is_good(&memory, ROOM));
	f = facts;
	f.build[0] = '\n' + 1;
	make(&memory.c, &f, "text\n");
	assert_false(is_good(&memory, ROOM));
	make(&memory.c, &facts, "a\033[2Jb\n");
	assert_false(is_good(&memory, ROOM));
	make(&memory.c, &facts, "a\177b\n");
	assert_false(is_good(&memory, ROOM));
	make(&memory.c, &facts, "gr\303\274n\n");
	assert_true(is_good(&memory, ROOM));
	make(&memory.c, &facts, "");
	assert_true(is_good(&memory, ROOM));
}

static void a_panic_beats_a_sign_of_life_and_the_fuller_counts(void **state)
{
	struct capsule *a = make_one(), *b = &other.c;
	struct capsule_facts f = facts;

	assert_true(capsule_is_better(a, NULL));
	assert_false(capsule_is_better(NULL, a));
	assert_false(capsule_is_better(NULL, NULL));

	f.state = CAPSULE_RUNNING;
	f.up_ns *= 2;
	make(b, &f, "one and more and more\n");
	assert_true(capsule_is_better(a, b));
	assert_false(capsule_is_better(b, a));

	f.state = CAPSULE_PANICKED;
	make(b, &f, "");
	assert_true(capsule_is_better(b, a));

	make(b, &facts, "PANIC two\n");
	assert_true(capsule_is_better(a, b));
	assert_false(capsule_is_better(b, a));
	assert_false(capsule_is_better(a, a));
}

/* --- Cutting a log -------------------------------------------------------
 */

static void compacts_to(const char *log, size_t room, const char *want)
{
	char *text = malloc(strlen(log)), *out = malloc(room);
	size_t n;

	memcpy(text, log, strlen(log));
	n = capsule_compact(out, room, text, strlen(log));
	assert_int_equal(n, strlen(want));
	assert_memory_equal(out, want, n);
	free(text);
	free(out);
}

#define LOG "one\ntwo\nPANIC why\n  rip 0\n  #0 main\n"

static void a_log_that_fits_stays_whole(void **state)
{
	compacts_to(LOG, strlen(LOG), LOG);
	compacts_to(LOG, 1000, LOG);
	compacts_to("", 10, "");
}

static void lines_before_the_panic_go_first(void **state)
{
	compacts_to(
	    LOG, strlen(LOG) - 1, "two\nPANIC why\n  rip 0\n  #0 main\n");
	compacts_to(
	    LOG, strlen(LOG) - 4, "two\nPANIC why\n  rip 0\n  #0 main\n");
	compacts_to(LOG, strlen(LOG) - 5, "PANIC why\n  rip 0\n  #0 main\n");
}

static void then_the_end_of_the_report(void **state)
{
	compacts_to(LOG, 27, "PANIC why\n  rip 0\n");
	compacts_to(LOG, 10, "PANIC why\n");
	compacts_to(LOG, 9, "");
}

static void a_log_without_a_panic_keeps_its_last_lines(void **state)
{
	compacts_to("one\ntwo\nthree\n", 10, "two\nthree\n");
	compacts_to("one\ntwo\nthree\n", 9, "three\n");
	compacts_to("one\ntwo\nthree\n", 5, "");
}

static void only_a_line_of_its_own_is_a_panic(void **state)
{
	assert_int_equal(capsule_find_panic("PANIC x\n", 8), 0);
	assert_int_equal(capsule_find_panic("a\nPANIC x\n", 10), 2);
	assert_int_equal(capsule_find_panic("a PANIC x\n", 10), 10);
	assert_int_equal(capsule_find_panic("a\nPANI", 6), 6);
	assert_int_equal(capsule_find_panic("", 0), 0);
}

/* Whatever the log and the room, what comes out are whole lines of it, in one
 * piece, and the panic's first line is among them if it fits. */
static void any_log_in_any_room_is_cut_at_lines(void **state)
{
	static const char *const piece[] = { "\n", "a", "PANIC ", "PANI",
		"b\n" };
	char log[64], out[64];

	srand(1);
	for (int round = 0; round < 20000; round++) {
		size_t len = 0, room = (size_t)rand() % 60, n, at;

		for (int i = rand() % 10; i > 0; i--) {
			const char *p = piece[rand() % 5];

			memcpy(log + len, p, strlen(p));
			len += strlen(p);
		}
		log[len++] = '\n';
		n = capsule_compact(out, room, log, len);
		assert_true(n <= room && n <= len);
		if (n == 0)
			continue;
		assert_int_equal(out[n - 1], '\n');
		log[len] = out[n] = '\0';
		assert_non_null(strstr(log, out));
		at = capsule_find_panic(log, len);
		if (at < len)
			assert_true(capsule_find_panic(out, n) < n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_capsule_is_read_back),
		cmocka_unit_test(any_changed_bit_is_noticed),
		cmocka_unit_test(a_cut_capsule_is_refused_at_every_length),
		cmocka_unit_test(a_broken_one_is_refused_until_it_is_sealed),
		cmocka_unit_test(a_later_head_needs_no_look_at_the_text),
		cmocka_unit_test(a_well_sealed_oddity_is_refused),
		cmocka_unit_test(
		    a_panic_beats_a_sign_of_life_and_the_fuller_counts),
		cmocka_unit_test(a_log_that_fits_stays_whole),
		cmocka_unit_test(lines_before_the_panic_go_first),
		cmocka_unit_test(then_the_end_of_the_report),
		cmocka_unit_test(a_log_without_a_panic_keeps_its_last_lines),
		cmocka_unit_test(any_log_in_any_room_is_cut_at_lines),
		cmocka_unit_test(only_a_line_of_its_own_is_a_panic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

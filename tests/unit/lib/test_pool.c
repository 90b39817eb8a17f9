/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arch/host/arch_host.h"
#include "lib/errno.h"
#include "lib/pool.h"

int __asan_address_is_poisoned(const volatile void *addr);

#define BLOCK_BYTES 4096

static struct arena arena;

static int start(void **state)
{
	arena =
	    (struct arena){ aligned_alloc(64, BLOCK_BYTES), BLOCK_BYTES, 0 };
	memset(arena.base, 0xee, BLOCK_BYTES);
	return 0;
}

static int stop(void **state)
{
	free(arena.base);
	return 0;
}

static bool put_panics(struct pool *p, void *object)
{
	jmp_buf where;

	host_expect_panic(&where);
	if (setjmp(where) != 0)
		return true;
	pool_put(p, object);
	host_reset(); /* expects no panic any more */
	return false;
}

static void arena_pieces_are_zeroed_aligned_and_apart(void **state)
{
	uint8_t *a = arena_alloc(&arena, 3, 1);
	uint8_t *b = arena_alloc(&arena, 5, 64);
	uint8_t *c = arena_alloc(&arena, 1, 1);

	assert_int_equal(a[0] | a[1] | a[2], 0);
	assert_int_equal((uintptr_t)b % 64, 0);
	assert_true(b >= a + 3 && c >= b + 5);
	assert_int_equal(b[0] | b[4] | c[0], 0);
	assert_int_equal(c[1], 0xee);
}

static void arena_hands_out_its_last_byte_and_no_more(void **state)
{
	assert_non_null(arena_alloc(&arena, BLOCK_BYTES - 1, 1));
	assert_null(arena_alloc(&arena, 2, 1));
	assert_non_null(arena_alloc(&arena, 1, 1));
	assert_null(arena_alloc(&arena, 1, 1));
	assert_non_null(arena_alloc(&arena, 0, 1));
}

static void arena_refuses_a_gap_behind_its_end(void **state)
{
	arena.size = BLOCK_BYTES - 5;
	assert_non_null(arena_alloc(&arena, BLOCK_BYTES - 10, 1));
	assert_null(arena_alloc(&arena, 1, 64));
	assert_null(arena_alloc(&arena, 0, 64));
}

static void arena_refuses_sizes_that_would_wrap(void **state)
{
	assert_non_null(arena_alloc(&arena, 1, 1));
	assert_null(arena_alloc(&arena, SIZE_MAX, 1));
	assert_null(arena_alloc(&arena, SIZE_MAX - 8, 4096));
	assert_int_equal(arena.used, 1);
}

static void pool_hands_out_every_object_once(void **state)
{
	uint8_t *object[5];
	struct pool p;

	assert_int_equal(pool_init(&p, "test", 20, 5, &arena), 0);
	assert_int_equal(pool_available(&p), 5);
	for (int i = 0; i < 5; i++) {
		object[i] = pool_get(&p);
		assert_non_null(object[i]);
		assert_int_equal((uintptr_t)object[i] % 16, 0);
		memset(object[i], i, 20);
	}
	for (int i = 0; i < 5; i++)
		assert_true(object[i][0] == i && object[i][19] == i);
	assert_int_equal(p.in_use, 5);
}

static void exhaustion_is_null_and_counted(void **state)
{
	struct pool p;

	assert_int_equal(pool_init(&p, "test", 16, 1, &arena), 0);
	void *object = pool_get(&p);

	assert_null(pool_get(&p));
	assert_null(pool_get(&p));
	assert_int_equal(p.failures, 2);
	pool_put(&p, object);
	assert_ptr_equal(pool_get(&p), object);
	assert_int_equal(p.peak, 1);
}

static void peak_remembers_the_most_in_use(void **state)
{
	struct pool p;

	assert_int_equal(pool_init(&p, "test", 16, 4, &arena), 0);
	void *a = pool_get(&p), *b = pool_get(&p);

	pool_put(&p, a);
	pool_put(&p, b);
	pool_get(&p);
	assert_int_equal(p.peak, 2);
	assert_int_equal(p.in_use, 1);
}

static void a_pool_larger_than_the_arena_is_refused(void **state)
{
	struct pool p;

	assert_int_equal(pool_init(&p, "test", 16, 257, &arena), -ENOMEM);
	assert_int_equal(
	    pool_init(&p, "test", SIZE_MAX / 2, 8, &arena), -ENOMEM);
	assert_null(pool_get(&p));
}

static void an_empty_pool_has_nothing_to_give(void **state)
{
	struct pool p;

	assert_int_equal(pool_init(&p, "test", 16, 0, &arena), 0);
	assert_null(pool_get(&p));
}

static void putting_a_strange_object_panics(void **state)
{
	struct pool p;
	uint8_t outside[16];

	assert_int_equal(pool_init(&p, "test", 16, 4, &arena), 0);
	uint8_t *object = pool_get(&p);

	assert_true(put_panics(&p, outside));
	assert_true(put_panics(&p, object + 1));
	assert_true(put_panics(&p, object + 64));
	assert_true(put_panics(&p, object - 16));
	assert_true(put_panics(&p, NULL));
	assert_false(put_panics(&p, object));
}

static void putting_twice_panics(void **state)
{
	struct pool p;

	assert_int_equal(pool_init(&p, "test", 16, 4, &arena), 0);
	void *a = pool_get(&p), *b = pool_get(&p), *c = pool_get(&p);

	pool_put(&p, a);
	assert_true(put_panics(&p, a));
	pool_put(&p, b);
	assert_true(put_panics(&p, a));
	pool_put(&p, c);
}

static void a_free_object_is_poisoned_on_the_host(void **state)
{
	struct pool p;

	assert_int_equal(pool_init(&p, "test", 24, 2, &arena), 0);
	assert_true(__asan_address_is_poisoned(p.base));
	uint8_t *object = pool_get(&p);

	assert_false(__asan_address_is_poisoned(object));
	assert_false(__asan_address_is_poisoned(object + 31));
	pool_put(&p, object);
	assert_true(__asan_address_is_poisoned(object + 31));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(arena_pieces_are_zeroed_aligned_and_apart),
		TEST(arena_hands_out_its_last_byte_and_no_more),
		TEST(arena_refuses_a_gap_behind_its_end),
		TEST(arena_refuses_sizes_that_would_wrap),
		TEST(pool_hands_out_every_object_once),
		TEST(exhaustion_is_null_and_counted),
		TEST(peak_remembers_the_most_in_use),
		TEST(a_pool_larger_than_the_arena_is_refused),
		TEST(an_empty_pool_has_nothing_to_give),
		TEST(putting_a_strange_object_panics),
		TEST(putting_twice_panics),
		TEST(a_free_object_is_poisoned_on_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

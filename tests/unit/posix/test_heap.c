/* SPDX-License-Identifier: MIT */
/* Tests posix/heap.c, mainly against a model that remembers every byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "arch/host/arch_host.h"
#include "posix/heap.h"

#define HEAP_BYTES 65536
#define BLOCKS     64

void __asan_unpoison_memory_region(const volatile void *p, size_t size);
int __asan_address_is_poisoned(const volatile void *p);

static _Alignas(16) uint8_t memory[HEAP_BYTES];
static struct heap heap;

static int start(void **state)
{
	__asan_unpoison_memory_region(memory, sizeof(memory));
	memset(memory, 0xa5, sizeof(memory));
	heap_init(&heap, memory, sizeof(memory));
	return 0;
}

static void a_fresh_heap_is_one_free_block(void **state)
{
	assert_true(heap_check(&heap));
	assert_int_equal(heap.used, 0);
	assert_int_equal(heap.blocks, 0);
}

static void blocks_are_aligned_and_apart(void **state)
{
	uint8_t *a = heap_alloc(&heap, 1), *b = heap_alloc(&heap, 17);

	assert_int_equal((uintptr_t)a % HEAP_ALIGN, 0);
	assert_int_equal((uintptr_t)b % HEAP_ALIGN, 0);
	assert_true(b >= a + 16);
	assert_int_equal(heap.blocks, 2);
}

static void no_bytes_are_a_block_of_their_own(void **state)
{
	void *a = heap_alloc(&heap, 0), *b = heap_alloc(&heap, 0);

	assert_non_null(a);
	assert_ptr_not_equal(a, b);
	heap_free(&heap, a);
	heap_free(&heap, b);
	heap_free(&heap, NULL);
	assert_int_equal(heap.used, 0);
}

static void too_much_is_null_and_counted(void **state)
{
	assert_null(heap_alloc(&heap, HEAP_BYTES));
	assert_null(heap_alloc(&heap, SIZE_MAX));
	assert_null(heap_realloc(&heap, NULL, SIZE_MAX - 8));
	assert_int_equal(heap.failures, 3);
	assert_true(heap_check(&heap));
}

static void freed_neighbours_join(void **state)
{
	void *p[3], *big;
	int i;

	for (i = 0; i < 3; i++)
		p[i] = heap_alloc(&heap, 16000);
	assert_null(heap_alloc(&heap, 30000));
	heap_free(&heap, p[0]);
	heap_free(&heap, p[2]);
	heap_free(&heap, p[1]);
	big = heap_alloc(&heap, 60000);
	assert_non_null(big);
	heap_free(&heap, big);
	assert_true(heap_check(&heap));
}

static void the_whole_heap_can_be_used_and_comes_back(void **state)
{
	void *p[HEAP_BYTES / 32];
	size_t n = 0;

	while ((p[n] = heap_alloc(&heap, 16)) != NULL)
		n++;
	/* Each block costs its bytes and one header. */
	assert_int_equal(n, HEAP_BYTES / 32 - 1);
	while (n > 0)
		heap_free(&heap, p[--n]);
	assert_int_equal(heap.used, 0);
	assert_true(heap_check(&heap));
	assert_non_null(heap_alloc(&heap, 60000));
}

static void realloc_grows_in_place_into_free_memory(void **state)
{
	uint8_t *p = heap_alloc(&heap, 100);
	size_t used;

	memset(p, 7, 100);
	assert_ptr_equal(heap_realloc(&heap, p, 5000), p);
	assert_int_equal(p[99], 7);
	used = heap.used;
	assert_ptr_equal(heap_realloc(&heap, p, 10), p);
	assert_true(heap.used < used);
	assert_true(heap_check(&heap));
}

static void realloc_that_fails_keeps_the_block(void **state)
{
	uint8_t *p = heap_alloc(&heap, 100), *wall = heap_alloc(&heap, 30000);

	memset(p, 7, 100);
	assert_null(heap_realloc(&heap, p, 60000));
	assert_int_equal(p[0] + p[99], 14);
	heap_free(&heap, wall);
	heap_free(&heap, p);
	assert_int_equal(heap.used, 0);
}

static void free_memory_and_slack_are_poisoned(void **state)
{
	uint8_t *p = heap_alloc(&heap, 20);

	assert_false(__asan_address_is_poisoned(p + 19));
	assert_true(__asan_address_is_poisoned(p + 24));
	assert_true(__asan_address_is_poisoned(p - 1));
	heap_free(&heap, p);
	assert_true(__asan_address_is_poisoned(p));
}

static void a_second_free_is_a_panic(void **state)
{
	jmp_buf where;
	void *p = heap_alloc(&heap, 20);

	heap_free(&heap, p);
	if (setjmp(where) == 0) {
		host_expect_panic(&where);
		heap_free(&heap, p);
		fail();
	}
	assert_non_null(strstr(host_panic_text(), "MAGIC_USED"));
}

/* --- Against a model ----------------------------------------------------- */

static uint32_t rng;

static uint32_t random_below(uint32_t n)
{
	rng = rng * 1664525 + 1013904223;
	return (rng >> 8) % n;
}

struct model {
	uint8_t *p;
	size_t len;
	uint8_t fill;
};

static void check_block(const struct model *m)
{
	size_t i;

	for (i = 0; i < m->len; i++)
		if (m->p[i] != m->fill)
			fail_msg("byte %zu of %zu changed", i, m->len);
}

static size_t random_len(void)
{
	return random_below(1u << (1 + random_below(13)));
}

/* Changes one block: makes, resizes or frees it. */
static void step(struct model *m)
{
	size_t len = random_len();
	uint8_t *p;

	if (m->p)
		check_block(m);
	if (m->p && random_below(3) != 0) {
		heap_free(&heap, m->p);
		m->p = NULL;
		return;
	}
	p = heap_realloc(&heap, m->p, len);
	if (!p)
		return;
	if (m->p)
		m->len = len < m->len ? len : m->len;
	else
		m->len = 0;
	m->p = p;
	check_block(m);
	m->len = len;
	m->fill = (uint8_t)random_below(256);
	memset(p, m->fill, len);
}

static void random_use_keeps_every_byte(void **state)
{
	static struct model blocks[BLOCKS];
	uint32_t seed, i;

	for (seed = 1; seed <= 20; seed++) {
		rng = seed;
		for (i = 0; i < 5000; i++) {
			step(&blocks[random_below(BLOCKS)]);
			if (i % 64 == 0 && !heap_check(&heap))
				fail_msg("broken, seed %u step %u", seed, i);
		}
		for (i = 0; i < BLOCKS; i++) {
			heap_free(&heap, blocks[i].p);
			blocks[i].p = NULL;
		}
		assert_true(heap_check(&heap));
		assert_int_equal(heap.used, 0);
	}
	assert_true(heap.peak <= HEAP_BYTES);
	assert_true(heap.failures > 0);
}

#define T(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_fresh_heap_is_one_free_block),
		T(blocks_are_aligned_and_apart),
		T(no_bytes_are_a_block_of_their_own),
		T(too_much_is_null_and_counted),
		T(freed_neighbours_join),
		T(the_whole_heap_can_be_used_and_comes_back),
		T(realloc_grows_in_place_into_free_memory),
		T(realloc_that_fails_keeps_the_block),
		T(free_memory_and_slack_are_poisoned),
		T(a_second_free_is_a_panic),
		T(random_use_keeps_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86_64/keep.h"

#define MIB 0x100000ull

static struct memmap map;
static struct mem_range got[KEEP_COPIES];

static uint32_t choose(const struct mem_range *in, uint32_t n)
{
	memmap_normalise(&map, in, n);
	return keep_choose(&map, got);
}

static void places_lie_below_the_kernel(void **state)
{
	const struct mem_range in[] = { { 0, 16 * MIB, MEM_FREE, 0 },
		{ 2 * MIB, MIB, MEM_RESERVED, 0 } };

	assert_int_equal(choose(in, 2), KEEP_COPIES);
	for (unsigned i = 0; i < KEEP_COPIES; i++) {
		assert_int_equal(got[i].base, keep_place(i));
		assert_int_equal(got[i].len, KEEP_BYTES);
		assert_int_equal(got[i].type, MEM_RESERVED);
	}
	assert_true(got[0].base + got[0].len <= 2 * MIB);
	assert_true(got[1].base + got[1].len <= 2 * MIB);
}

static void a_place_that_is_in_use_is_passed_over(void **state)
{
	const struct mem_range in[] = { { 0, 64 * MIB, MEM_FREE, 0 },
		{ MIB, MIB / 2 + KEEP_BYTES, MEM_ACPI, 0 },
		{ 2 * MIB, 17 * MIB, MEM_RESERVED, 0 } };
	const struct mem_range full[] = { { 0, 64 * MIB, MEM_FREE, 0 },
		{ 0, 2 * MIB - KEEP_BYTES, MEM_OTHER, 0 },
		{ 2 * MIB, 62 * MIB, MEM_RESERVED, 0 } };

	assert_int_equal(choose(in, 3), 2);
	assert_int_equal(got[0].base, keep_place(0));
	assert_int_equal(got[1].base, 20 * MIB);
	assert_int_equal(choose(full, 3), 1);
	assert_int_equal(choose(NULL, 0), 0);
}

static void a_place_is_taken_whole_or_not_at_all(void **state)
{
	struct mem_range in = { keep_place(0), KEEP_BYTES, MEM_FREE, 0 };

	assert_int_equal(choose(&in, 1), 1);
	in.len -= 4096;
	assert_int_equal(choose(&in, 1), 0);
	in.base += 4096;
	assert_int_equal(choose(&in, 1), 0);
	in.len += 4096;
	assert_int_equal(choose(&in, 1), 0);
}

static void places_are_pages_that_do_not_overlap(void **state)
{
	for (unsigned i = 0; i < KEEP_PLACES; i++) {
		assert_int_equal(keep_place(i) % 4096, 0);
		assert_true(keep_place(i) >= MEMMAP_LOWEST);
		for (unsigned j = 0; j < i; j++)
			assert_true(
			    keep_place(i) >= keep_place(j) + KEEP_BYTES ||
			    keep_place(j) >= keep_place(i) + KEEP_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_lie_below_the_kernel),
		cmocka_unit_test(a_place_that_is_in_use_is_passed_over),
		cmocka_unit_test(a_place_is_taken_whole_or_not_at_all),
		cmocka_unit_test(places_are_pages_that_do_not_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

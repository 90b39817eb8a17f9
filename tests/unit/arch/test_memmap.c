/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86_64/memmap.h"

#define MIB 0x100000ull
#define GIB 0x40000000ull

static struct memmap map;

#define NORMALISE(...)                                                         \
	do {                                                                   \
		const struct mem_range in[] = { __VA_ARGS__ };                 \
		memmap_normalise(&map, in, sizeof(in) / sizeof(in[0]));        \
	} while (0)

static void assert_range(uint32_t i, uint64_t base, uint64_t end, uint32_t type)
{
	assert_true(i < map.count);
	assert_int_equal(map.range[i].base, base);
	assert_int_equal(map.range[i].base + map.range[i].len, end);
	assert_int_equal(map.range[i].type, type);
}

static void sorts_and_merges_neighbours_of_one_type(void **state)
{
	NORMALISE({ 3 * MIB, MIB, MEM_FREE, 0 }, { MIB, MIB, MEM_FREE, 0 },
	    { 2 * MIB, MIB, MEM_FREE, 0 }, { 5 * MIB, MIB, MEM_FREE, 0 });
	assert_int_equal(map.count, 2);
	assert_range(0, MIB, 4 * MIB, MEM_FREE);
	assert_range(1, 5 * MIB, 6 * MIB, MEM_FREE);
}

static void reserved_wins_over_free_in_any_order(void **state)
{
	NORMALISE(
	    { 4 * MIB, MIB, MEM_RESERVED, 0 }, { MIB, 9 * MIB, MEM_FREE, 0 });
	assert_int_equal(map.count, 3);
	assert_range(0, MIB, 4 * MIB, MEM_FREE);
	assert_range(1, 4 * MIB, 5 * MIB, MEM_RESERVED);
	assert_range(2, 5 * MIB, 10 * MIB, MEM_FREE);
}

static void untouchable_wins_over_everything(void **state)
{
	NORMALISE({ 2 * MIB, 4 * MIB, MEM_OTHER, 0 },
	    { MIB, 9 * MIB, MEM_FREE, 0 }, { 3 * MIB, MIB, MEM_RESERVED, 0 },
	    { 4 * MIB, 4 * MIB, MEM_ACPI, 0 });
	assert_int_equal(map.count, 4);
	assert_range(0, MIB, 2 * MIB, MEM_FREE);
	assert_range(1, 2 * MIB, 6 * MIB, MEM_OTHER);
	assert_range(2, 6 * MIB, 8 * MIB, MEM_ACPI);
	assert_range(3, 8 * MIB, 10 * MIB, MEM_FREE);
}

static void unknown_types_are_untouchable(void **state)
{
	NORMALISE({ 2 * MIB, MIB, 0, 0 }, { 4 * MIB, MIB, 77, 0 });
	assert_range(0, 2 * MIB, 3 * MIB, MEM_OTHER);
	assert_range(1, 4 * MIB, 5 * MIB, MEM_OTHER);
}

static void free_shrinks_and_reserved_grows_to_pages(void **state)
{
	NORMALISE({ MIB + 1, 2 * MIB, MEM_FREE, 0 },
	    { 2 * MIB + 100, 10, MEM_RESERVED, 0 });
	assert_int_equal(map.count, 3);
	assert_range(0, MIB + 4096, 2 * MIB, MEM_FREE);
	assert_range(1, 2 * MIB, 2 * MIB + 4096, MEM_RESERVED);
	assert_range(2, 2 * MIB + 4096, 3 * MIB, MEM_FREE);
}

static void free_smaller_than_a_page_vanishes(void **state)
{
	NORMALISE({ 2 * MIB + 8, 4096, MEM_FREE, 0 },
	    { 3 * MIB, 0, MEM_FREE, 0 }, { 4 * MIB, 0, MEM_RESERVED, 0 });
	assert_int_equal(map.count, 0);
}

static void low_memory_is_never_free(void **state)
{
	NORMALISE({ 0, 0x9fc00, MEM_FREE, 0 }, { 0, 3 * MIB, MEM_FREE, 0 },
	    { 0x9fc00, 0x400, MEM_OTHER, 0 });
	assert_range(0, 0x9f000, 0xa0000, MEM_OTHER);
	assert_range(1, MIB, 3 * MIB, MEM_FREE);
}

static void lengths_that_overflow_are_cut(void **state)
{
	NORMALISE({ GIB, UINT64_MAX, MEM_OTHER, 0 },
	    { UINT64_MAX - 5, 3, MEM_FREE, 0 },
	    { MIB, UINT64_MAX - 2 * MIB, MEM_FREE, 0 });
	assert_int_equal(map.count, 2);
	assert_range(0, MIB, GIB, MEM_FREE);
	assert_range(1, GIB, 1ull << 52, MEM_OTHER);
}

/* Maps as real BIOSes give them: the hole at 640 KiB, tables inside RAM that is
 * listed once more, one entry across 4 GiB, one of no length, one backwards. */
static void odd_maps_of_old_machines_are_made_sound(void **state)
{
	NORMALISE({ 4 * GIB, GIB, MEM_FREE, 0 }, { 0, 0x9fc00, MEM_FREE, 0 },
	    { 0x9fc00, 0x400, MEM_OTHER, 0 },
	    { 0xf0000, 0x10000, MEM_OTHER, 0 },
	    { MIB, 0x1fef0000, MEM_FREE, 0 },
	    { 0x1fff0000, 0x3000, MEM_ACPI, 0 },
	    { 0x1fe00000, MIB, MEM_FREE, 0 }, { 5 * MIB, 0, MEM_OTHER, 0 },
	    { 0xfffc0000, 0x40000, MEM_OTHER, 0 },
	    { 0xffff0000, 0x20000, MEM_OTHER, 0 });
	assert_int_equal(map.count, 6);
	assert_range(0, 0x9f000, 0xa0000, MEM_OTHER);
	assert_range(1, 0xf0000, MIB, MEM_OTHER);
	assert_range(2, MIB, 0x1fff0000, MEM_FREE);
	assert_range(3, 0x1fff0000, 0x1fff3000, MEM_ACPI);
	assert_range(4, 0xfffc0000, 4 * GIB + 0x10000, MEM_OTHER);
	assert_range(5, 4 * GIB + 0x10000, 5 * GIB, MEM_FREE);
}

static void an_empty_map_stays_empty(void **state)
{
	memmap_normalise(&map, NULL, 0);
	assert_int_equal(map.count, 0);
	assert_int_equal(memmap_total(&map, MEM_FREE), 0);
	assert_false(memmap_overlaps(&map, 0, UINT64_MAX, MEM_FREE));
}

static void totals_count_one_type_above_four_gib_too(void **state)
{
	NORMALISE({ MIB, MIB, MEM_FREE, 0 }, { 4 * GIB, GIB, MEM_FREE, 0 },
	    { 3 * GIB, GIB, MEM_OTHER, 0 });
	assert_int_equal(memmap_total(&map, MEM_FREE), MIB + GIB);
	assert_int_equal(memmap_total(&map, MEM_ACPI), 0);
}

static void overlap_ends_where_the_range_ends(void **state)
{
	NORMALISE({ 2 * MIB, MIB, MEM_FREE, 0 });
	assert_true(memmap_overlaps(&map, 3 * MIB - 1, 1, MEM_FREE));
	assert_false(memmap_overlaps(&map, 3 * MIB, MIB, MEM_FREE));
	assert_false(memmap_overlaps(&map, MIB, MIB, MEM_FREE));
	assert_true(memmap_overlaps(&map, MIB, MIB + 1, MEM_FREE));
	assert_false(memmap_overlaps(&map, 2 * MIB, MIB, MEM_RESERVED));
}

/* Page by page, the highest type that covers a page is the one it has; free
 * needs the whole page. */
static uint32_t expected(const struct mem_range *in, uint32_t n, uint64_t page)
{
	uint32_t type = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t end = in[i].base + in[i].len;
		bool covers = in[i].type == MEM_FREE
		                  ? in[i].base <= page && end >= page + 4096
		                  : in[i].base < page + 4096 && end > page;

		if (covers && in[i].len > 0 && in[i].type > type)
			type = in[i].type;
	}
	return type;
}

static void a_stretch_has_the_type_of_one_whole_range(void **state)
{
	NORMALISE({ MIB, MIB, MEM_FREE, 0 }, { 2 * MIB, MIB, MEM_ACPI, 0 });
	assert_int_equal(memmap_type_of(&map, MIB, MIB), MEM_FREE);
	assert_int_equal(memmap_type_of(&map, 2 * MIB, 1), MEM_ACPI);
	assert_int_equal(memmap_type_of(&map, MIB, MIB + 1), 0);
	assert_int_equal(memmap_type_of(&map, MIB - 1, 2), 0);
	assert_int_equal(memmap_type_of(&map, MIB + 4096, UINT64_MAX), 0);
	assert_int_equal(memmap_type_of(&map, 3 * MIB, 1), 0);
}

static void agrees_with_a_page_by_page_model(void **state)
{
	uint32_t seed = 1;

	for (int round = 0; round < 300; round++) {
		struct mem_range in[40];

		for (int i = 0; i < 40; i++) {
			seed = seed * 1664525 + 1013904223;
			in[i].base = MIB + (seed >> 8) % (256 * 4096);
			seed = seed * 1664525 + 1013904223;
			in[i].len = (seed >> 8) % (40 * 4096);
			in[i].type = 1 + (seed >> 4) % 4;
		}
		memmap_normalise(&map, in, 40);
		for (uint64_t p = MIB; p < MIB + 300 * 4096; p += 4096)
			for (uint32_t t = 1; t <= 4; t++)
				assert_int_equal(
				    memmap_overlaps(&map, p, 4096, t),
				    expected(in, 40, p) == t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_and_merges_neighbours_of_one_type),
		cmocka_unit_test(reserved_wins_over_free_in_any_order),
		cmocka_unit_test(untouchable_wins_over_everything),
		cmocka_unit_test(unknown_types_are_untouchable),
		cmocka_unit_test(free_shrinks_and_reserved_grows_to_pages),
		cmocka_unit_test(free_smaller_than_a_page_vanishes),
		cmocka_unit_test(low_memory_is_never_free),
		cmocka_unit_test(lengths_that_overflow_are_cut),
		cmocka_unit_test(odd_maps_of_old_machines_are_made_sound),
		cmocka_unit_test(an_empty_map_stays_empty),
		cmocka_unit_test(totals_count_one_type_above_four_gib_too),
		cmocka_unit_test(overlap_ends_where_the_range_ends),
		cmocka_unit_test(a_stretch_has_the_type_of_one_whole_range),
		cmocka_unit_test(agrees_with_a_page_by_page_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

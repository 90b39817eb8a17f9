/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/acpi.h"

static uint8_t type[2];

/* A copy of exactly that size, so that the sanitizer notices a read behind. */
static bool find(const void *aml, uint32_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	bool found;

	memcpy(copy, aml, len);
	type[0] = type[1] = 0xee;
	found = acpi_find_s5(copy, len, type);
	free(copy);
	if (!found)
		assert_true(type[0] == 0xee && type[1] == 0xee);
	return found;
}

#define FIND(...)                                                              \
	find((const uint8_t[]){ __VA_ARGS__ },                                 \
	    sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define S5 '_', 'S', '5', '_'

static void expect(bool found, uint8_t a, uint8_t b)
{
	assert_true(found);
	assert_int_equal(type[0], a);
	assert_int_equal(type[1], b);
}

static void qemu_and_most_machines_write_it_like_this(void **state)
{
	expect(FIND(8, S5, 0x12, 6, 4, 0, 0, 0, 0), 0, 0);
	expect(FIND(8, S5, 0x12, 8, 4, 0x0a, 5, 0x0a, 6, 0, 0), 5, 6);
	expect(FIND(0x10, 0x14, 8, '\\', S5, 0x12, 6, 4, 1, 1, 0, 0), 1, 1);
}

static void every_kind_of_integer_is_read(void **state)
{
	expect(FIND(8, S5, 0x12, 8, 2, 0x0b, 3, 0, 0x0b, 4, 0), 3, 4);
	expect(FIND(8, S5, 0x12, 8, 2, 0x0c, 7, 0, 0, 0, 1), 7, 1);
	expect(FIND(8, S5, 0x12, 12, 2, 0x0e, 2, 0, 0, 0, 0, 0, 0, 0, 0), 2, 0);
}

static void one_element_holds_both(void **state)
{
	expect(FIND(8, S5, 0x12, 5, 1, 0x0b, 5, 6), 5, 6);
	expect(FIND(8, S5, 0x12, 4, 1, 0x0a, 5), 5, 0);
}

static void a_length_may_take_more_bytes(void **state)
{
	expect(FIND(8, S5, 0x12, 0x46, 0, 2, 0x0a, 5, 1), 5, 1);
	expect(FIND(8, S5, 0x12, 0xc8, 0, 0, 0, 2, 0x0a, 4, 1), 4, 1);
}

static void a_mere_use_of_the_name_is_passed_over(void **state)
{
	expect(FIND(0x70, S5, 0x12, 6, 4, 1, 1, 0, 0, 8, S5, 0x12, 4, 2, 0, 1),
	    0, 1);
	assert_false(FIND(S5, 0x12, 6, 4, 1, 1, 0, 0));
	assert_false(FIND('\\', S5, 0x12, 6, 4, 1, 1, 0, 0));
	assert_false(FIND(0x70, '\\', S5, 0x12, 6, 4, 1, 1, 0, 0));
	/* A method of this name has to be run. */
	assert_false(FIND(0x14, 7, S5, 0, 0xa4, 0));
}

static void what_is_no_constant_is_not_guessed(void **state)
{
	assert_false(FIND(8, S5, 0x12, 12, 2, 'A', 'B', 'C', '_', 0, 0));
	assert_false(FIND(8, S5, 0x0a, 5));
	assert_false(FIND(8, S5, 0x12, 3, 2, 0xff, 0));
	assert_false(FIND(8, S5, 0x12, 2, 0, 5, 5));
}

static void a_type_of_more_than_three_bits_is_none(void **state)
{
	assert_false(FIND(8, S5, 0x12, 6, 2, 0x0a, 8, 0x0a, 0));
	assert_false(FIND(8, S5, 0x12, 6, 2, 0x0a, 0, 0x0a, 255));
	assert_false(FIND(8, S5, 0x12, 7, 2, 0x0b, 5, 1, 0));
	assert_false(FIND(8, S5, 0x12, 5, 1, 0x0b, 5, 8));
}

static void a_length_that_cannot_be_ends_it(void **state)
{
	assert_false(FIND(8, S5, 0x12, 0, 2, 0, 0)); /* not even itself */
	assert_false(FIND(8, S5, 0x12, 3, 2, 0, 0)); /* one element fits */
	assert_false(FIND(8, S5, 0x12, 5, 2, 0, 0)); /* behind the table */
	assert_false(FIND(8, S5, 0x12, 0xff, 0xff, 0xff, 0xff, 2, 0, 0));
	assert_false(FIND(8, S5, 0x12, 0x41, 0, 2, 0, 0));
}

static void a_table_that_ends_anywhere_is_no_harm(void **state)
{
	static const uint8_t whole[] = { 8, S5, 0x12, 0xcf, 0, 0, 0, 4, 0x0a, 5,
		0x0b, 6, 0, 0x0c, 1, 0, 0, 0 };

	for (uint32_t len = 0; len < sizeof(whole); len++)
		assert_false(find(whole, len));
	expect(find(whole, sizeof(whole)), 5, 6);
}

static void any_byte_at_any_place_is_no_harm(void **state)
{
	uint8_t aml[] = { 8, S5, 0x12, 7, 2, 0x0a, 5, 0x0b, 5, 0 };

	for (uint32_t at = 0; at < sizeof(aml); at++) {
		uint8_t was = aml[at];

		for (unsigned v = 0; v < 256; v++) {
			aml[at] = (uint8_t)v;
			if (find(aml, sizeof(aml)))
				assert_true(type[0] <= 7 && type[1] <= 7);
		}
		aml[at] = was;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_and_most_machines_write_it_like_this),
		cmocka_unit_test(every_kind_of_integer_is_read),
		cmocka_unit_test(one_element_holds_both),
		cmocka_unit_test(a_length_may_take_more_bytes),
		cmocka_unit_test(a_mere_use_of_the_name_is_passed_over),
		cmocka_unit_test(what_is_no_constant_is_not_guessed),
		cmocka_unit_test(a_type_of_more_than_three_bits_is_none),
		cmocka_unit_test(a_length_that_cannot_be_ends_it),
		cmocka_unit_test(a_table_that_ends_anywhere_is_no_harm),
		cmocka_unit_test(any_byte_at_any_place_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

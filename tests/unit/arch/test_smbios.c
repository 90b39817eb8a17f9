/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/smbios.h"

#define MEMORY 0x100000u
#define ENTRY  0xf0010u
#define OTHER  0x90000u
#define TABLE  0x80000u

/* Room for an entry that runs over the end, which the view does not show. */
static uint8_t memory[MEMORY + 64];
static uint32_t table_end;
static struct smbios_facts facts;
static void *lent[4096];
static unsigned lent_count;

/* What is lent is a copy of exactly that size, so that the sanitizer notices a
 * read behind it. */
static const void *view(uint64_t address, uint64_t len, void *ctx)
{
	void *p;

	assert_ptr_equal(ctx, memory);
	assert_true(len > 0);
	if (address >= MEMORY || len > MEMORY - address)
		return NULL;
	assert_true(lent_count < 4096);
	p = malloc(len);
	memcpy(p, memory + address, len);
	lent[lent_count++] = p;
	return p;
}

static void put(uint32_t at, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		memory[at + i] = (uint8_t)(v >> 8 * i);
}

static void seal(uint32_t base, uint32_t len, uint32_t at)
{
	uint8_t sum = 0;

	memory[at] = 0;
	for (uint32_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + memory[base + i]);
	memory[at] = (uint8_t)-sum;
}

/* DSP0134 5.2.1 */
static void make_entry_2(uint32_t at)
{
	memcpy(memory + at, "_SM_", 4);
	put(at + 5, 0x1f, 1);
	put(at + 0x16, table_end - TABLE, 2);
	put(at + 0x18, TABLE, 4);
	seal(at, 0x1f, at + 4);
}

/* DSP0134 5.2.2 */
static void make_entry_3(uint32_t at, uint64_t table)
{
	memcpy(memory + at, "_SM3_", 5);
	put(at + 6, 0x18, 1);
	put(at + 0x0c, table_end - TABLE, 4);
	put(at + 0x10, table, 8);
	seal(at, 0x18, at + 5);
}

/* A structure whose bytes from 4 on number its strings 1, 2, ...; strings ends
 * with two zeros. */
static void add(uint8_t type, uint8_t len, const char *strings)
{
	uint8_t *p = memory + table_end;
	uint32_t n = 0;

	p[0] = type;
	p[1] = len;
	for (uint8_t i = 4; i < len; i++)
		p[i] = (uint8_t)(i - 3);
	while (strings[n] || strings[n + 1])
		n++;
	memcpy(p + len, strings, n + 2);
	table_end += len + n + 2;
}

static void make_machine(void)
{
	add(0, 0x18,
	    "SeaBIOS\0rel-1.16\0ignored\0seg\0"
	    "04/01/2014\0");
	memory[TABLE + 8] = 5;
	add(1, 0x1b, "QEMU\0Standard PC\0pc-1\0");
	add(2, 0x0f, "Board Co\0X1\0");
	add(127, 4, "\0");
}

static int start(void **state)
{
	memset(memory, 0, sizeof(memory));
	table_end = TABLE;
	return 0;
}

static int stop(void **state)
{
	while (lent_count > 0)
		free(lent[--lent_count]);
	return 0;
}

static void check_machine(void)
{
	assert_true(facts.found);
	assert_string_equal(facts.firmware_vendor, "SeaBIOS");
	assert_string_equal(facts.firmware_version, "rel-1.16");
	assert_string_equal(facts.firmware_date, "04/01/2014");
	assert_string_equal(facts.maker, "QEMU");
	assert_string_equal(facts.model, "Standard PC");
	assert_string_equal(facts.board_maker, "Board Co");
	assert_string_equal(facts.board, "X1");
}

static void check_nothing(void)
{
	static const struct smbios_facts none;

	assert_memory_equal(&facts, &none, sizeof(none));
}

static void the_entry_is_found_in_the_bios_area(void **state)
{
	make_machine();
	make_entry_2(ENTRY);
	smbios_read(&facts, 0, view, memory);
	check_machine();
}

static void the_newer_entry_at_the_very_end_is_found(void **state)
{
	make_machine();
	make_entry_3(0xfffe0, TABLE);
	smbios_read(&facts, 0, view, memory);
	check_machine();
}

static void an_entry_that_the_door_names_is_read(void **state)
{
	make_machine();
	make_entry_3(OTHER, TABLE);
	smbios_read(&facts, OTHER, view, memory);
	check_machine();
}

static void an_entry_that_leads_nowhere_hides_no_other(void **state)
{
	make_machine();
	make_entry_2(ENTRY);
	make_entry_3(OTHER, 1ull << 40);
	smbios_read(&facts, OTHER, view, memory);
	check_machine();
	smbios_read(&facts, OTHER + 16, view, memory);
	check_machine();
	smbios_read(&facts, 1ull << 40, view, memory);
	check_machine();
}

static void without_an_entry_nothing_is_said(void **state)
{
	make_machine();
	smbios_read(&facts, 0, view, memory);
	check_nothing();
}

static void every_flipped_bit_of_an_entry_is_noticed(void **state)
{
	make_machine();
	make_entry_2(ENTRY);
	for (uint32_t bit = 0; bit < 0x1f * 8; bit++) {
		memory[ENTRY + bit / 8] ^= (uint8_t)(1 << bit % 8);
		smbios_read(&facts, 0, view, memory);
		check_nothing();
		memory[ENTRY + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void a_length_that_cannot_be_is_no_entry(void **state)
{
	static const uint8_t lens[] = { 0, 0x1e, 0x41, 0xff };

	make_machine();
	for (size_t i = 0; i < sizeof(lens); i++) {
		make_entry_2(ENTRY);
		memory[ENTRY + 5] = lens[i];
		seal(ENTRY, lens[i] ? lens[i] : 1, ENTRY + 4);
		smbios_read(&facts, 0, view, memory);
		check_nothing();
	}
	make_entry_2(0xffff0);
	memset(memory + ENTRY, 0, 0x20);
	smbios_read(&facts, 0, view, memory);
	check_nothing();
}

/* Cut anywhere, what lies before the cut is read and nothing behind it. */
static void a_table_cut_short_is_read_as_far_as_it_goes(void **state)
{
	uint32_t whole;

	make_machine();
	whole = table_end;
	for (table_end = TABLE; table_end < whole; table_end++) {
		make_entry_2(ENTRY);
		smbios_read(&facts, 0, view, memory);
		if (!facts.found)
			check_nothing();
		stop(NULL);
	}
	smbios_read(&facts, 0, view, memory);
	assert_string_equal(facts.board, "X1");
}

static void a_structure_shorter_than_its_header_ends_the_table(void **state)
{
	add(1, 6, "A\0B\0");
	memory[table_end + 1] = 3;
	table_end += 40;
	add(2, 6, "C\0D\0");
	make_entry_2(ENTRY);
	smbios_read(&facts, 0, view, memory);
	assert_string_equal(facts.model, "B");
	assert_string_equal(facts.board, "");
}

static void a_string_that_is_not_there_is_empty(void **state)
{
	add(1, 6, "only one\0");
	memory[TABLE + 4] = 0;
	add(2, 5, "short\0");
	make_entry_2(ENTRY);
	smbios_read(&facts, 0, view, memory);
	assert_string_equal(facts.maker, "");
	assert_string_equal(facts.model, "");
	assert_string_equal(facts.board_maker, "short");
	assert_string_equal(facts.board, "");
}

static void strings_are_fit_for_a_row_of_a_table(void **state)
{
	add(1, 6,
	    "  Dell | Inc.\t \x80\0"
	    "Opti\nPlex  755 \0");
	make_entry_2(ENTRY);
	smbios_read(&facts, 0, view, memory);
	assert_string_equal(facts.maker, "Dell Inc.");
	assert_string_equal(facts.model, "Opti Plex 755");
}

static void a_long_string_is_cut(void **state)
{
	char strings[202];

	memset(strings, 'x', 200);
	strings[200] = strings[201] = '\0';
	add(1, 5, strings);
	make_entry_2(ENTRY);
	smbios_read(&facts, 0, view, memory);
	assert_int_equal(strlen(facts.maker), SMBIOS_TEXT_BYTES - 1);
}

static void samples_that_a_maker_left_say_nothing(void **state)
{
	add(1, 6, "To be filled by O.E.M.\0System Product Name\0");
	add(2, 6, "ASUSTeK\0P5Q\0");
	add(2, 6, "second\0board\0");
	make_entry_2(ENTRY);
	smbios_read(&facts, 0, view, memory);
	assert_string_equal(facts.maker, "");
	assert_string_equal(facts.model, "");
	assert_string_equal(facts.board_maker, "ASUSTeK");
	assert_string_equal(facts.board, "P5Q");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_entry_is_found_in_the_bios_area),
		CASE(the_newer_entry_at_the_very_end_is_found),
		CASE(an_entry_that_the_door_names_is_read),
		CASE(an_entry_that_leads_nowhere_hides_no_other),
		CASE(without_an_entry_nothing_is_said),
		CASE(every_flipped_bit_of_an_entry_is_noticed),
		CASE(a_length_that_cannot_be_is_no_entry),
		CASE(a_table_cut_short_is_read_as_far_as_it_goes),
		CASE(a_structure_shorter_than_its_header_ends_the_table),
		CASE(a_string_that_is_not_there_is_empty),
		CASE(strings_are_fit_for_a_row_of_a_table),
		CASE(a_long_string_is_cut),
		CASE(samples_that_a_maker_left_say_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

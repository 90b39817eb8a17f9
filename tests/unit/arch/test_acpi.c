/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/acpi.h"

#define MEMORY 0x100000u
#define RSDP   0xe0010u
#define RSDT   0xe1000u
#define XSDT   0xe2000u
#define MADT   0xe3000u
#define FADT   0xe4000u
#define HPET   0xe5000u
#define MCFG   0xe6000u
#define DSDT   0xe7000u
#define SSDT   0xe8000u

static uint8_t memory[MEMORY];
static struct acpi_facts facts;
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

/* Sets the checksum byte at `at` so that len bytes from base add up to 0. */
static void seal(uint32_t base, uint32_t len, uint32_t at)
{
	uint8_t sum = 0;

	memory[at] = 0;
	for (uint32_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + memory[base + i]);
	memory[at] = (uint8_t)-sum;
}

static void finish(uint32_t at, const char *signature, uint32_t len)
{
	memcpy(memory + at, signature, 4);
	put(at + 4, len, 4);
	seal(at, len, at + 9);
}

static void make_root(uint8_t revision)
{
	memcpy(memory + RSDP, "RSD PTR ", 8);
	memory[RSDP + 15] = revision;
	put(RSDP + 16, RSDT, 4);
	put(RSDP + 20, 36, 4);
	put(RSDP + 24, revision >= 2 ? XSDT : 0, 8);
	seal(RSDP, 20, RSDP + 8);
	seal(RSDP, 36, RSDP + 32);
}

static void list_tables(const uint32_t *address, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		put(RSDT + 36 + 4 * i, address[i], 4);
		put(XSDT + 36 + 8 * i, address[i], 8);
	}
	finish(RSDT, "RSDT", 36 + 4 * n);
	finish(XSDT, "XSDT", 36 + 8 * n);
}

static uint32_t madt_end;

static void madt_add(const uint8_t *e, unsigned len)
{
	memcpy(memory + madt_end, e, len);
	madt_end += len;
	finish(MADT, "APIC", madt_end - MADT);
}

#define MADT_ADD(...)                                                          \
	madt_add((const uint8_t[]){ __VA_ARGS__ },                             \
	    sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void make_madt(void)
{
	put(MADT + 36, 0xfee00000, 4);
	put(MADT + 40, 1, 4);
	madt_end = MADT + 44;
	MADT_ADD(0, 8, 0, 0, 1, 0, 0, 0);
	MADT_ADD(0, 8, 1, 1, 1, 0, 0, 0);
	MADT_ADD(0, 8, 2, 2, 0, 0, 0, 0);
	MADT_ADD(1, 12, 3, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0);
	MADT_ADD(2, 10, 0, 0, 2, 0, 0, 0, 0, 0);
	MADT_ADD(2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0);
	MADT_ADD(2, 10, 0, 11, 20, 0, 0, 0, 0x0f, 0);
	MADT_ADD(4, 6, 0xff, 0, 0, 0);
}

static void make_fadt(uint8_t revision, uint32_t len)
{
	memory[FADT + 8] = revision;
	put(FADT + 40, DSDT, 4);
	put(FADT + 46, 9, 2);
	put(FADT + 48, 0xb2, 4);
	memory[FADT + 52] = 0xf1;
	put(FADT + 56, 0x600, 4);
	put(FADT + 64, 0x604, 4);
	put(FADT + 76, 0x608, 4);
	memory[FADT + 88] = 4;
	put(FADT + 109, 0x12, 2);
	put(FADT + 112, 1u << 10 | 1u << 8, 4);
	memory[FADT + 116] = ACPI_SPACE_IO;
	memory[FADT + 117] = 8;
	put(FADT + 120, 0xcf9, 8);
	memory[FADT + 128] = 0x0f;
	finish(FADT, "FACP", len);
}

static void make_others(void)
{
	memory[HPET + 40] = ACPI_SPACE_MEMORY;
	put(HPET + 44, 0xfed00000, 8);
	finish(HPET, "HPET", 56);
	put(MCFG + 44, 0xb0000000, 8);
	memory[MCFG + 55] = 0xff;
	finish(MCFG, "MCFG", 60);
}

static void make_aml(uint32_t at, const char *signature, uint8_t type)
{
	const uint8_t s5[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x02, 0x0a,
		type, 0x0a, type };

	memcpy(memory + at + 36 + 5, s5, sizeof(s5));
	finish(at, signature, 36 + 5 + sizeof(s5));
}

/* A machine with all tables, ACPI 2.0 and later. */
static int start(void **state)
{
	static const uint32_t all[] = { FADT, MADT, HPET, MCFG };

	memset(memory, 0, sizeof(memory));
	make_root(2);
	make_madt();
	make_fadt(6, 276);
	make_others();
	make_aml(DSDT, "DSDT", 5);
	list_tables(all, 4);
	return 0;
}

static int stop(void **state)
{
	while (lent_count > 0)
		free(lent[--lent_count]);
	return 0;
}

static void read_at(uint64_t rsdp)
{
	acpi_read(&facts, rsdp, view, memory);
}

static void check_defaults(void)
{
	assert_false(facts.found);
	assert_false(facts.has_madt);
	assert_false(facts.has_fadt);
	assert_true(facts.has_8259);
	assert_int_equal(facts.ioapic_count, 0);
	assert_int_equal(facts.isa[11].gsi, 11);
	assert_int_equal(facts.nmi_lint, 1);
	assert_int_equal(facts.pm_timer, 0);
}

static void all_tables_of_a_modern_machine_are_read(void **state)
{
	read_at(RSDP);
	assert_true(facts.found && facts.has_madt && facts.has_fadt);
	assert_int_equal(facts.broken, 0);
	assert_int_equal(facts.revision, 2);
	assert_int_equal(facts.lapic_address, 0xfee00000);
	assert_true(facts.has_8259);
	assert_int_equal(facts.cpus, 2);
	assert_int_equal(facts.nmi_lint, 0);
	assert_int_equal(facts.ioapic_count, 1);
	assert_int_equal(facts.ioapic[0].address, 0xfec00000);
	assert_int_equal(facts.ioapic[0].gsi_base, 0);
	assert_int_equal(facts.ioapic[0].id, 3);
	assert_int_equal(facts.hpet, 0xfed00000);
	assert_int_equal(facts.mmconfig, 0xb0000000);
	assert_int_equal(facts.mmconfig_bytes, 256 << 20);
}

static void overrides_replace_the_identity(void **state)
{
	read_at(RSDP);
	assert_int_equal(facts.isa[0].gsi, 2);
	assert_int_equal(facts.isa[0].trigger, ACPI_TRIGGER_BUS);
	assert_int_equal(facts.isa[9].gsi, 9);
	assert_int_equal(facts.isa[9].trigger, ACPI_TRIGGER_LEVEL);
	assert_int_equal(facts.isa[9].polarity, ACPI_POLARITY_HIGH);
	assert_int_equal(facts.isa[11].gsi, 20);
	assert_int_equal(facts.isa[11].polarity, ACPI_POLARITY_LOW);
	assert_false(facts.isa[10].overridden);
	assert_int_equal(facts.isa[10].gsi, 10);
}

static void fixed_hardware_is_read(void **state)
{
	read_at(RSDP);
	assert_int_equal(facts.sci, 9);
	assert_int_equal(facts.pm_timer, 0x608);
	assert_true(facts.pm_timer_32_bits);
	assert_int_equal(facts.reset.address, 0xcf9);
	assert_int_equal(facts.reset.space, ACPI_SPACE_IO);
	assert_int_equal(facts.reset_value, 0x0f);
	assert_int_equal(facts.pm1a_control.address, 0x604);
	assert_int_equal(facts.pm1b_control.address, 0);
	assert_int_equal(facts.smi_command, 0xb2);
	assert_int_equal(facts.acpi_enable, 0xf1);
	assert_int_equal(facts.boot_arch, 0x12);
	assert_int_equal(facts.dsdt, DSDT);
	assert_int_equal(facts.pm1a_event.address, 0x600);
	assert_int_equal(facts.pm1a_event.space, ACPI_SPACE_IO);
	assert_int_equal(facts.pm1_event_bytes, 4);
	assert_true(facts.fixed_power_button);
}

static void the_way_to_switch_off_is_in_the_dsdt(void **state)
{
	read_at(RSDP);
	assert_true(facts.has_s5);
	assert_int_equal(facts.s5_type[0], 5);
	assert_int_equal(facts.s5_type[1], 5);
	/* What is damaged says nothing. */
	memory[DSDT + 36 + 5 + 9] ^= 1;
	read_at(RSDP);
	assert_false(facts.has_s5);
	assert_int_equal(facts.broken, 1);
	/* What is something else says nothing either. */
	make_aml(DSDT, "OEM0", 5);
	read_at(RSDP);
	assert_false(facts.has_s5);
}

static void the_way_to_switch_off_may_be_in_an_ssdt(void **state)
{
	static const uint32_t all[] = { FADT, MADT, SSDT };

	memset(memory + DSDT + 36, 0, 64);
	finish(DSDT, "DSDT", 100);
	make_aml(SSDT, "SSDT", 7);
	list_tables(all, 3);
	read_at(RSDP);
	assert_true(facts.has_s5);
	assert_int_equal(facts.s5_type[0], 7);
}

static void a_power_button_in_aml_is_none_of_the_registers(void **state)
{
	put(FADT + 112, 1u << 4, 4);
	finish(FADT, "FACP", 276);
	read_at(RSDP);
	assert_false(facts.fixed_power_button);
}

static void extended_addresses_win_over_ports(void **state)
{
	memory[FADT + 172] = ACPI_SPACE_MEMORY;
	put(FADT + 176, 0xfed81000, 8);
	memory[FADT + 208] = ACPI_SPACE_IO;
	put(FADT + 212, 0x808, 8);
	put(FADT + 140, 0x6fe0000, 8);
	finish(FADT, "FACP", 276);
	read_at(RSDP);
	assert_int_equal(facts.pm1a_control.space, ACPI_SPACE_MEMORY);
	assert_int_equal(facts.pm1a_control.address, 0xfed81000);
	assert_int_equal(facts.pm_timer, 0x808);
	assert_int_equal(facts.dsdt, 0x6fe0000);
}

/* ACPI 1.0: no XSDT, a FADT of 116 bytes, reserved fields of any value. */
static void acpi_1_has_neither_flags_nor_a_reset_register(void **state)
{
	make_root(0);
	make_fadt(1, 116);
	read_at(RSDP);
	assert_true(facts.found);
	assert_int_equal(facts.revision, 0);
	assert_int_equal(facts.boot_arch, 0);
	assert_int_equal(facts.reset.address, 0);
	assert_int_equal(facts.pm_timer, 0x608);
	assert_int_equal(facts.pm1a_control.address, 0x604);
}

static void a_machine_of_reduced_hardware_has_no_timer(void **state)
{
	put(FADT + 112, 1u << 20, 4);
	memory[FADT + 244] = ACPI_SPACE_IO;
	put(FADT + 248, 0x500, 8);
	finish(FADT, "FACP", 276);
	read_at(RSDP);
	assert_true(facts.reduced_hardware);
	assert_false(facts.fixed_power_button);
	assert_int_equal(facts.pm1a_event.address, 0);
	assert_int_equal(facts.sleep_control.address, 0x500);
	assert_int_equal(facts.pm_timer, 0);
	assert_int_equal(facts.pm1a_control.address, 0);
}

static void the_root_is_found_in_the_bios_area(void **state)
{
	assert_int_equal(acpi_find_root(view, memory), RSDP);
	read_at(0);
	assert_true(facts.found);
}

static void the_root_in_the_ebda_comes_first(void **state)
{
	put(0x40e, 0x9fc0, 2);
	memcpy(memory + 0x9fc00, memory + RSDP, 36);
	assert_int_equal(acpi_find_root(view, memory), 0x9fc00);
	/* Not in its first KiB. */
	memset(memory + 0x9fc00, 0, 36);
	put(0x40e, 0x9000, 2);
	memcpy(memory + 0x90400, memory + RSDP, 36);
	assert_int_equal(acpi_find_root(view, memory), RSDP);
}

static void a_root_at_the_very_end_is_read(void **state)
{
	memcpy(memory + 0xffff0 - 16, memory + RSDP, 36 - 4);
	memset(memory + RSDP, 0, 36);
	memory[0xfffe0 + 15] = 0;
	seal(0xfffe0, 20, 0xfffe0 + 8);
	assert_int_equal(acpi_find_root(view, memory), 0xfffe0);
	read_at(0);
	assert_true(facts.found);
}

static void without_a_root_it_is_an_old_pc(void **state)
{
	memory[RSDP] = 'r';
	read_at(0);
	check_defaults();
	read_at(RSDP);
	check_defaults();
	read_at(0xfffffffffffffff0ull);
	check_defaults();
}

static void a_wrong_checksum_of_the_root_is_no_root(void **state)
{
	memory[RSDP + 9] ^= 1;
	read_at(RSDP);
	check_defaults();
}

static void a_wrong_xsdt_falls_back_to_the_rsdt(void **state)
{
	memory[XSDT + 20] ^= 1;
	read_at(RSDP);
	assert_true(facts.found && facts.has_madt);
	assert_int_equal(facts.broken, 1);
	assert_int_equal(facts.ioapic_count, 1);
	/* Above what may be read. */
	put(RSDP + 24, 0x100000000ull, 8);
	seal(RSDP, 36, RSDP + 32);
	read_at(RSDP);
	assert_true(facts.found);
}

static void every_flipped_bit_of_a_table_is_noticed(void **state)
{
	for (uint32_t i = 10; i < 276; i++) {
		memory[FADT + i] ^= 0x10;
		read_at(RSDP);
		stop(NULL);
		assert_false(facts.has_fadt);
		assert_true(facts.has_madt);
		assert_int_equal(facts.broken, 1);
		memory[FADT + i] ^= 0x10;
	}
}

static void a_table_without_a_sound_length_is_refused(void **state)
{
	static const uint32_t bad[] = { 0, 8, 35, 0x100001, 0x7fffffff,
		0xffffffff };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(MADT + 4, bad[i], 4);
		read_at(RSDP);
		assert_false(facts.has_madt);
		assert_int_equal(facts.broken, 1);
	}
}

static void short_tables_say_nothing(void **state)
{
	finish(MADT, "APIC", 43);
	finish(FADT, "FACP", 115);
	finish(HPET, "HPET", 55);
	finish(MCFG, "MCFG", 59);
	read_at(RSDP);
	assert_true(facts.found);
	assert_false(facts.has_madt);
	assert_false(facts.has_fadt);
	assert_int_equal(facts.hpet, 0);
	assert_int_equal(facts.mmconfig, 0);
}

static void a_madt_entry_that_is_too_long_ends_the_table(void **state)
{
	MADT_ADD(1, 13, 4, 0, 0, 0, 0xc1, 0xfe, 24, 0, 0, 0);
	read_at(RSDP);
	assert_int_equal(facts.ioapic_count, 1);
	memory[madt_end - 11] = 12;
	finish(MADT, "APIC", madt_end - MADT);
	read_at(RSDP);
	assert_int_equal(facts.ioapic_count, 2);
	assert_int_equal(facts.ioapic[1].gsi_base, 24);
}

static void a_madt_entry_of_length_zero_is_no_loop(void **state)
{
	MADT_ADD(7, 0, 1, 1);
	MADT_ADD(1, 1, 1, 1);
	read_at(RSDP);
	assert_int_equal(facts.ioapic_count, 1);
}

static void short_madt_entries_are_skipped(void **state)
{
	MADT_ADD(1, 2, 2, 4, 0, 0);
	MADT_ADD(0, 2);
	MADT_ADD(5, 4, 0, 0);
	MADT_ADD(4, 3, 0xff);
	read_at(RSDP);
	assert_int_equal(facts.ioapic_count, 1);
	assert_int_equal(facts.lapic_address, 0xfee00000);
}

static void more_io_apics_than_there_is_room_for_are_left_out(void **state)
{
	for (unsigned i = 0; i < 20; i++)
		MADT_ADD(1, 12, 3, 0, 0, 0, 0xc0, 0xfe, 0, 1, 0, 0);
	read_at(RSDP);
	assert_int_equal(facts.ioapic_count, ACPI_IOAPICS_MAX);
}

static void overrides_of_what_is_no_isa_line_are_ignored(void **state)
{
	MADT_ADD(2, 10, 0, 16, 3, 0, 0, 0, 0, 0);
	MADT_ADD(2, 10, 0, 255, 3, 0, 0, 0, 0, 0);
	MADT_ADD(2, 10, 1, 5, 3, 0, 0, 0, 0, 0);
	read_at(RSDP);
	assert_int_equal(facts.isa[5].gsi, 5);
}

static void a_root_that_lists_itself_is_no_loop(void **state)
{
	static const uint32_t loop[] = { XSDT, RSDT, RSDP, 0, 0xffffffff };

	list_tables(loop, 5);
	read_at(RSDP);
	assert_true(facts.found);
	assert_int_equal(facts.broken, 3);
}

static void an_empty_root_is_not_found(void **state)
{
	list_tables(NULL, 0);
	read_at(RSDP);
	check_defaults();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(all_tables_of_a_modern_machine_are_read),
		CASE(overrides_replace_the_identity),
		CASE(fixed_hardware_is_read),
		CASE(the_way_to_switch_off_is_in_the_dsdt),
		CASE(the_way_to_switch_off_may_be_in_an_ssdt),
		CASE(a_power_button_in_aml_is_none_of_the_registers),
		CASE(extended_addresses_win_over_ports),
		CASE(acpi_1_has_neither_flags_nor_a_reset_register),
		CASE(a_machine_of_reduced_hardware_has_no_timer),
		CASE(the_root_is_found_in_the_bios_area),
		CASE(the_root_in_the_ebda_comes_first),
		CASE(a_root_at_the_very_end_is_read),
		CASE(without_a_root_it_is_an_old_pc),
		CASE(a_wrong_checksum_of_the_root_is_no_root),
		CASE(a_wrong_xsdt_falls_back_to_the_rsdt),
		CASE(every_flipped_bit_of_a_table_is_noticed),
		CASE(a_table_without_a_sound_length_is_refused),
		CASE(short_tables_say_nothing),
		CASE(a_madt_entry_that_is_too_long_ends_the_table),
		CASE(a_madt_entry_of_length_zero_is_no_loop),
		CASE(short_madt_entries_are_skipped),
		CASE(more_io_apics_than_there_is_room_for_are_left_out),
		CASE(overrides_of_what_is_no_isa_line_are_ignored),
		CASE(a_root_that_lists_itself_is_no_loop),
		CASE(an_empty_root_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

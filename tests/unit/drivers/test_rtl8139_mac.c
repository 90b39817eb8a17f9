/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/drivers/bench.h"

static const uint8_t good[6] = { 0x00, 0xe0, 0x4c, 0xa1, 0xb2, 0xc3 };

static void set_idr(const uint8_t mac[6])
{
	memcpy(bench.card.idr_mac, mac, 6);
	memcpy(bench.card.rom_mac, good, 6);
}

static void check_uses_rom(void)
{
	assert_int_equal(bench_probe(), 0);
	assert_memory_equal(bench.dev->mac, good, 6);
	/* The receive filter compares with the registers. */
	assert_memory_equal(bench.card.idr, good, 6);
}

static void the_id_registers_hold_the_address(void **state)
{
	set_idr(good);
	bench.card.eeprom = MOCK_EEPROM_NONE;
	assert_int_equal(bench_probe(), 0);
	assert_memory_equal(bench.dev->mac, good, 6);
}

/* [5] [6] */
static void a_zero_address_is_replaced_from_the_93c46(void **state)
{
	set_idr((const uint8_t[6]){ 0 });
	check_uses_rom();
}

static void a_zero_address_is_replaced_from_the_93c56(void **state)
{
	set_idr((const uint8_t[6]){ 0 });
	bench.card.eeprom = MOCK_EEPROM_56;
	check_uses_rom();
}

static void an_all_ones_address_is_replaced(void **state)
{
	set_idr((const uint8_t[6]){ 255, 255, 255, 255, 255, 255 });
	check_uses_rom();
}

static void a_group_address_is_replaced(void **state)
{
	set_idr((const uint8_t[6]){ 0x01, 0, 0x5e, 0, 0, 1 });
	check_uses_rom();
}

static void without_eeprom_a_bad_address_is_refused(void **state)
{
	set_idr((const uint8_t[6]){ 0 });
	bench.card.eeprom = MOCK_EEPROM_NONE;
	assert_int_equal(bench_probe(), -EIO);
	assert_true(logged("no usable MAC address"));
}

static void an_eeprom_without_signature_is_not_believed(void **state)
{
	set_idr((const uint8_t[6]){ 0 });
	bench.card.eeprom_signature = 0xffff;
	assert_int_equal(bench_probe(), -EIO);
}

static void a_bad_address_in_the_eeprom_is_refused(void **state)
{
	set_idr((const uint8_t[6]){ 0 });
	memset(bench.card.rom_mac, 0, 6);
	assert_int_equal(bench_probe(), -EIO);
}

static void the_address_is_restored_after_a_reset(void **state)
{
	set_idr((const uint8_t[6]){ 0 });
	check_uses_rom();
	run_for(MS);
	bench.card.cr = 0;
	run_for(2 * NS_PER_S);
	assert_int_equal(faults(FAULT_HALTED), 1);
	assert_memory_equal(bench.card.idr, good, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    the_id_registers_hold_the_address, bench_power_on),
		cmocka_unit_test_setup(
		    a_zero_address_is_replaced_from_the_93c46, bench_power_on),
		cmocka_unit_test_setup(
		    a_zero_address_is_replaced_from_the_93c56, bench_power_on),
		cmocka_unit_test_setup(
		    an_all_ones_address_is_replaced, bench_power_on),
		cmocka_unit_test_setup(
		    a_group_address_is_replaced, bench_power_on),
		cmocka_unit_test_setup(
		    without_eeprom_a_bad_address_is_refused, bench_power_on),
		cmocka_unit_test_setup(
		    an_eeprom_without_signature_is_not_believed,
		    bench_power_on),
		cmocka_unit_test_setup(
		    a_bad_address_in_the_eeprom_is_refused, bench_power_on),
		cmocka_unit_test_setup(
		    the_address_is_restored_after_a_reset, bench_power_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

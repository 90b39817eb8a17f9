/* SPDX-License-Identifier: MIT */
/* Which numbers are cards of ours, which are other chips, which are neither. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "drivers/pci.h"
#include "drivers/rtl8139.h"

static struct pci_device device(
    uint16_t vendor, uint16_t dev, uint16_t sub_vendor, uint16_t sub)
{
	return (struct pci_device){ .vendor = vendor,
		.device = dev,
		.subsystem_vendor = sub_vendor,
		.subsystem = sub,
		.class_code = 0x020000 };
}

static void check_card(struct pci_device d, const char *name)
{
	assert_string_equal(rtl8139_card_name(&d), name);
	assert_null(rtl8139_other_chip(&d));
	assert_true(rtl8139_match(&d));
}

static void check_other(struct pci_device d, const char *chip)
{
	assert_null(rtl8139_card_name(&d));
	assert_string_equal(rtl8139_other_chip(&d), chip);
	assert_false(rtl8139_match(&d));
}

static void check_unknown(struct pci_device d)
{
	assert_null(rtl8139_card_name(&d));
	assert_null(rtl8139_other_chip(&d));
	assert_false(rtl8139_match(&d));
}

static void realteks_own_numbers_match_whatever_the_board(void **state)
{
	check_card(device(0x10ec, 0x8139, 0x1af4, 0x1100), "");
	check_card(device(0x10ec, 0x8139, 0x10ec, 0x8139), "");
	check_card(device(0x10ec, 0x8138, 0, 0), "CardBus");
	check_card(device(0x10ec, 0x8100, 0, 0), "8100");
}

static void every_revision_has_the_classic_mode(void **state)
{
	struct pci_device d = device(0x10ec, 0x8139, 0, 0);

	for (unsigned r = 0; r < 256; r++) {
		d.revision = (uint8_t)r;
		assert_true(rtl8139_match(&d));
	}
}

static void look_alikes_are_known(void **state)
{
	check_card(device(0x1186, 0x1300, 0x1186, 0x1301),
	    "D-Link DFE-530TX+, DFE-538TX");
	check_card(device(0x1113, 0x1211, 0, 0), "Accton MPX5030, SMC1211TX");
	check_card(device(0x021b, 0x8139, 0, 0), "Compaq HNE-300");
	check_card(device(0x4033, 0x1360, 0, 0), "Addtron 8139");
}

static void a_wrong_vendor_is_seen_by_the_subsystem(void **state)
{
	check_card(device(0x0001, 0x8139, 0x10ec, 0x8139), "");
	check_card(device(0x0001, 0x8139, 0x13d1, 0xab06), "AboCom FE2000VX");
	check_unknown(device(0x0001, 0x8139, 0x10ec, 0x8138));
	check_unknown(device(0x0001, 0x8138, 0x10ec, 0x8139));
}

static void other_chips_are_named(void **state)
{
	check_other(device(0x10ec, 0x8168, 0x1458, 0xe000), "RTL8168");
	check_other(device(0x10ec, 0x8169, 0, 0), "RTL8169");
	check_other(device(0x10ec, 0x8136, 0, 0), "RTL8101E");
	check_other(device(0x10ec, 0x8129, 0, 0), "RTL8129");
	check_other(device(0x1186, 0x4300, 0x1186, 0x4b10), "RTL8168");
	check_other(device(0x1186, 0x4300, 0x1186, 0x4300), "RTL8169");
	check_other(device(0x1737, 0x1032, 0x1737, 0x0024), "RTL8169");
}

static void the_rest_is_unknown(void **state)
{
	check_unknown(device(0x8086, 0x100e, 0, 0));
	check_unknown(device(0x1737, 0x1032, 0x1737, 0x0015));
	check_unknown(device(0x10ec, 0xffff, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(realteks_own_numbers_match_whatever_the_board),
		cmocka_unit_test(every_revision_has_the_classic_mode),
		cmocka_unit_test(look_alikes_are_known),
		cmocka_unit_test(a_wrong_vendor_is_seen_by_the_subsystem),
		cmocka_unit_test(other_chips_are_named),
		cmocka_unit_test(the_rest_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

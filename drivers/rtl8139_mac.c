/* SPDX-License-Identifier: MIT */
/*
 * The station address.  The card loads it from its EEPROM into the ID registers
 * at reset; some clones lose it, so a bad one is read from the EEPROM itself
 * (docs/RTL8139.md, section 4).
 */
#include "drivers/rtl8139_internal.h"

#include "lib/errno.h"
#include "lib/string.h"

/* The serial EEPROM's four wires, in RTL_9346CR. */
enum {
	EE_PROGRAM = 0x80,
	EE_SELECT = 0x08,
	EE_CLOCK = 0x04,
	EE_IN = 0x02,
	EE_OUT = 0x01
};

/* Slow parts are rated for 250 kHz. */
#define EE_EDGE_US 2

#define EE_READ           6u /* start bit and opcode: 110 */
#define EE_SIGNATURE      0x8129u
#define EE_SIGNATURE_WORD 0u
#define EE_MAC_WORD       7u

static void set_wires(struct rtl *r, unsigned wires)
{
	rtl_write8(r, RTL_9346CR, (uint8_t)(EE_PROGRAM | wires));
	arch_delay_us(EE_EDGE_US);
}

/* Shifts the lowest bits of v out, highest first; the EEPROM samples each on
 * the rising clock. */
static void shift_out(struct rtl *r, uint32_t v, unsigned bits)
{
	while (bits-- > 0) {
		unsigned data = v >> bits & 1 ? EE_IN : 0;

		set_wires(r, EE_SELECT | data);
		set_wires(r, EE_SELECT | data | EE_CLOCK);
	}
}

static uint16_t shift_in(struct rtl *r)
{
	uint16_t v = 0;

	for (unsigned i = 0; i < 16; i++) {
		set_wires(r, EE_SELECT);
		set_wires(r, EE_SELECT | EE_CLOCK);
		v = (uint16_t)(v << 1 | (rtl_read8(r, RTL_9346CR) & EE_OUT));
	}
	return v;
}

static uint16_t read_word(struct rtl *r, unsigned word, unsigned address_bits)
{
	set_wires(r, 0);
	set_wires(r, EE_SELECT);
	shift_out(r, EE_READ << address_bits | word, 3 + address_bits);
	uint16_t v = shift_in(r);
	set_wires(r, 0);
	return v;
}

static bool mac_usable(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	/* The group bit also rejects ff:ff:ff:ff:ff:ff. */
	return !(mac[0] & 1) && memcmp(mac, zero, 6) != 0;
}

static bool read_eeprom_mac(struct rtl *r, uint8_t mac[6])
{
	unsigned address_bits = rtl_read32(r, RTL_RCR) & RCR_EEPROM_256 ? 8 : 6;
	bool present =
	    read_word(r, EE_SIGNATURE_WORD, address_bits) == EE_SIGNATURE;

	for (unsigned i = 0; present && i < 3; i++) {
		uint16_t v = read_word(r, EE_MAC_WORD + i, address_bits);

		mac[2 * i] = (uint8_t)v;
		mac[2 * i + 1] = (uint8_t)(v >> 8);
	}
	rtl_write8(r, RTL_9346CR, 0);
	return present;
}

int rtl_find_mac(struct rtl *r, uint8_t mac[6])
{
	uint32_t low = rtl_read32(r, RTL_IDR0), high = rtl_read32(r, RTL_IDR4);

	for (unsigned i = 0; i < 4; i++)
		mac[i] = (uint8_t)(low >> 8 * i);
	mac[4] = (uint8_t)high;
	mac[5] = (uint8_t)(high >> 8);
	if (mac_usable(mac))
		return 0;
	if (read_eeprom_mac(r, mac) && mac_usable(mac))
		return 0;
	return -EIO;
}

void rtl_write_mac(struct rtl *r, const uint8_t mac[6])
{
	rtl_write32(r, RTL_IDR0,
	    mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 |
	        (uint32_t)mac[3] << 24);
	rtl_write32(r, RTL_IDR4, mac[4] | (uint32_t)mac[5] << 8);
}

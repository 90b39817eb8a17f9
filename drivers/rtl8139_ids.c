/* SPDX-License-Identifier: MIT */
/*
 * Which PCI numbers mean an RTL8139, and which ones another chip that a user
 * may take for one.
 *
 * The numbers are facts of the drivers 8139too, 8139cp and r8169 of Linux, rl
 * and re of FreeBSD, and of the public list of PCI IDs.  A revision from 20 on
 * is an 8139C+ and some boards of it carry the numbers below too; it has the
 * classic mode like all others, so that the revision does not matter here.
 */
#include "drivers/rtl8139.h"

#include <stddef.h>

#include "drivers/pci.h"

#define ANY 0xffffu /* no function has it: it reads so where there is none */

struct id {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	const char *name;
};

#define CARD(vendor, device, name)                                             \
	{                                                                      \
		vendor, device, ANY, ANY, name                                 \
	}

/* The chip's own number is on cards of every name. */
#define NO_NAME ""

static const struct id cards[] = {
	CARD(0x10ec, 0x8139, NO_NAME),
	CARD(0x10ec, 0x8138, "CardBus"),
	CARD(0x10ec, 0x8039, "8139D"),
	CARD(0x10ec, 0x8100, "8100"),
	CARD(0x018a, 0x0106, "LevelOne FPC-0106TX"),
	CARD(0x021b, 0x8139, "Compaq HNE-300"),
	CARD(0x02ac, 0x1012, "SpeedStream 1012"),
	CARD(0x0357, 0x000a, "TTTech MC322"),
	CARD(0x1113, 0x1211, "Accton MPX5030, SMC1211TX"),
	CARD(0x1186, 0x1300, "D-Link DFE-530TX+, DFE-538TX"),
	CARD(0x1186, 0x1340, "D-Link DFE-690TXD"),
	CARD(0x1186, 0x4200, "D-Link DFE-520TX rev. C1"),
	CARD(0x11db, 0x1234, "Sega Broadband Adapter"),
	CARD(0x1259, 0xa117, "Corega FEther CB-TXD"),
	CARD(0x1259, 0xa11e, "Corega FEtherII CB-TXD"),
	CARD(0x126c, 0x1211, "Nortel 10/100"),
	CARD(0x13d1, 0xab06, "AboCom FE2000VX"),
	CARD(0x1432, 0x9130, "Edimax EP-4103DL"),
	CARD(0x14ea, 0xab06, "Planex FNW-3603-TX"),
	CARD(0x14ea, 0xab07, "Planex FNW-3800-TX"),
	CARD(0x1500, 0x1360, "Delta 8139"),
	CARD(0x16ec, 0xab06, "U.S. Robotics 997901A"),
	CARD(0x1743, 0x8139, "Peppercon ROL-F"),
	CARD(0x4033, 0x1360, "Addtron 8139"),
	/* Some boards show a wrong vendor; their other numbers are right. */
	{ ANY, 0x8139, 0x10ec, 0x8139, NO_NAME },
	{ ANY, 0x8139, 0x1186, 0x1300, "D-Link DFE-530TX+, DFE-538TX" },
	{ ANY, 0x8139, 0x13d1, 0xab06, "AboCom FE2000VX" },
};

static const struct id others[] = {
	CARD(0x10ec, 0x8029, "RTL8029"),
	CARD(0x10ec, 0x8129, "RTL8129"),
	CARD(0x10ec, 0x8125, "RTL8125"),
	CARD(0x10ec, 0x8126, "RTL8126"),
	CARD(0x10ec, 0x8136, "RTL8101E"),
	CARD(0x10ec, 0x8161, "RTL8168"),
	CARD(0x10ec, 0x8167, "RTL8169SC"),
	CARD(0x10ec, 0x8168, "RTL8168"),
	CARD(0x10ec, 0x8169, "RTL8169"),
	CARD(0x10ff, 0x8168, "RTL8168"),
	{ 0x1186, 0x4300, 0x1186, 0x4b10, "RTL8168" },
	CARD(0x1186, 0x4300, "RTL8169"),
	CARD(0x1186, 0x4302, "RTL8169"),
	CARD(0x1259, 0xc107, "RTL8169"),
	CARD(0x16ec, 0x0116, "RTL8169"),
	{ 0x1737, 0x1032, ANY, 0x0024, "RTL8169" },
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool is(uint16_t wanted, uint16_t found)
{
	return wanted == ANY || wanted == found;
}

static const char *find(
    const struct id *id, size_t count, const struct pci_device *d)
{
	for (size_t i = 0; i < count; i++)
		if (is(id[i].vendor, d->vendor) &&
		    is(id[i].device, d->device) &&
		    is(id[i].subsystem_vendor, d->subsystem_vendor) &&
		    is(id[i].subsystem, d->subsystem))
			return id[i].name;
	return NULL;
}

const char *rtl8139_card_name(const struct pci_device *d)
{
	return find(cards, COUNT_OF(cards), d);
}

const char *rtl8139_other_chip(const struct pci_device *d)
{
	return find(others, COUNT_OF(others), d);
}

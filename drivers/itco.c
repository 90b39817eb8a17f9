/* SPDX-License-Identifier: MIT */
/*
 * The TCO timer of Intel's I/O controller hubs, in the LPC bridge (datasheets:
 * ICH4 290744, section 9.9; ICH9 316972, section 13.9).  It counts in 0.6 s,
 * twice: at the first end it tells the firmware, at the second it restarts the
 * machine, unless a strap or a bit says NO_REBOOT.
 *
 * Version 1 (ICH to ICH5) has a timer of 6 bits and that bit in configuration
 * space; version 2 (ICH6 to the 9 series) has 10 bits, and the bit among the
 * chip set's registers in memory.  Later chip sets moved the timer elsewhere.
 */
#include <stddef.h>

#include "drivers/pci.h"
#include "drivers/watchdog.h"
#include "lib/log.h"

#define VENDOR 0x8086

/* Configuration space of the bridge. */
enum config_reg {
	PMBASE = 0x40,
	GEN_STA = 0xd4, /* version 1 */
	RCBA = 0xf0     /* version 2 */
};

#define PMBASE_MASK       0xff80u
#define GEN_STA_NO_REBOOT 0x02u
#define RCBA_ENABLE       0x01u
#define RCBA_MASK         0xffffc000u
#define GCS               0x3410u /* from RCBA */
#define GCS_NO_REBOOT     0x20u
#define SMI_EN            0x30u /* from PMBASE */
#define SMI_EN_TCO        (1u << 13)
#define TCOBASE           0x60u /* from PMBASE */

/* Ports from TCOBASE. */
enum tco_reg {
	TCO_RLD = 0x00,    /* any write feeds */
	TCO_TMR_V1 = 0x01, /* 8 bits */
	TCO1_STS = 0x04,
	TCO2_STS = 0x06,
	TCO1_CNT = 0x08,
	TCO_TMR = 0x12
};

#define TCO1_STS_TIMEOUT (1u << 3)
#define TCO2_STS_SECOND  (1u << 1)
#define TCO1_CNT_HALT    (1u << 11)

#define TICKS_MIN    4u /* fewer are ignored */
#define TICKS_MAX_V1 0x3fu
#define TICKS_MAX    0x3ffu

static const struct {
	uint16_t first, last;
	uint8_t version;
} models[] = {
	{ 0x2410, 0x2410, 1 }, /* ICH */
	{ 0x2420, 0x2420, 1 }, /* ICH0 */
	{ 0x2440, 0x2440, 1 }, /* ICH2 */
	{ 0x244c, 0x244c, 1 }, /* ICH2-M */
	{ 0x2450, 0x2450, 1 }, /* C-ICH */
	{ 0x2480, 0x2480, 1 }, /* ICH3-S */
	{ 0x248c, 0x248c, 1 }, /* ICH3-M */
	{ 0x24c0, 0x24c0, 1 }, /* ICH4 */
	{ 0x24cc, 0x24cc, 1 }, /* ICH4-M */
	{ 0x24d0, 0x24d0, 1 }, /* ICH5 */
	{ 0x25a1, 0x25a1, 1 }, /* 6300ESB */
	{ 0x2310, 0x2310, 2 }, /* DH89xxCC */
	{ 0x2640, 0x2642, 2 }, /* ICH6 */
	{ 0x2670, 0x267f, 2 }, /* 631xESB */
	{ 0x27b0, 0x27b0, 2 }, /* ICH7DH */
	{ 0x27b8, 0x27bd, 2 }, /* ICH7, NM10 */
	{ 0x2810, 0x2815, 2 }, /* ICH8 */
	{ 0x2910, 0x2919, 2 }, /* ICH9 */
	{ 0x3a14, 0x3a1a, 2 }, /* ICH10 */
	{ 0x3b00, 0x3b1f, 2 }, /* 5 series */
	{ 0x1c40, 0x1c5f, 2 }, /* 6 series */
	{ 0x1d40, 0x1d41, 2 }, /* C600 */
	{ 0x1e40, 0x1e5f, 2 }, /* 7 series */
	{ 0x8c40, 0x8c5f, 2 }, /* 8 series */
	{ 0x9c40, 0x9c47, 2 }, /* 8 series, low power */
	{ 0x8cc0, 0x8cdf, 2 }, /* 9 series */
	{ 0x9cc0, 0x9ccf, 2 }, /* 9 series, low power */
	{ 0x8d40, 0x8d5f, 2 }, /* C610 */
};

static struct {
	uint16_t pm, base; /* ports */
	uint8_t version;
} tco;

static uint16_t tco_read(unsigned reg)
{
	return arch_in16((uint16_t)(tco.base + reg));
}

static void tco_write(unsigned reg, uint16_t v)
{
	arch_out16((uint16_t)(tco.base + reg), v);
}

/* --- Finding it ---------------------------------------------------------- */

static uint8_t find_version(const struct pci_device *d)
{
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (d->vendor == VENDOR && d->device >= models[i].first &&
		    d->device <= models[i].last)
			return models[i].version;
	return 0;
}

/* Both return whether the bit is clear now: a strap of the board may hold it.
 */
static bool allow_reboot_v1(struct pci_address at)
{
	uint8_t v = pci_read8(at, GEN_STA);

	pci_write8(at, GEN_STA, v & (uint8_t)~GEN_STA_NO_REBOOT);
	return !(pci_read8(at, GEN_STA) & GEN_STA_NO_REBOOT);
}

static bool allow_reboot_v2(struct pci_address at)
{
	uint32_t rcba = pci_read32(at, RCBA);
	volatile uint8_t *gcs;

	if (!(rcba & RCBA_ENABLE))
		return false;
	gcs = arch_map_device((rcba & RCBA_MASK) + GCS, 4);
	if (!gcs)
		return false;
	arch_write32(gcs, arch_read32(gcs) & ~GCS_NO_REBOOT);
	return !(arch_read32(gcs) & GCS_NO_REBOOT);
}

static void stop(void)
{
	tco_write(TCO1_CNT, tco_read(TCO1_CNT) | TCO1_CNT_HALT);
}

/* In version 1 the firmware's handler of the first end could feed the timer. */
static void mute_firmware(void)
{
	uint16_t port = tco.pm + SMI_EN;

	if (tco.version == 1)
		arch_out32(port, arch_in32(port) & ~SMI_EN_TCO);
}

static bool probe(const struct pci_device *d)
{
	uint8_t version = find_version(d);
	bool can;

	if (version == 0)
		return false;
	tco.version = version;
	tco.pm = pci_read32(d->at, PMBASE) & PMBASE_MASK;
	tco.base = tco.pm + TCOBASE;
	can = version == 1 ? allow_reboot_v1(d->at) : allow_reboot_v2(d->at);
	if (tco.pm == 0 || !can) {
		log_info("watchdog: this board's iTCO may not restart it");
		return false;
	}
	stop();
	mute_firmware();
	return true;
}

/* --- Use ----------------------------------------------------------------- */

/* A one clears the bit; where it is stored instead, the zero does. */
static bool take_expired(void)
{
	if (!(tco_read(TCO2_STS) & TCO2_STS_SECOND))
		return false;
	tco_write(TCO2_STS, TCO2_STS_SECOND);
	tco_write(TCO2_STS, 0);
	return true;
}

/* Both counts begin anew. */
static void feed(void)
{
	tco_write(TCO1_STS, TCO1_STS_TIMEOUT);
	if (tco.version == 1)
		arch_out8(tco.base + TCO_RLD, 1);
	else
		tco_write(TCO_RLD, 1);
}

static uint32_t start(uint32_t seconds)
{
	uint32_t max = tco.version == 1 ? TICKS_MAX_V1 : TICKS_MAX;
	uint32_t ticks = (seconds * 5 + 5) / 6; /* of both counts, rounded up */

	if (ticks < TICKS_MIN)
		ticks = TICKS_MIN;
	if (ticks > max)
		ticks = max;
	if (tco.version == 1)
		arch_out8(tco.base + TCO_TMR_V1, (uint8_t)ticks);
	else
		tco_write(TCO_TMR, (uint16_t)ticks);
	feed();
	tco_write(TCO1_CNT, tco_read(TCO1_CNT) & (uint16_t)~TCO1_CNT_HALT);
	return ticks * 6 / 5;
}

const struct watchdog_driver itco_watchdog = {
	.name = "iTCO",
	.probe = probe,
	.take_expired = take_expired,
	.start = start,
	.feed = feed,
	.stop = stop,
};

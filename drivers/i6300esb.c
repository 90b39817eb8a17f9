/* SPDX-License-Identifier: MIT */
/*
 * The watchdog of Intel's 6300ESB, a PCI function of its own (datasheet
 * 300641, chapter 16); QEMU's `-device i6300esb`.
 *
 * Two timers run one after the other; at the end of the first it could
 * interrupt, at the end of the second it pulls the reset line.  The registers
 * in memory take a write only after two magic ones, each time.
 */
#include <stddef.h>

#include "drivers/pci.h"
#include "drivers/watchdog.h"
#include "lib/log.h"

#define VENDOR 0x8086
#define DEVICE 0x25ab

enum config_reg {
	CONFIG = 0x60, /* 16 bits */
	LOCK = 0x68    /* 8 bits */
};

#define CONFIG_INT_OFF 0x0003u /* no interrupt after the first timer */
#define LOCK_ENABLE    0x02u

enum memory_reg {
	TIMER1 = 0x00,
	TIMER2 = 0x04,
	RELOAD = 0x0c, /* 16 bits */
	REGS_BYTES = 0x10
};

#define UNLOCK_1       0x80
#define UNLOCK_2       0x86
#define RELOAD_FEED    0x0100u
#define RELOAD_TIMEOUT 0x0200u /* it has acted; a one clears it */

/* A tick is 2^15 clocks of 33 MHz; two timers share the time. */
#define CLOCK_HZ    33000000ull
#define TICK_CLOCKS 32768u
#define TICKS_MAX   0xfffffu

static struct {
	struct pci_address at;
	volatile uint8_t *regs;
} esb;

static void unlock(void)
{
	arch_write16(esb.regs + RELOAD, UNLOCK_1);
	arch_write16(esb.regs + RELOAD, UNLOCK_2);
}

static void write_reload(uint16_t v)
{
	unlock();
	arch_write16(esb.regs + RELOAD, v);
}

static void write_timer(unsigned reg, uint32_t ticks)
{
	unlock();
	arch_write32(esb.regs + reg, ticks);
}

static void stop(void)
{
	pci_write8(esb.at, LOCK, 0);
}

static bool probe(const struct pci_device *d)
{
	paddr_t base;

	if (d->vendor != VENDOR || d->device != DEVICE)
		return false;
	esb.at = d->at;
	pci_open_path(d->at);
	base = pci_memory_bar(d->at, 0);
	if (base == 0 || !pci_is_reachable(d->at, base))
		base = pci_assign_memory_bar(d->at, 0);
	if (base == 0)
		return false;
	esb.regs = arch_map_device(base, REGS_BYTES);
	pci_command(d->at, PCI_COMMAND_MEMORY, 0);
	if (esb.regs)
		stop();
	return esb.regs != NULL;
}

static bool take_expired(void)
{
	bool expired = arch_read16(esb.regs + RELOAD) & RELOAD_TIMEOUT;

	if (expired)
		write_reload(RELOAD_TIMEOUT);
	return expired;
}

static void feed(void)
{
	write_reload(RELOAD_FEED);
}

static uint32_t start(uint32_t seconds)
{
	uint64_t ticks = seconds * CLOCK_HZ / TICK_CLOCKS / 2;

	if (ticks > TICKS_MAX)
		ticks = TICKS_MAX;
	pci_write16(esb.at, CONFIG, CONFIG_INT_OFF);
	write_timer(TIMER1, (uint32_t)ticks);
	write_timer(TIMER2, (uint32_t)ticks);
	feed();
	pci_write8(esb.at, LOCK, LOCK_ENABLE);
	return (uint32_t)((ticks * 2 * TICK_CLOCKS + CLOCK_HZ / 2) / CLOCK_HZ);
}

const struct watchdog_driver i6300esb_watchdog = {
	.name = "i6300esb",
	.probe = probe,
	.take_expired = take_expired,
	.start = start,
	.feed = feed,
	.stop = stop,
};

/* SPDX-License-Identifier: MIT */
/*
 * What firmware left undone: devices that are silenced before their memory is
 * reused, a card that is asleep, bridges that are shut, an address that was
 * never given.  PCI Local Bus 2.3, chapter 6; PCI-to-PCI Bridge 1.2, chapter 3;
 * PCI Power Management 1.2, chapter 3.
 */
#include "drivers/pci.h"

#include "lib/errno.h"
#include "lib/log.h"

#define CLASS_NETWORK     0x02u
#define CLASS_BRIDGE      0x06u
#define CLASS_HOST_BRIDGE 0x0600u

#define STATUS_CAPABILITIES 0x10u
#define CAPABILITIES        0x34u
#define CAPABILITIES_MAX    48 /* more do not fit: a loop */
#define CAPABILITY_FIRST    0x40u
#define CAPABILITY_POWER    0x01u
#define POWER_CONTROL       4u
#define POWER_STATE         0x0003u
#define POWER_PME           0x8100u /* status, cleared by a one; enable */
#define POWER_PME_STATUS    0x8000u
#define WAKE_US             10000u

#define HEADER_TYPE_MASK   0x7fu
#define HEADER_TYPE_BRIDGE 1u
#define BRIDGE_SUBORDINATE 0x1au
#define BRIDGE_BASE        0x20u
#define BRIDGE_LIMIT       0x22u
#define BRIDGE_PREFETCH    0x24u

#define BAR_IO         0x1u
#define BAR_TYPE_MASK  0x6u
#define BAR_TYPE_64    0x4u
#define BAR_MEMORY_LOW 0xfu
#define BARS_DEVICE    6u
#define BARS_BRIDGE    2u

/* Where addresses may be given: the upper half of what 32 bits reach, below
 * the interrupt controllers. */
#define SPACE_START 0x80000000ull
#define SPACE_END   0xfec00000ull
#define WINDOW_STEP 0x100000ull
#define PAGE        4096ull
#define REGIONS_MAX 256u
#define DEPTH_MAX   8u

/* --- Silence ------------------------------------------------------------- */

static bool quiesce(const struct pci_device *d, void *ctx)
{
	uint32_t class = d->class_code >> 16;

	if (class == CLASS_BRIDGE)
		return true;
	pci_command(d->at, PCI_COMMAND_INTX_OFF,
	    class == CLASS_NETWORK ? PCI_COMMAND_MASTER : 0);
	return true;
}

void pci_quiesce(void)
{
	pci_scan_reachable(quiesce, NULL);
}

/* --- Power --------------------------------------------------------------- */

/* The register of a capability; 0 when the function has none. */
static unsigned find_capability(struct pci_address at, uint8_t id)
{
	unsigned reg;

	if (!(pci_read16(at, PCI_STATUS) & STATUS_CAPABILITIES))
		return 0;
	reg = pci_read8(at, CAPABILITIES) & ~3u;
	for (int i = 0; i < CAPABILITIES_MAX && reg >= CAPABILITY_FIRST; i++) {
		if (pci_read8(at, reg) == id)
			return reg;
		reg = pci_read8(at, reg + 1) & ~3u;
	}
	return 0;
}

/* The function forgets these on its way back from D3. */
static const uint8_t kept[] = { 0x0c, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30,
	0x3c };

#define KEPT (sizeof(kept) / sizeof(kept[0]))

bool pci_wake(struct pci_address at)
{
	unsigned reg = find_capability(at, CAPABILITY_POWER) + POWER_CONTROL;
	uint16_t control, command;
	uint32_t value[KEPT];

	if (reg == POWER_CONTROL)
		return false;
	control = pci_read16(at, reg);
	if (!(control & POWER_STATE))
		return false;
	command = pci_read16(at, PCI_COMMAND);
	for (size_t i = 0; i < KEPT; i++)
		value[i] = pci_read32(at, kept[i]);
	control &= (uint16_t) ~(POWER_STATE | POWER_PME);
	pci_write16(at, reg, control | POWER_PME_STATUS);
	arch_delay_us(WAKE_US);
	for (size_t i = 0; i < KEPT; i++)
		pci_write32(at, kept[i], value[i]);
	pci_write16(at, PCI_COMMAND, command);
	return true;
}

/* --- Bridges on the way -------------------------------------------------- */

static bool is_bridge(struct pci_address at)
{
	return (pci_read8(at, PCI_HEADER_TYPE) & HEADER_TYPE_MASK) ==
	       HEADER_TYPE_BRIDGE;
}

static bool leads_to(struct pci_address bridge, uint8_t bus)
{
	return is_bridge(bridge) && bus > bridge.bus &&
	       pci_read8(bridge, PCI_SECONDARY_BUS) <= bus &&
	       pci_read8(bridge, BRIDGE_SUBORDINATE) >= bus;
}

/* The bridges above a bus have smaller bus numbers than it. */
static bool open_bridge(const struct pci_device *d, void *ctx)
{
	const struct pci_address *at = ctx;

	if (d->at.bus >= at->bus)
		return false;
	if (leads_to(d->at, at->bus))
		pci_command(d->at, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	return true;
}

void pci_open_path(struct pci_address at)
{
	if (at.bus > 0)
		pci_scan_reachable(open_bridge, &at);
}

/* --- What lies where ----------------------------------------------------- */

struct region {
	uint64_t base, end;
	uint8_t first_bus, last_bus; /* of a window; a BAR: 0 */
};

static struct {
	struct region region[REGIONS_MAX];
	uint32_t count;
	struct pci_address bridge[DEPTH_MAX]; /* to the card, from the root */
	uint32_t depth;
	uint8_t bus; /* the card's */
} survey;

static void add_region(struct region r)
{
	if (r.base != 0 && r.base < r.end && survey.count < REGIONS_MAX)
		survey.region[survey.count++] = r;
}

/* Sizes a BAR by writing ones: with its decoder off, or it would answer there.
 * Returns 0 for none. */
static uint32_t bar_bytes(struct pci_address at, unsigned bar)
{
	unsigned reg = PCI_BAR0 + 4 * bar;
	uint16_t command = pci_read16(at, PCI_COMMAND);
	uint32_t old = pci_read32(at, reg), ones;

	pci_write16(at, PCI_COMMAND,
	    command & (uint16_t) ~(PCI_COMMAND_MEMORY | PCI_COMMAND_IO));
	pci_write32(at, reg, UINT32_MAX);
	ones = pci_read32(at, reg) & ~BAR_MEMORY_LOW;
	pci_write32(at, reg, old);
	pci_write16(at, PCI_COMMAND, command);
	return ones == 0 ? 0 : ~ones + 1;
}

static void survey_bars(struct pci_address at, unsigned bars)
{
	for (unsigned bar = 0; bar < bars; bar++) {
		uint32_t v = pci_read32(at, PCI_BAR0 + 4 * bar);
		paddr_t base = pci_memory_bar(at, bar);

		if (base != 0)
			add_region((struct region){
			    base, base + bar_bytes(at, bar), 0, 0 });
		if (!(v & BAR_IO) && (v & BAR_TYPE_MASK) == BAR_TYPE_64)
			bar++;
	}
}

/* A window of MiB, inclusive; shut when it ends before it begins, and taken as
 * shut when it was never set. */
static struct region window_at(struct pci_address bridge, unsigned reg)
{
	uint64_t base = pci_read16(bridge, reg) & 0xfff0u;
	uint64_t limit = pci_read16(bridge, reg + 2) & 0xfff0u;
	struct region r = {
		.base = base << 16,
		.end = (limit << 16) + WINDOW_STEP,
		.first_bus = pci_read8(bridge, PCI_SECONDARY_BUS),
		.last_bus = pci_read8(bridge, BRIDGE_SUBORDINATE),
	};

	if (r.base == 0 || r.end <= r.base)
		r.base = r.end = 0;
	return r;
}

static bool survey_function(const struct pci_device *d, void *ctx)
{
	bool bridge = is_bridge(d->at);

	if (d->class_code >> 8 == CLASS_HOST_BRIDGE)
		return true;
	survey_bars(d->at, bridge ? BARS_BRIDGE : BARS_DEVICE);
	if (!bridge)
		return true;
	add_region(window_at(d->at, BRIDGE_BASE));
	add_region(window_at(d->at, BRIDGE_PREFETCH));
	if (leads_to(d->at, survey.bus) && survey.depth < DEPTH_MAX)
		survey.bridge[survey.depth++] = d->at;
	return true;
}

struct passage {
	struct pci_address at;
	paddr_t base;
	bool shut;
};

/* A bridge of interface 1 passes on whatever nobody else takes. */
static bool check_bridge(const struct pci_device *d, void *ctx)
{
	struct passage *p = ctx;
	struct region w, prefetch;

	if (d->at.bus >= p->at.bus)
		return false;
	if (!leads_to(d->at, p->at.bus) || d->class_code & 1)
		return true;
	w = window_at(d->at, BRIDGE_BASE);
	prefetch = window_at(d->at, BRIDGE_PREFETCH);
	p->shut |= (p->base < w.base || p->base >= w.end) &&
	           (p->base < prefetch.base || p->base >= prefetch.end);
	return true;
}

bool pci_is_reachable(struct pci_address at, paddr_t base)
{
	struct passage p = { at, base, false };

	if (at.bus > 0)
		pci_scan_reachable(check_bridge, &p);
	return !p.shut;
}

/* --- Room ---------------------------------------------------------------- */

/* The windows that lead to a bus contain its addresses and so do not stand in
 * their way. */
static const struct region *conflict(uint64_t base, uint64_t end, uint8_t bus)
{
	for (uint32_t i = 0; i < survey.count; i++) {
		const struct region *r = &survey.region[i];
		bool above = r->first_bus > 0 && r->first_bus <= bus &&
		             r->last_bus >= bus;

		if (!above && base < r->end && r->base < end)
			return r;
	}
	return NULL;
}

/* Finds room on a bus between two addresses, from above.  Returns 0 when there
 * is none.  size is a power of two. */
static uint64_t find_room(
    uint8_t bus, uint64_t low, uint64_t high, uint64_t size)
{
	uint64_t at = high < size ? 0 : (high - size) & -size;

	while (at >= low && at > 0) {
		const struct region *r = conflict(at, at + size, bus);
		uint64_t below = r ? r->base : at;

		if (!r && arch_bus_is_free(at, size))
			return at;
		if (below < size)
			return 0;
		at = (below - size) & -size;
	}
	return 0;
}

/* Makes sure that a bridge lets something through, and narrows the addresses
 * to that. */
static bool enter_bridge(
    struct pci_address bridge, uint64_t *low, uint64_t *high)
{
	struct region w = window_at(bridge, BRIDGE_BASE);

	if (w.base == 0) {
		w.base = find_room(bridge.bus, *low, *high, WINDOW_STEP);
		if (w.base == 0)
			return false;
		w.end = w.base + WINDOW_STEP;
		pci_write16(bridge, BRIDGE_BASE, (uint16_t)(w.base >> 16));
		pci_write16(bridge, BRIDGE_LIMIT, (uint16_t)(w.base >> 16));
		w.first_bus = pci_read8(bridge, PCI_SECONDARY_BUS);
		w.last_bus = pci_read8(bridge, BRIDGE_SUBORDINATE);
		add_region(w);
		log_info("pci: bridge %02x:%02x.%x opened at %08x", bridge.bus,
		    bridge.slot, bridge.function, (unsigned)w.base);
	}
	*low = w.base;
	*high = w.end;
	return true;
}

static uint64_t choose(struct pci_address at, uint64_t size)
{
	uint64_t low = SPACE_START, high = SPACE_END;

	survey.count = 0;
	survey.depth = 0;
	survey.bus = at.bus;
	pci_scan_reachable(survey_function, NULL);
	for (uint32_t i = 0; i < survey.depth; i++)
		if (!enter_bridge(survey.bridge[i], &low, &high))
			return 0;
	/* A page of its own, since pages are what gets mapped. */
	return find_room(at.bus, low, high, size < PAGE ? PAGE : size);
}

paddr_t pci_assign_memory_bar(struct pci_address at, unsigned bar)
{
	unsigned reg = PCI_BAR0 + 4 * bar;
	uint32_t size, base;

	if (pci_read32(at, reg) != UINT32_MAX &&
	    pci_read32(at, reg) & (BAR_IO | BAR_TYPE_64))
		return 0;
	size = bar_bytes(at, bar);
	base = size == 0 ? 0 : (uint32_t)choose(at, size);
	if (base == 0) {
		log_error("pci: no room for %u bytes of %02x:%02x.%x", size,
		    at.bus, at.slot, at.function);
		return 0;
	}
	pci_command(at, 0, PCI_COMMAND_MEMORY);
	pci_write32(at, reg, base);
	if ((pci_read32(at, reg) & ~BAR_MEMORY_LOW) != base) {
		log_error("pci: %02x:%02x.%x does not take the address %08x",
		    at.bus, at.slot, at.function, base);
		return 0;
	}
	log_info("pci: the firmware gave %02x:%02x.%x no memory address that "
	         "works; it gets %08x",
	    at.bus, at.slot, at.function, base);
	return base;
}

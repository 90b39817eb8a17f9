/* SPDX-License-Identifier: MIT */
#include "tests/support/mock_pci.h"

#include <string.h>

#include "arch/host/arch_host.h"
#include "lib/assert.h"

#define PORT_BASE 0xcf8
#define PORTS     8

#define REG_COMMAND     0x04
#define REG_STATUS      0x06
#define REG_HEADER_TYPE 0x0e
#define REG_BAR0        0x10
#define MULTI           0x80

static struct mock_pci_function *find(struct mock_pci *pci)
{
	uint32_t a = pci->address;
	uint8_t bus = (uint8_t)(a >> 16), slot = a >> 11 & 31, fn = a >> 8 & 7;

	if (!(a & 0x80000000u))
		return NULL;
	for (uint32_t i = 0; i < pci->count; i++) {
		struct mock_pci_function *f = &pci->function[i];

		if (f->bus == bus && f->slot == slot &&
		    (f->function == fn || f->everywhere))
			return f;
	}
	return NULL;
}

static uint32_t ports_read(void *ctx, uint32_t off, unsigned width)
{
	struct mock_pci *pci = ctx;
	uint32_t v = 0;

	if (off < 4)
		return off == 0 && width == 4 ? pci->address : UINT32_MAX;
	if (host_irq_enabled())
		panic("mock PCI: interrupts are on around a transaction");

	struct mock_pci_function *f = find(pci);
	unsigned reg = (pci->address & 0xfc) + (off - 4);

	pci->reads++;
	if (off % width != 0)
		panic("mock PCI: unaligned read of %u at %x", width, reg);
	if (!f)
		return UINT32_MAX;
	for (unsigned i = 0; i < width; i++)
		v |= (uint32_t)f->config[reg + i] << 8 * i;
	return v;
}

static uint32_t config32(const struct mock_pci_function *f, unsigned reg)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++)
		v |= (uint32_t)f->config[reg + i] << 8 * i;
	return v;
}

/* A BAR's low bits are wired; one in the middle of its use cannot be sized. */
static void written_bar(struct mock_pci_function *f, unsigned bar, uint32_t old)
{
	unsigned reg = REG_BAR0 + 4 * bar;
	uint32_t v = config32(f, reg), size = f->bar_bytes[bar];

	if (size == 0)
		return;
	if (v == UINT32_MAX && f->config[REG_COMMAND] & 3)
		panic("mock PCI: BAR sized while it decodes");
	if (v != UINT32_MAX && f->bars_stuck)
		v = old;
	mock_pci_set32(f, reg, (v & ~(size - 1)) | (old & 0xf));
	if (f->moved)
		f->moved(f->ctx, bar, config32(f, reg));
}

/* The way from D3 resets the function's configuration. */
static void wake(struct mock_pci_function *f)
{
	mock_pci_set16(f, REG_COMMAND, 0);
	for (unsigned bar = 0; bar < 6; bar++)
		mock_pci_set32(f, REG_BAR0 + 4 * bar, 0);
	f->config[0x3c] = 0;
}

static void ports_write(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	struct mock_pci *pci = ctx;

	if (host_irq_enabled())
		panic("mock PCI: interrupts are on around a transaction");
	if (off < 4) {
		if (off != 0 || width != 4)
			panic("mock PCI: address written with width %u", width);
		pci->address = v;
		return;
	}

	struct mock_pci_function *f = find(pci);
	unsigned reg = (pci->address & 0xfc) + (off - 4);
	uint32_t old = f ? config32(f, reg & ~3u) : 0;
	uint8_t old_power = f && f->asleep ? f->config[f->asleep] & 3 : 0;

	if (off % width != 0)
		panic("mock PCI: unaligned write of %u at %x", width, reg);
	/* A write to command as 32 bits would clear status by accident. */
	if (reg == REG_COMMAND && width == 4)
		panic("mock PCI: command and status written in one");
	for (unsigned i = 0; f && i < width; i++) {
		uint8_t b = (uint8_t)(v >> 8 * i);

		if (reg + i == REG_STATUS || reg + i == REG_STATUS + 1)
			f->config[reg + i] &= (uint8_t)~b;
		else if (reg + i >= REG_COMMAND)
			f->config[reg + i] = b;
	}
	if (f && reg >= REG_BAR0 && reg < REG_BAR0 + 24)
		written_bar(f, (reg - REG_BAR0) / 4, old);
	if (f && f->asleep && reg == f->asleep && old_power != 0 &&
	    !(f->config[reg] & 3))
		wake(f);
}

static const struct host_mmio_ops ops = { ports_read, ports_write };

void mock_pci_init(struct mock_pci *pci)
{
	memset(pci, 0, sizeof(*pci));
	host_set_ports(PORT_BASE, PORTS, &ops, pci);
}

void mock_pci_set8(struct mock_pci_function *f, unsigned reg, uint8_t v)
{
	f->config[reg] = v;
}

void mock_pci_set16(struct mock_pci_function *f, unsigned reg, uint16_t v)
{
	mock_pci_set8(f, reg, (uint8_t)v);
	mock_pci_set8(f, reg + 1, (uint8_t)(v >> 8));
}

void mock_pci_set32(struct mock_pci_function *f, unsigned reg, uint32_t v)
{
	mock_pci_set16(f, reg, (uint16_t)v);
	mock_pci_set16(f, reg + 2, (uint16_t)(v >> 16));
}

uint16_t mock_pci_get16(const struct mock_pci_function *f, unsigned reg)
{
	return (uint16_t)(f->config[reg] | f->config[reg + 1] << 8);
}

struct mock_pci_function *mock_pci_add(struct mock_pci *pci, uint8_t bus,
    uint8_t slot, uint8_t function, uint16_t vendor, uint16_t device,
    uint32_t class_code)
{
	struct mock_pci_function *f = &pci->function[pci->count++];

	assert(pci->count <= MOCK_PCI_FUNCTIONS);
	*f = (struct mock_pci_function){
		.bus = bus, .slot = slot, .function = function
	};
	mock_pci_set16(f, 0x00, vendor);
	mock_pci_set16(f, 0x02, device);
	mock_pci_set32(f, 0x08, class_code << 8);
	return f;
}

void mock_pci_add_pc(struct mock_pci *pci)
{
	struct mock_pci_function *f;

	mock_pci_add(pci, 0, 0, 0, 0x8086, 0x29c0, 0x060000);
	f = mock_pci_add(pci, 0, 0x1e, 0, 0x8086, 0x244e, 0x060401);
	mock_pci_set8(f, REG_HEADER_TYPE, 1);
	mock_pci_set32(f, 0x18, 0x00010100); /* to bus 1 */
	f = mock_pci_add(pci, 0, 0x1f, 0, 0x8086, 0x2918, 0x060100);
	mock_pci_set8(f, REG_HEADER_TYPE, MULTI);
	mock_pci_add(pci, 0, 0x1f, 2, 0x8086, 0x2922, 0x010601);
	mock_pci_add(pci, 0, 0x1f, 3, 0x8086, 0x2930, 0x0c0500);
	f = mock_pci_add(pci, 0, 2, 0, 0x1234, 0x1111, 0x030000);
	f->everywhere = true;
}

/* SPDX-License-Identifier: MIT */
/*
 * Register and port accesses.  A mapped register's pointer is its device
 * address, so an access finds its mock by value and nothing is ever
 * dereferenced.
 */
#include "arch/host/arch_host.h"

#include <string.h>

#include "arch/host/internal.h"
#include "lib/assert.h"

#define MOCKS_MAX 8

struct mock {
	uint64_t base, size;
	const struct host_mmio_ops *ops; /* NULL: unused */
	void *ctx;
};

static struct {
	struct mock mmio[MOCKS_MAX], ports[MOCKS_MAX];
} io;

void host_io_reset(void)
{
	memset(&io, 0, sizeof(io));
}

static void set_mock(struct mock *table, struct mock m)
{
	struct mock *place = NULL;

	for (unsigned i = 0; i < MOCKS_MAX; i++) {
		if (table[i].ops != NULL && table[i].base == m.base) {
			place = &table[i];
			break;
		}
		if (table[i].ops == NULL && place == NULL)
			place = &table[i];
	}
	assert(place != NULL);
	*place = m;
}

void host_set_mmio(
    paddr_t base, size_t size, const struct host_mmio_ops *ops, void *ctx)
{
	set_mock(io.mmio, (struct mock){ base, size, ops, ctx });
}

void host_set_ports(
    uint16_t base, uint16_t size, const struct host_mmio_ops *ops, void *ctx)
{
	set_mock(io.ports, (struct mock){ base, size, ops, ctx });
}

/* The mock that answers all of an access, or NULL. */
static const struct mock *find(
    const struct mock *table, uint64_t at, unsigned width)
{
	for (unsigned i = 0; i < MOCKS_MAX; i++) {
		const struct mock *m = &table[i];

		if (m->ops != NULL && at >= m->base &&
		    at - m->base + width <= m->size)
			return m;
	}
	return NULL;
}

static uint32_t read_from(const struct mock *table, uint64_t at, unsigned width)
{
	const struct mock *m = find(table, at, width);
	uint32_t v = UINT32_MAX;

	if (m != NULL)
		v = m->ops->read(m->ctx, (uint32_t)(at - m->base), width);
	host_irq_deliver();
	return width == 4 ? v : v & ((1u << 8 * width) - 1);
}

static void write_to(
    const struct mock *table, uint64_t at, unsigned width, uint32_t v)
{
	const struct mock *m = find(table, at, width);

	if (m != NULL)
		m->ops->write(m->ctx, (uint32_t)(at - m->base), width, v);
	host_irq_deliver();
}

volatile void *arch_map_device(paddr_t base, size_t size)
{
	return (volatile void *)(uintptr_t)base;
}

void *arch_map_framebuffer(paddr_t base, size_t size)
{
	return (void *)(uintptr_t)base;
}

/* All but one MiB, as if firmware had listed that. */
bool arch_bus_is_free(paddr_t base, size_t size)
{
	return base + size <= HOST_BUS_TAKEN ||
	       base >= HOST_BUS_TAKEN + HOST_BUS_TAKEN_BYTES;
}

static uint64_t addr(const volatile void *reg)
{
	return (uint64_t)(uintptr_t)reg;
}

uint8_t arch_read8(const volatile void *reg)
{
	return (uint8_t)read_from(io.mmio, addr(reg), 1);
}

uint16_t arch_read16(const volatile void *reg)
{
	return (uint16_t)read_from(io.mmio, addr(reg), 2);
}

uint32_t arch_read32(const volatile void *reg)
{
	return read_from(io.mmio, addr(reg), 4);
}

void arch_write8(volatile void *reg, uint8_t v)
{
	write_to(io.mmio, addr(reg), 1, v);
}

void arch_write16(volatile void *reg, uint16_t v)
{
	write_to(io.mmio, addr(reg), 2, v);
}

void arch_write32(volatile void *reg, uint32_t v)
{
	write_to(io.mmio, addr(reg), 4, v);
}

uint8_t arch_in8(uint16_t port)
{
	return (uint8_t)read_from(io.ports, port, 1);
}

uint16_t arch_in16(uint16_t port)
{
	return (uint16_t)read_from(io.ports, port, 2);
}

uint32_t arch_in32(uint16_t port)
{
	return read_from(io.ports, port, 4);
}

void arch_out8(uint16_t port, uint8_t v)
{
	write_to(io.ports, port, 1, v);
}

void arch_out16(uint16_t port, uint16_t v)
{
	write_to(io.ports, port, 2, v);
}

void arch_out32(uint16_t port, uint32_t v)
{
	write_to(io.ports, port, 4, v);
}

/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/pic.h"

#include "arch/arch.h"

#define PIC1      0x20 /* command; the data port is one above */
#define PIC2      0xa0
#define ICW1_INIT 0x11 /* edge by default, cascade, ICW4 follows */
#define ICW4_8086 0x01
#define OCW2_EOI  0x20
#define OCW3_ISR  0x0b /* the next read tells what is in service */
#define CASCADE   2
#define ELCR      0x4d0 /* one bit per line: 1 = level; two bytes */

static struct {
	uint16_t mask;
} pic;

static void write_mask(void)
{
	arch_out8(PIC1 + 1, (uint8_t)pic.mask);
	arch_out8(PIC2 + 1, (uint8_t)(pic.mask >> 8));
}

static void init_one(uint16_t port, uint8_t vector, uint8_t wiring)
{
	arch_out8(port, ICW1_INIT);
	arch_out8(port + 1, vector);
	arch_out8(port + 1, wiring);
	arch_out8(port + 1, ICW4_8086);
}

void pic_init(unsigned base)
{
	init_one(PIC1, (uint8_t)base, 1u << CASCADE);
	init_one(PIC2, (uint8_t)(base + 8), CASCADE);
	pic.mask = 0xffff;
	write_mask();
}

void pic_start(void)
{
	pic.mask &= (uint16_t) ~(1u << CASCADE);
	write_mask();
}

void pic_open(unsigned pin)
{
	uint16_t port = (uint16_t)(ELCR + pin / 8);

	arch_out8(port, arch_in8(port) | (uint8_t)(1u << pin % 8));
	pic.mask &= (uint16_t) ~(1u << pin);
	write_mask();
}

void pic_mask(unsigned pin)
{
	pic.mask |= (uint16_t)(1u << pin);
	write_mask();
}

/* A pin whose request went away before the CPU asked shows up as the lowest
 * one of its controller, not in service; it must not be ended there. */
bool pic_is_spurious(unsigned pin)
{
	uint16_t port = pin < 8 ? PIC1 : PIC2;

	if (pin % 8 != 7)
		return false;
	arch_out8(port, OCW3_ISR);
	if (arch_in8(port) & 1u << 7)
		return false;
	if (pin >= 8)
		arch_out8(PIC1, OCW2_EOI);
	return true;
}

void pic_end(unsigned pin)
{
	if (pin >= 8)
		arch_out8(PIC2, OCW2_EOI);
	arch_out8(PIC1, OCW2_EOI);
}

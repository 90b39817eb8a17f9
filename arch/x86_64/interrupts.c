/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/interrupts.h"

#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/traps.h"
#include "lib/errno.h"
#include "lib/log.h"

#define PIC1      0x20 /* command; the data port is one above */
#define PIC2      0xa0
#define ICW1_INIT 0x11 /* edge by default, cascade, ICW4 follows */
#define ICW4_8086 0x01
#define OCW2_EOI  0x20
#define OCW3_ISR  0x0b /* the next read tells what is in service */
#define CASCADE   2
#define ELCR      0x4d0 /* one bit per line: 1 = level; two bytes */

#define LINES           16
#define SHARED_MAX      4
#define VECTOR_LINE_0   0x20
#define UNCLAIMED_LIMIT 100000
#define DRAIN_ROUNDS    100

/* Lines that belong to the machine itself and whose ELCR bits are reserved:
 * timer, keyboard, cascade, clock, coprocessor. */
#define LINES_RESERVED (1u << 0 | 1u << 1 | 1u << CASCADE | 1u << 8 | 1u << 13)

struct handler {
	bool (*fn)(void *arg);
	void *arg;
};

static struct {
	struct handler handler[LINES][SHARED_MAX];
	uint32_t unclaimed[LINES]; /* in a row */
	uint16_t mask;
	uint64_t spurious, stray;
	bool draining;
} irq;

static void write_mask(void)
{
	arch_out8(PIC1 + 1, (uint8_t)irq.mask);
	arch_out8(PIC2 + 1, (uint8_t)(irq.mask >> 8));
}

static void init_one(uint16_t port, uint8_t vector, uint8_t wiring)
{
	arch_out8(port, ICW1_INIT);
	arch_out8(port + 1, vector);
	arch_out8(port + 1, wiring);
	arch_out8(port + 1, ICW4_8086);
}

/*
 * Firmware's last interrupts may still wait in the local APIC, at vectors that
 * are the 8259's here: while no line of that is open, all are the APIC's.
 */
static void drain(void)
{
	irq.draining = true;
	cpu_irq_on();
	for (int i = 0; i < DRAIN_ROUNDS; i++)
		cpu_pause();
	cpu_irq_off();
	irq.draining = false;
	if (irq.stray > 0)
		log_info("interrupts: %u left over from firmware",
		    (unsigned)irq.stray);
}

void interrupts_init(void)
{
	init_one(PIC1, VECTOR_LINE_0, 1u << CASCADE);
	init_one(PIC2, VECTOR_LINE_0 + 8, CASCADE);
	irq.mask = 0xffff;
	write_mask();
	lapic_init();
	drain();
	irq.mask = (uint16_t) ~(1u << CASCADE);
	write_mask();
	cpu_irq_on();
}

static void set_level_triggered(unsigned line)
{
	uint16_t port = ELCR + line / 8;

	arch_out8(port, arch_in8(port) | (uint8_t)(1u << line % 8));
}

int arch_irq_attach(unsigned line, bool (*handler)(void *arg), void *arg)
{
	if (line >= LINES || LINES_RESERVED >> line & 1)
		return -EINVAL;
	for (int i = 0; i < SHARED_MAX; i++) {
		struct handler *h = &irq.handler[line][i];
		unsigned long state;

		if (h->fn != NULL)
			continue;
		state = arch_irq_save();
		*h = (struct handler){ handler, arg };
		set_level_triggered(line);
		irq.mask &= (uint16_t) ~(1u << line);
		write_mask();
		arch_irq_restore(state);
		return 0;
	}
	return -EBUSY;
}

/* A line whose request went away before the CPU asked shows up as the lowest
 * one of its controller, not in service; it must not be acknowledged there. */
static bool is_spurious(unsigned line)
{
	uint16_t port = line < 8 ? PIC1 : PIC2;

	if (line % 8 != 7)
		return false;
	arch_out8(port, OCW3_ISR);
	if (arch_in8(port) & 1u << 7)
		return false;
	if (line >= 8)
		arch_out8(PIC1, OCW2_EOI);
	irq.spurious++;
	return true;
}

/* A level that no driver can take away would keep the CPU here for ever. */
static void count_unclaimed(unsigned line)
{
	if (++irq.unclaimed[line] < UNCLAIMED_LIMIT)
		return;
	irq.mask |= (uint16_t)(1u << line);
	write_mask();
	log_error("interrupt line %u: masked, since nobody asked for %u in a "
	          "row",
	    line, UNCLAIMED_LIMIT);
}

static void run_handlers(unsigned line)
{
	bool claimed = false;

	for (int i = 0; i < SHARED_MAX && irq.handler[line][i].fn; i++)
		if (irq.handler[line][i].fn(irq.handler[line][i].arg))
			claimed = true;
	if (claimed)
		irq.unclaimed[line] = 0;
	else
		count_unclaimed(line);
}

static void line_interrupt(unsigned line)
{
	if (is_spurious(line))
		return;
	/* The handlers first: they make their cards let go of the level. */
	run_handlers(line);
	if (line >= 8)
		arch_out8(PIC2, OCW2_EOI);
	arch_out8(PIC1, OCW2_EOI);
}

void interrupt_entry(const struct trap_frame *f)
{
	bool ours = f->vector - VECTOR_LINE_0 < LINES && !irq.draining;

	if (f->vector == LAPIC_TIMER_VECTOR && !irq.draining) {
		lapic_timer_irq();
	} else if (ours) {
		line_interrupt((unsigned)(f->vector - VECTOR_LINE_0));
	} else if (f->vector != LAPIC_SPURIOUS_VECTOR) {
		irq.stray++;
		lapic_stray_irq();
	}
}

unsigned long arch_irq_save(void)
{
	unsigned long flags = cpu_flags();

	cpu_irq_off();
	return flags & RFLAGS_IF;
}

void arch_irq_restore(unsigned long state)
{
	if (state)
		cpu_irq_on();
}

/* sti takes effect after the next instruction, so nothing comes between. */
void arch_idle(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}

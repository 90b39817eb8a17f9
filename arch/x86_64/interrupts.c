/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/interrupts.h"

#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/firmware.h"
#include "arch/x86_64/ioapic.h"
#include "arch/x86_64/irqlines.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/pic.h"
#include "arch/x86_64/traps.h"
#include "lib/errno.h"
#include "lib/log.h"

#define VECTOR_PIC    0x20 /* 16 pins */
#define VECTOR_IOAPIC 0x40 /* GSI_LINES, as they are attached */

#define GSI_LINES    16u
#define DRAIN_ROUNDS 100

static struct {
	struct irq_line pic[IRQ_PINS_8259];
	struct irq_line gsi[GSI_LINES];
	unsigned gsi_line[GSI_LINES]; /* its number, with ARCH_IRQ_INVERTED */
	struct irq_wiring wiring;
	uint64_t stray;
	bool draining;
} irq;

/* --- Start --------------------------------------------------------------- */

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

static void learn_wiring(const struct acpi_facts *f)
{
	irq.wiring.has_8259 = f->has_8259;
	irq.wiring.sci = f->sci;
	for (unsigned i = 0; i < IRQ_PINS_8259; i++)
		irq.wiring.isa_gsi[i] = f->found ? f->isa[i].gsi : i;
	for (uint32_t gsi = 0; gsi < IRQ_GSI_MAX; gsi++)
		if (ioapic_has(gsi))
			irq.wiring.gsi_exists[gsi / 8] |=
			    (uint8_t)(1u << gsi % 8);
}

void interrupts_init(void)
{
	pic_init(VECTOR_PIC);
	ioapic_init(firmware_facts());
	learn_wiring(firmware_facts());
	lapic_init();
	drain();
	pic_start();
	cpu_irq_on();
}

/* --- Lines --------------------------------------------------------------- */

size_t arch_irq_candidates(uint8_t hint, unsigned *line, size_t max)
{
	return irq_list_candidates(&irq.wiring, hint, line, max);
}

static bool is_gsi(unsigned line)
{
	return line & ARCH_IRQ_GSI;
}

static uint32_t gsi_of(unsigned line)
{
	return line & (ARCH_IRQ_GSI - 1);
}

/* The line's place; NULL when nobody is attached to it. */
static struct irq_line *find(unsigned line)
{
	if (line < IRQ_PINS_8259)
		return &irq.pic[line];
	for (unsigned i = 0; i < GSI_LINES; i++)
		if (irq_line_used(&irq.gsi[i]) && irq.gsi_line[i] == line)
			return &irq.gsi[i];
	return NULL;
}

static struct irq_line *find_or_make(unsigned line)
{
	struct irq_line *l = find(line);

	for (unsigned i = 0; !l && i < GSI_LINES; i++) {
		if (irq_line_used(&irq.gsi[i]))
			continue;
		l = &irq.gsi[i];
		irq.gsi_line[i] = line;
	}
	return l;
}

static void open_line(unsigned line, const struct irq_line *l)
{
	if (is_gsi(line))
		ioapic_open(gsi_of(line),
		    (uint8_t)(VECTOR_IOAPIC + (l - irq.gsi)),
		    line & ARCH_IRQ_INVERTED);
	else
		pic_open(line);
}

static void mask_line(unsigned line)
{
	if (is_gsi(line))
		ioapic_mask(gsi_of(line));
	else
		pic_mask(line);
}

static bool exists(unsigned line)
{
	if (is_gsi(line))
		return ioapic_has(gsi_of(line));
	return irq.wiring.has_8259 && line < IRQ_PINS_8259 &&
	       !irq_is_machines(line);
}

int arch_irq_attach(unsigned line, bool (*handler)(void *arg), void *arg)
{
	struct irq_line *l;
	unsigned long state;
	int rc;

	if (!exists(line))
		return -EINVAL;
	state = arch_irq_save();
	l = find_or_make(line);
	rc = l ? irq_line_add(l, handler, arg) : -EBUSY;
	if (rc == 0 && !l->storm)
		open_line(line, l);
	arch_irq_restore(state);
	return rc;
}

void arch_irq_detach(unsigned line, bool (*handler)(void *arg), void *arg)
{
	unsigned long state = arch_irq_save();
	struct irq_line *l = find(line);

	if (l && !irq_line_remove(l, handler, arg))
		mask_line(line);
	arch_irq_restore(state);
}

bool arch_irq_is_storm(unsigned line)
{
	const struct irq_line *l = find(line);

	return l && l->storm;
}

/* --- From the vector ----------------------------------------------------- */

static void run_line(unsigned line, struct irq_line *l)
{
	irq_line_run(l, arch_clock_ns());
	if (!l->storm)
		return;
	mask_line(line);
	log_error("%s %u: masked, since it rang %u times in a second and "
	          "nobody knew why",
	    is_gsi(line) ? "gsi" : "irq", gsi_of(line), ARCH_IRQ_STORM);
}

/* The handlers first: they make their cards let go of the level. */
static void pic_interrupt(unsigned pin)
{
	if (pic_is_spurious(pin))
		return;
	run_line(pin, &irq.pic[pin]);
	pic_end(pin);
}

static void gsi_interrupt(unsigned i)
{
	if (irq_line_used(&irq.gsi[i]))
		run_line(irq.gsi_line[i], &irq.gsi[i]);
	lapic_end();
}

void interrupt_entry(const struct trap_frame *f)
{
	unsigned v = (unsigned)f->vector;
	const char *wrong;

	if (v == LAPIC_TIMER_VECTOR && !irq.draining) {
		wrong = lapic_timer_irq();
		if (wrong)
			panic_trap(f, wrong);
	} else if (v - VECTOR_PIC < IRQ_PINS_8259 && !irq.draining) {
		pic_interrupt(v - VECTOR_PIC);
	} else if (v - VECTOR_IOAPIC < GSI_LINES && !irq.draining) {
		gsi_interrupt(v - VECTOR_IOAPIC);
	} else if (v != LAPIC_SPURIOUS_VECTOR) {
		irq.stray++;
		lapic_end();
	}
}

/* --- The CPU's own flag -------------------------------------------------- */

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

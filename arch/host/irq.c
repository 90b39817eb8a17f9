/* SPDX-License-Identifier: MIT */
/* Interrupts in the process: the lines of a PC and one flag. */
#include "arch/host/arch_host.h"

#include <string.h>

#include "arch/host/internal.h"
#include "arch/x86_64/irqlines.h"
#include "lib/assert.h"
#include "lib/errno.h"

#define GSIS         32u
#define LINES        (IRQ_PINS_8259 + GSIS)
#define CLAIMS_MAX   1000 /* for one line without it going low */
#define SCI          9
#define GSI_OF_TIMER 2u

struct line {
	bool high;
	struct irq_line shared;
};

static struct {
	bool disabled;
	struct line line[LINES];
	struct irq_wiring wiring;
} irqs;

bool host_irq_enabled(void)
{
	return !irqs.disabled;
}

void host_irq_set_enabled(bool enabled)
{
	irqs.disabled = !enabled;
}

unsigned long arch_irq_save(void)
{
	unsigned long enabled = !irqs.disabled;

	irqs.disabled = true;
	return enabled;
}

void arch_irq_restore(unsigned long state)
{
	irqs.disabled = state == 0;
	host_irq_deliver();
}

/* Both polarities are one line here: a mock has none. */
static struct line *find(unsigned line)
{
	unsigned gsi = line & (ARCH_IRQ_GSI - 1);

	if (line < IRQ_PINS_8259)
		return &irqs.line[line];
	if (!(line & ARCH_IRQ_GSI) || gsi >= GSIS)
		return NULL;
	return &irqs.line[IRQ_PINS_8259 + gsi];
}

size_t arch_irq_candidates(uint8_t hint, unsigned *line, size_t max)
{
	return irq_list_candidates(&irqs.wiring, hint, line, max);
}

int arch_irq_attach(unsigned line, bool (*handler)(void *arg), void *arg)
{
	struct line *l = find(line);

	return l ? irq_line_add(&l->shared, handler, arg) : -EINVAL;
}

void arch_irq_detach(unsigned line, bool (*handler)(void *arg), void *arg)
{
	struct line *l = find(line);

	if (l)
		irq_line_remove(&l->shared, handler, arg);
}

bool arch_irq_is_storm(unsigned line)
{
	struct line *l = find(line);

	return l && l->shared.storm;
}

void host_irq_raise(unsigned line)
{
	assert(find(line) != NULL);
	find(line)->high = true;
}

void host_irq_lower(unsigned line)
{
	assert(find(line) != NULL);
	find(line)->high = false;
}

static bool asks(const struct line *l)
{
	return l->high && irq_line_used(&l->shared) && !l->shared.storm;
}

bool host_irq_pending(void)
{
	for (unsigned i = 0; i < LINES; i++)
		if (asks(&irqs.line[i]))
			return true;
	return false;
}

static void deliver_line(unsigned i)
{
	struct line *l = &irqs.line[i];
	unsigned claims = 0;

	while (asks(l))
		if (irq_line_run(&l->shared, arch_clock_ns()) &&
		    ++claims == CLAIMS_MAX)
			panic("interrupt line %u stays high", i);
}

void host_irq_deliver(void)
{
	if (irqs.disabled || !host_irq_pending())
		return;
	irqs.disabled = true;
	while (host_irq_pending())
		for (unsigned i = 0; i < LINES; i++)
			deliver_line(i);
	irqs.disabled = false;
}

void host_irq_reset(void)
{
	memset(&irqs, 0, sizeof(irqs));
	irqs.wiring.has_8259 = true;
	irqs.wiring.sci = SCI;
	for (unsigned i = 0; i < IRQ_PINS_8259; i++)
		irqs.wiring.isa_gsi[i] = i;
	irqs.wiring.isa_gsi[0] = GSI_OF_TIMER;
	memset(irqs.wiring.gsi_exists, 0xff, 24 / 8);
}

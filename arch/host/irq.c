/* SPDX-License-Identifier: MIT */
/* Interrupts in the process: sixteen level-triggered lines and one flag. */
#include "arch/host/arch_host.h"

#include <string.h>

#include "arch/host/internal.h"
#include "lib/assert.h"
#include "lib/errno.h"

#define LINES      16
#define SHARED_MAX 4
#define STORM      1000 /* calls for one line without it going low */

struct line {
	bool high;
	unsigned handlers;
	bool (*handler[SHARED_MAX])(void *arg);
	void *arg[SHARED_MAX];
};

static struct {
	bool disabled;
	struct line line[LINES];
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

int arch_irq_attach(unsigned line, bool (*handler)(void *arg), void *arg)
{
	struct line *l = &irqs.line[line % LINES];

	if (line >= LINES)
		return -EINVAL;
	if (l->handlers == SHARED_MAX)
		return -EBUSY;
	l->handler[l->handlers] = handler;
	l->arg[l->handlers++] = arg;
	return 0;
}

void host_irq_raise(unsigned line)
{
	assert(line < LINES);
	irqs.line[line].high = true;
}

void host_irq_lower(unsigned line)
{
	assert(line < LINES);
	irqs.line[line].high = false;
}

static bool asks(const struct line *l)
{
	return l->high && l->handlers > 0;
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
	unsigned calls = 0;

	while (asks(l)) {
		bool claimed = false;

		for (unsigned h = 0; h < l->handlers; h++)
			claimed |= l->handler[h](l->arg[h]);
		if (!claimed)
			panic("interrupt line %u: nobody asked", i);
		if (++calls == STORM)
			panic("interrupt line %u stays high", i);
	}
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
}

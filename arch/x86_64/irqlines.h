/* SPDX-License-Identifier: MIT */
/*
 * Interrupt lines without their controllers: who shares one, when nobody's
 * interrupts become a storm, and on which a card may be.  Pure: the process of
 * the tests uses it as well.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IRQ_PINS_8259  16u
#define IRQ_SHARED_MAX 4u
#define IRQ_GSI_MAX    256u

struct irq_handler {
	bool (*fn)(void *arg);
	void *arg;
};

struct irq_line {
	struct irq_handler handler[IRQ_SHARED_MAX]; /* the first ones are set */
	uint32_t strays;                            /* since since_ns */
	uint64_t since_ns;
	bool storm; /* masked until everybody has left it */
};

/* Returns 0 or -EBUSY. */
int irq_line_add(struct irq_line *l, bool (*fn)(void *arg), void *arg);

/* Forgets a handler.  Returns whether others are left. */
bool irq_line_remove(struct irq_line *l, bool (*fn)(void *arg), void *arg);

/* Whether anybody is attached. */
static inline bool irq_line_used(const struct irq_line *l)
{
	return l->handler[0].fn != NULL;
}

/*
 * Runs all handlers.  Returns whether one claimed the interrupt.  When nobody
 * did for the ARCH_IRQ_STORM-th time within a second, sets storm: then the
 * caller masks the line.
 */
bool irq_line_run(struct irq_line *l, uint64_t now_ns);

/* How a machine's interrupts are wired. */
struct irq_wiring {
	bool has_8259;
	uint16_t sci;                        /* an ISA line; 0: none */
	uint32_t isa_gsi[IRQ_PINS_8259];     /* where ISA lines arrive */
	uint8_t gsi_exists[IRQ_GSI_MAX / 8]; /* a bit for each */
};

/* Whether the machine itself needs this 8259 pin: timer, keyboard, cascade,
 * clock, coprocessor. */
bool irq_is_machines(unsigned pin);

/* Implements arch_irq_candidates (arch.h). */
size_t irq_list_candidates(
    const struct irq_wiring *w, uint8_t hint, unsigned *line, size_t max);

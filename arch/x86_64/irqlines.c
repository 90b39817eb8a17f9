/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/irqlines.h"

#include "arch/arch.h"
#include "lib/errno.h"

#define STORM_WINDOW_NS 1000000000ull

#define GSI_PCI_FIRST 16u

/* ISA lines on which PCI cards are, in the order of how often.  Not here: 6,
 * 12, 14 and 15, whose old owners (floppy, mouse, disks) may still ask. */
static const uint8_t isa_lines[] = { 11, 10, 5, 9, 3, 4, 7 };

#define ISA_LINES (sizeof(isa_lines) / sizeof(isa_lines[0]))

/* --- Handlers ------------------------------------------------------------ */

int irq_line_add(struct irq_line *l, bool (*fn)(void *arg), void *arg)
{
	for (unsigned i = 0; i < IRQ_SHARED_MAX; i++) {
		if (l->handler[i].fn)
			continue;
		l->handler[i] = (struct irq_handler){ fn, arg };
		return 0;
	}
	return -EBUSY;
}

bool irq_line_remove(struct irq_line *l, bool (*fn)(void *arg), void *arg)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < IRQ_SHARED_MAX; i++) {
		struct irq_handler h = l->handler[i];

		l->handler[i].fn = NULL;
		if (h.fn && (h.fn != fn || h.arg != arg))
			l->handler[kept++] = h;
	}
	if (kept == 0)
		*l = (struct irq_line){ 0 };
	return kept > 0;
}

static void count_stray(struct irq_line *l, uint64_t now_ns)
{
	if (l->strays == 0 || now_ns - l->since_ns > STORM_WINDOW_NS) {
		l->since_ns = now_ns;
		l->strays = 0;
	}
	if (++l->strays >= ARCH_IRQ_STORM)
		l->storm = true;
}

bool irq_line_run(struct irq_line *l, uint64_t now_ns)
{
	bool claimed = false;

	/* A handler may leave the line, which moves the ones behind it up. */
	for (unsigned i = 0; i < IRQ_SHARED_MAX && l->handler[i].fn;) {
		struct irq_handler h = l->handler[i];

		claimed |= h.fn(h.arg);
		if (l->handler[i].fn == h.fn && l->handler[i].arg == h.arg)
			i++;
	}
	if (!claimed && irq_line_used(l))
		count_stray(l, now_ns);
	return claimed;
}

/* --- Candidates ---------------------------------------------------------- */

struct list {
	const struct irq_wiring *w;
	unsigned *line;
	size_t count, max;
};

bool irq_is_machines(unsigned pin)
{
	return 1u << pin & (1u << 0 | 1u << 1 | 1u << 2 | 1u << 8 | 1u << 13);
}

static void add(struct list *l, unsigned line)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->line[i] == line)
			return;
	if (l->count < l->max)
		l->line[l->count++] = line;
}

/* Whether an interrupt of the machine itself, or its SCI, arrives there. */
static bool gsi_is_taken(const struct irq_wiring *w, uint32_t gsi)
{
	for (unsigned pin = 0; pin < IRQ_PINS_8259; pin++)
		if (w->isa_gsi[pin] == gsi &&
		    (irq_is_machines(pin) || (w->sci && pin == w->sci)))
			return true;
	return w->sci >= IRQ_PINS_8259 && gsi == w->sci;
}

static void add_gsi(struct list *l, uint32_t gsi)
{
	if (gsi < IRQ_GSI_MAX && l->w->gsi_exists[gsi / 8] >> gsi % 8 & 1)
		add(l, ARCH_IRQ_GSI + gsi);
}

/* Firmware's word is tried even when it names the SCI's line, which some
 * machines share with cards. */
static void add_hint(struct list *l, uint8_t hint)
{
	if (hint >= IRQ_PINS_8259) {
		add_gsi(l, hint);
		return;
	}
	if (irq_is_machines(hint))
		return;
	if (l->w->has_8259)
		add(l, hint);
	add_gsi(l, l->w->isa_gsi[hint]);
}

size_t irq_list_candidates(
    const struct irq_wiring *w, uint8_t hint, unsigned *line, size_t max)
{
	struct list l = { w, line, 0, max };

	add_hint(&l, hint);
	for (uint32_t gsi = GSI_PCI_FIRST; gsi < IRQ_GSI_MAX; gsi++)
		if (!gsi_is_taken(w, gsi))
			add_gsi(&l, gsi);
	for (size_t i = 0; i < ISA_LINES; i++)
		if (!gsi_is_taken(w, w->isa_gsi[isa_lines[i]]))
			add_gsi(&l, w->isa_gsi[isa_lines[i]]);
	for (size_t i = 0; i < ISA_LINES && w->has_8259; i++)
		if (isa_lines[i] != w->sci)
			add(&l, isa_lines[i]);
	return l.count;
}

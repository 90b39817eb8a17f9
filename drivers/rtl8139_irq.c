/* SPDX-License-Identifier: MIT */
/*
 * The card's interrupt: which line it arrives at, the handler, and what happens
 * when none arrives, or too many do.  Section 6 of docs/RTL8139.md.
 *
 * Firmware's word on the line may be stale or missing, and what a machine knows
 * about its wiring stands in methods that we do not interpret.  So each line in
 * question is tried with the card's own timer: open the line while the card is
 * quiet; let the timer ring three times; stay quiet once more.
 */
#include "drivers/rtl8139_internal.h"

#include "lib/fmt.h"
#include "lib/log.h"

#define LINES_MAX 64u

/* Section 6.1.  The timer counts at the PCI bus's 33 MHz. */
#define TIMER_TICKS    10000u /* 300 us */
#define FIRES          3u
#define QUIET_NS       (1 * NS_PER_MS)
#define CONTROL_NS     (2 * NS_PER_MS)
#define FIRE_CAP_NS    (1 * NS_PER_S)  /* until the card says it rang */
#define ARRIVE_NS      (1 * NS_PER_MS) /* from there to our handler */
#define STEP_US        20u
#define STRAYS_MAX     3u
#define LOOKS_LOST_MAX 2u

/* --- Mask and handler ---------------------------------------------------- */

/* `mask` and IMR must agree whenever the handler may run. */
void rtl_set_mask(struct rtl *r, uint16_t mask)
{
	unsigned long irq = arch_irq_save();

	r->mask = mask;
	rtl_write16(r, RTL_IMR, mask);
	arch_irq_restore(irq);
}

void rtl_unmask(struct rtl *r)
{
	if (!r->polled)
		rtl_set_mask(
		    r, (uint16_t)(ISR_WANTED | (r->tx_full ? ISR_TOK : 0)));
}

void rtl_unmask_tx(struct rtl *r)
{
	unsigned long irq = arch_irq_save();

	/* Masked means that a poll is due, which unmasks at its end. */
	if (r->mask != 0)
		rtl_unmask(r);
	arch_irq_restore(irq);
}

/* Section 6: masks the card, which lets go of the shared line, and leaves the
 * rest, acknowledging included, to the poll. */
static bool rtl_irq(void *arg)
{
	struct rtl *r = arg;

	if (r->mask == 0)
		return false;

	uint16_t isr = rtl_read16(r, RTL_ISR);

	if (!(isr & r->mask)) {
		rtl_count(r, RTL_IRQ_FOREIGN);
		return false;
	}
	r->mask = 0;
	rtl_write16(r, RTL_IMR, 0);
	rtl_read16(r, RTL_IMR); /* the write arrives before the line is used */
	r->dev.stats.interrupts++;
	netdev_schedule(&r->dev);
	return true;
}

/* --- Finding the line ---------------------------------------------------- */

enum verdict { LINE_RIGHT, LINE_SILENT, LINE_BUSY };

struct probe {
	struct rtl *r;
	unsigned line;
	volatile uint32_t rings;  /* ours */
	volatile uint32_t strays; /* somebody else's */
};

/* A level that is not ours would ring for ever, so it closes the line. */
static bool probe_irq(void *arg)
{
	struct probe *p = arg;

	if (rtl_read16(p->r, RTL_ISR) & p->r->mask) {
		p->rings++;
		p->r->mask = 0;
		rtl_write16(p->r, RTL_IMR, 0);
		rtl_read16(p->r, RTL_IMR);
		return true;
	}
	if (++p->strays == STRAYS_MAX)
		arch_irq_detach(p->line, probe_irq, p);
	return false;
}

/* Lets time pass until the handler has seen `rings`, at most ns. */
static bool wait_rings(const struct probe *p, uint32_t rings, uint64_t ns)
{
	uint64_t end_ns = arch_clock_ns() + ns;

	while (p->rings < rings && arch_clock_ns() < end_ns)
		arch_delay_us(STEP_US);
	return p->rings >= rings;
}

/* Waits until the card's own status says that its timer rang.  Patiently: an
 * emulated card stands still while its host has no time for it, which says
 * nothing about the line. */
static bool timer_rang(struct rtl *r)
{
	uint64_t end_ns = arch_clock_ns() + FIRE_CAP_NS;

	for (;;) {
		bool late = arch_clock_ns() >= end_ns;

		if (rtl_read16(r, RTL_ISR) & ISR_TIMEOUT)
			return true;
		if (late)
			return false;
		arch_delay_us(STEP_US);
	}
}

static void arm_timer(struct rtl *r, uint16_t mask)
{
	rtl_write16(r, RTL_ISR, ISR_TIMEOUT);
	rtl_write32(r, RTL_TIMERINT, TIMER_TICKS);
	rtl_set_mask(r, mask);
	rtl_write32(r, RTL_TCTR, 0);
}

static void silence_timer(struct rtl *r)
{
	rtl_set_mask(r, 0);
	rtl_write32(r, RTL_TIMERINT, 0);
	rtl_write16(r, RTL_ISR, ISR_TIMEOUT);
}

/* Rings once.  Returns whether card and handler both saw it. */
static bool ring(struct probe *p)
{
	uint32_t before = p->rings;
	bool ok;

	arm_timer(p->r, ISR_TIMEOUT);
	ok = timer_rang(p->r) && wait_rings(p, before + 1, ARRIVE_NS);
	silence_timer(p->r);
	return ok;
}

static enum verdict judge(struct probe *p)
{
	wait_rings(p, 1, QUIET_NS);
	if (p->rings > 0 || p->strays > 0)
		return LINE_BUSY;
	for (uint32_t i = 0; i < FIRES; i++)
		if (!ring(p))
			return p->strays > 0 ? LINE_BUSY : LINE_SILENT;
	/* The control: open on both sides, and nobody rings. */
	rtl_set_mask(p->r, ISR_TIMEOUT);
	wait_rings(p, FIRES + 1, CONTROL_NS);
	rtl_set_mask(p->r, 0);
	return p->rings == FIRES && p->strays == 0 ? LINE_RIGHT : LINE_BUSY;
}

static enum verdict try_line(struct rtl *r, unsigned line)
{
	struct probe p = { .r = r, .line = line };
	enum verdict v;

	if (arch_irq_attach(line, probe_irq, &p) != 0)
		return LINE_SILENT;
	v = judge(&p);
	arch_irq_detach(line, probe_irq, &p);
	return v;
}

/* A busy pin of an IO-APIC may be a quiet one of the other polarity. */
static bool try_both(struct rtl *r, unsigned *line, uint32_t *busy)
{
	enum verdict v = try_line(r, *line);

	if (v == LINE_BUSY && *line & ARCH_IRQ_GSI) {
		*line |= ARCH_IRQ_INVERTED;
		v = try_line(r, *line);
	}
	if (v == LINE_BUSY)
		(*busy)++;
	return v == LINE_RIGHT;
}

static void name_line(struct rtl *r, unsigned line)
{
	fmt_snprintf(r->dev.line, sizeof(r->dev.line), "%s %u%s",
	    line & ARCH_IRQ_GSI ? "gsi" : "irq", line & (ARCH_IRQ_GSI - 1),
	    line & ARCH_IRQ_INVERTED ? ", inverted" : "");
}

static bool use_line(struct rtl *r, unsigned line)
{
	if (arch_irq_attach(line, rtl_irq, r) != 0)
		return false;
	r->line = line;
	name_line(r, line);
	return true;
}

/* Without a timer firmware's word is all there is; the look takes care. */
static void trust_firmware(struct rtl *r, const unsigned *line, size_t n)
{
	bool said =
	    n > 0 && (line[0] == r->irq || line[0] == ARCH_IRQ_GSI + r->irq);

	if (said && use_line(r, line[0]))
		log_warn("%s: the card's timer does not ring, so %s is "
		         "believed, as the firmware says",
		    r->dev.name, r->dev.line);
	else
		rtl_start_polling(r, "no line is known");
}

static bool timer_works(struct rtl *r)
{
	bool ok;

	arm_timer(r, 0);
	ok = timer_rang(r);
	silence_timer(r);
	return ok;
}

static void say_found(const struct rtl *r, size_t tried, uint32_t busy)
{
	if (tried == 1)
		log_info("%s: interrupts arrive at %s, as the firmware says",
		    r->dev.name, r->dev.line);
	else
		log_info("%s: interrupts arrive at %s (the firmware says %u; "
		         "%u lines tried, %u busy)",
		    r->dev.name, r->dev.line, r->irq, (unsigned)tried, busy);
}

void rtl_find_line(struct rtl *r)
{
	unsigned line[LINES_MAX];
	size_t n = arch_irq_candidates(r->irq, line, LINES_MAX);
	uint32_t busy = 0;
	char why[64];

	if (!timer_works(r)) {
		trust_firmware(r, line, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!try_both(r, &line[i], &busy) || !use_line(r, line[i]))
			continue;
		say_found(r, i + 1, busy);
		return;
	}
	fmt_snprintf(why, sizeof(why),
	    "no line carries its interrupt (%u tried, %u busy)", (unsigned)n,
	    busy);
	rtl_start_polling(r, why);
}

/* --- Polling instead ----------------------------------------------------- */

void rtl_start_polling(struct rtl *r, const char *why)
{
	log_warn(
	    "%s: %s: the card is polled every millisecond", r->dev.name, why);
	if (r->line != RTL_NO_LINE)
		arch_irq_detach(r->line, rtl_irq, r);
	r->line = RTL_NO_LINE;
	fmt_snprintf(r->dev.line, sizeof(r->dev.line), "polled");
	r->polled = true;
	rtl_set_mask(r, 0);
	timer_arm(&r->retry, arch_clock_ns() + RTL_RETRY_NS);
}

/* Either nobody claims the interrupts, or we do and there is never anything to
 * do: a cause that does not clear.  The look comes once a second. */
static void check_storm(struct rtl *r)
{
	bool barren = r->polls_idle >= ARCH_IRQ_STORM;
	char why[64];

	r->polls_idle = 0;
	if (!barren && !arch_irq_is_storm(r->line))
		return;
	rtl_count(r, RTL_IRQ_STORM);
	fmt_snprintf(why, sizeof(why), "%s rings without end", r->dev.line);
	rtl_start_polling(r, why);
}

/*
 * Work lies there, unmasked, and no interrupt came: the line is wrong, or one
 * was lost.  Only an interrupt that does come takes the suspicion away; a
 * second without work tells nothing.
 */
static void check_lost(struct rtl *r, uint16_t isr)
{
	bool lost = r->mask != 0 && (isr & r->mask || !rtl_rx_empty(r));
	bool none = r->dev.stats.interrupts == r->look_interrupts;
	char why[64];

	r->look_interrupts = r->dev.stats.interrupts;
	if (lost)
		rtl_count(r, RTL_IRQ_LOST);
	if (!none)
		r->looks_lost = 0;
	else if (lost)
		r->looks_lost++;
	if (r->looks_lost < LOOKS_LOST_MAX)
		return;
	fmt_snprintf(why, sizeof(why), "%s never comes", r->dev.line);
	rtl_start_polling(r, why);
}

void rtl_check_interrupts(struct rtl *r, uint16_t isr)
{
	if (r->polled)
		return;
	check_storm(r);
	if (!r->polled)
		check_lost(r, isr);
}

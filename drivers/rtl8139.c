/* SPDX-License-Identifier: MIT */
/*
 * Start, interrupt, poll, the safety look, and recovery.
 *
 * Whether there is work is decided by the ring, never by the status register
 * alone; whatever goes wrong ends in one place, rtl_recover, which starts one
 * side of the card again, or all of it.  Sections are those of docs/RTL8139.md.
 */
#include "drivers/rtl8139.h"

#include "drivers/drivers.h"
#include "drivers/rtl8139_internal.h"
#include "lib/assert.h"
#include "lib/errno.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/string.h"

#define BAR_MEMORY 1u

#define CR_STEP_US   10u
#define RESET_CAP_US 100000u
#define STOP_CAP_US  200u

#define CONFIG_UNLOCK 0xc0u
#define CONFIG_LOCK   0x00u
#define CONFIG1_LWACT 0x10u
#define CONFIG1_SLEEP 0x03u /* power-down bits of 8139 and 8139A */
#define CONFIG3_MAGIC 0x20u

#define TX_HANG_NS       (5 * NS_PER_S)
#define RECOVERIES_PER_S 3u
#define STARTS_MAX       5u
#define TELL_INTERVAL_NS (10 * NS_PER_S)

/* --- What there is ------------------------------------------------------- */

struct chip {
	uint32_t id; /* TCR & TCR_CHIP_MASK */
	const char *name;
};

/* Section 1.2.  The first three have the older CONFIG1. */
static const struct chip chips[] = {
	{ 0x60000000, "RTL8139" },
	{ 0x70000000, "RTL8139A" },
	{ 0x70800000, "RTL8139A-G" },
	{ 0x78000000, "RTL8139B" },
	{ 0x7c000000, "RTL8130" },
	{ 0x74000000, "RTL8139C" },
	{ 0x74400000, "RTL8139D" },
	{ 0x74800000, "RTL8139C+" },
	{ 0x74c00000, "RTL8101" },
	{ 0x78800000, "RTL8100" },
};

#define CHIPS_OLD 3u

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const char *const counter_names[RTL_COUNTERS] = {
	[RTL_RX_OVERFLOW] = "rx_overflow",
	[RTL_RX_FIFO_OVERFLOW] = "rx_fifo_overflow",
	[RTL_RX_OVERSIZE] = "rx_oversize",
	[RTL_RX_IN_PROGRESS] = "rx_in_progress",
	[RTL_RX_WRAPPED] = "rx_wrapped",
	[RTL_TX_COPIED] = "tx_copied",
	[RTL_TX_FULL] = "tx_full",
	[RTL_TX_ABORT] = "tx_abort",
	[RTL_TX_UNDERRUN] = "tx_underrun",
	[RTL_TX_WINDOW] = "tx_window",
	[RTL_IRQ_FOREIGN] = "irq_foreign",
	[RTL_IRQ_LOST] = "irq_lost",
	[RTL_IRQ_STORM] = "irq_storm",
	[RTL_RECOVERIES + RECOVER_RX] = "rx_restarts",
	[RTL_RECOVERIES + RECOVER_TX] = "tx_restarts",
	[RTL_RECOVERIES + RECOVER_CARD] = "resets",
	[RTL_FAULTS + FAULT_RX_HEADER - 1] = "fault.rx_header",
	[RTL_FAULTS + FAULT_RX_STUCK - 1] = "fault.rx_stuck",
	[RTL_FAULTS + FAULT_TX_ABORT - 1] = "fault.tx_abort",
	[RTL_FAULTS + FAULT_TX_HANG - 1] = "fault.tx_hang",
	[RTL_FAULTS + FAULT_PCI - 1] = "fault.pci",
	[RTL_FAULTS + FAULT_HALTED - 1] = "fault.halted",
	[RTL_RESETS_DELAYED] = "resets_delayed",
};

/* Section 8: what each fault asks for first. */
static const struct {
	enum rtl_recovery first;
	const char *text;
} faults[FAULT_KINDS] = {
	[FAULT_NONE] = { RECOVER_CARD, "nothing" },
	[FAULT_RX_HEADER] = { RECOVER_RX,
	    "a broken header in the receive ring" },
	[FAULT_RX_STUCK] = { RECOVER_RX,
	    "a received frame that never became complete" },
	[FAULT_TX_ABORT] = { RECOVER_TX,
	    "a frame that could not be sent twice" },
	[FAULT_TX_HANG] = { RECOVER_TX, "a transmitter that hung" },
	[FAULT_PCI] = { RECOVER_CARD, "a PCI error" },
	[FAULT_HALTED] = { RECOVER_CARD, "a card that had stopped by itself" },
};

/* How each side of the card is started again; the whole card is not a side. */
static const struct {
	uint8_t enable; /* in CR */
	void (*start)(struct rtl *r);
	const char *text;
} recoveries[RECOVERY_KINDS] = {
	[RECOVER_RX] = { CR_RE, rtl_rx_start, "receiver restarted" },
	[RECOVER_TX] = { CR_TE, rtl_tx_start, "transmitter restarted" },
	[RECOVER_CARD] = { 0, NULL, "reset" },
};

static const struct chip *find_chip(uint32_t tcr)
{
	for (size_t i = 0; i < COUNT_OF(chips); i++)
		if (chips[i].id == (tcr & TCR_CHIP_MASK))
			return &chips[i];
	return NULL;
}

/* --- Start --------------------------------------------------------------- */

/* Waits until none of these bits of CR is set.  Returns whether that is so. */
static bool wait_cr_clear(struct rtl *r, uint8_t bits, uint32_t cap_us)
{
	for (uint32_t us = 0; us < cap_us; us += CR_STEP_US) {
		if (!(rtl_read8(r, RTL_CR) & bits))
			return true;
		arch_delay_us(CR_STEP_US);
	}
	return false;
}

/* Section 3, steps 1 to 4.  Returns 0, or -EIO when the card does not answer or
 * does not come out of reset. */
static int reset_card(struct rtl *r)
{
	/* The card may not touch memory before it forgot where. */
	pci_command(r->at, PCI_COMMAND_MEMORY,
	    PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF);
	rtl_write8(r, RTL_HLTCLK, 'R');

	uint32_t tcr = rtl_read32(r, RTL_TCR);

	if (tcr == UINT32_MAX || tcr == 0)
		return -EIO;
	rtl_set_mask(r, 0);
	rtl_write8(r, RTL_CR, CR_RST);
	if (!wait_cr_clear(r, CR_RST, RESET_CAP_US))
		return -EIO;
	rtl_write16(r, RTL_ISR, 0xffff);
	pci_command(r->at, PCI_COMMAND_MASTER, 0);
	return 0;
}

/* Section 3, step 6: address and power management, behind the lock. */
static void configure_locked(struct rtl *r)
{
	const struct chip *chip = find_chip(rtl_read32(r, RTL_TCR));
	uint8_t config1 = rtl_read8(r, RTL_CONFIG1);

	rtl_write8(r, RTL_9346CR, CONFIG_UNLOCK);
	rtl_write_mac(r, r->dev.mac);
	if (chip && chip < chips + CHIPS_OLD) {
		rtl_write8(r, RTL_CONFIG1, config1 & ~CONFIG1_SLEEP);
	} else {
		rtl_write8(r, RTL_CONFIG1, config1 & ~CONFIG1_LWACT);
		rtl_write8(
		    r, RTL_CONFIG3, rtl_read8(r, RTL_CONFIG3) & ~CONFIG3_MAGIC);
	}
	rtl_write8(r, RTL_9346CR, CONFIG_LOCK);
}

/* Section 3, steps 6 to 11, after a reset.  Interrupts stay masked: the caller
 * schedules a poll, which looks at the ring and unmasks. */
static void configure(struct rtl *r)
{
	configure_locked(r);
	rtl_write32(r, RTL_MAR0, 0);
	rtl_write32(r, RTL_MAR4, 0);
	rtl_write16(r, RTL_MULINT, 0);
	/* A reset is what makes it the turn of slot 0. */
	r->tx_head = 0;
	r->tx_tail = 0;
	rtl_rx_start(r);
	rtl_tx_start(r);
	rtl_write32(r, RTL_MPC, 0);
	rtl_write16(r, RTL_ISR, 0xffff);
	if ((rtl_read8(r, RTL_CR) & (CR_RE | CR_TE)) != (CR_RE | CR_TE))
		rtl_write8(r, RTL_CR, CR_RE | CR_TE);
	r->proven = 0;
	r->fault = FAULT_NONE;
	r->state = RTL_RUNNING;
}

/* Section 9.  The bit is latched low: the first read may tell the past. */
static bool link_is_up(const struct rtl *r)
{
	rtl_read16(r, RTL_BMSR);
	return rtl_read16(r, RTL_BMSR) & BMSR_LINK;
}

/* --- Recovery ------------------------------------------------------------ */

/* The card may touch no memory from here on, so what it held is ours. */
static void stop_card(struct rtl *r, enum rtl_state state)
{
	rtl_set_mask(r, 0);
	pci_command(r->at, 0, PCI_COMMAND_MASTER);
	r->state = state;
	rtl_tx_drop(r);
}

static void give_up(struct rtl *r, const char *why)
{
	stop_card(r, RTL_DEAD);
	timer_disarm(&r->retry);
	log_error("%s: the card %s; it stays off", r->dev.name, why);
	netdev_set_link(&r->dev, false);
	netdev_tx_done(&r->dev);
}

static void restart(struct rtl *r)
{
	if (reset_card(r) == 0) {
		r->starts_failed = 0;
		configure(r);
		netdev_schedule(&r->dev);
		return;
	}
	stop_card(r, RTL_RESTING);
	if (++r->starts_failed == STARTS_MAX)
		give_up(r, "does not come out of reset");
}

/* Returns whether there may be one more within this second. */
static bool within_budget(struct rtl_budget *b, uint64_t now_ns)
{
	if (now_ns - b->since_ns > NS_PER_S) {
		b->since_ns = now_ns;
		b->used = 0;
	}
	return b->used++ < RECOVERIES_PER_S;
}

/*
 * Starts one side again, while the other goes on: what lies in the ring, or on
 * its way out, stays.  Returns false when that cannot help: the side does not
 * stop, or has done nothing right since it was started, or breaks too often.
 */
static bool restart_side(struct rtl *r, enum rtl_recovery how)
{
	uint8_t enable = recoveries[how].enable;

	if (!(r->proven & enable) ||
	    !within_budget(&r->budget[how], arch_clock_ns()))
		return false;
	rtl_set_mask(r, 0);
	rtl_write8(r, RTL_CR, (CR_RE | CR_TE) & (uint8_t)~enable);
	if (!wait_cr_clear(r, enable, STOP_CAP_US))
		return false;
	r->proven &= (uint8_t)~enable;
	recoveries[how].start(r);
	r->fault = FAULT_NONE;
	netdev_schedule(&r->dev);
	return true;
}

/* A card that breaks again and again rests until the next look, so that it
 * costs neither the CPU nor the log. */
static void reset_or_rest(struct rtl *r)
{
	stop_card(r, RTL_RESTING);
	if (within_budget(&r->budget[RECOVER_CARD], arch_clock_ns()))
		restart(r);
	else
		rtl_count(r, RTL_RESETS_DELAYED);
}

static void tell_recovery(
    struct rtl *r, enum rtl_recovery how, const char *fault)
{
	uint16_t pci_errors = pci_take_errors(r->at);
	uint64_t now_ns = arch_clock_ns();

	if (now_ns < r->told_ns)
		return;
	r->told_ns = now_ns + TELL_INTERVAL_NS;
	log_warn("%s: %s after %s (PCI status %04x, number %u)", r->dev.name,
	    recoveries[how].text, fault, pci_errors,
	    (unsigned)r->dev.counter[RTL_RECOVERIES + how].value);
}

/* The one answer to every fault: what it asks for first, else all. */
static void rtl_recover(struct rtl *r)
{
	enum rtl_fault why = r->fault;
	enum rtl_recovery how = faults[why].first;
	bool side = how != RECOVER_CARD && restart_side(r, how);

	if (!side)
		how = RECOVER_CARD;
	rtl_count(r, RTL_FAULTS + why - 1);
	rtl_count(r, RTL_RECOVERIES + how);
	tell_recovery(r, how, faults[why].text);
	if (!side)
		reset_or_rest(r);
}

/* ISR reads as all ones, which it never is. */
static void check_gone(struct rtl *r)
{
	if (rtl_read32(r, RTL_TCR) == UINT32_MAX)
		give_up(r, "is gone: its registers read as all ones");
	else
		rtl_fault(r, FAULT_HALTED);
}

/* A card that lost power, or its address, reads zero: nothing in the ring can
 * be believed then. */
static void check_running(struct rtl *r)
{
	if ((rtl_read8(r, RTL_CR) & (CR_RE | CR_TE)) != (CR_RE | CR_TE))
		rtl_fault(r, FAULT_HALTED);
}

/* Without bus mastering the card believes that it reads and writes memory, and
 * says that all is well (section 0). */
static void check_dma(struct rtl *r)
{
	if (!(pci_read16(r->at, PCI_COMMAND) & PCI_COMMAND_MASTER))
		rtl_fault(r, FAULT_HALTED);
}

/* --- Poll ---------------------------------------------------------------- */

static void check_link(struct rtl *r)
{
	netdev_set_link(&r->dev, link_is_up(r));
}

static void count_missed(struct rtl *r)
{
	uint32_t missed = rtl_read32(r, RTL_MPC) & 0xffffff;

	if (missed == 0)
		return;
	rtl_write32(r, RTL_MPC, 0);
	r->dev.stats.rx_missed += missed;
}

static void note_causes(struct rtl *r, uint16_t isr)
{
	if (isr == 0)
		check_running(r);
	if (isr & ISR_RER)
		r->dev.stats.rx_errors++;
	if (isr & ISR_RXOVW)
		rtl_count(r, RTL_RX_OVERFLOW);
	if (isr & ISR_FOVW)
		rtl_count(r, RTL_RX_FIFO_OVERFLOW);
	if (isr & ISR_PUN)
		check_link(r);
	if (isr & ISR_SERR)
		rtl_fault(r, FAULT_PCI);
}

static void serve_tx(struct rtl *r, bool errors)
{
	rtl_tx_reclaim(r, errors);
	if (!r->tx_full || r->tx_head - r->tx_tail == RTL_SLOTS)
		return;
	r->tx_full = false;
	netdev_tx_done(&r->dev);
}

/*
 * One round.  Causes are acknowledged before their work is looked for, so that
 * new work raises them again; an overflow is acknowledged after the ring was
 * drained, as the card demands (section 5.4).
 */
static int serve(struct rtl *r, int budget)
{
	uint16_t isr = rtl_read16(r, RTL_ISR);
	bool overflow = isr & ISR_OVERFLOW;
	uint16_t ack = overflow ? isr & (uint16_t)~ISR_RX : isr;

	if (isr == ISR_GONE) {
		check_gone(r);
		return 0;
	}
	if (ack)
		rtl_write16(r, RTL_ISR, ack);
	note_causes(r, isr);
	serve_tx(r, isr & ISR_TER);
	if (r->fault != FAULT_NONE)
		return 0;

	int done = rtl_rx_poll(r, budget, overflow);

	if (overflow) {
		rtl_write16(r, RTL_ISR, ISR_RX);
		count_missed(r);
	}
	return done;
}

/* Unmasks and looks at the ring once more.  Returns whether the poll may end:
 * nothing is there, or a timer looks again. */
static bool settle(struct rtl *r)
{
	rtl_unmask(r);
	if (rtl_rx_empty(r))
		return true;
	if (r->rx_waiting) {
		timer_arm(&r->retry, arch_clock_ns() + RTL_RETRY_NS);
		return true;
	}
	rtl_set_mask(r, 0);
	return false;
}

static int rtl_poll(struct netdev *dev, int budget)
{
	struct rtl *r = container_of(dev, struct rtl, dev);
	uint32_t tail = r->tx_tail;
	int done = 0;

	while (r->state == RTL_RUNNING) {
		done += serve(r, budget - done);
		if (r->fault != FAULT_NONE) {
			rtl_recover(r);
			break;
		}
		if (done >= budget || r->state != RTL_RUNNING || settle(r))
			break;
	}
	if (done == 0 && tail == r->tx_tail)
		r->polls_idle++;
	return done;
}

/* --- The safety look ----------------------------------------------------- */

static void retry_tick(struct timer *t)
{
	struct rtl *r = container_of(t, struct rtl, retry);

	netdev_schedule(&r->dev);
	if (r->polled)
		timer_arm(t, arch_clock_ns() + RTL_RETRY_NS);
}

/* Section 7.6.  Without a link nothing can leave, so that is no hang. */
static void check_tx_hang(struct rtl *r, uint64_t now_ns)
{
	bool idle = r->tx_head == r->tx_tail || !r->dev.link_up;

	if (idle || r->tx_tail != r->look_tail) {
		r->look_tail = r->tx_tail;
		r->look_tail_ns = now_ns;
	} else if (now_ns - r->look_tail_ns >= TX_HANG_NS) {
		rtl_fault(r, FAULT_TX_HANG);
	}
}

static void look_running(struct rtl *r)
{
	uint16_t isr = rtl_read16(r, RTL_ISR);

	if (isr == ISR_GONE) {
		check_gone(r);
	} else {
		check_running(r);
		check_dma(r);
		rtl_tx_reclaim(r, false);
		check_tx_hang(r, arch_clock_ns());
		rtl_check_interrupts(r, isr);
	}
	if (r->fault != FAULT_NONE) {
		rtl_recover(r);
		return;
	}
	if (r->state != RTL_RUNNING)
		return;
	count_missed(r);
	check_link(r);
	netdev_schedule(&r->dev);
}

static void rtl_look(struct netdev *dev)
{
	struct rtl *r = container_of(dev, struct rtl, dev);

	if (r->state == RTL_RUNNING)
		look_running(r);
	else if (r->state == RTL_RESTING)
		restart(r);
}

static const struct netdev_ops rtl_ops = {
	.poll = rtl_poll,
	.tx = rtl_tx,
	.look = rtl_look,
};

/* --- Probe --------------------------------------------------------------- */

bool rtl8139_match(const struct pci_device *d)
{
	return rtl8139_card_name(d) != NULL;
}

static void say_config(const struct nic_config *c)
{
	if (c->mode == NIC_MODE_HYBRID || c->mode == NIC_MODE_CPLUS)
		log_warn("nic.mode: only classic is there yet; it is used");
	if (c->poll == NIC_POLL_POLL)
		log_warn("nic.poll: only napi is there yet; it is used");
}

/* Memory for the card's state and buffers; never freed.  NULL when there is
 * none. */
static struct rtl *make_card(const struct pci_device *d)
{
	struct rtl *r = arch_mem_alloc(sizeof(*r), 64);

	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	if (rtl_rx_init(r) != 0 || rtl_tx_init(r) != 0)
		return NULL;
	r->dev.ops = &rtl_ops;
	r->dev.mtu = 1500;
	for (size_t i = 0; i < RTL_COUNTERS; i++)
		r->dev.counter[i].name = counter_names[i];
	r->at = d->at;
	r->irq = d->interrupt_line;
	r->line = RTL_NO_LINE;
	timer_init(&r->retry, retry_tick);
	return r;
}

static int say_silent(const struct rtl *r, paddr_t base)
{
	log_error("rtl8139: the card at %02x:%02x.%x, %#llx, does not answer",
	    r->at.bus, r->at.slot, r->at.function, (unsigned long long)base);
	return -EIO;
}

/* Finds the registers and the address, and tries the card once; leaves it as
 * new.  Returns 0 or -EIO, said. */
static int open_card(struct rtl *r)
{
	paddr_t base;

	if (pci_wake(r->at))
		log_info("rtl8139: the card at %02x:%02x.%x was asleep and has "
		         "been woken",
		    r->at.bus, r->at.slot, r->at.function);
	pci_open_path(r->at);
	base = pci_memory_bar(r->at, BAR_MEMORY);
	if (base == 0 || !pci_is_reachable(r->at, base))
		base = pci_assign_memory_bar(r->at, BAR_MEMORY);
	if (base == 0)
		return -EIO;
	r->regs = arch_map_device(base, RTL_REGS_BYTES);
	if (!r->regs || reset_card(r) != 0)
		return say_silent(r, base);
	if (rtl_find_mac(r, r->dev.mac) != 0) {
		log_error("rtl8139: the card at %02x:%02x.%x has no usable MAC "
		          "address",
		    r->at.bus, r->at.slot, r->at.function);
		return -EIO;
	}
	configure(r);
	rtl_loop_check(r);
	return reset_card(r) == 0 ? 0 : say_silent(r, base);
}

static void say_attached(struct rtl *r, const struct pci_device *d)
{
	const struct chip *chip = find_chip(rtl_read32(r, RTL_TCR));
	const char *name = rtl8139_card_name(d);
	bool named = name && *name;

	log_info("%s: %s%s%s%s at %02x:%02x.%x, revision %02x, %pM, %s, "
	         "link %s",
	    r->dev.name, chip ? chip->name : "unknown RTL8139",
	    named ? " (" : "", named ? name : "", named ? ")" : "", d->at.bus,
	    d->at.slot, d->at.function, d->revision, r->dev.mac, r->dev.line,
	    link_is_up(r) ? "up" : "down");
}

int rtl8139_probe(
    struct stack *st, const struct pci_device *d, const struct nic_config *c)
{
	struct rtl *r = make_card(d);

	if (!r) {
		log_error("rtl8139: not enough memory for the card");
		return -ENOMEM;
	}

	int rc = open_card(r);

	if (rc != 0)
		return rc;
	say_config(c);
	netdev_register(st, &r->dev);
	configure(r);
	rtl_find_line(r);
	say_attached(r, d);
	check_link(r);
	netdev_schedule(&r->dev);
	return 0;
}

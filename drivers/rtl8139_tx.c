/* SPDX-License-Identifier: MIT */
/*
 * Transmit: four slots, used strictly in turn (docs/RTL8139.md, section 7).
 *
 * The card reads a packet from its own memory when that is possible, so nothing
 * is copied; the packet stays here until the card says that it has left.  Sent
 * packets are taken back by the next look at the slots, not by an interrupt;
 * only when all slots are busy does a finished packet interrupt.
 */
#include "drivers/rtl8139_internal.h"

#include "lib/assert.h"
#include "lib/errno.h"
#include "lib/string.h"

#define SLOT_ALIGN 32u

/* Section 7.4: bytes in the FIFO before sending starts, in units of 32. */
#define THRESHOLD_START 8u
#define THRESHOLD_STEP  2u
#define THRESHOLD_MAX   48u /* 1536: the whole frame */

int rtl_tx_init(struct rtl *r)
{
	r->tx_threshold = THRESHOLD_START;
	for (unsigned i = 0; i < RTL_SLOTS; i++) {
		r->slot[i].buffer = arch_mem_alloc(RTL_SLOT_BYTES, SLOT_ALIGN);
		if (!r->slot[i].buffer)
			return -ENOMEM;
	}
	return 0;
}

void rtl_tx_drop(struct rtl *r)
{
	for (unsigned i = 0; i < RTL_SLOTS; i++) {
		struct pkt *p = r->slot[i].p;

		r->slot[i].p = NULL;
		if (!p)
			continue;
		r->dev.stats.tx_errors++;
		pkt_drop(p, DROP_NETDEV_RESET);
	}
	r->tx_head = r->tx_tail;
	r->look_tail_ns = arch_clock_ns();
}

void rtl_tx_start(struct rtl *r)
{
	rtl_tx_drop(r);
	rtl_write8(r, RTL_CR, CR_RE | CR_TE);
	rtl_write32(r, RTL_TCR, TCR_VALUE);
}

/* --- Taking back --------------------------------------------------------- */

static void complete(struct rtl *r, struct rtl_slot *s)
{
	struct pkt *p = s->p;

	s->p = NULL;
	r->tx_tail++;
	pkt_free(p);
}

/* Section 7.4: the card repeats the frame by itself; more bytes in the FIFO
 * make it less likely to happen again. */
static void note_underrun(struct rtl *r, struct rtl_slot *s)
{
	if (s->underrun)
		return;
	s->underrun = true;
	rtl_count(r, RTL_TX_UNDERRUN);
	if (r->tx_threshold < THRESHOLD_MAX)
		r->tx_threshold += THRESHOLD_STEP;
}

/* Section 7.5: after too many collisions the card stops until it is told to
 * try the slot again.  A second failure of the same packet is a fault. */
static void restart_aborted(struct rtl *r, struct rtl_slot *s)
{
	rtl_count(r, RTL_TX_ABORT);
	if (s->aborted) {
		rtl_fault(r, FAULT_TX_ABORT);
		return;
	}
	s->aborted = true;
	rtl_write32(r, RTL_TCR, rtl_read32(r, RTL_TCR) | TCR_CLRABT);
}

/* The slot is the card's oldest, and has not been sent.  Returns whether the
 * card has given it up for good. */
static bool slot_failed(
    struct rtl *r, struct rtl_slot *s, unsigned i, unsigned status)
{
	if (status >> (TSAD_TABT + i) & 1) {
		restart_aborted(r, s);
		return false;
	}
	if (status >> (TSAD_TUN + i) & 1) {
		note_underrun(r, s);
		return false;
	}
	/* A late collision shows in the slot's own register alone. */
	if (!(rtl_read32(r, RTL_TSD0 + 4 * i) & TSD_OWC))
		return false;
	rtl_count(r, RTL_TX_WINDOW);
	r->dev.stats.tx_errors++;
	return true;
}

void rtl_tx_reclaim(struct rtl *r, bool errors)
{
	if (r->tx_head == r->tx_tail)
		return;

	unsigned status = rtl_read16(r, RTL_TSAD); /* section 7.3 */

	while (r->tx_tail != r->tx_head) {
		unsigned i = r->tx_tail % RTL_SLOTS;
		struct rtl_slot *s = &r->slot[i];

		if (!(status >> (TSAD_OWN + i) & 1))
			return;
		if (status >> (TSAD_TOK + i) & 1) {
			r->proven |= CR_TE;
			if (status >> (TSAD_TUN + i) & 1)
				note_underrun(r, s);
		} else if (!errors || !slot_failed(r, s, i, status)) {
			return;
		}
		complete(r, s);
	}
}

/* --- Sending ------------------------------------------------------------- */

/* Zeroes what is missing to the shortest frame, behind len bytes: the card does
 * not, and old memory must not leak onto the wire. */
static uint32_t pad(uint8_t *frame, uint32_t len)
{
	if (len >= RTL_FRAME_MIN)
		return len;
	memset(frame + len, 0, RTL_FRAME_MIN - len);
	return RTL_FRAME_MIN;
}

/* Whether the card can read the packet where it lies: one piece, aligned,
 * below 4 GiB, with room for the padding. */
static bool in_place(const struct pkt *p, uint32_t len)
{
	if (p->frag_count > 0 || ((uintptr_t)p->data & 3) != 0)
		return false;
	if (len < RTL_FRAME_MIN && p->end - p->data < (ptrdiff_t)RTL_FRAME_MIN)
		return false;
	return arch_dma_addr(p->data) + RTL_SLOT_BYTES <= UINT32_MAX;
}

void rtl_tx_start_slot(
    struct rtl *r, unsigned i, const uint8_t *frame, uint32_t len)
{
	arch_barrier();
	rtl_write32(r, RTL_TSAD0 + 4 * i, (uint32_t)arch_dma_addr(frame));
	rtl_write32(
	    r, RTL_TSD0 + 4 * i, r->tx_threshold << TSD_THRESHOLD_SHIFT | len);
}

static bool slots_busy(const struct rtl *r)
{
	return r->tx_head - r->tx_tail == RTL_SLOTS;
}

/*
 * Makes sure that a slot is free, or that an interrupt will say when one is.
 * The cause is acknowledged before the slots are looked at, so a packet that
 * finishes in between interrupts.
 */
static bool find_room(struct rtl *r)
{
	rtl_tx_reclaim(r, false);
	if (!slots_busy(r))
		return true;
	rtl_write16(r, RTL_ISR, ISR_TOK);
	rtl_tx_reclaim(r, false);
	if (!slots_busy(r))
		return true;
	rtl_count(r, RTL_TX_FULL);
	r->tx_full = true;
	rtl_unmask_tx(r);
	return false;
}

bool rtl_tx(struct netdev *dev, struct pkt *p)
{
	struct rtl *r = container_of(dev, struct rtl, dev);
	uint32_t len = (uint32_t)pkt_len(p);

	assert(len >= RTL_FRAME_HEAD && len <= RTL_FRAME_MAX);
	if (r->state == RTL_DEAD) {
		pkt_drop(p, DROP_NETDEV_DOWN);
		return true;
	}
	if (r->state != RTL_RUNNING || !find_room(r)) {
		r->tx_full = true;
		return false;
	}

	unsigned i = r->tx_head % RTL_SLOTS;
	struct rtl_slot *s = &r->slot[i];
	uint8_t *frame = p->data;

	if (!in_place(p, len)) {
		frame = s->buffer;
		pkt_copy_out(p, frame);
		rtl_count(r, RTL_TX_COPIED);
	}
	s->p = p;
	s->underrun = false;
	s->aborted = false;
	r->tx_head++;
	rtl_tx_start_slot(r, i, frame, pad(frame, len));
	return true;
}

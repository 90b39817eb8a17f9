/* SPDX-License-Identifier: MIT */
/*
 * Receive: the ring, docs/RTL8139.md section 5.
 *
 *	offset  rx_off                 CBR            32 KiB
 *	  |  ...  |hdr|frame|FCS|pad|hdr|...|  free  ... |
 *	           `- status (16), length (16, FCS included)
 *
 * Frames are handed up where they lie.  The card has published everything
 * before CBR, so CBR is read once per round and CAPR is written once, after
 * the round: no register is touched per frame.
 */
#include "drivers/rtl8139_internal.h"

#include "lib/errno.h"
#include "lib/string.h"

#define HEADER_BYTES 4u
#define CAPR_START   0xfff0u
/* Alignment for the strictest of the chips. */
#define RING_ALIGN 256u
/* The ring is allocated with the slack that the data sheet adds to its size. */
#define RING_SLACK 16u

#define HDR_ROK         0x0001u
#define HDR_ERRORS      0x003eu /* alignment, CRC, long, runt, symbol */
#define LEN_IN_PROGRESS 0xfff0u
/* Longer than any whole frame takes: 1522 bytes are 1.2 ms at 10 Mbit/s. */
#define IN_PROGRESS_NS (20 * NS_PER_MS)

int rtl_rx_init(struct rtl *r)
{
	r->ring = arch_mem_alloc(RTL_RING_BYTES + RING_SLACK, RING_ALIGN);
	r->bounce = arch_mem_alloc(RTL_SLOT_BYTES, RING_ALIGN);
	return r->ring && r->bounce ? 0 : -ENOMEM;
}

/* The thresholds of RCR hold only when they are set with the side on; CAPR is
 * what lets a stalled receiver go on (section 5.5), and may raise PUN. */
void rtl_rx_start(struct rtl *r)
{
	r->rx_off = 0;
	r->rx_waiting = false;
	rtl_write32(r, RTL_RBSTART, (uint32_t)arch_dma_addr(r->ring));
	rtl_write8(r, RTL_CR, CR_RE | CR_TE);
	rtl_write32(r, RTL_RCR, RCR_VALUE);
	rtl_write16(r, RTL_CAPR, CAPR_START);
	rtl_write16(r, RTL_ISR, ISR_RX | ISR_PUN);
}

static uint32_t card_offset(const struct rtl *r)
{
	return rtl_read16(r, RTL_CBR) & RTL_RING_MASK;
}

bool rtl_rx_empty(const struct rtl *r)
{
	return card_offset(r) == r->rx_off;
}

/* Section 5.3: the frame's DMA runs still.  It is left for later, but not for
 * ever. */
static void frame_in_progress(struct rtl *r)
{
	uint64_t now_ns = arch_clock_ns();

	if (!r->rx_waiting) {
		r->rx_waiting = true;
		r->rx_waiting_ns = now_ns;
		rtl_count(r, RTL_RX_IN_PROGRESS);
	} else if (now_ns - r->rx_waiting_ns > IN_PROGRESS_NS) {
		rtl_fault(r, FAULT_RX_STUCK);
	}
}

/*
 * Whether a complete frame with a believable header lies at rx_off.  Nothing
 * behind the header is touched before.  avail bytes are published.
 */
static bool header_ok(struct rtl *r, uint32_t header, uint32_t avail)
{
	uint32_t len = header >> 16;

	if (len == LEN_IN_PROGRESS) {
		frame_in_progress(r);
		return false;
	}
	if (!(header & HDR_ROK) || header & HDR_ERRORS ||
	    len < RTL_RX_LEN_MIN || HEADER_BYTES + len > avail) {
		r->dev.stats.rx_errors++;
		rtl_fault(r, FAULT_RX_HEADER);
		return false;
	}
	return true;
}

/* In: [header][frame][FCS] at rx_off, len with FCS. */
static void deliver(struct rtl *r, uint32_t len)
{
	uint32_t start = r->rx_off + HEADER_BYTES;
	uint32_t frame_len = len - RTL_FCS_BYTES;
	const uint8_t *frame = r->ring + start;

	if (len > RTL_RX_LEN_MAX) {
		/* Deviation from section 5.3: the header is sound, so the frame
		 * is skipped.  A reset would let a peer that sends giants stop
		 * the card.  Test: rx_skips_giants. */
		r->dev.stats.rx_errors++;
		rtl_count(r, RTL_RX_OVERSIZE);
		return;
	}
	if (start + frame_len > RTL_RING_BYTES) {
		uint32_t first = RTL_RING_BYTES - start;

		memcpy(r->bounce, frame, first);
		memcpy(r->bounce + first, r->ring, frame_len - first);
		frame = r->bounce;
		rtl_count(r, RTL_RX_WRAPPED);
	}
	netdev_rx(&r->dev, frame, frame_len);
}

/* Takes frames up to the card's offset.  Returns how many. */
static int take_frames(struct rtl *r, uint32_t end, int budget)
{
	int done = 0;

	while (done < budget && r->rx_off != end) {
		uint32_t header =
		    *(const volatile uint32_t *)(r->ring + r->rx_off);

		arch_barrier();
		if (!header_ok(r, header, (end - r->rx_off) & RTL_RING_MASK))
			break;

		uint32_t len = header >> 16;

		deliver(r, len);
		r->proven |= CR_RE;
		r->rx_off =
		    (r->rx_off + HEADER_BYTES + len + 3) & RTL_RING_MASK & ~3u;
		r->rx_waiting = false;
		done++;
	}
	return done;
}

int rtl_rx_poll(struct rtl *r, int budget, bool republish)
{
	uint32_t end = card_offset(r);

	/* Headers are aligned, so this is no offset: the card talks nonsense.
	 */
	if (end & 3) {
		rtl_fault(r, FAULT_RX_HEADER);
		return 0;
	}

	int done = take_frames(r, end, budget);

	/* Section 5.2: the card's pointer is ours less 16. */
	if ((done > 0 || republish) && r->fault == FAULT_NONE)
		rtl_write16(r, RTL_CAPR, (uint16_t)(r->rx_off - 16));
	return done;
}

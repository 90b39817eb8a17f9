/* SPDX-License-Identifier: MIT */
/*
 * What the files of the RTL8139 driver share: registers, the card's state, and
 * who does what.  Section numbers refer to docs/RTL8139.md.
 *
 * Three contexts meet here.  The interrupt handler touches the interrupt
 * registers and `mask` alone.  poll and look run in the bottom half; tx in
 * threads and in the bottom half, also called back by what poll delivers.  None
 * of them waits, so they never interleave with each other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "drivers/pci.h"
#include "lib/assert.h"
#include "net/netdev.h"
#include "net/pkt.h"
#include "sched/timer.h"

/* Section 1: registers, each used with exactly the width noted. */
enum rtl_reg {
	RTL_IDR0 = 0x00,     /* 32: MAC address, two words */
	RTL_IDR4 = 0x04,     /* 32 */
	RTL_MAR0 = 0x08,     /* 32: multicast filter, two words */
	RTL_MAR4 = 0x0c,     /* 32 */
	RTL_TSD0 = 0x10,     /* 32: transmit status and command, four slots */
	RTL_TSAD0 = 0x20,    /* 32: transmit address, four slots */
	RTL_RBSTART = 0x30,  /* 32: receive ring */
	RTL_CR = 0x37,       /* 8 */
	RTL_CAPR = 0x38,     /* 16: our place in the ring, less 16 */
	RTL_CBR = 0x3a,      /* 16: the card's place in the ring */
	RTL_IMR = 0x3c,      /* 16 */
	RTL_ISR = 0x3e,      /* 16 */
	RTL_TCR = 0x40,      /* 32 */
	RTL_RCR = 0x44,      /* 32 */
	RTL_TCTR = 0x48,     /* 32: timer; a write starts it at 0 */
	RTL_MPC = 0x4c,      /* 32: missed packets */
	RTL_9346CR = 0x50,   /* 8: EEPROM, and the lock of the CONFIGs */
	RTL_CONFIG1 = 0x52,  /* 8 */
	RTL_TIMERINT = 0x54, /* 32: when the timer rings; 0: never */
	RTL_CONFIG3 = 0x59,  /* 8 */
	RTL_HLTCLK = 0x5b,   /* 8 */
	RTL_MULINT = 0x5c,   /* 16 */
	RTL_TSAD = 0x60,     /* 16: status of all four slots */
	RTL_BMSR = 0x64,     /* 16: link */
	RTL_REGS_BYTES = 0x100
};

enum rtl_cr { CR_BUFE = 0x01, CR_TE = 0x04, CR_RE = 0x08, CR_RST = 0x10 };

/* Section 2: causes of ISR and bits of IMR. */
enum rtl_isr {
	ISR_ROK = 0x0001,
	ISR_RER = 0x0002,
	ISR_TOK = 0x0004,
	ISR_TER = 0x0008,
	ISR_RXOVW = 0x0010,
	ISR_PUN = 0x0020,
	ISR_FOVW = 0x0040,
	ISR_TIMEOUT = 0x4000,
	ISR_SERR = 0x8000,

	ISR_OVERFLOW = ISR_RXOVW | ISR_FOVW,
	/* Acknowledged together, section 5.4. */
	ISR_RX = ISR_ROK | ISR_RER | ISR_OVERFLOW,
	/* What may interrupt.  TOK joins while packets wait for a slot. */
	ISR_WANTED = ISR_RX | ISR_TER | ISR_PUN | ISR_SERR,
	ISR_GONE = 0xffff
};

/* Section 7: transmit status, here as four bits of each kind at RTL_TSAD. */
enum rtl_tsad { TSAD_OWN = 0, TSAD_TABT = 4, TSAD_TUN = 8, TSAD_TOK = 12 };

#define TSD_OWC             (1u << 29)
#define TSD_THRESHOLD_SHIFT 16

#define TCR_CLRABT    1u
#define TCR_CHIP_MASK 0x7cc00000u
/* Section 3, step 7: inter-frame gap 3, bursts of at most 1024 bytes. */
#define TCR_VALUE 0x03000600u
/* Whole frames, 32 KiB, bursts without limit, wrapping, broadcast and own. */
#define RCR_VALUE      0x0000f70au
#define RCR_EEPROM_256 0x40u /* 93C56 instead of 93C46 */

#define BMSR_LINK 0x0004

#define RTL_RING_BYTES 32768u
#define RTL_RING_MASK  (RTL_RING_BYTES - 1)
#define RTL_SLOTS      4u
#define RTL_FRAME_HEAD 14u   /* what Ethernet puts in front */
#define RTL_FRAME_MIN  60u   /* without FCS; the card does not pad */
#define RTL_FRAME_MAX  1514u /* without FCS */
#define RTL_FCS_BYTES  4u
#define RTL_RX_LEN_MIN 64u   /* with FCS */
#define RTL_RX_LEN_MAX 1522u /* with FCS and a VLAN tag */
/* A slot's own buffer: a whole frame, and its start and length rounded. */
#define RTL_SLOT_BYTES 1536u

#define RTL_RETRY_NS NS_PER_MS /* polled mode, and a frame in progress */

#define RTL_NO_LINE UINT32_MAX

/* Running; or stopped until a later look starts it again; or given up. */
enum rtl_state { RTL_STOPPED, RTL_RUNNING, RTL_RESTING, RTL_DEAD };

/* What went wrong with the card (section 8).  Each has its counter, in the
 * same order from RTL_FAULTS on. */
enum rtl_fault {
	FAULT_NONE,
	FAULT_RX_HEADER,
	FAULT_RX_STUCK,
	FAULT_TX_ABORT,
	FAULT_TX_HANG,
	FAULT_PCI,
	FAULT_HALTED,
	FAULT_KINDS
};

/* What is started again.  Each has its counter, from RTL_RECOVERIES on. */
enum rtl_recovery { RECOVER_RX, RECOVER_TX, RECOVER_CARD, RECOVERY_KINDS };

/* The driver's own counters, at /stats by the names in rtl8139.c. */
enum rtl_counter {
	RTL_RX_OVERFLOW,
	RTL_RX_FIFO_OVERFLOW,
	RTL_RX_OVERSIZE,
	RTL_RX_IN_PROGRESS,
	RTL_RX_WRAPPED,
	RTL_TX_COPIED,
	RTL_TX_FULL,
	RTL_TX_ABORT,
	RTL_TX_UNDERRUN,
	RTL_TX_WINDOW,
	RTL_IRQ_FOREIGN,
	RTL_IRQ_LOST,
	RTL_IRQ_STORM,
	RTL_RECOVERIES, /* RECOVER_RX first */
	/* FAULT_RX_HEADER first */
	RTL_FAULTS = RTL_RECOVERIES + RECOVERY_KINDS,
	RTL_RESETS_DELAYED = RTL_FAULTS + FAULT_KINDS - 1,
	RTL_COUNTERS
};

static_assert(RTL_COUNTERS <= NETDEV_COUNTERS, "counters fit the device");

struct rtl_slot {
	struct pkt *p;   /* on the card, or NULL */
	uint8_t *buffer; /* for what cannot be sent in place */
	bool underrun;   /* counted for this packet already */
	bool aborted;    /* restarted once already */
};

/* How often something was done within the second that began at since_ns. */
struct rtl_budget {
	uint64_t since_ns;
	uint32_t used;
};

struct rtl {
	struct netdev dev;
	volatile uint8_t *regs;
	enum rtl_state state;
	enum rtl_fault fault; /* found, not yet recovered from */

	/* Interrupts.  mask is what IMR holds; polled means that no interrupt
	 * comes and a timer stands in for it. */
	uint16_t mask;
	bool polled;
	unsigned line; /* or RTL_NO_LINE */

	/* Receive.  rx_off is the offset of the next header. */
	uint8_t *ring;
	uint32_t rx_off;
	bool rx_waiting; /* the frame at rx_off is still being written */
	uint64_t rx_waiting_ns;
	uint8_t *bounce; /* the frame that wraps, in one piece */

	/* Transmit.  Both count for ever; slot = count % 4.  The card has the
	 * packets from tx_tail up to tx_head. */
	uint32_t tx_head, tx_tail;
	uint32_t tx_threshold; /* in units of 32 bytes */
	bool tx_full;          /* a packet was refused; room will be told */
	struct rtl_slot slot[RTL_SLOTS];

	/* Looking after the card: section 8. */
	struct timer retry;
	uint64_t looked_ns;
	uint64_t look_interrupts;
	uint32_t polls_idle; /* since the look: found nothing to do */
	uint32_t looks_lost;
	uint32_t look_tail;
	uint64_t look_tail_ns;
	struct rtl_budget budget[RECOVERY_KINDS];
	uint8_t proven; /* CR_RE, CR_TE: has worked since it was started */
	uint32_t starts_failed;
	uint64_t told_ns;

	struct pci_address at;
	uint8_t irq; /* as the firmware says */
};

static inline uint8_t rtl_read8(const struct rtl *r, unsigned reg)
{
	return arch_read8(r->regs + reg);
}

static inline uint16_t rtl_read16(const struct rtl *r, unsigned reg)
{
	return arch_read16(r->regs + reg);
}

static inline uint32_t rtl_read32(const struct rtl *r, unsigned reg)
{
	return arch_read32(r->regs + reg);
}

static inline void rtl_write8(struct rtl *r, unsigned reg, uint8_t v)
{
	arch_write8(r->regs + reg, v);
}

static inline void rtl_write16(struct rtl *r, unsigned reg, uint16_t v)
{
	arch_write16(r->regs + reg, v);
}

static inline void rtl_write32(struct rtl *r, unsigned reg, uint32_t v)
{
	arch_write32(r->regs + reg, v);
}

static inline void rtl_count(struct rtl *r, enum rtl_counter c)
{
	r->dev.counter[c].value++;
}

/* Notes a fault; the caller of the current poll or look recovers from it. */
static inline void rtl_fault(struct rtl *r, enum rtl_fault why)
{
	if (r->fault == FAULT_NONE)
		r->fault = why;
}

/* --- rtl8139_mac.c ------------------------------------------------------- */

/* Finds the station address: in the ID registers, else in the EEPROM.  Returns
 * 0, or -EIO when neither holds a usable one.  Context: boot. */
int rtl_find_mac(struct rtl *r, uint8_t mac[6]);

/* Puts the address into the ID registers, for the receive filter.  The
 * registers must be unlocked. */
void rtl_write_mac(struct rtl *r, const uint8_t mac[6]);

/* --- rtl8139_rx.c -------------------------------------------------------- */

/* Allocates ring and bounce buffer.  Returns 0 or -ENOMEM. */
int rtl_rx_init(struct rtl *r);

/* Starts the receiver, which is off, on an empty ring: section 5.6. */
void rtl_rx_start(struct rtl *r);

/* Delivers up to budget frames and gives their room back to the card. republish
 * tells the card our place even when there was nothing (section 5.4).  Returns
 * the frames taken; notes faults.  Context: bottom half. */
int rtl_rx_poll(struct rtl *r, int budget, bool republish);

/* Whether the card has published nothing that was not taken. */
bool rtl_rx_empty(const struct rtl *r);

/* --- rtl8139_tx.c -------------------------------------------------------- */

/* Allocates the slots' buffers.  Returns 0 or -ENOMEM. */
int rtl_tx_init(struct rtl *r);

/* Drops what was on the card (NETDEV_RESET), which reads no memory any more.
 * The turn of the slots stays. */
void rtl_tx_drop(struct rtl *r);

/* Starts the transmitter, which is off, without what it had: section 7.8. */
void rtl_tx_start(struct rtl *r);

/* Gives len bytes to a slot whose turn it is: its length starts the card. */
void rtl_tx_start_slot(
    struct rtl *r, unsigned i, const uint8_t *frame, uint32_t len);

/* The device's tx operation. */
bool rtl_tx(struct netdev *dev, struct pkt *p);

/* Frees what the card has sent, and handles what went wrong when the card
 * reported an error.  Context: bottom half. */
void rtl_tx_reclaim(struct rtl *r, bool errors);

/* --- rtl8139_loop.c ------------------------------------------------------ */

/* Sends a frame to itself and says what does not work.  The card was started
 * and is masked; it must be reset afterwards.  Takes up to 20 ms.  Context:
 * boot. */
void rtl_loop_check(struct rtl *r);

/* --- rtl8139_irq.c ------------------------------------------------------- */

/* Sets what may interrupt, both IMR and the copy. */
void rtl_set_mask(struct rtl *r, uint16_t mask);

/* Lets the card interrupt, unless it is polled.  The caller then looks at the
 * ring once more. */
void rtl_unmask(struct rtl *r);

/* Lets a finished packet interrupt, until the next poll.  Context: any. */
void rtl_unmask_tx(struct rtl *r);

/* Finds the line at which the card's interrupts arrive and attaches to it, or
 * starts polling; logs which.  The card is running and masked.  Takes about 5
 * ms when the firmware is right, 100 ms when there is no line.  Context: boot,
 * with interrupts on. */
void rtl_find_line(struct rtl *r);

/* From now on no interrupt is waited for.  Says why. */
void rtl_start_polling(struct rtl *r, const char *why);

/* Notices that interrupts are lost, or that the line rings without end, for
 * another device or for a cause that does not clear; isr is what ISR reads.
 * Context: the look, once a second. */
void rtl_check_interrupts(struct rtl *r, uint16_t isr);

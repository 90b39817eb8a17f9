/* SPDX-License-Identifier: MIT */
/*
 * An RTL8139 in classic mode, for the driver to run against in a process.  It
 * does what real cards do and QEMU's model does not: transmit takes time,
 * errors happen, headers are seen half written.  And it is strict: an access of
 * the wrong width, a slot out of turn, a DMA outside what was lent is a panic,
 * so the test fails (docs/RTL8139.md has each rule).
 *
 * Nothing happens by itself.  A test lets the wire deliver (mock_rtl_rx), lets
 * the card finish a transmission (mock_rtl_tx_step, or tx_delay_ns), and may do
 * so between any two register accesses of the driver (hook).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/mock_pci.h"

#define MOCK_RTL_BASE       0xfebc0000u
#define MOCK_RTL_SENT_MAX   512
#define MOCK_RTL_BACKLOG    256
#define MOCK_RTL_FRAME_MAX  16384
#define MOCK_RTL_SENT_BYTES 2048

enum mock_eeprom { MOCK_EEPROM_NONE, MOCK_EEPROM_46, MOCK_EEPROM_56 };

/* How the transmission of the oldest slot ends. */
enum mock_tx {
	MOCK_TX_OK,
	MOCK_TX_ABORT,    /* stops until CLRABT, then tries again */
	MOCK_TX_UNDERRUN, /* reported; the card tries again by itself */
	MOCK_TX_OK_AFTER_UNDERRUN,
	MOCK_TX_OK_WITHOUT_CARRIER, /* as always at 100 Mbit/s */
	MOCK_TX_WINDOW,             /* late collision: not sent */
	MOCK_TX_DMA_DONE            /* read from memory, still in the FIFO */
};

struct mock_frame {
	uint32_t len;
	uint8_t data[MOCK_RTL_SENT_BYTES];
};

struct mock_rtl {
	/* What the test sets before or while the card runs. */
	uint8_t rom_mac[6]; /* in the EEPROM */
	uint8_t idr_mac[6]; /* in the ID registers after reset */
	uint32_t chip;      /* TCR's identity bits */
	enum mock_eeprom eeprom;
	uint16_t eeprom_signature;
	bool link, link_was_lost; /* BMSR tells a loss once more */
	uint64_t tx_delay_ns;     /* 0: only mock_rtl_tx_step sends */
	uint64_t reset_ns;        /* how long CR.RST stays set */
	bool reset_stuck;
	uint8_t stuck_enables;  /* of CR: read as set for ever */
	uint64_t stop_ns;       /* how long RE and TE stay set when cleared */
	bool back_pressure;     /* keeps frames that find no room, as QEMU */
	bool drops_enables;     /* CR loses RE and TE once after reset */
	uint16_t isr_returns;   /* causes that come back 10 us after they were
	                           acknowledged */
	bool pun_on_empty_capr; /* a CAPR write to an empty ring sets PUN */
	bool loses_dma;         /* claims to read and write memory, as QEMU
	                           without bus mastering */
	bool no_loopback;       /* loses what it sends to itself */
	bool gone;              /* reads as all ones */
	bool decode_off;        /* reads as zero */
	bool no_interrupt;      /* the line goes nowhere */
	bool timer_dead;        /* TimerInt never rings */
	uint64_t timer_late_ns; /* by so much, as where the host is busy */
	unsigned irq;           /* the line it is wired to, as in arch.h */

	/* Called before every register access, with its number. */
	void (*hook)(struct mock_rtl *m, uint64_t access);
	/* Whether the card may read these bytes for a transmission. */
	bool (*may_read)(struct mock_rtl *m, uint64_t at, uint32_t len);

	/* What the test looks at. */
	uint64_t accesses, capr_writes, cbr_reads, resets, isr_reads;
	uint64_t clrabt_writes;
	bool wiped;      /* frames were lost in the ring by RCR or a reset */
	bool touched_cr; /* CR was written since power-on */
	uint32_t sent_count;
	struct mock_frame sent[MOCK_RTL_SENT_MAX];
	uint16_t isr, imr, last_isr_write;
	uint32_t mpc;
	uint32_t last_threshold; /* of the last TSD written, in 32 bytes */

	/* Inside. */
	struct mock_pci_function *pci;
	uint32_t base; /* where its registers are; 0: nowhere */
	uint32_t timer_int;
	uint64_t tctr_ns;
	uint8_t idr[8], mar[8];
	uint8_t cr, eecr, config1, config3, ee_out;
	uint32_t tcr, rcr, rbstart, tsd[4], tsad[4];
	uint32_t cbr, read_at; /* ring offsets */
	uint32_t strangers;    /* frames in the ring that it did not send */
	bool looping;          /* receives what it sends */
	uint32_t open_at;      /* a frame in progress, or UINT32_MAX */
	uint32_t tx_next, tx_oldest;
	uint8_t tx_snapshot[4][MOCK_RTL_SENT_BYTES];
	bool tx_stopped; /* after an abort */
	uint64_t reset_until_ns, stop_until_ns;
	uint8_t stopping; /* of CR: cleared, and not yet off */
	uint32_t backlog_first, backlog_count;
	struct mock_frame backlog[MOCK_RTL_BACKLOG];
	uint32_t ee_bits, ee_count, ee_word;
	bool ee_reading;
};

/*
 * Puts a powered-on card of sound mind into the machine, as a function of pci
 * on bus, slot, with interrupt line irq.  Call after host_reset.
 */
void mock_rtl_init(struct mock_rtl *m, struct mock_pci *pci, uint8_t bus,
    uint8_t slot, uint8_t irq);

/* A frame (without FCS) arrives for whomever.  Returns whether the ring, or the
 * backlog, took it. */
bool mock_rtl_rx(struct mock_rtl *m, const void *frame, uint32_t len);

/* The same, if the filter of RCR, IDR and MAR lets it through. */
bool mock_rtl_rx_filtered(
    struct mock_rtl *m, const uint8_t *frame, uint32_t len);

/* The same as mock_rtl_rx in two steps: in memory and published, with no cause
 * raised; mock_rtl_raise(ISR_ROK) is the other. */
bool mock_rtl_rx_silent(struct mock_rtl *m, const void *frame, uint32_t len);

/* Writes an arbitrary header and bytes as if the card had, and publishes
 * advance bytes. */
void mock_rtl_rx_raw(
    struct mock_rtl *m, uint16_t status, uint16_t len, uint32_t advance);

/* A frame begins to arrive: published, its length still fff0.  The end writes
 * it. */
void mock_rtl_rx_begin(struct mock_rtl *m, uint32_t len);
void mock_rtl_rx_end(struct mock_rtl *m, const void *frame, uint32_t len);

/* Bytes that the ring still takes, and its size. */
uint32_t mock_rtl_free(const struct mock_rtl *m);
uint32_t mock_rtl_ring_bytes(const struct mock_rtl *m);

/* Moves both ring pointers of an empty ring, to begin a test anywhere. */
void mock_rtl_set_offset(struct mock_rtl *m, uint32_t offset);

/* The oldest transmission ends.  Returns false when there is none. */
bool mock_rtl_tx_step(struct mock_rtl *m, enum mock_tx how);
uint32_t mock_rtl_tx_pending(const struct mock_rtl *m);

void mock_rtl_set_link(struct mock_rtl *m, bool up);

/* Sets causes of ISR, as the card would. */
void mock_rtl_raise(struct mock_rtl *m, uint16_t causes);

/* Reevaluates the interrupt line, after changes to gone or no_interrupt. */
void mock_rtl_update(struct mock_rtl *m);

/* SPDX-License-Identifier: MIT */
/*
 * For the oracle's own files: oracle.c reads frames, finds flows and looks at
 * what is sent and how much; oracle_told.c at what a receiver says;
 * oracle_resent.c at what is sent again, and at the window.
 */
#pragma once

#include "net/sock.h"
#include "net/tcp_internal.h"
#include "tests/sim/oracle.h"
#include "tests/sim/ranges.h"

#define ORACLE_SYNS 4

/* A transmission whose bytes may still be out. */
struct oracle_sending {
	uint32_t left, right;
	uint64_t at_ns;
};

/* One side's view of a connection. */
struct oracle_flow {
	struct oracle_flow *next;
	struct oracle *o;
	unsigned side;
	struct tcp_tuple t;

	/* Sent by this side. */
	bool open, fin, reset; /* our SYN, FIN, RST was sent */
	uint32_t isn, top, una, fin_seq;
	uint32_t high_sack; /* what the peer told of, at most */
	uint32_t edge;      /* of the peer's window, as far as it ever was */
	bool edge_known;
	unsigned dups;         /* ACKs without progress since the last with */
	uint32_t resent_below; /* top when something was last sent again */
	bool resent;
	uint8_t *ring; /* the bytes in flight, by sequence number */
	uint32_t ring_size;
	uint8_t scale_out, scale_in; /* of our windows, of the peer's */
	bool scale_offered, scale_agreed, sack_offered, sack_agreed;
	bool peer_has_scale, peer_sack_ok; /* its last SYN */
	uint8_t peer_scale;

	/* What is out (oracle_resent.c). */
	struct ranges sacked;
	struct oracle_sending *sending;
	unsigned sendings, sending_room;
	struct oracle_sending delivered; /* the latest known to have arrived */
	uint64_t delivered_ns;           /* since when */
	uint64_t excused_ns;             /* up to here no reason is asked for */
	unsigned probes;                 /* of the tail, without an answer */
	bool in_recovery;

	/* Reductions of the window. */
	uint32_t reductions, timeouts_seen, losses_seen, undone;
	struct oracle_reduction {
		uint32_t top;        /* when it was seen */
		bool any, of_window; /* it is one of the window up to top */
		bool cwr_due;
	} reduced, reduced_before; /* the last one; the one before */

	/* Told by this side. */
	bool acked;
	uint32_t base, ack, told_edge;
	uint32_t ts_val;
	bool ts_sent;
	uint32_t full;         /* the largest segment that came */
	uint64_t owed_ns;      /* since when text waits for its ACK, or 0 */
	bool echo, echo_known; /* ECE is said; we know whether it has to be */

	/* Received by this side. */
	uint32_t syn[ORACLE_SYNS];
	unsigned syns;
	struct ranges came;
	bool peer_fin;
	uint32_t peer_fin_end;
	uint32_t ts_came;
	bool ts_seen;

	/* While a segment is processed. */
	struct oracle_moment {
		bool takes_text, old_ts;
		uint32_t una, rcv_nxt, ooo, reductions;
		unsigned sent;      /* since it came */
		struct range dsack; /* the first block then */
	} now;

	/* Timeouts in a row. */
	unsigned timeouts;
	uint64_t timeout_ns, timeout_gap_ns, received_ns;

	/* The connection's inside, as it was last. */
	uint32_t cwnd, cwnd_max, rcvbuf_max;
	bool starved; /* ever, of packets, or of records of what is out */
};

/* A segment with its options. */
struct seen {
	struct wire_segment s;
	uint32_t end; /* behind data, SYN and FIN */
	uint8_t ecn;  /* of the IP header */
	bool has_ts, sack_ok, has_scale;
	uint8_t scale;
	uint32_t ts_val, ts_ecr;
	unsigned sacks;
	struct range sack[4];
};

/* The connection's inside. */
struct view {
	uint32_t cwnd, mss, una, recover, ooo, recvq, rcvbuf, rcv_nxt;
	uint32_t reductions, timeouts, losses; /* of the window, by reason */
	uint32_t undone;
	uint32_t oldest_ack; /* that still counts, RFC 5961 5.2 */
	uint64_t reo_wnd_ns; /* the least that RACK waits, where it does */
	bool reordering_seen;
	bool in_recovery, repairing, timed_out, frto, synchronized, open, ecn;
	bool takes_text;
};

static inline bool oracle_look(struct oracle_flow *f, struct view *v)
{
	return f->o->look(f, v);
}

void oracle_wrong(struct oracle_flow *f, const struct seen *g, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* The card holds frames back: they leave later than they were made. */
bool oracle_card_waits(const struct oracle_flow *f);

/* --- oracle_told.c -------------------------------------------------------- */

/* A segment came, and is not in f->came yet. */
void oracle_told_received(struct oracle_flow *f, const struct seen *g);
/* The stack is done with it. */
void oracle_told_processed(
    struct oracle_flow *f, const struct seen *g, const struct view *v);
/* One leaves. */
void oracle_told_sent(struct oracle_flow *f, const struct seen *g);

/* --- oracle_resent.c ------------------------------------------------------ */

/* Whether the window was reduced, or got back what it had. */
void oracle_resent_look(
    struct oracle_flow *f, const struct seen *g, const struct view *v);
/* An ACK came, f->una has moved. */
void oracle_resent_received(struct oracle_flow *f, const struct seen *g);
void oracle_resent_processed(
    struct oracle_flow *f, const struct seen *g, const struct view *v);
/* Text or FIN leaves; f->top has not moved yet. */
void oracle_resent_sent(struct oracle_flow *f, const struct seen *g);
/* Another connection of the same ports. */
void oracle_resent_reset(struct oracle_flow *f);

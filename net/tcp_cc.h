/* SPDX-License-Identifier: MIT */
/*
 * Congestion control.  What an algorithm decides stands in one small table;
 * what all have in common (the initial window, slow start, restart after
 * idleness, bounds, no growth of a window that is not used, recovery and its
 * undoing) is around it, in tcp_cc.c, tcp_hystart.c and tcp_recover.c.  Windows
 * are bytes.
 *
 * To add one: net/tcp_NAME.c with its `const struct tcp_cc_ops`, a line in
 * tcp_cc.c's table, a member of union tcp_cc_state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tcp_conn;

enum tcp_cc_event {
	TCP_CC_LOSS,    /* repaired without a timeout */
	TCP_CC_TIMEOUT, /* the first of a segment */
	TCP_CC_ECN,     /* told by the network (RFC 3168) */
	TCP_CC_EVENTS
};

/* The first slow start (RFC 9406), tcp_hystart.c. */
struct tcp_hystart {
	uint64_t rtt_ns;              /* that the latest ACK gave; 0: none */
	uint64_t last_min_ns, min_ns; /* of the last round and this one */
	uint64_t baseline_ns;
	uint32_t round_end;
	uint8_t samples;    /* in this round */
	uint8_t css_rounds; /* since css began */
	bool css;
};

/* RFC 9438 section 4.1, windows in bytes. */
struct tcp_cubic {
	uint32_t w_max;      /* 0: the next stage begins at its plateau */
	uint32_t cwnd_prior; /* when ssthresh was set last */
	uint64_t w_est;      /* in 1/65536 of a byte */
	uint64_t epoch_ns;   /* t is counted from here; good when in_stage */
	uint32_t credit;     /* growth that is no byte yet, times cwnd */
	uint32_t k_ms : 31;  /* a cubic root of 64 bits has 22 */
	bool in_stage : 1;   /* of congestion avoidance */
};

/* What an algorithm remembers of a connection; zero before init. */
union tcp_cc_state {
	struct {
		uint32_t acked; /* of the window, in congestion avoidance */
	} reno;
	struct {
		struct tcp_cubic now;
		struct tcp_cubic before; /* the last ssthresh; epoch_ns is
		                          * how long ago it began then */
	} cubic;
};

/*
 * Every function works on c->cwnd, c->ssthresh and its own part of c->cc_state.
 * Context: bottom half or thread.
 */
struct tcp_cc_ops {
	const char *name; /* of the setting tcp.cc */

	/* A connection begins; cwnd and ssthresh are set. */
	void (*init)(struct tcp_conn *c);

	/* Congestion avoidance: acked bytes were acknowledged while the window
	 * was in use and no fast recovery went on; grows cwnd.  The bounds of
	 * cwnd are the caller's. */
	void (*acked)(struct tcp_conn *c, uint32_t acked);

	/* Congestion with so many bytes in flight: returns the new ssthresh.
	 * The caller sets cwnd, by PRR or to one segment. */
	uint32_t (*ssthresh)(
	    struct tcp_conn *c, uint32_t flight, enum tcp_cc_event why);

	/* The last ssthresh was a mistake: puts back what it changed in
	 * cc_state.  cwnd and ssthresh are the caller's. */
	void (*undo)(struct tcp_conn *c);

	/* So much time went by that was no congestion avoidance: the window was
	 * not used, or (cwnd < ssthresh) slow start goes on. */
	void (*idle)(struct tcp_conn *c, uint64_t idle_ns);
};

extern const struct tcp_cc_ops tcp_cc_cubic, tcp_cc_reno;

/* The cube root, rounded down (for tests). */
uint32_t tcp_cubic_root(uint64_t n);

/* The algorithm of this name, or NULL. */
const struct tcp_cc_ops *tcp_cc_find(const char *name);

/* RFC 6928 section 2. */
uint32_t tcp_cc_initial_window(const struct tcp_conn *c);

/* The peer's MSS is known: initial windows. */
void tcp_cc_init(struct tcp_conn *c);
/* The handshake is done; c->backoff tells how often a SYN was repeated. */
void tcp_cc_opened(struct tcp_conn *c);
/* Before sending after a pause. */
void tcp_cc_idle(struct tcp_conn *c);
/* Congestion with so many bytes in flight: sets ssthresh, remembers that the
 * window of now is dealt with and that the peer has to hear of it.  cwnd is the
 * caller's. */
void tcp_cc_reduce(struct tcp_conn *c, uint32_t flight, enum tcp_cc_event why);
/* Whether ECN told of the window that is out, and it was reduced. */
bool tcp_cc_told_by_ecn(const struct tcp_conn *c);
/* Bytes were acknowledged when flight bytes were out. */
void tcp_cc_acked(struct tcp_conn *c, uint32_t acked, uint32_t flight);

/* SPDX-License-Identifier: MIT */
/*
 * Two network devices joined by a wire that lies: each direction loses,
 * duplicates, delays, reorders and corrupts frames by chance, as a seed says.
 * Bandwidth and a queue in front of it can be limited.  Time is the fake clock
 * (arch/host), so a run repeats exactly.
 *
 * The environment variable SIM_PCAP names a folder: there each wire leaves
 * NAME.sent.pcap and NAME.got.pcap (what went in, and what came out) unless
 * wire_stop was reached, that is: those of a failing case; with SIM_PCAP_KEEP
 * set, those of all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/list.h"
#include "net/netdev.h"
#include "net/tcp_opt.h"

#define WIRE_FRAME_MAX 1600

/* One direction.  Chances are per million frames; all zero is a perfect wire
 * without any delay.  ARP is spared loss and corruption: it has nothing to
 * notice the one, and gives up soon at the other. */
struct wire_params {
	uint32_t loss_ppm, duplicate_ppm, reorder_ppm;
	uint32_t corrupt_ppm; /* one bit of the frame flips */
	uint64_t delay_ns;
	uint64_t jitter_ns;    /* 0 up to this is added; order is kept */
	uint64_t reorder_ns;   /* added to a reordered frame alone */
	uint64_t bits_per_s;   /* 0: unlimited */
	uint32_t queue_frames; /* waiting for bandwidth; more are lost.  0:
	                          unlimited */
	uint32_t mark_frames; /* an ECN-capable frame that finds so many waiting
	                         is marked CE (RFC 3168).  0: never */
	bool bleach;          /* the ECN field is cleared on the way */
	uint32_t slots; /* frames that the sender's card holds until they left;
	                   it takes no more (back-pressure).  0: unlimited */
};

struct wire_stats {
	uint64_t frames, lost, filtered, overflowed, duplicated, reordered;
	uint64_t corrupted, delivered, marked;
};

struct wire;

/* A frame on its way. */
struct wire_frame {
	struct list node; /* in wire->flying, then in end->arrived */
	struct wire_end *to;
	size_t len;
	uint8_t data[WIRE_FRAME_MAX];
};

struct wire_end {
	struct netdev dev; /* register this one with a stack */
	struct wire *wire;
	struct wire_params out; /* what happens to frames sent here */
	struct wire_stats stats;
	uint64_t chance;  /* state of the generator */
	uint64_t free_ns; /* when the bandwidth is free again */
	uint64_t last_ns; /* when the last frame kept in order arrives */
	uint32_t in_slots, in_queue;
	struct list arrived; /* struct wire_frame, for poll */
};

/* Loses chosen TCP segments of one side. */
struct wire_rule {
	unsigned from;
	uint8_t mask, flags; /* those with (flags & mask) == flags */
	int data; /* 1: only with data, 0: only without, -1: either */
	unsigned skip, lose; /* passes the first ones, then loses so many */
	unsigned lost;       /* at first 0 */
};

#define WIRE_RULES_MAX 4

enum wire_moment { WIRE_SENT, WIRE_RECEIVED, WIRE_PROCESSED };

struct wire {
	struct wire_end end[2];
	struct list flying;
	bool cut; /* everything is lost, both ways, and nobody is told */

	struct wire_rule rule[WIRE_RULES_MAX];
	unsigned rules;

	/* When set: sees every frame and returns true to lose it. */
	bool (*filter)(
	    void *ctx, unsigned from, const uint8_t *frame, size_t len);
	void *filter_ctx;
	/* When set: sees every frame as a side sends it, gets it, and when its
	 * stack is done with it. */
	void (*watch)(void *ctx, enum wire_moment m, unsigned side,
	    const uint8_t *frame, size_t len);
	void *watch_ctx;
	FILE *sent, *got;
	char name[64];
};

/* Makes both devices, link up, MAC 02:00:00:00:00:01 and :02, not registered
 * yet. */
void wire_start(struct wire *w, const char *name, uint64_t seed,
    const struct wire_params out[2]);

/* Ends it well: forgets what flies, and the captures. */
void wire_stop(struct wire *w);

/* Ends it after a failure: the captures stay. */
void wire_abandon(struct wire *w);

/* Tells both stacks that the link went or came. */
void wire_set_link(struct wire *w, bool up);

/* Delivers a frame to end `to` at once, past every impairment. */
void wire_inject(struct wire *w, unsigned to, const void *frame, size_t len);

/* Adds a rule; each segment is lost by the first that wants it. */
void wire_lose(struct wire *w, struct wire_rule rule);

/* --- Segments, for filters and hand-made traffic ------------------------- */

struct wire_segment {
	uint32_t src_ip, dst_ip;
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint8_t flags;   /* TCP_* */
	uint16_t window; /* the field */
	struct tcp_options opt;
	const uint8_t *data;
	size_t len;
};

/* Reads a TCP segment out of a frame; false when it is something else. */
bool wire_parse(const uint8_t *frame, size_t len, struct wire_segment *s);

/* Injects a segment with right checksums to end `to`. */
void wire_inject_segment(
    struct wire *w, unsigned to, const struct wire_segment *s);

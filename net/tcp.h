/* SPDX-License-Identifier: MIT */
/*
 * TCP (RFC 9293).  Read in this order: tcp_internal.h (the connection),
 * tcp_in.c (section 3.10.7 step by step), tcp.c (tables, TIME-WAIT), tcp_out.c
 * (what is sent and when), tcp_timer.c (RFC 6298, zero-window probes, delayed
 * ACK), tcp_sent.h (what is out), tcp_recover.c and tcp_rack.c (loss), tcp_cc.h
 * (the congestion window), tcp_sock.c (the user's calls).
 *
 * Beside it stand tcp_agree.c (options in SYNs; tcp_opt.c reads and writes
 * them), tcp_ts.c (timestamps), tcp_ooo.c (text before its turn, SACK),
 * tcp_tune.c (sizes of buffers), tcp_ecn.c (congestion that is told), tcp_urg.c
 * (urgent data), tcp_info.c (what a connection tells).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/list.h"
#include "net/icmp.h"
#include "sched/timer.h"

struct arena;
struct icmp_error;
struct pkt;
struct stack;
struct tcp_cc_ops;
struct text;

struct tcp_hdr {
	be16 src_port, dst_port;
	be32 seq, ack;
	uint8_t offset; /* header length in words, high four bits */
	uint8_t flags;
	be16 window;
	be16 checksum;
	be16 urgent;
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define TCP_ECE 0x40 /* RFC 3168 6.1 */
#define TCP_CWR 0x80

#define TCP_LISTEN_BUCKETS 64

/* Explicit congestion notification: never, when the peer asks, always. */
enum tcp_ecn { TCP_ECN_OFF, TCP_ECN_PASSIVE, TCP_ECN_ON };

struct tcp {
	struct list *conn_buckets; /* struct tcp_conn by the four-tuple */
	struct list *tw_buckets;   /* struct tcp_tw by the four-tuple */
	uint32_t bucket_mask;      /* of both tables */
	struct list bound[TCP_LISTEN_BUCKETS]; /* struct sock by local port */
	struct list
	    tw_age; /* every struct tcp_tw, the one to end first first */
	struct timer tw_timer;
	struct list orphans; /* struct tcp_conn, the first closed first */
	uint32_t orphan_count, orphan_chunks;
	uint64_t msl_ns;    /* RFC 9293 3.4.1; tcp.msl */
	uint64_t rcv_extra; /* what receive buffers grew by, all together */
	const struct tcp_cc_ops *cc; /* of new connections; tcp.cc */
	enum tcp_ecn ecn;            /* tcp.ecn */
	uint32_t syn_len;            /* half-open, of all listeners */
	uint64_t challenge_end_ns;   /* of this second's limit */
	uint32_t challenges_left;
	struct rate_limit tw_acks;
	/* Tests set it to choose the next initial sequence numbers: when
	 * *test_isn is non-NULL, its value is used instead of RFC 6528's. */
	const uint32_t *test_isn;
};

/* Returns 0 or -ENOMEM. */
int tcp_init(struct stack *st, struct arena *a);

/* In: [tcp][data].  Borrows p.  Context: bottom half.  Drops: TCP_*. */
void tcp_rx(struct pkt *p);

/* An ICMP error about a segment of ours (RFC 9293 3.9.2.2). */
void tcp_error(struct stack *st, const struct icmp_error *e);

/* Whether a socket listens on this port. */
_Bool tcp_is_listening(const struct stack *st, uint16_t port);

/* The address of a device went: its connections cannot go on. */
void tcp_address_gone(struct stack *st, uint32_t addr);

/* Prints a line for each listener, connection and TIME-WAIT, up to 256 of
 * them. */
#define TCP_PRINT_SOCKETS_MAX (257 * 500) /* bytes, surely */
void tcp_print_sockets(struct stack *st, struct text *t);

/* Prints the number of connections by state, as "tcp.state.NAME value". */
void tcp_print(struct stack *st, struct text *t);

/* SPDX-License-Identifier: MIT */
/*
 * One stack with one network card of which a test plays the other side: what
 * the stack sends is kept in a list, what the test injects arrives at once.
 * Time is the fake clock and moves only in fx_run_ms and the expect_* calls.
 *
 *	fx_setup		a stack at FX_IP, the peer's address is known
 *	inject_*, expect_*	a script: this arrives, that must leave
 *	fx_teardown		pools full again? one fate for each frame?
 *
 * A TCP script speaks of one connection (fx.c) in sequence numbers relative to
 * both initial ones: SYN is 0, the first byte 1.  Bytes of both streams are a
 * pattern of their place, so that every received byte is checked.
 *
 * Frames are injected from memory of exactly their size: reading beyond the
 * end is an ASan report.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "lib/pool.h"
#include "lib/random.h"
#include "net/icmp.h"
#include "net/ip.h"
#include "net/netdev.h"
#include "net/sock.h"
#include "net/stack.h"
#include "net/tcp.h"
#include "net/udp.h"
#include "sched/timer.h"

#define FX_IP      0x0a000001u /* ours: 10.0.0.1/24 */
#define FX_PEER    0x0a000002u
#define FX_GATEWAY 0x0a0000feu
#define FX_BCAST   0x0a0000ffu
#define FX_FAR     0xc0a80909u /* beyond the gateway */

#define FX_FRAMES 1024 /* captured and not yet looked at */
#define FX_ANY    UINT32_MAX

extern const uint8_t fx_mac[6], fx_second_mac[6], fx_peer_mac[6];

struct fx_frame {
	struct netdev *dev; /* by which it left */
	uint64_t at_ns;
	size_t len;
	uint8_t bytes[1600];
};

/* The TCP connection that a script speaks of. */
struct fx_conn {
	uint32_t ip, peer_ip;
	uint16_t port, peer_port;
	uint32_t isn, peer_isn; /* ours is learnt from our SYN */
	uint32_t sent;          /* bytes of our stream given to sock_send */
	uint32_t received;      /* bytes of the peer's stream read */
	/* Timestamps are in use: in() adds peer_ts and the last TSval seen, out
	 * wants some; .no_ts for once without. */
	bool ts;
	uint32_t peer_ts, seen_ts;
};

struct fx {
	struct stack st;
	struct random rng;
	struct netdev dev, second;
	struct netdev *at; /* with which inject_* and expect_* speak: dev */
	struct waitq captured;
	struct fx_frame *frame; /* FX_FRAMES of them, a ring */
	uint32_t head, count;
	uint64_t last_ns; /* when the last expected frame left */
	uint64_t mark_ns; /* fx_mark */
	bool df;          /* of the last expected datagram */
	bool card_full;   /* the card takes no more */
	bool arp_by_hand; /* else peer and gateway answer, and none is kept */
	uint32_t arp_owed[8]; /* addresses that were asked for */
	unsigned arp_owed_count;
	bool card_silent;  /* sent frames are not kept */
	bool keeps_frames; /* the card keeps what it took until fx_card_done */
	struct list card;
	struct fx_conn c;
};

extern struct fx fx;

/* --- Life ---------------------------------------------------------------- */

int fx_setup(void **state);
int fx_setup_limits(const struct stack_limits *l);
extern const struct stack_limits fx_limits; /* small */

/* Lets connections in TIME-WAIT end, then checks every pool and the ledger. */
int fx_teardown(void **state);
void fx_check_ledger(void);

/* Gives the stack a second card on a wire of its own, without an address; its
 * neighbours answer ARP by hand. */
void fx_plug_in_second(void);

#define fx_test(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

/* --- Time ---------------------------------------------------------------- */

void fx_run_ms(uint64_t ms);
/* Moves the clock exactly so far; timers that fall due run later. */
void fx_skip_ms(uint64_t ms);
uint64_t fx_now_ms(void);
/* Remembers this moment; fx_since_mark_ms is that of the last frame that was
 * expected. */
void fx_mark(void);
uint64_t fx_since_mark_ms(void);

/* Fails unless a <= ms <= b for the time since fx_mark. */
void fx_expect_time(uint64_t from_ms, uint64_t to_ms);

/* --- Frames -------------------------------------------------------------- */

void fx_inject(const void *frame, size_t len);

/* The oldest captured frame, waiting for it at most within_ms; NULL when none
 * comes.  Good until the next call. */
const struct fx_frame *fx_next(uint64_t within_ms);

/* Nothing may leave for so long (0: nothing has left). */
void expect_nothing(uint64_t ms);
void fx_forget_frames(void);

/* Gives back what the card keeps. */
void fx_card_done(void);

/* --- ARP ----------------------------------------------------------------- */

struct fx_arp {
	const uint8_t *eth_dst; /* in: NULL is ours */
	uint16_t op;
	const uint8_t *sender_mac, *target_mac; /* NULL: the peer's, zero */
	uint32_t sender_ip, target_ip;
	uint16_t hw_type, proto_type; /* 0: the right ones */
	uint8_t hw_len, proto_len;    /* 0: the right ones */
	size_t cut;                   /* bytes missing at the end */
};

void inject_arp(struct fx_arp a);

/* Expects an ARP packet; eth_dst and target_mac NULL: not compared. */
void expect_arp(struct fx_arp a, uint64_t within_ms);

/* --- IPv4 ---------------------------------------------------------------- */

struct fx_ip {
	const uint8_t *eth_dst; /* NULL: our station */
	uint32_t src, dst;      /* 0: the peer, us (zero_src: really 0) */
	bool zero_src;
	uint8_t proto, ttl; /* ttl 0: 64 */
	uint8_t tos;
	uint16_t frag;
	uint8_t version_ihl; /* 0: 0x45, or as the options need */
	uint16_t total_len;  /* 0: the right one */
	bool bad_checksum;
	const uint8_t *options;
	uint8_t options_len; /* a multiple of 4 */
	uint8_t padding;     /* bytes behind the datagram */
	const void *payload;
	size_t len;
};

void inject_ip(struct fx_ip d);

/* A sent IPv4 datagram, its header checked. */
struct fx_datagram {
	uint32_t src, dst;
	uint8_t proto, ttl;
	const uint8_t *eth_dst, *ip, *payload;
	size_t len; /* of payload */
};

/* Expects one with this protocol.  Fails after within_ms. */
struct fx_datagram expect_ip(uint8_t proto, uint64_t within_ms);

uint16_t fx_checksum(const void *data, size_t len, uint32_t sum);
uint32_t fx_pseudo(uint32_t src, uint32_t dst, uint8_t proto, size_t len);

/* --- UDP ----------------------------------------------------------------- */

struct fx_udp {
	uint32_t src, dst; /* 0: the peer, us */
	const uint8_t *eth_dst;
	uint16_t src_port, dst_port;
	uint16_t udp_len; /* 0: the right one */
	bool no_checksum, bad_checksum;
	uint8_t trailing; /* bytes of the datagram behind udp_len */
	const void *data;
	size_t len;
};

void inject_udp(struct fx_udp u);
void expect_udp(struct fx_udp u, uint64_t within_ms);

/* Expects an ICMP error of this type and code whose quote begins with the IP
 * header of what was injected last. */
void expect_icmp_error(uint8_t type, uint8_t code);

/* --- TCP ----------------------------------------------------------------- */

#define ZERO_WND      -1 /* a window of 0, where 0 means "any" */
#define WSCALE(shift) ((shift) + 1)

struct seg {
	uint32_t seq, ack; /* relative; absolute when raw */
	uint8_t flags;
	int32_t wnd;         /* in: 0 is 65535; expected: 0 is any */
	uint32_t len;        /* bytes of the stream's pattern */
	const uint8_t *data; /* instead of the pattern */
	uint16_t mss;        /* in, expected: the option; 0 none, any */
	const uint8_t *opts; /* in: raw options, opts_len a multiple of 4 */
	uint8_t opts_len;
	/* Options of RFC 7323 and RFC 2018.  Expected in a SYN: any; elsewhere
	 * exactly these, of timestamps at least the ones that are not 0. */
	uint8_t wscale; /* WSCALE(shift) */
	bool sack_permitted, ts, no_ts;
	uint32_t ts_val, ts_ecr;
	uint8_t sacks; /* blocks in sack, relative: start, end, ... */
	uint32_t sack[8];
	bool raw, bad_checksum, any_ack;
	uint8_t offset; /* in: header words; 0: the right ones */
	uint16_t urgent;
	uint8_t ecn;             /* of the IP header: IP_ECN_* */
	uint32_t src_ip, dst_ip; /* in: 0 the connection's */
	uint16_t src_port, dst_port;
	const uint8_t *eth_dst;
};

void inject_seg(struct seg s);

/* The next frame must be this segment.  Now, or within ms. */
void expect_seg(struct seg s);
void expect_seg_within(struct seg s, uint64_t ms);

/* The next segment, whatever it is, as the fields of struct seg. */
struct seg fx_any_seg(uint64_t within_ms);

#define in(...)             inject_seg((struct seg){ __VA_ARGS__ })
#define out(...)            expect_seg((struct seg){ __VA_ARGS__ })
#define out_within(ms, ...) expect_seg_within((struct seg){ __VA_ARGS__ }, (ms))

enum {
	F = TCP_FIN,
	S = TCP_SYN,
	R = TCP_RST,
	P = TCP_PSH,
	A = TCP_ACK,
	U = TCP_URG,
	FA = F | A,
	SA = S | A,
	RA = R | A,
	PA = P | A,
	FPA = F | P | A
};

/* A listening socket. */
struct sock *fx_listen(uint16_t port, int backlog);

/* The peer connects and is accepted.  mss 0: no option.  wnd 0: 65535. */
struct sock *fx_accepted(uint16_t mss, int32_t wnd);

/* We connect; the handshake is done. */
struct sock *fx_connected(uint16_t mss, int32_t wnd);
struct sock *fx_connecting(void); /* the SYN has left */

/* The script's connection, or NULL when it has none (any more); its state, a
 * TCP_* of net/tcp_internal.h. */
struct tcp_conn *fx_tcp(void);
int fx_state(void);
#define assert_state(s) assert_int_equal(fx_state(), TCP_##s)

/* As if nearly 3 GiB more of our stream had been sent and acknowledged, a
 * segment of s at a time; nothing may be out.  The script's numbers stay. */
void fx_skip(struct sock *s);

/* The next connection of a test: other ports, both streams from their start.
 * Forgets what was sent. */
void fx_next_conn(void);

/* Our stream's next len bytes; returns what sock_send says. */
ptrdiff_t fx_send(struct sock *s, size_t len);
ptrdiff_t fx_send_flags(struct sock *s, size_t len, int flags);

/* Reads all there is, up to max, comparing with the peer's stream; returns how
 * many bytes (0 at the end too). */
size_t fx_read(struct sock *s, size_t max);

/* The peer's stream from relative sequence number seq on. */
void fx_pattern(uint8_t *buf, bool peer, uint32_t seq, size_t len);

/* What sock_recv says about the next byte (which must not be there). */
ptrdiff_t fx_recv_state(struct sock *s);

/* Takes every object of a pool, to see what happens without. */
void fx_hoard(struct pool *p);
void fx_hoard_give(struct pool *p, unsigned n);

/* Ends the connection and the socket without a trace on the wire. */
void fx_abort(struct sock *s);

#define assert_drop(why, n)   assert_int_equal(fx.st.drop[DROP_##why], (n))
#define assert_count(what, n) assert_int_equal(fx.st.count[COUNT_##what], (n))

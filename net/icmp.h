/* SPDX-License-Identifier: MIT */
/* ICMP (RFC 792, RFC 1122 3.2.2): echo, and errors sent and received. */
#pragma once

#include <stdint.h>

#include "lib/bytes.h"

struct pkt;
struct random;
struct stack;

#define ICMP_ECHO_REPLY    0
#define ICMP_UNREACHABLE   3
#define ICMP_ECHO          8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER     12

#define ICMP_CODE_PROTO   2
#define ICMP_CODE_PORT    3
#define ICMP_CODE_TOO_BIG 4 /* "fragmentation needed and DF set" */

/* Errors sent: on average at most this many a second, with this burst (RFC 1812
 * 4.3.2.8). */
#define ICMP_ERRORS_PER_S 100
#define ICMP_ERRORS_BURST 20

struct icmp_hdr {
	uint8_t type, code;
	be16 checksum;
	be32 rest;
};

/* A token bucket. */
struct rate_limit {
	uint64_t last_ns;
	int32_t tokens; /* may be one below nothing */
};

/* Takes a token.  per_s tokens come each second, up to burst. */
_Bool rate_limit_ok(struct rate_limit *r, uint32_t per_s, uint32_t burst);

/*
 * The same, but takes none, one, or two, by chance: so many on average, and how
 * many others took, nobody can count.  For limits that strangers share: where
 * an exact one ran out tells what was sent to somebody else, for instance which
 * ports are open to him ("SAD DNS", CVE-2020-25705).
 */
_Bool rate_limit_vague_ok(
    struct rate_limit *r, struct random *rng, uint32_t per_s, uint32_t burst);

/* In: [icmp].  Borrows p.  Drops: ICMP_SHORT, ICMP_CHECKSUM, ICMP_TYPE,
 * ICMP_BROADCAST. */
void icmp_rx(struct pkt *p);

/* Sends "destination unreachable" about the received p, unless RFC 1122 3.2.2
 * forbids it or the limit is reached.  Borrows p. */
void icmp_unreachable(const struct pkt *p, uint8_t code);

/* SPDX-License-Identifier: MIT */
/*
 * SYN cookies (RFC 4987 3.6): the initial sequence number of a SYN-ACK says all
 * that a listener would have to remember of the SYN, signed with the stack's
 * secret; what else was agreed on stands in the low bits of its timestamp.
 * Pure; tcp_listen.c says when they are used.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/hash.h"

struct tcp_options;
struct tcp_tuple;

/* A cookie is good for one to two of these. */
#define TCP_COOKIE_PERIOD_NS (32 * NS_PER_S)

/* Which of two SYNs a cookie answers. */
struct tcp_cookie_key {
	struct hash_key secret;
	const struct tcp_tuple *t;
	uint32_t irs; /* the peer's initial sequence number */
};

/* The cookie for a peer that takes segments of mss bytes. */
uint32_t tcp_cookie_make(
    const struct tcp_cookie_key *k, uint16_t mss, uint64_t now_ns);

/* The MSS that the cookie was made for, rounded down to one of eight; 0 when it
 * is none of ours, or too old. */
uint16_t tcp_cookie_check(
    const struct tcp_cookie_key *k, uint32_t cookie, uint64_t now_ns);

/* The TSval, at most ts, that tells the peer's window scale, whether it knows
 * SACK, and whether ECN was agreed on. */
uint32_t tcp_cookie_ts_make(
    uint32_t ts, const struct tcp_options *theirs, bool ecn);

/* Sets from the echo what the peer's SYN said (wscale, sack_permitted). */
void tcp_cookie_ts_read(uint32_t echo, struct tcp_options *theirs, bool *ecn);

/* SPDX-License-Identifier: MIT */
/*
 * TCP's options (RFC 9293 3.2; RFC 7323 for window scale and timestamps, RFC
 * 2018 for selective acknowledgment): bytes to a structure and back.  Pure; who
 * may send which option when is tcp_in.c's and tcp_out.c's affair.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_OPTIONS_MAX   40 /* bytes: the header has at most 60 */
#define TCP_SACK_MAX      4  /* blocks that fit (RFC 2018 section 3) */
#define TCP_WSCALE_MAX    14 /* RFC 7323 2.3 */
#define TCP_TS_BYTES      12 /* timestamps, padded (RFC 7323 appendix A) */
#define TCP_NO_WSCALE     (-1)
#define TCP_SACK_BYTES(n) (4 + 8 * (n)) /* n blocks, padded */

/* [start, end) of sequence numbers. */
struct tcp_sack_block {
	uint32_t start, end;
};

struct tcp_options {
	uint16_t mss;        /* 0: absent */
	int8_t wscale;       /* TCP_NO_WSCALE: absent; as the peer said it */
	bool sack_permitted; /* these three only in a SYN */
	bool has_ts;
	uint8_t sack_count;
	uint32_t ts_val, ts_ecr;
	struct tcp_sack_block sack[TCP_SACK_MAX];
};

/* No option at all. */
void tcp_options_clear(struct tcp_options *o);

/*
 * Reads the option list of len bytes; what is absent is as after
 * tcp_options_clear.  Unknown kinds are skipped (MUST-6), a known kind of the
 * wrong length too; a length that makes no sense ends the search (MUST-7).  Of
 * two options of one kind the first counts.
 */
void tcp_options_parse(
    struct tcp_options *out, const uint8_t *bytes, size_t len);

/* Writes what is set, padded to words, to out (TCP_OPTIONS_MAX bytes of room);
 * as many SACK blocks as fit behind the others.  Returns the length. */
size_t tcp_options_write(const struct tcp_options *o, uint8_t *out);

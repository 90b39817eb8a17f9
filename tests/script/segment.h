/* SPDX-License-Identifier: MIT */
/*
 * A TCP segment as a script speaks of it: in text, in numbers relative to both
 * initial sequence numbers, and on the wire.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of struct script_options. */
enum {
	SCRIPT_MSS = 1,
	SCRIPT_WSCALE = 2,
	SCRIPT_SACK_OK = 4,
	SCRIPT_SACK = 8,
	SCRIPT_TS = 16,
	SCRIPT_OTHER = 32
};

#define SCRIPT_SACKS 4

struct script_options {
	unsigned present, absent; /* expected: absent ones must not be there */
	unsigned any;             /* expected: whatever their value */
	bool only;                /* expected: none but these */
	uint16_t mss;
	uint8_t wscale;
	unsigned sacks;
	uint32_t sack[SCRIPT_SACKS][2];
	uint32_t ts_val, ts_ecr;
	bool any_val, any_ecr;
	uint8_t bytes[40]; /* as they are sent */
	unsigned len;
};

struct script_segment {
	uint8_t flags;
	uint8_t compared; /* expected: which flags must be as told */
	bool any_seq, any_ack;
	bool has_ack, bad_checksum;
	uint32_t seq, ack, len;
	uint32_t win_min, win_max;
	uint16_t urgent;
	uint8_t offset, reserved;   /* injected; offset 0: the right one */
	uint32_t from, to;          /* addresses; 0: the usual ones */
	int32_t src_port, dst_port; /* -1: the usual ones */
	struct script_options opt;
	const uint8_t *data;
};

/* What numbers in a text stand for. */
struct script_numbers {
	uint32_t isn, peer_isn; /* ours, the peer's */
	uint32_t last_ts;       /* the latest TSval that we sent */
	uint32_t first_ts, top; /* that of the last new text, and its end */
};

/* Reads the words of a segment, and the text between its angle brackets (NULL:
 * none).  Returns NULL, or what is wrong. */
const char *script_read_segment(struct script_segment *s, char **word,
    unsigned words, char *options, const struct script_numbers *n, bool expect);

/* Writes [tcp][options][data], the checksum last.  data: the pattern of the
 * peer's stream.  Returns the length. */
size_t script_build_segment(const struct script_segment *s,
    const struct script_numbers *n, uint8_t *bytes);

/* Reads a segment that was sent, numbers still absolute.  Returns NULL, or
 * what is wrong with it. */
const char *script_parse_segment(const uint8_t *bytes, size_t len, uint32_t src,
    uint32_t dst, struct script_segment *s);

/* Returns NULL when `sent` is as expected, else what differs. */
const char *script_compare(
    const struct script_segment *want, const struct script_segment *sent);

/* A line of text for people. */
void script_print_segment(
    const struct script_segment *s, char *text, size_t size);

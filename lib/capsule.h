/* SPDX-License-Identifier: MIT */
/*
 * The crash capsule: what one run of the system leaves behind for the next to
 * tell.  A head, and behind it the text: the log's last lines, the last
 * packets.  It lies in memory that anybody may have written to since, and in a
 * variable of the firmware; so nothing of it is believed before capsule_check.
 *
 * Two hashes: the head's own, which covers the text's.  So a head that only
 * tells a later time is sealed again without a look at the text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPSULE_VERSION     1u
#define CAPSULE_BUILD_BYTES 32

enum capsule_state {
	CAPSULE_RUNNING = 1, /* the run's end is not in it */
	CAPSULE_PANICKED = 2
};

/* What is told besides the text. */
struct capsule_facts {
	uint64_t up_ns; /* since kernel entry */
	int64_t wall_s; /* UTC, seconds since 1970; 0: unknown */
	uint32_t state; /* enum capsule_state */
	uint32_t unused;
	char build[CAPSULE_BUILD_BYTES];
};

struct capsule {
	uint64_t magic;
	uint32_t version, text_len;
	struct capsule_facts facts;
	uint64_t text_hash;
	uint64_t head_hash; /* of all above */
	char text[];
};

/* Makes the record invalid, so that it may be changed.  To be followed by
 * capsule_seal. */
void capsule_break(struct capsule *c);

/* Makes the record valid around the len bytes of text that stand in it.
 * Borrows f. */
void capsule_seal(
    struct capsule *c, const struct capsule_facts *f, uint32_t len);

/* As capsule_seal, of a sealed record whose text is the same. */
void capsule_seal_head(struct capsule *c, const struct capsule_facts *f);

/* Bytes of a record with its text. */
size_t capsule_bytes(const struct capsule *c);

/*
 * Looks at any bytes, 8-byte aligned, of which room may be read.  Returns them
 * as a capsule when they are a whole and sound one: lengths, hashes, a known
 * state, a text without control characters but newlines.  Else NULL.
 */
const struct capsule *capsule_check(const void *p, size_t room);

/* Whether a tells more than b; either may be NULL.  A panic beats a run's last
 * sign of life, then the later one counts, then the fuller. */
bool capsule_is_better(const struct capsule *a, const struct capsule *b);

/* The end of the last whole line in text[0..len): 0 when there is none. */
size_t capsule_line_end(const char *text, size_t len);

/* Where the line begins by which a panic ends a log, or len. */
size_t capsule_find_panic(const char *log, size_t len);

/*
 * Cuts a log down to whole lines of at most room bytes: what a panic reported,
 * from its first line on, and before it as many of the last lines as fit; of a
 * log without a panic the last lines.  Returns the bytes written to out.
 */
size_t capsule_compact(char *out, size_t room, const char *log, size_t len);

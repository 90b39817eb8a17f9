/* SPDX-License-Identifier: MIT */
/*
 * The last frames of all devices, as far as their headers reach: what a crash
 * capsule tells of the network.  netdev_rx and netdev_tx note every frame; that
 * is a copy of 54 bytes, and no time is asked for: the clock that the entries
 * bear was read when the device's poll began, or for a frame that was sent
 * outside of one, at the last poll before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netdev;
struct text;

#define HISTORY_FRAMES 32 /* a power of two */
#define HISTORY_BYTES  54 /* of each frame: Ethernet 14, IPv4 20, TCP 20 */

struct history_entry {
	uint64_t at_ns;
	const struct netdev *dev;
	uint32_t len;
	bool sent;
	uint8_t kept; /* of bytes */
	uint8_t bytes[HISTORY_BYTES];
};

struct history {
	uint64_t now_ns; /* whoever polls devices keeps it */
	uint64_t count;  /* frames ever noted */
	struct history_entry entry[HISTORY_FRAMES];
};

/* Notes a frame of len bytes, of which those at data lie in one piece.
 * Borrows data; dev must stay.  Context: bottom half, thread. */
void history_add(struct history *h, const struct netdev *dev, bool sent,
    const void *data, size_t linear, size_t len);

/* Prints the frames, the oldest first, a line each.  Context: any. */
void history_print(const struct history *h, struct text *t);

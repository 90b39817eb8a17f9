/* SPDX-License-Identifier: MIT */
/* A set of sequence numbers, as disjoint ranges [left, right). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct range {
	uint32_t left, right;
};

struct ranges {
	struct range *range; /* in no order */
	unsigned count, room;
};

void ranges_clear(struct ranges *s);
void ranges_add(struct ranges *s, uint32_t left, uint32_t right);

/* Whether all of [left, right) is in it. */
bool ranges_hold(const struct ranges *s, uint32_t left, uint32_t right);

/* Whether any of it is. */
bool ranges_touch(const struct ranges *s, uint32_t left, uint32_t right);

/* How many numbers are in it. */
uint32_t ranges_len(const struct ranges *s);

/* What ends before `left` goes. */
void ranges_forget(struct ranges *s, uint32_t left);

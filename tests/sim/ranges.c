/* SPDX-License-Identifier: MIT */
#include "tests/sim/ranges.h"

#include <stdlib.h>

#include "net/tcp_internal.h"

#define ROOM 8

void ranges_clear(struct ranges *s)
{
	free(s->range);
	*s = (struct ranges){ 0 };
}

static void remove_at(struct ranges *s, unsigned i)
{
	s->range[i] = s->range[--s->count];
}

void ranges_add(struct ranges *s, uint32_t left, uint32_t right)
{
	unsigned i = 0;

	if (left == right)
		return;
	while (i < s->count) {
		const struct range r = s->range[i];

		if (seq_lt(right, r.left) || seq_lt(r.right, left)) {
			i++;
			continue;
		}
		if (seq_lt(r.left, left))
			left = r.left;
		if (seq_lt(right, r.right))
			right = r.right;
		remove_at(s, i);
	}
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : ROOM;
		s->range = realloc(s->range, s->room * sizeof(*s->range));
	}
	s->range[s->count++] = (struct range){ left, right };
}

bool ranges_hold(const struct ranges *s, uint32_t left, uint32_t right)
{
	for (unsigned i = 0; i < s->count; i++)
		if (seq_le(s->range[i].left, left) &&
		    seq_le(right, s->range[i].right))
			return true;
	return left == right;
}

bool ranges_touch(const struct ranges *s, uint32_t left, uint32_t right)
{
	for (unsigned i = 0; i < s->count; i++)
		if (seq_lt(s->range[i].left, right) &&
		    seq_lt(left, s->range[i].right))
			return true;
	return false;
}

uint32_t ranges_len(const struct ranges *s)
{
	uint32_t len = 0;

	for (unsigned i = 0; i < s->count; i++)
		len += s->range[i].right - s->range[i].left;
	return len;
}

void ranges_forget(struct ranges *s, uint32_t left)
{
	for (unsigned i = s->count; i-- > 0;)
		if (seq_le(s->range[i].right, left))
			remove_at(s, i);
}

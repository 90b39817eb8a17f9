/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the option list of a segment.  What was read must survive being
 * written and read again, as far as forty bytes hold it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/tcp_opt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
	if (!ok)
		abort();
}

static void compare(const struct tcp_options *a, const struct tcp_options *b)
{
	require(a->mss == b->mss && a->wscale == b->wscale);
	require(a->sack_permitted == b->sack_permitted);
	require(a->has_ts == b->has_ts && a->ts_val == b->ts_val);
	require(a->ts_ecr == b->ts_ecr && b->sack_count <= a->sack_count);
	require(!memcmp(a->sack, b->sack, b->sack_count * sizeof(a->sack[0])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size < TCP_OPTIONS_MAX ? size : TCP_OPTIONS_MAX;
	uint8_t *copy = malloc(len > 0 ? len : 1);
	uint8_t written[TCP_OPTIONS_MAX];
	struct tcp_options o, again;

	memcpy(copy, data, len);
	tcp_options_parse(&o, copy, len);
	require(o.sack_count <= TCP_SACK_MAX && o.wscale >= TCP_NO_WSCALE);
	len = tcp_options_write(&o, written);
	require(len <= TCP_OPTIONS_MAX && len % 4 == 0);
	tcp_options_parse(&again, written, len);
	compare(&o, &again);
	free(copy);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "net/tcp_opt.h"

#include "lib/bytes.h"
#include "lib/string.h"

#define KIND_END            0
#define KIND_NOP            1
#define KIND_MSS            2
#define KIND_WSCALE         3
#define KIND_SACK_PERMITTED 4
#define KIND_SACK           5
#define KIND_TIMESTAMPS     8

#define LEN_MSS            4
#define LEN_WSCALE         3
#define LEN_SACK_PERMITTED 2
#define LEN_TIMESTAMPS     10

void tcp_options_clear(struct tcp_options *o)
{
	memset(o, 0, sizeof(*o));
	o->wscale = TCP_NO_WSCALE;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* RFC 2018 section 3: a length of 8 for each block, and 2. */
static void take_sack(struct tcp_options *o, const uint8_t *at)
{
	uint8_t blocks = (uint8_t)((at[1] - 2) / 8);

	if (o->sack_count || (at[1] - 2) % 8 || blocks > TCP_SACK_MAX)
		return;
	for (o->sack_count = 0; o->sack_count < blocks; o->sack_count++) {
		const uint8_t *block = at + 2 + 8 * o->sack_count;

		o->sack[o->sack_count] =
		    (struct tcp_sack_block){ get32(block), get32(block + 4) };
	}
}

static void take_timestamps(struct tcp_options *o, const uint8_t *at)
{
	if (o->has_ts)
		return;
	o->has_ts = true;
	o->ts_val = get32(at + 2);
	o->ts_ecr = get32(at + 6);
}

/* One option, all of whose bytes are there: kind, length, value. */
static void take(struct tcp_options *o, const uint8_t *at)
{
	switch (at[0] << 8 | at[1]) {
	case KIND_MSS << 8 | LEN_MSS:
		if (!o->mss)
			o->mss = get16(at + 2);
		return;
	case KIND_WSCALE << 8 | LEN_WSCALE:
		if (o->wscale == TCP_NO_WSCALE)
			o->wscale =
			    (int8_t)(at[2] < INT8_MAX ? at[2] : INT8_MAX);
		return;
	case KIND_SACK_PERMITTED << 8 | LEN_SACK_PERMITTED:
		o->sack_permitted = true;
		return;
	case KIND_TIMESTAMPS << 8 | LEN_TIMESTAMPS:
		take_timestamps(o, at);
		return;
	}
	if (at[0] == KIND_SACK)
		take_sack(o, at);
}

void tcp_options_parse(
    struct tcp_options *out, const uint8_t *bytes, size_t len)
{
	size_t i = 0;

	tcp_options_clear(out);
	while (i < len && bytes[i] != KIND_END) {
		if (bytes[i] == KIND_NOP) {
			i++;
			continue;
		}
		if (len - i < 2 || bytes[i + 1] < 2 || bytes[i + 1] > len - i)
			return;
		take(out, bytes + i);
		i += bytes[i + 1];
	}
}

/* --- Writing ------------------------------------------------------------- */

static uint8_t *put32(uint8_t *at, uint32_t v)
{
	const be32 wire = be32_make(v);

	memcpy(at, &wire, sizeof(wire));
	return at + sizeof(wire);
}

/* A word: two options of which the one is two bytes long, or padding. */
static uint8_t *put4(uint8_t *at, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return put32(
	    at, (uint32_t)a << 24 | (uint32_t)b << 16 | (uint32_t)c << 8 | d);
}

/* SACK-permitted fills the two bytes by which timestamps would be padded. */
static uint8_t *put_timestamps(uint8_t *at, const struct tcp_options *o)
{
	if (o->sack_permitted)
		at = put4(at, KIND_SACK_PERMITTED, LEN_SACK_PERMITTED,
		    KIND_TIMESTAMPS, LEN_TIMESTAMPS);
	else
		at = put4(
		    at, KIND_NOP, KIND_NOP, KIND_TIMESTAMPS, LEN_TIMESTAMPS);
	return put32(put32(at, o->ts_val), o->ts_ecr);
}

static uint8_t *put_sack(uint8_t *at, const struct tcp_options *o, size_t room)
{
	uint8_t n = o->sack_count;

	while (n && TCP_SACK_BYTES(n) > room)
		n--;
	if (!n)
		return at;
	at = put4(at, KIND_NOP, KIND_NOP, KIND_SACK, (uint8_t)(2 + 8 * n));
	for (uint8_t i = 0; i < n; i++)
		at = put32(put32(at, o->sack[i].start), o->sack[i].end);
	return at;
}

size_t tcp_options_write(const struct tcp_options *o, uint8_t *out)
{
	uint8_t *at = out;

	if (o->mss)
		at = put4(at, KIND_MSS, LEN_MSS, (uint8_t)(o->mss >> 8),
		    (uint8_t)o->mss);
	if (o->has_ts)
		at = put_timestamps(at, o);
	else if (o->sack_permitted)
		at = put4(at, KIND_NOP, KIND_NOP, KIND_SACK_PERMITTED,
		    LEN_SACK_PERMITTED);
	if (o->wscale != TCP_NO_WSCALE)
		at = put4(
		    at, KIND_NOP, KIND_WSCALE, LEN_WSCALE, (uint8_t)o->wscale);
	at = put_sack(at, o, TCP_OPTIONS_MAX - (size_t)(at - out));
	return (size_t)(at - out);
}

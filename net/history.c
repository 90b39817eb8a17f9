/* SPDX-License-Identifier: MIT */
#include "net/history.h"

#include "lib/fmt.h"
#include "lib/string.h"
#include "net/netdev.h"

void history_add(struct history *h, const struct netdev *dev, bool sent,
    const void *data, size_t linear, size_t len)
{
	struct history_entry *e = &h->entry[h->count++ % HISTORY_FRAMES];

	e->at_ns = h->now_ns;
	e->dev = dev;
	e->sent = sent;
	e->len = (uint32_t)len;
	e->kept = (uint8_t)(linear < HISTORY_BYTES ? linear : HISTORY_BYTES);
	/* A size that the compiler knows is copied in place. */
	if (linear >= HISTORY_BYTES)
		memcpy(e->bytes, data, HISTORY_BYTES);
	else
		memcpy(e->bytes, data, linear);
}

static void print_entry(const struct history_entry *e, struct text *t)
{
	static const char digit[] = "0123456789abcdef";
	size_t n = e->kept;
	char hex[2 * HISTORY_BYTES + 1];

	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digit[e->bytes[i] >> 4];
		hex[2 * i + 1] = digit[e->bytes[i] & 15];
	}
	hex[2 * n] = '\0';
	fmt_add(t, "[%u.%06u] %s %s, %u bytes: %s\n",
	    (uint32_t)(e->at_ns / NS_PER_S),
	    (uint32_t)(e->at_ns % NS_PER_S / 1000), e->dev->name,
	    e->sent ? "sent" : "received", e->len, hex);
}

void history_print(const struct history *h, struct text *t)
{
	uint64_t i = h->count < HISTORY_FRAMES ? 0 : h->count - HISTORY_FRAMES;

	for (; i < h->count; i++)
		print_entry(&h->entry[i % HISTORY_FRAMES], t);
}

/* SPDX-License-Identifier: MIT */
#include "net/eth.h"

#include "lib/assert.h"
#include "lib/string.h"
#include "net/stack.h"
#include "net/tables.h"

static_assert(sizeof(struct eth_hdr) == 14, "IEEE 802.3 3.2");

const uint8_t eth_broadcast[ETH_ADDR_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff };

static bool for_us(const struct pkt *p, const struct eth_hdr *h)
{
	return h->dst[0] & 1 || !memcmp(h->dst, p->dev->mac, ETH_ADDR_LEN);
}

static void eth_rx(struct pkt *p)
{
	const struct eth_hdr *h = pkt_pull(p, sizeof(*h));
	const struct eth_type *t;

	if (!h) {
		pkt_drop(p, DROP_ETH_SHORT);
		return;
	}
	if (!for_us(p, h)) {
		pkt_drop(p, DROP_ETH_NOT_FOR_US);
		return;
	}
	p->link_broadcast = h->dst[0] & 1;
	t = eth_type_find(be16_get(h->type));
	if (!t) {
		pkt_drop(p, DROP_ETH_TYPE);
		return;
	}
	t->rx(p);
}

/* The one way in: every frame of every device gets its fate below. */
void netdev_rx(struct netdev *dev, const void *frame, size_t len)
{
	struct pkt view;

	pkt_init_view(&view, dev->stack, dev, frame, len);
	view.loopback = dev->is_loopback;
	dev->stats.rx_frames++;
	dev->stats.rx_bytes += len;
	stack_count(dev->stack, COUNT_RX_FRAMES);
	history_add(&dev->stack->history, dev, false, frame, len, len);
	eth_rx(&view);
	if (!view.decided)
		pkt_drop(&view, DROP_UNDECIDED);
}

void eth_tx(struct pkt *p, const uint8_t dst[ETH_ADDR_LEN], uint16_t type)
{
	struct eth_hdr *h = pkt_push(p, sizeof(*h));

	memcpy(h->dst, dst, ETH_ADDR_LEN);
	memcpy(h->src, p->dev->mac, ETH_ADDR_LEN);
	h->type = be16_make(type);
	netdev_tx(p->dev, p);
}

/* SPDX-License-Identifier: MIT */
/*
 * The loopback device: what is sent waits in a bounded backlog and comes back
 * in the bottom half, as if a card had received it.
 */
#include "net/loopback.h"

#include "lib/list.h"
#include "lib/string.h"
#include "net/stack.h"

#define BACKLOG_MAX 128

static bool loopback_tx(struct netdev *dev, struct pkt *p)
{
	struct stack *st = dev->stack;

	if (st->loopback_len == BACKLOG_MAX)
		return false;
	pkt_linearize(p);
	list_append(&st->loopback_backlog, &p->node);
	st->loopback_len++;
	netdev_schedule(dev);
	return true;
}

static int loopback_poll(struct netdev *dev, int budget)
{
	struct stack *st = dev->stack;
	struct list *n;
	int done = 0;

	while (done < budget && (n = list_pop(&st->loopback_backlog))) {
		struct pkt *p = container_of(n, struct pkt, node);

		st->loopback_len--;
		netdev_rx(dev, p->data, pkt_linear(p));
		pkt_free(p);
		done++;
	}
	netdev_tx_done(dev);
	return done;
}

static const struct netdev_ops loopback_ops = {
	.poll = loopback_poll,
	.tx = loopback_tx,
};

void loopback_init(struct stack *st)
{
	struct netdev *dev = &st->loopback;

	memset(dev, 0, sizeof(*dev));
	list_init(&st->loopback_backlog);
	str_copy(dev->name, sizeof(dev->name), "lo");
	dev->ops = &loopback_ops;
	dev->mtu = 1500;
	dev->is_loopback = true;
	dev->link_up = true;
	dev->ip.addr = IP_ADDR_LOOPBACK;
	dev->ip.mask = 0xff000000;
	netdev_register(st, dev);
}

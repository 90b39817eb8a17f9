/* SPDX-License-Identifier: MIT */
#include "net/netdev.h"

#include "lib/assert.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/string.h"
#include "net/stack.h"

#define LOOK_INTERVAL_NS NS_PER_S

static int poll_bh(struct bh *b, int budget)
{
	struct netdev *dev = container_of(b, struct netdev, bh);
	int done;

	dev->stack->history.now_ns = clock_ns();
	done = dev->ops->poll(dev, budget);
	dev->stats.polls++;
	return done;
}

/* The safety look (docs/RTL8139.md): an interrupt may be lost.  It ends in a
 * poll, whatever the card's state, so that a poll which does not come is a
 * fault of ours (boot/supervise.c). */
static void look_tick(struct timer *t)
{
	struct netdev *dev = container_of(t, struct netdev, look_timer);

	if (dev->ops->look)
		dev->ops->look(dev);
	netdev_schedule(dev);
	timer_arm(t, clock_next_beat_ns(LOOK_INTERVAL_NS));
}

static void give_name(const struct stack *st, struct netdev *dev)
{
	unsigned cards = 0;

	for (uint32_t i = 0; i < st->device_count; i++)
		cards += !st->device[i]->is_loopback;
	fmt_snprintf(dev->name, sizeof(dev->name), "eth%u", cards);
}

void netdev_register(struct stack *st, struct netdev *dev)
{
	assert(st->device_count < STACK_DEVICES_MAX);
	if (!dev->name[0])
		give_name(st, dev);
	dev->stack = st;
	list_init(&dev->queue);
	list_init(&dev->room_waiters);
	bh_init(&dev->bh, poll_bh);
	timer_init(&dev->look_timer, look_tick);
	if (dev->ops->look)
		timer_arm(
		    &dev->look_timer, clock_next_beat_ns(LOOK_INTERVAL_NS));
	st->device[st->device_count++] = dev;
}

void netdev_schedule(struct netdev *dev)
{
	bh_schedule(&dev->bh);
}

/* Sends what waits, as long as the card takes it. */
static void drain_queue(struct netdev *dev)
{
	while (!list_empty(&dev->queue)) {
		struct pkt *p = container_of(dev->queue.next, struct pkt, node);

		list_del(&p->node);
		if (!dev->ops->tx(dev, p)) {
			list_prepend(&dev->queue, &p->node);
			return;
		}
		dev->queue_len--;
	}
}

/* Each waiter is called at most once; one that waits again stands behind the
 * mark, so those who found no room this time come first the next. */
static void call_waiters(struct netdev *dev)
{
	struct list mark;

	list_init(&mark);
	list_append(&dev->room_waiters, &mark);
	while (netdev_room(dev)) {
		struct list *n = list_pop(&dev->room_waiters);
		struct netdev_waiter *w =
		    container_of(n, struct netdev_waiter, node);

		if (n == &mark)
			return;
		w->room(w);
	}
	list_del(&mark);
}

void netdev_tx_done(struct netdev *dev)
{
	drain_queue(dev);
	if (!list_empty(&dev->room_waiters))
		call_waiters(dev);
}

void netdev_set_link(struct netdev *dev, bool up)
{
	if (dev->link_up == up)
		return;
	dev->link_up = up;
	dev->stats.link_changes++;
	log_info("%s: link %s", dev->name, up ? "up" : "down");
	if (!dev->stack)
		return;
	if (up) {
		/* Switches and neighbours learn where we are now. */
		if (dev->ip.addr)
			arp_announce(dev);
		dhcp_link_up(dev);
	} else {
		arp_flush(dev);
	}
	waitq_wake(&dev->stack->changed, 0);
}

void netdev_tx(struct netdev *dev, struct pkt *p)
{
	size_t len = pkt_len(p);

	if (!dev->link_up) {
		pkt_drop(p, DROP_NETDEV_DOWN);
		return;
	}
	p->dev = dev;
	history_add(
	    &dev->stack->history, dev, true, p->data, pkt_linear(p), len);
	if (list_empty(&dev->queue) && dev->ops->tx(dev, p)) {
		dev->stats.tx_frames++;
		dev->stats.tx_bytes += len;
		return;
	}
	if (dev->queue_len == NETDEV_QUEUE_MAX) {
		pkt_drop(p, DROP_NETDEV_QUEUE_FULL);
		return;
	}
	list_append(&dev->queue, &p->node);
	dev->queue_len++;
	dev->stats.tx_queued++;
	dev->stats.tx_frames++;
	dev->stats.tx_bytes += len;
}

uint32_t netdev_room(const struct netdev *dev)
{
	uint32_t max = NETDEV_QUEUE_MAX - NETDEV_RESERVE;

	return dev->queue_len < max ? max - dev->queue_len : 0;
}

void netdev_waiter_init(
    struct netdev_waiter *w, void (*room)(struct netdev_waiter *w))
{
	list_init(&w->node);
	w->room = room;
}

void netdev_wait_room(struct netdev *dev, struct netdev_waiter *w)
{
	if (!list_linked(&w->node))
		list_append(&dev->room_waiters, &w->node);
}

void netdev_cancel_wait(struct netdev_waiter *w)
{
	list_del(&w->node);
}

/* SPDX-License-Identifier: MIT */
/* Devices: the queue before a full card, room and who waits for it, links. */
#include "tests/support/net_fixture.h"

#include "net/eth.h"

static void send_one(uint8_t mark)
{
	struct pkt *p = pkt_alloc(&fx.st);

	p->dev = &fx.dev;
	*(uint8_t *)pkt_put(p, 1) = mark;
	eth_tx(p, fx_peer_mac, 0x9999);
}

static uint8_t sent_mark(void)
{
	const struct fx_frame *f = fx_next(0);

	assert_non_null(f);
	return f->bytes[14];
}

static void full_card_queues_in_order(void **state)
{
	fx.card_full = true;
	for (uint8_t i = 0; i < 10; i++)
		send_one(i);
	expect_nothing(0);
	fx.card_full = false;
	send_one(10); /* may not overtake */
	expect_nothing(0);
	netdev_tx_done(&fx.dev);
	for (uint8_t i = 0; i < 11; i++)
		assert_int_equal(sent_mark(), i);
	assert_int_equal(fx.dev.queue_len, 0);
	assert_int_equal(fx.dev.stats.tx_queued, 11);
}

static void full_queue_drops_and_counts(void **state)
{
	fx.card_full = true;
	for (unsigned i = 0; i < NETDEV_QUEUE_MAX + 3; i++)
		send_one((uint8_t)i);
	assert_drop(NETDEV_QUEUE_FULL, 3);
	assert_int_equal(fx.st.packets.in_use, NETDEV_QUEUE_MAX);
	fx.card_full = false;
	netdev_tx_done(&fx.dev);
	assert_int_equal(fx.count, NETDEV_QUEUE_MAX);
	fx_forget_frames();
}

/* Who can wait leaves NETDEV_RESERVE places to who cannot. */
static void room_keeps_a_reserve(void **state)
{
	const unsigned room = NETDEV_QUEUE_MAX - NETDEV_RESERVE;

	assert_int_equal(netdev_room(&fx.dev), room);
	fx.card_full = true;
	for (unsigned i = 0; i < room; i++) {
		assert_int_equal(netdev_room(&fx.dev), room - i);
		send_one(0);
	}
	assert_int_equal(netdev_room(&fx.dev), 0);
	send_one(0);
	assert_int_equal(netdev_room(&fx.dev), 0);
	assert_drop(NETDEV_QUEUE_FULL, 0);
	fx.card_full = false;
	netdev_tx_done(&fx.dev);
	fx_forget_frames();
}

struct waiter {
	struct netdev_waiter w;
	unsigned called, sends;
	bool again;
};

static void room_came(struct netdev_waiter *n)
{
	struct waiter *w = container_of(n, struct waiter, w);

	w->called++;
	for (unsigned i = 0; i < w->sends; i++)
		send_one(0);
	if (w->again)
		netdev_wait_room(&fx.dev, n);
}

static void waiters_are_called_once_each(void **state)
{
	struct waiter w[3] = { 0 };

	for (unsigned i = 0; i < 3; i++) {
		netdev_waiter_init(&w[i].w, room_came);
		netdev_wait_room(&fx.dev, &w[i].w);
		netdev_wait_room(&fx.dev, &w[i].w); /* twice is once */
	}
	w[0].again = true;
	netdev_cancel_wait(&w[1].w);
	netdev_tx_done(&fx.dev);
	assert_int_equal(w[0].called, 1); /* though it waits again */
	assert_int_equal(w[1].called, 0);
	assert_int_equal(w[2].called, 1);
	netdev_tx_done(&fx.dev);
	assert_int_equal(w[0].called, 2);
	assert_int_equal(w[2].called, 1);
	netdev_cancel_wait(&w[0].w);
}

/* The first one fills the card: the others keep their turn. */
static void waiters_keep_their_turn_when_room_ends(void **state)
{
	struct waiter w[3] = { 0 };

	for (unsigned i = 0; i < 3; i++) {
		netdev_waiter_init(&w[i].w, room_came);
		netdev_wait_room(&fx.dev, &w[i].w);
	}
	w[0].sends = w[1].sends = NETDEV_QUEUE_MAX - NETDEV_RESERVE;
	fx.card_full = true;
	netdev_tx_done(&fx.dev);
	assert_int_equal(w[0].called, 1);
	assert_int_equal(w[1].called + w[2].called, 0);
	fx.card_full = false;
	netdev_tx_done(&fx.dev);
	assert_int_equal(w[1].called, 1);
	assert_int_equal(w[2].called, 1);
	fx_forget_frames();
}

static void nothing_leaves_while_the_link_is_down(void **state)
{
	netdev_set_link(&fx.dev, false);
	send_one(1);
	assert_drop(NETDEV_DOWN, 1);
	expect_nothing(0);
	netdev_set_link(&fx.dev, true);
	netdev_set_link(&fx.dev, true); /* no change */
	assert_int_equal(fx.dev.stats.link_changes, 3);
	send_one(2);
	assert_int_equal(sent_mark(), 2);
}

static bool count_wake(struct wait_entry *e, uint32_t events)
{
	fx.c.received++;
	return true;
}

static void link_changes_wake_who_watches(void **state)
{
	struct wait_entry e = { .wake = count_wake };

	waitq_add(&fx.st.changed, &e);
	netdev_set_link(&fx.dev, false);
	netdev_set_link(&fx.dev, true);
	assert_int_equal(fx.c.received, 2);
	waitq_remove(&e);
}

/* --- A driver's side ----------------------------------------------------- */

static struct {
	unsigned polls, looks;
	int work;
} card;

static int poll(struct netdev *dev, int budget)
{
	int done = card.work < budget ? card.work : budget;

	card.polls++;
	card.work -= done;
	return done;
}

static bool refuse(struct netdev *dev, struct pkt *p)
{
	return false;
}

static void look(struct netdev *dev)
{
	card.looks++;
}

static void scheduled_devices_are_polled_until_done(void **state)
{
	static const struct netdev_ops ops = { poll, refuse, look };
	static struct netdev dev;
	unsigned polls;

	memset(&dev, 0, sizeof(dev));
	memset(&card, 0, sizeof(card));
	dev.ops = &ops;
	netdev_register(&fx.st, &dev);
	card.work = 1000;
	fx_run_ms(1);
	assert_int_equal(card.polls, 0);
	netdev_schedule(&dev);
	netdev_schedule(&dev);
	fx_run_ms(5);
	assert_int_equal(card.work, 0);
	/* the last poll of a round may get a smaller budget */
	polls = card.polls;
	assert_in_range(polls, 1000 / BH_WEIGHT + 1, 1000 / BH_WEIGHT + 5);
	assert_int_equal(dev.stats.polls, polls);
	fx_run_ms(1);
	assert_int_equal(card.polls, polls);
}

/* At least once a second, though no interrupt came. */
static void devices_are_looked_at_every_second(void **state)
{
	static const struct netdev_ops ops = { poll, refuse, look };
	static struct netdev dev;

	memset(&dev, 0, sizeof(dev));
	memset(&card, 0, sizeof(card));
	dev.ops = &ops;
	netdev_register(&fx.st, &dev);
	fx_run_ms(10500);
	assert_int_equal(card.looks, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(full_card_queues_in_order),
		fx_test(full_queue_drops_and_counts),
		fx_test(room_keeps_a_reserve),
		fx_test(waiters_are_called_once_each),
		fx_test(waiters_keep_their_turn_when_room_ends),
		fx_test(nothing_leaves_while_the_link_is_down),
		fx_test(link_changes_wake_who_watches),
		fx_test(scheduled_devices_are_polled_until_done),
		fx_test(devices_are_looked_at_every_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

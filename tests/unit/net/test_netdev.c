/* SPDX-License-Identifier: MIT */
/* Devices: the queue before the card, who waits for room, polls and looks. */
#include "tests/support/net_fixture.h"

#include "net/eth.h"
#include "tests/support/net_wire.h"

#define ROOM (NETDEV_QUEUE_MAX - NETDEV_RESERVE)

/* A card that takes `takes` packets and remembers their first bytes. */
static struct {
	struct netdev dev;
	unsigned takes;
	uint8_t taken[512];
	unsigned count;
	int frames; /* that its poll finds */
	unsigned polls, looks;
	int biggest_budget;
	uint64_t look_ns[64];
} card;

static bool card_tx(struct netdev *dev, struct pkt *p)
{
	assert_ptr_equal(p->dev, dev);
	if (!card.takes)
		return false;
	card.takes--;
	card.taken[card.count++] = p->data[0];
	pkt_free(p);
	return true;
}

static int card_poll(struct netdev *dev, int budget)
{
	int done = card.frames < budget ? card.frames : budget;

	card.polls++;
	if (budget > card.biggest_budget)
		card.biggest_budget = budget;
	card.frames -= done;
	return done;
}

static void card_look(struct netdev *dev)
{
	if (card.looks < 64)
		card.look_ns[card.looks] = clock_ns();
	card.looks++;
}

static const struct netdev_ops ops = { .poll = card_poll, .tx = card_tx };
static const struct netdev_ops ops_look = {
	.poll = card_poll, .tx = card_tx, .look = card_look
};

static int setup(void **state)
{
	fx_setup(state);
	memset(&card, 0, sizeof(card));
	strcpy(card.dev.name, "t0");
	card.dev.ops = &ops;
	card.dev.mtu = 1500;
	netdev_register(&fx.st, &card.dev);
	netdev_set_link(&card.dev, true);
	return 0;
}

#define netdev_test(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

static void send(uint8_t mark)
{
	struct pkt *p = pkt_alloc(&fx.st);

	assert_non_null(p);
	memset(pkt_put(p, 60), mark, 60);
	netdev_tx(&card.dev, p);
}

static void card_has_room(unsigned n)
{
	card.takes = n;
	netdev_tx_done(&card.dev);
}

/* --- The queue ----------------------------------------------------------- */

static void free_card_takes_at_once(void **state)
{
	card.takes = 2;
	send(1);
	send(2);
	assert_int_equal(card.count, 2);
	assert_int_equal(card.dev.queue_len, 0);
	assert_int_equal(card.dev.stats.tx_frames, 2);
	assert_int_equal(card.dev.stats.tx_bytes, 120);
	assert_int_equal(card.dev.stats.tx_queued, 0);
}

static void busy_card_lets_packets_wait_in_order(void **state)
{
	for (uint8_t i = 0; i < 10; i++)
		send(i);
	assert_int_equal(card.count, 0);
	assert_int_equal(card.dev.queue_len, 10);
	assert_int_equal(card.dev.stats.tx_queued, 10);
	card_has_room(3);
	assert_int_equal(card.count, 3);
	/* None overtakes those who wait. */
	card.takes = 1;
	send(10);
	assert_int_equal(card.count, 3);
	card_has_room(100);
	assert_int_equal(card.count, 11);
	for (uint8_t i = 0; i < 11; i++)
		assert_int_equal(card.taken[i], i);
	assert_int_equal(card.dev.queue_len, 0);
	assert_int_equal(card.dev.stats.tx_frames, 11);
}

static void full_queue_drops_the_newest(void **state)
{
	for (unsigned i = 0; i < NETDEV_QUEUE_MAX + 7; i++)
		send((uint8_t)i);
	assert_drop(NETDEV_QUEUE_FULL, 7);
	assert_int_equal(card.dev.queue_len, NETDEV_QUEUE_MAX);
	assert_int_equal(fx.st.packets.in_use, NETDEV_QUEUE_MAX);
	assert_int_equal(card.dev.stats.tx_frames, NETDEV_QUEUE_MAX);
	card_has_room(1000);
	assert_int_equal(card.count, NETDEV_QUEUE_MAX);
	assert_int_equal(
	    card.taken[NETDEV_QUEUE_MAX - 1], NETDEV_QUEUE_MAX - 1);
}

static void without_a_link_packets_die(void **state)
{
	netdev_set_link(&card.dev, false);
	card.takes = 5;
	send(1);
	assert_drop(NETDEV_DOWN, 1);
	assert_int_equal(card.count, 0);
	assert_int_equal(card.dev.stats.tx_frames, 0);
}

/* --- Room ---------------------------------------------------------------- */

static void room_leaves_a_reserve(void **state)
{
	assert_int_equal(netdev_room(&card.dev), ROOM);
	for (unsigned i = 0; i < ROOM; i++) {
		assert_int_equal(netdev_room(&card.dev), ROOM - i);
		send(1);
	}
	for (unsigned i = 0; i < NETDEV_RESERVE; i++) {
		assert_int_equal(netdev_room(&card.dev), 0);
		send(2); /* who cannot wait still gets through */
	}
	assert_drop(NETDEV_QUEUE_FULL, 0);
	card_has_room(NETDEV_RESERVE);
	assert_int_equal(netdev_room(&card.dev), 0);
	card_has_room(1);
	assert_int_equal(netdev_room(&card.dev), 1);
	card_has_room(1000);
}

struct sender {
	struct netdev_waiter w;
	unsigned called, burst;
	bool again;
	struct sender *cancels;
};

static char order[64];

static void room_for_sender(struct netdev_waiter *w)
{
	struct sender *s = container_of(w, struct sender, w);
	size_t n = strlen(order);

	s->called++;
	if (n + 1 < sizeof(order))
		order[n] = s->burst ? 'A' : 'b';
	for (unsigned i = 0; i < s->burst && netdev_room(&card.dev); i++)
		send(7);
	if (s->cancels)
		netdev_cancel_wait(&s->cancels->w);
	if (s->again)
		netdev_wait_room(&card.dev, &s->w);
}

static void sender_init(struct sender *s)
{
	memset(s, 0, sizeof(*s));
	memset(order, 0, sizeof(order));
	netdev_waiter_init(&s->w, room_for_sender);
}

static void fill(void)
{
	while (netdev_room(&card.dev))
		send(1);
}

static void waiter_is_called_once_when_there_is_room(void **state)
{
	struct sender s;

	sender_init(&s);
	fill();
	netdev_wait_room(&card.dev, &s.w);
	netdev_wait_room(&card.dev, &s.w); /* twice is once */
	card_has_room(0);
	assert_int_equal(s.called, 0);
	card_has_room(1);
	assert_int_equal(s.called, 1);
	card_has_room(1);
	assert_int_equal(s.called, 1);
	netdev_wait_room(&card.dev, &s.w);
	card_has_room(1000);
	assert_int_equal(s.called, 2);
}

static void reserve_alone_is_no_room_for_waiters(void **state)
{
	struct sender s;

	sender_init(&s);
	for (unsigned i = 0; i < NETDEV_QUEUE_MAX; i++)
		send(1);
	netdev_wait_room(&card.dev, &s.w);
	card_has_room(NETDEV_RESERVE);
	assert_int_equal(s.called, 0);
	card_has_room(1);
	assert_int_equal(s.called, 1);
	card_has_room(1000);
}

static void cancelled_waiter_is_not_called(void **state)
{
	struct sender s;

	sender_init(&s);
	fill();
	netdev_wait_room(&card.dev, &s.w);
	netdev_cancel_wait(&s.w);
	netdev_cancel_wait(&s.w);
	card_has_room(1000);
	assert_int_equal(s.called, 0);
}

static void waiter_may_cancel_the_next(void **state)
{
	struct sender a, b;

	sender_init(&a);
	sender_init(&b);
	a.cancels = &b;
	fill();
	netdev_wait_room(&card.dev, &a.w);
	netdev_wait_room(&card.dev, &b.w);
	card_has_room(1000);
	assert_int_equal(a.called, 1);
	assert_int_equal(b.called, 0);
}

/* A waiter that waits again within its call does not loop. */
static void waiting_again_waits_for_the_next_time(void **state)
{
	struct sender s;

	sender_init(&s);
	s.again = true;
	fill();
	netdev_wait_room(&card.dev, &s.w);
	card_has_room(10);
	assert_int_equal(s.called, 1);
	card_has_room(10);
	assert_int_equal(s.called, 2);
	netdev_cancel_wait(&s.w);
	card_has_room(1000);
}

/* A greedy sender that takes all room and waits again comes behind those who
 * waited with it. */
static void everybody_gets_a_turn(void **state)
{
	struct sender greedy, modest;

	sender_init(&greedy);
	sender_init(&modest);
	greedy.burst = 1000;
	greedy.again = modest.again = true;
	fill();
	netdev_wait_room(&card.dev, &greedy.w);
	netdev_wait_room(&card.dev, &modest.w);
	for (unsigned i = 0; i < 8; i++)
		card_has_room(4);
	assert_memory_equal(order, "AbAbAbAbA", 9);
	netdev_cancel_wait(&greedy.w);
	netdev_cancel_wait(&modest.w);
	card_has_room(1000);
}

/* --- Polling and looking ------------------------------------------------- */

static void scheduled_device_is_polled_until_it_is_done(void **state)
{
	card.frames = 1000;
	netdev_schedule(&card.dev);
	netdev_schedule(&card.dev);
	assert_int_equal(card.polls, 0); /* not from where an interrupt is */
	fx_run_ms(5);
	assert_int_equal(card.frames, 0);
	assert_true(card.biggest_budget > 0 && card.biggest_budget < 1000);
	assert_true(card.polls >= 1000u / (unsigned)card.biggest_budget);
	assert_int_equal(card.dev.stats.polls, card.polls);
	card.polls = 0;
	fx_run_ms(50);
	assert_int_equal(card.polls, 0);
}

static void device_is_looked_at_once_a_second(void **state)
{
	static struct netdev dev;

	dev = (struct netdev){ .name = "t1", .ops = &ops_look, .mtu = 1500 };
	netdev_register(&fx.st, &dev);
	fx_run_ms(30500);
	assert_in_range(card.looks, 29, 30);
	/* The supervisor counts on it. */
	assert_int_equal(dev.stats.polls, card.looks);
	for (unsigned i = 1; i < card.looks; i++)
		assert_in_range(card.look_ns[i] - card.look_ns[i - 1],
		    NS_PER_S - NS_PER_MS, NS_PER_S + 3 * NS_PER_MS);
	timer_disarm(&dev.look_timer);
}

static void device_without_a_look_needs_none(void **state)
{
	fx_run_ms(5000);
	assert_int_equal(card.looks, 0);
	assert_false(timer_armed(&card.dev.look_timer));
}

/* --- The link ------------------------------------------------------------ */

static unsigned changes;

static bool changed(struct wait_entry *e, uint32_t events)
{
	changes++;
	return true;
}

static void link_changes_are_counted_and_told(void **state)
{
	struct wait_entry e = { .wake = changed };

	waitq_add(&fx.st.changed, &e);
	changes = 0;
	assert_int_equal(card.dev.stats.link_changes, 1);
	netdev_set_link(&card.dev, true); /* it is */
	assert_int_equal(changes, 0);
	netdev_set_link(&card.dev, false);
	netdev_set_link(&card.dev, false);
	netdev_set_link(&card.dev, true);
	assert_int_equal(changes, 2);
	assert_int_equal(card.dev.stats.link_changes, 3);
	waitq_remove(&e);
}

/* --- Receiving ----------------------------------------------------------- */

static void received_frames_are_counted(void **state)
{
	uint8_t frame[60] = { 0 };

	netdev_rx(&card.dev, frame, 60);
	netdev_rx(&card.dev, frame, 13);
	assert_int_equal(card.dev.stats.rx_frames, 2);
	assert_int_equal(card.dev.stats.rx_bytes, 73);
	assert_count(RX_FRAMES, 2);
}

static void more_devices_than_the_table_holds_is_our_fault(void **state)
{
	static struct netdev dev[STACK_DEVICES_MAX];

	for (unsigned i = fx.st.device_count; i < STACK_DEVICES_MAX; i++) {
		dev[i] = (struct netdev){ .ops = &ops };
		netdev_register(&fx.st, &dev[i]);
	}
	assert_panic(netdev_register(&fx.st, &dev[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		netdev_test(free_card_takes_at_once),
		netdev_test(busy_card_lets_packets_wait_in_order),
		netdev_test(full_queue_drops_the_newest),
		netdev_test(without_a_link_packets_die),
		netdev_test(room_leaves_a_reserve),
		netdev_test(waiter_is_called_once_when_there_is_room),
		netdev_test(reserve_alone_is_no_room_for_waiters),
		netdev_test(cancelled_waiter_is_not_called),
		netdev_test(waiter_may_cancel_the_next),
		netdev_test(waiting_again_waits_for_the_next_time),
		netdev_test(everybody_gets_a_turn),
		netdev_test(scheduled_device_is_polled_until_it_is_done),
		netdev_test(device_is_looked_at_once_a_second),
		netdev_test(device_without_a_look_needs_none),
		netdev_test(link_changes_are_counted_and_told),
		netdev_test(received_frames_are_counted),
		netdev_test(more_devices_than_the_table_holds_is_our_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

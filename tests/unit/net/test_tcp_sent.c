/* SPDX-License-Identifier: MIT */
/* The send map alone: records of 100 bytes, at the milliseconds they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "lib/pool.h"
#include "net/tcp_internal.h"
#include "net/tcp_sent.h"

#define BYTES 100

static struct {
	struct tcp_sent_map m;
	struct pool pool;
	uint32_t base, told, told_bytes;
	uint8_t *memory;
} t;

static void start(uint32_t base, uint32_t records)
{
	struct arena a = { .size = 1 << 20 };

	t.base = base;
	t.told = t.told_bytes = 0;
	t.memory = a.base = aligned_alloc(64, a.size);
	assert_int_equal(
	    pool_init(&t.pool, "sent", sizeof(struct tcp_sent), records, &a),
	    0);
	tcp_sent_init(&t.m, &t.pool);
}

static int setup(void **state)
{
	start(UINT32_MAX - 250, 64); /* numbers wrap in the third record */
	return 0;
}

static int teardown(void **state)
{
	tcp_sent_clear(&t.m);
	assert_int_equal(t.pool.in_use, 0);
	assert_int_equal(t.m.records, 0);
	free(t.memory);
	return 0;
}

static void tell(void *ctx, const struct tcp_sent *r)
{
	t.told++;
	t.told_bytes += r->end - r->seq;
}

/* Sends n records, one each millisecond. */
static void send(unsigned n)
{
	uint32_t at = t.m.bytes;

	for (unsigned i = 0; i < n; i++, at += BYTES)
		tcp_sent_add(&t.m, t.base + at, t.base + at + BYTES,
		    (at / BYTES) * 1000000ull);
}

static uint32_t ack(uint32_t at)
{
	return tcp_sent_ack(&t.m, t.base + at, tell, NULL);
}

static uint32_t sack(uint32_t from, uint32_t to)
{
	return tcp_sent_sack(&t.m, t.base + from, t.base + to, tell, NULL);
}

/* Every sum agrees with the lists, every list with its order. */
static void check(void)
{
	uint32_t n = 0, bytes = 0, lost = 0, sacked = 0, next = 0;
	struct tcp_sent *first_lost = NULL;
	uint64_t time = 0;
	struct list *l;

	list_for_each(l, &t.m.by_seq)
	{
		struct tcp_sent *r = container_of(l, struct tcp_sent, seq_node);
		uint32_t len = r->end - r->seq;

		assert_true(n == 0 || r->seq == next);
		assert_in_range(len, 1, 1 << 20);
		next = r->end;
		n++;
		bytes += len;
		lost += r->state == TCP_SENT_LOST ? len : 0;
		sacked += r->state == TCP_SENT_SACKED ? len : 0;
		if (r->state == TCP_SENT_LOST && !first_lost)
			first_lost = r;
	}
	assert_int_equal(n, t.m.records);
	assert_int_equal(bytes, t.m.bytes);
	assert_int_equal(lost, t.m.lost_bytes);
	assert_int_equal(sacked, t.m.sacked_bytes);
	assert_ptr_equal(first_lost, t.m.lost);
	list_for_each(l, &t.m.by_time)
	{
		assert_true(time <= tcp_sent_by_time(l)->xmit_ns);
		time = tcp_sent_by_time(l)->xmit_ns;
		n--;
	}
	assert_int_equal(n, 0);
}

static struct tcp_sent *record(unsigned i)
{
	struct list *l = t.m.by_seq.next;

	while (i--)
		l = l->next;
	return container_of(l, struct tcp_sent, seq_node);
}

/* --- Acknowledgments ----------------------------------------------------- */

static void one_record_needs_no_pool(void **state)
{
	send(1);
	assert_int_equal(t.pool.in_use, 0);
	send(1);
	assert_int_equal(t.pool.in_use, 1);
	check();
}

static void acknowledgment_takes_records_away(void **state)
{
	send(5);
	assert_int_equal(ack(300), 300);
	assert_int_equal(t.told, 3);
	assert_int_equal(tcp_sent_pipe(&t.m), 200);
	check();
	assert_int_equal(ack(500), 200);
	assert_int_equal(t.m.records, 0);
	assert_null(tcp_sent_first(&t.m));
}

static void partial_acknowledgment_cuts_a_record(void **state)
{
	send(3);
	assert_int_equal(ack(130), 130);
	assert_int_equal(t.told, 1); /* the second is not complete */
	assert_int_equal(record(0)->seq, t.base + 130);
	check();
	assert_int_equal(ack(200), 70);
	assert_int_equal(t.told, 2);
	check();
}

static void what_was_sacked_is_told_once(void **state)
{
	send(4);
	assert_int_equal(sack(100, 300), 200);
	assert_int_equal(t.told, 2);
	assert_int_equal(sack(100, 300), 0);
	assert_int_equal(ack(300), 100);
	assert_int_equal(t.told, 3);
	check();
}

static void sack_leaves_the_pipe(void **state)
{
	send(10);
	sack(300, 500);
	assert_int_equal(tcp_sent_pipe(&t.m), 800);
	tcp_sent_lose(&t.m, record(0));
	assert_int_equal(tcp_sent_pipe(&t.m), 700);
	tcp_sent_again(&t.m, record(0), t.base + 100, 20000000);
	assert_int_equal(tcp_sent_pipe(&t.m), 800);
	check();
}

static void sack_splits_records_at_both_ends(void **state)
{
	send(5);
	assert_int_equal(sack(150, 330), 180);
	check();
	assert_int_equal(record(1)->end, t.base + 150);
	assert_int_equal(record(2)->state, TCP_SENT_SACKED);
	assert_int_equal(record(2)->end, t.base + 330);
	assert_int_equal(tcp_sent_pipe(&t.m), 320);
	/* Inside of one record. */
	assert_int_equal(sack(410, 420), 10);
	check();
}

static void sacked_neighbours_become_one(void **state)
{
	send(9);
	for (uint32_t at = 800; at >= 100; at -= 200)
		sack(at, at + 100);
	check();
	for (uint32_t at = 100; at < 800; at += 200)
		sack(at, at + 200);
	check();
	assert_int_equal(t.m.records, 2);
	assert_int_equal(t.m.sacked_bytes, 800);
}

/* --- Hostile blocks ------------------------------------------------------ */

static void blocks_outside_the_map_do_nothing(void **state)
{
	static const uint32_t at[][2] = { { 1000, 1100 }, { -200u, -100u },
		{ 500, 500 }, { 300, 200 }, { 250, 150 }, { 0x80000000u, 0 },
		{ 100, 0x80000100u } };

	sack(0, 100); /* nothing is out at all */
	send(10);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		assert_int_equal(sack(at[i][0], at[i][1]), 0);
		check();
	}
	assert_int_equal(t.m.records, 10);
	assert_int_equal(tcp_sent_pipe(&t.m), 1000);
}

static void blocks_that_reach_out_count_inside(void **state)
{
	send(5);
	assert_int_equal(sack(-50u, 100), 100);
	assert_int_equal(sack(450, 9000), 50);
	check();
}

static void thousands_of_tiny_blocks_stay_within_the_pool(void **state)
{
	uint32_t known;

	send(40);
	for (uint32_t at = 1; at < 4000; at += 2) {
		sack(at, at + 1);
		check();
	}
	assert_int_equal(pool_available(&t.pool), 0);
	known = t.told_bytes;
	assert_int_equal(ack(4000), 4000 - known);
	assert_int_equal(t.m.records, 0);
}

/* --- Loss ---------------------------------------------------------------- */

static void lost_records_are_sent_in_order_of_their_numbers(void **state)
{
	send(6);
	tcp_sent_lose(&t.m, record(4));
	tcp_sent_lose(&t.m, record(1));
	tcp_sent_lose(&t.m, record(3));
	check();
	assert_ptr_equal(tcp_sent_first_lost(&t.m), record(1));
	tcp_sent_again(&t.m, record(1), record(1)->end, 9000000);
	assert_ptr_equal(tcp_sent_first_lost(&t.m), record(3));
	assert_true(record(1)->retransmitted);
	assert_ptr_equal(t.m.by_time.prev, &record(1)->time_node);
	check();
}

static void part_of_a_record_may_be_sent_again(void **state)
{
	send(3);
	tcp_sent_lose(&t.m, record(1));
	tcp_sent_again(&t.m, record(1), t.base + 140, 9000000);
	check();
	assert_int_equal(t.m.lost_bytes, 60);
	assert_int_equal(tcp_sent_first_lost(&t.m)->seq, t.base + 140);
}

static void last_record_may_grow_when_sent_again(void **state)
{
	send(2);
	tcp_sent_lose(&t.m, record(1));
	tcp_sent_again(&t.m, record(1), t.base + 260, 9000000);
	check();
	assert_int_equal(t.m.bytes, 260);
	assert_int_equal(tcp_sent_pipe(&t.m), 260);
}

static void timeout_loses_what_the_peer_does_not_have(void **state)
{
	send(8);
	sack(200, 400);
	tcp_sent_lose(&t.m, record(3));
	tcp_sent_lose_all(&t.m);
	check();
	assert_int_equal(t.m.lost_bytes, 600);
	assert_int_equal(t.m.sacked_bytes, 200);
}

/* RFC 2018 section 8: the first byte out was said to have arrived, and yet it
 * is not acknowledged. */
static void a_peer_that_reneges_gets_everything_again(void **state)
{
	send(8);
	sack(0, 200);
	sack(400, 500);
	tcp_sent_lose_all(&t.m);
	check();
	assert_int_equal(t.m.lost_bytes, 800);
}

static void a_loss_that_was_none_flies_again(void **state)
{
	send(6);
	tcp_sent_lose_all(&t.m);
	tcp_sent_again(&t.m, record(0), record(0)->end, 50000000);
	tcp_sent_unlose(&t.m);
	check();
	assert_int_equal(tcp_sent_pipe(&t.m), 600);
	assert_ptr_equal(t.m.by_time.prev, &record(0)->time_node);
}

/* --- Without records ----------------------------------------------------- */

static void without_records_the_newest_gets_wider(void **state)
{
	teardown(NULL);
	start(1000, 2);
	send(10);
	check();
	assert_int_equal(t.m.records, 3);
	assert_int_equal(record(2)->end, t.base + 1000);
	assert_int_equal(ack(1000), 1000);
}

static void bytes_behind_a_sacked_record_are_not_sacked(void **state)
{
	teardown(NULL);
	start(1000, 1);
	send(2);
	sack(100, 200);
	send(1);
	check();
	assert_int_equal(tcp_sent_pipe(&t.m), 300);
}

static void without_records_a_partial_sack_is_not_noted(void **state)
{
	teardown(NULL);
	start(1000, 1);
	send(4); /* [0, 100) and [100, 400) */
	assert_int_equal(sack(200, 300), 0);
	assert_int_equal(sack(200, 400), 0);
	assert_int_equal(sack(50, 400), 300);
	check();
}

/* So a path that takes smaller segments now does not leave one piece of each
 * record behind. */
static void what_a_lost_record_leaves_goes_to_the_next_lost_one(void **state)
{
	void *taken;

	for (unsigned last = 0; last < 2; last++) {
		teardown(NULL);
		start(UINT32_MAX - 250, 3);
		send(3);
		taken = pool_get(&t.pool);
		tcp_sent_lose(&t.m, record(0));
		if (!last)
			tcp_sent_lose(&t.m, record(1));
		tcp_sent_again(&t.m, record(0), t.base + 60, 9000000);
		check();
		assert_int_equal(record(0)->in_part, last);
		assert_int_equal(record(1)->seq, t.base + (last ? 100 : 60));
		assert_int_equal(t.m.lost_bytes, last ? 0 : 140);
		assert_int_equal(tcp_sent_pipe(&t.m), last ? 300 : 160);
		pool_put(&t.pool, taken);
	}
}

/* A record that has become free tells the parts apart, but not which of them
 * was sent: each may still be missing. */
static void parts_of_what_was_sent_again_in_part_were_too(void **state)
{
	void *taken[2];

	teardown(NULL);
	start(1000, 3);
	taken[0] = pool_get(&t.pool);
	taken[1] = pool_get(&t.pool);
	send(6); /* [0, 100) and [100, 600) */
	tcp_sent_lose(&t.m, record(1));
	tcp_sent_again(&t.m, record(1), t.base + 200, 9000000);
	assert_true(record(1)->in_part);
	pool_put(&t.pool, taken[0]);
	pool_put(&t.pool, taken[1]);
	assert_int_equal(sack(300, 400), 100);
	check();
	assert_true(record(1)->in_part);
	assert_int_equal(record(3)->seq, t.base + 400);
	assert_true(record(3)->in_part);
	tcp_sent_lose(&t.m, record(3));
	tcp_sent_again(&t.m, record(3), t.base + 600, 9000001);
	assert_false(record(3)->in_part);
}

static void one_connection_does_not_take_the_whole_pool(void **state)
{
	teardown(NULL);
	start(1000, 8192);
	send(5000);
	check();
	assert_int_equal(t.m.records, TCP_SENT_MAX);
}

/* Half of what is out was sent again, and all of it is said to be lost, then to
 * be there: a search for the place of each record takes hundreds of times as
 * long. */
static void the_largest_map_changes_its_mind_quickly(void **state)
{
	clock_t begin = clock();

	teardown(NULL);
	start(1000, TCP_SENT_MAX);
	send(TCP_SENT_MAX);
	tcp_sent_lose_older(&t.m, TCP_SENT_MAX / 2 * 1000000ull);
	while (tcp_sent_first_lost(&t.m))
		tcp_sent_again(&t.m, tcp_sent_first_lost(&t.m),
		    tcp_sent_first_lost(&t.m)->end, TCP_SENT_MAX * 1000000ull);
	for (unsigned i = 0; i < 200; i++) {
		tcp_sent_lose_older(&t.m, UINT64_MAX);
		assert_int_equal(tcp_sent_pipe(&t.m), 0);
		tcp_sent_unlose(&t.m);
		assert_int_equal(t.m.lost_bytes, 0);
	}
	check();
	assert_true(clock() - begin < CLOCKS_PER_SEC);
}

/* --- By chance ----------------------------------------------------------- */

static uint32_t dice;

static uint32_t below(uint32_t n)
{
	dice = dice * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(dice >> 8) * n >> 24);
}

static void lose_oldest(void)
{
	struct list *l;

	list_for_each(l, &t.m.by_time)
	{
		if (tcp_sent_by_time(l)->state != TCP_SENT_FLYING)
			continue;
		tcp_sent_lose(&t.m, tcp_sent_by_time(l));
		return;
	}
}

static void anything_in_any_order_keeps_the_sums(void **state)
{
	for (dice = 1; dice < 400; dice += 7) {
		uint32_t seed = dice, una = 0, nxt = 0;

		teardown(NULL);
		start((uint32_t)-below(2000), below(40));
		for (unsigned i = 0; i < 300; i++) {
			uint32_t a = una + below(nxt - una + 50), n;

			switch (below(7)) {
			case 0:
			case 1:
				n = 1 + below(200);
				tcp_sent_add(
				    &t.m, t.base + nxt, t.base + nxt + n, i);
				nxt += n;
				break;
			case 2:
				sack(a, a + below(300));
				break;
			case 3:
				una = a > nxt ? nxt : a;
				ack(una);
				break;
			case 4:
				lose_oldest();
				break;
			case 5:
				if (tcp_sent_first_lost(&t.m)) {
					struct tcp_sent *r =
					    tcp_sent_first_lost(&t.m);

					n = r->end - r->seq;
					tcp_sent_again(
					    &t.m, r, r->end - below(n), i);
				}
				break;
			default:
				if (below(5) == 0)
					tcp_sent_lose_all(&t.m);
				if (below(5) == 0)
					tcp_sent_unlose(&t.m);
			}
			check();
			assert_int_equal(t.m.bytes, nxt - una);
		}
		dice = seed;
	}
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(one_record_needs_no_pool),
		test(acknowledgment_takes_records_away),
		test(partial_acknowledgment_cuts_a_record),
		test(what_was_sacked_is_told_once),
		test(sack_leaves_the_pipe),
		test(sack_splits_records_at_both_ends),
		test(sacked_neighbours_become_one),
		test(blocks_outside_the_map_do_nothing),
		test(blocks_that_reach_out_count_inside),
		test(thousands_of_tiny_blocks_stay_within_the_pool),
		test(lost_records_are_sent_in_order_of_their_numbers),
		test(part_of_a_record_may_be_sent_again),
		test(last_record_may_grow_when_sent_again),
		test(timeout_loses_what_the_peer_does_not_have),
		test(a_peer_that_reneges_gets_everything_again),
		test(a_loss_that_was_none_flies_again),
		test(without_records_the_newest_gets_wider),
		test(bytes_behind_a_sacked_record_are_not_sacked),
		test(without_records_a_partial_sack_is_not_noted),
		test(what_a_lost_record_leaves_goes_to_the_next_lost_one),
		test(parts_of_what_was_sent_again_in_part_were_too),
		test(one_connection_does_not_take_the_whole_pool),
		test(the_largest_map_changes_its_mind_quickly),
		test(anything_in_any_order_keeps_the_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

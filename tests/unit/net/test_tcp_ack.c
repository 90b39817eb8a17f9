/* SPDX-License-Identifier: MIT */
/* When received text is acknowledged: RFC 9293 3.8.6.3, RFC 5681 4.2. */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define WIDE 65535

static uint32_t next; /* of the peer's stream, relative */

static int setup(void **state)
{
	next = 1;
	return fx_setup(state);
}

/* The peer sends len bytes, acknowledging so much of our stream. */
static void text(uint32_t len, uint32_t ack)
{
	in(.flags = PA, .seq = next, .ack = ack, .len = len);
	next += len;
}

/* Our ACK of it all comes after from to to milliseconds. */
static void ack_after(uint64_t from, uint64_t to, uint32_t seq)
{
	fx_mark();
	out_within(1000, .flags = A, .seq = seq, .ack = next);
	fx_expect_time(from, to);
}

/* Segments until ACKs are not quick any more. */
static void grow_slow(void)
{
	for (unsigned i = 0; i < 16; i++) {
		fx_run_ms(10);
		text(100, 1);
		ack_after(2, 3, 1);
	}
	fx_run_ms(10);
}

static void first_acks_are_quick_then_slow(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);

	grow_slow();
	text(100, 1);
	expect_nothing(0);
	ack_after(40, 41, 1);
	expect_nothing(1000);
	fx_abort(s);
}

static void more_than_a_full_segment_is_acknowledged_at_once(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);

	grow_slow();
	text(1460, 1);
	ack_after(40, 41, 1);
	for (unsigned i = 0; i < 10; i++) {
		fx_run_ms(10);
		text(730, 1);
		text(730, 1);
		expect_nothing(0);
		text(1, 1);
		out(.flags = A, .seq = 1, .ack = next);
	}
	fx_abort(s);
}

static void acks_are_quick_after_a_pause(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);

	grow_slow();
	fx_run_ms(2000);
	text(100, 1);
	ack_after(2, 3, 1);
	fx_abort(s);
}

static void acks_are_quick_after_a_loss(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);

	grow_slow();
	in(.flags = PA, .seq = next + 100, .ack = 1, .len = 100);
	out(.flags = A, .seq = 1, .ack = next);
	text(100, 1);
	next += 100;
	out(.flags = A, .seq = 1, .ack = next);
	text(100, 1);
	ack_after(2, 3, 1);
	fx_abort(s);
}

/* How long an ACK waits follows the application. */
static void waiting_follows_the_time_of_answers(void **state)
{
	static const struct {
		uint64_t answer_ms, wait_ms;
	} rule[] = { { 0, 2 }, { 5, 10 }, { 15, 30 }, { 30, 40 }, { 5, 10 },
		{ 100, 2 } };
	struct sock *s = fx_accepted(1460, WIDE);
	uint32_t sent = 1;

	grow_slow();
	for (unsigned i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		fx_run_ms(100);
		text(100, sent);
		fx_run_ms(rule[i].answer_ms);
		fx_send(s, 10);
		fx_forget_frames();
		sent += 10;
		fx_run_ms(100);
		text(100, sent);
		ack_after(rule[i].wait_ms, rule[i].wait_ms + 1, sent);
	}
	fx_abort(s);
}

/* Write, write, read: text that our late ACK let go. */
static void peer_that_waits_for_our_ack_gets_it_quickly(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);

	grow_slow();
	text(100, 1);
	ack_after(40, 41, 1);
	text(100, 1); /* at once */
	ack_after(2, 3, 1);
	fx_abort(s);
}

static void quickack_sets_either_way(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);
	int v;

	assert_int_equal(sock_get_opt(s, SOCK_OPT_QUICKACK, &v), 0);
	assert_int_equal(v, 1);
	sock_set_opt(s, SOCK_OPT_QUICKACK, 0);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_QUICKACK, &v), 0);
	assert_int_equal(v, 0);
	for (unsigned i = 0; i < 3; i++) {
		text(100, 1);
		ack_after(40, 41, 1);
	}
	text(100, 1);
	expect_nothing(0);
	sock_set_opt(s, SOCK_OPT_QUICKACK, 1); /* and what waits goes */
	out(.flags = A, .seq = 1, .ack = next);
	for (unsigned i = 0; i < 30; i++) {
		text(100, 1);
		out(.flags = A, .seq = 1, .ack = next);
	}
	fx_abort(s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(first_acks_are_quick_then_slow),
		T(more_than_a_full_segment_is_acknowledged_at_once),
		T(acks_are_quick_after_a_pause),
		T(acks_are_quick_after_a_loss),
		T(waiting_follows_the_time_of_answers),
		T(peer_that_waits_for_our_ack_gets_it_quickly),
		T(quickack_sets_either_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

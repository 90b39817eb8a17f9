/* SPDX-License-Identifier: MIT */
/*
 * What we tell of text before its turn: SACK (RFC 2018 section 4) and D-SACK
 * (RFC 2883 section 4, whose examples have their numbers here).
 */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define N 540u /* bytes of a segment: full ones, acknowledged at once */

static struct sock *accepted(bool ts)
{
	struct sock *l = fx_listen(80, 4), *s = NULL;

	fx.c.ts = ts;
	fx.c.peer_ts = 1000;
	in(.flags = S, .mss = 1000, .sack_permitted = true);
	out(.flags = SA, .ack = 1, .sack_permitted = true);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(l);
	return s;
}

/* The nth segment, from 0. */
static void segment(uint32_t n)
{
	in(.flags = A, .seq = 1 + n * N, .ack = 1, .len = N);
}

#define B(first, last) 1 + (first)*N, 1 + ((last) + 1) * N
#define acked(n, ...)  out(.flags = A, .seq = 1, .ack = 1 + (n)*N, __VA_ARGS__)

static void finish(struct sock *s)
{
	fx_forget_frames();
	fx_abort(s);
}

/* --- RFC 2018 ------------------------------------------------------------ */

/* Each new block is told first. */
static void four_gaps(void)
{
	segment(1);
	acked(0, .sacks = 1, .sack = { B(1, 1) });
	segment(3);
	acked(0, .sacks = 2, .sack = { B(3, 3), B(1, 1) });
	segment(5);
	acked(0, .sacks = 3, .sack = { B(5, 5), B(3, 3), B(1, 1) });
	segment(7);
	acked(0, .sacks = 4, .sack = { B(7, 7), B(5, 5), B(3, 3), B(1, 1) });
}

static void latest_block_comes_first(void **state)
{
	struct sock *s = accepted(false);

	four_gaps();
	segment(9);
	acked(0, .sacks = 4, .sack = { B(9, 9), B(7, 7), B(5, 5), B(3, 3) });
	/* Growing makes a block the latest. */
	segment(2);
	acked(0, .sacks = 4, .sack = { B(1, 3), B(9, 9), B(7, 7), B(5, 5) });
	segment(0);
	acked(4, .sacks = 3, .sack = { B(9, 9), B(7, 7), B(5, 5) });
	segment(4);
	acked(6, .sacks = 2, .sack = { B(9, 9), B(7, 7) });
	segment(8);
	acked(6, .sacks = 1, .sack = { B(7, 9) });
	segment(6);
	acked(10, .sacks = 0);
	assert_int_equal(fx_read(s, 10000), 10 * N);
	finish(s);
}

static void timestamps_leave_room_for_three(void **state)
{
	struct sock *s = accepted(true);

	for (uint32_t i = 1; i < 9; i += 2)
		segment(i);
	for (unsigned i = 0; i < 3; i++)
		fx_any_seg(0);
	acked(0, .sacks = 3, .sack = { B(7, 7), B(5, 5), B(3, 3) });
	finish(s);
}

static void nothing_is_told_to_who_did_not_ask(void **state)
{
	struct sock *s = fx_accepted(1000, 0);

	segment(2);
	acked(0, .sacks = 0);
	segment(2);
	acked(0, .sacks = 0);
	finish(s);
}

/* RFC 2018 section 4: in all ACKs, so on segments with text too; RFC 6691: and
 * they are the shorter. */
static void text_of_ours_makes_room_for_blocks(void **state)
{
	struct sock *s = accepted(true);

	segment(1);
	acked(0, .sacks = 1, .sack = { B(1, 1) });
	assert_int_equal(fx_send(s, 2000), 2000);
	out(.flags = A, .seq = 1, .ack = 1, .len = 976, .sacks = 1,
	    .sack = { B(1, 1) });
	out(.flags = A, .seq = 977, .ack = 1, .len = 976, .sacks = 1,
	    .sack = { B(1, 1) });
	finish(s);
}

static void fin_before_its_turn_is_part_of_its_block(void **state)
{
	struct sock *s = accepted(false);

	in(.flags = FA, .seq = 1 + N, .ack = 1, .len = N);
	acked(0, .sacks = 1, .sack = { 1 + N, 2 + 2 * N });
	in(.flags = FA, .seq = 1 + 2 * N, .ack = 1); /* again, alone */
	acked(0, .sacks = 1, .sack = { 1 + N, 2 + 2 * N });
	segment(0);
	out(.flags = A, .seq = 1, .ack = 2 + 2 * N);
	assert_state(CLOSE_WAIT);
	assert_int_equal(fx_read(s, 10000), 2 * N);
	finish(s);
}

static void lone_fin_waits_for_its_turn(void **state)
{
	struct sock *s = accepted(false);

	in(.flags = FA, .seq = 1 + N, .ack = 1);
	acked(0, .sacks = 1, .sack = { 1 + N, 2 + N });
	segment(0);
	out(.flags = A, .seq = 1, .ack = 2 + N);
	assert_state(CLOSE_WAIT);
	assert_int_equal(fx_read(s, 10000), N);
	finish(s);
}

/* Segments over each other in all ways end up as the same stream. */
static void overlaps_become_one_run(void **state)
{
	static const uint16_t piece[][2] = { { 100, 50 }, { 300, 50 },
		{ 200, 50 }, { 120, 200 }, { 90, 300 }, { 50, 30 }, { 80, 10 },
		{ 390, 5 }, { 399, 100 } };
	struct sock *s = accepted(false);

	for (size_t i = 0; i < sizeof(piece) / sizeof(piece[0]); i++)
		in(.flags = A, .seq = piece[i][0], .ack = 1,
		    .len = piece[i][1]);
	assert_int_equal(fx_tcp()->ooo_len, 2);
	in(.flags = A, .seq = 395, .ack = 1, .len = 4);
	assert_int_equal(fx_tcp()->ooo_len, 1);
	in(.flags = A, .seq = 1, .ack = 1, .len = 60);
	assert_int_equal(fx_tcp()->ooo_len, 0);
	assert_int_equal(fx_read(s, 10000), 498);
	finish(s);
}

/* --- RFC 2883 ------------------------------------------------------------ */

/* 4.1.1, 4.1.2: a whole segment that was acknowledged. */
static void old_segment_is_told_once(void **state)
{
	struct sock *s = accepted(false);

	segment(0);
	segment(1);
	acked(2, .sacks = 0);
	segment(1);
	acked(2, .sacks = 1, .sack = { B(1, 1) });
	segment(3);
	acked(2, .sacks = 1, .sack = { B(3, 3) });
	segment(0);
	acked(2, .sacks = 2, .sack = { B(0, 0), B(3, 3) });
	segment(4);
	acked(2, .sacks = 1, .sack = { B(3, 4) });
	finish(s);
}

/* 4.1.3: a duplicate of what waits: its run follows. */
static void duplicate_of_what_waits_is_told_before_its_run(void **state)
{
	struct sock *s = accepted(false);

	segment(2);
	segment(3);
	segment(5);
	fx_forget_frames();
	segment(2);
	acked(0, .sacks = 3, .sack = { B(2, 2), B(2, 3), B(5, 5) });
	segment(6);
	acked(0, .sacks = 2, .sack = { B(5, 6), B(2, 3) });
	finish(s);
}

/* 4.2.1, 4.2.2: part of a segment. */
static void old_part_of_a_segment_is_told(void **state)
{
	struct sock *s = accepted(false);

	segment(0);
	in(.flags = A, .seq = 1, .ack = 1, .len = 2 * N);
	acked(2, .sacks = 1, .sack = { B(0, 0) });
	in(.flags = A, .seq = 1 + 4 * N, .ack = 1, .len = N);
	fx_forget_frames();
	in(.flags = A, .seq = 1 + 3 * N, .ack = 1, .len = 2 * N);
	acked(2, .sacks = 2, .sack = { B(4, 4), B(3, 4) });
	in(.flags = A, .seq = 1 + 4 * N, .ack = 1, .len = 2 * N);
	acked(2, .sacks = 2, .sack = { B(4, 4), B(3, 5) });
	/* What fills the gap and more. */
	in(.flags = A, .seq = 1 + 2 * N, .ack = 1, .len = 2 * N);
	acked(6, .sacks = 1, .sack = { B(3, 3) });
	assert_int_equal(fx_read(s, 10000), 6 * N);
	finish(s);
}

/* 4.2.3: two parts: the first. */
static void first_of_two_old_parts_is_told(void **state)
{
	struct sock *s = accepted(false);

	segment(2);
	segment(4);
	fx_forget_frames();
	in(.flags = A, .seq = 101 + 2 * N, .ack = 1, .len = 2 * N);
	acked(0, .sacks = 2, .sack = { 101 + 2 * N, 1 + 3 * N, B(2, 4) });
	finish(s);
}

static void probe_of_a_closed_window_is_no_duplicate(void **state)
{
	struct sock *s = accepted(false);

	fx_tcp()->rcv_adv = fx_tcp()->rcv_nxt;
	sock_set_opt(s, SOCK_OPT_RCVBUF, 2048);
	fx_hoard(&fx.st.chunks);
	in(.flags = A, .seq = 1, .ack = 1, .len = 1);
	assert_int_equal(fx_any_seg(0).sacks, 0);
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(latest_block_comes_first),
		fx_test(timestamps_leave_room_for_three),
		fx_test(nothing_is_told_to_who_did_not_ask),
		fx_test(text_of_ours_makes_room_for_blocks),
		fx_test(fin_before_its_turn_is_part_of_its_block),
		fx_test(lone_fin_waits_for_its_turn),
		fx_test(overlaps_become_one_run),
		fx_test(old_segment_is_told_once),
		fx_test(duplicate_of_what_waits_is_told_before_its_run),
		fx_test(old_part_of_a_segment_is_told),
		fx_test(first_of_two_old_parts_is_told),
		fx_test(probe_of_a_closed_window_is_no_duplicate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

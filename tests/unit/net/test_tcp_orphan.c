/* SPDX-License-Identifier: MIT */
/*
 * Connections whose user has closed: how many there may be, how much memory
 * they may hold, and who goes when that is too much.
 */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define SHARE  (fx.st.conns.total / 4)
#define CHUNKS (fx.st.chunks.total / 4)
#define BYTES  20000 /* ten chunks and a bit less */

static struct fx_conn made[64];

/* The nth connection is open and has sent so much. */
static struct sock *open_one(unsigned n, size_t bytes)
{
	struct sock *s;

	fx_next_conn();
	s = fx_accepted(1000, 0);
	if (bytes)
		assert_int_equal(fx_send(s, bytes), bytes);
	made[n] = fx.c;
	fx_forget_frames();
	return s;
}

/* It is closed then, and the peer is silent. */
static void orphan_one(unsigned n, size_t bytes)
{
	sock_close(open_one(n, bytes));
}

static bool lives(unsigned n)
{
	fx.c = made[n];
	return fx_tcp() != NULL;
}

static void end_all(void)
{
	while (tcp_orphan_reset_oldest(&fx.st))
		;
	assert_int_equal(fx.st.tcp.orphan_count, 0);
	assert_int_equal(fx.st.tcp.orphan_chunks, 0);
	fx_forget_frames();
}

static void more_than_a_quarter_reset_the_oldest(void **state)
{
	for (unsigned n = 0; n < SHARE; n++)
		orphan_one(n, 0);
	assert_count(TCP_ORPHANS_RESET, 0);
	orphan_one(SHARE, 0);
	assert_count(TCP_ORPHANS_RESET, 1);
	assert_false(lives(0));
	for (unsigned n = 1; n <= SHARE; n++)
		assert_true(lives(n));
	end_all();
}

static void the_one_that_goes_is_told(void **state)
{
	for (unsigned n = 0; n < SHARE; n++)
		orphan_one(n, 0);
	fx.c = made[0];
	fx_forget_frames();
	assert_true(tcp_orphan_reset_oldest(&fx.st));
	out(.flags = RA, .seq = 2, .ack = 1);
	end_all();
}

/* Who does not answer for what it was sent goes first. */
static void data_for_silent_peers_is_bounded(void **state)
{
	struct sock *s[6];

	for (unsigned n = 0; n < 6; n++)
		s[n] = open_one(n, BYTES);
	for (unsigned n = 0; n < 4; n++)
		sock_close(s[n]);
	assert_true(fx.st.tcp.orphan_chunks <= CHUNKS);
	fx.card_silent = true;
	fx_run_ms(3000);
	fx.c = made[0]; /* this one is slow, but alive */
	in(.flags = A, .seq = 1, .ack = 1001);
	sock_close(s[4]);
	sock_close(s[5]);
	fx.card_silent = false;
	assert_true(fx.st.tcp.orphan_chunks <= CHUNKS);
	assert_true(lives(0));
	assert_false(lives(1));
	assert_true(lives(3) && lives(5));
	end_all();
}

/* What is on its way is not taken back. */
static void data_for_peers_that_answer_is_not(void **state)
{
	for (unsigned n = 0; n < SHARE - 1; n++)
		orphan_one(n, BYTES);
	assert_true(fx.st.tcp.orphan_chunks > CHUNKS);
	assert_count(TCP_ORPHANS_RESET, 0);
	end_all();
}

static void borrowed_data_does_not(void **state)
{
	static const uint8_t page[60000];

	for (unsigned n = 0; n < SHARE; n++) {
		struct sock *s = open_one(n, 0);

		assert_int_equal(
		    sock_send_ref(s, page, sizeof(page), 0), sizeof(page));
		fx_forget_frames();
		sock_close(s);
	}
	assert_int_equal(fx.st.tcp.orphan_chunks, 0);
	assert_count(TCP_ORPHANS_RESET, 0);
	end_all();
}

static void what_is_acknowledged_is_given_back(void **state)
{
	uint32_t before;

	orphan_one(0, BYTES);
	before = fx.st.tcp.orphan_chunks;
	assert_in_range(before, 9, 11);
	in(.flags = A, .seq = 1, .ack = 5001);
	assert_int_equal(fx.st.tcp.orphan_chunks, before - 2);
	fx_run_ms(100);
	for (uint32_t at = 6001; at <= BYTES + 1; at += 1000) {
		in(.flags = A, .seq = 1, .ack = at);
		fx_forget_frames();
	}
	in(.flags = A, .seq = 1, .ack = BYTES + 2);
	assert_state(FIN_WAIT_2);
	assert_int_equal(fx.st.tcp.orphan_chunks, 0);
	assert_int_equal(fx.st.tcp.orphan_count, 1);
	in(.flags = FA, .seq = 1, .ack = BYTES + 2);
	assert_int_equal(fx.st.tcp.orphan_count, 0);
	fx_forget_frames();
}

/* Whoever comes finds a block while there are orphans. */
static void a_newcomer_takes_the_place_of_the_oldest(void **state)
{
	struct sock *s[64], *l;
	unsigned n = 0, users = 0;

	while (n < SHARE)
		orphan_one(n++, 0);
	while (pool_available(&fx.st.conns)) {
		fx.c.peer_port = (uint16_t)(fx.c.peer_port + 1);
		s[users++] = open_one(n++, 0);
	}
	fx_next_conn();
	l = fx_listen(fx.c.port, 4);
	in(.flags = S);
	assert_state(SYN_RECEIVED);
	assert_drop(TCP_NO_MEMORY, 0);
	assert_count(TCP_ORPHANS_RESET, 1);
	assert_false(lives(0));
	while (users-- > 0) {
		sock_set_opt(s[users], SOCK_OPT_LINGER, 0);
		sock_close(s[users]);
	}
	sock_close(l);
	end_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(more_than_a_quarter_reset_the_oldest),
		fx_test(the_one_that_goes_is_told),
		fx_test(data_for_silent_peers_is_bounded),
		fx_test(data_for_peers_that_answer_is_not),
		fx_test(borrowed_data_does_not),
		fx_test(what_is_acknowledged_is_given_back),
		fx_test(a_newcomer_takes_the_place_of_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

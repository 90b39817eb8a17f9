/* SPDX-License-Identifier: MIT */
/* How connections end: RFC 9293 sections 3.6 and 3.10.4, resets, silence. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "lib/errno.h"
#include "sched/timer.h"
#include "tests/sim/sim.h"

#define MS NS_PER_MS
#define KB 1024ull

static struct sim sim;
static struct sock *pair[2];
static struct wire_segment last[2]; /* the last segment each side sent */

static const struct wire_params lan = { .delay_ns = MS };

static bool note_last(
    void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	struct wire_segment s;

	if (wire_parse(frame, len, &s))
		last[from] = s;
	return false;
}

static int start(void **state)
{
	sim_start(&sim, *state, 1, &lan, NULL);
	sim.wire.filter = note_last;
	sim_pair(&sim, pair);
	sim_sleep(50 * MS);
	return 0;
}

static uint32_t conns(unsigned side)
{
	return sim.stack[side].conns.in_use;
}

static uint32_t time_waits(unsigned side)
{
	return sim.stack[side].time_waits.in_use;
}

static void lose(unsigned from, uint8_t flags, unsigned count)
{
	wire_lose(&sim.wire, (struct wire_rule){ .from = from,
	                         .mask = flags,
	                         .flags = flags,
	                         .data = -1,
	                         .lose = count });
}

static void expect_end(unsigned side)
{
	char c;

	assert_int_equal(sim_recv(pair[side], &c, 1), 0);
}

static void check_no_reset(void)
{
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(sim_count(&sim, i, COUNT_TCP_RESETS_SENT), 0);
}

/* --- Orderly (figure 12)
 * ------------------------------------------------------ */

static void first_to_close_waits_two_msl(void **state)
{
	sock_close(pair[0]);
	expect_end(1);
	sock_close(pair[1]);
	sim_sleep(NS_PER_S);
	assert_int_equal(time_waits(0), 1);
	assert_int_equal(time_waits(1), 0);
	assert_int_equal(conns(0) + conns(1), 0);
	sim_sleep(57 * NS_PER_S);
	assert_int_equal(time_waits(0), 1);
	sim_sleep(5 * NS_PER_S);
	assert_int_equal(time_waits(0), 0);
	check_no_reset();
	sim_stop(&sim);
}

static void half_closed_side_still_receives(void **state)
{
	uint64_t id = 77;

	assert_int_equal(sock_shutdown(pair[0], SOCK_SHUT_WR), 0);
	expect_end(1);
	assert_int_equal(sim_send(pair[0], "x", 1), -EPIPE);
	assert_int_equal(sim_send_stream(pair[1], id, 40 * KB), 0);
	sock_close(pair[1]);
	assert_int_equal(sim_recv_stream(&sim, pair[0], id), 40 * KB);
	sock_close(pair[0]);
	check_no_reset();
	sim_stop(&sim);
}

/* Each side is done while data of both is on its way. */
static void both_may_half_close_with_data_on_the_way(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sim_send_stream(pair[i], 70 + i, 30 * KB), 0);
		assert_int_equal(sock_shutdown(pair[i], SOCK_SHUT_WR), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
		    sim_recv_stream(&sim, pair[1 - i], 70 + i), 30 * KB);
	assert_int_equal(conns(0), 1); /* their users have not closed */
	for (unsigned i = 0; i < 2; i++)
		sock_close(pair[i]);
	sim_sleep(NS_PER_S);
	assert_int_equal(conns(0) + conns(1), 0);
	check_no_reset();
	sim_stop(&sim);
}

/* RFC 1337: an old duplicate is acknowledged out of TIME-WAIT, the side that
 * is gone answers that with a reset, and TIME-WAIT stands. */
static void time_wait_is_not_assassinated(void **state)
{
	struct wire_segment old;

	assert_int_equal(sim_send(pair[1], "x", 1), 0);
	sim_sleep(50 * MS);
	old = last[1];
	assert_int_equal(sim_recv(pair[0], &(char){ 0 }, 1), 1);
	sock_close(pair[0]);
	expect_end(1);
	sock_close(pair[1]);
	sim_sleep(NS_PER_S);
	assert_int_equal(time_waits(0), 1);
	old.data = (const uint8_t *)"x"; /* the frame is gone */
	wire_inject_segment(&sim.wire, 0, &old);
	sim_sleep(50 * MS);
	assert_true(sim_count(&sim, 1, COUNT_TCP_RESETS_SENT) > 0);
	assert_int_equal(time_waits(0), 1);
	sim_stop(&sim);
}

static void both_may_close_at_once(void **state)
{
	sock_close(pair[0]);
	sock_close(pair[1]);
	sim_sleep(NS_PER_S);
	assert_int_equal(conns(0) + conns(1), 0);
	assert_int_equal(time_waits(0), 1);
	assert_int_equal(time_waits(1), 1);
	check_no_reset();
	sim_stop(&sim);
}

static void both_close_at_once_and_both_fins_are_lost(void **state)
{
	lose(0, TCP_FIN, 1);
	lose(1, TCP_FIN, 1);
	sock_close(pair[0]);
	sock_close(pair[1]);
	sim_sleep(5 * NS_PER_S);
	assert_int_equal(conns(0) + conns(1), 0);
	check_no_reset();
	sim_stop(&sim);
}

static void lost_fin_is_sent_again(void **state)
{
	lose(0, TCP_FIN, 2);
	sock_close(pair[0]);
	expect_end(1);
	sock_close(pair[1]);
	check_no_reset();
	sim_stop(&sim);
}

static void lost_fin_of_the_second_is_sent_again(void **state)
{
	lose(1, TCP_FIN, 2);
	sock_close(pair[0]);
	expect_end(1);
	sock_close(pair[1]);
	sim_sleep(10 * NS_PER_S);
	assert_int_equal(conns(0) + conns(1), 0);
	check_no_reset();
	sim_stop(&sim);
}

/* The FIN comes again and TIME-WAIT answers it. */
static void lost_last_ack_is_repeated_out_of_time_wait(void **state)
{
	sock_close(pair[0]);
	expect_end(1);
	sim_sleep(100 * MS);
	lose(0, TCP_ACK, 2);
	sock_close(pair[1]);
	sim_sleep(10 * NS_PER_S);
	assert_int_equal(conns(0) + conns(1), 0);
	assert_int_equal(time_waits(0), 1);
	check_no_reset();
	sim_stop(&sim);
}

/* A repeated FIN starts the two MSL again (RFC 9293 3.10.7.4, eighth). */
static void repeated_fin_prolongs_time_wait(void **state)
{
	struct wire_segment fin;

	sock_close(pair[0]);
	expect_end(1);
	sock_close(pair[1]);
	sim_sleep(50 * NS_PER_S);
	fin = last[1];
	assert_true(fin.flags & TCP_FIN);
	fin.len = 0;
	wire_inject_segment(&sim.wire, 0, &fin);
	sim_sleep(30 * NS_PER_S);
	assert_int_equal(time_waits(0), 1);
	sim_stop(&sim);
}

static void data_queued_at_close_still_arrives(void **state)
{
	uint64_t id = 5;
	uint8_t buf[30000];

	sim_stream(buf, id, 0, sizeof(buf));
	assert_int_equal(sim_send(pair[0], buf, sizeof(buf)), 0);
	sock_close(pair[0]);
	sim_sleep(NS_PER_S);
	assert_int_equal(sim_recv_stream(&sim, pair[1], id), sizeof(buf));
	sock_close(pair[1]);
	check_no_reset();
	sim_stop(&sim);
}

static void data_queued_at_close_survives_loss(void **state)
{
	uint8_t buf[30000];

	for (uint64_t seed = 1; seed <= 20; seed++) {
		sim_start(&sim, *state, seed, &lan, NULL);
		sim_pair(&sim, pair);
		for (unsigned i = 0; i < 2; i++)
			sim.wire.end[i].out.loss_ppm = 200000;
		sim_stream(buf, seed, 0, sizeof(buf));
		assert_int_equal(sim_send(pair[0], buf, sizeof(buf)), 0);
		sock_close(pair[0]);
		assert_int_equal(
		    sim_recv_stream(&sim, pair[1], seed), sizeof(buf));
		sock_close(pair[1]);
		sim_stop(&sim);
	}
}

/* --- Abortive
 * ------------------------------------------------------------------- */

/* RFC 2525 2.17: data lost to a closed reader must be told. */
static void close_with_unread_data_resets(void **state)
{
	char c;

	assert_int_equal(sim_send(pair[0], "unread", 6), 0);
	sim_sleep(50 * MS);
	sock_close(pair[1]);
	assert_int_equal(sim_recv(pair[0], &c, 1), -ECONNRESET);
	assert_int_equal(sim_send(pair[0], "x", 1), -EPIPE);
	sock_close(pair[0]);
	assert_int_equal(time_waits(0) + time_waits(1), 0);
	sim_stop(&sim);
}

static void data_for_a_closed_reader_resets(void **state)
{
	char c;

	sock_close(pair[1]);
	expect_end(0);
	assert_int_equal(sim_send(pair[0], "late", 4), 0);
	sim_sleep(50 * MS);
	assert_int_equal(sim_recv(pair[0], &c, 1), -ECONNRESET);
	sock_close(pair[0]);
	sim_stop(&sim);
}

static void linger_zero_resets(void **state)
{
	char c;

	assert_int_equal(sock_set_opt(pair[0], SOCK_OPT_LINGER, 0), 0);
	sock_close(pair[0]);
	assert_int_equal(sim_recv(pair[1], &c, 1), -ECONNRESET);
	sock_close(pair[1]);
	assert_int_equal(time_waits(0), 0);
	sim_stop(&sim);
}

/* --- Resets from the wire (RFC 9293 3.5.2, RFC 5961 section 3)
 * ------------------- */

/* A segment as side 0 would send it next. */
static struct wire_segment forged(void)
{
	struct wire_segment s = last[0];

	s.seq += (uint32_t)s.len + (s.flags & TCP_SYN ? 1 : 0);
	s.ack = last[1].seq + (last[1].flags & TCP_SYN ? 1 : 0);
	s.flags = TCP_ACK;
	s.len = 0;
	return s;
}

static void inject(struct wire_segment s)
{
	wire_inject_segment(&sim.wire, 1, &s);
	sim_sleep(50 * MS);
}

static void still_works(void)
{
	char buf[4];

	assert_int_equal(sim_send(pair[0], "ping", 4), 0);
	assert_int_equal(sim_recv(pair[1], buf, 4), 4);
	assert_int_equal(sim_send(pair[1], "pong", 4), 0);
	assert_int_equal(sim_recv(pair[0], buf, 4), 4);
	sock_close(pair[0]);
	expect_end(1);
	sock_close(pair[1]);
	sim_stop(&sim);
}

static void exact_reset_ends_the_connection(void **state)
{
	struct wire_segment s = forged();
	char c;

	s.flags = TCP_RST;
	inject(s);
	assert_int_equal(sim_recv(pair[1], &c, 1), -ECONNRESET);
	sock_close(pair[1]);
	sock_close(pair[0]);
	sim_stop(&sim);
}

static void reset_inside_the_window_is_challenged(void **state)
{
	struct wire_segment s = forged();

	s.flags = TCP_RST;
	s.seq += 1000;
	inject(s);
	assert_int_equal(sim_count(&sim, 1, COUNT_TCP_CHALLENGE_ACKS), 1);
	still_works();
}

static void reset_outside_the_window_is_ignored(void **state)
{
	struct wire_segment s = forged();

	s.flags = TCP_RST;
	s.seq += 1000000;
	inject(s);
	s.seq -= 2000000;
	inject(s);
	assert_int_equal(sim_count(&sim, 1, COUNT_TCP_CHALLENGE_ACKS), 0);
	still_works();
}

static void syn_in_the_window_is_challenged(void **state)
{
	struct wire_segment s = forged();

	s.flags = TCP_SYN;
	s.seq += 10;
	inject(s);
	assert_int_equal(sim_count(&sim, 1, COUNT_TCP_CHALLENGE_ACKS), 1);
	still_works();
}

static void ack_of_unsent_data_is_challenged(void **state)
{
	struct wire_segment s = forged();

	s.ack += 50000;
	inject(s);
	assert_int_equal(sim_drops(&sim, 1, DROP_TCP_ACK), 1);
	still_works();
}

static void old_ack_outside_the_window_is_challenged(void **state)
{
	struct wire_segment s = forged();

	s.ack -= 500000;
	inject(s);
	assert_int_equal(sim_drops(&sim, 1, DROP_TCP_ACK), 1);
	still_works();
}

static void data_outside_the_window_is_dropped(void **state)
{
	static const int32_t offsets[] = { -5000000, 70000, 1000000 };

	for (unsigned i = 0; i < 3; i++) {
		struct wire_segment s = forged();

		s.seq += (uint32_t)offsets[i];
		s.data = (const uint8_t *)"evil";
		s.len = 4;
		inject(s);
		assert_int_equal(sim_drops(&sim, 1, DROP_TCP_SEQUENCE), i + 1);
	}
	still_works();
}

static void segment_without_ack_is_dropped(void **state)
{
	struct wire_segment s = forged();

	s.flags = 0;
	s.data = (const uint8_t *)"evil";
	s.len = 4;
	inject(s);
	assert_int_equal(sim_drops(&sim, 1, DROP_TCP_FLAGS), 1);
	still_works();
}

/* The challenges that strangers provoke are limited (RFC 5961 section 7). */
static void challenges_are_limited(void **state)
{
	struct wire_segment s = forged();

	s.flags = TCP_SYN;
	s.seq += 10;
	for (unsigned i = 0; i < 500; i++)
		wire_inject_segment(&sim.wire, 1, &s);
	sim_sleep(100 * MS);
	assert_in_range(sim_count(&sim, 1, COUNT_TCP_CHALLENGE_ACKS), 10, 200);
	still_works();
}

/* --- Silence
 * -------------------------------------------------------------------- */

static void vanished_peer_times_out_the_sender(void **state)
{
	uint64_t cut_ns = arch_clock_ns();
	char c;

	sim.wire.cut = true;
	assert_int_equal(sim_send(pair[0], "lost", 4), 0);
	/* ARP gives the reason. */
	assert_int_equal(sim_recv(pair[0], &c, 1), -EHOSTUNREACH);
	/* R2 is at least 100 s (RFC 9293 3.8.3). */
	assert_in_range(
	    arch_clock_ns() - cut_ns, 100 * NS_PER_S, 300 * NS_PER_S);
	sock_close(pair[0]);
	sock_close(pair[1]);
	sim_stop(&sim);
}

static void vanished_peer_does_not_keep_an_orphan(void **state)
{
	sim.wire.cut = true;
	assert_int_equal(sim_send(pair[0], "lost", 4), 0);
	sock_close(pair[0]);
	sock_close(pair[1]);
	sim_sleep(300 * NS_PER_S);
	assert_int_equal(conns(0) + conns(1), 0);
	sim_stop(&sim);
}

/* The peer acknowledges our FIN and then says nothing for ever. */
static void orphan_in_fin_wait_2_ends(void **state)
{
	sock_close(pair[0]);
	sim_sleep(NS_PER_S);
	assert_int_equal(conns(0), 1);
	sim.wire.cut = true;
	sim_sleep(100 * NS_PER_S);
	assert_int_equal(conns(0), 0);
	sim.wire.cut = false;
	sock_close(pair[1]);
	sim_stop(&sim);
}

/* A short cut is bridged, with data under way both ways. */
static void short_silence_is_survived(void **state)
{
	char buf[8];

	sim.wire.cut = true;
	assert_int_equal(sim_send(pair[0], "ping", 4), 0);
	assert_int_equal(sim_send(pair[1], "pong", 4), 0);
	sim_sleep(20 * NS_PER_S);
	sim.wire.cut = false;
	assert_int_equal(sim_recv(pair[1], buf, 4), 4);
	assert_int_equal(sim_recv(pair[0], buf, 4), 4);
	still_works();
}

/* The stack is told that the link went, and that it came back. */
static void link_may_go_and_come(void **state)
{
	char buf[8];

	wire_set_link(&sim.wire, false);
	assert_int_equal(sim_send(pair[0], "ping", 4), 0);
	sim_sleep(20 * NS_PER_S);
	wire_set_link(&sim.wire, true);
	assert_int_equal(sim_recv(pair[1], buf, 4), 4);
	still_works();
}

/* A peer that forgot the connection (it restarted) answers with a reset. */
static void half_open_connection_is_reset(void **state)
{
	char c;

	assert_int_equal(sock_set_opt(pair[1], SOCK_OPT_LINGER, 0), 0);
	sim.wire.cut = true;
	sock_close(pair[1]);
	sim_sleep(10 * MS);
	sim.wire.cut = false;
	assert_int_equal(sim_send(pair[0], "x", 1), 0);
	assert_int_equal(sim_recv(pair[0], &c, 1), -ECONNRESET);
	sock_close(pair[0]);
	sim_stop(&sim);
}

/* --- Again from the same port
 * ----------------------------------------------------- */

/* RFC 9293 3.6.1 (MAY-2): a SYN with a higher sequence number ends TIME-WAIT.
 */
static void same_port_connects_again_into_time_wait(void **state)
{
	struct sock *l = sim_listen(&sim, 1, 7, 1), *a, *b;
	struct sock_addr local;

	assert_int_equal(sock_get_local(pair[0], &local), 0);
	sock_close(pair[1]);
	expect_end(0);
	sock_close(pair[0]);
	sim_sleep(NS_PER_S);
	assert_int_equal(time_waits(1), 1);
	a = sim_socket(&sim, 0);
	assert_int_equal(
	    sock_bind(a, &(struct sock_addr){ .port = local.port }), 0);
	assert_int_equal(sim_connect(a, sim_ip(1), 7), 0);
	b = sim_accept(&sim, l);
	assert_int_equal(time_waits(1), 0);
	sock_close(a);
	sock_close(b);
	sock_close(l);
	sim_stop(&sim);
}

int main(void)
{
#define TEST(fn)                                                               \
	{                                                                      \
#fn, fn, start, NULL, #fn                                      \
	}
	const struct CMUnitTest tests[] = {
		TEST(first_to_close_waits_two_msl),
		TEST(half_closed_side_still_receives),
		TEST(both_may_half_close_with_data_on_the_way),
		TEST(time_wait_is_not_assassinated),
		TEST(both_may_close_at_once),
		TEST(both_close_at_once_and_both_fins_are_lost),
		TEST(lost_fin_is_sent_again),
		TEST(lost_fin_of_the_second_is_sent_again),
		TEST(lost_last_ack_is_repeated_out_of_time_wait),
		TEST(repeated_fin_prolongs_time_wait),
		TEST(data_queued_at_close_still_arrives),
		{ "data_queued_at_close_survives_loss",
		    data_queued_at_close_survives_loss, NULL, NULL,
		    "data_queued_at_close_survives_loss" },
		TEST(close_with_unread_data_resets),
		TEST(data_for_a_closed_reader_resets),
		TEST(linger_zero_resets),
		TEST(exact_reset_ends_the_connection),
		TEST(reset_inside_the_window_is_challenged),
		TEST(reset_outside_the_window_is_ignored),
		TEST(syn_in_the_window_is_challenged),
		TEST(ack_of_unsent_data_is_challenged),
		TEST(old_ack_outside_the_window_is_challenged),
		TEST(data_outside_the_window_is_dropped),
		TEST(segment_without_ack_is_dropped),
		TEST(challenges_are_limited),
		TEST(vanished_peer_times_out_the_sender),
		TEST(vanished_peer_does_not_keep_an_orphan),
		TEST(orphan_in_fin_wait_2_ends),
		TEST(short_silence_is_survived),
		TEST(link_may_go_and_come),
		TEST(half_open_connection_is_reset),
		TEST(same_port_connects_again_into_time_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

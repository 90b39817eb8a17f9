/* SPDX-License-Identifier: MIT */
/*
 * Congestion control on whole paths: how full the pipe is, how fair flows are,
 * where the first slow start ends, and what ECN saves.  SIM_TIMES shows the
 * figures.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"
#include "sched/timer.h"
#include "tests/sim/sim.h"

#define MS        NS_PER_MS
#define MB        1000000ull
#define PORT      7
#define FLOWS_MAX 4

static struct sim sim;

static const struct stack_limits large = { .packets = 4096,
	.chunks = 8192,
	.conns = 16,
	.time_waits = 16,
	.socks = 16,
	.sent = 8192,
	.neighbours = 4 };

/* --- Flows from side 0 to side 1 ------------------------------------------ */

struct flow {
	uint64_t start_ns, bytes;
	uint64_t stall_at; /* with so many left, for 250 ms; 0: never */
	struct sock *tx, *rx;
	uint64_t got, end_ns;
	uint32_t left_slow_start; /* cwnd then */
};

static struct flow flow[FLOWS_MAX];
static unsigned flows;
static struct sock *listener;
static uint32_t buf_bytes; /* of each socket */
static bool classic;       /* the first slow start without RFC 9406 */

static void send_flow(void *arg)
{
	struct flow *f = arg;
	static uint8_t zeros[16384];
	uint64_t left = f->bytes;

	sim_sleep(f->start_ns);
	f->tx = sim_socket(&sim, 0);
	f->tx->sndbuf.bytes = buf_bytes;
	sim_check_equal(&sim, sim_connect(f->tx, sim_ip(1), PORT), 0);
	if (classic)
		f->tx->conn->ssthresh--;
	while (left > 0) {
		size_t n = left < sizeof(zeros) ? left : sizeof(zeros);

		sim_check_equal(&sim, sim_send(f->tx, zeros, n), 0);
		left -= n;
		if (f->stall_at &&
		    left / sizeof(zeros) == f->stall_at / sizeof(zeros))
			sim_sleep(250 * MS);
		if (!f->left_slow_start && f->tx->conn &&
		    f->tx->conn->ssthresh != UINT32_MAX)
			f->left_slow_start = f->tx->conn->cwnd;
	}
	sock_close(f->tx);
}

static void recv_flow(void *arg)
{
	struct flow *f = arg;
	static uint8_t buf[16384];
	ptrdiff_t n;

	f->rx = sim_accept(&sim, listener);
	while ((n = sim_recv(f->rx, buf, sizeof(buf))) > 0)
		f->got += (uint64_t)n;
	sim_check_equal(&sim, n, 0);
	sim_check_equal(&sim, f->got, f->bytes);
	f->end_ns = arch_clock_ns();
	sock_close(f->rx);
}

static void begin(const char *name, uint64_t seed, const struct wire_params *p,
    const char *cc)
{
	sim_start(&sim, name, seed, p, &large);
	for (unsigned i = 0; i < 2; i++)
		sim.stack[i].tcp.cc = tcp_cc_find(cc);
	memset(flow, 0, sizeof(flow));
	flows = 0;
	buf_bytes = 3u << 20;
	classic = false;
}

static void add_flow(uint64_t bytes, uint64_t start_ns)
{
	flow[flows++] = (struct flow){ .bytes = bytes, .start_ns = start_ns };
}

/* Runs them to their end; returns how long that took. */
static uint64_t run(void)
{
	uint64_t start_ns = arch_clock_ns();

	listener = sim_listen(&sim, 1, PORT, FLOWS_MAX);
	listener->rcvbuf.bytes = buf_bytes;
	for (unsigned i = 0; i < flows; i++) {
		sim_spawn(&sim, "receiver", recv_flow, &flow[i]);
		sim_spawn(&sim, "sender", send_flow, &flow[i]);
	}
	sim_run(&sim, 3600 * NS_PER_S);
	sock_close(listener);
	return arch_clock_ns() - start_ns;
}

static uint64_t mbit_per_s(uint64_t bytes, uint64_t ns)
{
	return bytes * 8 * 1000 / ns;
}

static void show(const char *what, uint64_t value)
{
	if (getenv("SIM_TIMES") != NULL)
		printf("%s: %llu\n", what, (unsigned long long)value);
}

/* --- A long fat pipe ------------------------------------------------------ */

/* 100 Mbit/s and 100 ms: 860 segments are on their way, one in 10,000 is lost.
 */
static const struct wire_params pipe = {
	.delay_ns = 50 * MS, .bits_per_s = 100000000, .loss_ppm = 100
};

static uint64_t goodput(const char *cc, uint64_t seed)
{
	uint64_t ns;

	begin(cc, seed, &pipe, cc);
	buf_bytes = 1400000; /* a fifth more than the pipe holds */
	add_flow(60 * MB, 0);
	ns = run();
	sim_stop(&sim);
	show(cc, mbit_per_s(60 * MB, ns));
	return mbit_per_s(60 * MB, ns);
}

static void cubic_fills_a_long_pipe_better_than_reno(void **state)
{
	uint64_t cubic = 0, reno = 0;

	for (uint64_t seed = 1; seed <= 3; seed++) {
		cubic += goodput("cubic", seed);
		reno += goodput("reno", seed);
	}
	assert_true(cubic * 10 > reno * 13);
}

/* --- Fairness ------------------------------------------------------------- */

/* Jain's index of what two flows got while both ran, in thousandths. */
static uint64_t share(const char *cc, uint32_t mark_frames)
{
	const struct wire_params p = { .delay_ns = 10 * MS,
		.jitter_ns = MS, /* against marching in step */
		.bits_per_s = 20000000,
		.queue_frames = 40,
		.mark_frames = mark_frames };
	uint64_t sum = 0, squares = 0;

	begin("share", 7, &p, cc);
	sim.stack[0].tcp.ecn = TCP_ECN_ON;
	/* The second starts while the first has everything; who ends first
	 * had more than its half. */
	add_flow(30 * MB, 0);
	add_flow(30 * MB, 2 * NS_PER_S);
	run();
	for (unsigned i = 0; i < 2; i++) {
		uint64_t rate = mbit_per_s(
		    flow[i].bytes * 1000, flow[i].end_ns - flow[i].start_ns);

		show("kbit/s", rate);
		sum += rate;
		squares += rate * rate;
	}
	sim_stop(&sim);
	show("Jain's index of two flows", sum * sum * 1000 / (2 * squares));
	return sum * sum * 1000 / (2 * squares);
}

static void two_flows_share_fairly(void **state)
{
	static const char *const names[] = { "cubic", "reno" };

	for (unsigned i = 0; i < 2; i++) {
		assert_true(share(names[i], 0) > 800);
		assert_true(share(names[i], 15) > 900);
	}
}

/* --- The first slow start ------------------------------------------------- */

/* 20 Mbit/s and 80 ms: 133 frames fill the pipe, seven times as many may wait.
 * (RFC 9406 notices a queue when the window is twice the pipe at least, and CSS
 * makes that up to three times as much: a queue of one pipe always overflows.)
 */
static void first_slow_start_ends_before_a_deep_queue_overflows(void **state)
{
	const struct wire_params p = {
		.delay_ns = 40 * MS, .bits_per_s = 20000000, .queue_frames = 933
	};
	static const char *const names[] = { "cubic", "reno" };

	for (unsigned i = 0; i < 4; i++) {
		begin("slow-start", 5, &p, names[i / 2]);
		classic = i % 2;
		add_flow(8 * MB, 0);
		run();
		show("lost by slow start", sim.wire.end[0].stats.overflowed);
		show("cwnd behind it", flow[0].left_slow_start);
		assert_int_equal(
		    sim_count(&sim, 0, COUNT_TCP_HYSTART_ENDED), !classic);
		assert_int_equal(sim.wire.end[0].stats.overflowed > 0, classic);
		sim_stop(&sim);
	}
}

/* Mbit/s of 10 MB through a queue that slow start overflows. */
static uint64_t behind_overflow(uint32_t queue_frames, uint32_t bytes)
{
	const struct wire_params p = { .delay_ns = 50 * MS,
		.bits_per_s = 100000000,
		.queue_frames = queue_frames };
	uint64_t mbit;

	begin("supply", 6, &p, "cubic");
	buf_bytes = bytes;
	add_flow(10 * MB, 0);
	mbit = mbit_per_s(10 * MB, run());
	show("Mbit/s behind an overflow", mbit);
	sim_stop(&sim);
	return mbit;
}

/* Neither the writer nor the receiver leaves it without data or window. */
static void buffers_keep_up_with_a_recovery(void **state)
{
	static const uint32_t queues[] = { 170, 230 };

	for (unsigned i = 0; i < 2; i++)
		assert_true(behind_overflow(queues[i], 65536) * 10 >=
		            behind_overflow(queues[i], 4u << 20) * 9);
}

/* The writer has nothing for a while, less than a timeout, and then most of a
 * window at once: 750 KB, where 260 may wait. */
static void stall_ends_without_a_burst(void **state)
{
	const struct wire_params p = { .delay_ns = 50 * MS,
		.bits_per_s = 100000000,
		.queue_frames = 170 };

	begin("stall", 9, &p, "cubic");
	add_flow(1600000, 0);
	flow[0].stall_at = 750000;
	run();
	show("lost behind a stall", sim.wire.end[0].stats.overflowed);
	assert_int_equal(sim.wire.end[0].stats.overflowed, 0);
	sim_stop(&sim);
}

/* A slow start that nothing ends but the overflow: of two windows, 4 MB, every
 * second segment is lost.  What arrives behind the gaps is kept and told, and
 * what is lost, and no more, goes again. */
static void many_gaps_are_repaired_as_few_are(void **state)
{
	const struct wire_params p = { .delay_ns = 50 * MS,
		.bits_per_s = 100000000,
		.queue_frames = 600 };

	begin("gaps", 8, &p, "cubic");
	classic = true;
	add_flow(20 * MB, 0);
	show("Mbit/s with many gaps", mbit_per_s(20 * MB, run()));
	show("gaps", sim.wire.end[0].stats.overflowed);
	assert_true(sim.wire.end[0].stats.overflowed > 600);
	assert_int_equal(sim_drops(&sim, 1, DROP_TCP_OOO_FULL), 0);
	assert_int_equal(sim_count(&sim, 0, COUNT_TCP_RETRANSMITS),
	    sim.wire.end[0].stats.overflowed);
	assert_int_equal(sim_count(&sim, 0, COUNT_TCP_TIMEOUTS), 0);
	sim_stop(&sim);
}

/* --- ECN ------------------------------------------------------------------ */

static const struct wire_params marking = { .delay_ns = 10 * MS,
	.bits_per_s = 20000000,
	.queue_frames = 60,
	.mark_frames = 20 };

static void run_marked(const struct wire_params *p, enum tcp_ecn client,
    enum tcp_ecn server, const char *cc)
{
	begin("ecn", 11, p, cc);
	sim.stack[0].tcp.ecn = client;
	sim.stack[1].tcp.ecn = server;
	add_flow(20 * MB, 0);
	show("Mbit/s over a marking queue", mbit_per_s(20 * MB, run()));
}

static void marking_queue_loses_nothing(void **state)
{
	static const char *const names[] = { "cubic", "reno" };

	for (unsigned i = 0; i < 2; i++) {
		run_marked(&marking, TCP_ECN_ON, TCP_ECN_PASSIVE, names[i]);
		assert_int_equal(sim.wire.end[0].stats.overflowed, 0);
		assert_true(sim.wire.end[0].stats.marked > 0);
		assert_int_equal(sim_count(&sim, 0, COUNT_TCP_RETRANSMITS), 0);
		assert_true(sim_count(&sim, 0, COUNT_TCP_ECN_REDUCTIONS) > 0);
		assert_int_equal(sim_count(&sim, 1, COUNT_TCP_ECN_MARKS),
		    sim.wire.end[0].stats.marked);
		sim_stop(&sim);
	}
}

static void old_peer_gets_along_without_marks(void **state)
{
	run_marked(&marking, TCP_ECN_ON, TCP_ECN_OFF, "cubic");
	assert_int_equal(sim.wire.end[0].stats.marked, 0);
	assert_int_equal(sim_count(&sim, 0, COUNT_TCP_ECN_AGREED), 0);
	assert_true(sim.wire.end[0].stats.overflowed > 0);
	sim_stop(&sim);
}

/* A box on the way that loses what asks for ECN. */
static bool lose_ecn_syns(
    void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	struct wire_segment s;

	return wire_parse(frame, len, &s) && s.flags & TCP_SYN &&
	       s.flags & TCP_ECE;
}

static void path_that_loses_ecn_syns_still_connects(void **state)
{
	begin("ecn-syn", 12, &marking, "cubic");
	sim.stack[0].tcp.ecn = TCP_ECN_ON;
	sim.wire.filter = lose_ecn_syns;
	add_flow(MB / 10, 0);
	assert_true(run() < 5 * NS_PER_S);
	assert_int_equal(sim_count(&sim, 0, COUNT_TCP_ECN_FALLBACKS), 1);
	sim_stop(&sim);
}

/* A box that clears the field: as without ECN. */
static void path_that_clears_the_field_does_no_harm(void **state)
{
	struct wire_params p = marking;
	uint64_t plain;

	run_marked(&p, TCP_ECN_OFF, TCP_ECN_OFF, "cubic");
	plain = flow[0].end_ns;
	sim_stop(&sim);
	p.bleach = true;
	run_marked(&p, TCP_ECN_ON, TCP_ECN_ON, "cubic");
	assert_int_equal(sim_count(&sim, 1, COUNT_TCP_ECN_MARKS), 0);
	assert_true(flow[0].end_ns < plain * 11 / 10);
	sim_stop(&sim);
}

/* --- Losses of any rate --------------------------------------------------- */

static void every_loss_rate_ends(void **state)
{
	static const uint32_t ppm[] = { 0, 1000, 10000, 50000, 100000, 200000 };

	for (unsigned i = 0; i < 6; i++) {
		const struct wire_params p = { .delay_ns = 5 * MS,
			.bits_per_s = 50000000,
			.queue_frames = 50,
			.mark_frames = 25,
			.loss_ppm = ppm[i] };

		begin("loss", 20 + i, &p, "cubic");
		sim.stack[0].tcp.ecn = i % 2 ? TCP_ECN_ON : TCP_ECN_PASSIVE;
		add_flow(300000, 0);
		show("ms with losses", run() / MS);
		sim_stop(&sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cubic_fills_a_long_pipe_better_than_reno),
		cmocka_unit_test(two_flows_share_fairly),
		cmocka_unit_test(
		    first_slow_start_ends_before_a_deep_queue_overflows),
		cmocka_unit_test(buffers_keep_up_with_a_recovery),
		cmocka_unit_test(stall_ends_without_a_burst),
		cmocka_unit_test(many_gaps_are_repaired_as_few_are),
		cmocka_unit_test(marking_queue_loses_nothing),
		cmocka_unit_test(old_peer_gets_along_without_marks),
		cmocka_unit_test(path_that_loses_ecn_syns_still_connects),
		cmocka_unit_test(path_that_clears_the_field_does_no_harm),
		cmocka_unit_test(every_loss_rate_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

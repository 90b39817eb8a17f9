/* SPDX-License-Identifier: MIT */
/*
 * What the options of RFC 7323 and RFC 2018 are for: long fat paths, sequence
 * numbers that come round, boxes on the way that take options out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "lib/errno.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"
#include "sched/timer.h"
#include "tests/sim/sim.h"

#define MS NS_PER_MS
#define MB (1024ull * 1024)

static struct sim sim;
static struct sock *pair[2];
static uint64_t stream_bytes;

static void write_stream(void *arg)
{
	sim_check_equal(&sim, sim_send_stream(pair[0], 5, stream_bytes), 0);
	sim_check_equal(&sim, sock_shutdown(pair[0], SOCK_SHUT_WR), 0);
}

static void read_stream(void *arg)
{
	sim_check_equal(&sim, sim_recv_stream(&sim, pair[1], 5), stream_bytes);
}

/* From side 0 to side 1; returns the time taken. */
static uint64_t transfer(uint64_t bytes)
{
	uint64_t start_ns = arch_clock_ns();

	stream_bytes = bytes;
	sim_spawn(&sim, "writer", write_stream, NULL);
	sim_spawn(&sim, "reader", read_stream, NULL);
	sim_run(&sim, 3600 * NS_PER_S);
	return arch_clock_ns() - start_ns;
}

static void finish(void)
{
	sock_close(pair[0]);
	sock_close(pair[1]);
	sim_stop(&sim);
}

/* A machine of some 64 MiB. */
static const struct stack_limits roomy = { .packets = 2048,
	.chunks = 10000,
	.conns = 16,
	.time_waits = 8,
	.socks = 16,
	.neighbours = 4 };

/* --- Long fat paths ------------------------------------------------------ */

/* 100 Mbit/s for 100 ms are 1.25 MB in flight; 65,535 bytes would be a
 * twentieth.  Buffers grow to that by themselves. */
static void long_fat_path_is_filled(void **state)
{
	const struct wire_params p = {
		.delay_ns = 50 * MS, .bits_per_s = 100000000, .slots = 4
	};
	uint64_t ns;

	sim_start(&sim, "long-fat", 1, &p, &roomy);
	sim_pair(&sim, pair);
	transfer(1); /* so that both ends are known to each other */
	finish();
	sim_start(&sim, "long-fat", 1, &p, &roomy);
	sim_pair(&sim, pair);
	ns = transfer(40 * MB);
	/* 3.5 s by the wire; slow start costs about one more. */
	assert_in_range(ns / MS, 3500, 5000);
	assert_true(tcp_rcvbuf(pair[1]->conn) > 1250000);
	assert_int_equal(sim_count(&sim, 0, COUNT_TCP_TIMEOUTS), 0);
	finish();
}

/* What grew is given back, and there is never more than the budget. */
static void growth_is_bounded_and_given_back(void **state)
{
	const struct wire_params p = {
		.delay_ns = 50 * MS, .bits_per_s = 100000000, .slots = 4
	};
	uint64_t budget;

	sim_start(&sim, "budget", 2, &p, NULL);
	budget = (uint64_t)sim.stack[1].chunks.total * BYTEQ_CHUNK_BYTES / 4;
	sim_pair(&sim, pair);
	transfer(4 * MB);
	assert_true(sim.stack[1].tcp.rcv_extra > 0);
	assert_true(sim.stack[1].tcp.rcv_extra <= budget);
	sock_close(pair[0]);
	sock_close(pair[1]);
	sim_sleep(70 * NS_PER_S);
	assert_int_equal(sim.stack[1].tcp.rcv_extra, 0);
	sim_stop(&sim);
}

/* A buffer that the user chose stays. */
static void chosen_buffer_does_not_grow(void **state)
{
	const struct wire_params p = { .delay_ns = 10 * MS };

	sim_start(&sim, "chosen", 3, &p, &roomy);
	sim_pair(&sim, pair);
	sock_set_opt(pair[1], SOCK_OPT_RCVBUF, 30000);
	sock_set_opt(pair[0], SOCK_OPT_SNDBUF, 20000);
	transfer(2 * MB);
	assert_int_equal(tcp_rcvbuf(pair[1]->conn), 30000);
	assert_int_equal(tcp_sndbuf(pair[0]->conn), 20000);
	finish();
}

/* --- Sequence numbers that come round ------------------------------------ */

static struct {
	struct wire_segment kept;
	uint8_t data[1460];
	bool has;
} old;

static bool keep_one(void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	struct wire_segment s;

	if (!old.has && from == 0 && wire_parse(frame, len, &s) && s.len > 0) {
		old.kept = s;
		memcpy(old.data, s.data, s.len);
		old.kept.data = old.data;
		old.has = true;
	}
	return false;
}

/* A segment of the last round comes late, right where it would fit: PAWS alone
 * tells it from a new one.  Instead of four gigabytes, the connection's numbers
 * are moved on both sides. */
static void old_segment_of_the_last_round_is_refused(void **state)
{
	const struct wire_params p = { .delay_ns = MS };
	char c[8];

	memset(&old, 0, sizeof(old));
	sim_start(&sim, "round", 4, &p, NULL);
	sim_pair(&sim, pair);
	sim.wire.filter = keep_one;
	assert_int_equal(sim_send(pair[0], "old data", 8), 0);
	assert_int_equal(sim_recv(pair[1], c, 8), 8);
	sim_sleep(100 * MS);
	assert_int_equal(sim_send(pair[0], "newer", 5), 0);
	assert_int_equal(sim_recv(pair[1], c, 8), 5);
	sim_sleep(100 * MS);
	/* The same number as what is expected now. */
	old.kept.seq = pair[1]->conn->rcv_nxt;
	wire_inject_segment(&sim.wire, 1, &old.kept);
	sim_sleep(10 * MS);
	assert_int_equal(sim_drops(&sim, 1, DROP_TCP_PAWS), 1);
	assert_int_equal(sock_recv(pair[1], c, 8, 0, NULL), -EAGAIN);
	assert_int_equal(sim_send(pair[0], "right", 5), 0);
	assert_int_equal(sim_recv(pair[1], c, 8), 5);
	assert_memory_equal(c, "right", 5);
	finish();
}

/* --- Boxes on the way ---------------------------------------------------- */

struct box {
	bool syn, syn_ack; /* which it changes */
	bool wscale, sack, ts;
};

static bool take_out(void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	const struct box *b = ctx;
	struct wire_segment s;

	if (!wire_parse(frame, len, &s) || !(s.flags & TCP_SYN) ||
	    !(s.flags & TCP_ACK ? b->syn_ack : b->syn))
		return false;
	if (b->wscale)
		s.opt.wscale = TCP_NO_WSCALE;
	if (b->sack)
		s.opt.sack_permitted = false;
	if (b->ts)
		s.opt.has_ts = false;
	wire_inject_segment(&sim.wire, !from, &s);
	return true;
}

/* Whatever a box takes out of SYNs, every byte arrives, though it may take
 * longer: losses make all options work. */
static void stripped_options_leave_a_connection(void **state)
{
	const struct wire_params p = { .delay_ns = 5 * MS,
		.loss_ppm = 5000,
		.reorder_ppm = 20000,
		.reorder_ns = 3 * MS };

	for (unsigned i = 0; i < 24; i++) {
		struct box b = { .syn = i / 8 != 1,
			.syn_ack = i / 8 != 0,
			.wscale = i & 1,
			.sack = i & 2,
			.ts = i & 4 };
		const struct tcp_conn *c[2];

		sim_start(&sim, "stripped", 50 + i, &p, &roomy);
		sim.wire.filter = take_out;
		sim.wire.filter_ctx = &b;
		sim_pair(&sim, pair);
		for (unsigned k = 0; k < 2; k++)
			c[k] = pair[k]->conn;
		/* One side may believe in what the other never saw; but where
		 * the SYN lost it nobody does. */
		if (b.syn && b.wscale)
			sim_check(&sim, !c[0]->wscale_ok && !c[1]->wscale_ok);
		if (b.ts)
			sim_check(&sim, !c[0]->ts_ok && !c[1]->ts_ok);
		if (!b.ts)
			sim_check(&sim, c[0]->ts_ok && c[1]->ts_ok);
		if (b.sack && b.syn)
			sim_check(&sim, !c[0]->sack_ok && !c[1]->sack_ok);
		transfer(200 * 1024);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_fat_path_is_filled),
		cmocka_unit_test(growth_is_bounded_and_given_back),
		cmocka_unit_test(chosen_buffer_does_not_grow),
		cmocka_unit_test(old_segment_of_the_last_round_is_refused),
		cmocka_unit_test(stripped_options_leave_a_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

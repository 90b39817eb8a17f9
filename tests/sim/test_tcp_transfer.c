/* SPDX-License-Identifier: MIT */
/*
 * Bytes both ways at once over wires that do what wires may do; every byte is
 * compared.
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
#include "sched/timer.h"
#include "tests/sim/sim.h"

#define MS   NS_PER_MS
#define KB   1024ull
#define PORT 7

static struct sim sim;

/* --- One connection, both ways ------------------------------------------- */

struct half {
	unsigned side;
	uint64_t bytes; /* that this side sends */
	struct sock *listener, *sock;
	unsigned busy; /* of reader and writer */
};

static struct half half[2];

/* The stream of each side has its own id. */
static uint64_t stream_id(unsigned side)
{
	return sim.seed * 2 + side;
}

static void finish(struct half *h)
{
	if (--h->busy == 0)
		sock_close(h->sock);
}

static void read_all(void *arg)
{
	struct half *h = arg;
	ptrdiff_t n = sim_recv_stream(&sim, h->sock, stream_id(!h->side));

	sim_check_equal(&sim, n, half[!h->side].bytes);
	finish(h);
}

static void write_all(void *arg)
{
	struct half *h = arg;
	int rc = sim_send_stream(h->sock, stream_id(h->side), h->bytes);

	sim_check_equal(&sim, rc, 0);
	sim_check_equal(&sim, sock_shutdown(h->sock, SOCK_SHUT_WR), 0);
	finish(h);
}

static void exchange(struct half *h)
{
	h->busy = 2;
	sim_spawn(&sim, "reader", read_all, h);
	sim_spawn(&sim, "writer", write_all, h);
}

static void client(void *arg)
{
	struct half *h = arg;

	h->sock = sim_open(&sim, h->side, PORT);
	exchange(h);
}

static void server(void *arg)
{
	struct half *h = arg;

	h->sock = sim_accept(&sim, h->listener);
	sock_close(h->listener);
	exchange(h);
}

/* Moves bytes[side] from each side to the other.  Returns the time taken. */
static uint64_t transfer(uint64_t bytes0, uint64_t bytes1)
{
	uint64_t start_ns = arch_clock_ns();

	half[0] = (struct half){ .side = 0, .bytes = bytes0 };
	half[1] = (struct half){ .side = 1, .bytes = bytes1 };
	half[1].listener = sim_listen(&sim, 1, PORT, 4);
	sim_spawn(&sim, "server", server, &half[1]);
	sim_spawn(&sim, "client", client, &half[0]);
	sim_run(&sim, 3600 * NS_PER_S);
	return arch_clock_ns() - start_ns;
}

/* --- The grid ------------------------------------------------------------ */

struct impairment {
	const char *name;
	uint64_t bytes;   /* each way */
	unsigned seeds;   /* times SIM_SEEDS, when that is set */
	uint64_t limit_s; /* twice what any of five times the seeds took */
	struct wire_params wire;
};

static const struct impairment grid[] = {
	{ "no-delay", 4096 * KB, 1, 1, { 0 } },
	{ "clean", 4096 * KB, 1, 1, { .delay_ns = 2 * MS } },
	{ "fast-ethernet", 4096 * KB, 2, 1,
	    { .delay_ns = MS / 10, .bits_per_s = 100000000, .slots = 4 } },
	{ "modem", 64 * KB, 2, 23,
	    { .delay_ns = 100 * MS, .bits_per_s = 56000, .slots = 2 } },
	{ "satellite", 1024 * KB, 2, 18,
	    { .delay_ns = 300 * MS, .bits_per_s = 10000000, .slots = 4 } },
	{ "small-queue", 1024 * KB, 4, 4,
	    { .delay_ns = 10 * MS,
	        .bits_per_s = 10000000,
	        .queue_frames = 8 } },
	{ "tiny-queue", 512 * KB, 4, 3,
	    { .delay_ns = MS, .bits_per_s = 10000000, .queue_frames = 2 } },
	{ "loss-1", 1024 * KB, 6, 2,
	    { .delay_ns = 5 * MS, .loss_ppm = 10000 } },
	{ "loss-5", 512 * KB, 6, 5, { .delay_ns = 5 * MS, .loss_ppm = 50000 } },
	{ "loss-20", 128 * KB, 8, 30,
	    { .delay_ns = 5 * MS, .loss_ppm = 200000 } },
	{ "duplicate", 1024 * KB, 4, 1,
	    { .delay_ns = 5 * MS, .duplicate_ppm = 100000 } },
	{ "duplicate-late", 512 * KB, 4, 4,
	    { .delay_ns = 5 * MS,
	        .duplicate_ppm = 100000,
	        .reorder_ppm = 100000,
	        .reorder_ns = 40 * MS } },
	{ "reorder", 1024 * KB, 6, 1,
	    { .delay_ns = 5 * MS,
	        .reorder_ppm = 100000,
	        .reorder_ns = 4 * MS } },
	{ "reorder-far", 512 * KB, 6, 16,
	    { .delay_ns = 5 * MS,
	        .jitter_ns = 2 * MS,
	        .reorder_ppm = 200000,
	        .reorder_ns = 300 * MS } },
	{ "corrupt", 1024 * KB, 6, 5,
	    { .delay_ns = 5 * MS, .corrupt_ppm = 20000 } },
	{ "jitter", 1024 * KB, 3, 3, { .delay_ns = MS, .jitter_ns = 50 * MS } },
	{ "everything", 256 * KB, 16, 12,
	    { .delay_ns = 10 * MS,
	        .jitter_ns = 5 * MS,
	        .loss_ppm = 30000,
	        .duplicate_ppm = 30000,
	        .reorder_ppm = 50000,
	        .reorder_ns = 30 * MS,
	        .corrupt_ppm = 30000,
	        .bits_per_s = 20000000,
	        .queue_frames = 20 } },
};

static unsigned seed_factor(void)
{
	const char *n = getenv("SIM_SEEDS");

	return n != NULL ? (unsigned)atoi(n) : 1;
}

static void run_cell(const struct impairment *im, uint64_t seed)
{
	char name[48];
	uint64_t ns;

	snprintf(name, sizeof(name), "transfer-%s-%llu", im->name,
	    (unsigned long long)seed);
	sim_start(&sim, name, seed, &im->wire, NULL);
	ns = transfer(im->bytes, im->bytes);
	if (getenv("SIM_TIMES") != NULL)
		printf("%s: %llu ms\n", name, (unsigned long long)(ns / MS));
	if (ns > im->limit_s * NS_PER_S)
		sim_fail(&sim, "took %llu ms", (unsigned long long)(ns / MS));
	sim_stop(&sim);
}

static void every_byte_arrives_over_every_wire(void **state)
{
	unsigned factor = seed_factor();

	for (unsigned i = 0; i < sizeof(grid) / sizeof(grid[0]); i++)
		for (unsigned k = 0; k < grid[i].seeds * factor; k++)
			run_cell(&grid[i], 100000 * i + k + 1);
}

/* --- Wires out of a hat -------------------------------------------------- */

static uint64_t hat;

/* Below bound; half of the time 0, so that mishaps come in all mixtures. */
static uint64_t draw(uint64_t bound)
{
	hat = hat * 6364136223846793005ull + 1442695040888963407ull;
	if (hat >> 63)
		return 0;
	return (hat >> 16) % bound;
}

static struct wire_params draw_wire(void)
{
	return (struct wire_params){
		.loss_ppm = (uint32_t)draw(150000),
		.duplicate_ppm = (uint32_t)draw(150000),
		.reorder_ppm = (uint32_t)draw(200000),
		.corrupt_ppm = (uint32_t)draw(50000),
		.delay_ns = draw(100 * MS),
		.jitter_ns = draw(20 * MS),
		.reorder_ns = draw(200 * MS),
		.bits_per_s = draw(2) * (1000000 + draw(100000000)),
		.queue_frames = (uint32_t)draw(30),
		.slots = (uint32_t)draw(5),
	};
}

/* Each way another wire, small pools and buffers, any sequence numbers. */
static void run_drawn(uint64_t seed)
{
	const struct stack_limits l = { .packets = 128,
		.chunks = 80,
		.conns = 8,
		.time_waits = 8,
		.socks = 8,
		.sent = 256,
		.neighbours = 4 };
	static uint32_t isn[2];
	struct wire_params first;
	char name[32];

	snprintf(name, sizeof(name), "drawn-%llu", (unsigned long long)seed);
	hat = seed;
	first = draw_wire();
	sim_start(&sim, name, seed, &first, &l);
	sim.wire.end[1].out = draw_wire();
	for (unsigned i = 0; i < 2; i++) {
		isn[i] = (uint32_t)-draw(100000);
		sim.stack[i].tcp.test_isn = &isn[i];
	}
	transfer(1 + draw(200 * KB), 1 + draw(200 * KB));
	sim_stop(&sim);
}

static void every_byte_arrives_over_wires_out_of_a_hat(void **state)
{
	for (unsigned i = 1; i <= 60 * seed_factor(); i++)
		run_drawn(i);
}

/* --- Single wires -------------------------------------------------------- */

static void corrupt_segments_are_counted_and_never_delivered(void **state)
{
	const struct wire_params p = { .delay_ns = MS, .corrupt_ppm = 100000 };
	uint64_t seen = 0;

	sim_start(&sim, "corrupt-counted", 5, &p, NULL);
	transfer(256 * KB, 256 * KB);
	for (unsigned i = 0; i < 2; i++)
		seen += sim_drops(&sim, i, DROP_TCP_CHECKSUM) +
		        sim_drops(&sim, i, DROP_IP_CHECKSUM);
	assert_true(seen > 20);
	sim_stop(&sim);
}

/* A clean wire needs no retransmission at all, whatever its delay. */
static void clean_wire_needs_no_retransmission(void **state)
{
	static const uint64_t delays[] = { 0, MS / 10, 5 * MS, 90 * MS };

	for (unsigned i = 0; i < 4; i++) {
		struct wire_params p = { .delay_ns = delays[i] };

		sim_start(&sim, "clean", 9 + i, &p, NULL);
		transfer(512 * KB, 512 * KB);
		for (unsigned k = 0; k < 2; k++)
			assert_int_equal(
			    sim_count(&sim, k, COUNT_TCP_RETRANSMITS), 0);
		sim_stop(&sim);
	}
}

/* The card's back-pressure reaches the sender: nothing is lost at home. */
static void nothing_is_dropped_in_our_own_queue(void **state)
{
	const struct wire_params p = {
		.delay_ns = MS, .bits_per_s = 1000000, .slots = 2
	};

	sim_start(&sim, "slow-card", 3, &p, NULL);
	transfer(256 * KB, 256 * KB);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sim_drops(&sim, i, DROP_NETDEV_QUEUE_FULL), 0);
		assert_int_equal(sim_count(&sim, i, COUNT_TCP_RETRANSMITS), 0);
	}
	sim_stop(&sim);
}

/* 100 Mbit/s: the payload's share of the wire is 94.9 %. */
static void one_way_transfer_fills_fast_ethernet(void **state)
{
	const struct wire_params p = {
		.delay_ns = MS / 20, .bits_per_s = 100000000, .slots = 4
	};
	uint64_t ns;

	sim_start(&sim, "fill", 4, &p, NULL);
	ns = transfer(8192 * KB, 0);
	assert_true(8192 * KB * 8 * NS_PER_S / ns > 90000000);
	sim_stop(&sim);
}

static void sequence_numbers_may_wrap(void **state)
{
	const struct wire_params p = { .delay_ns = 5 * MS,
		.loss_ppm = 30000,
		.reorder_ppm = 50000,
		.reorder_ns = 20 * MS };
	static const uint32_t isn[] = { 0xffffffff, 0xfffffffe, 0xffff0000,
		0x7fffff00, 0x80000000, 0 };

	for (unsigned i = 0; i < 6; i++) {
		sim_start(&sim, "wrap", 20 + i, &p, NULL);
		sim.stack[0].tcp.test_isn = &isn[i];
		sim.stack[1].tcp.test_isn = &isn[i];
		transfer(200 * KB, 200 * KB);
		sim_stop(&sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_arrives_over_every_wire),
		cmocka_unit_test(every_byte_arrives_over_wires_out_of_a_hat),
		cmocka_unit_test(
		    corrupt_segments_are_counted_and_never_delivered),
		cmocka_unit_test(clean_wire_needs_no_retransmission),
		cmocka_unit_test(nothing_is_dropped_in_our_own_queue),
		cmocka_unit_test(one_way_transfer_fills_fast_ethernet),
		cmocka_unit_test(sequence_numbers_may_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

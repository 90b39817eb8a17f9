/* SPDX-License-Identifier: MIT */
/*
 * Every mixture of loss, round-trip time, bandwidth, mishaps, number of flows
 * and window; every byte is compared, and the oracle watches.
 *
 *	SIM_MATRIX=full     all cells, not only every 61st
 *	SIM_MATRIX=table    prints the goodput of the cells without mishaps,
 *	                    beside the theoretical one
 *	SIM_CELL=NUMBER     that cell alone
 *
 * A cell's number is its seed, which a failing case prints.
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
#include "lib/errno.h"
#include "net/byteq.h"
#include "sched/timer.h"
#include "tests/sim/sim.h"

#define PORT      7
#define MSS       1460u
#define FRAME     1538u /* of a full segment, with preamble and gap */
#define SMALL     2048u /* bytes of a tiny window */
#define FLOWS     8
#define STEP      61 /* prime: the sample holds every value of each axis */
#define BYTES_MIN (32u << 10)
#define BYTES_MAX (2u << 20)
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define CHUNKS    2048
#define TAIL_S    0.4 /* of a timeout */
/* What a send buffer grows to; a receive buffer may get more (tcp_tune.c). */
#define WINDOW_MAX (CHUNKS * BYTEQ_CHUNK_ROOM / 8.0)
/* Longer than any orphan sends what is left. */
#define PATIENCE_NS (2000 * NS_PER_S)

static const double losses[] = { 0, 0.01, 0.05, 0.2 };
static const double rtts_ms[] = { 0.1, 10, 100, 600 };
static const double mbits[] = { 1, 10, 100, 1000 };
static const unsigned flow_counts[] = { 1, FLOWS };

static const struct mishap {
	const char *name;
	uint32_t reorder_ppm, duplicate_ppm, corrupt_ppm;
	bool jitter;
} mishaps[] = {
	{ "-", 0, 0, 0, false },
	{ "reorder", 50000, 0, 0, false },
	{ "duplicate", 0, 50000, 0, false },
	{ "corrupt", 0, 0, 10000, false },
	{ "jitter", 0, 0, 0, true },
	{ "all", 20000, 20000, 10000, true },
};

struct cell {
	unsigned number;
	double loss, rtt_ms, mbit;
	const struct mishap *m;
	unsigned flows;
	bool tiny;
};

#define CELLS                                                                  \
	(COUNT(losses) * COUNT(rtts_ms) * COUNT(mbits) * COUNT(mishaps) *      \
	    COUNT(flow_counts) * 2)

/* The number in mixed radix; those without mishaps come first. */
static struct cell cell_of(unsigned number)
{
	struct cell c = { .number = number };
	unsigned n = number;

	c.loss = losses[n % COUNT(losses)];
	n /= COUNT(losses);
	c.rtt_ms = rtts_ms[n % COUNT(rtts_ms)];
	n /= COUNT(rtts_ms);
	c.mbit = mbits[n % COUNT(mbits)];
	n /= COUNT(mbits);
	c.m = &mishaps[n % COUNT(mishaps)];
	n /= COUNT(mishaps);
	c.flows = flow_counts[n % COUNT(flow_counts)];
	c.tiny = n / COUNT(flow_counts);
	return c;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

static double root(double x)
{
	double r = x > 1 ? x : 1;

	for (int i = 0; i < 40; i++)
		r = (r + x / r) / 2;
	return r;
}

/*
 * Mbit/s that theory grants once the start is over: the wire's payload; a
 * window for each round trip; and under random loss MSS/RTT * sqrt(3/2) /
 * sqrt(p) (Mathis et al. 1997, RFC 3155 2.2) for each flow.  Round trips count
 * the time of a full frame.
 */
static double rtt_s_of(const struct cell *c)
{
	return c->rtt_ms / 1e3 + FRAME * 8 / (c->mbit * 1e6);
}

static double steady(const struct cell *c)
{
	double rtt_s = rtt_s_of(c);
	double window = c->tiny ? SMALL : WINDOW_MAX;
	double rate = window * 8 / rtt_s;

	if (c->loss > 0)
		rate = least(rate, MSS * 8 / rtt_s * root(1.5) / root(c->loss));
	return least(c->flows * rate / 1e6, c->mbit * MSS / FRAME);
}

/* Of a flow: so much that the start hardly decides, as far as there is time. */
static uint64_t bytes_of(const struct cell *c)
{
	double bytes = steady(c) * 1e6 / 8 * 4 / c->flows;

	if (bytes < BYTES_MIN)
		return BYTES_MIN;
	return bytes < BYTES_MAX ? (uint64_t)bytes : BYTES_MAX / c->flows;
}

/* The same for all bytes of a flow, with a slow start from ten segments. */
static double theory(const struct cell *c)
{
	double bytes = (double)bytes_of(c), left = bytes, t = 0;
	double rate = steady(c) * 1e6 / 8 / c->flows;

	for (double w = 10 * MSS; w < rate * rtt_s_of(c) && left > w; w *= 2) {
		t += rtt_s_of(c);
		left -= w;
	}
	return c->flows * bytes * 8 / 1e6 / (t + left / rate);
}

static struct wire_params wire_of(const struct cell *c)
{
	uint64_t delay_ns = (uint64_t)(c->rtt_ms * NS_PER_MS / 2);
	double in_flight = c->rtt_ms / 1e3 * c->mbit * 1e6 / 8 / FRAME;

	return (struct wire_params){ .loss_ppm = (uint32_t)(c->loss * 1e6),
		.duplicate_ppm = c->m->duplicate_ppm,
		.reorder_ppm = c->m->reorder_ppm,
		.reorder_ns = delay_ns / 2 + NS_PER_MS,
		.corrupt_ppm = c->m->corrupt_ppm,
		.delay_ns = delay_ns,
		.jitter_ns = c->m->jitter ? delay_ns / 4 : 0,
		.bits_per_s = (uint64_t)(c->mbit * 1e6),
		.queue_frames = 64 * c->flows + (uint32_t)in_flight };
}

/* --- One cell ------------------------------------------------------------ */

static struct sim sim;

static struct flow {
	unsigned number;
	uint64_t bytes;
	struct sock *sock[2];
	bool gave_up;
	uint64_t end_ns; /* when the reader was done */
} flow[FLOWS];

/* Where every fifth frame is lost, six tries in a row are now and then, and R2
 * ends the connection (RFC 9293 3.8.3).  What came is compared all the same. */
static bool may_give_up(void)
{
	return cell_of((unsigned)sim.seed).loss >= 0.2;
}

/* The sender gave up, and its reset was lost: nobody will tell the reader. */
static void tell_reader(struct flow *f)
{
	f->gave_up = true;
	sock_shutdown(f->sock[1], SOCK_SHUT_RD);
}

static void write_flow(void *arg)
{
	struct flow *f = arg;
	int rc = sim_send_stream(f->sock[0], f->number, f->bytes);

	if (!may_give_up() || rc != -ETIMEDOUT)
		sim_check_equal(&sim, rc, 0);
	sock_close(f->sock[0]);
	if (!may_give_up())
		return;
	sim_sleep(PATIENCE_NS);
	if (!f->end_ns)
		tell_reader(f);
}

static void read_flow(void *arg)
{
	struct flow *f = arg;
	ptrdiff_t n = sim_recv_stream(&sim, f->sock[1], f->number);

	f->gave_up |= (n < 0 || (uint64_t)n < f->bytes) && may_give_up();
	if (!f->gave_up)
		sim_check_equal(&sim, n, f->bytes);
	f->end_ns = arch_clock_ns();
	sock_close(f->sock[1]);
}

static void open_flow(void *arg)
{
	struct flow *f = arg;
	struct sock *l = sim_socket(&sim, 1);
	uint16_t port = (uint16_t)(PORT + f->number);

	if (cell_of((unsigned)sim.seed).tiny)
		sock_set_opt(l, SOCK_OPT_RCVBUF, SMALL);
	sim_check_equal(
	    &sim, sock_bind(l, &(struct sock_addr){ .port = port }), 0);
	sim_check_equal(&sim, sock_listen(l, 1), 0);
	f->sock[0] = sim_open(&sim, 0, port);
	f->sock[1] = sim_accept(&sim, l);
	sock_close(l);
}

/* Returns Mbit/s; 0: a flow gave up. */
static double run_cell(const struct cell *c)
{
	const struct wire_params w = wire_of(c);
	static const struct stack_limits l = { .packets = 1024,
		.chunks = CHUNKS,
		.conns = 64,
		.time_waits = 64,
		.socks = 64,
		.sent = 2048,
		.neighbours = 8 };
	uint64_t bytes = bytes_of(c), ns, end_ns = 0;
	struct wire_params calm = w;
	bool gave_up = false;
	char name[48];

	calm.loss_ppm = calm.corrupt_ppm = 0; /* until all are open */
	snprintf(name, sizeof(name), "matrix-%u", c->number);
	sim_start(&sim, name, c->number, &calm, &l);
	for (unsigned i = 0; i < c->flows; i++) {
		flow[i] = (struct flow){ .number = i, .bytes = bytes };
		sim_spawn(&sim, "open", open_flow, &flow[i]);
	}
	sim_run(&sim, 60 * NS_PER_S);
	for (unsigned i = 0; i < 2; i++)
		sim.wire.end[i].out = w;
	for (unsigned i = 0; i < c->flows; i++) {
		sim_spawn(&sim, "read", read_flow, &flow[i]);
		sim_spawn(&sim, "write", write_flow, &flow[i]);
	}
	ns = arch_clock_ns();
	sim_run(&sim, 4 * 3600 * NS_PER_S);
	sim_stop(&sim);
	for (unsigned i = 0; i < c->flows; i++) {
		gave_up |= flow[i].gave_up;
		if (flow[i].end_ns > end_ns)
			end_ns = flow[i].end_ns;
	}
	if (gave_up)
		return 0;
	return (double)bytes * c->flows * 8 * 1e3 / (double)(end_ns - ns);
}

/* --- The grid ------------------------------------------------------------ */

static const char *mode(void)
{
	const char *m = getenv("SIM_MATRIX");

	return m != NULL ? m : "";
}

static bool chosen(unsigned number)
{
	const char *only = getenv("SIM_CELL");

	if (only != NULL)
		return number == (unsigned)atoi(only);
	if (strcmp(mode(), "table") == 0)
		return cell_of(number).m == mishaps && !cell_of(number).tiny;
	return strcmp(mode(), "full") == 0 || number % STEP == 0;
}

static void print_row(const struct cell *c, double got)
{
	fprintf(stderr,
	    "%5u %6.1f %8.1f %8.0f %-10s %5u %-5s %9.2f %9.2f %4.0f %%\n",
	    c->number, c->loss * 100, c->rtt_ms, c->mbit, c->m->name, c->flows,
	    c->tiny ? "tiny" : "-", got, theory(c), got / theory(c) * 100);
}

static void every_byte_arrives(void **state)
{
	struct cell c = cell_of((unsigned)(uintptr_t)*state);
	double got = run_cell(&c);

	if (mode()[0] != '\0' || getenv("SIM_CELL") != NULL)
		print_row(&c, got);
}

/* Where the wire loses nothing, theory is nearly reached, though slow start
 * fills the queue until it overflows; when that takes the last segment, a
 * timeout is what tells. */
static void clean_cells_come_near_the_theory(void **state)
{
	for (unsigned i = 0; i < COUNT(losses) * COUNT(rtts_ms) * COUNT(mbits);
	     i++) {
		struct cell c = cell_of(i);
		double got;

		if (c.loss > 0 || c.rtt_ms > 100)
			continue;
		got = run_cell(&c);
		if (1 / got >
		    2 / theory(&c) + TAIL_S * 1e6 / 8 / (double)bytes_of(&c))
			fail_msg(
			    "cell %u: %.2f Mbit/s of %.2f", i, got, theory(&c));
	}
}

int main(void)
{
	static char name[CELLS][40];
	static struct CMUnitTest tests[CELLS + 1];
	size_t count = 0;

	/* Each is a test, so that the others run when one fails. */
	for (uintptr_t i = 0; i < CELLS; i++) {
		if (!chosen((unsigned)i))
			continue;
		snprintf(name[i], sizeof(name[i]),
		    "every_byte_arrives_in_cell_%u", (unsigned)i);
		tests[count++] = (struct CMUnitTest){
			.name = name[i],
			.test_func = every_byte_arrives,
			.initial_state = (void *)i,
		};
	}
	if (getenv("SIM_CELL") == NULL)
		tests[count++] = (struct CMUnitTest)cmocka_unit_test(
		    clean_cells_come_near_the_theory);
	if (count == 0) {
		fprintf(stderr, "SIM_CELL is not below %zu\n", CELLS);
		return 1;
	}
	if (mode()[0] != '\0' || getenv("SIM_CELL") != NULL)
		fprintf(stderr,
		    " cell loss %%   RTT ms   Mbit/s mishap     flows "
		    "window  goodput    theory\n");
	return _cmocka_run_group_tests("matrix", tests, count, NULL, NULL);
}

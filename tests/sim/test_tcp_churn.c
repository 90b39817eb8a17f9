/* SPDX-License-Identifier: MIT */
/*
 * Thousands of short connections, opened from both sides and closed in every
 * order: afterwards every pool is as it was before.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "lib/errno.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/sim/sim.h"

#define MS      NS_PER_MS
#define PORT    7
#define WORKERS 8 /* clients at each side */

static struct sim sim;

static const struct stack_limits limits = { .packets = 1024,
	.chunks = 512,
	.conns = 256,
	.time_waits = 128,
	.socks = 128,
	.sent = 256,
	.neighbours = 4 };

/* How a connection ends. */
enum ending { CLIENT_FIRST, SERVER_FIRST, TOGETHER, RESET, ENDINGS };

static struct {
	unsigned each;    /* connections of each client */
	unsigned endings; /* of enum ending that are used */
	bool may_fail;    /* on a bad wire a connection may time out */
	unsigned clients; /* that still run */
	uint64_t done, failed;
	struct sock *listener[2];
} churn;

/* The request's first byte says how to end. */
static void serve(void *arg)
{
	struct sock *sock = arg;
	uint8_t request[2];
	ptrdiff_t n = sim_recv(sock, request, sizeof(request));

	if (n == 2) {
		sim_send(sock, request, sizeof(request));
		if (request[0] == CLIENT_FIRST)
			n = sim_recv(sock, request, 1);
	}
	sock_close(sock);
}

/* Accepts until the listener is closed under it. */
static void accept_all(void *arg)
{
	unsigned side = *(unsigned *)arg;

	while (churn.clients > 0) {
		struct sock *sock = NULL;
		int rc = sock_accept(churn.listener[side], &sock, NULL);

		if (rc == 0)
			sim_spawn(&sim, "serve", serve, sock);
		else
			waitq_wait(sock_waitq(churn.listener[side]),
			    arch_clock_ns() + NS_PER_S);
	}
	sock_close(churn.listener[side]);
}

static int talk(struct sock *sock, unsigned i)
{
	const uint8_t request[2] = { (uint8_t)(i % churn.endings), (uint8_t)i };
	uint8_t answer[2] = { 0 };
	int rc = sim_send(sock, request, sizeof(request));
	ptrdiff_t n;

	if (rc != 0)
		return rc;
	n = sim_recv(sock, answer, sizeof(answer));
	if (n != 2)
		return n < 0 ? (int)n : -ECONNRESET;
	sim_check(&sim, memcmp(request, answer, sizeof(answer)) == 0);
	if (request[0] == SERVER_FIRST && sim_recv(sock, answer, 1) < 0)
		return -ECONNRESET;
	if (request[0] == RESET)
		sock_set_opt(sock, SOCK_OPT_LINGER, 0);
	return 0;
}

static void client(void *arg)
{
	unsigned side = *(unsigned *)arg;

	for (unsigned i = 0; i < churn.each; i++) {
		struct sock *sock = sim_socket(&sim, side);
		int rc = sim_connect(sock, sim_ip(!side), PORT);

		if (rc == 0)
			rc = talk(sock, i);
		if (rc != 0 && !churn.may_fail)
			sim_fail(
			    &sim, "connection %u of side %u: %d", i, side, rc);
		churn.failed += rc != 0;
		churn.done++;
		sock_close(sock);
	}
	churn.clients--;
}

static void run_churn(const char *name, uint64_t seed,
    const struct wire_params *wire, unsigned each, unsigned endings)
{
	static unsigned side[2] = { 0, 1 };

	sim_start(&sim, name, seed, wire, &limits);
	churn.each = each;
	churn.endings = endings;
	churn.clients = 2 * WORKERS;
	churn.done = churn.failed = 0;
	for (unsigned i = 0; i < 2; i++) {
		churn.listener[i] = sim_listen(&sim, i, PORT, 64);
		sim_spawn(&sim, "accept", accept_all, &side[i]);
		for (unsigned k = 0; k < WORKERS; k++)
			sim_spawn(&sim, "client", client, &side[i]);
	}
	sim_run(&sim, 100000 * NS_PER_S);
	sim_stop(&sim);
}

static void fifty_thousand_connections_leave_no_trace(void **state)
{
	const struct wire_params lan = { .delay_ns = MS / 10 };

	churn.may_fail = false;
	run_churn(*state, 1, &lan, 3125, ENDINGS);
	assert_int_equal(churn.done, 50000);
}

/* The pool of TIME-WAITs is far too small for these: the oldest make room. */
static void time_waits_make_room_for_new_ones(void **state)
{
	const struct wire_params lan = { .delay_ns = MS / 10 };

	churn.may_fail = false;
	run_churn(*state, 2, &lan, 250, 1);
	assert_true(sim_count(&sim, 0, COUNT_TCP_TW_RECYCLED) > 1000);
}

static void connections_on_a_bad_wire_leave_no_trace(void **state)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		const struct wire_params bad = { .delay_ns = 2 * MS,
			.jitter_ns = MS,
			.loss_ppm = 50000,
			.duplicate_ppm = 50000,
			.reorder_ppm = 50000,
			.reorder_ns = 20 * MS,
			.corrupt_ppm = 20000 };

		churn.may_fail = true;
		run_churn(*state, seed, &bad, 60, ENDINGS);
		/* A reset that is believed late costs a connection. */
		assert_true(churn.failed * 50 <= churn.done);
	}
}

int main(void)
{
#define BARE(fn)                                                               \
	{                                                                      \
#fn, fn, NULL, NULL, #fn                                       \
	}
	const struct CMUnitTest tests[] = {
		BARE(fifty_thousand_connections_leave_no_trace),
		BARE(time_waits_make_room_for_new_ones),
		BARE(connections_on_a_bad_wire_leave_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

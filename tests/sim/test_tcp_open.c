/* SPDX-License-Identifier: MIT */
/* How connections begin: RFC 9293 section 3.5, with every segment lost once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "lib/errno.h"
#include "net/ip.h"
#include "sched/timer.h"
#include "tests/sim/sim.h"

#define MS   NS_PER_MS
#define PORT 7

static struct sim sim;
static struct sock *listener;

static const struct wire_params lan = { .delay_ns = MS };

static int start(void **state)
{
	sim_start(&sim, *state, 1, &lan, NULL);
	return 0;
}

/* --- A client that says hello, a server that answers --------------------- */

static void serve_one(void *arg)
{
	char buf[8] = "";
	struct sock *sock = sim_accept(&sim, listener);

	sim_check_equal(&sim, sim_recv(sock, buf, sizeof(buf)), 5);
	sim_check(&sim, memcmp(buf, "hello", 5) == 0);
	sim_check_equal(&sim, sim_send(sock, "there", 5), 0);
	sim_check_equal(&sim, sim_recv(sock, buf, sizeof(buf)), 0);
	sock_close(sock);
}

static void greet(struct sock *sock)
{
	char buf[8] = "";

	sim_check_equal(&sim, sim_send(sock, "hello", 5), 0);
	sim_check_equal(&sim, sim_recv(sock, buf, sizeof(buf)), 5);
	sim_check(&sim, memcmp(buf, "there", 5) == 0);
	sock_close(sock);
}

static uint64_t connected_ns;

static void client(void *arg)
{
	struct sock *sock = sim_open(&sim, 0, PORT);

	connected_ns = arch_clock_ns();
	greet(sock);
}

static void run_greeting(void)
{
	listener = sim_listen(&sim, 1, PORT, 4);
	sim_spawn(&sim, "server", serve_one, NULL);
	sim_spawn(&sim, "client", client, NULL);
	sim_run(&sim, 300 * NS_PER_S);
	sock_close(listener);
	sim_stop(&sim);
}

static void lose(unsigned from, uint8_t flags, unsigned count)
{
	wire_lose(&sim.wire, (struct wire_rule){ .from = from,
	                         .mask = TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST,
	                         .flags = flags,
	                         .data = -1,
	                         .lose = count });
}

static void handshake_takes_one_round_trip(void **state)
{
	run_greeting();
	/* One round trip for ARP, one for TCP. */
	assert_in_range(connected_ns, 2 * MS, 5 * MS);
}

static void lost_syn_is_sent_again(void **state)
{
	lose(0, TCP_SYN, 1);
	run_greeting();
	assert_in_range(connected_ns, 900 * MS, 1200 * MS);
}

static void three_lost_syns_back_off(void **state)
{
	lose(0, TCP_SYN, 3);
	run_greeting();
	assert_in_range(connected_ns, 6500 * MS, 7500 * MS);
}

static void lost_syn_ack_is_sent_again(void **state)
{
	lose(1, TCP_SYN | TCP_ACK, 1);
	run_greeting();
	assert_in_range(connected_ns, 900 * MS, 1200 * MS);
}

static void lost_ack_of_the_handshake_is_made_up_by_data(void **state)
{
	lose(0, TCP_ACK, 1);
	run_greeting();
	assert_in_range(connected_ns, 2 * MS, 5 * MS);
}

/* Nothing is sent by the client: the server must ask again by itself. */
static void wait_for_accept(void *arg)
{
	sock_close(sim_accept(&sim, listener));
}

static void connect_and_wait(void *arg)
{
	char c;
	struct sock *sock = sim_open(&sim, 0, PORT);

	sim_check_equal(&sim, sim_recv(sock, &c, 1), 0);
	sock_close(sock);
}

static void lost_ack_of_a_silent_client_is_asked_for(void **state)
{
	lose(0, TCP_ACK, 2);
	listener = sim_listen(&sim, 1, PORT, 4);
	sim_spawn(&sim, "server", wait_for_accept, NULL);
	sim_spawn(&sim, "client", connect_and_wait, NULL);
	sim_run(&sim, 60 * NS_PER_S);
	sock_close(listener);
	sim_stop(&sim);
}

/* --- Failing ------------------------------------------------------------- */

static void nobody_listening_refuses(void **state)
{
	struct sock *sock = sim_socket(&sim, 0);

	assert_int_equal(sim_connect(sock, sim_ip(1), PORT), -ECONNREFUSED);
	assert_true(arch_clock_ns() < 10 * MS);
	assert_int_equal(sim_count(&sim, 1, COUNT_TCP_RESETS_SENT), 1);
	sock_close(sock);
	sim_stop(&sim);
}

static void absent_host_is_unreachable(void **state)
{
	struct sock *sock = sim_socket(&sim, 0);

	assert_int_equal(sim_connect(sock, sim_ip(76), PORT), -EHOSTUNREACH);
	assert_in_range(arch_clock_ns(), NS_PER_S, 10 * NS_PER_S);
	sock_close(sock);
	sim_stop(&sim);
}

static void no_route_fails_at_once(void **state)
{
	struct sock *sock = sim_socket(&sim, 0);

	assert_int_equal(sim_connect(sock, 0x08080808, PORT), -ENETUNREACH);
	assert_int_equal(arch_clock_ns(), 0);
	sock_close(sock);
	sim_stop(&sim);
}

/* RFC 9293 3.8.3: R2 for a SYN is at least 3 minutes. */
static void silent_peer_times_out(void **state)
{
	struct sock *sock = sim_socket(&sim, 0);

	lose(0, TCP_SYN, 1000);
	assert_int_equal(sim_connect(sock, sim_ip(1), PORT), -ETIMEDOUT);
	assert_in_range(arch_clock_ns(), 180 * NS_PER_S, 260 * NS_PER_S);
	sock_close(sock);
	sim_stop(&sim);
}

static void closing_while_connecting_forgets_it(void **state)
{
	struct sock *sock = sim_socket(&sim, 0);
	const struct sock_addr to = { sim_ip(1), PORT };

	lose(0, TCP_SYN, 2);
	assert_int_equal(sock_connect(sock, &to), -EINPROGRESS);
	assert_int_equal(sock_connect(sock, &to), -EALREADY);
	sim_sleep(100 * MS);
	sock_close(sock);
	sim_stop(&sim);
}

/* --- Simultaneous open (figure 8)
 * --------------------------------------------- */

static struct {
	unsigned side;
	uint16_t from, to;
	uint64_t delay_ns;
} crossing[2];

static void cross(void *arg)
{
	unsigned side = *(unsigned *)arg;
	struct sock *sock = sim_socket(&sim, side);
	char buf[8] = "";

	sim_sleep(crossing[side].delay_ns);
	sim_check_equal(&sim,
	    sock_bind(sock, &(struct sock_addr){ .port = crossing[side].from }),
	    0);
	sim_check_equal(
	    &sim, sim_connect(sock, sim_ip(!side), crossing[side].to), 0);
	sim_check_equal(&sim, sim_send(sock, side ? "one" : "two", 3), 0);
	sim_check_equal(&sim, sock_shutdown(sock, SOCK_SHUT_WR), 0);
	sim_check_equal(&sim, sim_recv(sock, buf, sizeof(buf)), 3);
	sim_check(&sim, memcmp(buf, side ? "two" : "one", 3) == 0);
	sim_check_equal(&sim, sim_recv(sock, buf, sizeof(buf)), 0);
	sock_close(sock);
}

/* The SYNs must cross on the wire, so ARP is settled before. */
static void cross_both(uint64_t delay1_ns)
{
	struct sock *sock = sim_socket(&sim, 0);

	assert_int_equal(sim_connect(sock, sim_ip(1), 9), -ECONNREFUSED);
	sock_close(sock);
	for (unsigned i = 0; i < 2; i++) {
		crossing[i].side = i;
		crossing[i].from = (uint16_t)(1000 + i);
		crossing[i].to = (uint16_t)(1000 + !i);
	}
	crossing[1].delay_ns = delay1_ns;
	sim_spawn(&sim, "cross0", cross, &crossing[0].side);
	sim_spawn(&sim, "cross1", cross, &crossing[1].side);
	sim_run(&sim, 300 * NS_PER_S);
	sim_stop(&sim);
}

static void both_may_open_at_once(void **state)
{
	sim.wire.end[0].out.delay_ns = 20 * MS;
	sim.wire.end[1].out.delay_ns = 20 * MS;
	cross_both(0);
	assert_int_equal(sim_count(&sim, 0, COUNT_TCP_RESETS_SENT), 0);
	assert_int_equal(sim_count(&sim, 1, COUNT_TCP_ACTIVE_OPENS), 1);
}

static void both_open_at_once_and_one_syn_is_lost(void **state)
{
	sim.wire.end[0].out.delay_ns = 20 * MS;
	sim.wire.end[1].out.delay_ns = 20 * MS;
	wire_lose(&sim.wire, (struct wire_rule){ .from = 1,
	                         .mask = TCP_SYN | TCP_ACK,
	                         .flags = TCP_SYN,
	                         .lose = 1 });
	cross_both(0);
}

static void both_open_at_once_and_a_syn_ack_is_lost(void **state)
{
	sim.wire.end[0].out.delay_ns = 20 * MS;
	sim.wire.end[1].out.delay_ns = 20 * MS;
	wire_lose(&sim.wire, (struct wire_rule){ .from = 0,
	                         .mask = TCP_SYN | TCP_ACK,
	                         .flags = TCP_SYN | TCP_ACK,
	                         .lose = 1 });
	cross_both(0);
}

/* Both SYNs leave within a delay of the wire, so both find SYN-SENT. */
static void both_open_on_a_lying_wire(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		const struct wire_params p = { .delay_ns = 20 * MS,
			.loss_ppm = 200000,
			.duplicate_ppm = 100000,
			.reorder_ppm = 200000,
			.reorder_ns = 30 * MS };

		sim_start(&sim, "open-crossing", seed, &lan, NULL);
		sim.wire.end[0].out = sim.wire.end[1].out = p;
		cross_both(5 * MS);
	}
}

/* --- Duplicates
 * --------------------------------------------------------------- */

static bool keep_syn(void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	struct wire_segment *kept = ctx, s;

	if (from == 0 && wire_parse(frame, len, &s) && s.flags == TCP_SYN)
		*kept = s;
	return false;
}

/* RFC 9293 figure 9: the old SYN comes again in the middle of the connection
 * and after it. */
static void old_duplicate_syn_does_no_harm(void **state)
{
	struct wire_segment syn = { 0 };
	struct sock *a, *b;
	char c;

	sim.wire.filter = keep_syn;
	sim.wire.filter_ctx = &syn;
	listener = sim_listen(&sim, 1, PORT, 4);
	a = sim_open(&sim, 0, PORT);
	b = sim_accept(&sim, listener);
	assert_int_equal(syn.flags, TCP_SYN);
	syn.len = 0;
	wire_inject_segment(&sim.wire, 1, &syn);
	sim_sleep(100 * MS);
	assert_int_equal(sim_send(a, "x", 1), 0);
	assert_int_equal(sim_recv(b, &c, 1), 1);
	sock_close(a);
	assert_int_equal(sim_recv(b, &c, 1), 0);
	sock_close(b);
	sim_sleep(300 * MS);
	wire_inject_segment(&sim.wire, 1, &syn);
	sim_sleep(300 * MS);
	assert_int_equal(sock_accept(listener, &b, NULL), -EAGAIN);
	sock_close(listener);
	sim_stop(&sim);
}

/* --- Many at once
 * --------------------------------------------------------------- */

#define CROWD 20

static void serve_crowd(void *arg)
{
	sim_sleep(3 * NS_PER_S);
	for (unsigned i = 0; i < CROWD; i++) {
		char buf[8];
		struct sock *sock = sim_accept(&sim, listener);

		sim_check_equal(&sim, sim_recv(sock, buf, sizeof(buf)), 5);
		sim_check_equal(&sim, sim_send(sock, "there", 5), 0);
		sock_close(sock);
	}
}

/* More than the backlog come before anybody accepts: all get in at last. */
static void full_backlog_lets_everybody_in_later(void **state)
{
	listener = sim_listen(&sim, 1, PORT, 3);
	sim_spawn(&sim, "server", serve_crowd, NULL);
	for (unsigned i = 0; i < CROWD; i++)
		sim_spawn(&sim, "client", client, NULL);
	sim_run(&sim, 300 * NS_PER_S);
	sock_close(listener);
	sim_stop(&sim);
}

/* Connections that nobody accepted are reset when the listener closes. */
static void closing_the_listener_resets_the_unaccepted(void **state)
{
	struct sock *a;
	char c;

	listener = sim_listen(&sim, 1, PORT, 4);
	a = sim_open(&sim, 0, PORT);
	sim_sleep(10 * MS);
	sock_close(listener);
	assert_int_equal(sim_recv(a, &c, 1), -ECONNRESET);
	sock_close(a);
	sim_stop(&sim);
}

static void loopback_connects_a_stack_with_itself(void **state)
{
	struct sock *a = sim_socket(&sim, 0), *b;
	char buf[8];

	listener = sim_listen(&sim, 0, PORT, 4);
	assert_int_equal(sim_connect(a, IP_ADDR_LOOPBACK, PORT), 0);
	b = sim_accept(&sim, listener);
	assert_int_equal(sim_send(a, "hello", 5), 0);
	assert_int_equal(sim_recv(b, buf, sizeof(buf)), 5);
	sock_close(a);
	assert_int_equal(sim_recv(b, buf, sizeof(buf)), 0);
	sock_close(b);
	sock_close(listener);
	sim_stop(&sim);
}

int main(void)
{
#define TEST(fn)                                                               \
	{                                                                      \
#fn, fn, start, NULL, #fn                                      \
	}
	const struct CMUnitTest tests[] = {
		TEST(handshake_takes_one_round_trip),
		TEST(lost_syn_is_sent_again),
		TEST(three_lost_syns_back_off),
		TEST(lost_syn_ack_is_sent_again),
		TEST(lost_ack_of_the_handshake_is_made_up_by_data),
		TEST(lost_ack_of_a_silent_client_is_asked_for),
		TEST(nobody_listening_refuses),
		TEST(absent_host_is_unreachable),
		TEST(no_route_fails_at_once),
		TEST(silent_peer_times_out),
		TEST(closing_while_connecting_forgets_it),
		TEST(both_may_open_at_once),
		TEST(both_open_at_once_and_one_syn_is_lost),
		TEST(both_open_at_once_and_a_syn_ack_is_lost),
		cmocka_unit_test(both_open_on_a_lying_wire),
		TEST(old_duplicate_syn_does_no_harm),
		TEST(full_backlog_lets_everybody_in_later),
		TEST(closing_the_listener_resets_the_unaccepted),
		TEST(loopback_connects_a_stack_with_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

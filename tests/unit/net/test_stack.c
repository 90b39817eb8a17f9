/* SPDX-License-Identifier: MIT */
/* A stack as a whole: its shares of memory, its text at /stats, the ledger. */
#include "tests/support/net_fixture.h"

#include <stdio.h>

#include "arch/host/arch_host.h"
#include "lib/fmt.h"
#include "lib/limits.h"

static void shares_stay_within_their_bounds(void **state)
{
	static const size_t bytes[] = { 0, 1 << 20, 16 << 20, 64 << 20,
		512u << 20, (size_t)64 << 30 };

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		struct stack_limits l;

		stack_limits_for(bytes[i], &l);
		assert_in_range(
		    l.packets, limit_packets.min, limit_packets.max);
		assert_in_range(l.chunks, limit_chunks.min, limit_chunks.max);
		assert_in_range(l.conns, limit_conns.min, limit_conns.max);
		assert_in_range(
		    l.time_waits, limit_time_waits.min, limit_time_waits.max);
		assert_in_range(l.socks, limit_socks.min, limit_socks.max);
		assert_in_range(
		    l.neighbours, limit_neighbours.min, limit_neighbours.max);
	}
}

/* What limits_for promises for so much memory fits into it. */
static void limits_fit_the_memory_they_were_made_for(void **state)
{
	static const size_t bytes[] = { 8u << 20, 20u << 20, 38u << 20,
		100u << 20 };

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		static struct stack st;
		struct stack_limits l;
		struct arena a;

		host_reset();
		a = (struct arena){ .base = arch_mem_alloc(bytes[i], 64),
			.size = bytes[i] };
		stack_limits_for(bytes[i], &l);
		if (stack_init(&st, &l, &a, &fx.rng) != 0)
			fail_msg("%zu MiB are not enough", bytes[i] >> 20);
	}
}

/* DESIGN.md: 10,000 connections in a 64 MiB machine. */
static void sixty_four_mebibytes_hold_ten_thousand_connections(void **state)
{
	struct stack_limits l;

	stack_limits_for((56u << 20) / 1000 * LIMIT_STACK_SHARE, &l);
	assert_true(l.conns >= 10000);
	assert_true(l.socks >= 10000);
}

static void too_little_memory_is_an_error(void **state)
{
	static struct stack st;
	static uint8_t block[600000] __attribute__((aligned(64)));

	for (size_t size = 0; size < sizeof(block); size += 10007) {
		struct arena a = { .base = block, .size = size };
		int rc = stack_init(&st, &fx_limits, &a, &fx.rng);

		assert_true(rc == 0 || rc == -ENOMEM);
		if (size < 300000)
			assert_int_equal(rc, -ENOMEM);
	}
}

static const char *printed(void)
{
	static char buf[20000];
	struct text t = { .buf = buf, .size = sizeof(buf) };

	stack_print(&fx.st, &t);
	assert_false(t.truncated);
	return buf;
}

static void everything_is_printed(void **state)
{
	static const char *const name[] = {
#define COUNT(id, text) text,
#include "net/counters.def"
#undef COUNT
	};
	const char *text = printed();

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		assert_non_null(strstr(text, name[i]));
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		char line[80];

		snprintf(line, sizeof(line), "drop.%s 0\n", drop_name(i));
		assert_non_null(strstr(text, line));
	}
	assert_non_null(strstr(text, "pool.packets.total 128\n"));
	assert_non_null(strstr(text, "pool.packets.in_use 0\n"));
	assert_non_null(strstr(text, "fx0.rx_frames "));
	assert_non_null(strstr(text, "lo.link_up 1\n"));
	assert_non_null(strstr(text, "tcp.state.established 0\n"));
}

static void counters_show_their_values(void **state)
{
	fx_inject("short", 5);
	assert_non_null(strstr(printed(), "drop.eth.short 1\n"));
	assert_non_null(strstr(printed(), "rx.frames 1\n"));
}

static void ledger_balances_after_every_kind_of_frame(void **state)
{
	struct pkt v;

	inject_ip((struct fx_ip){ .proto = 1, .payload = "xx", .len = 2 });
	inject_udp((struct fx_udp){ .src_port = 1, .dst_port = 2 });
	in(.flags = S);
	inject_arp((struct fx_arp){
	    .op = 1, .sender_ip = FX_PEER, .target_ip = FX_IP });
	fx_forget_frames();
	fx_check_ledger();
	assert_int_equal(fx.st.count[COUNT_RX_FRAMES], 4);
	pkt_init_view(&v, &fx.st, &fx.dev, "", 0);
	assert_false(v.decided);
}

/* Two stacks know nothing of each other. */
static void stacks_share_nothing(void **state)
{
	static struct stack other;
	struct arena a = { .base = arch_mem_alloc(4 << 20, 64),
		.size = 4 << 20 };
	struct sock *s = NULL, *t = NULL;

	assert_int_equal(stack_init(&other, &fx_limits, &a, &fx.rng), 0);
	s = fx_listen(80, 1);
	assert_false(tcp_is_listening(&other, 80));
	assert_int_equal(sock_create(&other, SOCK_TYPE_TCP, &t), 0);
	assert_int_equal(sock_bind(t, &(struct sock_addr){ 0, 80 }), 0);
	assert_true(other.key.k0 != fx.st.key.k0);
	sock_close(t);
	sock_close(s);
	assert_int_equal(other.socks.in_use, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(shares_stay_within_their_bounds),
		cmocka_unit_test_setup(
		    limits_fit_the_memory_they_were_made_for, fx_setup),
		fx_test(sixty_four_mebibytes_hold_ten_thousand_connections),
		fx_test(too_little_memory_is_an_error),
		fx_test(everything_is_printed),
		fx_test(counters_show_their_values),
		fx_test(ledger_balances_after_every_kind_of_frame),
		fx_test(stacks_share_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

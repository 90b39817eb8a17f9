/* SPDX-License-Identifier: MIT */
/* The stack as a whole: its memory, and what /stats shows of it. */
#include "tests/support/net_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/fmt.h"
#include "lib/limits.h"
#include "tests/support/host_test.h"

static const char *const names[] = {
#define COUNT(id, name) name,
#include "net/counters.def"
#undef COUNT
};

/* --- Limits -------------------------------------------------------------- */

static void at_least(const struct stack_limits *a, const struct stack_limits *b)
{
	assert_true(a->packets >= b->packets);
	assert_true(a->chunks >= b->chunks);
	assert_true(a->conns >= b->conns);
	assert_true(a->time_waits >= b->time_waits);
	assert_true(a->socks >= b->socks);
	assert_true(a->neighbours >= b->neighbours);
	assert_true(a->sent >= b->sent);
}

static void more_memory_never_gives_less(void **state)
{
	struct stack_limits last = { 0 }, l;

	for (size_t bytes = 0; bytes < (4ul << 30); bytes += 97 + bytes / 50) {
		stack_limits_for(bytes, &l);
		at_least(&l, &last);
		last = l;
	}
	stack_limits_for(SIZE_MAX, &l);
	at_least(&l, &last);
}

static void limits_keep_their_bounds(void **state)
{
	struct stack_limits l;

	stack_limits_for(0, &l);
	assert_int_equal(l.packets, limit_packets.min);
	assert_int_equal(l.chunks, limit_chunks.min);
	assert_int_equal(l.conns, limit_conns.min);
	assert_int_equal(l.time_waits, limit_time_waits.min);
	assert_int_equal(l.socks, limit_socks.min);
	assert_int_equal(l.neighbours, limit_neighbours.min);
	assert_int_equal(l.sent, limit_sent.min);
	stack_limits_for(SIZE_MAX, &l);
	assert_int_equal(l.packets, limit_packets.max);
	assert_int_equal(l.chunks, limit_chunks.max);
	assert_int_equal(l.conns, limit_conns.max);
	assert_int_equal(l.socks, limit_socks.max);
	assert_int_equal(l.sent, limit_sent.max);
}

/* The arena that has room for these limits, to the byte. */
static size_t arena_needed(const struct stack_limits *l)
{
	struct arena *a = host_test_start(2, 64u << 20);
	static struct stack st;
	struct random rng = { 0 };
	size_t before;

	arena_take(a, 0, 64);
	before = a->used;

	assert_int_equal(stack_init(&st, l, a, &rng), 0);
	return a->used - before;
}

/* What is promised for a memory size fits into it. */
static void limits_fit_their_memory(void **state)
{
	for (size_t mib = 2; mib <= 47; mib += 5) {
		struct stack_limits l;

		stack_limits_for(mib << 20, &l);
		assert_true(arena_needed(&l) <= mib << 20);
	}
}

static void too_small_an_arena_is_said(void **state)
{
	const struct stack_limits small = { 2, 2, 2, 2, 2, 2, 2 };
	size_t need = arena_needed(&small);
	struct arena *whole = host_test_start(2, need + 4096);
	uint8_t *base = whole->base + whole->used;
	struct random rng = { 0 };
	static struct stack st;

	base += -(uintptr_t)base & 63;
	for (size_t size = 0; size < need; size += size < 600 ? 1 : 13) {
		struct arena a = { .base = base, .size = size };

		assert_int_equal(stack_init(&st, &small, &a, &rng), -ENOMEM);
		assert_true(a.used <= size);
	}
	assert_int_equal(
	    stack_init(&st, &small,
	        &(struct arena){ .base = base, .size = need + 64 }, &rng),
	    0);
	assert_int_equal(st.device_count, 1);
}

static void stacks_do_not_know_each_other(void **state)
{
	struct arena *a = host_test_start(2, 8u << 20);
	static struct stack one, two;
	struct random rng = { 0 };
	struct pkt *p;

	random_add(&rng, "seed", 4, 128);
	assert_int_equal(stack_init(&one, &fx_limits, a, &rng), 0);
	assert_int_equal(stack_init(&two, &fx_limits, a, &rng), 0);
	assert_memory_not_equal(&one.key, &two.key, sizeof(one.key));
	p = pkt_alloc(&one);
	assert_int_equal(one.packets.in_use, 1);
	assert_int_equal(two.packets.in_use, 0);
	pkt_drop(p, DROP_NETDEV_DOWN);
	assert_int_equal(two.drop[DROP_NETDEV_DOWN], 0);
	assert_int_equal(one.packets.in_use, 0);
}

/* --- The text of /stats -------------------------------------------------- */

static char text_buf[16384];

static struct text print(size_t size)
{
	struct text t = { .buf = text_buf, .size = size };

	memset(text_buf, '#', sizeof(text_buf));
	stack_print(&fx.st, &t);
	return t;
}

/* How many lines are "name value"; the value of the last. */
static unsigned lines_named(const char *name, uint64_t *value)
{
	size_t n = strlen(name);
	unsigned found = 0;

	for (const char *line = text_buf; line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, name, n) != 0 || line[n] != ' ')
			continue;
		*value = strtoull(line + n + 1, NULL, 10);
		found++;
	}
	return found;
}

static void every_counter_is_printed_once(void **state)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < COUNTERS; i++)
		fx.st.count[i] = 1000 + i;
	assert_false(print(sizeof(text_buf)).truncated);
	for (unsigned i = 0; i < COUNTERS; i++) {
		assert_int_equal(lines_named(names[i], &value), 1);
		assert_int_equal(value, 1000 + i);
	}
	memset(fx.st.count, 0, sizeof(fx.st.count));
}

static void every_drop_reason_is_printed_once(void **state)
{
	uint64_t value = 0;
	char name[80];

	for (unsigned i = 0; i < DROP_COUNT; i++)
		fx.st.drop[i] = UINT64_MAX - i;
	print(sizeof(text_buf));
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		snprintf(name, sizeof(name), "drop.%s", drop_name(i));
		assert_int_equal(lines_named(name, &value), 1);
		assert_int_equal(value, UINT64_MAX - i);
	}
	memset(fx.st.drop, 0, sizeof(fx.st.drop));
}

static void pools_and_devices_are_printed(void **state)
{
	static const char *const pool[] = { "packets", "chunks", "refs",
		"conns", "time_waits", "socks" };
	struct pkt *p = pkt_alloc(&fx.st);
	uint64_t value = 0;
	char name[80];

	fx.dev.counter[0] = (struct netdev_counter){ "odd_things", 77 };
	print(sizeof(text_buf));
	for (size_t i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "pool.%s.total", pool[i]);
		assert_int_equal(lines_named(name, &value), 1);
		assert_true(value > 0);
	}
	assert_int_equal(lines_named("pool.packets.in_use", &value), 1);
	assert_int_equal(value, 1);
	assert_int_equal(lines_named("lo.tx_frames", &value), 1);
	assert_int_equal(lines_named("fx0.link_up", &value), 1);
	assert_int_equal(value, 1);
	assert_int_equal(lines_named("fx0.odd_things", &value), 1);
	assert_int_equal(value, 77);
	pkt_free(p);
}

/* Scripts read it: "name value", each name once, nothing else. */
static void every_line_is_a_name_and_a_number(void **state)
{
	unsigned lines = 0;
	struct text t = print(sizeof(text_buf));
	char *line, *rest = text_buf;

	assert_int_equal(text_buf[t.len - 1], '\n');
	while ((line = strsep(&rest, "\n")) != NULL && *line) {
		char *space = strchr(line, ' '), *end = NULL;

		assert_non_null(space);
		strtoull(space + 1, &end, 10);
		assert_true(end > space + 1 && *end == '\0');
		assert_int_equal(
		    strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_."),
		    space - line);
		lines++;
	}
	assert_true(lines > COUNTERS + DROP_COUNT);
}

static void short_buffer_cuts_the_text(void **state)
{
	static char whole[sizeof(text_buf)];
	size_t len = print(sizeof(text_buf)).len;

	memcpy(whole, text_buf, sizeof(whole));
	for (size_t size = 1; size < len; size += 1 + size / 20) {
		struct text t = print(size);

		assert_true(t.truncated);
		assert_true(t.len < size);
		assert_memory_equal(text_buf, whole, t.len);
		for (size_t i = size; i < size + 64; i++)
			assert_int_equal(text_buf[i], '#');
	}
	assert_false(print(len + 1).truncated);
}

/* DESIGN.md: 10,000 connections in a 64 MiB machine. */
static void sixty_four_mebibytes_hold_ten_thousand_connections(void **state)
{
	struct stack_limits l;

	stack_limits_for((56u << 20) / 1000 * LIMIT_STACK_SHARE, &l);
	assert_true(l.conns >= 10000);
	assert_true(l.socks >= 10000);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_memory_never_gives_less),
		cmocka_unit_test(limits_keep_their_bounds),
		cmocka_unit_test(limits_fit_their_memory),
		cmocka_unit_test(too_small_an_arena_is_said),
		cmocka_unit_test(stacks_do_not_know_each_other),
		fx_test(every_counter_is_printed_once),
		fx_test(every_drop_reason_is_printed_once),
		fx_test(pools_and_devices_are_printed),
		fx_test(every_line_is_a_name_and_a_number),
		fx_test(short_buffer_cuts_the_text),
		fx_test(sixty_four_mebibytes_hold_ten_thousand_connections),
		fx_test(ledger_balances_after_every_kind_of_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

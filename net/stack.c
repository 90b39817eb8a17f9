/* SPDX-License-Identifier: MIT */
#include "net/stack.h"

#include "lib/errno.h"
#include "lib/fmt.h"
#include "lib/limits.h"
#include "lib/random.h"
#include "lib/string.h"
#include "net/byteq.h"
#include "net/loopback.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"

/* First everybody gets the least that serves, then a share of the rest. */
void stack_limits_for(size_t bytes, struct stack_limits *l)
{
	const struct {
		const struct limit *limit;
		uint32_t *count;
		size_t bytes; /* of each */
	} user[] = {
		{ &limit_packets, &l->packets,
		    pool_object_bytes(pkt_object_bytes) },
		/* With a run of text before its turn. */
		{ &limit_chunks, &l->chunks,
		    BYTEQ_CHUNK_BYTES +
		        pool_object_bytes(sizeof(struct tcp_run)) },
		/* With a reference, and up to two buckets of two tables. */
		{ &limit_conns, &l->conns,
		    pool_object_bytes(sizeof(struct tcp_conn)) +
		        pool_object_bytes(byteq_ref_bytes) +
		        2 * 2 * sizeof(struct list) },
		{ &limit_time_waits, &l->time_waits,
		    pool_object_bytes(sizeof(struct tcp_tw)) },
		{ &limit_socks, &l->socks,
		    pool_object_bytes(sizeof(struct sock)) },
		{ &limit_sent, &l->sent,
		    pool_object_bytes(sizeof(struct tcp_sent)) },
		{ &limit_neighbours, &l->neighbours, arp_entry_bytes },
	};
	const size_t users = sizeof(user) / sizeof(user[0]);

	for (size_t i = 0; i < users; i++) {
		size_t least = user[i].bytes * user[i].limit->min;

		bytes = bytes > least ? bytes - least : 0;
	}
	for (size_t i = 0; i < users; i++) {
		const struct limit *m = user[i].limit;
		size_t n = m->min + bytes / 1000 * m->share / user[i].bytes;

		*user[i].count = (uint32_t)(n > m->max ? m->max : n);
	}
}

static int make_pools(struct stack *st, struct arena *a)
{
	const struct stack_limits *l = &st->limits;
	const struct {
		struct pool *pool;
		const char *name;
		size_t object;
		uint32_t count;
	} table[] = {
		{ &st->packets, "packets", pkt_object_bytes, l->packets },
		{ &st->chunks, "chunks", BYTEQ_CHUNK_BYTES, l->chunks },
		{ &st->refs, "refs", byteq_ref_bytes, l->conns },
		{ &st->runs, "runs", sizeof(struct tcp_run), l->chunks },
		{ &st->conns, "conns", sizeof(struct tcp_conn), l->conns },
		{ &st->time_waits, "time_waits", sizeof(struct tcp_tw),
		    l->time_waits },
		{ &st->socks, "socks", sizeof(struct sock), l->socks },
		{ &st->sent, "sent", sizeof(struct tcp_sent), l->sent },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int rc = pool_init(table[i].pool, table[i].name,
		    table[i].object, table[i].count, a);

		if (rc)
			return rc;
	}
	return 0;
}

int stack_init(struct stack *st, const struct stack_limits *l, struct arena *a,
    struct random *rng)
{
	int rc;

	memset(st, 0, sizeof(*st));
	st->limits = *l;
	st->rng = rng;
	st->key.k0 = random_u64(rng);
	st->key.k1 = random_u64(rng);
	waitq_init(&st->changed);
	waitq_init(&st->chunk_waiters);
	rc = make_pools(st, a);
	if (!rc)
		rc = arp_init(st, l->neighbours, a);
	if (!rc)
		rc = tcp_init(st, a);
	if (rc)
		return rc;
	udp_init(st);
	loopback_init(st);
	return 0;
}

static void print_pool(const struct pool *p, struct text *t)
{
	fmt_add(t, "pool.%s.total %u\n", p->name, p->total);
	fmt_add(t, "pool.%s.in_use %u\n", p->name, p->in_use);
	fmt_add(t, "pool.%s.peak %u\n", p->name, p->peak);
	fmt_add(t, "pool.%s.failures %lu\n", p->name, p->failures);
}

static void print_device(const struct netdev *d, struct text *t)
{
	const struct {
		const char *name;
		uint64_t value;
	} table[] = {
		{ "link_up", d->link_up },
		{ "rx_frames", d->stats.rx_frames },
		{ "rx_bytes", d->stats.rx_bytes },
		{ "rx_errors", d->stats.rx_errors },
		{ "rx_missed", d->stats.rx_missed },
		{ "tx_frames", d->stats.tx_frames },
		{ "tx_bytes", d->stats.tx_bytes },
		{ "tx_errors", d->stats.tx_errors },
		{ "tx_queued", d->stats.tx_queued },
		{ "tx_queue_len", d->queue_len },
		{ "interrupts", d->stats.interrupts },
		{ "polls", d->stats.polls },
		{ "link_changes", d->stats.link_changes },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		fmt_add(
		    t, "%s.%s %lu\n", d->name, table[i].name, table[i].value);
	if (d->line[0])
		fmt_add(t, "%s.line %s\n", d->name, d->line);
	for (size_t i = 0; i < NETDEV_COUNTERS && d->counter[i].name; i++)
		fmt_add(t, "%s.%s %lu\n", d->name, d->counter[i].name,
		    d->counter[i].value);
}

void stack_print(struct stack *st, struct text *t)
{
	static const char *const counter_name[] = {
#define COUNT(id, name) name,
#include "net/counters.def"
#undef COUNT
	};
	const struct pool *pools[] = { &st->packets, &st->chunks, &st->refs,
		&st->runs, &st->conns, &st->time_waits, &st->socks, &st->sent };

	for (unsigned i = 0; i < COUNTERS; i++)
		fmt_add(t, "%s %lu\n", counter_name[i], st->count[i]);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		fmt_add(t, "drop.%s %lu\n", drop_name(i), st->drop[i]);
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		print_pool(pools[i], t);
	for (uint32_t i = 0; i < st->device_count; i++)
		print_device(st->device[i], t);
	tcp_print(st, t);
}

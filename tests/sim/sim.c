/* SPDX-License-Identifier: MIT */
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "lib/errno.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/support/host_test.h"

#define PIECE_MAX   8192 /* of one send or receive */
#define SETTLE_NS   (400 * NS_PER_S)
#define PAIR_PORT   7
#define THREADS_MAX 64
#define ARENA_BYTES (64u << 20)

/* The case that runs, for a report when the process dies. */
static struct sim *active;

/* --- Failing ------------------------------------------------------------- */

static void print_case(void)
{
	if (active != NULL)
		fprintf(stderr, "sim: case %s, seed %llu, at %llu ms\n",
		    active->wire.name, (unsigned long long)active->seed,
		    (unsigned long long)(arch_clock_ns() / NS_PER_MS));
}

static void print_thread(void *ctx, const char *name, const char *state)
{
	fprintf(stderr, "sim: thread %-16s %s\n", name, state);
}

static void report(void)
{
	print_case();
	sched_for_each(print_thread, NULL);
}

static noreturn void give_up(struct sim *s)
{
	report();
	fail_msg("%s", s->failure);
	abort();
}

noreturn void sim_fail(struct sim *s, const char *fmt, ...)
{
	struct waitq never;
	va_list ap;

	va_start(ap, fmt);
	if (s->failure[0] == '\0')
		vsnprintf(s->failure, sizeof(s->failure), fmt, ap);
	va_end(ap);
	if (strcmp(thread_name(thread_self()), "main") == 0)
		give_up(s);
	waitq_wake(&s->done, 1);
	waitq_init(&never);
	for (;;)
		waitq_wait(&never, WAIT_FOREVER);
}

void sim_check_equal_at(struct sim *s, long long a, long long b,
    const char *file, int line, const char *text)
{
	if (a != b)
		sim_fail(s, "%s:%d: %s: %lld, %lld", file, line, text, a, b);
}

/* What the oracle says comes out of the middle of a stack, where nobody may
 * jump away: the next look at s->failure ends the case. */
static void oracle_says(void *ctx, const char *text)
{
	struct sim *s = ctx;

	if (s->failure[0] == '\0')
		snprintf(s->failure, sizeof(s->failure), "%s at %llu ms", text,
		    (unsigned long long)(arch_clock_ns() / NS_PER_MS));
	waitq_wake(&s->done, 1);
}

/* --- Start and stop ------------------------------------------------------ */

/* What a spawned thread was given; static, so that a failing case leaks
 * nothing. */
static struct spawned {
	struct sim *sim; /* NULL: unused */
	void (*fn)(void *arg);
	void *arg;
} spawned[THREADS_MAX];

static void start_side(
    struct sim *s, unsigned side, struct arena *a, const struct stack_limits *l)
{
	struct stack *st = &s->stack[side];
	struct netdev *dev = &s->wire.end[side].dev;
	const struct ip_config config = { .addr = sim_ip(side),
		.mask = 0xffffff00 };
	uint64_t seed[2] = { s->seed, side };

	s->rng[side] = (struct random){ 0 };
	random_add(&s->rng[side], seed, sizeof(seed), 128);
	sim_check_equal(s, stack_init(st, l, a, &s->rng[side]), 0);
	netdev_register(st, dev);
	ip_set_config(dev, &config);
}

void sim_start(struct sim *s, const char *name, uint64_t seed,
    const struct wire_params *params, const struct stack_limits *limits)
{
	static const struct stack_limits small = { .packets = 512,
		.chunks = 512,
		.conns = 64,
		.time_waits = 64,
		.socks = 64,
		.sent = 256,
		.neighbours = 8 };
	const struct wire_params out[2] = { *params, *params };
	const char *forced = getenv("SIM_SEED");
	struct arena *a;

	if (active != NULL)
		wire_abandon(&active->wire); /* the case before this failed */
	oracle_stop(&s->oracle);
	a = host_test_start(THREADS_MAX, ARENA_BYTES);
	memset(s, 0, sizeof(*s));
	memset(spawned, 0, sizeof(spawned));
	s->seed = forced != NULL ? strtoull(forced, NULL, 0) : seed;
	waitq_init(&s->done);
	active = s;
	host_set_panic_report(report);
	wire_start(&s->wire, name, s->seed, out);
	for (unsigned side = 0; side < 2; side++)
		start_side(s, side, a, limits != NULL ? limits : &small);
	oracle_start(&s->oracle, &s->wire, s->stack, oracle_says, s);
}

static void run_spawned(void *arg)
{
	struct spawned *p = arg;
	struct sim *s = p->sim;

	p->fn(p->arg);
	p->sim = NULL;
	s->running--;
	waitq_wake(&s->done, 1);
}

void sim_spawn(
    struct sim *s, const char *name, void (*fn)(void *arg), void *arg)
{
	unsigned i = 0;

	while (spawned[i].sim != NULL)
		sim_check(s, ++i < THREADS_MAX);
	spawned[i] = (struct spawned){ s, fn, arg };
	s->running++;
	sim_check(s, thread_create(name, run_spawned, &spawned[i]) != NULL);
}

void sim_run(struct sim *s, uint64_t limit_ns)
{
	uint64_t deadline_ns = arch_clock_ns() + limit_ns;

	while (s->running > 0 && s->failure[0] == '\0')
		if (waitq_wait(&s->done, deadline_ns) == -ETIMEDOUT)
			sim_fail(s, "%u threads run beyond %llu ms", s->running,
			    (unsigned long long)(limit_ns / NS_PER_MS));
	if (s->failure[0] != '\0')
		give_up(s);
}

static void check_pools(struct sim *s, const struct stack *st)
{
	const struct pool *pools[SIM_POOLS] = { &st->packets, &st->chunks,
		&st->runs, &st->refs, &st->conns, &st->time_waits, &st->socks,
		&st->sent };

	for (unsigned i = 0; i < SIM_POOLS; i++)
		if (pools[i]->in_use != 0)
			sim_fail(s, "stack %d: %u %s still in use",
			    st == &s->stack[1], pools[i]->in_use,
			    pools[i]->name);
}

static bool busy(const struct sim *s)
{
	for (unsigned i = 0; i < 2; i++)
		if (s->stack[i].conns.in_use + s->stack[i].time_waits.in_use +
		        s->stack[i].packets.in_use !=
		    0)
			return true;
	return false;
}

/* Received frames = delivered + dropped on the way up. */
static void check_ledger(struct sim *s, const struct stack *st)
{
	uint64_t fates = st->count[COUNT_RX_DELIVERED];

	for (unsigned i = 0; i <= DROP_NO_BUFFER; i++)
		fates += st->drop[i];
	sim_check_equal(s, st->drop[DROP_UNDECIDED], 0);
	sim_check_equal(s, st->count[COUNT_RX_FRAMES], fates);
}

/* A loss that a case asks for and that never happens would prove nothing. */
static void check_rules(struct sim *s)
{
	for (unsigned i = 0; i < s->wire.rules; i++)
		if (s->wire.rule[i].lost == 0)
			sim_fail(s, "rule %u of the wire lost nothing", i);
}

void sim_stop(struct sim *s)
{
	uint64_t end_ns = arch_clock_ns() + SETTLE_NS;

	while (busy(s) && arch_clock_ns() < end_ns)
		sim_sleep(NS_PER_S);
	for (unsigned i = 0; i < 2; i++) {
		check_pools(s, &s->stack[i]);
		check_ledger(s, &s->stack[i]);
	}
	check_rules(s);
	oracle_stop(&s->oracle);
	if (s->failure[0] != '\0')
		give_up(s);
	wire_stop(&s->wire);
	active = NULL;
}

uint64_t sim_count(const struct sim *s, unsigned side, enum counter c)
{
	return s->stack[side].count[c];
}

uint64_t sim_drops(const struct sim *s, unsigned side, enum drop_reason why)
{
	return s->stack[side].drop[why];
}

void sim_sleep(uint64_t ns)
{
	thread_sleep_until(arch_clock_ns() + ns);
}

/* --- Sockets ------------------------------------------------------------- */

/* A call said -EAGAIN: nothing ran since, so the change is yet to come. */
static void wait_change(struct sock *sock)
{
	waitq_wait(sock_waitq(sock), WAIT_FOREVER);
}

struct sock *sim_socket(struct sim *s, unsigned side)
{
	struct sock *sock = NULL;

	sim_check_equal(
	    s, sock_create(&s->stack[side], SOCK_TYPE_TCP, &sock), 0);
	return sock;
}

struct sock *sim_listen(
    struct sim *s, unsigned side, uint16_t port, int backlog)
{
	struct sock *sock = sim_socket(s, side);

	sim_check_equal(
	    s, sock_bind(sock, &(struct sock_addr){ .port = port }), 0);
	sim_check_equal(s, sock_listen(sock, backlog), 0);
	return sock;
}

struct sock *sim_accept(struct sim *s, struct sock *listener)
{
	struct sock *sock = NULL;
	int rc;

	while ((rc = sock_accept(listener, &sock, NULL)) == -EAGAIN)
		wait_change(listener);
	sim_check_equal(s, rc, 0);
	return sock;
}

int sim_connect(struct sock *sock, uint32_t ip, uint16_t port)
{
	const struct sock_addr to = { ip, port };
	int rc;

	for (;;) {
		rc = sock_connect(sock, &to);
		if (rc != -EINPROGRESS && rc != -EALREADY)
			return rc;
		wait_change(sock);
	}
}

struct sock *sim_open(struct sim *s, unsigned side, uint16_t port)
{
	struct sock *sock = sim_socket(s, side);

	sim_check_equal(s, sim_connect(sock, sim_ip(!side), port), 0);
	return sock;
}

void sim_pair(struct sim *s, struct sock *pair[2])
{
	struct sock *listener = sim_listen(s, 1, PAIR_PORT, 1);

	pair[0] = sim_open(s, 0, PAIR_PORT);
	pair[1] = sim_accept(s, listener);
	sock_close(listener);
}

int sim_send(struct sock *sock, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0) {
		ptrdiff_t n = sock_send(sock, p, len, 0, NULL);

		if (n == -EAGAIN) {
			wait_change(sock);
			continue;
		}
		if (n < 0)
			return (int)n;
		p += n;
		len -= (size_t)n;
		sched_poll();
	}
	return 0;
}

ptrdiff_t sim_recv(struct sock *sock, void *buf, size_t len)
{
	ptrdiff_t n;

	sched_poll();
	while ((n = sock_recv(sock, buf, len, 0, NULL)) == -EAGAIN)
		wait_change(sock);
	return n;
}

/* --- Streams ------------------------------------------------------------- */

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void sim_stream(uint8_t *buf, uint64_t id, uint64_t offset, size_t len)
{
	uint64_t base = mix(id + 1);

	for (size_t i = 0; i < len;) {
		uint64_t word = mix(base + offset / 8) >> offset % 8 * 8;

		do {
			buf[i++] = (uint8_t)word;
			word >>= 8;
		} while (++offset % 8 != 0 && i < len);
	}
}

/* Mostly large pieces, some tiny ones. */
static size_t piece_size(uint64_t id, uint64_t n)
{
	uint64_t r = mix(id * 1000003 + n);

	if (r % 8 == 0)
		return 1 + (r >> 8) % 16;
	return 1 + (r >> 8) % PIECE_MAX;
}

int sim_send_stream(struct sock *sock, uint64_t id, uint64_t total)
{
	uint8_t buf[PIECE_MAX];
	uint64_t sent = 0;

	for (uint64_t n = 0; sent < total; n++) {
		size_t len = piece_size(id, n);
		int rc;

		if (len > total - sent)
			len = (size_t)(total - sent);
		sim_stream(buf, id, sent, len);
		rc = sim_send(sock, buf, len);
		if (rc != 0)
			return rc;
		sent += len;
	}
	return 0;
}

ptrdiff_t sim_recv_stream(struct sim *s, struct sock *sock, uint64_t id)
{
	uint8_t buf[PIECE_MAX], expected[PIECE_MAX];
	uint64_t got = 0;

	for (uint64_t n = 0;; n++) {
		ptrdiff_t len = sim_recv(sock, buf, piece_size(~id, n));

		if (len < 0)
			return len;
		if (len == 0)
			return (ptrdiff_t)got;
		sim_stream(expected, id, got, (size_t)len);
		if (memcmp(buf, expected, (size_t)len) != 0)
			sim_fail(s, "stream %llu differs between %llu and %llu",
			    (unsigned long long)id, (unsigned long long)got,
			    (unsigned long long)got + (uint64_t)len);
		got += (uint64_t)len;
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * Two stacks on one wire under one fake clock.  A case is:
 *
 *	sim_start(&sim, "name", seed, &params);
 *	sim_spawn(&sim, "client", client, arg); ...
 *	sim_run(&sim, limit_ns);      waits for every spawned thread
 *	sim_stop(&sim);               pools full again? ledger right? did the
 *	                              oracle see anything wrong?
 *
 * Threads use sim_check instead of cmocka's assertions, which may not jump from
 * one stack to another.  A failing case prints its name and seed; SIM_SEED in
 * the environment replaces the seed of every case, SIM_PCAP keeps the frames
 * (tests/sim/wire.h), RINGLET_LOG shows the log.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "lib/random.h"
#include "net/sock.h"
#include "net/stack.h"
#include "tests/sim/oracle.h"
#include "tests/sim/wire.h"

#define SIM_POOLS 8

struct sim {
	struct stack stack[2];
	struct random rng[2];
	struct wire wire;
	struct oracle oracle; /* watches every segment (tests/sim/oracle.h) */
	uint64_t seed;
	struct waitq done;
	unsigned running; /* spawned threads that have not ended */
	char failure[256];
};

/* The address of a side, 0 or 1. */
static inline uint32_t sim_ip(unsigned side)
{
	return 0x0a000001u + side;
}

/* Starts a machine with both stacks.  params: of both directions.  limits:
 * NULL for a small default. */
void sim_start(struct sim *s, const char *name, uint64_t seed,
    const struct wire_params *params, const struct stack_limits *limits);

/* Starts fn(arg) in a thread that sim_run waits for. */
void sim_spawn(
    struct sim *s, const char *name, void (*fn)(void *arg), void *arg);

/* Runs until every spawned thread has ended; fails after limit_ns more. */
void sim_run(struct sim *s, uint64_t limit_ns);

/* Lets closing connections and TIME-WAIT end; checks that all pools are full
 * again and every received frame has one fate; forgets the capture. */
void sim_stop(struct sim *s);

/* Fails the case, from any thread. */
noreturn void sim_fail(struct sim *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define sim_check(s, expr)                                                     \
	((expr) ? (void)0                                                      \
	        : sim_fail((s), "%s:%d: %s", __FILE__, __LINE__, #expr))

/* As sim_check for two numbers, which are shown. */
#define sim_check_equal(s, a, b)                                               \
	sim_check_equal_at((s), (long long)(a), (long long)(b), __FILE__,      \
	    __LINE__, #a " == " #b)
void sim_check_equal_at(struct sim *s, long long a, long long b,
    const char *file, int line, const char *text);

/* The sum of a counter or a drop reason at one side. */
uint64_t sim_count(const struct sim *s, unsigned side, enum counter c);
uint64_t sim_drops(const struct sim *s, unsigned side, enum drop_reason why);

void sim_sleep(uint64_t ns);

/* --- Sockets that block -------------------------------------------------- */

/* A TCP socket; failing to make one fails the case. */
struct sock *sim_socket(struct sim *s, unsigned side);
struct sock *sim_listen(
    struct sim *s, unsigned side, uint16_t port, int backlog);
struct sock *sim_accept(struct sim *s, struct sock *listener);

/* Waits for the outcome: 0 or the error. */
int sim_connect(struct sock *sock, uint32_t ip, uint16_t port);

/* Connects a new socket of this side to the other's port. */
struct sock *sim_open(struct sim *s, unsigned side, uint16_t port);

/* A connection from side 0 to side 1; pair[side] is each side's socket. */
void sim_pair(struct sim *s, struct sock *pair[2]);

/* Sends all; 0 or the error. */
int sim_send(struct sock *sock, const void *data, size_t len);

/* What sock_recv says once it no longer says -EAGAIN. */
ptrdiff_t sim_recv(struct sock *sock, void *buf, size_t len);

/* --- Streams ------------------------------------------------------------- */

/* The bytes of stream `id` from offset on: each place differs, so that lost,
 * doubled or moved bytes show. */
void sim_stream(uint8_t *buf, uint64_t id, uint64_t offset, size_t len);

/* Sends total bytes of a stream in pieces of random size, then returns.  The
 * sizes come from the stream's id.  0 or the error. */
int sim_send_stream(struct sock *sock, uint64_t id, uint64_t total);

/* Receives to the end of the stream, comparing every byte.  Returns how many
 * came, or the error; a wrong byte fails the case. */
ptrdiff_t sim_recv_stream(struct sim *s, struct sock *sock, uint64_t id);

/* SPDX-License-Identifier: MIT */
/*
 * Cooperative threads on one core.  A thread runs until it yields, waits or
 * exits; at each of these points the bottom half (sched/bh.h) and timers get
 * their turn.  When nothing can run, the machine halts until an interrupt.
 *
 * The context that calls sched_init becomes the thread "main".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

struct arena;
struct thread;

#define THREAD_NAME_BYTES 16

/* A thread that keeps the CPU longer than this without yielding is named in
 * the log (once each second at most) and counted. */
#define THREAD_HOG_NS 100000000ull

struct sched_stats {
	uint32_t threads, threads_peak, threads_max;
	uint64_t switches, idle_halts, idle_ns, hogs, create_failures;
};

/* Makes room for max_threads threads, main included.  Returns 0 or -ENOMEM.
 * May be called again on the host, once every other thread has ended. */
int sched_init(struct arena *a, uint32_t max_threads);

/* Starts fn(arg) in a new thread, which inherits the caller's thread_env.
 * name is copied.  Returns NULL when threads or stacks are used up. */
struct thread *thread_create(const char *name, void (*fn)(void *), void *arg);
struct thread *thread_self(void);
const char *thread_name(const struct thread *t);

/* Lets bottom half, timers and every other runnable thread have a turn. */
void thread_yield(void);

/* Sleeps until the clock reaches deadline_ns. */
void thread_sleep_until(uint64_t deadline_ns);

/* Ends the calling thread (as returning from fn does).  Not for main. */
noreturn void thread_exit(void);

/* Per-thread values for posix/: errno, and the environment (descriptor table
 * and stack) that children inherit. */
int *thread_errno(void);
void *thread_env(void);
void thread_set_env(void *env);

/* A scheduling point without giving up the CPU to other threads: lets timers
 * and the bottom half run when they have work and are not over their share.
 * Every socket call starts with it. */
void sched_poll(void);

void sched_get_stats(struct sched_stats *out);

/* Calls fn for each thread: name, and "running", "ready", "waiting". */
void sched_for_each(
    void (*fn)(void *ctx, const char *name, const char *state), void *ctx);

/* parking, for wait.c */
void thread_park(void);
void thread_unpark(struct thread *t);

/* SPDX-License-Identifier: MIT */
#include "tests/support/host_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/host/arch_host.h"
#include "lib/assert.h"
#include "lib/log.h"
#include "lib/pool.h"
#include "sched/thread.h"

static void print_thread(void *ctx, const char *name, const char *state)
{
	fprintf(stderr, "thread %-16s %s\n", name, state);
}

static void report_threads(void)
{
	sched_for_each(print_thread, NULL);
}

static void sink(enum log_level level, const char *text, size_t len)
{
	fwrite(text, 1, len, stderr);
}

/* RINGLET_LOG=1 in the environment shows the system's log. */
static void start_log(void)
{
	static bool done;

	log_init(arch_clock_ns);
	if (!done && getenv("RINGLET_LOG") != NULL)
		log_add_sink(sink);
	done = true;
}

struct arena *host_test_start(uint32_t max_threads, size_t arena_bytes)
{
	static struct arena a;

	host_reset();
	host_set_panic_report(report_threads);
	start_log();
	a = (struct arena){ .base = arch_mem_alloc(arena_bytes, 64),
		.size = arena_bytes };
	assert(a.base != NULL);
	assert(sched_init(&a, max_threads) == 0);
	return &a;
}

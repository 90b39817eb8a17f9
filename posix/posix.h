/* SPDX-License-Identifier: MIT */
/*
 * The POSIX face, seen from boot and from tests.  An environment is what a
 * process is elsewhere: a descriptor table, a heap, the files and the stack
 * that its calls reach.  It is attached to a thread (thread_set_env), and
 * threads made by that one inherit it.  The kernel has one environment; a test
 * makes as many as it likes.
 *
 * Applications include only the headers of include/; every function there is a
 * symbol rl_NAME, so that the host build never replaces a function of libc.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct arena;
struct filetable;
struct posix_env;
struct stack;
struct text;

struct posix_config {
	struct stack *stack;           /* borrowed for ever */
	const struct filetable *files; /* borrowed for ever; NULL: no files */
	uint64_t (*clock_ns)(void);
	uint32_t fds_max;  /* descriptors, and watches of all epolls */
	size_t heap_bytes; /* the hard limit of malloc */
};

/* Makes an environment in the arena.  Returns NULL when that is too small.
 * Context: boot. */
struct posix_env *posix_env_create(
    const struct posix_config *c, struct arena *a);

/* The bytes of arena that posix_env_create takes for this, about. */
size_t posix_env_bytes(const struct posix_config *c);

/* Tells the wall clock: nanoseconds since 1970 when clock_ns() is 0.  Until
 * then time() and CLOCK_REALTIME fail. */
void posix_set_wall_clock(struct posix_env *env, int64_t epoch_ns);

/* Writes a text of at most size bytes and returns how long all of it is; more
 * than size makes the caller try again with that much.  Context: thread. */
typedef size_t posix_proc_gen(char *buf, size_t size, void *ctx);

#define POSIX_PROCS_MAX 16

/*
 * Makes a file "/proc/..." whose text gen writes each time it is opened.
 * Borrows name and ctx for ever.  Returns 0, or -ENOMEM when there are
 * POSIX_PROCS_MAX already.
 */
int posix_proc_register(
    struct posix_env *env, const char *name, posix_proc_gen *gen, void *ctx);

/* Prints descriptors, watches and heap as "name value" lines. */
void posix_print(struct posix_env *env, struct text *t);

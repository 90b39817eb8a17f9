/* SPDX-License-Identifier: MIT */
/* Makes environments and shows their state. */
#include "posix/internal.h"

#include "lib/fmt.h"
#include "lib/string.h"

#define WORD_BITS 64

static uint32_t bitmap_words(uint32_t bits)
{
	return (bits + WORD_BITS - 1) / WORD_BITS;
}

/* Epolls are few: programs have one for each thread that waits. */
static uint32_t epolls_max(const struct posix_config *c)
{
	return c->fds_max < 64 ? c->fds_max : 64;
}

size_t posix_env_bytes(const struct posix_config *c)
{
	size_t each = sizeof(struct ofile) + sizeof(struct ofile *) +
	              epoll_item_bytes() + 16;

	return sizeof(struct posix_env) + (c->fds_max + WORD_BITS) * each +
	       epolls_max(c) * epoll_object_bytes() + c->heap_bytes + 4096;
}

static bool make_table(struct posix_env *env, struct arena *a)
{
	uint32_t max = env->config.fds_max, i;

	env->fds = arena_alloc(a, max * sizeof(*env->fds), 8);
	env->fds_free = arena_alloc(a, bitmap_words(max) * 8, 8);
	if (!env->fds || !env->fds_free)
		return false;
	for (i = 0; i < max; i++)
		env->fds_free[i / WORD_BITS] |= 1ull << i % WORD_BITS;
	return true;
}

static bool make_pools(struct posix_env *env, struct arena *a)
{
	uint32_t max = env->config.fds_max;

	return pool_init(&env->ofiles, "posix.files", sizeof(struct ofile), max,
	           a) == 0 &&
	       pool_init(&env->watches, "posix.watches", epoll_item_bytes(),
	           max, a) == 0 &&
	       pool_init(&env->epolls, "posix.epolls", epoll_object_bytes(),
	           epolls_max(&env->config), a) == 0;
}

/* Descriptors 0, 1 and 2 write to the log, as programs expect. */
static bool open_streams(struct posix_env *env)
{
	void *outer = thread_env();
	struct ofile *f;
	int fd;

	thread_set_env(env);
	for (fd = 0; fd < 3; fd++) {
		if (fd_open(&log_ops, &f) < 0)
			break;
		f->log = fd == 2 ? &env->err : &env->out;
	}
	thread_set_env(outer);
	return fd == 3;
}

struct posix_env *posix_env_create(
    const struct posix_config *c, struct arena *a)
{
	struct posix_env *env = arena_alloc(a, sizeof(*env), 16);
	void *heap;

	if (!env)
		return NULL;
	env->config = *c;
	env->out.level = LOG_INFO;
	env->err.level = LOG_WARN;
	heap = arena_take(a, c->heap_bytes, HEAP_ALIGN);
	if (!heap || !make_table(env, a) || !make_pools(env, a) ||
	    !open_streams(env))
		return NULL;
	heap_init(&env->heap, heap, c->heap_bytes);
	return env;
}

void posix_set_wall_clock(struct posix_env *env, int64_t epoch_ns)
{
	env->wall_epoch_ns = epoch_ns;
	env->wall_known = true;
}

int posix_proc_register(
    struct posix_env *env, const char *name, posix_proc_gen *gen, void *ctx)
{
	if (env->proc_count == POSIX_PROCS_MAX)
		return -ENOMEM;
	env->proc[env->proc_count++] = (struct posix_proc){ name, gen, ctx };
	return 0;
}

static void print_pool(struct text *t, const struct pool *p)
{
	fmt_add(t, "pool.%s.total %u\n", p->name, p->total);
	fmt_add(t, "pool.%s.in_use %u\n", p->name, p->in_use);
	fmt_add(t, "pool.%s.peak %u\n", p->name, p->peak);
	fmt_add(t, "pool.%s.failures %llu\n", p->name,
	    (unsigned long long)p->failures);
}

void posix_print(struct posix_env *env, struct text *t)
{
	print_pool(t, &env->ofiles);
	print_pool(t, &env->watches);
	print_pool(t, &env->epolls);
	fmt_add(t, "heap.bytes %zu\n", env->heap.size);
	fmt_add(t, "heap.used %zu\n", env->heap.used);
	fmt_add(t, "heap.peak %zu\n", env->heap.peak);
	fmt_add(t, "heap.blocks %u\n", env->heap.blocks);
	fmt_add(
	    t, "heap.failures %llu\n", (unsigned long long)env->heap.failures);
}

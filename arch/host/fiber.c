/* SPDX-License-Identifier: MIT */
/*
 * Threads in the process: fibers that tell the address sanitizer which stack
 * they run on.  ucontext makes the first step onto a new stack; later switches
 * are the compiler's own setjmp and longjmp, since swapcontext costs two system
 * calls and, under the sanitizer, forgets what is poisoned.  A context that was
 * never initialised (the one "main" runs in) gets its fiber when it is first
 * switched away from.
 */
#include "arch/host/arch_host.h"

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stdlib.h>
#include <ucontext.h>

#include "arch/host/internal.h"
#include "lib/assert.h"
#include "lib/list.h"

struct host_fiber {
	struct list node;
	ucontext_t uc; /* until it started */
	bool started;
	void *jump[5];
	void (*entry)(void);
	const void *stack; /* of "main": known once it was left */
	size_t size;
	void *fake_stack;
};

static struct {
	struct list all;
	struct host_fiber *current, *from;
} fibers = { .all = { &fibers.all, &fibers.all } };

static struct host_fiber *make_fiber(void)
{
	struct host_fiber *f = calloc(1, sizeof(*f));

	assert(f != NULL);
	list_append(&fibers.all, &f->node);
	return f;
}

struct host_fiber *host_fiber_current(void)
{
	if (fibers.current == NULL)
		fibers.current = make_fiber();
	return fibers.current;
}

/* The first thing on a stack that was switched to. */
static void arrive(void)
{
	struct host_fiber *from = fibers.from;

	__sanitizer_finish_switch_fiber(
	    fibers.current->fake_stack, &from->stack, &from->size);
	host_panic_arrive();
}

/* Not in leave_to: the builtin may not jump within its own function. */
static __attribute__((__noreturn__, noinline, no_sanitize("address"))) void
jump_to(struct host_fiber *to)
{
	if (to->started)
		__builtin_longjmp(to->jump, 1);
	to->started = true;
	setcontext(&to->uc);
	panic("setcontext failed");
}

static __attribute__((noinline, no_sanitize("address"))) void leave_to(
    struct host_fiber *from, struct host_fiber *to)
{
	fibers.from = from;
	fibers.current = to;
	from->started = true;
	__sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->size);
	if (__builtin_setjmp(from->jump) == 0)
		jump_to(to);
	arrive();
}

static void fiber_main(void)
{
	arrive();
	fibers.current->entry();
	panic("a thread's entry returned");
}

void arch_context_init(
    struct arch_context *ctx, void *stack, size_t size, void (*entry)(void))
{
	struct host_fiber *f = make_fiber();

	/* Frames that never returned left their poison behind. */
	__asan_unpoison_memory_region(stack, size);
	f->entry = entry;
	f->stack = stack;
	f->size = size;
	getcontext(&f->uc);
	f->uc.uc_stack.ss_sp = stack;
	f->uc.uc_stack.ss_size = size;
	makecontext(&f->uc, fiber_main, 0);
	ctx->opaque[0] = f;
}

void arch_context_switch(struct arch_context *from, struct arch_context *to)
{
	if (from->opaque[0] == NULL)
		from->opaque[0] = host_fiber_current();
	assert(from->opaque[0] == fibers.current);
	leave_to(fibers.current, to->opaque[0]);
}

void arch_context_free(struct arch_context *ctx)
{
	struct host_fiber *f = ctx->opaque[0];

	if (f == NULL)
		return;
	assert(f != fibers.current);
	list_del(&f->node);
	free(f);
	ctx->opaque[0] = NULL;
}

void host_fiber_leave_to(struct host_fiber *f)
{
	leave_to(host_fiber_current(), f);
}

void host_fiber_reset(void)
{
	struct list *node, *tmp;

	list_for_each_safe(node, tmp, &fibers.all)
	{
		struct host_fiber *f =
		    container_of(node, struct host_fiber, node);

		if (f == fibers.current)
			continue;
		list_del(node);
		free(f);
	}
}

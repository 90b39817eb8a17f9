/* SPDX-License-Identifier: MIT */
/*
 * The scheduler.  There is no idle thread: whoever blocks and finds nobody to
 * switch to loops in place, running timers and the bottom half and halting in
 * between, until somebody is ready; that may be itself.  Read from
 * `take_turn` to `run_next`.
 *
 * Interrupt handlers reach the scheduler only through bh_schedule, so the
 * lists here need no guard.
 */
#include "sched/thread.h"

#include "arch/arch.h"
#include "lib/assert.h"
#include "lib/errno.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/pool.h"
#include "lib/string.h"
#include "sched/bh.h"
#include "sched/timer.h"

#define HOG_LOG_NS NS_PER_S /* between two log lines about hogs */

enum thread_state { RUNNING, READY, WAITING, ENDED };

struct thread {
	struct list node;     /* ready or free list */
	struct list siblings; /* in sched.everybody */
	struct arch_context ctx;
	void *stack; /* stays with a free thread, for its successor */
	void (*fn)(void *arg);
	void *arg;
	void *env;
	int err;
	enum thread_state state;
	char name[THREAD_NAME_BYTES];
};

static struct {
	struct thread *current, *main;
	struct thread *ended; /* to be recycled once its stack is left */
	struct list ready, free, everybody;
	uint64_t slice_ns;   /* when current got the CPU */
	uint64_t hog_log_ns; /* when a hog may be logged again */
	bool booting;        /* main has not yielded yet: boot is no hog */
	bool in_turn;        /* timers or the bottom half are running */
	struct sched_stats stats;
} sched;

struct thread *thread_self(void)
{
	return sched.current;
}

const char *thread_name(const struct thread *t)
{
	return t->name;
}

int *thread_errno(void)
{
	return &sched.current->err;
}

void *thread_env(void)
{
	return sched.current->env;
}

void thread_set_env(void *env)
{
	sched.current->env = env;
}

/* --- Scheduling ---------------------------------------------------------- */

/*
 * Lets the bottom half and timers run.  self_ready: the caller could go on.
 * After a time without a turn frames wait and timers are due; what the frames
 * say comes first, since it may be what a timer has waited for.  The bottom
 * half has one round, so a flood does not keep timers waiting.
 */
static void take_turn(bool self_ready)
{
	assert(!sched.in_turn);
	sched.in_turn = true;
	if (bh_pending())
		bh_run(self_ready || !list_empty(&sched.ready));
	timer_run(arch_clock_ns());
	sched.in_turn = false;
}

/* Names the thread that is about to give up the CPU if it kept it too long. */
static void check_hog(void)
{
	uint64_t now_ns = arch_clock_ns();
	uint64_t held_ns = now_ns - sched.slice_ns;

	if (sched.booting) {
		sched.booting = false;
		return;
	}
	if (held_ns <= THREAD_HOG_NS)
		return;
	sched.stats.hogs++;
	if (now_ns < sched.hog_log_ns)
		return;
	sched.hog_log_ns = now_ns + HOG_LOG_NS;
	log_warn("thread %s kept the CPU for %llu ms without yielding",
	    sched.current->name, (unsigned long long)(held_ns / NS_PER_MS));
}

/* Halts until something happens, unless something did since the last look. */
static void idle(void)
{
	unsigned long irq = arch_irq_save();
	uint64_t start_ns = arch_clock_ns();
	uint64_t next_ns = timer_next_ns();

	if (bh_pending() || !list_empty(&sched.ready) || next_ns <= start_ns) {
		arch_irq_restore(irq);
		return;
	}
	arch_timer_arm(next_ns);
	sched.stats.idle_halts++;
	arch_idle();
	sched.stats.idle_ns += arch_clock_ns() - start_ns;
}

/* Recycles a thread that ended, now that we run on another stack. */
static void bury(void)
{
	struct thread *t = sched.ended;

	if (t == NULL)
		return;
	sched.ended = NULL;
	arch_context_free(&t->ctx);
	list_prepend(&sched.free, &t->node);
	sched.stats.threads--;
}

static void switch_to(struct thread *next)
{
	struct thread *from = sched.current;

	sched.current = next;
	if (next != from) {
		sched.stats.switches++;
		arch_context_switch(&from->ctx, &next->ctx);
		bury();
	}
	sched.current->state = RUNNING;
	sched.slice_ns = arch_clock_ns();
}

/* Gives the CPU to the first ready thread, waiting until there is one.  A
 * waiting caller may be made ready here and simply returns. */
static void run_next(void)
{
	struct list *node;

	check_hog();
	take_turn(false);
	while ((node = list_pop(&sched.ready)) == NULL) {
		idle();
		take_turn(false);
	}
	switch_to(container_of(node, struct thread, node));
}

void thread_park(void)
{
	sched.current->state = WAITING;
	run_next();
}

void thread_unpark(struct thread *t)
{
	if (t->state != WAITING)
		return;
	t->state = READY;
	list_append(&sched.ready, &t->node);
}

void thread_yield(void)
{
	struct thread *self = sched.current;

	check_hog();
	take_turn(true);
	self->state = READY;
	list_append(&sched.ready, &self->node);
	switch_to(container_of(list_pop(&sched.ready), struct thread, node));
}

/* What the bottom half takes here is not the thread's fault. */
void sched_poll(void)
{
	uint64_t start_ns;

	if (sched.current == NULL)
		return;
	start_ns = arch_clock_ns();
	if (!bh_pending() && !timer_tick_over(start_ns))
		return;
	take_turn(true);
	sched.slice_ns += arch_clock_ns() - start_ns;
}

/* --- Sleep --------------------------------------------------------------- */

struct sleeper {
	struct timer timer;
	struct thread *thread;
	bool over;
};

static void sleeper_tick(struct timer *t)
{
	struct sleeper *s = container_of(t, struct sleeper, timer);

	s->over = true;
	thread_unpark(s->thread);
}

void thread_sleep_until(uint64_t deadline_ns)
{
	struct sleeper s = { .thread = sched.current };

	timer_init(&s.timer, sleeper_tick);
	timer_arm(&s.timer, deadline_ns);
	while (!s.over)
		thread_park();
}

/* --- Life and death ------------------------------------------------------ */

static void thread_main(void)
{
	struct thread *self = sched.current;

	bury();
	self->state = RUNNING;
	sched.slice_ns = arch_clock_ns();
	self->fn(self->arg);
	thread_exit();
}

/* Takes a free thread that has a stack; one that has lived before comes first,
 * so that as few stacks as possible are ever made. */
static struct thread *take_free(void)
{
	struct list *node = list_pop(&sched.free);
	struct thread *t;

	if (node == NULL)
		return NULL;
	t = container_of(node, struct thread, node);
	if (t->stack == NULL)
		t->stack = arch_stack_alloc(ARCH_STACK_BYTES);
	if (t->stack != NULL)
		return t;
	list_append(&sched.free, node);
	return NULL;
}

static void enter_life(struct thread *t, const char *name)
{
	str_copy(t->name, sizeof(t->name), name);
	t->err = 0;
	list_append(&sched.everybody, &t->siblings);
	sched.stats.threads++;
	if (sched.stats.threads > sched.stats.threads_peak)
		sched.stats.threads_peak = sched.stats.threads;
}

struct thread *thread_create(const char *name, void (*fn)(void *), void *arg)
{
	struct thread *t = take_free();

	if (t == NULL) {
		sched.stats.create_failures++;
		return NULL;
	}
	enter_life(t, name);
	t->fn = fn;
	t->arg = arg;
	t->env = sched.current->env;
	arch_context_init(&t->ctx, t->stack, ARCH_STACK_BYTES, thread_main);
	t->state = READY;
	list_append(&sched.ready, &t->node);
	return t;
}

noreturn void thread_exit(void)
{
	struct thread *self = sched.current;

	assert(self != sched.main);
	assert(!sched.in_turn);
	self->state = ENDED;
	list_del(&self->siblings);
	sched.ended = self;
	run_next();
	panic("thread %s ran after its end", self->name);
}

int sched_init(struct arena *a, uint32_t max_threads)
{
	struct thread *all;

	assert(max_threads >= 1);
	all = arena_alloc(a, max_threads * sizeof(*all), 16);
	if (all == NULL)
		return -ENOMEM;
	memset(&sched, 0, sizeof(sched));
	list_init(&sched.ready);
	list_init(&sched.free);
	list_init(&sched.everybody);
	for (uint32_t i = 1; i < max_threads; i++)
		list_append(&sched.free, &all[i].node);
	sched.stats.threads_max = max_threads;
	sched.main = sched.current = &all[0];
	sched.main->state = RUNNING;
	enter_life(sched.main, "main");
	sched.slice_ns = arch_clock_ns();
	sched.booting = true;
	timer_reset(sched.slice_ns);
	bh_reset();
	return 0;
}

/* --- For people ---------------------------------------------------------- */

void sched_get_stats(struct sched_stats *out)
{
	*out = sched.stats;
}

void sched_for_each(
    void (*fn)(void *ctx, const char *name, const char *state), void *ctx)
{
	static const char *const names[] = { "running", "ready", "waiting",
		"ended" };
	struct list *node;

	if (sched.current == NULL)
		return;
	list_for_each(node, &sched.everybody)
	{
		const struct thread *t =
		    container_of(node, struct thread, siblings);

		fn(ctx, t->name, names[t->state]);
	}
}

/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "lib/log.h"
#include "sched/bh.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "sched/wait.h"
#include "tests/support/host_test.h"

#define MS NS_PER_MS

static char trace[256];
static size_t trace_len;

static void mark(char c)
{
	trace[trace_len++] = c;
	trace[trace_len] = '\0';
}

static int start(void **state)
{
	host_test_start(8, 64 * 1024);
	trace_len = 0;
	trace[0] = '\0';
	return 0;
}

static struct sched_stats stats(void)
{
	struct sched_stats s;

	sched_get_stats(&s);
	return s;
}

static void letters(void *arg)
{
	const char *c = arg;

	for (unsigned i = 0; i < 3; i++) {
		mark(*c);
		thread_yield();
	}
}

static void threads_take_turns_in_order(void **state)
{
	assert_non_null(thread_create("a", letters, "a"));
	assert_non_null(thread_create("b", letters, "b"));
	for (unsigned i = 0; i < 4; i++) {
		mark('.');
		thread_yield();
	}
	assert_string_equal(trace, ".ab.ab.ab.");
	assert_int_equal(stats().threads, 1);
}

static void yield_alone_goes_on(void **state)
{
	uint64_t before = stats().switches;

	thread_yield();
	assert_int_equal(stats().switches, before);
	assert_string_equal(thread_name(thread_self()), "main");
}

static struct waitq door;

static void knock(struct timer *t)
{
	waitq_wake(&door, 1);
}

static void yield_alone_runs_timers(void **state)
{
	struct timer t;

	waitq_init(&door);
	timer_init(&t, knock);
	timer_arm(&t, 0);
	thread_yield();
	assert_false(timer_armed(&t));
}

static void sleep_ends_at_its_deadline(void **state)
{
	thread_sleep_until(50 * MS);
	assert_in_range(arch_clock_ns(), 50 * MS, 52 * MS);
	assert_int_equal(stats().idle_halts, 1);
	assert_in_range(stats().idle_ns, 50 * MS, 52 * MS);
}

static void sleeper(void *arg)
{
	const char *c = arg;

	thread_sleep_until((uint64_t)(*c - '0') * 10 * MS);
	mark(*c);
}

static void sleepers_wake_in_order_of_deadline(void **state)
{
	thread_create("3", sleeper, "3");
	thread_create("1", sleeper, "1");
	thread_create("2", sleeper, "2");
	thread_sleep_until(100 * MS);
	assert_string_equal(trace, "123");
}

/* The timer that ends the wait runs in the waiter's own loop: no switch. */
static void blocked_thread_may_wake_itself(void **state)
{
	struct timer t;

	waitq_init(&door);
	timer_init(&t, knock);
	timer_arm(&t, 5 * MS);
	assert_int_equal(waitq_wait(&door, WAIT_FOREVER), 0);
	assert_int_equal(stats().switches, 0);
}

/* --- Life and death ------------------------------------------------------ */

static void nothing(void *arg)
{
}

static void *stack_seen[4];

static void show_stack(void *arg)
{
	char local;

	*(void **)arg = (void *)((uintptr_t)&local & ~0x3ffful);
}

static void stacks_of_ended_threads_are_used_again(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		thread_create("s", show_stack, &stack_seen[i]);
		thread_yield();
	}
	assert_ptr_equal(stack_seen[0], stack_seen[1]);
	assert_ptr_equal(stack_seen[0], stack_seen[3]);
}

static void exits_early(void *arg)
{
	mark('x');
	thread_exit();
}

static void ten_thousand_threads_leave_no_trace(void **state)
{
	for (unsigned i = 0; i < 10000; i++) {
		assert_non_null(
		    thread_create("t", i % 2 ? nothing : sleeper, "0"));
		if (i % 3 == 0)
			thread_yield();
		if (i % 7 == 6)
			thread_sleep_until(arch_clock_ns() + 2 * MS);
		trace_len = 0;
	}
	thread_sleep_until(arch_clock_ns() + 2 * MS);
	assert_int_equal(stats().threads, 1);
	assert_in_range(stats().threads_peak, 2, 8);
	assert_int_equal(stats().create_failures, 0);
}

static void thread_exit_ends_in_the_middle(void **state)
{
	thread_create("x", exits_early, NULL);
	thread_yield();
	assert_string_equal(trace, "x");
	assert_int_equal(stats().threads, 1);
}

static void create_fails_when_the_table_is_full(void **state)
{
	for (unsigned i = 0; i < 7; i++)
		assert_non_null(thread_create("t", nothing, NULL));
	assert_null(thread_create("t", nothing, NULL));
	assert_int_equal(stats().create_failures, 1);
	assert_int_equal(stats().threads, 8);
	thread_yield();
	assert_non_null(thread_create("t", nothing, NULL));
	thread_yield();
}

/* The last thread that ends may find everybody else asleep. */
static void ending_thread_waits_for_a_successor(void **state)
{
	thread_create("a", sleeper, "1");
	thread_sleep_until(15 * MS);
	assert_string_equal(trace, "1");
	thread_create("x", exits_early, NULL);
	thread_sleep_until(40 * MS);
	assert_string_equal(trace, "1x");
}

static void main_may_not_exit(void **state)
{
	jmp_buf env;

	if (setjmp(env) == 0) {
		host_expect_panic(&env);
		thread_exit();
	}
	assert_non_null(strstr(host_panic_text(), "assertion failed"));
}

static void look_at_env(void *arg)
{
	*(void **)arg = thread_env();
	*thread_errno() = 7;
	thread_set_env(NULL);
}

static void children_inherit_the_environment(void **state)
{
	void *seen = NULL;
	int here;

	*thread_errno() = 3;
	thread_set_env(&here);
	thread_create("child", look_at_env, &seen);
	thread_yield();
	assert_ptr_equal(seen, &here);
	assert_ptr_equal(thread_env(), &here);
	assert_int_equal(*thread_errno(), 3);
}

/* --- The bottom half and timers ------------------------------------------ */

static struct timer awaited;

static void tick(struct timer *t)
{
	mark('t');
}

/* Marks a frame, which is what the timer waits for, or not. */
static int hear(struct bh *b, int budget)
{
	mark('f');
	timer_disarm(&awaited);
	return 1;
}

static int flood(struct bh *b, int budget)
{
	mark('f');
	host_clock_advance(BH_BUDGET_NS);
	return budget;
}

static void start_waiting(struct bh *b, int (*run)(struct bh *b, int budget))
{
	bh_init(b, run);
	bh_schedule(b);
	timer_init(&awaited, tick);
	timer_arm(&awaited, 10 * MS);
}

static void what_came_is_heard_before_timers_run(void **state)
{
	struct bh b;

	start_waiting(&b, hear);
	host_clock_advance(300 * MS);
	thread_yield();
	assert_string_equal(trace, "f");
}

static void flood_keeps_no_timer_waiting(void **state)
{
	struct bh b;

	start_waiting(&b, flood);
	host_clock_advance(300 * MS);
	thread_yield();
	assert_string_equal(trace, "ft");
	bh_cancel(&b);
}

/* --- Hogs ---------------------------------------------------------------- */

static void hog(void *arg)
{
	for (unsigned i = 0; i < 3; i++) {
		host_clock_advance(150 * MS);
		thread_yield();
	}
}

static unsigned count_in_log(const char *needle)
{
	static char log[LOG_RING_BYTES + 1];
	unsigned count = 0;

	log[log_copy(log, LOG_RING_BYTES)] = '\0';
	for (char *p = log; (p = strstr(p, needle)) != NULL; p++)
		count++;
	return count;
}

static void hog_is_counted_and_named_once_a_second(void **state)
{
	const char *line = "thread greedy kept the CPU for 150 ms";
	unsigned before = count_in_log(line);

	thread_create("greedy", hog, NULL);
	for (unsigned i = 0; i < 4; i++)
		thread_yield();
	assert_int_equal(stats().hogs, 3);
	assert_int_equal(count_in_log(line), before + 1);
	host_clock_advance(NS_PER_S);
	thread_yield();
	assert_int_equal(stats().hogs, 4);
}

static void sleeping_long_is_no_hogging(void **state)
{
	thread_sleep_until(NS_PER_S);
	thread_create("s", sleeper, "9");
	thread_yield();
	thread_sleep_until(5 * NS_PER_S);
	assert_int_equal(stats().hogs, 0);
}

static void boot_is_no_hogging(void **state)
{
	host_clock_advance(300 * MS);
	thread_yield();
	assert_int_equal(stats().hogs, 0);
	host_clock_advance(300 * MS);
	thread_yield();
	assert_int_equal(stats().hogs, 1);
}

static int slow_bh(struct bh *b, int budget)
{
	host_clock_advance(200 * MS);
	return 1;
}

static void time_of_the_bottom_half_is_not_the_threads(void **state)
{
	struct bh b;

	bh_init(&b, slow_bh);
	bh_schedule(&b);
	sched_poll();
	assert_in_range(arch_clock_ns(), 200 * MS, 200 * MS);
	thread_yield();
	assert_int_equal(stats().hogs, 0);
}

/* --- Deadlock and introspection ------------------------------------------ */

static jmp_buf deadlocked;

static void escape(void)
{
	longjmp(deadlocked, 1);
}

static void deadlock_is_found(void **state)
{
	struct waitq q;

	waitq_init(&q);
	if (setjmp(deadlocked) == 0) {
		host_on_deadlock(escape);
		waitq_wait(&q, WAIT_FOREVER);
		fail_msg("nobody could have woken it");
	}
}

static void sleep_for_ever(void *arg)
{
	waitq_wait(&door, WAIT_FOREVER);
}

static void deadlock_in_a_thread_panics_on_main(void **state)
{
	jmp_buf env;

	waitq_init(&door);
	if (setjmp(env) == 0) {
		host_expect_panic(&env);
		thread_create("a", sleep_for_ever, NULL);
		thread_create("b", sleep_for_ever, NULL);
		waitq_wait(&door, WAIT_FOREVER);
	}
	assert_string_equal(host_panic_text(),
	    "deadlock: every thread waits and no timer is armed");
}

static void list_one(void *ctx, const char *name, const char *what)
{
	strcat(ctx, name);
	strcat(ctx, "=");
	strcat(ctx, what);
	strcat(ctx, " ");
}

static void every_thread_is_listed_with_its_state(void **state)
{
	char text[256] = "";

	thread_create("s", sleeper, "5");
	thread_yield();
	thread_create("a-very-long-name-indeed", nothing, NULL);
	sched_for_each(list_one, text);
	assert_string_equal(
	    text, "main=running s=waiting a-very-long-nam=ready ");
	thread_sleep_until(NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(threads_take_turns_in_order, start),
		cmocka_unit_test_setup(yield_alone_goes_on, start),
		cmocka_unit_test_setup(yield_alone_runs_timers, start),
		cmocka_unit_test_setup(
		    what_came_is_heard_before_timers_run, start),
		cmocka_unit_test_setup(flood_keeps_no_timer_waiting, start),
		cmocka_unit_test_setup(sleep_ends_at_its_deadline, start),
		cmocka_unit_test_setup(
		    sleepers_wake_in_order_of_deadline, start),
		cmocka_unit_test_setup(blocked_thread_may_wake_itself, start),
		cmocka_unit_test_setup(
		    stacks_of_ended_threads_are_used_again, start),
		cmocka_unit_test_setup(
		    ten_thousand_threads_leave_no_trace, start),
		cmocka_unit_test_setup(thread_exit_ends_in_the_middle, start),
		cmocka_unit_test_setup(
		    create_fails_when_the_table_is_full, start),
		cmocka_unit_test_setup(
		    ending_thread_waits_for_a_successor, start),
		cmocka_unit_test_setup(main_may_not_exit, start),
		cmocka_unit_test_setup(children_inherit_the_environment, start),
		cmocka_unit_test_setup(
		    hog_is_counted_and_named_once_a_second, start),
		cmocka_unit_test_setup(sleeping_long_is_no_hogging, start),
		cmocka_unit_test_setup(boot_is_no_hogging, start),
		cmocka_unit_test_setup(
		    time_of_the_bottom_half_is_not_the_threads, start),
		cmocka_unit_test_setup(deadlock_is_found, start),
		cmocka_unit_test_setup(
		    deadlock_in_a_thread_panics_on_main, start),
		cmocka_unit_test_setup(
		    every_thread_is_listed_with_its_state, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

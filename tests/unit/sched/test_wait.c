/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "lib/errno.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "sched/wait.h"
#include "tests/support/host_test.h"

#define MS NS_PER_MS

static struct waitq q;
static char trace[64];

static int start(void **state)
{
	host_test_start(8, 64 * 1024);
	waitq_init(&q);
	trace[0] = '\0';
	return 0;
}

static void mark(char c)
{
	size_t n = strlen(trace);

	trace[n] = c;
	trace[n + 1] = '\0';
}

static void wait_shared(void *arg)
{
	assert_int_equal(waitq_wait(&q, WAIT_FOREVER), 0);
	mark(*(char *)arg);
}

static void wait_alone(void *arg)
{
	assert_int_equal(waitq_wait_exclusive(&q, WAIT_FOREVER), 0);
	mark(*(char *)arg);
}

static void wait_short(void *arg)
{
	int rc = waitq_wait_exclusive(&q, 10 * MS);

	mark(rc == -ETIMEDOUT ? 'T' : '0');
}

static void one_wake_frees_every_shared_waiter(void **state)
{
	thread_create("a", wait_shared, "a");
	thread_create("b", wait_shared, "b");
	thread_yield();
	assert_string_equal(trace, "");
	waitq_wake(&q, 1);
	thread_yield();
	assert_int_equal(strlen(trace), 2);
	assert_true(list_empty(&q.entries));
}

static void one_wake_frees_one_exclusive_waiter_in_order(void **state)
{
	thread_create("a", wait_alone, "a");
	thread_create("b", wait_alone, "b");
	thread_create("c", wait_shared, "c");
	thread_yield();
	waitq_wake(&q, 1);
	thread_yield();
	assert_string_equal(trace, "ca");
	waitq_wake(&q, 1);
	thread_yield();
	assert_string_equal(trace, "cab");
}

/* Two events before the first waiter ran: both waiters must go. */
static void two_wakes_in_a_row_free_two_exclusive_waiters(void **state)
{
	thread_create("a", wait_alone, "a");
	thread_create("b", wait_alone, "b");
	thread_yield();
	waitq_wake(&q, 1);
	waitq_wake(&q, 1);
	thread_yield();
	assert_string_equal(trace, "ab");
}

static void wait_times_out(void **state)
{
	assert_int_equal(waitq_wait(&q, 20 * MS), -ETIMEDOUT);
	assert_in_range(arch_clock_ns(), 20 * MS, 22 * MS);
	assert_true(list_empty(&q.entries));
}

static void deadline_in_the_past_ends_at_once(void **state)
{
	host_clock_advance(NS_PER_S);
	assert_int_equal(waitq_wait(&q, 1), -ETIMEDOUT);
	assert_int_equal(arch_clock_ns(), NS_PER_S);
}

/* A waiter that timed out but has not run must not swallow a wake-up meant for
 * the next: woken wins, and the wake-up counts as used. */
static void wake_after_expiry_is_not_lost(void **state)
{
	thread_create("a", wait_short, NULL);
	thread_yield();
	host_clock_advance(20 * MS);
	timer_run(arch_clock_ns());
	waitq_wake(&q, 1);
	thread_yield();
	assert_string_equal(trace, "0");
}

static void expired_waiter_leaves_the_next_its_wake(void **state)
{
	thread_create("a", wait_short, NULL);
	thread_create("b", wait_alone, "b");
	thread_sleep_until(20 * MS);
	assert_string_equal(trace, "T");
	waitq_wake(&q, 1);
	thread_yield();
	assert_string_equal(trace, "Tb");
}

static void wake_without_waiters_is_nothing(void **state)
{
	waitq_wake(&q, 1);
	assert_int_equal(waitq_wait(&q, 5 * MS), -ETIMEDOUT);
}

/* --- Entries with functions of their own --------------------------------- */

struct spy {
	struct wait_entry entry;
	uint32_t events, calls;
	bool uses;
	struct spy *removes, *adds;
};

static bool spy_wake(struct wait_entry *e, uint32_t events)
{
	struct spy *s = container_of(e, struct spy, entry);

	s->events |= events;
	s->calls++;
	if (s->removes != NULL)
		waitq_remove(&s->removes->entry);
	if (s->adds != NULL)
		waitq_add(&q, &s->adds->entry);
	s->adds = NULL;
	return s->uses;
}

static struct spy spy(bool exclusive, bool uses)
{
	return (
	    struct spy){ .entry = { .wake = spy_wake, .exclusive = exclusive },
		.uses = uses };
}

static void entry_gets_the_events_until_removed(void **state)
{
	struct spy s = spy(false, true);

	waitq_add(&q, &s.entry);
	waitq_wake(&q, 5);
	waitq_wake(&q, 8);
	assert_int_equal(s.events, 13);
	waitq_remove(&s.entry);
	waitq_wake(&q, 16);
	assert_int_equal(s.calls, 2);
}

static void exclusive_entry_without_use_passes_it_on(void **state)
{
	struct spy a = spy(true, false), b = spy(true, true);
	struct spy c = spy(true, true);

	waitq_add(&q, &a.entry);
	waitq_add(&q, &b.entry);
	waitq_add(&q, &c.entry);
	waitq_wake(&q, 1);
	assert_int_equal(a.calls, 1);
	assert_int_equal(b.calls, 1);
	assert_int_equal(c.calls, 0);
}

static void walk_survives_removal_of_any_entry(void **state)
{
	struct spy a = spy(false, true), b = spy(false, true);
	struct spy c = spy(false, true);

	/* Shared entries are walked newest first: c, b, a. */
	waitq_add(&q, &a.entry);
	waitq_add(&q, &b.entry);
	waitq_add(&q, &c.entry);
	c.removes = &b;
	a.removes = &a;
	waitq_wake(&q, 1);
	assert_int_equal(c.calls, 1);
	assert_int_equal(b.calls, 0);
	assert_int_equal(a.calls, 1);
	waitq_wake(&q, 1);
	assert_int_equal(c.calls, 2);
	assert_int_equal(a.calls, 1);
}

static void entry_added_in_the_walk_is_not_called_by_it(void **state)
{
	struct spy a = spy(false, true), b = spy(false, true);

	waitq_add(&q, &a.entry);
	a.adds = &b;
	waitq_wake(&q, 1);
	assert_int_equal(b.calls, 0);
	waitq_wake(&q, 1);
	assert_int_equal(b.calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    one_wake_frees_every_shared_waiter, start),
		cmocka_unit_test_setup(
		    one_wake_frees_one_exclusive_waiter_in_order, start),
		cmocka_unit_test_setup(
		    two_wakes_in_a_row_free_two_exclusive_waiters, start),
		cmocka_unit_test_setup(wait_times_out, start),
		cmocka_unit_test_setup(
		    deadline_in_the_past_ends_at_once, start),
		cmocka_unit_test_setup(wake_after_expiry_is_not_lost, start),
		cmocka_unit_test_setup(
		    expired_waiter_leaves_the_next_its_wake, start),
		cmocka_unit_test_setup(wake_without_waiters_is_nothing, start),
		cmocka_unit_test_setup(
		    entry_gets_the_events_until_removed, start),
		cmocka_unit_test_setup(
		    exclusive_entry_without_use_passes_it_on, start),
		cmocka_unit_test_setup(
		    walk_survives_removal_of_any_entry, start),
		cmocka_unit_test_setup(
		    entry_added_in_the_walk_is_not_called_by_it, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

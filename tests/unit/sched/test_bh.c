/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "sched/bh.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "sched/wait.h"
#include "tests/support/host_test.h"

#define US NS_PER_US
#define MS NS_PER_MS

/* Work: `left` units of unit_ns each. */
struct work {
	struct bh bh;
	uint64_t left, unit_ns, done, calls;
	int largest; /* most units in one call */
	bool cancels;
};

static int work_run(struct bh *b, int budget)
{
	struct work *w = container_of(b, struct work, bh);
	int n = w->left < (uint64_t)budget ? (int)w->left : budget;

	w->calls++;
	w->left -= (uint64_t)n;
	w->done += (uint64_t)n;
	if (n > w->largest)
		w->largest = n;
	host_clock_advance((uint64_t)n * w->unit_ns);
	if (w->cancels)
		bh_cancel(b);
	return n;
}

static struct work work[2];

static int start(void **state)
{
	host_test_start(8, 64 * 1024);
	memset(work, 0, sizeof(work));
	bh_init(&work[0].bh, work_run);
	bh_init(&work[1].bh, work_run);
	return 0;
}

static void give(unsigned i, uint64_t units, uint64_t unit_ns)
{
	work[i].left = units;
	work[i].unit_ns = unit_ns;
	bh_schedule(&work[i].bh);
}

static void scheduling_twice_runs_once(void **state)
{
	give(0, 1, 0);
	bh_schedule(&work[0].bh);
	assert_true(bh_pending());
	bh_run(false);
	assert_int_equal(work[0].calls, 1);
	assert_false(bh_pending());
}

static void cancelled_item_does_not_run(void **state)
{
	give(0, 1, 0);
	bh_cancel(&work[0].bh);
	assert_false(bh_pending());
	bh_run(false);
	assert_int_equal(work[0].calls, 0);
}

static void item_that_cancels_itself_is_not_called_again(void **state)
{
	work[0].cancels = true;
	give(0, 1000, 0);
	bh_run(false);
	assert_int_equal(work[0].calls, 1);
	assert_false(bh_pending());
}

static void items_take_turns_by_weight(void **state)
{
	give(0, 100, 0);
	give(1, 100, 0);
	bh_run(false);
	assert_int_equal(work[0].done, 100);
	assert_int_equal(work[1].done, 100);
	assert_int_equal(work[0].calls, 2);
	assert_int_equal(work[0].largest, BH_WEIGHT);
}

static void round_ends_at_its_budget_of_units(void **state)
{
	struct bh_stats s;

	give(0, 1000, 0);
	bh_run(false);
	assert_int_equal(work[0].done, BH_BUDGET);
	assert_true(bh_pending());
	bh_get_stats(&s);
	assert_int_equal(s.rounds, 1);
	assert_int_equal(s.squeezed, 1);
	assert_int_equal(s.units, BH_BUDGET);
}

static void round_ends_at_its_budget_of_time(void **state)
{
	give(0, 1000, 50 * US);
	bh_run(false);
	assert_int_equal(work[0].calls, 1);
	assert_true(bh_pending());
}

static void used_up_budget_gives_threads_as_much(void **state)
{
	give(0, 1000, 50 * US); /* one call: 64 * 50 us = 3.2 ms */
	bh_run(true);
	assert_int_equal(work[0].calls, 1);
	host_clock_advance(3 * MS);
	bh_run(true);
	assert_int_equal(work[0].calls, 1);
	host_clock_advance(200 * US);
	bh_run(true);
	assert_int_equal(work[0].calls, 2);
}

static void no_ready_thread_means_no_pause(void **state)
{
	give(0, 1000, 50 * US);
	bh_run(false);
	bh_run(false);
	assert_int_equal(work[0].calls, 2);
}

static void small_rounds_need_no_pause(void **state)
{
	give(0, 10, US);
	bh_run(true);
	give(0, 10, US);
	bh_run(true);
	assert_int_equal(work[0].calls, 2);
}

/* --- With threads -------------------------------------------------------- */

static uint64_t computed_ns;

static void compute(void *arg)
{
	while (computed_ns < 100 * MS) {
		host_clock_advance(100 * US);
		computed_ns += 100 * US;
		thread_yield();
	}
}

/* Endless work takes half of the machine and no more. */
static void flood_leaves_threads_half_of_the_machine(void **state)
{
	computed_ns = 0;
	give(0, UINT64_MAX, 5 * US);
	compute(NULL);
	assert_in_range(arch_clock_ns(), 150 * MS, 220 * MS);
	assert_true(work[0].done > 5000);
}

static void flood_does_not_starve_a_second_thread(void **state)
{
	computed_ns = 0;
	thread_create("compute", compute, NULL);
	give(0, UINT64_MAX, 5 * US);
	thread_sleep_until(150 * MS);
	assert_in_range(computed_ns, 50 * MS, 100 * MS);
	work[0].left = 0;
	thread_sleep_until(400 * MS);
	assert_int_equal(computed_ns, 100 * MS);
}

static void computing_thread_lets_the_bottom_half_in(void **state)
{
	for (unsigned i = 0; i < 5; i++) {
		give(0, 1, 0);
		host_clock_advance(10 * US);
		sched_poll();
		assert_int_equal(work[0].calls, i + 1);
	}
}

/* A round that left work is followed by the next, not by a halt. */
static void machine_does_not_halt_while_work_is_left(void **state)
{
	struct sched_stats s;

	give(0, 1000, 0);
	thread_sleep_until(50 * MS);
	sched_get_stats(&s);
	assert_int_equal(work[0].done, 1000);
	assert_int_equal(s.idle_halts, 1);
}

/* --- Interrupts ---------------------------------------------------------- */

static bool device_irq(void *arg)
{
	host_irq_lower(11);
	bh_schedule(&work[0].bh);
	return true;
}

static void device_event(void *arg)
{
	work[0].left = 1;
	host_irq_raise(11);
}

static struct waitq door;

static int open_door(struct bh *b, int budget)
{
	waitq_wake(&door, 1);
	return 0;
}

static void interrupt_ends_the_halt_and_runs_the_item(void **state)
{
	assert_int_equal(arch_irq_attach(11, device_irq, NULL), 0);
	host_at(30 * MS, device_event, NULL);
	thread_sleep_until(100 * MS);
	assert_int_equal(work[0].calls, 1);
}

/* The bottom half runs in the loop of the very thread that it wakes. */
static void interrupt_wakes_the_thread_that_halts(void **state)
{
	struct sched_stats s;

	waitq_init(&door);
	work[0].bh.run = open_door;
	arch_irq_attach(11, device_irq, NULL);
	host_at(30 * MS, device_event, NULL);
	assert_int_equal(waitq_wait(&door, WAIT_FOREVER), 0);
	assert_int_equal(arch_clock_ns(), 30 * MS);
	sched_get_stats(&s);
	assert_int_equal(s.switches, 0);
}

static bool claims(void *arg)
{
	return true;
}

static void line_that_stays_high_is_found(void **state)
{
	jmp_buf env;

	arch_irq_attach(5, claims, NULL);
	if (setjmp(env) == 0) {
		host_expect_panic(&env);
		host_irq_raise(5);
		host_irq_deliver();
	}
	assert_string_equal(host_panic_text(), "interrupt line 5 stays high");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(scheduling_twice_runs_once, start),
		cmocka_unit_test_setup(cancelled_item_does_not_run, start),
		cmocka_unit_test_setup(
		    item_that_cancels_itself_is_not_called_again, start),
		cmocka_unit_test_setup(items_take_turns_by_weight, start),
		cmocka_unit_test_setup(
		    round_ends_at_its_budget_of_units, start),
		cmocka_unit_test_setup(round_ends_at_its_budget_of_time, start),
		cmocka_unit_test_setup(
		    used_up_budget_gives_threads_as_much, start),
		cmocka_unit_test_setup(no_ready_thread_means_no_pause, start),
		cmocka_unit_test_setup(small_rounds_need_no_pause, start),
		cmocka_unit_test_setup(
		    flood_leaves_threads_half_of_the_machine, start),
		cmocka_unit_test_setup(
		    flood_does_not_starve_a_second_thread, start),
		cmocka_unit_test_setup(
		    computing_thread_lets_the_bottom_half_in, start),
		cmocka_unit_test_setup(
		    machine_does_not_halt_while_work_is_left, start),
		cmocka_unit_test_setup(
		    interrupt_ends_the_halt_and_runs_the_item, start),
		cmocka_unit_test_setup(
		    interrupt_wakes_the_thread_that_halts, start),
		cmocka_unit_test_setup(line_that_stays_high_is_found, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sched/timer.h"

#define TICK_NS (1ull << 20)
#define HOUR_NS (3600 * NS_PER_S)
#define TIMERS  200

struct probe {
	struct timer timer;
	uint64_t fired_ns, count;
	uint64_t order;
	uint64_t rearm_ns;    /* added to the expiry at each call; 0: not */
	struct probe *victim; /* disarmed when this one fires */
};

static struct {
	uint64_t now_ns, fired;
	struct probe probe[TIMERS];
} t;

static void note(struct timer *timer)
{
	struct probe *p = container_of(timer, struct probe, timer);

	p->fired_ns = t.now_ns;
	p->order = ++t.fired;
	p->count++;
	assert_false(timer_armed(timer));
	if (p->victim != NULL)
		timer_disarm(&p->victim->timer);
	if (p->rearm_ns != 0)
		timer_arm(timer, timer->expires_ns + p->rearm_ns);
}

static int start_at(uint64_t now_ns)
{
	t.now_ns = now_ns;
	t.fired = 0;
	timer_reset(now_ns);
	for (unsigned i = 0; i < TIMERS; i++) {
		t.probe[i] = (struct probe){ 0 };
		timer_init(&t.probe[i].timer, note);
	}
	return 0;
}

static int start(void **state)
{
	return start_at(0);
}

static void run_at(uint64_t now_ns)
{
	t.now_ns = now_ns;
	timer_run(now_ns);
}

/* Goes from look to look, as an idle machine does, up to end_ns. */
static unsigned run_idle_until(uint64_t end_ns)
{
	unsigned looks = 0;

	while (timer_next_ns() <= end_ns) {
		uint64_t next_ns = timer_next_ns();

		run_at(next_ns > t.now_ns ? next_ns : t.now_ns);
		looks++;
	}
	run_at(end_ns);
	return looks;
}

static void no_timer_means_never(void **state)
{
	assert_int_equal(timer_next_ns(), UINT64_MAX);
	run_at(HOUR_NS);
	assert_int_equal(timer_next_ns(), UINT64_MAX);
}

static void fires_once_and_not_early(void **state)
{
	struct probe *p = &t.probe[0];

	timer_arm(&p->timer, 5 * NS_PER_MS + 1);
	assert_true(timer_armed(&p->timer));
	run_at(5 * NS_PER_MS);
	assert_int_equal(p->count, 0);
	run_at(5 * NS_PER_MS + 1 + TICK_NS);
	assert_int_equal(p->count, 1);
	run_at(HOUR_NS);
	assert_int_equal(p->count, 1);
}

static void fires_at_most_a_tick_late(void **state)
{
	for (uint64_t at = 1; at < 40 * HOUR_NS; at = at * 3 + 7) {
		struct probe *p = &t.probe[0];

		start_at(0);
		timer_arm(&p->timer, at);
		run_idle_until(at + TICK_NS);
		assert_int_equal(p->count, 1);
		assert_in_range(p->fired_ns, at, at + TICK_NS);
	}
}

static void the_past_means_at_once(void **state)
{
	start_at(HOUR_NS);
	timer_arm(&t.probe[0].timer, 0);
	assert_true(timer_next_ns() <= HOUR_NS);
	run_at(HOUR_NS);
	assert_int_equal(t.probe[0].count, 1);
}

/* Whatever else is armed, and on whichever wheel the past would have lain. */
static void the_past_does_not_wait_behind_the_future(void **state)
{
	start_at(HOUR_NS);
	timer_arm(&t.probe[1].timer, HOUR_NS + 5 * NS_PER_MS);
	timer_arm(&t.probe[0].timer, NS_PER_S);
	assert_true(timer_next_ns() <= HOUR_NS);
	run_at(HOUR_NS);
	assert_int_equal(t.probe[0].count, 1);
	assert_int_equal(t.probe[1].count, 0);
}

static void fires_in_order_of_expiry(void **state)
{
	static const unsigned at_ms[] = { 70, 3, 5000, 66, 900, 4, 300000 };
	static const unsigned order[] = { 4, 1, 6, 3, 5, 2, 7 };

	for (unsigned i = 0; i < 7; i++)
		timer_arm(&t.probe[i].timer, at_ms[i] * NS_PER_MS);
	run_at(HOUR_NS);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(t.probe[i].order, order[i]);
}

static void arming_again_moves_the_expiry(void **state)
{
	struct probe *p = &t.probe[0];

	timer_arm(&p->timer, 10 * NS_PER_MS);
	timer_arm(&p->timer, HOUR_NS);
	run_at(NS_PER_S);
	assert_int_equal(p->count, 0);
	timer_arm(&p->timer, 2 * NS_PER_S);
	run_at(3 * NS_PER_S);
	assert_int_equal(p->count, 1);
	assert_int_equal(timer_next_ns(), UINT64_MAX);
}

static void disarming_forgets_it(void **state)
{
	timer_arm(&t.probe[0].timer, HOUR_NS);
	timer_disarm(&t.probe[0].timer);
	timer_disarm(&t.probe[0].timer);
	assert_int_equal(timer_next_ns(), UINT64_MAX);
	run_at(2 * HOUR_NS);
	assert_int_equal(t.probe[0].count, 0);
}

/* However far, and with others in its slot. */
static void an_idle_machine_sleeps_until_the_first_expiry(void **state)
{
	for (uint64_t ns = TICK_NS; ns < HOUR_NS; ns = 3 * ns + 12345) {
		uint64_t tick_ns = (ns + TICK_NS - 1) / TICK_NS * TICK_NS;

		timer_arm(&t.probe[0].timer, ns + TICK_NS);
		timer_arm(&t.probe[1].timer, ns);
		timer_arm(&t.probe[2].timer, ns);
		assert_int_equal(timer_next_ns(), tick_ns);
		for (unsigned i = 0; i < 3; i++)
			timer_disarm(&t.probe[i].timer);
	}
}

static void disarming_leaves_a_neighbour_in_the_slot(void **state)
{
	timer_arm(&t.probe[0].timer, HOUR_NS);
	timer_arm(&t.probe[1].timer, HOUR_NS);
	timer_disarm(&t.probe[0].timer);
	assert_true(timer_next_ns() <= HOUR_NS + TICK_NS);
	run_at(2 * HOUR_NS);
	assert_int_equal(t.probe[1].count, 1);
}

static void callback_may_disarm_another_due_timer(void **state)
{
	t.probe[0].victim = &t.probe[1];
	timer_arm(&t.probe[0].timer, NS_PER_MS);
	timer_arm(&t.probe[1].timer, NS_PER_MS);
	timer_arm(&t.probe[2].timer, NS_PER_MS);
	run_at(NS_PER_S);
	assert_int_equal(t.probe[0].count, 1);
	assert_int_equal(t.probe[1].count, 0);
	assert_int_equal(t.probe[2].count, 1);
}

/* Even when the machine was away for an hour, one run calls each timer once:
 * re-arming for the past cannot keep a run from ending. */
static void callback_may_arm_itself_again(void **state)
{
	t.probe[0].rearm_ns = NS_PER_S;
	timer_arm(&t.probe[0].timer, NS_PER_S);
	run_at(HOUR_NS);
	assert_int_equal(t.probe[0].count, 1);
	run_at(HOUR_NS);
	assert_int_equal(t.probe[0].count, 2);
	assert_true(timer_armed(&t.probe[0].timer));
}

static void ticks_every_second_through_hours(void **state)
{
	unsigned looks;

	t.probe[0].rearm_ns = NS_PER_S;
	timer_arm(&t.probe[0].timer, NS_PER_S);
	looks = run_idle_until(5 * HOUR_NS + TICK_NS);
	assert_int_equal(t.probe[0].count, 5 * 3600);
	/* Each expiry costs its own look and few for cascades. */
	assert_in_range(looks, 5 * 3600, 3 * 5 * 3600);
}

static void far_future_costs_few_looks(void **state)
{
	uint64_t years = 300ull * 365 * 24 * HOUR_NS;

	timer_arm(&t.probe[0].timer, years);
	timer_arm(&t.probe[1].timer, UINT64_MAX - 1);
	assert_in_range(run_idle_until(years + TICK_NS), 1, 20);
	assert_int_equal(t.probe[0].count, 1);
	assert_in_range(t.probe[0].fired_ns, years, years + TICK_NS);
	assert_int_equal(t.probe[1].count, 0);
	assert_true(timer_next_ns() > years);
}

/* --- Against a model: an array that is looked through -------------------- */

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

struct model {
	uint64_t expires_ns[TIMERS]; /* 0: not armed */
	uint64_t count[TIMERS];
};

/* Times of very different size, so that every level is used. */
static uint64_t random_span(void)
{
	return random_next() >> (10 + random_next() % 54);
}

static void model_run(struct model *m, uint64_t now_ns)
{
	for (unsigned i = 0; i < TIMERS; i++) {
		bool must = m->expires_ns[i] != 0 &&
		            m->expires_ns[i] + TICK_NS <= now_ns;
		bool may = m->expires_ns[i] != 0 && m->expires_ns[i] <= now_ns;
		bool did = t.probe[i].count != m->count[i];

		assert_true(may || !did);
		assert_true(did || !must);
		if (did) {
			m->count[i]++;
			m->expires_ns[i] = 0;
		}
		assert_int_equal(t.probe[i].count, m->count[i]);
		assert_int_equal(
		    timer_armed(&t.probe[i].timer), m->expires_ns[i] != 0);
	}
}

/* The next look is never after the first expiry's tick, and no later than the
 * end of time when something is armed. */
static void check_next(const struct model *m)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < TIMERS; i++)
		if (m->expires_ns[i] != 0 && m->expires_ns[i] < first)
			first = m->expires_ns[i];
	if (first == UINT64_MAX)
		assert_int_equal(timer_next_ns(), UINT64_MAX);
	else
		assert_true(timer_next_ns() < first + TICK_NS);
}

static void agrees_with_a_naive_model(void **state)
{
	struct model m = { 0 };

	random_state = 88172645463325252ull;
	for (unsigned step = 0; step < 10000; step++) {
		unsigned i = (unsigned)(random_next() % TIMERS);

		if (random_next() % 4 != 0) {
			m.expires_ns[i] = t.now_ns + 1 + random_span();
			timer_arm(&t.probe[i].timer, m.expires_ns[i]);
		} else {
			m.expires_ns[i] = 0;
			timer_disarm(&t.probe[i].timer);
		}
		check_next(&m);
		if (random_next() % 8 == 0) {
			run_at(t.now_ns + (random_span() >> 12));
			model_run(&m, t.now_ns);
		}
	}
	assert_true(t.fired > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(no_timer_means_never, start),
		cmocka_unit_test_setup(fires_once_and_not_early, start),
		cmocka_unit_test_setup(fires_at_most_a_tick_late, start),
		cmocka_unit_test_setup(the_past_means_at_once, start),
		cmocka_unit_test_setup(
		    the_past_does_not_wait_behind_the_future, start),
		cmocka_unit_test_setup(fires_in_order_of_expiry, start),
		cmocka_unit_test_setup(arming_again_moves_the_expiry, start),
		cmocka_unit_test_setup(disarming_forgets_it, start),
		cmocka_unit_test_setup(
		    disarming_leaves_a_neighbour_in_the_slot, start),
		cmocka_unit_test_setup(
		    an_idle_machine_sleeps_until_the_first_expiry, start),
		cmocka_unit_test_setup(
		    callback_may_disarm_another_due_timer, start),
		cmocka_unit_test_setup(callback_may_arm_itself_again, start),
		cmocka_unit_test_setup(ticks_every_second_through_hours, start),
		cmocka_unit_test_setup(far_future_costs_few_looks, start),
		cmocka_unit_test_setup(agrees_with_a_naive_model, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

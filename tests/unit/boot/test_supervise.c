/* SPDX-License-Identifier: MIT */
/* Who feeds the hardware, when it starves, and what the dead man says. */
#include "tests/support/net_fixture.h"

#include <stdio.h>

#include "arch/host/arch_host.h"
#include "boot/supervise.h"
#include "drivers/watchdog.h"
#include "sched/thread.h"
#include "tests/support/mock_pci.h"

#define CARDS 2
#define LIMIT 30u
#define TCO   0x660u

static struct mock_pci pci;
static struct {
	struct netdev dev[CARDS];
	bool stuck; /* the second card is not polled */
	unsigned feeds;
	uint16_t cnt, timer;
} m;

static int poll(struct netdev *dev, int budget)
{
	return 0;
}

static bool tx(struct netdev *dev, struct pkt *p)
{
	return false;
}

static void look_at(struct netdev *dev)
{
}

static const struct netdev_ops ops = {
	.poll = poll, .tx = tx, .look = look_at
};

static int poll_nothing(struct bh *b, int budget)
{
	return 0;
}

static uint32_t read_tco(void *ctx, uint32_t off, unsigned width)
{
	return off == 8 ? m.cnt : 0;
}

static void write_tco(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	if (off == 0)
		m.feeds++;
	else if (off == 8)
		m.cnt = (uint16_t)v;
	else if (off == 0x01)
		m.timer = (uint16_t)v;
}

static const struct host_mmio_ops tco_ops = { read_tco, write_tco };

/* An ICH4's timer, which holds 75 s at most. */
static void add_watchdog(void)
{
	struct mock_pci_function *f =
	    mock_pci_add(&pci, 0, 0x1f, 0, 0x8086, 0x24c0, 0x060100);

	mock_pci_set32(f, 0x40, 0x601);
	host_set_ports(TCO, 0x20, &tco_ops, NULL);
	watchdog_find();
}

static int setup(void **state)
{
	fx_setup(state);
	memset(&m, 0, sizeof(m));
	mock_pci_init(&pci);
	watchdog_find();
	for (unsigned i = 0; i < CARDS; i++) {
		snprintf(m.dev[i].name, sizeof(m.dev[i].name), "t%u", i);
		m.dev[i].ops = &ops;
		netdev_register(&fx.st, &m.dev[i]);
	}
	return 0;
}

static void kill_poll(unsigned card)
{
	m.dev[card].bh.run = poll_nothing;
}

/* Seconds as they pass while threads take turns.  Returns what the dead man
 * says first. */
static const char *pass(unsigned seconds)
{
	const char *why = NULL;

	for (unsigned i = 0; i < seconds && !why; i++) {
		thread_sleep_until(clock_ns() + NS_PER_S);
		why = host_watch();
	}
	return why;
}

/* The same while one thread has the CPU. */
static const char *hog(unsigned seconds)
{
	const char *why = NULL;

	for (unsigned i = 0; i < seconds && !why; i++) {
		host_clock_advance(NS_PER_S);
		why = host_watch();
	}
	return why;
}

static void progress_feeds_the_hardware(void **state)
{
	unsigned before;

	add_watchdog();
	supervise_start(&fx.st, LIMIT);
	assert_int_equal(m.timer, 50); /* 60 s */
	before = m.feeds;
	assert_null(pass(600));
	assert_true(m.feeds >= before + 600);
}

static void a_card_that_is_not_polled_starves_it_and_is_named(void **state)
{
	unsigned before;

	add_watchdog();
	supervise_start(&fx.st, LIMIT);
	pass(10);
	kill_poll(1);
	pass(2);
	before = m.feeds;
	assert_null(pass(LIMIT - 3));
	assert_string_equal(
	    pass(3), "watchdog: t1 has not been polled for 30 s");
	assert_int_equal(m.feeds, before);
}

static void a_thread_that_keeps_the_cpu_starves_it_and_is_named(void **state)
{
	unsigned before;

	add_watchdog();
	supervise_start(&fx.st, LIMIT);
	pass(10);
	before = m.feeds;
	assert_null(hog(LIMIT - 1));
	assert_string_equal(
	    hog(2), "watchdog: thread main has let nothing else run for 30 s");
	assert_int_equal(m.feeds, before);
}

/* Its poll was due when the thread began. */
static void a_card_is_not_blamed_for_a_thread(void **state)
{
	supervise_start(&fx.st, LIMIT);
	pass(10);
	for (int i = 0; i < 4; i++) {
		thread_sleep_until(clock_ns() + 260 * NS_PER_MS);
		host_watch();
		thread_sleep_until(clock_ns() + 260 * NS_PER_MS);
		assert_non_null(strstr(hog(LIMIT + 1), "thread main"));
		pass(1);
	}
}

static void one_that_computes_for_less_harms_nothing(void **state)
{
	add_watchdog();
	supervise_start(&fx.st, LIMIT);
	for (int i = 0; i < 20; i++) {
		unsigned before = m.feeds;

		assert_null(hog(LIMIT - 1));
		assert_null(pass(2));
		assert_true(m.feeds > before);
	}
}

/* What a virtual machine sees after a pause: one interrupt, much later. */
static void a_machine_that_was_stopped_goes_on(void **state)
{
	supervise_start(&fx.st, LIMIT);
	pass(3);
	host_clock_advance(3600 * NS_PER_S);
	assert_null(host_watch());
	assert_null(pass(100));
}

static void without_hardware_the_dead_man_is_there(void **state)
{
	supervise_start(&fx.st, LIMIT);
	kill_poll(0);
	assert_non_null(strstr(pass(LIMIT + 3), "t0"));
	assert_int_equal(m.feeds, 0);
}

static void hardware_that_cannot_wait_shortens_the_time(void **state)
{
	add_watchdog();
	supervise_start(&fx.st, 600);
	assert_int_equal(m.timer, 63); /* 75 s */
	assert_null(hog(36));
	assert_non_null(hog(2));
}

static void off_watches_nothing(void **state)
{
	add_watchdog();
	supervise_start(&fx.st, 0);
	assert_false(host_watched());
	assert_int_equal(m.timer, 0);
	kill_poll(0);
	assert_null(pass(100));
	assert_int_equal(m.feeds, 0);
}

/* --- The power button ------------------------------------------------------
 */

static void press(void)
{
	jmp_buf env;

	host_press_power_button();
	if (setjmp(env) == 0) {
		host_expect_panic(&env);
		pass(1);
		fail();
	}
}

static void the_button_stops_the_hardware_and_switches_off(void **state)
{
	add_watchdog();
	supervise_start(&fx.st, LIMIT);
	pass(3);
	assert_int_equal(m.cnt & 0x800, 0);
	press();
	assert_string_equal(host_panic_text(), "the machine was switched off");
	assert_int_equal(m.cnt & 0x800, 0x800);
	assert_false(host_watched());
}

static unsigned closings;

static void close_run(void)
{
	closings++;
}

static void the_button_works_without_a_watchdog(void **state)
{
	closings = 0;
	supervise_before_off(close_run);
	supervise_start(&fx.st, 0);
	press();
	supervise_before_off(NULL);
	assert_string_equal(host_panic_text(), "the machine was switched off");
	assert_int_equal(closings, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(progress_feeds_the_hardware),
		CASE(a_card_that_is_not_polled_starves_it_and_is_named),
		CASE(a_thread_that_keeps_the_cpu_starves_it_and_is_named),
		CASE(a_card_is_not_blamed_for_a_thread),
		CASE(one_that_computes_for_less_harms_nothing),
		CASE(a_machine_that_was_stopped_goes_on),
		CASE(without_hardware_the_dead_man_is_there),
		CASE(hardware_that_cannot_wait_shortens_the_time),
		CASE(off_watches_nothing),
		CASE(the_button_stops_the_hardware_and_switches_off),
		CASE(the_button_works_without_a_watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The choice of a watchdog; test_itco.c and test_i6300esb.c test the two. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "drivers/watchdog.h"
#include "lib/log.h"
#include "tests/support/mock_pci.h"

static struct mock_pci pci;
static char said[1024];

static void sink(enum log_level level, const char *text, size_t len)
{
	strncat(said, text, len);
}

static int start(void **state)
{
	host_reset();
	mock_pci_init(&pci);
	mock_pci_add_pc(&pci);
	said[0] = '\0';
	log_add_sink(sink);
	return 0;
}

static int stop(void **state)
{
	log_remove_sink(sink);
	return 0;
}

static void a_machine_without_one_is_told_and_nothing_else_happens(void **state)
{
	pci.function[2].config[0x02] = 0; /* not an ICH9 any more */
	pci.function[2].config[0x03] = 0;
	assert_null(watchdog_find());
	assert_non_null(strstr(said, "watchdog: this machine has none"));
	assert_int_equal(watchdog_start(45), 0);
	watchdog_feed();
	watchdog_stop();
}

/* The ICH9 of the model has no registers: PMBASE is zero. */
static void one_that_cannot_act_is_named_before(void **state)
{
	assert_null(watchdog_find());
	assert_non_null(strstr(said, "this board's iTCO may not restart it"));
	assert_non_null(strstr(said, "watchdog: this machine has none"));
}

static void the_one_that_runs_is_said_with_its_time(void **state)
{
	struct mock_pci_function *esb =
	    mock_pci_add(&pci, 0, 4, 0, 0x8086, 0x25ab, 0x088000);

	mock_pci_set32(esb, 0x10, 0xfebf0000);
	assert_string_equal(watchdog_find(), "i6300esb");
	/* All ones where no device answers: that bit, too. */
	assert_non_null(strstr(said, "i6300esb has restarted the machine"));
	assert_null(strstr(said, "after"));
	assert_int_equal(watchdog_start(45), 45);
	assert_non_null(
	    strstr(said, "watchdog: i6300esb restarts the machine after 45 s"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_machine_without_one_is_told_and_nothing_else_happens),
		CASE(one_that_cannot_act_is_named_before),
		CASE(the_one_that_runs_is_said_with_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The 6300ESB's watchdog, against a model that insists on being unlocked. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "drivers/pci.h"
#include "drivers/watchdog.h"
#include "tests/support/mock_pci.h"

#define BASE 0xfebf0000u
#define S    1000000000ull

#define LOCK_POLL_NS 1000000ull

static struct mock_pci pci;
static struct mock_pci_function *esb;

static struct {
	uint32_t timer[2];
	unsigned unlock, stage;
	bool expired, enabled, reset;
	unsigned refused;
} wd;

static uint64_t stage_ns(void)
{
	return wd.timer[wd.stage] * 32768ull * 1000 / 33;
}

static void stage_end(void *arg)
{
	if (wd.stage++ == 1) {
		wd.reset = !(mock_pci_get16(esb, 0x60) & 0x20);
		wd.expired = true;
		return;
	}
	assert_int_equal(mock_pci_get16(esb, 0x60) & 3, 3); /* silently */
	host_at(arch_clock_ns() + stage_ns(), stage_end, NULL);
}

static void restart(void)
{
	host_cancel(stage_end, NULL);
	wd.stage = 0;
	if (wd.enabled)
		host_at(arch_clock_ns() + stage_ns(), stage_end, NULL);
}

/* The enable bit is in configuration space, which the model watches. */
static void look_at_lock(void *arg)
{
	bool enabled = esb->config[0x68] & 2;

	if (enabled != wd.enabled) {
		wd.enabled = enabled;
		restart();
	}
	host_at(arch_clock_ns() + LOCK_POLL_NS, look_at_lock, NULL);
}

static uint32_t read_reg(void *ctx, uint32_t off, unsigned width)
{
	return off == 0xc && width == 2 && wd.expired ? 0x200 : 0;
}

static void write_unlocked(uint32_t off, unsigned width, uint32_t v)
{
	if (off == 0xc && width == 2) {
		if (v & 0x100)
			restart();
		if (v & 0x200)
			wd.expired = false;
	} else if (off <= 4 && width == 4) {
		assert_true(v <= 0xfffff);
		wd.timer[off / 4] = v;
	} else {
		fail();
	}
}

static void write_reg(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	if (!(esb->config[0x04] & 2))
		fail();
	if (off == 0xc && v == 0x80 && wd.unlock == 0) {
		wd.unlock = 1;
	} else if (off == 0xc && v == 0x86 && wd.unlock == 1) {
		wd.unlock = 2;
	} else {
		if (wd.unlock == 2)
			write_unlocked(off, width, v);
		else
			wd.refused++;
		wd.unlock = 0;
	}
}

static const struct host_mmio_ops ops = { read_reg, write_reg };

static int start(void **state)
{
	host_reset();
	mock_pci_init(&pci);
	memset(&wd, 0, sizeof(wd));
	esb = mock_pci_add(&pci, 0, 4, 0, 0x8086, 0x25ab, 0x088000);
	esb->bar_bytes[0] = 16;
	mock_pci_set32(esb, 0x10, BASE);
	mock_pci_set16(esb, 0x60, 0x24);
	host_set_mmio(BASE, 16, &ops, NULL);
	look_at_lock(NULL);
	return 0;
}

static uint32_t begin(uint32_t seconds)
{
	watchdog_find();
	return watchdog_start(seconds);
}

static void it_resets_after_the_time(void **state)
{
	assert_int_equal(begin(45), 45);
	assert_int_equal(wd.refused, 0);
	host_clock_advance(44 * S);
	assert_false(wd.reset);
	host_clock_advance(2 * S);
	assert_true(wd.reset);
}

static void feeding_begins_both_stages_anew(void **state)
{
	begin(30);
	for (int i = 0; i < 10; i++) {
		host_clock_advance(25 * S);
		assert_int_equal(wd.stage, 1);
		watchdog_feed();
	}
	assert_false(wd.reset);
	assert_int_equal(wd.refused, 0);
	host_clock_advance(31 * S);
	assert_true(wd.reset);
}

static void what_the_timers_cannot_hold_is_clamped(void **state)
{
	assert_int_equal(begin(1000000), 2082);
	assert_int_equal(wd.timer[0], 0xfffff);
	assert_int_equal(wd.timer[1], 0xfffff);
}

static void stopped_it_stays_so(void **state)
{
	begin(30);
	host_clock_advance(S);
	watchdog_stop();
	host_clock_advance(1000 * S);
	assert_false(wd.reset);
}

static void it_is_stopped_before_its_times_change(void **state)
{
	begin(30);
	host_clock_advance(S);
	assert_true(i6300esb_watchdog.probe(&(struct pci_device){
	    .at = { 0, 4, 0 }, .vendor = 0x8086, .device = 0x25ab }));
	host_clock_advance(1000 * S);
	assert_false(wd.reset);
}

static void without_an_address_it_gets_one(void **state)
{
	mock_pci_set32(esb, 0x10, 0);
	host_set_mmio(BASE, 16, NULL, NULL);
	begin(30);
	assert_int_not_equal(mock_pci_get16(esb, 0x12), 0);
}

static void it_comes_before_the_chip_sets_own(void **state)
{
	struct mock_pci_function *f =
	    mock_pci_add(&pci, 0, 0x1f, 0, 0x8086, 0x2918, 0x060100);

	mock_pci_set32(f, 0x40, 0x601);
	assert_int_equal(begin(45), 45);
	assert_int_not_equal(wd.timer[0], 0);
}

static void it_remembers_that_it_acted_and_forgets_when_told(void **state)
{
	wd.expired = true;
	begin(30);
	assert_false(wd.expired);
	assert_int_equal(wd.refused, 0);
}

#define CASE(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_resets_after_the_time),
		CASE(feeding_begins_both_stages_anew),
		CASE(what_the_timers_cannot_hold_is_clamped),
		CASE(stopped_it_stays_so),
		CASE(it_is_stopped_before_its_times_change),
		CASE(without_an_address_it_gets_one),
		CASE(it_comes_before_the_chip_sets_own),
		CASE(it_remembers_that_it_acted_and_forgets_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

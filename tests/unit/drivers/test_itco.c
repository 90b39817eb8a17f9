/* SPDX-License-Identifier: MIT */
/* The TCO timer of both versions, against a model that counts. */
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

#define PMBASE  0x600u
#define TCO     (PMBASE + 0x60)
#define RCBA    0xfed1c000u
#define TICK_NS 600000000ull
#define S       1000000000ull

#define ICH4 0x24c0
#define ICH9 0x2918

static struct mock_pci pci;
static struct mock_pci_function *bridge;

static struct {
	unsigned version;
	uint16_t timer, sts1, sts2, cnt;
	uint32_t gcs, smi_en;
	bool strap; /* NO_REBOOT cannot be cleared */
	unsigned ends;
	bool reset;
	uint64_t reset_ns;
} tco;

static void tick_end(void *arg)
{
	tco.sts1 |= 8;
	if (++tco.ends == 2) {
		tco.sts2 |= 2;
		tco.reset = true;
		tco.reset_ns = arch_clock_ns();
		return;
	}
	host_at(arch_clock_ns() + tco.timer * TICK_NS, tick_end, NULL);
}

static void reload(void)
{
	host_cancel(tick_end, NULL);
	tco.ends = tco.sts1 & 8 ? 1 : 0;
	if (!(tco.cnt & 0x800) && tco.timer > 3)
		host_at(arch_clock_ns() + tco.timer * TICK_NS, tick_end, NULL);
}

static uint32_t read_tco(void *ctx, uint32_t off, unsigned width)
{
	assert_int_equal(width, 2);
	return off == 4 ? tco.sts1 : off == 6 ? tco.sts2 : tco.cnt;
}

static void write_timer(uint32_t off, unsigned width, uint32_t v)
{
	assert_int_equal(tco.version, off == 1 ? 1 : 2);
	assert_int_equal(width, off == 1 ? 1 : 2);
	assert_true(v > 3 && v <= (off == 1 ? 0x3f : 0x3ff));
	tco.timer = (uint16_t)v;
}

static void write_tco(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	if (off == 0) {
		assert_int_equal(width, tco.version);
		reload();
	} else if (off == 4) {
		tco.sts1 &= (uint16_t)~v;
	} else if (off == 6) {
		tco.sts2 &= (uint16_t)~v;
	} else if (off == 8) {
		tco.cnt = (uint16_t)v;
		reload();
	} else {
		write_timer(off, width, v);
	}
}

static uint32_t read_word(void *ctx, uint32_t off, unsigned width)
{
	assert_int_equal(width, 4);
	return *(uint32_t *)ctx;
}

static void write_word(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	*(uint32_t *)ctx = tco.strap ? v | 0x20 : v;
}

static const struct host_mmio_ops tco_ops = { read_tco, write_tco };
static const struct host_mmio_ops word_ops = { read_word, write_word };

static int start(void **state)
{
	host_reset();
	mock_pci_init(&pci);
	memset(&tco, 0, sizeof(tco));
	host_set_ports(TCO, 0x20, &tco_ops, NULL);
	host_set_ports(PMBASE + 0x30, 4, &word_ops, &tco.smi_en);
	host_set_mmio(RCBA + 0x3410, 4, &word_ops, &tco.gcs);
	tco.gcs = 0xc60;
	tco.smi_en = 0x2003;
	return 0;
}

static void add_bridge(uint16_t device, unsigned version)
{
	bridge = mock_pci_add(&pci, 0, 0x1f, 0, 0x8086, device, 0x060100);
	mock_pci_set32(bridge, 0x40, PMBASE | 1);
	mock_pci_set8(bridge, 0xd4, 0x0a);
	if (version == 2)
		mock_pci_set32(bridge, 0xf0, RCBA | 1);
	tco.version = version;
}

static uint32_t begin(uint32_t seconds)
{
	watchdog_find();
	return watchdog_start(seconds);
}

static void version_2_resets_after_the_time(void **state)
{
	add_bridge(ICH9, 2);
	assert_int_equal(begin(45), 45);
	assert_int_equal(tco.gcs, 0xc40);
	assert_int_equal(tco.smi_en, 0x2003);
	host_clock_advance(44 * S);
	assert_false(tco.reset);
	host_clock_advance(4 * S);
	assert_true(tco.reset);
}

static void version_1_has_its_own_registers(void **state)
{
	add_bridge(ICH4, 1);
	assert_int_equal(begin(45), 45);
	assert_int_equal(mock_pci_get16(bridge, 0xd4) & 0xff, 0x08);
	assert_int_equal(tco.gcs, 0xc60);
	assert_int_equal(tco.smi_en, 3); /* no firmware in between */
	host_clock_advance(44 * S);
	assert_false(tco.reset);
	host_clock_advance(4 * S);
	assert_true(tco.reset);
}

static void feeding_begins_both_counts_anew(void **state)
{
	add_bridge(ICH9, 2);
	begin(30);
	for (int i = 0; i < 10; i++) {
		host_clock_advance(25 * S); /* the first count has ended */
		assert_int_equal(tco.sts1, 8);
		watchdog_feed();
	}
	assert_false(tco.reset);
	host_clock_advance(31 * S);
	assert_true(tco.reset);
}

static void what_the_timer_cannot_hold_is_clamped(void **state)
{
	add_bridge(ICH9, 2);
	assert_int_equal(begin(1), 4);
	assert_int_equal(begin(1000000), 1227);
	assert_int_equal(tco.timer, 0x3ff);
	mock_pci_init(&pci);
	add_bridge(ICH4, 1);
	assert_int_equal(begin(900), 75);
	assert_int_equal(tco.timer, 0x3f);
}

static void it_never_comes_earlier_than_asked(void **state)
{
	add_bridge(ICH9, 2);
	for (uint32_t s = 5; s < 1200; s++)
		assert_in_range(begin(s), s, s + 1);
}

static void stopped_it_stays_so(void **state)
{
	add_bridge(ICH9, 2);
	begin(30);
	watchdog_stop();
	host_clock_advance(1000 * S);
	assert_false(tco.reset);
}

static void a_timer_that_firmware_left_running_is_stopped(void **state)
{
	add_bridge(ICH9, 2);
	tco.timer = 10;
	reload();
	assert_true(itco_watchdog.probe(&(struct pci_device){
	    .at = { 0, 0x1f, 0 }, .vendor = 0x8086, .device = ICH9 }));
	host_clock_advance(100 * S);
	assert_false(tco.reset);
}

static void a_board_that_forbids_it_has_none(void **state)
{
	tco.strap = true;
	add_bridge(ICH9, 2);
	assert_int_equal(begin(30), 0);
	watchdog_feed();
	watchdog_stop();
	tco.strap = false;
	mock_pci_set32(bridge, 0xf0, RCBA); /* switched off */
	assert_int_equal(begin(30), 0);
	mock_pci_set32(bridge, 0xf0, RCBA | 1);
	mock_pci_set32(bridge, 0x40, 1); /* nowhere */
	assert_int_equal(begin(30), 0);
	assert_int_equal(tco.timer, 0);
}

static void other_bridges_are_left_alone(void **state)
{
	static const uint16_t others[] = { 0x7000, 0x7110, 0xa143, 0x2930 };

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		mock_pci_init(&pci);
		add_bridge(others[i], 2);
		assert_int_equal(begin(30), 0);
	}
	mock_pci_init(&pci);
	mock_pci_add(&pci, 0, 0x1f, 0, 0x1022, ICH9, 0x060100);
	assert_int_equal(begin(30), 0);
}

static void it_remembers_that_it_acted_and_forgets_when_told(void **state)
{
	add_bridge(ICH9, 2);
	begin(30);
	assert_false(itco_watchdog.take_expired());
	tco.sts2 = 6;
	begin(30);
	assert_int_equal(tco.sts2, 4);
}

#define CASE(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(version_2_resets_after_the_time),
		CASE(version_1_has_its_own_registers),
		CASE(feeding_begins_both_counts_anew),
		CASE(what_the_timer_cannot_hold_is_clamped),
		CASE(it_never_comes_earlier_than_asked),
		CASE(stopped_it_stays_so),
		CASE(a_timer_that_firmware_left_running_is_stopped),
		CASE(a_board_that_forbids_it_has_none),
		CASE(other_bridges_are_left_alone),
		CASE(it_remembers_that_it_acted_and_forgets_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

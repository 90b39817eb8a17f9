/* SPDX-License-Identifier: MIT */
/* Start, interrupts, link, and what happens to a card that breaks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/drivers/bench.h"

/* Frames go both ways. */
static void check_works(void)
{
	uint32_t had = bench.received, sent = bench.card.sent_count;

	assert_true(arrive(had, 200));
	run_for(10 * MS);
	assert_int_equal(bench.received, had + 1);
	check_received(had, had, 200);
	send(had, 100);
	assert_true(mock_rtl_tx_step(&bench.card, MOCK_TX_OK));
	check_sent(sent, had, 100);
}

static uint32_t times_logged(const char *text)
{
	uint32_t n = 0;

	for (const char *s = bench.log; (s = strstr(s, text)); s++)
		n++;
	return n;
}

/* --- Start ------------------------------------------------------------------
 */

/* [1] [2]: the mock's CR reads 11 before it is written, as QEMU's. */
static void the_card_starts_with_the_values_of_the_page(void **state)
{
	const struct mock_rtl *m = &bench.card;

	assert_int_equal(m->rcr, 0xf70a);
	assert_int_equal(m->tcr, m->chip | 0x03000600);
	assert_int_equal(m->cr, CR_TE | CR_RE);
	assert_int_equal(m->imr, ISR_WANTED);
	assert_int_equal(m->isr, 0);
	assert_int_equal(m->rbstart, (uintptr_t)bench.rtl->ring);
	/* I/O stays, memory and bus master come. */
	assert_int_equal(mock_pci_get16(m->pci, 4), 0x0107);
	/* LWACT and Magic go; the lock is closed again. */
	assert_int_equal(m->config1, 0x0c);
	assert_int_equal(m->config3, 0);
	assert_int_equal(m->eecr, 0);
	assert_true(bench.dev->link_up);
	check_works();
}

static void an_interrupt_that_was_disabled_is_enabled(void **state)
{
	mock_pci_set16(bench.card.pci, 4, 0x0400);
	assert_int_equal(bench_probe(), 0);
	assert_int_equal(mock_pci_get16(bench.card.pci, 4), 0x0006);
}

static void an_old_chip_is_woken_from_its_sleep(void **state)
{
	bench.card.chip = 0x70000000;
	bench.card.tcr = 0x70000000;
	bench.card.config1 = 0x13;
	assert_int_equal(bench_probe(), 0);
	assert_true(logged("RTL8139A at"));
	assert_int_equal(bench.card.config1, 0x10);
	assert_int_equal(bench.card.config3, 0x20);
}

static void an_unknown_chip_is_used_as_well(void **state)
{
	bench.card.chip = 0x7cc00000;
	bench.card.tcr = 0x7cc00000;
	assert_int_equal(bench_probe(), 0);
	assert_true(logged("unknown RTL8139 at"));
	check_works();
}

/* [3] */
static void a_reset_that_never_ends_is_an_error(void **state)
{
	bench.card.reset_stuck = true;
	assert_int_equal(bench_probe(), -EIO);
	assert_true(arch_clock_ns() >= 100 * MS);
	assert_true(arch_clock_ns() < 120 * MS);
	assert_true(logged("does not answer"));
}

/* [4] */
static void a_slow_reset_is_waited_for(void **state)
{
	bench.card.reset_ns = 90 * MS;
	assert_int_equal(bench_probe(), 0);
	run_for(MS);
	check_works();
}

static void an_absent_card_is_an_error(void **state)
{
	bench.card.gone = true;
	assert_int_equal(bench_probe(), -EIO);
	assert_int_equal(bench.card.resets, 0);
}

static void a_card_that_reads_zero_is_an_error(void **state)
{
	bench.card.decode_off = true;
	assert_int_equal(bench_probe(), -EIO);
}

static void enables_that_fall_out_are_set_again(void **state)
{
	bench.card.drops_enables = true;
	assert_int_equal(bench_probe(), 0);
	run_for(MS);
	check_works();
	assert_int_equal(recovered(), 0);
}

/* --- Strictness --------------------------------------------------------------
 */

static bool panics(void (*what)(uint32_t reg), uint32_t reg)
{
	jmp_buf env;

	if (setjmp(env) != 0)
		return true;
	host_expect_panic(&env);
	what(reg);
	host_expect_panic(NULL);
	return false;
}

static void access8(uint32_t reg)
{
	arch_read8(bench.rtl->regs + reg);
}

static void access16(uint32_t reg)
{
	arch_read16(bench.rtl->regs + reg);
}

static void access32(uint32_t reg)
{
	arch_read32(bench.rtl->regs + reg);
}

/* [7]: what QEMU ignores in silence, and what is no register. */
static void an_access_of_another_width_fails_the_test(void **state)
{
	assert_true(panics(access8, RTL_ISR));
	assert_false(panics(access16, RTL_ISR));
	assert_true(panics(access32, RTL_IMR));
	assert_true(panics(access16, RTL_CR));
	assert_true(panics(access16, RTL_TSD0));
	assert_true(panics(access8, RTL_RCR));
	assert_true(panics(access32, RTL_TSAD));
	/* 8139C+: the mode that ends the classic one. */
	assert_true(panics(access16, 0xe0));
	assert_true(panics(access8, 0xd9));
}

static void write_rcr(uint32_t v)
{
	arch_write32(bench.rtl->regs + RTL_RCR, v);
}

static void receive_at_the_end(uint32_t offset)
{
	mock_rtl_set_offset(&bench.card, offset);
	arrive(1, 1514);
}

/* A frame that goes on behind the ring is memory that nobody lent. */
static void dma_behind_the_ring_fails_the_test(void **state)
{
	assert_false(panics(receive_at_the_end, 32768 - 600));
	bench_start(NULL);
	write_rcr(0xf78a);
	assert_true(panics(receive_at_the_end, 32768 - 600));
}

/* [23] */
static void the_ring_stays_where_it_is_while_used(void **state)
{
	jmp_buf env;

	if (setjmp(env) == 0) {
		host_expect_panic(&env);
		arch_write32(bench.rtl->regs + RTL_RBSTART, 0x100000);
		fail();
	}
}

/* --- Filter ------------------------------------------------------------------
 */

static bool passes(const uint8_t to[6])
{
	uint8_t bytes[60] = { 0 };

	memcpy(bytes, to, 6);
	return mock_rtl_rx_filtered(&bench.card, bytes, 60);
}

/* [24]: own address and broadcast, nothing else; we are in no group. */
static void only_frames_for_us_and_broadcasts_arrive(void **state)
{
	static const uint8_t mdns[6] = { 1, 0, 0x5e, 0, 0, 0xfb };
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	uint8_t other[6];

	memcpy(other, bench.dev->mac, 6);
	other[5] ^= 1;
	assert_true(passes(bench.dev->mac));
	assert_true(passes(all));
	assert_false(passes(other));
	assert_false(passes(mdns));
	run_for(MS);
	assert_int_equal(bench.received, 2);
	assert_int_equal(recovered(), 0);
}

/* [24]: 224.0.0.251 has the hash 0f, by the rule that Linux, FreeBSD and QEMU
 * share; so a card that let everything through would be noticed above. */
static void the_filter_of_the_card_knows_groups(void **state)
{
	static const uint8_t mdns[6] = { 1, 0, 0x5e, 0, 0, 0xfb };
	uint32_t passed = 0;

	write_rcr(0xf70e);
	for (unsigned i = 0; i < 64; i++) {
		uint64_t mar = 1ull << i;

		arch_write32(bench.rtl->regs + RTL_MAR0, (uint32_t)mar);
		arch_write32(bench.rtl->regs + RTL_MAR4, mar >> 32);
		if (!passes(mdns))
			continue;
		assert_int_equal(i, 0x0f);
		passed++;
	}
	assert_int_equal(passed, 1);
}

/* --- Interrupts --------------------------------------------------------------
 */

static void a_batch_costs_one_interrupt(void **state)
{
	uint64_t before = bench.dev->stats.interrupts;
	unsigned long irq = arch_irq_save();

	for (uint32_t i = 0; i < 30; i++)
		arrive(i, 100);
	arch_irq_restore(irq);
	run_for(MS);
	assert_int_equal(bench.received, 30);
	assert_int_equal(bench.dev->stats.interrupts, before + 1);
}

static bool other_asked;

static bool other_device(void *arg)
{
	host_irq_lower(IRQ);
	mock_rtl_update(&bench.card);
	other_asked = true;
	return true;
}

/* [38] */
static void a_shared_line_is_left_to_the_other_device(void **state)
{
	uint64_t reads = bench.card.isr_reads;

	arch_irq_attach(IRQ, other_device, NULL);
	other_asked = false;
	host_irq_raise(IRQ);
	host_irq_deliver();
	assert_true(other_asked);
	assert_int_equal(counter(RTL_IRQ_FOREIGN), 1);
	assert_int_equal(bench.card.isr_reads, reads + 1);
	assert_int_equal(bench.card.imr, ISR_WANTED);
	check_works();
}

/* ISR shows causes whatever IMR says: while masked, none of them is ours. */
static void a_masked_card_claims_no_interrupt(void **state)
{
	arrive(1, 100);
	arch_irq_attach(IRQ, other_device, NULL);
	arch_read16(bench.rtl->regs + RTL_ISR); /* delivers */
	assert_int_equal(bench.card.imr, 0);

	uint64_t before = bench.dev->stats.interrupts;

	uint64_t accesses = bench.card.accesses;

	other_asked = false;
	host_irq_raise(IRQ);
	host_irq_deliver();
	assert_true(other_asked);
	assert_int_equal(bench.dev->stats.interrupts, before);
	assert_int_equal(bench.card.accesses, accesses);
}

/* --- [40]: nothing slips between two accesses
 * --------------------------------- */

static struct {
	uint64_t at[2]; /* access numbers */
	uint32_t arrived;
	bool silent; /* a frame lies there whose cause is still to come */
	void (*step[2])(struct mock_rtl *m);
} inject;

static void step_frame(struct mock_rtl *m)
{
	inject.arrived += arrive(1000 + inject.arrived, 80);
}

static void step_sent(struct mock_rtl *m)
{
	while (mock_rtl_tx_step(m, MOCK_TX_OK))
		;
}

static void step_memory(struct mock_rtl *m)
{
	inject.silent = mock_rtl_rx_silent(m, frame(1000, 80), 80);
	inject.arrived += inject.silent;
}

static void step_cause(struct mock_rtl *m)
{
	if (inject.silent)
		mock_rtl_raise(m, ISR_ROK);
	inject.silent = false;
}

static void inject_at(struct mock_rtl *m, uint64_t access)
{
	for (unsigned i = 0; i < 2; i++)
		if (access == inject.at[i])
			inject.step[i](m);
}

/* One life of a card in which something happens at two given accesses.  Returns
 * how many accesses it had. */
static uint64_t live(uint64_t first, uint64_t second,
    void (*step)(struct mock_rtl *m), void (*then)(struct mock_rtl *m))
{
	uint32_t arrived = 0;

	bench_power_on(NULL);
	inject.at[0] = first;
	inject.at[1] = second;
	inject.arrived = 0;
	inject.silent = false;
	inject.step[0] = step;
	inject.step[1] = then;
	bench.card.hook = inject_at;
	assert_int_equal(bench_probe(), 0);
	run_for(2 * MS);
	for (uint32_t i = 0; i < 3; i++) {
		arrived += arrive(i, 100);
		if (i > 0)
			run_for(2 * MS);
	}
	for (uint32_t i = 0; i < 7; i++)
		send(i, 100);
	run_for(2 * MS);
	for (uint32_t i = 0; i < 7; i++) {
		mock_rtl_tx_step(&bench.card, MOCK_TX_OK);
		run_for(2 * MS);
	}
	assert_int_equal(bench.card.sent_count, 7);
	/* An overflow is acknowledged late, after the ring was looked at. */
	mock_rtl_raise(&bench.card, ISR_RXOVW);
	run_for(2 * MS);
	step_cause(&bench.card);
	arrived += arrive(9, 100);
	run_for(10 * MS);
	/* Long before the first look. */
	assert_true(arch_clock_ns() < 500 * MS);
	if (!bench.card.wiped)
		assert_int_equal(bench.received, arrived + inject.arrived);
	assert_int_equal(bench.card.imr, ISR_WANTED);
	return bench.card.accesses;
}

static void no_frame_is_lost_between_any_two_accesses(void **state)
{
	uint64_t last = live(0, 0, step_frame, step_frame);

	assert_true(last > 100);
	for (uint64_t k = 1; k <= last; k++)
		live(k, 0, step_frame, step_frame);
}

static void no_two_frames_are_lost_between_accesses(void **state)
{
	uint64_t last = live(0, 0, step_frame, step_frame);

	for (uint64_t k = 1; k <= last; k++)
		for (uint64_t gap = 1; gap < 11; gap++)
			live(k, k + gap, step_frame, step_frame);
}

/* Memory first, its cause some accesses later: the ring decides, and an
 * interrupt for what was taken already does no harm. */
static void no_frame_is_lost_before_its_cause(void **state)
{
	uint64_t last = live(0, 0, step_memory, step_cause);

	for (uint64_t k = 1; k <= last; k++)
		for (uint64_t gap = 1; gap < 6; gap++)
			live(k, k + gap, step_memory, step_cause);
}

static void no_end_of_a_transmission_is_lost(void **state)
{
	uint64_t last = live(0, 0, step_sent, step_sent);

	for (uint64_t k = 1; k <= last; k++) {
		live(k, 0, step_sent, step_sent);
		live(k, k + 1 + k % 8, step_sent, step_sent);
	}
}

/* --- Link
 * ---------------------------------------------------------------------- */

/* [34] */
static void every_edge_of_the_link_is_told_once(void **state)
{
	uint64_t before = bench.dev->stats.link_changes;

	for (uint32_t i = 0; i < 1000; i++) {
		mock_rtl_set_link(&bench.card, i % 2);
		run_for(10 * US);
		assert_int_equal(bench.dev->link_up, i % 2);
	}
	assert_int_equal(bench.dev->stats.link_changes, before + 1000);
	assert_int_equal(recovered(), 0);
	check_works();
}

/* [35] */
static void a_link_event_without_a_change_is_nothing(void **state)
{
	uint64_t before = bench.dev->stats.link_changes;

	for (uint32_t i = 0; i < 100; i++) {
		mock_rtl_raise(&bench.card, ISR_PUN);
		run_for(10 * US);
	}
	assert_int_equal(bench.dev->stats.link_changes, before);
	assert_int_equal(recovered(), 0);
	assert_int_equal(bench.card.isr, 0);
}

/* The first read of BMSR tells the past. */
static void a_flap_that_is_over_is_no_loss(void **state)
{
	uint64_t before = bench.dev->stats.link_changes;
	unsigned long irq = arch_irq_save();

	mock_rtl_set_link(&bench.card, false);
	mock_rtl_set_link(&bench.card, true);
	arch_irq_restore(irq);
	run_for(MS);
	assert_true(bench.dev->link_up);
	assert_int_equal(bench.dev->stats.link_changes, before);
}

static void a_link_change_without_an_event_is_seen_by_the_look(void **state)
{
	bench.card.link = false;
	run_for(NS_PER_S);
	assert_false(bench.dev->link_up);
}

static void a_card_may_start_without_a_link(void **state)
{
	bench.card.link = false;
	assert_int_equal(bench_probe(), 0);
	assert_true(logged("link down"));
	assert_false(bench.dev->link_up);
	mock_rtl_set_link(&bench.card, true);
	run_for(MS);
	assert_true(bench.dev->link_up);
	check_works();
}

/* --- Errors
 * -------------------------------------------------------------------- */

static void a_receive_error_is_counted(void **state)
{
	mock_rtl_raise(&bench.card, ISR_RER);
	run_for(MS);
	assert_int_equal(bench.dev->stats.rx_errors, 1);
	assert_int_equal(recovered(), 0);
	check_works();
}

/* [44] */
static void a_pci_error_resets_the_card(void **state)
{
	for (uint32_t i = 0; i < 6; i++)
		send(i, 100);
	mock_pci_set16(bench.card.pci, 6, 0x2280);
	mock_rtl_raise(&bench.card, ISR_SERR);
	run_for(MS);
	assert_int_equal(faults(FAULT_PCI), 1);
	assert_int_equal(mock_pci_get16(bench.card.pci, 6), 0x0280);
	assert_true(logged("a PCI error (PCI status 2000"));
	assert_int_equal(bench.stack.drop[DROP_NETDEV_RESET], 4);
	while (mock_rtl_tx_step(&bench.card, MOCK_TX_OK))
		run_for(10 * US);
	check_works();
	run_for(2 * NS_PER_S);
	check_pool_full();
}

/* The reset gives packets back; the card must not read them any more. */
static bool master_when_freed;

static void watch_free(struct mock_rtl *m, uint64_t access)
{
	uint32_t on_card = 0;

	for (unsigned i = 0; i < RTL_SLOTS; i++)
		on_card += bench.rtl->slot[i].p != NULL;
	if (on_card == 0 && mock_rtl_tx_pending(m) > 0 &&
	    mock_pci_get16(m->pci, 4) & 4)
		master_when_freed = true;
}

static void a_reset_frees_packets_only_when_dma_has_ended(void **state)
{
	master_when_freed = false;
	for (uint32_t i = 0; i < 4; i++)
		send(i, 100);
	bench.card.hook = watch_free;
	mock_rtl_raise(&bench.card, ISR_SERR);
	run_for(MS);
	assert_int_equal(recovered(), 1);
	assert_false(master_when_freed);
	check_works();
}

static void a_card_that_stopped_by_itself_is_started_again(void **state)
{
	bench.card.cr = 0;
	run_for(NS_PER_S);
	assert_int_equal(faults(FAULT_HALTED), 1);
	check_works();
}

/* In QEMU the card without bus mastering receives, and writes nothing. */
static void stray_arrives(struct mock_rtl *m, uint64_t access)
{
	if (mock_rtl_tx_pending(m) > 0 && m->sent_count == 0)
		mock_rtl_rx(m, frame(1, 100), 100);
}

/* [8] */
static void a_card_that_does_not_reach_memory_is_named(void **state)
{
	bench.card.loses_dma = true;
	assert_int_equal(bench_probe(), 0);
	/* What it read as zeros is for nobody. */
	assert_true(logged("did not come back"));
	bench_power_on(NULL);
	bench.card.loses_dma = true;
	bench.card.hook = stray_arrives;
	assert_int_equal(bench_probe(), 0);
	assert_true(logged("memory shows none: bus mastering is off"));
}

static void a_card_without_loopback_is_used_as_well(void **state)
{
	bench.card.no_loopback = true;
	assert_int_equal(bench_probe(), 0);
	assert_true(logged("did not come back"));
	run_for(MS);
	check_works();
}

static void the_self_test_is_silent_on_a_good_card(void **state)
{
	assert_int_equal(bench_probe(), 0);
	assert_false(logged("memory shows none"));
	assert_false(logged("did not come back"));
	assert_int_equal(bench.card.sent_count, 0);
	assert_int_equal(bench.card.tcr & 0x60000, 0);
	assert_int_equal(bench.dev->stats.rx_frames, 0);
}

/* [8] */
static void a_card_that_lost_bus_mastering_gets_it_back(void **state)
{
	mock_pci_set16(bench.card.pci, 4, 0x0003);
	run_for(NS_PER_S);
	assert_int_equal(faults(FAULT_HALTED), 1);
	assert_int_equal(mock_pci_get16(bench.card.pci, 4), 0x0007);
	check_works();
}

/* A card that breaks at once, always. */
static void break_soon(struct mock_rtl *m, uint64_t access)
{
	if (m->imr != 0)
		m->isr |= ISR_SERR;
	mock_rtl_update(m);
}

static void a_card_that_keeps_breaking_is_given_rest(void **state)
{
	bench.card.hook = break_soon;
	mock_rtl_raise(&bench.card, ISR_SERR);
	run_for(10 * NS_PER_S);
	assert_true(recovered() <= 44);
	assert_true(recovered() >= 10);
	assert_true(counter(RTL_RESETS_DELAYED) >= 8);
	/* Not a line for each. */
	assert_true(times_logged("reset after") <= 2);
	bench.card.hook = NULL;
	run_for(3 * NS_PER_S);
	check_works();
}

static void packets_wait_while_the_card_rests(void **state)
{
	bench.card.hook = break_soon;
	mock_rtl_raise(&bench.card, ISR_SERR);
	run_for(100 * MS);
	assert_int_equal(bench.rtl->state, RTL_RESTING);
	/* It cannot reach the packets that it had. */
	assert_int_equal(mock_pci_get16(bench.card.pci, 4) & 4, 0);
	bench.card.hook = NULL;
	for (uint32_t i = 0; i < 5; i++)
		send(i, 100);
	assert_int_equal(bench.dev->queue_len, 5);
	run_for(2 * NS_PER_S);
	assert_int_equal(mock_rtl_tx_pending(&bench.card), 4);
	check_works();
}

/* --- A card that goes
 * ------------------------------------------------------------ */

static void check_dead(const char *why)
{
	assert_int_equal(bench.rtl->state, RTL_DEAD);
	assert_false(bench.dev->link_up);
	assert_int_equal(times_logged(why), 1);
	check_pool_full();
	/* It costs nothing more. */
	uint64_t accesses = bench.card.accesses;

	send(1, 100);
	run_for(20 * NS_PER_S);
	assert_int_equal(bench.card.accesses, accesses);
	assert_int_equal(times_logged(why), 1);
	check_pool_full();
}

/* [42] */
static void a_card_that_vanishes_is_given_up(void **state)
{
	for (uint32_t i = 0; i < 9; i++)
		send(i, 100);
	bench.card.gone = true;
	mock_rtl_update(&bench.card);
	run_for(2 * NS_PER_S);
	assert_int_equal(bench.stack.drop[DROP_NETDEV_RESET], 4);
	assert_int_equal(bench.stack.drop[DROP_NETDEV_DOWN], 5);
	check_dead("is gone: its registers read as all ones");
}

/* [42]: the poll does not take all ones for causes to work on. */
static void a_card_that_vanishes_before_a_poll_is_given_up_by_it(void **state)
{
	bench.card.gone = true;
	netdev_schedule(bench.dev);
	run_for(MS);
	assert_int_equal(recovered(), 0);
	check_dead("is gone: its registers read as all ones");
}

/* [42]: wherever the driver just is. */
static uint64_t vanish_access;

static void vanish_at(struct mock_rtl *m, uint64_t access)
{
	if (access == vanish_access) {
		m->gone = true;
		mock_rtl_update(m);
	}
}

static void a_card_may_vanish_at_any_access(void **state)
{
	for (uint64_t k = 1; k <= 60; k++) {
		bench_start(NULL);
		vanish_access = bench.card.accesses + k;
		bench.card.hook = vanish_at;
		for (uint32_t i = 0; i < 6; i++) {
			arrive(i, 100);
			send(i, 100);
			run_for(10 * US);
		}
		run_for(20 * NS_PER_S);
		check_dead("it stays off");
	}
}

/* [43] */
static void a_card_without_its_address_is_given_it_back(void **state)
{
	/* Old headers lie ahead: none of them may be taken again. */
	for (uint32_t i = 0; i < 300; i++) {
		arrive(i, 300);
		run_for(10 * US);
	}
	assert_int_equal(bench.received, 300);
	mock_pci_set16(bench.card.pci, 4, 0);
	netdev_schedule(bench.dev);
	run_for(MS);
	assert_int_equal(bench.received, 300);
	assert_int_equal(faults(FAULT_HALTED), 1);
	check_works();
}

/* [43] */
static void a_card_that_reads_zero_for_ever_is_given_up(void **state)
{
	bench.card.decode_off = true;
	run_for(20 * NS_PER_S);
	assert_int_equal(bench.received, 0);
	check_dead("does not come out of reset");
}

int main(void)
{
#define COLD(fn) cmocka_unit_test_setup(fn, bench_power_on)
#define CASE(fn) cmocka_unit_test_setup(fn, bench_start)
	const struct CMUnitTest tests[] = {
		CASE(the_card_starts_with_the_values_of_the_page),
		COLD(an_interrupt_that_was_disabled_is_enabled),
		COLD(an_old_chip_is_woken_from_its_sleep),
		COLD(an_unknown_chip_is_used_as_well),
		COLD(a_reset_that_never_ends_is_an_error),
		COLD(a_slow_reset_is_waited_for),
		COLD(an_absent_card_is_an_error),
		COLD(a_card_that_reads_zero_is_an_error),
		COLD(enables_that_fall_out_are_set_again),
		CASE(an_access_of_another_width_fails_the_test),
		CASE(dma_behind_the_ring_fails_the_test),
		CASE(the_ring_stays_where_it_is_while_used),
		CASE(only_frames_for_us_and_broadcasts_arrive),
		CASE(the_filter_of_the_card_knows_groups),
		CASE(a_batch_costs_one_interrupt),
		CASE(a_shared_line_is_left_to_the_other_device),
		CASE(a_masked_card_claims_no_interrupt),
		COLD(no_frame_is_lost_between_any_two_accesses),
		COLD(no_two_frames_are_lost_between_accesses),
		COLD(no_frame_is_lost_before_its_cause),
		COLD(no_end_of_a_transmission_is_lost),
		CASE(every_edge_of_the_link_is_told_once),
		CASE(a_link_event_without_a_change_is_nothing),
		CASE(a_flap_that_is_over_is_no_loss),
		CASE(a_link_change_without_an_event_is_seen_by_the_look),
		COLD(a_card_may_start_without_a_link),
		CASE(a_receive_error_is_counted),
		CASE(a_pci_error_resets_the_card),
		CASE(a_reset_frees_packets_only_when_dma_has_ended),
		CASE(a_card_that_stopped_by_itself_is_started_again),
		COLD(a_card_that_does_not_reach_memory_is_named),
		COLD(a_card_without_loopback_is_used_as_well),
		COLD(the_self_test_is_silent_on_a_good_card),
		CASE(a_card_that_lost_bus_mastering_gets_it_back),
		CASE(a_card_that_keeps_breaking_is_given_rest),
		CASE(packets_wait_while_the_card_rests),
		CASE(a_card_that_vanishes_is_given_up),
		CASE(a_card_that_vanishes_before_a_poll_is_given_up_by_it),
		COLD(a_card_may_vanish_at_any_access),
		CASE(a_card_without_its_address_is_given_it_back),
		CASE(a_card_that_reads_zero_for_ever_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

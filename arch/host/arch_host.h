/* SPDX-License-Identifier: MIT */
/*
 * The machine in a process, as tests and mock devices see it.  arch/host
 * implements arch.h with fibers, a fake clock and mock devices; this header is
 * the other side: what moves the clock, raises interrupts and answers register
 * accesses.
 *
 * Nothing happens by itself.  The clock stands at 0 after host_reset and moves
 * only in host_clock_advance, arch_delay_us and arch_idle, so every run is
 * repeatable.  arch_idle jumps to whichever comes first: the armed timer or the
 * next machine event (host_at).
 *
 * Includes libc's headers only; usable next to them.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"

/* Everything below back to the start: clock 0, no events, lines low and
 * detached, interrupts enabled, no mocks, all memory and stacks forgotten, seed
 * 1.  Call it first in each test, from main; sched_init comes after it. */
void host_reset(void);

/* --- The clock and machine events ---------------------------------------- */

/* Moves the clock and runs the machine events that fall due, each at its own
 * time; then delivers interrupts, when they are enabled. */
void host_clock_advance(uint64_t ns);

/* Sets the clock to 0 and forgets all events and the armed timer. */
void host_clock_reset(void);

/* A guard against tests that never end: reaching limit_ns is a panic.  0: no
 * limit (after host_reset). */
void host_clock_limit(uint64_t limit_ns);

/*
 * Runs fn(arg) when the clock reaches deadline_ns (the past: at the next move
 * of the clock, or arch_idle).  Events of one time run in the order they were
 * made.  fn runs with interrupts disabled, as a device would work: it may
 * change mock registers, host_irq_raise, host_at, bh_schedule; it may not
 * switch threads.  An event always ends an arch_idle in progress.
 */
void host_at(uint64_t deadline_ns, void (*fn)(void *arg), void *arg);

/* Forgets every event with this function and argument. */
void host_cancel(void (*fn)(void *arg), void *arg);

/* How many events wait. */
size_t host_events(void);

/* Called instead of the panic when every thread waits, no timer is armed and no
 * event is pending.  It may longjmp away, or make something happen (host_at,
 * bh_schedule) and return.  NULL: panic. */
void host_on_deadlock(void (*fn)(void));

/* --- Interrupts ---------------------------------------------------------- */

/*
 * Sets the level of a line: 0-15, or a GSI up to 31.  Raising only marks:
 * handlers that arch_irq_attach attached run, with interrupts disabled, at the
 * next of these while interrupts are enabled: the end of a register or port
 * access, the end of host_clock_advance or arch_delay_us, arch_irq_restore,
 * arch_idle, or host_irq_deliver.  So a mock is never re-entered in the middle
 * of its own function.
 *
 * Level semantics: handlers run again and again until the line is low, or until
 * nobody claimed it ARCH_IRQ_STORM times, which masks it.  A line that is
 * claimed 1000 times and stays high is a panic, where the real machine would
 * hang.  The machine has an 8259, GSI 0 to 23, and its SCI at 9.
 */
void host_irq_raise(unsigned line);
void host_irq_lower(unsigned line);

/* Delivers what is raised, when interrupts are enabled. */
void host_irq_deliver(void);
bool host_irq_enabled(void);

/* --- Registers and ports ------------------------------------------------- */

/* A mock device.  off counts from the base it was set at; width is 1, 2 or 4
 * bytes; values are zero-extended.  Both functions must be set. */
struct host_mmio_ops {
	uint32_t (*read)(void *ctx, uint32_t off, unsigned width);
	void (*write)(void *ctx, uint32_t off, unsigned width, uint32_t v);
};

/*
 * Answers register accesses in [base, base + size) once arch_map_device mapped
 * them (which returns a fake pointer, never to be dereferenced), or port
 * accesses in [base, base + size).  Setting the same base again replaces; NULL
 * ops removes.  Up to 8 of each.  Whatever no mock answers reads as all ones,
 * and writes to it are lost.
 */
void host_set_mmio(
    paddr_t base, size_t size, const struct host_mmio_ops *ops, void *ctx);
void host_set_ports(
    uint16_t base, uint16_t size, const struct host_mmio_ops *ops, void *ctx);

/* What arch_bus_is_free finds taken. */
#define HOST_BUS_TAKEN       0xfeb00000u
#define HOST_BUS_TAKEN_BYTES 0x100000u

/* --- Memory -------------------------------------------------------------- */

/*
 * The len bytes of arch_mem_alloc memory at this device address.  A pointer to
 * such memory and its device address have the same value, below 4 GiB, and a
 * mock card reads and writes through it.  Memory that was not allocated is a
 * panic: a card would have overwritten something.
 */
void *host_dma_to_ptr(paddr_t addr, size_t len);

/* Whether host_dma_to_ptr would accept it. */
bool host_dma_valid(paddr_t addr, size_t len);

/* Forgets all memory from arch_mem_alloc. */
void host_mem_reset(void);

/* Lets arch_mem_alloc hand out only so many bytes in all (at most 512 MiB, the
 * default), to test exhaustion. */
void host_mem_limit(size_t bytes);

/* --- Chance -------------------------------------------------------------- */

/* arch_random64 repeats the same sequence after the same seed. */
void host_seed(uint64_t seed);

/* Makes arch_random64 return false, as a CPU without RDRAND does. */
void host_set_random(bool present);

/* --- The machine as a whole ---------------------------------------------- */

/* arch_reset and arch_power_off are panics with the words "the machine was
 * reset" and "the machine was switched off".  After host_stay_on the machine
 * does not know how to switch off. */
void host_stay_on(void);

/* The next arch_power_button returns true, once. */
void host_press_power_button(void);

/* One interrupt of arch_watch: what its check says, or NULL; and whether there
 * is a check.  Nothing calls it by itself. */
const char *host_watch(void);
bool host_watched(void);

/* --- Panic --------------------------------------------------------------- */

/*
 * The next panic jumps to where (once) instead of aborting; NULL expects none.
 * A panic on another fiber first switches back to the one that called this;
 * call sched_init before using threads again then.
 *
 *	jmp_buf env;
 *	if (setjmp(env) == 0) {
 *		host_expect_panic(&env);
 *		pool_put(&p, stranger);
 *		fail();
 *	}
 *	assert_non_null(strstr(host_panic_text(), "belong"));
 */
void host_expect_panic(jmp_buf *where);

/* The message of the last panic, "" when there was none. */
const char *host_panic_text(void);

/* Called before a panic that nobody expected aborts, to print who waits and
 * what ran (tests/support sets it). */
void host_set_panic_report(void (*fn)(void));

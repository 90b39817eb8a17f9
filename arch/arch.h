/* SPDX-License-Identifier: MIT */
/*
 * The only face of the machine.  arch/x86_64 implements it on the CPU,
 * arch/host in a process: fibers, a fake clock that jumps when the machine
 * would halt, and register accesses that reach a mock card.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

/* An address as a device sees it; never a pointer. */
typedef uint64_t paddr_t;

#define ARCH_TIMER_NEVER UINT64_MAX

/* --- Interrupts ---------------------------------------------------------- */

/* Disables interrupts; returns the state for arch_irq_restore.  Nests. */
unsigned long arch_irq_save(void);
void arch_irq_restore(unsigned long state);

/*
 * Interrupt lines: 0 to 15 are the pins of the 8259 pair, ARCH_IRQ_GSI + n is
 * the IO-APICs' pin n (a global system interrupt).  A card's interrupt may
 * arrive at several of them, or at none.
 */
#define ARCH_IRQ_GSI      0x100u
#define ARCH_IRQ_INVERTED 0x1000u /* with a GSI: the other polarity */
#define ARCH_IRQ_STORM    20000u  /* interrupts of nobody in a second */

/*
 * Lists the lines at which a PCI card may be whose interrupt-line register
 * holds hint, the likeliest first; none of those that the machine itself uses.
 * Returns how many, at most max.
 */
size_t arch_irq_candidates(uint8_t hint, unsigned *line, size_t max);

/*
 * Attaches a handler to a line, level triggered, and unmasks it.  A shared line
 * calls every handler; each returns whether its device asked.  A line that
 * rings ARCH_IRQ_STORM times in a second without being claimed is masked for
 * good.  Returns 0, -EINVAL for a line that does not exist or that the machine
 * needs, -EBUSY when too many share it.  Context: thread.
 */
int arch_irq_attach(unsigned line, bool (*handler)(void *arg), void *arg);

/* Takes it away again; the last one masks the line, and ends its storm.
 * Context: any, also the handler itself. */
void arch_irq_detach(unsigned line, bool (*handler)(void *arg), void *arg);

/* Whether the line was masked because nobody claimed it. */
bool arch_irq_is_storm(unsigned line);

/*
 * Halts until an interrupt.  Called with interrupts disabled, so that nothing
 * slips in between the caller's last look and the halt; returns with them
 * enabled.
 */
void arch_idle(void);

/* --- Threads ------------------------------------------------------------- */

#ifdef RINGLET_HOST
#define ARCH_STACK_BYTES (256 * 1024) /* sanitizers and libc need room */
#else
#define ARCH_STACK_BYTES (16 * 1024)
#endif

struct arch_context {
	void *opaque[4];
};

/* Makes ctx run entry on the stack when first switched to; entry never
 * returns. */
void arch_context_init(
    struct arch_context *ctx, void *stack, size_t size, void (*entry)(void));
void arch_context_switch(struct arch_context *from, struct arch_context *to);

/* Releases what the machine holds for a context that never runs again.  It may
 * not be the one that is running. */
void arch_context_free(struct arch_context *ctx);

/* --- Memory -------------------------------------------------------------- */

/* Memory that is never freed: below 4 GiB, physically contiguous, of undefined
 * contents, aligned to align (a power of two, at least 16).  NULL when none is
 * left. */
void *arch_mem_alloc(size_t size, size_t align);

/* The largest block that arch_mem_alloc could still return, in bytes. */
size_t arch_mem_available(void);

/* A stack: as arch_mem_alloc, with an unmapped page on either side. */
void *arch_stack_alloc(size_t size);

/* The address of memory from arch_mem_alloc as a device sees it. */
paddr_t arch_dma_addr(const void *p);

/* Maps a device's registers, uncached.  NULL when that is impossible. */
volatile void *arch_map_device(paddr_t base, size_t size);

/* Maps video memory for writing, so that the CPU combines writes where it can.
 * NULL when that is impossible. */
void *arch_map_framebuffer(paddr_t base, size_t size);

/* Whether nothing is known to lie at these addresses, so that a device may be
 * put there. */
bool arch_bus_is_free(paddr_t base, size_t size);

/* --- Registers: one access of exactly this width ------------------------- */

uint8_t arch_read8(const volatile void *reg);
uint16_t arch_read16(const volatile void *reg);
uint32_t arch_read32(const volatile void *reg);
void arch_write8(volatile void *reg, uint8_t v);
void arch_write16(volatile void *reg, uint16_t v);
void arch_write32(volatile void *reg, uint32_t v);

/* Ports of the I/O space. */
uint8_t arch_in8(uint16_t port);
uint16_t arch_in16(uint16_t port);
uint32_t arch_in32(uint16_t port);
void arch_out8(uint16_t port, uint8_t v);
void arch_out16(uint16_t port, uint16_t v);
void arch_out32(uint16_t port, uint32_t v);

/* Keeps the compiler from moving memory accesses across; x86 and its devices
 * need no more (docs/RTL8139.md, ordering). */
static inline void arch_barrier(void)
{
	__asm__ volatile("" ::: "memory");
}

/* --- Time and chance ----------------------------------------------------- */

/* Nanoseconds since kernel entry; never goes back. */
uint64_t arch_clock_ns(void);

/* Arms the one-shot timer: an interrupt, which only ends arch_idle, comes at
 * or soon after deadline_ns.  Replaces the previous deadline. */
void arch_timer_arm(uint64_t deadline_ns);

/* Busy-waits; for device resets of microseconds. */
void arch_delay_us(uint32_t us);

/*
 * Calls check once each period_ns, in the timer's interrupt: whatever the CPU
 * does then, as long as it takes interrupts.  A text that check returns becomes
 * a panic, which shows what was interrupted; NULL: all is well.  A check of
 * NULL ends it.  Context: thread; check's is interrupt.
 */
void arch_watch(uint64_t period_ns, const char *(*check)(void));

/* Fills out with hardware randomness; false when the CPU has none. */
bool arch_random64(uint64_t *out);

/* --- The machine as a whole ---------------------------------------------- */

/* Restarts the machine, by whichever way works.  Context: any, also a panic
 * before anything was set up. */
noreturn void arch_reset(void);

/* Switches the machine off.  Returns when it does not know how. */
void arch_power_off(void);

/* Whether its power button was pressed since the last call; false on machines
 * that do not show it. */
bool arch_power_button(void);

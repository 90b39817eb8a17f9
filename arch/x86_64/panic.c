/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/panic.h"

#include <stdarg.h>
#include <stdbool.h>

#include "arch/arch.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/ksyms.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/traps.h"
#include "lib/assert.h"
#include "lib/fmt.h"
#include "lib/log.h"

#define WALK_MAX         1024
#define BACKTRACE_MAX    32
#define REBOOT_DEFAULT_S 10
#define ACTS_MAX         4

/* gcc's stack protector, with the guard in a global. */
uintptr_t __stack_chk_guard = 0x52696e676c657400;
noreturn void __stack_chk_fail(void);

static void no_watchdog(void)
{
}

static struct {
	int reboot_s;
	bool panicking;
	void (*act[ACTS_MAX])(void);
	unsigned acts, acts_begun;
	char message[256];
	void (*feed_watchdog)(void);
	void (*stop_watchdog)(void);
} state = { .reboot_s = REBOOT_DEFAULT_S,
	.feed_watchdog = no_watchdog,
	.stop_watchdog = no_watchdog };

void panic_set_policy(int reboot_s)
{
	state.reboot_s = reboot_s;
}

void panic_set_watchdog(void (*feed)(void), void (*stop)(void))
{
	state.feed_watchdog = feed;
	state.stop_watchdog = stop;
}

void panic_add_act(void (*act)(void))
{
	assert(state.acts < ACTS_MAX);
	state.act[state.acts++] = act;
}

static void print_registers(const struct trap_frame *f)
{
	typedef unsigned long long u64;

	log_line("  rip %016llx  cs %02llx  rflags %06llx  rsp %016llx",
	    (u64)f->rip, (u64)f->cs, (u64)f->rflags, (u64)f->rsp);
	log_line("  rax %016llx  rbx %016llx  rcx %016llx", (u64)f->rax,
	    (u64)f->rbx, (u64)f->rcx);
	log_line("  rdx %016llx  rsi %016llx  rdi %016llx", (u64)f->rdx,
	    (u64)f->rsi, (u64)f->rdi);
	log_line("  rbp %016llx  r8  %016llx  r9  %016llx", (u64)f->rbp,
	    (u64)f->r8, (u64)f->r9);
	log_line("  r10 %016llx  r11 %016llx  r12 %016llx", (u64)f->r10,
	    (u64)f->r11, (u64)f->r12);
	log_line("  r13 %016llx  r14 %016llx  r15 %016llx", (u64)f->r13,
	    (u64)f->r14, (u64)f->r15);
	log_line("  cr2 %016llx  cr3 %016llx", (u64)cpu_fault_address(),
	    (u64)cpu_page_root());
}

/* A return address may lie behind the function that made the call, when that
 * ends in a call that never returns: so the byte before it tells the name. */
static void print_address(int depth, uint64_t address, bool is_return)
{
	uint32_t offset = 0;
	const char *name = ksyms_find(address - is_return, &offset);

	if (name == NULL) {
		log_line("  #%-2d %016llx", depth, (unsigned long long)address);
		return;
	}
	log_line("  #%-2d %016llx %s+0x%x", depth, (unsigned long long)address,
	    name, offset + is_return);
}

/* The stack may be the broken thing, so a frame must be aligned and mapped. */
static bool is_frame(uint64_t frame)
{
	return frame % 8 == 0 && paging_is_mapped(frame) &&
	       paging_is_mapped(frame + 8) && ((const uint64_t *)frame)[1] != 0;
}

/* Walks frame pointers, upwards only.  A function that calls itself over and
 * over gets one line, or it would hide who began. */
static void print_backtrace(uint64_t rip, bool is_return, uint64_t frame)
{
	uint64_t last = 0;
	int depth = 1;

	log_line("backtrace:");
	print_address(0, rip, is_return);
	for (int walked = 0; walked < WALK_MAX && is_frame(frame); walked++) {
		const uint64_t *link = (const uint64_t *)frame;

		if (link[1] != last)
			print_address(depth++, link[1], true);
		last = link[1];
		if (link[0] <= frame || depth == BACKTRACE_MAX)
			return;
		frame = link[0];
	}
}

static noreturn void halt(void)
{
	for (;;) {
		cpu_irq_off();
		cpu_halt();
	}
}

/* An act that faults comes back here, by check_nesting; the next has its turn.
 */
static void do_acts(void)
{
	while (state.acts_begun < state.acts)
		state.act[state.acts_begun++]();
}

static noreturn void finish(void)
{
	do_acts();
	if (state.reboot_s == PANIC_HALT) {
		log_line("halted");
		state.stop_watchdog();
		halt();
	}
	log_line("restarting in %d s", state.reboot_s);
	for (int i = 0; i < state.reboot_s; i++) {
		state.feed_watchdog();
		arch_delay_us(1000000);
	}
	arch_reset();
}

/* A fault while reporting a fault: say no more than that, and go on to what
 * the policy wants. */
static void check_nesting(const char *message)
{
	if (!state.panicking) {
		state.panicking = true;
		state.feed_watchdog(); /* the report has its whole time */
		log_panic();
		return;
	}
	log_line("PANIC again, while panicking: %s", message);
	finish();
}

noreturn void panic_trap(const struct trap_frame *f, const char *message)
{
	cpu_irq_off();
	check_nesting(message);
	log_line("PANIC %s", message);
	print_registers(f);
	print_backtrace(f->rip, false, f->rbp);
	finish();
}

noreturn void panic(const char *fmt, ...)
{
	const uint64_t *frame = __builtin_frame_address(0);
	va_list ap;

	cpu_irq_off();
	va_start(ap, fmt);
	fmt_vsnprintf(state.message, sizeof(state.message), fmt, ap);
	va_end(ap);
	check_nesting(state.message);
	log_line("PANIC %s", state.message);
	log_line("  rip %016llx  rsp %016llx  rflags %06llx  cr3 %016llx",
	    (unsigned long long)frame[1], (unsigned long long)(frame + 2),
	    (unsigned long long)cpu_flags(),
	    (unsigned long long)cpu_page_root());
	print_backtrace(frame[1], true, frame[0]);
	finish();
}

/* The lowest byte stays zero, which ends an overrun by a string. */
__attribute__((no_stack_protector)) void stack_guard_init(void)
{
	uint64_t v = 0;

	arch_random64(&v);
	__stack_chk_guard = (v ^ cpu_tsc() * 0x9e3779b97f4a7c15) << 8;
}

noreturn void __stack_chk_fail(void)
{
	panic("stack smashed: a function's local array was overrun");
}

/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts, as the stubs of traps.asm hand them over.
 * An exception is always the end: it is reported and panics.
 */
#pragma once

#include <stdint.h>
#include <stdnoreturn.h>

struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Vectors 0 to 31.  Context: the exception's own stack, interrupts off. */
noreturn void trap_entry(const struct trap_frame *f);

/* Vectors 32 to 255; interrupts.c.  Context: the interrupt stack. */
void interrupt_entry(const struct trap_frame *f);

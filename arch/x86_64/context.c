/* SPDX-License-Identifier: MIT */
/* The stack of a new thread, as arch_context_switch (switch.asm) left it. */
#include "arch/arch.h"

#define SAVED_REGISTERS 6

void arch_context_init(
    struct arch_context *ctx, void *stack, size_t size, void (*entry)(void))
{
	uint64_t *sp = (uint64_t *)(((uint64_t)stack + size) & -16ull);

	*--sp = 0; /* keeps the ABI's alignment, */
	*--sp = 0; /* and is entry's return address: ends a backtrace */
	*--sp = (uint64_t)entry;
	for (int i = 0; i < SAVED_REGISTERS; i++)
		*--sp = 0;
	ctx->opaque[0] = sp;
}

void arch_context_free(struct arch_context *ctx)
{
	ctx->opaque[0] = NULL;
}

/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/traps.h"

#include <stdbool.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "lib/fmt.h"

#define VECTOR_PAGE_FAULT 14

/* Page fault error code: Intel SDM 3A, 4.7. */
#define PF_PRESENT  (1u << 0)
#define PF_WRITE    (1u << 1)
#define PF_RESERVED (1u << 3)
#define PF_FETCH    (1u << 4)

static const char *const trap_name[32] = {
	[0] = "division error",
	[1] = "debug",
	[2] = "non-maskable interrupt",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range exceeded",
	[6] = "invalid opcode",
	[7] = "device not available (a floating-point or vector instruction)",
	[8] = "double fault",
	[10] = "invalid task segment",
	[11] = "segment not present",
	[12] = "stack segment fault",
	[13] = "general protection",
	[14] = "page fault",
	[16] = "x87 floating-point",
	[17] = "alignment check",
	[18] = "machine check",
	[19] = "vector floating-point",
	[20] = "virtualisation",
	[21] = "control protection",
};

static const char *fault_kind(uint64_t address, uint64_t error)
{
	if (error & PF_RESERVED)
		return "through a damaged page table at";
	if (paging_is_guard(address))
		return "stack overflow: touched the guard page at";
	if (error & PF_FETCH)
		return error & PF_PRESENT ? "execution of data at"
		                          : "execution of unmapped";
	if (error & PF_PRESENT)
		return "write to read-only";
	return error & PF_WRITE ? "write to unmapped" : "read of unmapped";
}

noreturn void trap_entry(const struct trap_frame *f)
{
	const char *name = trap_name[f->vector];
	struct text t;
	char message[160];

	t = (struct text){ message, sizeof(message), 0, false };
	fmt_add(&t, "%s", name ? name : "unknown exception");
	if (f->vector == VECTOR_PAGE_FAULT) {
		uint64_t address = cpu_fault_address();

		fmt_add(&t, ": %s %016llx", fault_kind(address, f->error),
		    (unsigned long long)address);
		if (address < PAGE_BYTES)
			fmt_add(&t, " (null pointer)");
	} else {
		fmt_add(&t, " (vector %u, error %llx)", (unsigned)f->vector,
		    (unsigned long long)f->error);
	}
	panic_trap(f, message);
}

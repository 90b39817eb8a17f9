/* SPDX-License-Identifier: MIT */
/* The CPU's random numbers (RDRAND), where it has them. */
#include "arch/arch.h"
#include "arch/x86_64/cpu.h"

#define CPUID_FEATURES         1
#define CPUID_FEATURE_C_RDRAND (1u << 30)
#define TRIES                  10

static bool rdrand(uint64_t *out)
{
	for (int i = 0; i < TRIES; i++) {
		bool ok;

		__asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
		if (ok)
			return true;
	}
	return false;
}

/* Some CPUs claim success and return one value for ever after a sleep. */
bool arch_random64(uint64_t *out)
{
	uint64_t other;

	if (!(cpu_id(CPUID_FEATURES).c & CPUID_FEATURE_C_RDRAND))
		return false;
	return rdrand(out) && rdrand(&other) && *out != other;
}

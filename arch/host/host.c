/* SPDX-License-Identifier: MIT */
/* The machine in a process: reset, and randomness that repeats. */
#include "arch/host/arch_host.h"

#include "arch/host/internal.h"

static struct {
	uint64_t state;
	bool absent;
} chance = { .state = 1 };

void host_seed(uint64_t seed)
{
	chance.state = seed;
}

void host_set_random(bool present)
{
	chance.absent = !present;
}

/* splitmix64 (Steele, Lea and Flood, 2014): equidistributed, any seed. */
bool arch_random64(uint64_t *out)
{
	uint64_t z = chance.state += 0x9e3779b97f4a7c15ull;

	if (chance.absent)
		return false;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	*out = z ^ (z >> 31);
	return true;
}

void host_reset(void)
{
	host_clock_reset();
	host_on_deadlock(NULL);
	host_irq_reset();
	host_io_reset();
	host_fiber_reset();
	host_mem_reset();
	host_stack_reset();
	host_panic_reset();
	host_machine_reset();
	host_seed(1);
	host_set_random(true);
}

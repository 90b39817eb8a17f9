/* SPDX-License-Identifier: MIT */
/* The machine as a whole: a test sees its end as a panic. */
#include "arch/host/arch_host.h"

#include <stddef.h>

#include "arch/host/internal.h"
#include "lib/assert.h"

static struct {
	const char *(*check)(void);
	bool pressed, stays_on;
} machine;

void host_machine_reset(void)
{
	machine.check = NULL;
	machine.pressed = machine.stays_on = false;
}

void arch_watch(uint64_t period_ns, const char *(*check)(void))
{
	machine.check = check;
}

const char *host_watch(void)
{
	return machine.check ? machine.check() : NULL;
}

bool host_watched(void)
{
	return machine.check != NULL;
}

noreturn void arch_reset(void)
{
	panic("the machine was reset");
}

void host_stay_on(void)
{
	machine.stays_on = true;
}

void arch_power_off(void)
{
	if (!machine.stays_on)
		panic("the machine was switched off");
}

void host_press_power_button(void)
{
	machine.pressed = true;
}

bool arch_power_button(void)
{
	bool pressed = machine.pressed;

	machine.pressed = false;
	return pressed;
}

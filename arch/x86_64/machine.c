/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/machine.h"

#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/efi_runtime.h"
#include "arch/x86_64/firmware.h"
#include "arch/x86_64/power.h"
#include "arch/x86_64/reset.h"

void machine_init(void)
{
	reset_init(firmware_facts());
	power_init(firmware_facts());
}

noreturn void arch_reset(void)
{
	static const struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} no_idt = { 0, 0 };

	cpu_irq_off();
	reset_try();
	/* An exception that cannot be delivered, nor the fault it causes. */
	__asm__ volatile("lidt %0; int3" ::"m"(no_idt));
	for (;;)
		cpu_halt();
}

void arch_power_off(void)
{
	power_off();
	efi_runtime_reset(true);
}

bool arch_power_button(void)
{
	return power_button();
}

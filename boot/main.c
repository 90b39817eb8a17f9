/* SPDX-License-Identifier: MIT */
#include "boot/door.h"

#include "arch/arch.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/cmos.h"
#include "arch/x86_64/interrupts.h"
#include "arch/x86_64/memory.h"
#include "arch/x86_64/paging.h"
#include "lib/log.h"

noreturn void kernel_main(const struct boot_info *bi)
{
	log_info("Ringlet, by the %s door", bi->door);
	memory_init(bi);
	paging_init();
	log_info("memory: %llu MiB free, image at %llx",
	    (unsigned long long)(memmap_total(memory_map(), MEM_FREE) >> 20),
	    (unsigned long long)bi->kernel_base);
	clock_init();
	interrupts_init();
	log_info("command line: %s", bi->cmdline);
	for (uint32_t i = 0; i < bi->extent_count; i++)
		log_info("stick: %llu KiB at %llx",
		    (unsigned long long)(bi->extent[i].len >> 10),
		    (unsigned long long)bi->extent[i].base);
	log_info("wall time %lld", (long long)cmos_wall_time_s());
	for (int i = 0; i < 3; i++) {
		arch_irq_save();
		arch_timer_arm(arch_clock_ns() + 100000000);
		arch_idle();
		log_info("woke");
	}
	for (;;) {
		arch_irq_save();
		arch_idle();
	}
}

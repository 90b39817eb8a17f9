/* SPDX-License-Identifier: MIT */
/* The whole boot in its order. */
#include "boot/door.h"

#include "arch/arch.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/cmos.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/efi_runtime.h"
#include "arch/x86_64/firmware.h"
#include "arch/x86_64/interrupts.h"
#include "arch/x86_64/machine.h"
#include "arch/x86_64/memory.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "boot/console.h"
#include "boot/crash.h"
#include "boot/hwreport.h"
#include "boot/services.h"
#include "boot/supervise.h"
#include "drivers/pci.h"
#include "drivers/watchdog.h"
#include "lib/assert.h"
#include "lib/log.h"
#include "lib/random.h"

static struct random rng;

static void gather_entropy(const struct boot_info *bi)
{
	uint64_t v;

	for (int i = 0; i < 4 && arch_random64(&v); i++)
		random_add(&rng, &v, sizeof(v), 64);
	random_add(&rng, bi->seed, bi->seed_len, bi->seed_len * 8);
	v = arch_clock_ns();
	random_add(&rng, &v, sizeof(v), 0);
	if (!random_strong(&rng))
		log_warn("entropy is weak: no RDRAND, no seed from firmware");
}

/* The volume lies in memory that paging_init mapped. */
static struct fat_volume stick_volume(const struct boot_info *bi)
{
	struct fat_volume v = { .extent_count = bi->extent_count };

	static_assert(FAT_EXTENTS_MAX >= BOOT_EXTENTS_MAX, "all fit");
	for (uint32_t i = 0; i < bi->extent_count; i++) {
		v.extent[i].data = phys_to_virt(bi->extent[i].base);
		v.extent[i].len = bi->extent[i].len;
	}
	return v;
}

/* Now, of the time that the door told: it read the stick since then, which may
 * take long. */
static int64_t wall_time_s(const struct boot_info *bi)
{
	if (!bi->wall_time_s)
		return cmos_wall_time_s();
	return bi->wall_time_s +
	       (int64_t)((cpu_tsc() - bi->wall_time_tsc) / clock_tsc_hz());
}

static noreturn void halt(const char *why)
{
	log_error("halted: %s", why);
	supervise_halted();
}

noreturn void kernel_main(const struct boot_info *bi)
{
	const struct settings *settings;
	struct fat_volume stick;
	int64_t now_s;

	console_init(bi);
	hwreport_init(bi);
	log_info("Ringlet, by the %s door", bi->door);
	if (bi->note[0])
		log_warn("%s", bi->note);
	pci_quiesce();
	memory_init(bi);
	crash_recover(bi);
	firmware_init(bi);
	efi_runtime_init(bi);
	paging_init();
	console_map();
	machine_init();
	supervise_before_off(crash_close);
	stick = stick_volume(bi);
	log_info(
	    "memory: %lu MiB free", memmap_total(memory_map(), MEM_FREE) >> 20);
	crash_show();
	clock_init();
	interrupts_init();
	gather_entropy(bi);
	services_load_stick(&stick);
	settings = services_load_settings(bi->cmdline);
	console_choose(settings);
	panic_set_policy(
	    settings->panic_halt ? PANIC_HALT : (int)settings->panic_reboot_s);
	panic_set_watchdog(watchdog_feed, watchdog_stop);
	services_make(&rng);
	if (services_start_network())
		halt("no network card");
	now_s = wall_time_s(bi);
	crash_set_time(now_s);
	services_start_apps(now_s);
	services_announce();
}

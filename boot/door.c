/* SPDX-License-Identifier: MIT */
#include "boot/door.h"

#include <stddef.h>

#include "arch/x86_64/clock.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/tables.h"
#include "boot/multiboot2.h"
#include "drivers/serial.h"
#include "lib/assert.h"
#include "lib/log.h"

static const struct boot_info *uefi_boot_info(uint32_t info)
{
	const struct boot_info *bi = phys_to_virt(info);

	if (bi->magic != BOOT_MAGIC || bi->version != BOOT_VERSION)
		return NULL;
	return bi;
}

static const struct boot_info *bios_boot_info(uint32_t info)
{
	static struct boot_info bi;

	if (multiboot2_parse(phys_to_virt(info), info, &bi))
		return NULL;
	bi.kernel_base = image_phys();
	bi.kernel_len = (uint64_t)(image_end - image_start);
	return &bi;
}

static const struct boot_info *door_boot_info(uint32_t door, uint32_t info)
{
	if (door == DOOR_PVH)
		return pvh_boot_info(info);
	return door == DOOR_BIOS ? bios_boot_info(info) : uefi_boot_info(info);
}

/* What a panic needs comes first: time zero, tables, a console. */
noreturn void boot_entry(uint32_t door, uint32_t info, uint32_t image)
{
	const struct boot_info *bi;

	clock_start();
	stack_guard_init();
	image_set_phys(image);
	tables_init();
	serial_init();
	log_init(arch_clock_ns);
	log_add_sink(serial_write);
	bi = door_boot_info(door, info);
	if (bi == NULL)
		panic("door %u gave nothing of ours at %x", door, info);
	kernel_main(bi);
}

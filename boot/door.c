/* SPDX-License-Identifier: MIT */
#include "boot/door.h"

#include "arch/x86_64/clock.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/tables.h"
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
	bi = door == DOOR_PVH ? pvh_boot_info(info) : uefi_boot_info(info);
	if (bi == NULL)
		panic("door %u gave nothing of ours at %x", door, info);
	kernel_main(bi);
}

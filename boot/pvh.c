/* SPDX-License-Identifier: MIT */
/*
 * The direct door: QEMU's -kernel, by the PVH protocol of Xen.  Everything
 * that it hands over lies in memory that we are about to reuse, page 0
 * included; only the initrd stays in place, reserved.
 */
#include "boot/door.h"

#include <stddef.h>

#include "arch/arch.h"
#include "arch/x86_64/paging.h"
#include "lib/assert.h"
#include "lib/string.h"

#define START_MAGIC 0x336ec578u

#define VGA_GRAPHICS_INDEX 0x3ce
#define VGA_GRAPHICS_DATA  0x3cf
#define VGA_TEXT_BASE      0xb8000
#define VGA_TEXT_COLUMNS   80
#define VGA_TEXT_ROWS      25

/* Xen, public/arch-x86/hvm/start_info.h */
struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp;
	uint64_t memmap; /* from version 1 */
	uint32_t memmap_count, reserved;
};
static_assert(sizeof(struct start_info) == 56, "PVH start info, version 1");

struct module {
	uint64_t base, size, cmdline, reserved;
};

struct memmap_entry {
	uint64_t base, size;
	uint32_t type, reserved;
};

enum { E820_RAM = 1, E820_RESERVED, E820_ACPI, E820_NVS };

static struct boot_info info;

static uint32_t type_of(uint32_t e820)
{
	if (e820 == E820_RAM)
		return MEM_FREE;
	return e820 == E820_ACPI || e820 == E820_NVS ? MEM_ACPI : MEM_OTHER;
}

static void add_range(uint64_t base, uint64_t len, uint32_t type)
{
	if (info.range_count == BOOT_RANGES_MAX)
		panic("memory map: more than %u ranges", BOOT_RANGES_MAX);
	info.range[info.range_count++] =
	    (struct mem_range){ .base = base, .len = len, .type = type };
}

static void take_memory(const struct start_info *s)
{
	const struct memmap_entry *e = phys_to_virt(s->memmap);

	if (s->version < 1 || s->memmap == 0)
		panic("this loader gives no memory map");
	for (uint32_t i = 0; i < s->memmap_count; i++)
		add_range(e[i].base, e[i].size, type_of(e[i].type));
}

static void take_initrd(const struct start_info *s)
{
	const struct module *m = phys_to_virt(s->modules);

	if (s->module_count == 0 || m->size == 0)
		return;
	info.extent[info.extent_count++] = (struct mem_range){
		.base = m->base, .len = m->size, .type = MEM_RESERVED
	};
	add_range(m->base, m->size, MEM_RESERVED);
}

/*
 * The firmware ran before us, and has left VGA in text mode where there is one.
 * IBM VGA, graphics controller index 6: bit 0 is clear for text, bits 3:2 are
 * set for memory at b8000.  No VGA reads as all ones.
 */
static void take_screen(void)
{
	uint8_t v;

	arch_out8(VGA_GRAPHICS_INDEX, 6);
	v = arch_in8(VGA_GRAPHICS_DATA);
	if ((v & 0x0d) != 0x0c)
		return;
	info.framebuffer = (struct boot_framebuffer){
		.kind = FRAMEBUFFER_TEXT,
		.base = VGA_TEXT_BASE,
		.width = VGA_TEXT_COLUMNS,
		.height = VGA_TEXT_ROWS,
		.stride_bytes = 2 * VGA_TEXT_COLUMNS,
		.bits_per_pixel = 16,
	};
}

const struct boot_info *pvh_boot_info(uint32_t start_info)
{
	const struct start_info *s = phys_to_virt(start_info);

	if (s->magic != START_MAGIC)
		return NULL;
	info.magic = BOOT_MAGIC;
	info.version = BOOT_VERSION;
	str_copy(info.door, sizeof(info.door), "pvh");
	info.kernel_base = image_phys();
	info.kernel_len = (uint64_t)(image_end - image_start);
	info.acpi_rsdp = s->rsdp;
	take_memory(s);
	take_initrd(s);
	take_screen();
	if (s->cmdline != 0)
		str_copy(info.cmdline, sizeof(info.cmdline),
		    phys_to_virt(s->cmdline));
	return &info;
}

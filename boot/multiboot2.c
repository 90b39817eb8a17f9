/* SPDX-License-Identifier: MIT */
/*
 * Multiboot2 specification 2.0, section 3.6: a head of two words, then tags,
 * each with type and size, each at the next multiple of 8, up to a tag of type
 * 0.  A tag that is too short for its type is passed over; one that runs over
 * the end of the list ends it.
 */
#include "boot/multiboot2.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/assert.h"
#include "lib/errno.h"
#include "lib/string.h"

enum {
	TAG_END,
	TAG_CMDLINE,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15
};

enum { E820_RAM = 1, E820_RESERVED, E820_ACPI, E820_NVS };

enum { SCREEN_INDEXED, SCREEN_RGB, SCREEN_TEXT };

struct head {
	uint32_t total_size, reserved;
};

struct tag {
	uint32_t type, size;
};

struct module_tag {
	struct tag tag;
	uint32_t start, end;
};

struct memory_map_tag {
	struct tag tag;
	uint32_t entry_size, entry_version;
};

struct memory_map_entry {
	uint64_t base, len;
	uint32_t type, reserved;
};

struct framebuffer_tag {
	struct tag tag;
	uint64_t base;
	uint32_t stride, width, height;
	uint8_t bits_per_pixel, kind, reserved[2];
	uint8_t red_shift, red_bits, green_shift, green_bits;
	uint8_t blue_shift, blue_bits;
};

/* Where the colours of SCREEN_RGB end, before padding. */
#define RGB_TAG_BYTES  38
#define TEXT_TAG_BYTES offsetof(struct framebuffer_tag, red_shift)

#define RSDP_OLD_BYTES 20
#define RSDP_NEW_BYTES 36

static_assert(sizeof(struct memory_map_entry) == 24, "e820 entry, padded");
static_assert(offsetof(struct framebuffer_tag, red_shift) == 32, "3.6.12");

static uint32_t type_of(uint32_t e820)
{
	if (e820 == E820_RAM)
		return MEM_FREE;
	return e820 == E820_ACPI || e820 == E820_NVS ? MEM_ACPI : MEM_OTHER;
}

static bool add_range(
    struct boot_info *bi, uint64_t base, uint64_t len, uint32_t type)
{
	if (bi->range_count == BOOT_RANGES_MAX)
		return false;
	bi->range[bi->range_count++] =
	    (struct mem_range){ .base = base, .len = len, .type = type };
	return true;
}

/* Of a map that is too long free memory is lost, not what forbids its use. */
static void take_memory_map(struct boot_info *bi, const struct tag *t)
{
	const struct memory_map_tag *m = (const void *)t;
	uint32_t count;

	if (t->size < sizeof(*m) || m->entry_size % 8 != 0 ||
	    m->entry_size < sizeof(struct memory_map_entry))
		return;
	count = (t->size - sizeof(*m)) / m->entry_size;
	for (uint32_t i = 0; i < 2 * count; i++) {
		const struct memory_map_entry *e =
		    (const void *)((const uint8_t *)(m + 1) +
		                   i % count * m->entry_size);
		uint32_t type = type_of(e->type);

		if ((type == MEM_FREE) == (i >= count) && e->len != 0)
			add_range(bi, e->base, e->len, type);
	}
}

static void take_cmdline(struct boot_info *bi, const struct tag *t)
{
	uint32_t len = t->size - (uint32_t)sizeof(*t);

	if (len > sizeof(bi->cmdline) - 1)
		len = sizeof(bi->cmdline) - 1;
	memcpy(bi->cmdline, t + 1, len);
	bi->cmdline[len] = '\0';
}

/* The first module is the stick's volume. */
static void take_module(struct boot_info *bi, const struct tag *t)
{
	const struct module_tag *m = (const void *)t;

	if (t->size < sizeof(*m) || m->end <= m->start || bi->extent_count != 0)
		return;
	if (add_range(bi, m->start, m->end - m->start, MEM_RESERVED))
		bi->extent[bi->extent_count++] = (struct mem_range){
			.base = m->start,
			.len = m->end - m->start,
			.type = MEM_RESERVED,
		};
}

static void take_screen(struct boot_info *bi, const struct tag *t)
{
	const struct framebuffer_tag *f = (const void *)t;
	struct boot_framebuffer s = { 0 };

	if (t->size < TEXT_TAG_BYTES)
		return;
	s.base = f->base;
	s.width = f->width;
	s.height = f->height;
	s.stride_bytes = f->stride;
	s.bits_per_pixel = f->bits_per_pixel;
	if (f->kind == SCREEN_TEXT) {
		s.kind = FRAMEBUFFER_TEXT;
	} else if (f->kind == SCREEN_RGB && t->size >= RGB_TAG_BYTES) {
		s.kind = FRAMEBUFFER_RGB;
		s.red_shift = f->red_shift;
		s.red_bits = f->red_bits;
		s.green_shift = f->green_shift;
		s.green_bits = f->green_bits;
		s.blue_shift = f->blue_shift;
		s.blue_bits = f->blue_bits;
	}
	if (s.kind != FRAMEBUFFER_NONE)
		bi->framebuffer = s;
}

/* The tag holds a copy of ACPI's root; the newer kind is preferred. */
static void take_acpi(
    struct boot_info *bi, const struct tag *t, uint64_t at, bool newer)
{
	uint32_t need = newer ? RSDP_NEW_BYTES : RSDP_OLD_BYTES;

	if (t->size < sizeof(*t) + need || (!newer && bi->acpi_rsdp != 0))
		return;
	bi->acpi_rsdp = at + sizeof(*t);
}

static void take_tag(struct boot_info *bi, const struct tag *t, uint64_t at)
{
	switch (t->type) {
	case TAG_CMDLINE:
		take_cmdline(bi, t);
		break;
	case TAG_MODULE:
		take_module(bi, t);
		break;
	case TAG_MEMORY_MAP:
		take_memory_map(bi, t);
		break;
	case TAG_FRAMEBUFFER:
		take_screen(bi, t);
		break;
	case TAG_ACPI_OLD:
	case TAG_ACPI_NEW:
		take_acpi(bi, t, at, t->type == TAG_ACPI_NEW);
		break;
	}
}

static bool has_free_memory(const struct boot_info *bi)
{
	for (uint32_t i = 0; i < bi->range_count; i++)
		if (bi->range[i].type == MEM_FREE)
			return true;
	return false;
}

/* The module comes before the memory map, however the tags are ordered, so
 * that a long map leaves room for it. */
static void take_tags(
    struct boot_info *bi, const uint8_t *info, uint32_t size, uint32_t at)
{
	for (int map = 0; map < 2; map++) {
		uint64_t offset = sizeof(struct head);

		while (offset + sizeof(struct tag) <= size) {
			const struct tag *t = (const void *)(info + offset);

			if (t->type == TAG_END || t->size < sizeof(*t) ||
			    t->size > size - offset)
				break;
			if ((t->type == TAG_MEMORY_MAP) == map)
				take_tag(bi, t, at + offset);
			offset += ((uint64_t)t->size + 7) & -8ull;
		}
	}
}

int multiboot2_parse(const void *info, uint32_t at, struct boot_info *out)
{
	const struct head *h = info;

	if (at % 8 != 0 || h->total_size < sizeof(*h) + sizeof(struct tag) ||
	    h->total_size > MULTIBOOT2_INFO_MAX)
		return -EINVAL;
	out->magic = BOOT_MAGIC;
	out->version = BOOT_VERSION;
	str_copy(out->door, sizeof(out->door), "bios");
	add_range(out, at, h->total_size, MEM_RESERVED);
	take_tags(out, info, h->total_size, at);
	if (!has_free_memory(out))
		return -EINVAL;
	if (out->extent_count == 0)
		str_copy(out->note, sizeof(out->note),
		    "the boot loader gave no module: the stick was not read");
	return 0;
}

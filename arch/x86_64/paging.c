/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/paging.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/firmware.h"
#include "arch/x86_64/memory.h"
#include "arch/x86_64/tables.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "lib/log.h"

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITE    (1ull << 1)
#define PTE_COMBINE  (1ull << 3) /* PWT: entry 1 of the PAT */
#define PTE_UNCACHED (3ull << 3) /* PCD | PWT: entry 3 of the PAT */
#define PTE_LARGE    (1ull << 7)
#define PTE_GLOBAL   (1ull << 8)
#define PTE_NX       (1ull << 63)
#define PTE_ADDRESS  0x000ffffffffff000ull

#define TEXT_FLAGS   (PTE_PRESENT | PTE_GLOBAL)
#define RODATA_FLAGS (PTE_PRESENT | PTE_GLOBAL | PTE_NX)
#define DATA_FLAGS   (PTE_PRESENT | PTE_GLOBAL | PTE_NX | PTE_WRITE)

/* WB, WC, UC-, UC, and then as at reset WB, WT, UC-, UC.  Without write
 * combining the second would be WT, which nothing uses. */
#define PAT_VALUE 0x0007040600070106ull

#define CPUID_FEATURES    1
#define CPUID_EXT         0x80000001
#define CPUID_EXT_D_NX    (1u << 20)
#define CPUID_FEATURE_MCE (1u << 7)
#define CPUID_FEATURE_PAT (1u << 16)

#define AREA_BYTES (1ull << 39) /* devices and stacks: one top-level entry */

static struct {
	paddr_t image;
	uint64_t *root; /* NULL until paging_init has switched */
	uint64_t nx;    /* PTE_NX, or 0 on a CPU without it */
	uint64_t device_next, stack_next;
	bool live;
} paging = { .device_next = DEVICE_BASE, .stack_next = STACK_BASE };

paddr_t image_phys(void)
{
	return paging.image;
}

void image_set_phys(paddr_t base)
{
	paging.image = base;
}

static void *table_at(uint64_t entry)
{
	return phys_to_virt(entry & PTE_ADDRESS);
}

static uint64_t *new_table(void)
{
	uint64_t *t = arch_mem_alloc(PAGE_BYTES, PAGE_BYTES);

	if (t == NULL)
		panic("too little memory for page tables");
	return memset(t, 0, PAGE_BYTES);
}

static unsigned index_at(uint64_t va, int level)
{
	return va >> (12 + 9 * level) & 511;
}

/* The entry for va at a level: 0 for 4 KiB pages, 1 for 2 MiB pages. */
static uint64_t *entry_for(uint64_t va, int level)
{
	uint64_t *table = paging.root;

	for (int l = 3; l > level; l--) {
		uint64_t *e = &table[index_at(va, l)];

		if (!(*e & PTE_PRESENT))
			*e = ((uint64_t)new_table() - DIRECT_BASE) |
			     PTE_PRESENT | PTE_WRITE;
		assert(!(*e & PTE_LARGE));
		table = table_at(*e);
	}
	return &table[index_at(va, level)];
}

/* Maps whole pages, large ones where all three sizes allow. */
static void map(uint64_t va, paddr_t pa, uint64_t len, uint64_t flags)
{
	if (!paging.nx)
		flags &= ~PTE_NX;
	while (len > 0) {
		bool large = len >= LARGE_PAGE_BYTES &&
		             (va | pa) % LARGE_PAGE_BYTES == 0;
		uint64_t step = large ? LARGE_PAGE_BYTES : PAGE_BYTES;
		uint64_t *e = entry_for(va, large);

		assert(*e == 0);
		*e = pa | flags | (large ? PTE_LARGE : 0);
		va += step;
		pa += step;
		len -= step;
	}
}

static void map_image_part(const char *from, const char *to, uint64_t flags)
{
	map((uint64_t)from, paging.image + (uint64_t)(from - image_start),
	    (uint64_t)(to - from), flags);
}

static void unmap_page(const void *page)
{
	*entry_for((uint64_t)page, 0) = 0;
}

/*
 * The image's last 2 MiB may be mapped by one large page, and guards must come
 * out of it; so bss is mapped page by page.
 */
static void map_image(void)
{
	map_image_part(image_start, text_end, TEXT_FLAGS);
	map_image_part(text_end, rodata_end, RODATA_FLAGS);
	for (const char *p = rodata_end; p < image_end; p += PAGE_BYTES)
		map_image_part(p, p + PAGE_BYTES, DATA_FLAGS);
	tables_for_each_guard(unmap_page);
}

static void map_direct_part(uint64_t start, uint64_t end, uint64_t flags)
{
	if (start < end)
		map(DIRECT_BASE + start, start, end - start, flags);
}

/* Leaves the image out, or its text would be writable here. */
static void map_direct(const struct mem_range *r)
{
	uint64_t flags = r->type == MEM_ACPI ? RODATA_FLAGS : DATA_FLAGS;
	uint64_t start = r->base, end = r->base + r->len;
	uint64_t image_limit =
	    paging.image + (uint64_t)(image_end - image_start);

	if (r->type == MEM_OTHER)
		return;
	if (start == 0)
		start = PAGE_BYTES;
	if (end <= paging.image || start >= image_limit) {
		map_direct_part(start, end, flags);
		return;
	}
	map_direct_part(start, paging.image, flags);
	map_direct_part(image_limit, end, flags);
}

static void init_cpu_features(void)
{
	if (cpu_id(CPUID_FEATURES).d & CPUID_FEATURE_MCE)
		cpu_add_cr4(CR4_MCE);
	if (cpu_id(CPUID_FEATURES).d & CPUID_FEATURE_PAT)
		cpu_msr_write(MSR_PAT, PAT_VALUE);
	if (!(cpu_id(CPUID_EXT).d & CPUID_EXT_D_NX)) {
		log_warn("this CPU cannot forbid execution of data");
		return;
	}
	paging.nx = PTE_NX;
	cpu_msr_write(MSR_EFER, cpu_msr_read(MSR_EFER) | EFER_NXE);
}

void paging_init(void)
{
	const struct memmap *m = memory_map();

	init_cpu_features();
	paging.root = new_table();
	map_image();
	for (uint32_t i = 0; i < m->count; i++)
		map_direct(&m->range[i]);
	cpu_set_page_root((uint64_t)paging.root - DIRECT_BASE);
	cpu_add_cr4(CR4_PGE);
	paging.live = true;
}

static bool is_canonical(uint64_t address)
{
	int64_t high = (int64_t)address >> 47;

	return high == 0 || high == -1;
}

bool paging_is_mapped(uint64_t address)
{
	uint64_t *table = table_at(cpu_page_root());

	if (!is_canonical(address))
		return false;
	for (int level = 3; level >= 0; level--) {
		uint64_t e = table[index_at(address, level)];

		if (!(e & PTE_PRESENT))
			return false;
		if (level == 0 || e & PTE_LARGE)
			return true;
		table = table_at(e);
	}
	return false;
}

bool paging_is_guard(uint64_t address)
{
	bool in_stacks = address >= STACK_BASE && address < paging.stack_next;
	bool in_image = address >= IMAGE_BASE && address < (uint64_t)image_end;

	return paging.live && (in_stacks || in_image) &&
	       !paging_is_mapped(address);
}

void *arch_stack_alloc(size_t size)
{
	uint64_t base = paging.stack_next + PAGE_BYTES;
	uint64_t len = (size + PAGE_BYTES - 1) & -PAGE_BYTES;
	void *frames = arch_mem_alloc(len, PAGE_BYTES);

	if (frames == NULL || base + len > STACK_BASE + AREA_BYTES)
		return NULL;
	map(base, (uint64_t)frames - DIRECT_BASE, len, DATA_FLAGS);
	paging.stack_next = base + len;
	return (void *)base;
}

paddr_t arch_dma_addr(const void *p)
{
	uint64_t va = (uint64_t)p;

	if (va >= IMAGE_BASE)
		return paging.image + (va - IMAGE_BASE);
	assert(va >= DIRECT_BASE && va < DEVICE_BASE);
	return va - DIRECT_BASE;
}

static void *map_device(paddr_t base, size_t size, uint64_t flags)
{
	uint64_t offset = base % PAGE_BYTES;
	uint64_t start = base - offset, va = paging.device_next;
	uint64_t len = (offset + size + PAGE_BYTES - 1) & -PAGE_BYTES;

	if (size == 0 || base + size < base || start + len > PTE_ADDRESS ||
	    va + len > DEVICE_BASE + AREA_BYTES ||
	    memmap_overlaps(memory_map(), start, len, MEM_FREE) ||
	    memmap_overlaps(memory_map(), start, len, MEM_RESERVED))
		return NULL;
	map(va, start, len, flags);
	/* One unmapped page, so that running over the end is noticed. */
	paging.device_next = va + len + PAGE_BYTES;
	return (uint8_t *)va + offset;
}

volatile void *arch_map_device(paddr_t base, size_t size)
{
	return map_device(base, size, DATA_FLAGS | PTE_UNCACHED);
}

/* Whether the CPU has a PAT decides: without one the entry's bits would mean
 * write-through. */
void *arch_map_framebuffer(paddr_t base, size_t size)
{
	bool combine = cpu_id(CPUID_FEATURES).d & CPUID_FEATURE_PAT;

	return map_device(
	    base, size, DATA_FLAGS | (combine ? PTE_COMBINE : PTE_UNCACHED));
}

/* Firmware lists what is not a PCI device: memory of all kinds; and the PCI
 * configuration space that it may have forgotten to list. */
bool arch_bus_is_free(paddr_t base, size_t size)
{
	const struct acpi_facts *f = firmware_facts();

	for (uint32_t type = MEM_FREE; type <= MEM_OTHER; type++)
		if (memmap_overlaps(memory_map(), base, size, type))
			return false;
	return base >= f->mmconfig + f->mmconfig_bytes ||
	       base + size <= f->mmconfig;
}

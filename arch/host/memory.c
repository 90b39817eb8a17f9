/* SPDX-License-Identifier: MIT */
/*
 * Memory in the process.  One region mapped below 4 GiB stands for the
 * machine's RAM, so that a device address is simply the pointer's value.
 * Between two allocations lies poison: a driver or card that runs over the end
 * of its buffer is caught.  Stacks are mapped apart, between unmapped pages.
 */
#include "arch/host/arch_host.h"

#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/host/internal.h"
#include "lib/assert.h"

#define RAM_BYTES  (512ul << 20)
#define GAP_BYTES  64
#define PAGE       4096ul
#define STACKS_MAX 4096
#define BLOCKS_MAX 1024
#define JUNK_MAX   (1ul << 20) /* of a block is filled, to stay fast */

struct block {
	uint8_t *start;
	size_t size;
};

static struct {
	uint8_t *ram;
	size_t used, limit;
	struct block block[BLOCKS_MAX];
	unsigned blocks;
	void *stack[STACKS_MAX];
	size_t stack_size[STACKS_MAX];
	unsigned stacks, stacks_used;
} mem = { .limit = RAM_BYTES };

static void *map(size_t size, int prot, int flags)
{
	void *p = mmap(NULL, size, prot,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

	assert(p != MAP_FAILED);
	return p;
}

static void map_ram(void)
{
	if (mem.ram != NULL)
		return;
	mem.ram = map(RAM_BYTES, PROT_READ | PROT_WRITE, MAP_32BIT);
	__asan_poison_memory_region(mem.ram, RAM_BYTES);
}

/* Where the next block of this alignment would start. */
static size_t next_start(size_t align)
{
	uintptr_t base = (uintptr_t)mem.ram;

	return ((base + mem.used + align - 1) & ~(align - 1)) - base;
}

void *arch_mem_alloc(size_t size, size_t align)
{
	struct block *b = &mem.block[mem.blocks];
	size_t start;

	assert(align >= 16 && (align & (align - 1)) == 0);
	map_ram();
	start = next_start(align);
	if (start > mem.limit || size > mem.limit - start)
		return NULL;
	assert(mem.blocks < BLOCKS_MAX);
	mem.blocks++;
	*b = (struct block){ mem.ram + start, size };
	mem.used = start + size + GAP_BYTES;
	__asan_unpoison_memory_region(b->start, size);
	memset(b->start, 0xa5, size < JUNK_MAX ? size : JUNK_MAX);
	__lsan_register_root_region(b->start, size);
	return b->start;
}

size_t arch_mem_available(void)
{
	size_t start;

	map_ram();
	start = next_start(PAGE);
	return start < mem.limit ? mem.limit - start : 0;
}

paddr_t arch_dma_addr(const void *p)
{
	assert(host_dma_valid((uintptr_t)p, 1));
	return (uintptr_t)p;
}

bool host_dma_valid(paddr_t at, size_t len)
{
	for (unsigned i = 0; i < mem.blocks; i++) {
		uintptr_t start = (uintptr_t)mem.block[i].start;

		if (at >= start && at - start <= mem.block[i].size &&
		    len <= mem.block[i].size - (at - start))
			return true;
	}
	return false;
}

void *host_dma_to_ptr(paddr_t at, size_t len)
{
	if (!host_dma_valid(at, len))
		panic("a device reached for %zu bytes at %#llx", len,
		    (unsigned long long)at);
	return (void *)(uintptr_t)at;
}

void host_mem_reset(void)
{
	size_t touched = mem.used < RAM_BYTES ? mem.used : RAM_BYTES;

	mem.limit = RAM_BYTES;
	if (mem.ram == NULL)
		return;
	for (unsigned i = 0; i < mem.blocks; i++)
		__lsan_unregister_root_region(
		    mem.block[i].start, mem.block[i].size);
	madvise(mem.ram, touched, MADV_DONTNEED);
	__asan_poison_memory_region(mem.ram, touched);
	mem.used = 0;
	mem.blocks = 0;
}

void host_mem_limit(size_t bytes)
{
	assert(bytes <= RAM_BYTES);
	mem.limit = bytes;
}

/* --- Stacks -------------------------------------------------------------- */

static void make_stack(size_t size)
{
	uint8_t *p = map(size + 2 * PAGE, PROT_NONE, 0);

	assert(mprotect(p + PAGE, size, PROT_READ | PROT_WRITE) == 0);
	__lsan_register_root_region(p + PAGE, size);
	mem.stack[mem.stacks] = p + PAGE;
	mem.stack_size[mem.stacks++] = size;
}

void *arch_stack_alloc(size_t size)
{
	unsigned i = mem.stacks_used;

	assert(size % PAGE == 0);
	if (i == STACKS_MAX)
		return NULL;
	if (i == mem.stacks)
		make_stack(size);
	assert(mem.stack_size[i] == size);
	mem.stacks_used++;
	return mem.stack[i];
}

void host_stack_reset(void)
{
	mem.stacks_used = 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The kernel wants to lie in one piece, at a 2 MiB boundary below 4 GiB; where,
 * the memory map decides.  Its page tables make up for the difference.
 */
#include "loader.h"

#include <elf.h>

#define IMAGE_MAX (32ull << 20) /* what the kernel's boot page tables map */

struct elf {
	const uint8_t *data;
	UINTN size;
	const Elf64_Ehdr *head;
	uint64_t low, high; /* virtual, of all that is loaded */
};

static const Elf64_Phdr *program_header(const struct elf *e, unsigned i)
{
	return (const Elf64_Phdr *)(e->data + e->head->e_phoff) + i;
}

static BOOLEAN header_is_good(const struct elf *e)
{
	const Elf64_Ehdr *h = e->head;

	return e->size >= sizeof(*h) &&
	       CompareMem(h->e_ident, ELFMAG, SELFMAG) == 0 &&
	       h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_machine == EM_X86_64 && h->e_type == ET_EXEC &&
	       h->e_phentsize == sizeof(Elf64_Phdr) && h->e_phoff <= e->size &&
	       h->e_phnum <= (e->size - h->e_phoff) / sizeof(Elf64_Phdr);
}

/* Checks every segment against the file, and finds the whole span. */
static BOOLEAN segments_are_good(struct elf *e)
{
	e->low = UINT64_MAX;
	e->high = 0;
	for (unsigned i = 0; i < e->head->e_phnum; i++) {
		const Elf64_Phdr *p = program_header(e, i);

		if (p->p_type != PT_LOAD)
			continue;
		if (p->p_offset > e->size ||
		    p->p_filesz > e->size - p->p_offset ||
		    p->p_filesz > p->p_memsz || p->p_memsz > IMAGE_MAX ||
		    p->p_vaddr + p->p_memsz < p->p_vaddr)
			return FALSE;
		if (p->p_vaddr < e->low)
			e->low = p->p_vaddr;
		if (p->p_vaddr + p->p_memsz > e->high)
			e->high = p->p_vaddr + p->p_memsz;
	}
	return e->low < e->high && e->high - e->low <= IMAGE_MAX &&
	       e->head->e_entry >= e->low && e->head->e_entry < e->high;
}

/* The lowest place in one free block. */
static BOOLEAN take_from(
    const EFI_MEMORY_DESCRIPTOR *d, uint64_t len, uint64_t *base)
{
	uint64_t end = d->PhysicalStart + d->NumberOfPages * PAGE_BYTES;
	uint64_t at =
	    (d->PhysicalStart + LARGE_PAGE_BYTES - 1) & -LARGE_PAGE_BYTES;

	if (d->Type != EfiConventionalMemory)
		return FALSE;
	if (at < LARGE_PAGE_BYTES)
		at = LARGE_PAGE_BYTES;
	if (end > FOUR_GIB)
		end = FOUR_GIB;
	if (at >= end || end - at < len ||
	    EFI_ERROR(loader_take(EfiLoaderCode, at, len)))
		return FALSE;
	*base = at;
	return TRUE;
}

static EFI_STATUS find_place(uint64_t len, uint64_t *base)
{
	UINTN count, key, stride;
	UINT32 version;
	EFI_STATUS rc = EFI_OUT_OF_RESOURCES;
	uint8_t *map;

	map = (uint8_t *)LibMemoryMap(&count, &key, &stride, &version);
	if (map == NULL)
		return rc;
	for (UINTN i = 0; i < count && EFI_ERROR(rc); i++)
		if (take_from((void *)(map + i * stride), len, base))
			rc = EFI_SUCCESS;
	FreePool(map);
	return rc;
}

static void place(const struct elf *e, uint64_t base)
{
	ZeroMem((void *)base, e->high - e->low);
	for (unsigned i = 0; i < e->head->e_phnum; i++) {
		const Elf64_Phdr *p = program_header(e, i);

		if (p->p_type == PT_LOAD)
			CopyMem((void *)(base + (p->p_vaddr - e->low)),
			    (void *)(e->data + p->p_offset), p->p_filesz);
	}
}

EFI_STATUS image_load(struct loader *l)
{
	struct elf e = { 0 };
	uint64_t base = 0;
	EFI_STATUS rc;
	void *data;

	rc = loader_read_file(l, KERNEL_PATH, &data, &e.size);
	if (EFI_ERROR(rc)) {
		Print(L"Ringlet: cannot read %s: %r\r\n", KERNEL_PATH, rc);
		return rc;
	}
	e.data = data;
	e.head = data;
	if (!header_is_good(&e) || !segments_are_good(&e)) {
		Print(L"Ringlet: %s is damaged, or not a kernel\r\n",
		    KERNEL_PATH);
		return EFI_LOAD_ERROR;
	}
	rc = find_place(e.high - e.low, &base);
	if (EFI_ERROR(rc)) {
		Print(L"Ringlet: no %ld KiB of memory for the kernel\r\n",
		    (e.high - e.low) >> 10);
		return rc;
	}
	place(&e, base);
	l->entry = base + (e.head->e_entry - e.low);
	l->bi->kernel_base = base;
	l->bi->kernel_len = e.high - e.low;
	loader_add_range(
	    l->bi, base, pages_of(e.high - e.low) * PAGE_BYTES, MEM_RESERVED);
	FreePool(data);
	return EFI_SUCCESS;
}

/* SPDX-License-Identifier: MIT */
/*
 * The kernel has no disk driver: it gets the volume that it was started from as
 * memory.  Whatever goes wrong here is said and leaves the kernel without a
 * volume, which it can live with.
 */
#include "loader.h"

#define CHUNK_BYTES (1ull << 20) /* some USB stacks fail on longer reads */

/* Left alone in each block of free memory: the firmware is still at work. */
#define SPARE_BYTES (64ull << 10)

static uint64_t le(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

/*
 * How much the file system says that it uses, which may be less than its
 * partition; the whole partition where its boot sector makes no sense, since
 * judging that is the kernel's work.  Microsoft FAT specification, BPB.
 */
static uint64_t volume_bytes(EFI_BLOCK_IO *io, const uint8_t *boot_sector)
{
	uint64_t media = (io->Media->LastBlock + 1) * io->Media->BlockSize;
	uint64_t sector = le(boot_sector + 11, 2);
	uint64_t sectors = le(boot_sector + 19, 2);
	uint64_t bytes;

	if (sectors == 0)
		sectors = le(boot_sector + 32, 4);
	bytes = sector * sectors;
	if (bytes == 0 || bytes > media)
		return media;
	return (bytes + io->Media->BlockSize - 1) / io->Media->BlockSize *
	       io->Media->BlockSize;
}

/* The best block for what is wanted: the smallest that holds all of it, else
 * the largest. */
static uint64_t better_end(
    const EFI_MEMORY_DESCRIPTOR *d, uint64_t want, uint64_t *room)
{
	uint64_t start = d->PhysicalStart;
	uint64_t end = start + d->NumberOfPages * PAGE_BYTES;
	uint64_t here;

	if (start < (1ull << 20))
		start = 1ull << 20;
	if (end > FOUR_GIB)
		end = FOUR_GIB;
	if (d->Type != EfiConventionalMemory || end < start + 2 * SPARE_BYTES)
		return 0;
	here = end - start - SPARE_BYTES;
	if (*room >= want ? here < want || here >= *room : here <= *room)
		return 0;
	*room = here;
	return end;
}

/* Takes one extent of at most want bytes. */
static EFI_STATUS take_extent(uint64_t want, struct mem_range *out)
{
	UINTN count, key, stride;
	UINT32 version;
	uint64_t room = 0, end = 0, len;
	uint8_t *map;

	map = (uint8_t *)LibMemoryMap(&count, &key, &stride, &version);
	if (map == NULL)
		return EFI_OUT_OF_RESOURCES;
	for (UINTN i = 0; i < count; i++) {
		uint64_t e =
		    better_end((void *)(map + i * stride), want, &room);

		if (e != 0)
			end = e;
	}
	FreePool(map);
	if (end == 0)
		return EFI_OUT_OF_RESOURCES;
	len = want < room ? want : room & -PAGE_BYTES;
	out->base = end - pages_of(len) * PAGE_BYTES;
	out->len = len;
	out->type = MEM_RESERVED;
	return loader_take(EfiLoaderData, out->base, len);
}

static void release(struct boot_info *bi)
{
	for (uint32_t i = 0; i < bi->extent_count; i++)
		BS->FreePages(bi->extent[i].base, pages_of(bi->extent[i].len));
	bi->extent_count = 0;
}

static EFI_STATUS take_extents(struct boot_info *bi, uint64_t bytes)
{
	while (bytes > 0) {
		struct mem_range *r = &bi->extent[bi->extent_count];
		EFI_STATUS rc = EFI_OUT_OF_RESOURCES;

		if (bi->extent_count < BOOT_EXTENTS_MAX)
			rc = take_extent(bytes, r);
		if (EFI_ERROR(rc))
			return rc;
		bi->extent_count++;
		bytes -= r->len;
	}
	return EFI_SUCCESS;
}

static EFI_STATUS read_extents(EFI_BLOCK_IO *io, struct boot_info *bi)
{
	EFI_LBA block = 0;

	for (uint32_t i = 0; i < bi->extent_count; i++) {
		uint64_t at = bi->extent[i].base, left = bi->extent[i].len;

		while (left > 0) {
			uint64_t n = left < CHUNK_BYTES ? left : CHUNK_BYTES;
			EFI_STATUS rc = io->ReadBlocks(
			    io, io->Media->MediaId, block, n, (void *)at);

			if (EFI_ERROR(rc))
				return rc;
			block += n / io->Media->BlockSize;
			at += n;
			left -= n;
		}
	}
	return EFI_SUCCESS;
}

static EFI_STATUS measure(EFI_BLOCK_IO *io, uint64_t *bytes)
{
	EFI_PHYSICAL_ADDRESS at = 0;
	EFI_STATUS rc;

	/* A page, since a device may ask for aligned buffers. */
	rc = BS->AllocatePages(AllocateAnyPages, EfiLoaderData,
	    pages_of(io->Media->BlockSize), &at);
	if (EFI_ERROR(rc))
		return rc;
	rc = io->ReadBlocks(
	    io, io->Media->MediaId, 0, io->Media->BlockSize, (void *)at);
	*bytes = volume_bytes(io, (const uint8_t *)at);
	BS->FreePages(at, pages_of(io->Media->BlockSize));
	return rc;
}

static void reserve_extents(struct boot_info *bi)
{
	for (uint32_t i = 0; i < bi->extent_count; i++)
		loader_add_range(bi, bi->extent[i].base,
		    pages_of(bi->extent[i].len) * PAGE_BYTES, MEM_RESERVED);
}

void volume_load(struct loader *l)
{
	EFI_BLOCK_IO *io;
	uint64_t bytes = 0;
	EFI_STATUS rc;

	rc = BS->HandleProtocol(
	    l->loaded->DeviceHandle, &BlockIoProtocol, (void **)&io);
	if (!EFI_ERROR(rc) &&
	    (io->Media->BlockSize == 0 || CHUNK_BYTES % io->Media->BlockSize))
		rc = EFI_UNSUPPORTED;
	if (!EFI_ERROR(rc))
		rc = measure(io, &bytes);
	if (!EFI_ERROR(rc) && bytes > VOLUME_MAX_MIB << 20) {
		loader_note(l->bi,
		    L"the stick's volume has %ld MiB and is not read: at most "
		    L"%ld MiB are (docs/STICK.md)",
		    bytes >> 20, VOLUME_MAX_MIB);
		return;
	}
	if (!EFI_ERROR(rc))
		rc = take_extents(l->bi, bytes);
	if (!EFI_ERROR(rc))
		rc = read_extents(io, l->bi);
	if (EFI_ERROR(rc)) {
		loader_note(l->bi,
		    L"the stick's volume (%ld KiB) is not read: %r",
		    bytes >> 10, rc);
		release(l->bi);
	}
	reserve_extents(l->bi);
}

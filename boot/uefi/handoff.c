/* SPDX-License-Identifier: MIT */
#include "loader.h"

#define SPARE_DESCRIPTORS 64 /* the map grows while we take its memory */
#define EXIT_TRIES        8

struct map {
	uint8_t *data;
	UINTN capacity, size, key, stride;
};

static uint32_t type_of(uint32_t efi_type)
{
	switch (efi_type) {
	case EfiLoaderCode:
	case EfiLoaderData:
	case EfiBootServicesCode:
	case EfiBootServicesData:
	case EfiConventionalMemory:
		return MEM_FREE;
	case EfiACPIReclaimMemory:
	case EfiACPIMemoryNVS:
		return MEM_ACPI;
	default:
		return MEM_OTHER;
	}
}

static EFI_STATUS make_room(struct map *m)
{
	UINT32 version;
	UINTN size = 0;

	BS->GetMemoryMap(&size, NULL, &m->key, &m->stride, &version);
	if (m->stride < sizeof(EFI_MEMORY_DESCRIPTOR))
		return EFI_UNSUPPORTED;
	m->capacity = size + SPARE_DESCRIPTORS * m->stride;
	return BS->AllocatePool(EfiLoaderData, m->capacity, (void **)&m->data);
}

/*
 * An event between the two calls may change the map and so refuse the exit.
 * After a first try only these two services may be called: so the map is read
 * again into the same memory.
 */
static EFI_STATUS exit_services(struct loader *l, struct map *m)
{
	EFI_STATUS rc = EFI_SUCCESS;
	UINT32 version;

	for (int i = 0; i < EXIT_TRIES; i++) {
		m->size = m->capacity;
		rc = BS->GetMemoryMap(
		    &m->size, (void *)m->data, &m->key, &m->stride, &version);
		if (!EFI_ERROR(rc))
			rc = BS->ExitBootServices(l->self, m->key);
		if (!EFI_ERROR(rc))
			return rc;
	}
	return rc;
}

static void list_memory(struct boot_info *bi, const struct map *m)
{
	for (UINTN at = 0; at + m->stride <= m->size; at += m->stride) {
		const EFI_MEMORY_DESCRIPTOR *d =
		    (const EFI_MEMORY_DESCRIPTOR *)(m->data + at);

		loader_add_range(bi, d->PhysicalStart,
		    d->NumberOfPages * PAGE_BYTES, type_of(d->Type));
	}
}

EFI_STATUS handoff(struct loader *l)
{
	typedef void __attribute__((sysv_abi)) kernel_entry(struct boot_info *);
	struct map m = { 0 };
	EFI_STATUS rc;

	rc = make_room(&m);
	if (EFI_ERROR(rc)) {
		Print(L"Ringlet: no memory for the memory map: %r\r\n", rc);
		return rc;
	}
	rc = exit_services(l, &m);
	if (EFI_ERROR(rc)) {
		Print(L"Ringlet: the firmware does not let go: %r\r\n", rc);
		return rc;
	}
	__asm__ volatile("cli");
	list_memory(l->bi, &m);
	((kernel_entry *)l->entry)(l->bi);
	__builtin_unreachable();
}

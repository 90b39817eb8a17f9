/* SPDX-License-Identifier: MIT */
#include "loader.h"

#define FAIL_WAIT_100NS (10 * 10000000ull)

EFI_STATUS loader_take(EFI_MEMORY_TYPE type, uint64_t base, uint64_t len)
{
	EFI_PHYSICAL_ADDRESS at = base;

	return BS->AllocatePages(AllocateAddress, type, pages_of(len), &at);
}

void loader_add_range(
    struct boot_info *bi, uint64_t base, uint64_t len, uint32_t type)
{
	uint32_t n = bi->range_count;
	struct mem_range *last = n > 0 ? &bi->range[n - 1] : NULL;

	if (last && last->type == type && last->base + last->len == base) {
		last->len += len;
		return;
	}
	if (bi->range_count < BOOT_RANGES_MAX)
		bi->range[bi->range_count++] = (struct mem_range){
			.base = base, .len = len, .type = type
		};
}

void loader_note(struct boot_info *bi, const CHAR16 *format, ...)
{
	CHAR16 text[BOOT_NOTE_MAX] = { 0 };
	va_list args;

	va_start(args, format);
	UnicodeVSPrint(text, sizeof(text), format, args);
	va_end(args);
	Print(L"Ringlet: %s\r\n", text);
	for (UINTN i = 0; i < BOOT_NOTE_MAX; i++)
		bi->note[i] = text[i] <= '~' ? (char)text[i] : '?';
}

EFI_STATUS loader_read_file(
    struct loader *l, CHAR16 *path, void **data, UINTN *size)
{
	EFI_FILE_HANDLE file;
	EFI_FILE_INFO *info;
	EFI_STATUS rc;

	rc = l->root->Open(l->root, &file, path, EFI_FILE_MODE_READ, 0);
	if (EFI_ERROR(rc))
		return rc;
	info = LibFileInfo(file);
	rc = info == NULL ? EFI_DEVICE_ERROR : EFI_SUCCESS;
	if (EFI_ERROR(rc))
		goto out;
	*size = info->FileSize;
	FreePool(info);
	rc = BS->AllocatePool(EfiLoaderData, *size + 1, data);
	if (!EFI_ERROR(rc))
		rc = file->Read(file, size, *data);
out:
	file->Close(file);
	return rc;
}

static EFI_STATUS make_boot_info(struct loader *l)
{
	EFI_PHYSICAL_ADDRESS at = FOUR_GIB - 1;
	EFI_STATUS rc;

	rc = BS->AllocatePages(
	    AllocateMaxAddress, EfiLoaderData, pages_of(sizeof(*l->bi)), &at);
	if (EFI_ERROR(rc)) {
		Print(L"Ringlet: no memory below 4 GiB: %r\r\n", rc);
		return rc;
	}
	l->bi = (struct boot_info *)at;
	ZeroMem(l->bi, sizeof(*l->bi));
	l->bi->magic = BOOT_MAGIC;
	l->bi->version = BOOT_VERSION;
	CopyMem(l->bi->door, "uefi", 5);
	loader_add_range(
	    l->bi, at, pages_of(sizeof(*l->bi)) * PAGE_BYTES, MEM_RESERVED);
	return EFI_SUCCESS;
}

static EFI_STATUS open_volume(struct loader *l)
{
	EFI_STATUS rc;

	rc = BS->HandleProtocol(
	    l->self, &LoadedImageProtocol, (void **)&l->loaded);
	if (EFI_ERROR(rc)) {
		Print(L"Ringlet: the firmware does not say what it loaded: "
		      L"%r\r\n",
		    rc);
		return rc;
	}
	l->root = LibOpenRoot(l->loaded->DeviceHandle);
	if (l->root == NULL) {
		Print(L"Ringlet: cannot open the volume that this program was "
		      L"loaded from\r\n");
		return EFI_NOT_FOUND;
	}
	return EFI_SUCCESS;
}

static EFI_STATUS boot(struct loader *l)
{
	EFI_STATUS rc;

	rc = make_boot_info(l);
	if (!EFI_ERROR(rc))
		rc = open_volume(l);
	if (!EFI_ERROR(rc))
		rc = image_load(l);
	if (EFI_ERROR(rc))
		return rc;
	facts_collect(l);
	crash_collect(l->bi);
	volume_load(l);
	return handoff(l);
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *table)
{
	struct loader l = { .self = self };
	EFI_STATUS rc;

	InitializeLib(self, table);
	/* Firmware restarts the machine after five minutes in a boot program;
	 * a slow stick must not end that way. */
	BS->SetWatchdogTimer(0, 0, 0, NULL);
	rc = boot(&l);
	Print(L"Ringlet: not started; back to the firmware with a key or in 10 "
	      L"seconds\r\n");
	WaitForSingleEvent(table->ConIn->WaitForKey, FAIL_WAIT_100NS);
	return rc;
}

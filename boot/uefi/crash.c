/* SPDX-License-Identifier: MIT */
/*
 * What a panic of the run before left in a variable goes to the kernel, which
 * judges it, and is deleted: told once, and no place in the flash is lost.
 */
#include "loader.h"

void crash_collect(struct boot_info *bi)
{
	static EFI_GUID guid = CRASH_VARIABLE_GUID;
	static uint16_t name[] = CRASH_VARIABLE_NAME;
	UINTN size = sizeof(bi->crash);
	EFI_STATUS rc;

	rc = RT->GetVariable((CHAR16 *)name, &guid, NULL, &size, bi->crash);
	if (rc == EFI_NOT_FOUND)
		return;
	if (!EFI_ERROR(rc))
		bi->crash_len = (uint32_t)size;
	RT->SetVariable((CHAR16 *)name, &guid, 0, 0, NULL);
}

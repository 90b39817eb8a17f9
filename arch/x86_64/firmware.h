/* SPDX-License-Identifier: MIT */
/* What the firmware's tables say about this machine. */
#pragma once

#include "arch/boot_info.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/smbios.h"

/* Reads the tables while the boot page tables still show all memory below
 * 4 GiB, and says what was found.  Context: boot, before paging_init. */
void firmware_init(const struct boot_info *bi);

/* What firmware_init found; before it, a PC without ACPI. */
const struct acpi_facts *firmware_facts(void);

/* The machine's names, as far as firmware_init found some. */
const struct smbios_facts *firmware_smbios(void);

/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/firmware.h"

#include <stddef.h>

#include "arch/x86_64/paging.h"
#include "lib/log.h"

#define FOUR_GIB (1ull << 32)

static struct acpi_facts facts = { .has_8259 = true, .nmi_lint = 1 };
static struct smbios_facts names;

static const void *view(uint64_t address, uint64_t len, void *ctx)
{
	if (address >= FOUR_GIB || len > FOUR_GIB - address)
		return NULL;
	return phys_to_virt(address);
}

void firmware_init(const struct boot_info *bi)
{
	smbios_read(&names, bi->smbios, view, NULL);
	acpi_read(&facts, bi->acpi_rsdp, view, NULL);
	/* A loader's pointer that leads nowhere hides no tables. */
	if (!facts.found && bi->acpi_rsdp != 0)
		acpi_read(&facts, 0, view, NULL);
	if (!facts.found) {
		log_warn("acpi: no usable tables; a PC of old is assumed");
		return;
	}
	log_info("acpi: version %s, %u CPUs, %u IO-APICs, 8259 %s",
	    facts.revision >= 2 ? "2 or later" : "1", facts.cpus,
	    facts.ioapic_count, facts.has_8259 ? "yes" : "no");
	if (facts.broken > 0)
		log_warn("acpi: %u tables are damaged and were left out",
		    facts.broken);
}

const struct acpi_facts *firmware_facts(void)
{
	return &facts;
}

const struct smbios_facts *firmware_smbios(void)
{
	return &names;
}

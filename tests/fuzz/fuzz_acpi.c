/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the memory in which a BIOS leaves its tables, from e0000 on.
 * Checksums are made right, since they would keep the fuzzer out.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/acpi.h"

#define BASE      0xe0000u
#define BYTES     0x20000u
#define USED      0x4000u
#define LENT_MAX  4096u
#define RSDP_SUM  8u
#define TABLE_SUM 9u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[BYTES];
static void *lent[LENT_MAX];
static unsigned lent_count;

/* Copies of exactly the size asked for, so that reading behind is noticed. */
static const void *view(uint64_t address, uint64_t len, void *ctx)
{
	void *p;

	if (address < BASE || address >= BASE + BYTES ||
	    len > BASE + BYTES - address || lent_count == LENT_MAX)
		return NULL;
	p = malloc(len);
	memcpy(p, memory + (address - BASE), len);
	lent[lent_count++] = p;
	return p;
}

static void seal(uint8_t *p, uint32_t len, uint32_t at)
{
	uint8_t sum = 0;

	p[at] = 0;
	for (uint32_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
	p[at] = (uint8_t)-sum;
}

static void seal_table(uint32_t at, uint32_t limit)
{
	uint32_t len;

	memcpy(&len, memory + at + 4, 4);
	if (len >= 36 && len <= limit - at)
		seal(memory + at, len, TABLE_SUM);
}

static void seal_all(uint32_t limit)
{
	for (uint32_t at = 0; at + 36 <= limit; at += 4) {
		switch (memory[at]) {
		case 'R': /* RSD, RSDT */
			if (memory[at + 3] == ' ') {
				seal(memory + at, 20, RSDP_SUM);
				seal(memory + at, 36, 32);
				break;
			}
			/* fall through */
		case 'X': /* XSDT */
		case 'A': /* APIC */
		case 'F': /* FACP */
		case 'H': /* HPET */
		case 'M': /* MCFG */
		case 'D': /* DSDT */
		case 'S': /* SSDT */
			seal_table(at, limit);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acpi_facts f;

	if (size > USED)
		return 0;
	memset(memory, 0, USED);
	memcpy(memory, data, size);
	seal_all((uint32_t)size);
	acpi_read(&f, 0, view, NULL);
	if (f.ioapic_count > ACPI_IOAPICS_MAX || f.nmi_lint > 1)
		abort();
	if (f.s5_type[0] > 7 || f.s5_type[1] > 7)
		abort();
	if (!f.found && (f.has_madt || f.has_fadt) && f.broken == 0)
		abort();
	while (lent_count > 0)
		free(lent[--lent_count]);
	return 0;
}

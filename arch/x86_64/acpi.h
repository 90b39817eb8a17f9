/* SPDX-License-Identifier: MIT */
/*
 * What the machine says about itself in its ACPI tables, 1.0 to 6: interrupt
 * controllers, the power-management timer, ways to reset and switch off.  Pure
 * parsing, tested on the host; every table's length and checksum is looked at
 * before its contents, and a table that is wrong counts as absent.
 *
 * There is no interpreter of AML: what a machine tells in methods only (_PRT,
 * for one) is found out by trying.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ACPI_IOAPICS_MAX 8
#define ACPI_ISA_LINES   16

enum acpi_trigger { ACPI_TRIGGER_BUS, ACPI_TRIGGER_EDGE, ACPI_TRIGGER_LEVEL };
enum acpi_polarity { ACPI_POLARITY_BUS, ACPI_POLARITY_HIGH, ACPI_POLARITY_LOW };

struct acpi_ioapic {
	uint32_t address, gsi_base;
	uint8_t id;
};

/* Where an ISA interrupt arrives at the IO-APICs, and how. */
struct acpi_isa_line {
	uint32_t gsi;
	enum acpi_trigger trigger;
	enum acpi_polarity polarity;
	bool overridden; /* else the identity that the MADT leaves out */
};

/* A register: the generic address structure. */
enum acpi_space { ACPI_SPACE_MEMORY, ACPI_SPACE_IO, ACPI_SPACE_PCI };

struct acpi_register {
	uint64_t address; /* 0: there is none */
	uint8_t space;    /* enum acpi_space, or another that nobody uses */
	uint8_t width;    /* bits */
};

/* FADT IAPC_BOOT_ARCH. */
enum acpi_boot_arch {
	ACPI_BOOT_LEGACY_DEVICES = 1 << 0,
	ACPI_BOOT_8042 = 1 << 1,
	ACPI_BOOT_NO_VGA = 1 << 2,
	ACPI_BOOT_NO_MSI = 1 << 3,
	ACPI_BOOT_NO_RTC = 1 << 5
};

struct acpi_facts {
	bool found;       /* a root table */
	uint8_t revision; /* of the root pointer: 0 is ACPI 1.0 */
	uint32_t broken;  /* tables that were refused */

	bool has_madt;
	bool has_8259;
	uint64_t lapic_address; /* 0: not said */
	uint32_t cpus;          /* that can be used */
	uint8_t nmi_lint; /* the local APIC's pin for NMI: 1 unless said */
	uint32_t ioapic_count;
	struct acpi_ioapic ioapic[ACPI_IOAPICS_MAX];
	struct acpi_isa_line isa[ACPI_ISA_LINES];

	bool has_fadt;
	uint8_t fadt_revision;
	bool reduced_hardware; /* none of the registers below exist */
	uint16_t sci;          /* an ISA interrupt, or a GSI without 8259 */
	uint16_t boot_arch;    /* enum acpi_boot_arch; 0 in ACPI 1.0 */
	uint16_t pm_timer;     /* port; 0: none */
	bool pm_timer_32_bits; /* else 24 */
	struct acpi_register reset; /* one byte wide */
	uint8_t reset_value;
	struct acpi_register pm1a_event, pm1a_control, pm1b_control;
	uint8_t pm1_event_bytes; /* status in the first half, then enable */
	bool fixed_power_button; /* in pm1a_event, not in AML */
	struct acpi_register sleep_control; /* of reduced hardware */
	uint32_t smi_command;               /* port */
	uint8_t acpi_enable; /* the value that switches ACPI on, or 0 */
	uint64_t dsdt;
	bool has_s5;
	uint8_t s5_type[2]; /* for PM1a and PM1b: switch off */

	uint64_t hpet;     /* registers, or 0 */
	uint64_t mmconfig; /* PCI configuration in memory, or 0 */
	uint64_t mmconfig_bytes;
};

/*
 * Returns len bytes of physical memory at address, or NULL where memory may not
 * be read.  The bytes stay readable until acpi_read returns.
 */
typedef const void *acpi_view(uint64_t address, uint64_t len, void *ctx);

/* Looks for the root pointer where a BIOS puts it: in the first KiB of the
 * extended BIOS data area, then in e0000-fffff.  Returns its address, or 0. */
uint64_t acpi_find_root(acpi_view *view, void *ctx);

/*
 * Reads all tables below the root pointer at rsdp; 0: acpi_find_root looks for
 * it.  Without usable tables out describes a PC as it was before ACPI: an 8259
 * and nothing else, found false.
 */
void acpi_read(
    struct acpi_facts *out, uint64_t rsdp, acpi_view *view, void *ctx);

/* Looks in len bytes of AML for the definition of _S5 (acpi_s5.c).  Returns
 * whether it is there as constants, and these in type. */
bool acpi_find_s5(const uint8_t *aml, uint32_t len, uint8_t type[2]);

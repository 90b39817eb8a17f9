/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space, by the two ports of mechanism #1 that every PC has.
 * pci.c knows functions, their base addresses, command bits and interrupt
 * lines; pci_setup.c does what firmware has left undone.
 *
 * docs/RTL8139.md, "PCI", tells what the card needs of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"

/* Registers of a function's configuration space. */
enum pci_reg {
	PCI_VENDOR = 0x00,
	PCI_DEVICE = 0x02,
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_REVISION = 0x08, /* with the class code in the upper 24 bits */
	PCI_HEADER_TYPE = 0x0e,
	PCI_BAR0 = 0x10,
	PCI_SECONDARY_BUS = 0x19, /* of a bridge: where it leads */
	PCI_SUBSYSTEM_VENDOR = 0x2c,
	PCI_SUBSYSTEM = 0x2e,
	PCI_INTERRUPT_LINE = 0x3c
};

enum pci_command {
	PCI_COMMAND_IO = 1 << 0,
	PCI_COMMAND_MEMORY = 1 << 1,
	PCI_COMMAND_MASTER = 1 << 2,
	PCI_COMMAND_INTX_OFF = 1 << 10
};

/* Error bits of PCI_STATUS; writing a one clears it. */
#define PCI_STATUS_ERRORS 0xf900u

struct pci_address {
	uint8_t bus, slot, function;
};

struct pci_device {
	struct pci_address at;
	uint16_t vendor, device;
	uint16_t subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits: class, subclass, interface */
	uint8_t revision;
	uint8_t interrupt_line; /* as the firmware left it; 0 or ff: none */
};

/* Reads and writes of a register that is aligned to its width.  An absent
 * function reads all ones.  Context: any. */
uint8_t pci_read8(struct pci_address at, unsigned reg);
uint16_t pci_read16(struct pci_address at, unsigned reg);
uint32_t pci_read32(struct pci_address at, unsigned reg);
void pci_write8(struct pci_address at, unsigned reg, uint8_t v);
void pci_write16(struct pci_address at, unsigned reg, uint16_t v);
void pci_write32(struct pci_address at, unsigned reg, uint32_t v);

/*
 * Calls visit for every function on every bus until it returns false: first
 * the buses that bridges lead to, from bus 0 upwards, then all others; slots
 * and functions in order.  Borrows ctx.  Context: boot, thread.
 */
void pci_scan(bool (*visit)(const struct pci_device *d, void *ctx), void *ctx);

/* The same in two parts: the buses that bridges lead to, and the others, which
 * take 10 ms. */
void pci_scan_reachable(
    bool (*visit)(const struct pci_device *d, void *ctx), void *ctx);
void pci_scan_others(
    bool (*visit)(const struct pci_device *d, void *ctx), void *ctx);

/* Fills d with the function at an address.  Returns whether there is one. */
bool pci_look_up(struct pci_address at, struct pci_device *d);

/*
 * The address in memory BAR number bar, 0 to 5.  Returns 0 when the BAR is no
 * memory BAR, or was never assigned (zero, or all ones), or lies above 4 GiB.
 */
paddr_t pci_memory_bar(struct pci_address at, unsigned bar);

/* Sets and clears bits of the command register, leaving the others. */
void pci_command(struct pci_address at, uint16_t set, uint16_t clear);

/* Reads the error bits of the status register and clears them. */
uint16_t pci_take_errors(struct pci_address at);

/* --- pci_setup.c --------------------------------------------------------- */

/*
 * Silences what firmware may have left running: network cards lose bus
 * mastering, or a late frame would be written into memory that is used anew;
 * all functions but bridges lose their interrupts, which drivers give back.
 * Context: boot, first of all.
 */
void pci_quiesce(void);

/* Brings a function from any power state to D0, as it was configured.  Returns
 * whether it was asleep.  Takes 10 ms then.  Context: boot. */
bool pci_wake(struct pci_address at);

/* Lets the bridges above a function pass memory accesses and its DMA. */
void pci_open_path(struct pci_address at);

/* Whether the bridges above a function pass accesses to an address. */
bool pci_is_reachable(struct pci_address at, paddr_t base);

/*
 * Gives a 32-bit memory BAR that firmware left out an address that nothing else
 * has, opening shut bridges on the way, and says so.  Returns the address; 0
 * when there is no room, or the BAR does not take it, said as well.
 * Context: boot.
 */
paddr_t pci_assign_memory_bar(struct pci_address at, unsigned bar);

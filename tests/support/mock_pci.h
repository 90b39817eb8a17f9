/* SPDX-License-Identifier: MIT */
/*
 * The PCI configuration space of a machine, behind ports cf8 and cfc: as many
 * functions as a test adds, on any bus.  A function is 256 bytes that read as
 * written but for its identity; status bits clear when a one is written.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MOCK_PCI_FUNCTIONS 64

struct mock_pci_function {
	uint8_t bus, slot, function;
	uint8_t config[256];
	bool everywhere; /* answers at every function number of its slot */
	uint32_t bar_bytes[6]; /* 0: the BAR takes any value */
	bool bars_stuck;       /* BARs of known size take nothing */
	/* Called after a write to a BAR. */
	void (*moved)(void *ctx, unsigned bar, uint32_t value);
	void *ctx;
	uint8_t asleep; /* where PMCSR is; it forgets its BARs in D3 */
};

struct mock_pci {
	uint32_t address; /* last value of port cf8 */
	uint32_t count;
	uint32_t reads; /* of the data port */
	struct mock_pci_function function[MOCK_PCI_FUNCTIONS];
};

/* Empties the machine and answers at the ports. */
void mock_pci_init(struct mock_pci *pci);

/* Adds a function; class is class, subclass, interface in 24 bits. */
struct mock_pci_function *mock_pci_add(struct mock_pci *pci, uint8_t bus,
    uint8_t slot, uint8_t function, uint16_t vendor, uint16_t device,
    uint32_t class_code);

/* The function's bytes at reg. */
void mock_pci_set8(struct mock_pci_function *f, unsigned reg, uint8_t v);
void mock_pci_set16(struct mock_pci_function *f, unsigned reg, uint16_t v);
void mock_pci_set32(struct mock_pci_function *f, unsigned reg, uint32_t v);
uint16_t mock_pci_get16(const struct mock_pci_function *f, unsigned reg);

/* A small PC: host bridge, a bridge to bus 1, a chip set of three functions, a
 * graphics card; no network card. */
void mock_pci_add_pc(struct mock_pci *pci);

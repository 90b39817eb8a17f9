/* SPDX-License-Identifier: MIT */
/*
 * The whole system on a machine whose firmware did its work badly: the command
 * line's `break=WORD[,WORD...]` says how, and it happens before anything else.
 *
 *	line=N   the card's interrupt-line register holds N
 *	bar      the card has no memory address
 *	shut     no bridge passes memory or DMA
 *	pirq     the chip set brings no PCI interrupt to the 8259
 */
#include "boot/door.h"

noreturn void ringlet_main(const struct boot_info *bi);

#define kernel_main ringlet_main
#include "boot/main.c"
#undef kernel_main

#include "lib/string.h"

#define ISA_BRIDGE_PIIX3 0x70008086u
#define ISA_BRIDGE_ICH9  0x29188086u
#define PIRQ_OFF         0x80808080u
#define BRIDGE_WINDOW    0x20u
#define WINDOW_SHUT      0x0000fff0u

struct breakage {
	bool bar, shut, pirq, line;
	uint8_t line_number;
};

static uint8_t number_at(const char *s)
{
	uint32_t n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (uint32_t)(*s - '0');
	return (uint8_t)n;
}

static void break_card(struct pci_address at, const struct breakage *b)
{
	uint32_t line = pci_read32(at, PCI_INTERRUPT_LINE);

	if (b->line)
		pci_write32(
		    at, PCI_INTERRUPT_LINE, (line & ~0xffu) | b->line_number);
	if (b->bar)
		pci_write32(at, PCI_BAR0 + 4, 0);
}

static bool break_function(const struct pci_device *d, void *ctx)
{
	const struct breakage *b = ctx;
	uint32_t id = (uint32_t)d->device << 16 | d->vendor;

	if (d->vendor == 0x10ec)
		break_card(d->at, b);
	if (b->shut && d->class_code >> 8 == 0x0604) {
		pci_write32(d->at, BRIDGE_WINDOW, WINDOW_SHUT);
		pci_command(d->at, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	}
	if (b->pirq && (id == ISA_BRIDGE_PIIX3 || id == ISA_BRIDGE_ICH9))
		pci_write32(d->at, 0x60, PIRQ_OFF);
	if (b->pirq && id == ISA_BRIDGE_ICH9)
		pci_write32(d->at, 0x68, PIRQ_OFF);
	return true;
}

noreturn void kernel_main(const struct boot_info *bi)
{
	const char *words = strstr(bi->cmdline, "break=");
	struct breakage b = { 0 };

	if (words) {
		const char *line = strstr(words, "line=");

		b.bar = strstr(words, "bar") != NULL;
		b.shut = strstr(words, "shut") != NULL;
		b.pirq = strstr(words, "pirq") != NULL;
		b.line = line != NULL;
		if (line)
			b.line_number = number_at(line + 5);
	}
	pci_scan(break_function, &b);
	ringlet_main(bi);
}

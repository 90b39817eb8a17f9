/* SPDX-License-Identifier: MIT */
/*
 * The table of device drivers, and the search for network cards.  A new
 * driver is its own file and one line in drivers.c.
 */
#pragma once

#include <stdint.h>

#include "drivers/pci.h"

struct stack;

/* nic.mode: the ways a card can move packets (DESIGN.md, decision 5). */
enum nic_mode {
	NIC_MODE_AUTO,
	NIC_MODE_CLASSIC,
	NIC_MODE_HYBRID,
	NIC_MODE_CPLUS
};

/* nic.poll: interrupts and polling in turn, or polling alone. */
enum nic_poll { NIC_POLL_AUTO, NIC_POLL_NAPI, NIC_POLL_POLL };

#define NIC_CARDS_MAX 4

struct nic_config {
	enum nic_mode mode;
	enum nic_poll poll;
	/* nic: which cards, in this order.  None: all, by PCI address. */
	struct pci_address card[NIC_CARDS_MAX];
	uint32_t cards;
};

/*
 * Starts the cards that c names or, when it names none or none of them works,
 * all that there are, in order of PCI address; the first NIC_CARDS_MAX that
 * start are registered with st.  What is wrong with one is logged and stops no
 * other.  Cards on buses that no bridge leads to are found only when named, or
 * when there are no others.  Borrows c for the call.  Returns 0 when a card
 * started; -ENODEV when there is none, after logging every PCI function seen;
 * or the error of the last card that would not start.  Context: boot, with
 * interrupts on.
 */
int drivers_probe(struct stack *st, const struct nic_config *c);

/* SPDX-License-Identifier: MIT */
/*
 * The RTL8139 family in classic mode: one receive ring in memory, four
 * transmit slots.  Every card of the family has it, QEMU's model too.
 *
 * What the card does, and the rules that this driver keeps, stand in
 * docs/RTL8139.md.  Read rtl8139_internal.h first, then rtl8139.c (start, poll,
 * recovery), rtl8139_irq.c, rtl8139_rx.c, rtl8139_tx.c, rtl8139_mac.c;
 * rtl8139_ids.c says which cards are meant.
 */
#pragma once

#include <stdbool.h>

struct nic_config;
struct pci_device;
struct stack;

/* The name of this RTL8139 or look-alike, "" for one that only has the chip's
 * own number; NULL when it is none (rtl8139_ids.c).  Touches nothing. */
const char *rtl8139_card_name(const struct pci_device *d);

/* The name of another chip, for which a user may take an RTL8139 and which
 * cannot be driven like one; NULL for anything else. */
const char *rtl8139_other_chip(const struct pci_device *d);

/* Whether rtl8139_probe may be tried.  Touches nothing. */
bool rtl8139_match(const struct pci_device *d);

/*
 * Starts the card and registers its device with st, link state included.
 * Borrows d and c for the call.  Returns 0; -EIO when the card does not answer,
 * was given no address or has no usable MAC; -ENOMEM; each after a line in the
 * log.  Context: boot.
 */
int rtl8139_probe(
    struct stack *st, const struct pci_device *d, const struct nic_config *c);

/* SPDX-License-Identifier: MIT */
/*
 * The table of device drivers, and the search for a network card.  A new
 * driver is its own file and one line in drivers.c.
 */
#pragma once

struct netdev;
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

struct nic_config {
	enum nic_mode mode;
	enum nic_poll poll;
};

/*
 * Finds the first card that a driver can start, in order of PCI address.
 * Borrows c for the call.  Returns 0 with *first set; -ENODEV when there is
 * none, after logging every PCI function seen; or the error of the last card
 * that would not start.  Context: boot, with interrupts on.
 */
int drivers_probe(
    struct stack *st, const struct nic_config *c, struct netdev **first);

/* SPDX-License-Identifier: MIT */
/* Who handles which EtherType and which IPv4 protocol: one line each. */
#pragma once

#include <stdint.h>

#include "net/ip.h"

struct pkt;

struct eth_type {
	uint16_t type;
	/* In: [payload].  Borrows p.  Context: bottom half. */
	void (*rx)(struct pkt *p);
};

/* NULL when nobody does. */
const struct eth_type *eth_type_find(uint16_t type);
const struct ip_proto *ip_proto_find(uint8_t number);

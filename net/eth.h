/* SPDX-License-Identifier: MIT */
/* Ethernet II (IEEE 802.3 with a type field); RFC 894 for IPv4 over it. */
#pragma once

#include <stdint.h>

#include "lib/bytes.h"

struct netdev;
struct pkt;

#define ETH_ADDR_LEN  6
#define ETH_TYPE_IPV4 0x0800
#define ETH_TYPE_ARP  0x0806

struct eth_hdr {
	uint8_t dst[ETH_ADDR_LEN];
	uint8_t src[ETH_ADDR_LEN];
	be16 type;
};

extern const uint8_t eth_broadcast[ETH_ADDR_LEN];

/* Sends [payload] to a station through p->dev.  Takes p. */
void eth_tx(struct pkt *p, const uint8_t dst[ETH_ADDR_LEN], uint16_t type);

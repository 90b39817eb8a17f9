/* SPDX-License-Identifier: MIT */
/*
 * IPv4 (RFC 791, RFC 1122 section 3) for a host.  Fragments are neither made
 * nor reassembled; options are accepted and ignored.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bytes.h"

struct netdev;
struct pkt;
struct stack;

#define IP_PROTO_ICMP 1
#define IP_PROTO_TCP  6
#define IP_PROTO_UDP  17

#define IP_TTL_DEFAULT 64 /* RFC 1700's recommended value */

#define IP_ADDR_ANY       0u
#define IP_ADDR_BROADCAST 0xffffffffu
#define IP_ADDR_LOOPBACK  0x7f000001u

struct ip_hdr {
	uint8_t version_ihl;
	uint8_t tos;
	be16 total_len;
	be16 id;
	be16 frag;
	uint8_t ttl;
	uint8_t proto;
	be16 checksum;
	be32 src, dst;
};

/* RFC 3168 section 5, the low bits of tos. */
#define IP_ECN_MASK    3
#define IP_ECN_NOT_ECT 0
#define IP_ECN_ECT1    1
#define IP_ECN_ECT0    2
#define IP_ECN_CE      3

#define IP_FRAG_MF     0x2000
#define IP_FRAG_DF     0x4000
#define IP_FRAG_OFFSET 0x1fff

/* A device's address; addr 0 is "none yet". */
struct ip_config {
	uint32_t addr, mask, gateway, dns;
};

/* What an ICMP error, or a neighbour who does not answer, says of a packet of
 * ours.  Anyone may have said it. */
struct icmp_error {
	uint32_t src, dst;      /* of that packet */
	const uint8_t *payload; /* at least its first 8 bytes; borrowed */
	uint16_t total_len;     /* its length, by its header */
	uint16_t mtu;           /* RFC 1191 section 4; 0: not told */
	uint8_t type, code;
};

/* The protocols above IPv4 (net/tables.c). */
struct ip_proto {
	uint8_t number;
	/* In: [ip][payload], payload at data, p->ip_* set.  Borrows p.
	 * Context: bottom half. */
	void (*rx)(struct pkt *p);
	/* An ICMP error came for a packet of ours.  Borrows e.  May be NULL. */
	void (*error)(struct stack *st, const struct icmp_error *e);
};

/* In: [ip][payload], ip at data.  Borrows p.  Context: bottom half. */
void ip_rx(struct pkt *p);

/*
 * Where packets from src (0: not chosen yet) to dst leave: device, next hop,
 * source address.  What has a source leaves by the device that owns it
 * (RFC 1122 3.3.4.2, strong end system); among several devices the longest
 * prefix that holds dst decides, then a gateway, of the first device whose link
 * is up.  Returns 0; -ENETUNREACH without a route or an address of ours;
 * -EINVAL when src is a loopback address and dst is not ours.
 */
struct ip_route {
	struct netdev *dev;
	uint32_t next_hop, src;
};
int ip_route(struct stack *st, uint32_t src, uint32_t dst, struct ip_route *r);

/* Sends [payload] from src (0: the route's) to dst.  Takes p.  Returns 0 or the
 * routing error.  Drops: IP_NO_ROUTE. */
int ip_tx(struct pkt *p, uint32_t src, uint32_t dst, uint8_t proto);

/* Sends through this device to the whole link, whatever the routes: for DHCP.
 * Takes p. */
void ip_tx_broadcast(
    struct pkt *p, struct netdev *dev, uint32_t src, uint8_t proto);

/* Negative advice about the next hop (RFC 9293 3.8.3 (a)): what was sent from
 * src to dst is not answered. */
void ip_doubt(struct stack *st, uint32_t src, uint32_t dst);

/* A packet of ours, [ip][payload], cannot reach its next hop: tells its
 * protocol as ICMP "host unreachable" would.  Borrows p.  The protocol may not
 * send in answer. */
void ip_tx_failed(const struct pkt *p);

bool ip_is_own(const struct stack *st, uint32_t addr);
bool ip_is_broadcast(const struct stack *st, uint32_t addr);
/* Whether addr lies in the network of the device, which has an address. */
bool ip_is_on_link(const struct netdev *dev, uint32_t addr);
static inline bool ip_is_multicast(uint32_t addr)
{
	return addr >> 28 == 0xe;
}
static inline bool ip_is_loopback(uint32_t addr)
{
	return addr >> 24 == 127;
}

/* Sets, changes or (addr 0) removes a device's address; announces it and wakes
 * stack->changed. */
void ip_set_config(struct netdev *dev, const struct ip_config *c);

/* The sum of the pseudo header (RFC 9293 3.1, RFC 768). */
uint32_t ip_pseudo_sum(uint32_t src, uint32_t dst, uint8_t proto, uint32_t len);

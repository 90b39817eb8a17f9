/* SPDX-License-Identifier: MIT */
/* UDP (RFC 768, RFC 1122 section 4.1). */
#pragma once

#include <stdint.h>

#include "lib/bytes.h"
#include "lib/list.h"

struct pkt;
struct stack;
struct icmp_error;

#define UDP_BUCKETS   64
#define UDP_QUEUE_MAX 64 /* datagrams that wait in one socket */

struct udp_hdr {
	be16 src_port, dst_port;
	be16 len;
	be16 checksum;
};

struct udp {
	struct list buckets[UDP_BUCKETS]; /* struct sock by local port */
};

void udp_init(struct stack *st);

/* Whether a socket is bound to this port. */
_Bool udp_is_bound(const struct stack *st, uint16_t port);

/* In: [udp][data].  Borrows p; a copy waits in the socket.  Drops: UDP_SHORT,
 * UDP_CHECKSUM, UDP_NO_PORT, UDP_QUEUE_FULL, NO_BUFFER. */
void udp_rx(struct pkt *p);

/* An ICMP error about a datagram of ours. */
void udp_error(struct stack *st, const struct icmp_error *e);

/* Pushes and fills the header before [data].  Borrows p. */
void udp_push_header(struct pkt *p, uint32_t src, uint32_t dst,
    uint16_t src_port, uint16_t dst_port);

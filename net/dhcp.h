/* SPDX-License-Identifier: MIT */
/*
 * DHCP client (RFC 2131, RFC 2132) with the link-local fallback of RFC 3927.
 * Each device has a client of its own; they share the port.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sched/timer.h"
#include "sched/wait.h"

struct netdev;
struct sock;

#define DHCP_HOSTNAME_MAX 63

/* Without an answer for so long the device gets a 169.254/16 address. */
#define DHCP_FALLBACK_NS (10 * NS_PER_S)

enum dhcp_state {
	DHCP_OFF,
	DHCP_SELECTING,
	DHCP_REQUESTING,
	DHCP_REBOOTING, /* the link came back: is the lease still good here? */
	DHCP_BOUND,
	DHCP_RENEWING,
	DHCP_REBINDING
};

struct dhcp {
	enum dhcp_state state;
	struct netdev *dev;
	struct timer timer; /* retransmission, T1, T2, expiry */
	uint32_t xid, tries;
	uint32_t offered, server; /* of the offer or lease, host order */
	uint64_t started_ns;      /* of this attempt */
	uint16_t secs;            /* since then, when it was last asked */
	uint64_t t1_ns, t2_ns, expires_ns;

	struct timer local_timer; /* of the link-local fallback */
	uint64_t local_from_ns;   /* not claimed before */
	uint32_t candidate;       /* 0: not looking for one */
	uint32_t probes, conflicts;
	char hostname[DHCP_HOSTNAME_MAX + 1];
};

/* Of a stack: where the answers for all its clients arrive. */
struct dhcp_port {
	struct sock *sock; /* NULL until the first client starts */
	struct wait_entry wait;
};

/* Starts to look for an address for dev.  hostname is copied.  Returns 0 or
 * -ENOBUFS. */
int dhcp_start(struct netdev *dev, const char *hostname);

/* The link came back: verify the lease soon (RFC 2131 3.7). */
void dhcp_link_up(struct netdev *dev);

/* ARP saw somebody else use addr on dev: give it up (RFC 2131 4.4.4 DECLINE,
 * RFC 3927 2.5). */
void dhcp_conflict(struct netdev *dev, uint32_t addr);

/* SPDX-License-Identifier: MIT */
/*
 * Network devices.  A driver embeds a struct netdev, fills the fields above the
 * line, and calls netdev_register.  The contract is NAPI's:
 *
 *	interrupt: the driver masks its card and calls netdev_schedule;
 *	poll:      ops->poll takes up to budget frames, calling netdev_rx for
 *	           each; when it returns less than budget it has unmasked the
 *	           card and looked at the ring once more.
 *
 * Transmit: netdev_tx gives a packet to the card, or queues it while the card
 * is full.  netdev_room says how many packets would be accepted; a sender that
 * finds none waits with netdev_wait_room and is called back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "net/dhcp.h"
#include "net/ip.h"
#include "sched/bh.h"
#include "sched/timer.h"

struct netdev;
struct pkt;
struct stack;

#define NETDEV_NAME_BYTES 8
#define NETDEV_QUEUE_MAX  64 /* packets waiting for the card */
#define NETDEV_RESERVE    16 /* of these kept from senders that can wait */
#define NETDEV_COUNTERS   24

struct netdev_ops {
	/* Takes frames from the card, and takes back sent packets.  Returns
	 * frames done, at most budget.  Context: bottom half. */
	int (*poll)(struct netdev *dev, int budget);

	/* Gives p to the card: takes it and returns true, or leaves it with
	 * the caller and returns false when the card has no room.  The card
	 * gives it back with pkt_free when the bytes have left.  p is at least
	 * a link header long; padding is the driver's.  Context: thread, bh. */
	bool (*tx)(struct netdev *dev, struct pkt *p);

	/* A look at the card although no interrupt came: once a second, with a
	 * poll behind it.  Finds lost interrupts, hung transmitters.
	 * Context: bh. */
	void (*look)(struct netdev *dev);
};

struct netdev_stats {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t rx_errors; /* frames the card reported broken */
	uint64_t rx_missed; /* frames the card had no room for */
	uint64_t tx_errors; /* frames the card could not send */
	uint64_t tx_queued, interrupts;
	uint64_t polls; /* that have come to their end */
	uint64_t link_changes;
};

/* A driver's own counters, for /stats. */
struct netdev_counter {
	const char *name;
	uint64_t value;
};

struct netdev {
	char name[NETDEV_NAME_BYTES]; /* "": netdev_register finds one */
	const struct netdev_ops *ops;
	uint8_t mac[6];
	uint16_t mtu; /* of the network layer: 1500 */
	bool is_loopback;
	char line[24]; /* at which its interrupts arrive; "" for none */
	struct netdev_counter counter[NETDEV_COUNTERS]; /* NULL name ends */

	/* Below: netdev.c's. */
	struct stack *stack;
	bool link_up;
	struct ip_config ip;
	struct dhcp dhcp;
	uint64_t defended_ns; /* ip.addr, against another's claim; 0: never */
	struct netdev_stats stats;
	struct bh bh;
	struct timer look_timer;
	struct list queue; /* struct pkt */
	uint32_t queue_len;
	struct list room_waiters; /* struct netdev_waiter */
};

/* Called back, once, when there is room again; re-arm by waiting again. */
struct netdev_waiter {
	struct list node;
	void (*room)(struct netdev_waiter *w);
};

/* Puts the device into the stack's table; one without a name is the next of
 * eth0, eth1, ...  Borrows dev for ever. */
void netdev_register(struct stack *st, struct netdev *dev);

/* --- For drivers --------------------------------------------------------- */

/* There is work.  Context: any, also interrupt. */
void netdev_schedule(struct netdev *dev);

/* Hands up one received frame, [eth][payload], without its FCS (net/eth.c).
 * Borrows frame for the call.  Context: bottom half.  Drops: ETH_SHORT,
 * ETH_NOT_FOR_US, ETH_TYPE, and what the layers above say. */
void netdev_rx(struct netdev *dev, const void *frame, size_t len);

/* The card has room again: sends what is queued, calls waiters back.
 * Context: bottom half. */
void netdev_tx_done(struct netdev *dev);

/* Tells a change of the link; logs it and tells DHCP and ARP. */
void netdev_set_link(struct netdev *dev, bool up);

/* --- For the stack ------------------------------------------------------- */

/* Sends a complete frame.  Takes p.  Drops: NETDEV_QUEUE_FULL. */
void netdev_tx(struct netdev *dev, struct pkt *p);

/* Packets that a sender which can wait may give to netdev_tx now. */
uint32_t netdev_room(const struct netdev *dev);

void netdev_waiter_init(
    struct netdev_waiter *w, void (*room)(struct netdev_waiter *w));
void netdev_wait_room(struct netdev *dev, struct netdev_waiter *w);
void netdev_cancel_wait(struct netdev_waiter *w);

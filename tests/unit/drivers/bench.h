/* SPDX-License-Identifier: MIT */
/*
 * What the driver's tests share: a machine with the mock card, the real packets
 * and netdev.c above the driver, and in place of Ethernet a netdev_rx that
 * keeps what was received.  Included once per program, since it defines what it
 * replaces.
 *
 * Numbers such as [19] in the tests are the cases of the hardware page's test
 * list.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "arch/host/arch_host.h"
#include "drivers/drivers.h"
#include "drivers/rtl8139_internal.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "net/arp.h"
#include "net/dhcp.h"
#include "net/eth.h"
#include "net/netdev.h"
#include "net/pkt.h"
#include "net/stack.h"
#include "sched/bh.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/support/host_test.h"
#include "tests/support/mock_pci.h"
#include "tests/support/mock_rtl8139.h"

#define US      NS_PER_US
#define MS      NS_PER_MS
#define PACKETS 128
#define IRQ     11
#define KEPT    1024
#define LOG_MAX 65536

struct kept {
	uint32_t len;
	uint8_t data[1536];
};

static struct {
	struct mock_pci pci;
	struct mock_rtl card;
	struct stack stack;
	struct netdev *dev;
	struct rtl *rtl;
	uint32_t received; /* frames, the last KEPT of which are in kept */
	struct kept kept[KEPT];
	bool echo; /* every received frame is sent back */
	char log[LOG_MAX];
	size_t log_len;
} bench;

extern const size_t pkt_object_bytes;

/* --- In place of the stack above netdev.c ----------------------------------
 */

static inline struct pkt *make_packet(const void *frame, size_t len)
{
	struct pkt *p = pkt_alloc(&bench.stack);

	if (!p)
		return NULL;
	/* A frame begins 4-byte aligned, as the layers above leave it. */
	p->data = p->tail = p->head + 16;
	memcpy(pkt_put(p, len), frame, len);
	return p;
}

void netdev_rx(struct netdev *dev, const void *frame, size_t len)
{
	struct kept *k = &bench.kept[bench.received++ % KEPT];

	assert_ptr_equal(dev, bench.dev);
	assert_true(len <= sizeof(k->data));
	dev->stats.rx_frames++;
	k->len = (uint32_t)len;
	memcpy(k->data, frame, len);
	if (bench.echo) {
		struct pkt *answer = make_packet(frame, len);

		if (answer)
			netdev_tx(dev, answer);
	}
}

void arp_flush(struct netdev *dev)
{
}

void arp_announce(struct netdev *dev)
{
}

void dhcp_link_up(struct netdev *dev)
{
}

/* --- The bench -------------------------------------------------------------
 */

static inline void keep_log(enum log_level level, const char *text, size_t len)
{
	if (bench.log_len + len >= LOG_MAX)
		return;
	memcpy(bench.log + bench.log_len, text, len);
	bench.log_len += len;
	bench.log[bench.log_len] = 0;
}

static inline bool logged(const char *text)
{
	return strstr(bench.log, text) != NULL;
}

/* The bytes are the packet's in this slot, or the slot's own buffer. */
static inline bool slot_may_read(struct mock_rtl *m, uint64_t at, uint32_t len)
{
	/* The self-test at the start, before we know the driver's slots. */
	if (!bench.rtl)
		return host_dma_valid(at, len);
	for (unsigned i = 0; i < RTL_SLOTS; i++) {
		const struct rtl_slot *s = &bench.rtl->slot[i];
		uintptr_t own = (uintptr_t)s->buffer;

		if (s->p && at >= (uintptr_t)s->p->data &&
		    at + len <= (uintptr_t)s->p->end)
			return true;
		if (at == own && len <= RTL_SLOT_BYTES)
			return true;
	}
	return false;
}

/* A machine with a card that nobody has started; tests may change it. */
static inline int bench_power_on(void **state)
{
	static bool have_sink;
	struct arena *a = host_test_start(4, 1 << 20);

	memset(&bench.stack, 0, sizeof(bench.stack));
	bench.dev = NULL;
	bench.rtl = NULL;
	bench.received = 0;
	bench.echo = false;
	bench.log[0] = 0;
	bench.log_len = 0;
	if (!have_sink)
		log_add_sink(keep_log);
	have_sink = true;
	waitq_init(&bench.stack.changed);
	assert_int_equal(pool_init(&bench.stack.packets, "packets",
	                     pkt_object_bytes, PACKETS, a),
	    0);
	mock_pci_init(&bench.pci);
	mock_pci_add_pc(&bench.pci);
	mock_rtl_init(&bench.card, &bench.pci, 1, 4, IRQ);
	bench.card.may_read = slot_may_read;
	host_clock_limit(3600 * NS_PER_S);
	return 0;
}

static inline int bench_probe_with(const struct nic_config *c)
{
	int rc = drivers_probe(&bench.stack, c);

	if (rc == 0) {
		bench.dev = bench.stack.device[0];
		bench.rtl = container_of(bench.dev, struct rtl, dev);
	}
	return rc;
}

static inline int bench_probe(void)
{
	const struct nic_config config = { .mode = NIC_MODE_AUTO };

	return bench_probe_with(&config);
}

/* Lets timers, bottom half and card work for a while. */
static inline void run_for(uint64_t ns)
{
	thread_sleep_until(arch_clock_ns() + ns);
}

/* A card at work. */
static inline int bench_start(void **state)
{
	bench_power_on(state);
	assert_int_equal(bench_probe(), 0);
	run_for(MS);
	return 0;
}

/* All packets are back. */
static inline void check_pool_full(void)
{
	assert_int_equal(pool_available(&bench.stack.packets), PACKETS);
}

/* Bytes of a frame that tell its number and each place in it. */
static inline uint8_t *frame(uint32_t number, uint32_t len)
{
	static uint8_t bytes[MOCK_RTL_FRAME_MAX];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
	if (len >= 4) {
		bytes[0] = (uint8_t)(number << 1 & 0xfe);
		bytes[1] = (uint8_t)(number >> 7);
		bytes[2] = (uint8_t)(number >> 15);
	}
	return bytes;
}

static inline bool arrive(uint32_t number, uint32_t len)
{
	return mock_rtl_rx(&bench.card, frame(number, len), len);
}

/* Frame `index` of those received is frame(number, len). */
static inline void check_received(uint32_t index, uint32_t number, uint32_t len)
{
	const struct kept *k = &bench.kept[index % KEPT];

	assert_true(index < bench.received);
	assert_int_equal(k->len, len);
	assert_memory_equal(k->data, frame(number, len), len);
}

static inline uint64_t counter(enum rtl_counter c)
{
	return bench.dev->counter[c].value;
}

static inline uint64_t faults(enum rtl_fault why)
{
	return counter(RTL_FAULTS + why - 1);
}

/* How often this was started again. */
static inline uint64_t recoveries(enum rtl_recovery how)
{
	return counter(RTL_RECOVERIES + how);
}

/* All recoveries, of whatever kind. */
static inline uint64_t recovered(void)
{
	return recoveries(RECOVER_RX) + recoveries(RECOVER_TX) +
	       recoveries(RECOVER_CARD);
}

/* Sends frame(number, len) as one linear packet. */
static inline void send(uint32_t number, uint32_t len)
{
	struct pkt *p = make_packet(frame(number, len), len);

	assert_non_null(p);
	netdev_tx(bench.dev, p);
}

/* Frame `index` of those on the wire is frame(number, len), zero-padded. */
static inline void check_sent(uint32_t index, uint32_t number, uint32_t len)
{
	const struct mock_frame *f =
	    &bench.card.sent[index % MOCK_RTL_SENT_MAX];

	assert_true(index < bench.card.sent_count);
	assert_int_equal(f->len, len < 60 ? 60 : len);
	assert_memory_equal(f->data, frame(number, len), len);
	for (uint32_t i = len; i < 60; i++)
		assert_int_equal(f->data[i], 0);
}

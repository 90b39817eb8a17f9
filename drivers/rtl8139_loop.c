/* SPDX-License-Identifier: MIT */
/*
 * Does the card reach memory?  Bus mastering may be off somewhere on its way,
 * or an IOMMU that firmware left on may stop it; then it claims to receive and
 * to send, and nothing ever happens (docs/RTL8139.md, section 3.1).  So at the
 * start it sends one frame to itself.
 */
#include "drivers/rtl8139_internal.h"

#include "lib/log.h"
#include "lib/string.h"

#define LOOP_BYTES   256u
#define LOOP_TYPE    0x88b5u /* IEEE 802: local experimental EtherType 1 */
#define LOOP_CAP_US  20000u
#define LOOP_STEP_US 10u

#define TCR_LOOPBACK (3u << 17)

static void make_frame(const struct rtl *r, uint8_t *frame)
{
	memcpy(frame, r->dev.mac, 6);
	memcpy(frame + 6, r->dev.mac, 6);
	frame[12] = LOOP_TYPE >> 8;
	frame[13] = LOOP_TYPE & 0xff;
	for (unsigned i = 14; i < LOOP_BYTES; i++)
		frame[i] = (uint8_t)(i * 7 + 1);
}

static bool wait_frame(const struct rtl *r)
{
	for (uint32_t us = 0; us < LOOP_CAP_US; us += LOOP_STEP_US) {
		if (!rtl_rx_empty(r))
			return true;
		arch_delay_us(LOOP_STEP_US);
	}
	return false;
}

/* Something whole lies in the ring.  In QEMU a frame of somebody else may have
 * come first, which tells as much. */
static bool wrote_frame(const struct rtl *r)
{
	const volatile uint8_t *ring = r->ring;
	uint32_t len = ring[2] | (uint32_t)ring[3] << 8;

	arch_barrier();
	if (!(ring[0] & 1) || len < RTL_RX_LEN_MIN)
		return false;
	return len != LOOP_BYTES + RTL_FCS_BYTES ||
	       memcmp(r->ring + 4, r->slot[0].buffer, LOOP_BYTES) == 0;
}

void rtl_loop_check(struct rtl *r)
{
	memset(r->ring, 0, LOOP_BYTES);
	make_frame(r, r->slot[0].buffer);
	rtl_write32(r, RTL_TCR, TCR_VALUE | TCR_LOOPBACK);
	rtl_tx_start_slot(r, 0, r->slot[0].buffer, LOOP_BYTES);
	if (!wait_frame(r))
		log_warn("%s: a frame that the card sent to itself did not "
		         "come back",
		    r->dev.name);
	else if (!wrote_frame(r))
		log_warn("%s: the card received a frame, but memory shows "
		         "none: bus mastering is off, or an IOMMU is on",
		    r->dev.name);
}

/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/cmos.h"

#include "arch/arch.h"
#include "arch/x86_64/rtc.h"
#include "lib/string.h"

#define INDEX_PORT     0x70
#define DATA_PORT      0x71
#define NMI_DISABLE    0x80
#define REG_STATUS_A   0x0a
#define REG_STATUS_B   0x0b
#define REG_CENTURY    0x32
#define UPDATING       0x80 /* status A: the clock is stepping */
#define UPDATE_WAIT_US 3000 /* a step takes at most 2 ms */
#define TRIES          5

static uint8_t read_reg(uint8_t reg)
{
	arch_out8(INDEX_PORT, NMI_DISABLE | reg);
	return arch_in8(DATA_PORT);
}

static void wait_for_update(void)
{
	for (int us = 0; us < UPDATE_WAIT_US; us += 10) {
		if (!(read_reg(REG_STATUS_A) & UPDATING))
			return;
		arch_delay_us(10);
	}
}

static void read_all(struct rtc_regs *r)
{
	memset(r, 0, sizeof(*r));
	wait_for_update();
	r->second = read_reg(0);
	r->minute = read_reg(2);
	r->hour = read_reg(4);
	r->day = read_reg(7);
	r->month = read_reg(8);
	r->year = read_reg(9);
	r->century = read_reg(REG_CENTURY);
	r->status_b = read_reg(REG_STATUS_B);
}

/* A step between two reads of one register set would mix two times: so the
 * set is read until it comes out the same twice. */
int64_t cmos_wall_time_s(void)
{
	struct rtc_regs a, b;
	int64_t found = 0;

	read_all(&a);
	for (int i = 0; i < TRIES; i++) {
		read_all(&b);
		if (memcmp(&a, &b, sizeof(a)) == 0) {
			found = rtc_decode(&a);
			break;
		}
		a = b;
	}
	arch_out8(INDEX_PORT, 0); /* leaves non-maskable interrupts on */
	arch_in8(DATA_PORT);
	return found;
}

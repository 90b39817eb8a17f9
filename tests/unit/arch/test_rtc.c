/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86_64/rtc.h"

#define BCD_24    0x02
#define BCD_12    0x00
#define BINARY_24 0x06
#define BINARY_12 0x04

static int64_t decode(struct rtc_regs r)
{
	return rtc_decode(&r);
}

static void reads_bcd(void **state)
{
	/* date -u -d '2024-02-29 23:59:58' +%s */
	assert_int_equal(decode((struct rtc_regs){ 0x58, 0x59, 0x23, 0x29, 0x02,
	                     0x24, 0x20, BCD_24 }),
	    1709251198);
}

static void reads_binary(void **state)
{
	assert_int_equal(
	    decode((struct rtc_regs){ 58, 59, 23, 29, 2, 24, 20, BINARY_24 }),
	    1709251198);
}

static void reads_twelve_hour_clocks(void **state)
{
	/* 2026-01-01 at 00:30, 12:30, 11:30 and 23:30 */
	struct rtc_regs r = { 0, 0x30, 0x12, 1, 1, 0x26, 0x20, BCD_12 };

	assert_int_equal(rtc_decode(&r), 1767227400);
	r.hour = 0x92;
	assert_int_equal(rtc_decode(&r), 1767227400 + 12 * 3600);
	r.hour = 0x11;
	assert_int_equal(rtc_decode(&r), 1767227400 + 11 * 3600);
	r.hour = 0x91;
	assert_int_equal(rtc_decode(&r), 1767227400 + 23 * 3600);
	r.status_b = BINARY_12;
	r.year = 26;
	r.minute = 30;
	r.hour = 0x80 | 11;
	r.century = 20;
	assert_int_equal(rtc_decode(&r), 1767227400 + 23 * 3600);
}

static void guesses_a_missing_century(void **state)
{
	struct rtc_regs r = { 0, 0, 0, 1, 1, 0x26, 0x00, BCD_24 };

	assert_int_equal(rtc_decode(&r), 1767225600);
	r.century = 0xff;
	assert_int_equal(rtc_decode(&r), 1767225600);
	r.century = 0x19;
	assert_int_equal(rtc_decode(&r), 1767225600);
}

static void believes_the_next_century(void **state)
{
	/* 2100-03-01: 2100 is no leap year */
	assert_int_equal(
	    decode((struct rtc_regs){ 0, 0, 0, 1, 3, 0, 0x21, BCD_24 }),
	    4107542400);
}

static void refuses_what_no_clock_shows(void **state)
{
	const struct rtc_regs good = { 0, 0, 0, 1, 1, 0x26, 0x20, BCD_24 };
	struct rtc_regs r;

#define REFUSES(field, value)                                                  \
	do {                                                                   \
		r = good;                                                      \
		r.field = (value);                                             \
		assert_int_equal(rtc_decode(&r), 0);                           \
	} while (0)
	assert_int_not_equal(rtc_decode(&good), 0);
	REFUSES(second, 0x60);
	REFUSES(second, 0x0a);
	REFUSES(minute, 0xff);
	REFUSES(hour, 0x24);
	REFUSES(day, 0);
	REFUSES(day, 0x32);
	REFUSES(month, 0);
	REFUSES(month, 0x13);
	REFUSES(year, 0xff);
	REFUSES(year, 0x05);       /* never set */
	REFUSES(status_b, BCD_12); /* hour 0 of twelve */
	r = good;
	r.month = 2;
	r.day = 0x29;
	assert_int_equal(rtc_decode(&r), 0);
}

static void refuses_a_port_that_is_not_there(void **state)
{
	assert_int_equal(decode((struct rtc_regs){
	                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }),
	    0);
	assert_int_equal(decode((struct rtc_regs){ 0 }), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_bcd),
		cmocka_unit_test(reads_binary),
		cmocka_unit_test(reads_twelve_hour_clocks),
		cmocka_unit_test(guesses_a_missing_century),
		cmocka_unit_test(believes_the_next_century),
		cmocka_unit_test(refuses_what_no_clock_shows),
		cmocka_unit_test(refuses_a_port_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

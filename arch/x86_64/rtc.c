/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/rtc.h"

#include <stdbool.h>

/* Motorola MC146818 register B. */
#define STATUS_B_24_HOURS (1u << 1)
#define STATUS_B_BINARY   (1u << 2)
#define HOUR_PM           0x80

#define BAD        255u
#define YEAR_FIRST 2020 /* a clock before this was never set */
#define YEAR_LAST  2199

static unsigned decode_field(uint8_t v, bool binary)
{
	if (binary)
		return v;
	if ((v & 15) > 9 || v >> 4 > 9)
		return BAD;
	return (v >> 4) * 10u + (v & 15);
}

static unsigned decode_hour(const struct rtc_regs *r, bool binary)
{
	unsigned hour;

	if (r->status_b & STATUS_B_24_HOURS)
		return decode_field(r->hour, binary);
	hour = decode_field(r->hour & (uint8_t)~HOUR_PM, binary);
	if (hour < 1 || hour > 12)
		return BAD;
	return hour % 12 + (r->hour & HOUR_PM ? 12 : 0);
}

/* Few machines tell where they keep the century; the usual register is taken
 * when it holds a sensible one. */
static unsigned decode_year(const struct rtc_regs *r, bool binary)
{
	unsigned year = decode_field(r->year, binary);
	unsigned century = decode_field(r->century, binary);

	if (year > 99)
		return 0;
	if (century < 20 || century > 21)
		century = 20;
	return century * 100 + year;
}

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned month_days(unsigned month, unsigned year)
{
	static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30,
		31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

static int64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
	int64_t days = day - 1;

	for (unsigned y = 1970; y < year; y++)
		days += is_leap(y) ? 366 : 365;
	for (unsigned m = 1; m < month; m++)
		days += month_days(m, year);
	return days;
}

int64_t rtc_decode(const struct rtc_regs *r)
{
	bool binary = r->status_b & STATUS_B_BINARY;
	unsigned second = decode_field(r->second, binary);
	unsigned minute = decode_field(r->minute, binary);
	unsigned hour = decode_hour(r, binary);
	unsigned day = decode_field(r->day, binary);
	unsigned month = decode_field(r->month, binary);
	unsigned year = decode_year(r, binary);

	if (year < YEAR_FIRST || year > YEAR_LAST || month < 1 || month > 12 ||
	    day < 1 || day > month_days(month, year) || hour > 23 ||
	    minute > 59 || second > 59)
		return 0;
	return ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) *
	           60 +
	       second;
}

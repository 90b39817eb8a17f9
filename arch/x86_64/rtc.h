/* SPDX-License-Identifier: MIT */
/*
 * The battery clock's registers as a time.  Pure; tested on the host.  cmos.h
 * reads them.
 */
#pragma once

#include <stdint.h>

/* As read: second to year in the format that status_b tells. */
struct rtc_regs {
	uint8_t second, minute, hour, day, month, year;
	uint8_t century; /* 0 or nonsense where the machine keeps none */
	uint8_t status_b;
};

/* UTC seconds since 1970, or 0 when the registers make no sense. */
int64_t rtc_decode(const struct rtc_regs *r);

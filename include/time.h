/* SPDX-License-Identifier: MIT */
/*
 * Clocks and calendar, all in UTC.  While the machine's wall clock is unknown,
 * time() and CLOCK_REALTIME fail with EINVAL rather than tell a wrong time.
 */
#pragma once

#include "sys/types.h"

#define CLOCK_REALTIME  0
#define CLOCK_MONOTONIC 1

struct timespec {
	time_t tv_sec;
	long tv_nsec;
};

struct tm {
	int tm_sec;
	int tm_min;
	int tm_hour;
	int tm_mday;
	int tm_mon;  /* 0-11 */
	int tm_year; /* since 1900 */
	int tm_wday; /* 0 is Sunday */
	int tm_yday;
	int tm_isdst;
	long tm_gmtoff;
	const char *tm_zone;
};

time_t time(time_t *out) __asm__("rl_time");
int clock_gettime(clockid_t clock, struct timespec *out) __asm__(
    "rl_clock_gettime");
int nanosleep(const struct timespec *want, struct timespec *left) __asm__(
    "rl_nanosleep");
struct tm *gmtime_r(const time_t *t, struct tm *out) __asm__("rl_gmtime_r");

/* Knows %a %b %d %e %H %M %S %Y %m %y %j %T %F %Z %%.  Returns 0 when it does
 * not fit. */
size_t strftime(char *buf, size_t size, const char *fmt,
    const struct tm *tm) __asm__("rl_strftime");

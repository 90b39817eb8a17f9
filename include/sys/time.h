/* SPDX-License-Identifier: MIT */
/* Time in microseconds, for select and the socket time limits. */
#pragma once

#include "types.h"

struct timeval {
	time_t tv_sec;
	suseconds_t tv_usec;
};

/* -1 with EINVAL while the wall clock is unknown; tz is ignored. */
int gettimeofday(struct timeval *tv, void *tz) __asm__("rl_gettimeofday");

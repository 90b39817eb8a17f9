/* SPDX-License-Identifier: MIT */
/* The battery clock behind ports 0x70 and 0x71. */
#pragma once

#include <stdint.h>

/* UTC seconds since 1970 (the clock is taken to run in UTC), or 0 when there is
 * no clock or it was never set.  May take some milliseconds.  Context: boot. */
int64_t cmos_wall_time_s(void);

/* SPDX-License-Identifier: MIT */
/* select, for old programs: descriptors below FD_SETSIZE only. */
#pragma once

#include "time.h"

#define FD_SETSIZE 1024

typedef struct {
	unsigned long fds_bits[FD_SETSIZE / 64];
} fd_set;

#define FD_ZERO(set)      (*(set) = (fd_set){ { 0 } })
#define FD_SET(fd, set)   ((set)->fds_bits[(fd) / 64] |= 1ul << ((fd) % 64))
#define FD_CLR(fd, set)   ((set)->fds_bits[(fd) / 64] &= ~(1ul << ((fd) % 64)))
#define FD_ISSET(fd, set) (((set)->fds_bits[(fd) / 64] >> ((fd) % 64) & 1) != 0)

int select(int count, fd_set *readable, fd_set *writable, fd_set *except,
    struct timeval *timeout) __asm__("rl_select");

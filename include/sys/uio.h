/* SPDX-License-Identifier: MIT */
/* Scattered reads and gathered writes. */
#pragma once

#include "types.h"

#define IOV_MAX 1024

struct iovec {
	void *iov_base;
	size_t iov_len;
};

ssize_t readv(int fd, const struct iovec *iov, int count) __asm__("rl_readv");
ssize_t writev(int fd, const struct iovec *iov, int count) __asm__("rl_writev");

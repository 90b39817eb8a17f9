/* SPDX-License-Identifier: MIT */
/* Sending a file on a TCP socket without copying its bytes. */
#pragma once

#include "types.h"

ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count) __asm__(
    "rl_sendfile");

/* SPDX-License-Identifier: MIT */
/*
 * Types of the POSIX face, with Linux's sizes on x86-64.
 *
 * Headers of include/ name each other by relative path, so that kernel code
 * and tests may include them from the root ("include/sys/socket.h") without
 * finding the host's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef long ssize_t;
typedef long off_t;
typedef long time_t;
typedef long suseconds_t;
typedef int pid_t;
typedef int clockid_t;
typedef unsigned int mode_t;
typedef unsigned int uid_t;
typedef unsigned int gid_t;
typedef unsigned long dev_t;
typedef unsigned long ino_t;
typedef unsigned long nlink_t;
typedef long blksize_t;
typedef long blkcnt_t;

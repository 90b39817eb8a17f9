/* SPDX-License-Identifier: MIT */
/*
 * Descriptors.  A thread that is blocked in a call on a descriptor when another
 * thread closes it wakes up with EBADF, even if the number is in use again.
 */
#pragma once

#include "sys/types.h"

#define STDIN_FILENO  0
#define STDOUT_FILENO 1
#define STDERR_FILENO 2

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

ssize_t read(int fd, void *buf, size_t len) __asm__("rl_read");
ssize_t write(int fd, const void *buf, size_t len) __asm__("rl_write");
ssize_t pread(int fd, void *buf, size_t len, off_t at) __asm__("rl_pread");
off_t lseek(int fd, off_t offset, int whence) __asm__("rl_lseek");
int close(int fd) __asm__("rl_close");

unsigned sleep(unsigned seconds) __asm__("rl_sleep");
int usleep(unsigned microseconds) __asm__("rl_usleep");

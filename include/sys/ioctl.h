/* SPDX-License-Identifier: MIT */
/* Questions to sockets; the numbers are Linux's. */
#pragma once

#define FIONREAD 0x541b /* int *: bytes that can be read at once */
#define SIOCINQ  FIONREAD
#define FIONBIO  0x5421 /* const int *: whether calls return EAGAIN */
#define TIOCOUTQ 0x5411 /* int *: bytes that are not acknowledged yet */
#define SIOCOUTQ TIOCOUTQ
/* int *: whether the urgent mark is reached, see sockatmark */
#define SIOCATMARK 0x8905

int ioctl(int fd, unsigned long request, ...) __asm__("rl_ioctl");

/* SPDX-License-Identifier: MIT */
/* Addresses as text. */
#pragma once

#include "../netinet/in.h"

/* 1, or 0 when the text is no address; -1 with EAFNOSUPPORT but for AF_INET. */
int inet_pton(int family, const char *text, void *out) __asm__("rl_inet_pton");

/* Returns buf, or NULL with ENOSPC. */
const char *inet_ntop(int family, const void *addr, char *buf,
    socklen_t size) __asm__("rl_inet_ntop");

/* Only the four-part decimal form. */
int inet_aton(const char *text, struct in_addr *out) __asm__("rl_inet_aton");
in_addr_t inet_addr(const char *text) __asm__("rl_inet_addr");

/* Returns a buffer that the next call overwrites. */
char *inet_ntoa(struct in_addr addr) __asm__("rl_inet_ntoa");

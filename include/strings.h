/* SPDX-License-Identifier: MIT */
/* Comparisons without regard to ASCII case. */
#pragma once

#include <stddef.h>

int strcasecmp(const char *a, const char *b) __asm__("rl_strcasecmp");
int strncasecmp(const char *a, const char *b, size_t n) __asm__(
    "rl_strncasecmp");

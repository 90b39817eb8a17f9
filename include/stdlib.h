/* SPDX-License-Identifier: MIT */
/*
 * Memory of applications, from one heap with a hard limit; numbers from text.
 * exit and abort end the calling thread, there being no process to end.
 */
#pragma once

#include <stdnoreturn.h>

#include "sys/types.h"

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1

void *malloc(size_t size) __asm__("rl_malloc");
void *calloc(size_t count, size_t size) __asm__("rl_calloc");
void *realloc(void *p, size_t size) __asm__("rl_realloc");
void free(void *p) __asm__("rl_free");

noreturn void exit(int status) __asm__("rl_exit");
noreturn void abort(void) __asm__("rl_abort");

int atoi(const char *s) __asm__("rl_atoi");
long strtol(const char *s, char **end, int base) __asm__("rl_strtol");
unsigned long strtoul(const char *s, char **end, int base) __asm__(
    "rl_strtoul");
int abs(int v) __asm__("rl_abs");

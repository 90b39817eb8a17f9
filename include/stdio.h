/* SPDX-License-Identifier: MIT */
/*
 * Output for people: stdout and stderr both write whole lines to the system
 * log.  There are no other streams, and no floating point.
 */
#pragma once

#include <stdarg.h>

#include "sys/types.h"

typedef struct rl_file FILE;

FILE *rl_stdout(void);
FILE *rl_stderr(void);
#define stdout rl_stdout()
#define stderr rl_stderr()

#define EOF (-1)

int printf(const char *fmt, ...) __asm__("rl_printf")
    __attribute__((format(printf, 1, 2)));
int vprintf(const char *fmt, va_list ap) __asm__("rl_vprintf")
    __attribute__((format(printf, 1, 0)));
int fprintf(FILE *f, const char *fmt, ...) __asm__("rl_fprintf")
    __attribute__((format(printf, 2, 3)));
int vfprintf(FILE *f, const char *fmt, va_list ap) __asm__("rl_vfprintf")
    __attribute__((format(printf, 2, 0)));
int snprintf(char *buf, size_t size, const char *fmt, ...) __asm__(
    "rl_snprintf") __attribute__((format(printf, 3, 4)));
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) __asm__(
    "rl_vsnprintf") __attribute__((format(printf, 3, 0)));

int puts(const char *s) __asm__("rl_puts");
int fputs(const char *s, FILE *f) __asm__("rl_fputs");
int putchar(int c) __asm__("rl_putchar");
int fflush(FILE *f) __asm__("rl_fflush");
void perror(const char *what) __asm__("rl_perror");

/* SPDX-License-Identifier: MIT */
/*
 * Cooperative threads.  Every thread is detached: its end is not waited for,
 * and its stack is small (16 KiB), so large buffers belong on the heap.
 */
#pragma once

#include <stdnoreturn.h>

typedef unsigned long pthread_t;
typedef struct rl_pthread_attr pthread_attr_t; /* none: pass NULL */

/* Returns 0, EINVAL for an attr, or EAGAIN when threads are used up. */
int pthread_create(pthread_t *out, const pthread_attr_t *attr,
    void *(*fn)(void *), void *arg) __asm__("rl_pthread_create");
int pthread_detach(pthread_t thread) __asm__("rl_pthread_detach");
pthread_t pthread_self(void) __asm__("rl_pthread_self");
int pthread_equal(pthread_t a, pthread_t b) __asm__("rl_pthread_equal");
noreturn void pthread_exit(void *result) __asm__("rl_pthread_exit");

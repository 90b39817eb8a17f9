/* SPDX-License-Identifier: MIT */
/*
 * What most host tests begin with: a machine as after power-on, and a scheduler
 * whose main thread is the test.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct arena;

/* Resets the machine, takes an arena of arena_bytes from its memory, and starts
 * the scheduler with room for max_threads.  Returns the arena. */
struct arena *host_test_start(uint32_t max_threads, size_t arena_bytes);

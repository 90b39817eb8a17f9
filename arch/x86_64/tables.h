/* SPDX-License-Identifier: MIT */
/*
 * Segment, task and interrupt tables.  Every vector runs on a stack of its own
 * kind, chosen by the task segment (IST): so a thread needs stack for its own
 * calls alone, and an overflow of it can still be reported.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Loads all tables.  Context: boot, first of all. */
void tables_init(void);

/* Calls fn for the page below the boot stack and below each interrupt stack:
 * the pages to leave unmapped. */
void tables_for_each_guard(void (*fn)(const void *page));

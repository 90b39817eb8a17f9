/* SPDX-License-Identifier: MIT */
/*
 * What one run of the system leaves behind for the next, and the next makes of
 * it.  In memory that a warm reset spares (arch/x86_64/keep.h) lies at any time
 * a capsule (lib/capsule.h) with the log's last lines and the last packets; so
 * even a run that nobody saw end tells what it did last.  A panic completes it,
 * and leaves its essence in a variable of UEFI firmware, where there is one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct boot_info;
struct history;

/*
 * Takes what the run before left, wherever it is, and begins this run's own:
 * from now on a panic is kept.  Context: boot, after memory_init.
 */
void crash_recover(const struct boot_info *bi);

/* Logs the essence of what the run before left; nothing after a clean end.
 * Context: boot. */
void crash_show(void);

/* Tells the time: UTC, seconds since 1970, 0 for unknown. */
void crash_set_time(int64_t wall_s);

/* Keeps, from now on every second, what has happened so far and the last frames
 * of h.  Borrows h for ever.  Context: boot, after sched_init. */
void crash_watch(const struct history *h);

/*
 * Keeps what has happened so far, at once.  Context: thread, bottom half.
 */
void crash_keep(void);

/* The run ends as it should: the next has nothing to tell.  Context: any. */
void crash_close(void);

/* A few words on how the run before ended, for the screen's header; NULL when
 * nothing is known against it. */
const char *crash_hint(void);

/* Writes all that the run before left; a posix_proc_gen. */
size_t crash_print(char *buf, size_t size, void *ctx);

/* SPDX-License-Identifier: MIT */
/*
 * The screen as a console: two header lines that stay, and below them the log,
 * which scrolls.  Characters are kept here, and what is on the screen as well,
 * so drawing touches only cells that differ and never reads video memory.
 *
 * Lines appear at once while the system boots, and when it panics.  In between
 * a thread draws them, at most SCREEN_RATE times a second and a few cells at a
 * turn, so a log that floods does not delay the network.
 *
 * Order of calls: screen_init, screen_move when the page tables change,
 * screen_start once there are threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/canvas.h"
#include "lib/log.h"

#define SCREEN_RATE         20
#define SCREEN_HEADER_LINES 2
#define SCREEN_CELLS_MAX    32768 /* of a larger screen the top is used */

/* Takes a screen into use.  Before screen_move only a panic is drawn, and that
 * only if m->memory is not NULL.  Returns 0, or -EINVAL when there is none or
 * its mode cannot be shown.  Context: boot. */
int screen_init(const struct canvas_mode *m);

/* Tells where the screen's memory is mapped for good; NULL: nowhere, the screen
 * is given up.  Draws what has been written.  Context: boot. */
void screen_move(void *memory);

/* Writes one line, in colours by its level; the line may be any bytes.  A log
 * sink.  LOG_PANIC takes the header over.  Context: any. */
void screen_write(enum log_level level, const char *text, size_t len);

/* Replaces a header line, 0 or 1; UTF-8, cut where the screen ends.
 * Context: thread, boot. */
void screen_set_header(unsigned line, const char *text);

/* Starts the thread that draws from now on.  Returns 0 or -ENOMEM, and then
 * lines still appear at once.  Context: thread. */
int screen_start(void);

/* Draws all that is not on the screen yet.  Context: any. */
void screen_flush(void);

/* Whether there is a screen in use, and its size in characters. */
bool screen_present(void);
uint32_t screen_columns(void);
uint32_t screen_rows(void);

/* SPDX-License-Identifier: MIT */
/*
 * The first serial port (COM1, 16550) as the console: 115200 baud, 8N1,
 * polled, write only.  A PC without the port loses nothing but the text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/log.h"

/* Sets the port up.  Returns whether there is one.  Context: boot. */
bool serial_init(void);

/* Writes, with a carriage return before each line feed.  A log sink.
 * Context: any. */
void serial_write(enum log_level level, const char *text, size_t len);

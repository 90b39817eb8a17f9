/* SPDX-License-Identifier: MIT */
/*
 * Where the log goes: the first serial port and the screen, both until the
 * settings say otherwise.  Also fills the screen's header.
 */
#pragma once

#include <stdint.h>

struct boot_info;
struct settings;
struct stack;

/* Takes the screen of bi, so that even a panic in the next steps shows.
 * Context: boot, on the boot page tables. */
void console_init(const struct boot_info *bi);

/* Maps the screen and draws.  Context: boot, after paging_init. */
void console_map(void);

/* Ends what `console =` leaves out.  The serial port stays when there is no
 * screen instead. */
void console_choose(const struct settings *s);

/* Fills the header with the stack's cards.  Returns when it should be filled
 * again, UINT64_MAX when never.  Context: boot, thread. */
uint64_t console_show(const struct stack *st, const struct settings *s);

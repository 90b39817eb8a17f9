/* SPDX-License-Identifier: MIT */
/*
 * A frame buffer in memory, and what a person would read on it: pixels are
 * compared with the font's glyphs, whatever the colours.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "drivers/canvas.h"

/* Memory of exactly the mode's size, filled with noise, at an address of the
 * given offset from an aligned one; m->memory is set. */
void screen_memory_make(struct canvas_mode *m, unsigned misaligned);
void screen_memory_free(struct canvas_mode *m);

/* A pixel's value; its three colours as 8 bits each, 0xrrggbb. */
uint32_t screen_pixel(const struct canvas_mode *m, uint32_t x, uint32_t y);
uint32_t screen_rgb(const struct canvas_mode *m, uint32_t x, uint32_t y);

/* The text of one row as UTF-8 without blanks at its end; what is no glyph
 * becomes '\1'.  Valid until the next call. */
const char *screen_text(const struct canvas_mode *m, uint32_t row);

/* The colours of one cell of CANVAS_PIXELS, 0xrrggbb. */
uint32_t screen_paper(const struct canvas_mode *m, uint32_t row, uint32_t col);
uint32_t screen_ink(const struct canvas_mode *m, uint32_t row, uint32_t col);

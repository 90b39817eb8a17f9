/* SPDX-License-Identifier: MIT */
/*
 * A grid of character cells on video memory: pixels of 16, 24 or 32 bits in any
 * order of colours, or VGA text memory.  Video memory is only ever written,
 * since reading it is slow.
 */
#pragma once

#include <stdint.h>

struct font;

/* As in struct boot_framebuffer. */
enum canvas_kind { CANVAS_NONE, CANVAS_PIXELS, CANVAS_TEXT };

/* Where a colour lies in a pixel.  bits 0: as usual for the pixel's size. */
struct canvas_colour {
	uint32_t shift, bits;
};

struct canvas_mode {
	enum canvas_kind kind;
	void *memory;           /* mapped; may be set later */
	uint32_t width, height; /* pixels; characters for CANVAS_TEXT */
	uint32_t stride_bytes, bits_per_pixel;
	struct canvas_colour red, green, blue;
};

/* The glyph (drivers/font.h) in the low byte; above it a colour as in VGA text
 * memory, the background's three bits over the foreground's four. */
typedef uint16_t canvas_cell;

struct canvas {
	struct canvas_mode mode;
	const struct font *font;
	uint32_t columns, rows;
	uint32_t palette[16]; /* as pixels */
};

/* Returns 0, or -EINVAL when nothing can be shown in such a mode. */
int canvas_init(struct canvas *c, const struct canvas_mode *m);

/* Makes everything black, what lies outside the grid included. */
void canvas_clear(const struct canvas *c);

/* Draws count cells of one row, from a column on. */
void canvas_draw(const struct canvas *c, uint32_t row, uint32_t column,
    const canvas_cell *cells, uint32_t count);

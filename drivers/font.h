/* SPDX-License-Identifier: MIT */
/*
 * The font of the screen console in two sizes: ASCII, Latin-1, and a few signs,
 * lines and arrows.  The glyphs are in font_glyphs.def, under a licence of
 * their own (OFL.txt).
 */
#pragma once

#include <stdint.h>

#define FONT_BLANK 0 /* the glyph of a space */

struct font {
	uint32_t width, height; /* of every glyph, in pixels */
	const uint8_t (*small)[16];
	const uint16_t (*big)[32]; /* one of these two */
};

/* The font that is legible on a screen so many pixels wide. */
const struct font *font_for_width(uint32_t pixels);

/* The glyph of a character; what the font does not have, control characters
 * included, gets a substitute. */
uint8_t font_glyph(uint32_t code_point);
uint32_t font_code_point(uint8_t glyph);
uint32_t font_glyphs(void);

/* The like of a glyph in code page 437, the font of VGA text memory. */
uint8_t font_cp437(uint8_t glyph);

/* One row of a glyph: the leftmost pixel is bit width - 1. */
static inline uint32_t font_row(
    const struct font *f, uint8_t glyph, uint32_t row)
{
	return f->small ? f->small[glyph][row] : f->big[glyph][row];
}

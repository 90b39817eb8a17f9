/* SPDX-License-Identifier: MIT */
#include "drivers/font.h"

/* From this width on the small font is too small to read from a chair. */
#define BIG_FROM 1920

#define FONT_GLYPH(code_point, cp437)
#define FONT_SMALL(...) { __VA_ARGS__ },
#define FONT_BIG(...)
static const uint8_t small_rows[][16] = {
#include "drivers/font_glyphs.def"
};
#undef FONT_SMALL
#undef FONT_BIG

#define FONT_SMALL(...)
#define FONT_BIG(...) { __VA_ARGS__ },
static const uint16_t big_rows[][32] = {
#include "drivers/font_glyphs.def"
};
#undef FONT_BIG
#undef FONT_GLYPH

#define FONT_BIG(...)
#define FONT_GLYPH(code_point, cp437) { code_point, cp437 },
static const struct {
	uint16_t code_point;
	uint8_t cp437;
} glyphs[] = {
#include "drivers/font_glyphs.def"
};

#define GLYPHS     (sizeof(glyphs) / sizeof(glyphs[0]))
#define SUBSTITUTE (GLYPHS - 1)

_Static_assert(GLYPHS <= 256, "a glyph's number is a byte");

static const struct font small = {
	.width = 8, .height = 16, .small = small_rows
};
static const struct font big = { .width = 16, .height = 32, .big = big_rows };

const struct font *font_for_width(uint32_t pixels)
{
	return pixels >= BIG_FROM ? &big : &small;
}

uint8_t font_glyph(uint32_t code_point)
{
	uint32_t low = 0, high = SUBSTITUTE;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (glyphs[middle].code_point < code_point)
			low = middle + 1;
		else
			high = middle;
	}
	return glyphs[low].code_point == code_point ? low : SUBSTITUTE;
}

uint32_t font_code_point(uint8_t glyph)
{
	return glyphs[glyph].code_point;
}

uint32_t font_glyphs(void)
{
	return GLYPHS;
}

uint8_t font_cp437(uint8_t glyph)
{
	return glyphs[glyph].cp437;
}

/* SPDX-License-Identifier: MIT */
#include "boot/uefi/pixels.h"

/* A mask's lowest bit, and how many follow. */
static void set_colour(uint32_t mask, uint32_t *shift, uint32_t *bits)
{
	*shift = (uint32_t)__builtin_ctz(mask);
	*bits = 32 - (uint32_t)__builtin_clz(mask >> *shift);
}

bool pixels_describe(
    struct boot_framebuffer *fb, const struct pixel_masks *masks)
{
	uint32_t all =
	    masks->red | masks->green | masks->blue | masks->reserved;

	if (masks->red == 0 || masks->green == 0 || masks->blue == 0)
		return false;
	set_colour(masks->red, &fb->red_shift, &fb->red_bits);
	set_colour(masks->green, &fb->green_shift, &fb->green_bits);
	set_colour(masks->blue, &fb->blue_shift, &fb->blue_bits);
	fb->bits_per_pixel = (32 - (uint32_t)__builtin_clz(all) + 7) / 8 * 8;
	return true;
}

/* SPDX-License-Identifier: MIT */
/* How the firmware stores a colour, as numbers; without a call to it, so that
 * it is tested on the host. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/boot_info.h"

/* EFI_PIXEL_BITMASK: UEFI 2.10, 12.9.2. */
struct pixel_masks {
	uint32_t red, green, blue, reserved;
};

/* Sets the size of a pixel and where its colours lie.  A pixel has as many
 * bytes as its highest bit needs.  Returns false when a colour is missing: then
 * there are no pixels in memory. */
bool pixels_describe(
    struct boot_framebuffer *fb, const struct pixel_masks *masks);

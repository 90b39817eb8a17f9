/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/ksyms.h"

#include <stddef.h>

#include "arch/x86_64/layout.h"
#include "lib/string.h"

/* Offsets from image_start in ascending order, and as many strings. */
extern const uint32_t ksyms_count, ksyms_offset[];
extern const char ksyms_names[];

const char *ksyms_find(uint64_t address, uint32_t *offset)
{
	const char *name = ksyms_names, *found = NULL;
	uint32_t at;

	if (address < IMAGE_BASE || address >= (uint64_t)text_end)
		return NULL;
	at = (uint32_t)(address - IMAGE_BASE);
	for (uint32_t i = 0; i < ksyms_count && ksyms_offset[i] <= at; i++) {
		found = name;
		*offset = at - ksyms_offset[i];
		name += strlen(name) + 1;
	}
	return found;
}

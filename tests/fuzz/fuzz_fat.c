/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a FAT volume.  The first byte cuts the rest into extents; a
 * volume that says it is larger than the input is filled up with zeros, so that
 * a FAT16 of 2 MiB is an input of a few KiB.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fat.h"
#include "lib/filetable.h"
#include "lib/pool.h"

#define VOLUME_BYTES_MAX (4 << 20)
#define ARENA_BYTES      (256 << 10)
#define FILES_MAX        128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of every file is read into here. */
static volatile uint8_t sink;

static size_t volume_bytes(const uint8_t *b, size_t len)
{
	uint64_t sectors, bytes;

	if (len < 512)
		return len;
	sectors = b[19] | b[20] << 8;
	if (sectors == 0)
		sectors = b[32] | b[33] << 8 | (uint32_t)b[34] << 16;
	bytes = sectors * (uint32_t)(b[11] | b[12] << 8);
	return bytes > len && bytes <= VOLUME_BYTES_MAX ? bytes : len;
}

/* Cuts the volume: not at all, or into pieces of unlike sizes, each a block of
 * its own. */
static void cut(
    struct fat_volume *v, const uint8_t *bytes, size_t len, uint8_t how)
{
	size_t piece = how % 2 == 0 ? len : 700 + how * 97U, at = 0;

	while (at < len || v->extent_count == 0) {
		bool last = v->extent_count + 1 == FAT_EXTENTS_MAX;
		size_t n = last || piece > len - at ? len - at : piece;
		uint8_t *copy = malloc(n);

		memcpy(copy, bytes + at, n);
		v->extent[v->extent_count++] = (struct fat_extent){ copy, n };
		at += n;
		piece = piece * 2 + 1;
	}
}

static void check(const struct filetable *t, const struct fat_result *r)
{
	if (r->files + r->dirs != t->count)
		abort();
	for (uint32_t i = 0; i < t->count; i++) {
		const struct file *f = &t->files[i];

		for (const char *p = f->path; *p != '\0'; p++) {
			if ((uint8_t)*p < ' ')
				abort();
		}
		if (f->path[0] != '/' || strlen(f->path) >= FAT_PATH_MAX)
			abort();
		if (filetable_find(t, f->path) != f)
			abort();
		for (uint32_t at = 0; at < f->len; at++)
			sink = f->data[at];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t memory[ARENA_BYTES];
	struct arena a = { memory, sizeof(memory), 0 };
	struct fat_volume v = { .extent_count = 0 };
	struct fat_result result;
	struct filetable t;

	if (size < 1)
		return 0;
	size_t len = volume_bytes(data + 1, size - 1);
	uint8_t *bytes = calloc(1, len > 0 ? len : 1);

	memcpy(bytes, data + 1, size - 1);
	cut(&v, bytes, len, data[0]);
	filetable_init(&t, FILES_MAX, &a);
	if (fat_read(&v, &t, &a, &result) == 0)
		check(&t, &result);
	else if (result.error == NULL || t.count != 0)
		abort();
	for (uint32_t i = 0; i < v.extent_count; i++)
		free((void *)v.extent[i].data);
	free(bytes);
	return 0;
}

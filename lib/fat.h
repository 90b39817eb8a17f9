/* SPDX-License-Identifier: MIT */
/*
 * A read-only FAT16/FAT32 reader with long names: turns a volume in memory into
 * a file table.  Pure: touches nothing but its arguments.  The volume is
 * hostile input; no byte of it can make the reader leave it, loop or recurse.
 *
 * A file whose clusters are contiguous is referred to in place; a fragmented
 * one is copied into the arena, so that later every file is one run of bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct arena;
struct filetable;

/* One run of the volume's bytes; a volume may come in several. */
struct fat_extent {
	const uint8_t *data;
	size_t len;
};

#define FAT_EXTENTS_MAX 8
#define FAT_DEPTH_MAX   32
#define FAT_PATH_MAX    512

struct fat_volume {
	struct fat_extent extent[FAT_EXTENTS_MAX];
	uint32_t extent_count;
};

struct fat_result {
	uint32_t files, dirs;
	uint32_t skipped;  /* entries left out: broken chain, name, no room */
	const char *error; /* why the volume could not be read, or NULL */
	char first_skipped[128]; /* path and reason of the first one */
};

/*
 * Reads the whole tree below the root into t (directories too).  Borrows the
 * volume's bytes for ever.  Returns 0, or -EINVAL when this is no FAT volume,
 * or -EFBIG, with result->error saying why in words for the user.  Broken
 * files are skipped and counted.
 */
int fat_read(const struct fat_volume *v, struct filetable *t, struct arena *a,
    struct fat_result *result);

/* SPDX-License-Identifier: MIT */
/*
 * The files of the stick: path, bytes, length.  Filled once at boot by the FAT
 * reader; immutable afterwards, so a pointer into a file's bytes is valid for
 * ever and may be sent without a copy.  Paths are UTF-8, start with '/', and
 * match without regard to ASCII case.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file {
	const char *path;
	const uint8_t *data;
	uint32_t len;
	uint32_t hash;
	struct file *next;
	uint64_t mtime_s; /* seconds since 1970, 0 when unknown */
	bool is_dir;
};

struct filetable {
	struct file *files;
	uint32_t count, capacity;
	struct file **buckets;
	uint32_t bucket_count;
};

struct arena;

/* Returns 0 or -ENOMEM. */
int filetable_init(struct filetable *t, uint32_t capacity, struct arena *a);

/* Adds a file; path and data are borrowed for ever.  A path that is already
 * there is -EEXIST; a full table -ENOMEM. */
int filetable_add(struct filetable *t, const char *path, const uint8_t *data,
    uint32_t len, bool is_dir, uint64_t mtime_s);

/* Finds a path exactly (but for case).  Returns NULL when there is none. */
const struct file *filetable_find(const struct filetable *t, const char *path);

/* SPDX-License-Identifier: MIT */
/*
 * A chained hash table of fixed size.  Nobody but the owner of the stick can
 * choose the paths, so the hash (FNV-1a over lower case) needs no key.
 */
#include "lib/filetable.h"

#include "lib/errno.h"
#include "lib/pool.h"
#include "lib/string.h"

static uint32_t hash_path(const char *path)
{
	uint32_t h = 2166136261U;

	for (; *path != '\0'; path++)
		h = (h ^ (uint8_t)str_lower(*path)) * 16777619U;
	return h;
}

int filetable_init(struct filetable *t, uint32_t capacity, struct arena *a)
{
	uint32_t buckets = 16;

	while (buckets < capacity && buckets < 1U << 20)
		buckets *= 2;
	*t = (struct filetable){ .capacity = capacity };
	t->files = arena_alloc(a, (size_t)capacity * sizeof(struct file), 8);
	t->buckets = arena_alloc(a, buckets * sizeof(struct file *), 8);
	if (t->files == NULL || t->buckets == NULL) {
		*t = (struct filetable){ 0 };
		return -ENOMEM;
	}
	t->bucket_count = buckets;
	return 0;
}

static struct file *find(
    const struct filetable *t, const char *path, uint32_t hash)
{
	struct file *f;

	if (t->bucket_count == 0)
		return NULL;
	for (f = t->buckets[hash % t->bucket_count]; f != NULL; f = f->next) {
		if (f->hash == hash && str_equal_nocase(f->path, path))
			return f;
	}
	return NULL;
}

int filetable_add(struct filetable *t, const char *path, const uint8_t *data,
    uint32_t len, bool is_dir, uint64_t mtime_s)
{
	uint32_t hash = hash_path(path);

	if (find(t, path, hash) != NULL)
		return -EEXIST;
	if (t->count == t->capacity)
		return -ENOMEM;
	struct file *f = &t->files[t->count++];
	struct file **bucket = &t->buckets[hash % t->bucket_count];

	*f = (struct file){
		.path = path,
		.data = data,
		.len = len,
		.hash = hash,
		.next = *bucket,
		.mtime_s = mtime_s,
		.is_dir = is_dir,
	};
	*bucket = f;
	return 0;
}

const struct file *filetable_find(const struct filetable *t, const char *path)
{
	return find(t, path, hash_path(path));
}

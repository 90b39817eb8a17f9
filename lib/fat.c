/* SPDX-License-Identifier: MIT */
/*
 * The FAT reader.  Field names and offsets follow Microsoft's "FAT General
 * Overview" (fatgen103).  Read the file from top to bottom: bytes of the
 * volume, geometry from the boot sector, cluster chains, names, then the walk.
 *
 * Nothing on the volume is trusted.  Three rules bound the work: offsets are
 * checked against the extents by one function; a chain is walked no further
 * than the object needs; and all objects together may use no more clusters than
 * there are, so cross-linked files and directory loops end by themselves. Links
 * of chains that prove broken are counted too, a few times as many.
 *
 * A short name without a long one is taken to be in code page 850, which mtools
 * and Western DOS write; the volume itself does not tell.  Left out: FAT12,
 * exFAT.
 */
#include "lib/fat.h"

#include <stdbool.h>

#include "lib/bytes.h"
#include "lib/cp850.h"
#include "lib/errno.h"
#include "lib/filetable.h"
#include "lib/fmt.h"
#include "lib/pool.h"
#include "lib/string.h"

#define ENTRY_BYTES     32
#define DIR_BYTES_MAX   (65536 * ENTRY_BYTES)
#define ATTR_VOLUME     0x08
#define ATTR_DIRECTORY  0x10
#define ATTR_LONG       0x0f
#define ATTR_LONG_MASK  0x3f
#define NAME_DELETED    0xe5
#define NAME_KANJI_E5   0x05 /* stands for a name that begins with 0xe5 */
#define CASE_BASE_LOWER 0x08
#define CASE_EXT_LOWER  0x10
#define FAT12_LIMIT     4085
#define FAT16_LIMIT     65525
#define LONG_LAST       0x40
#define LONG_UNITS      13 /* UTF-16 units per long entry */
#define LONG_PIECES_MAX 20
#define REPLACEMENT     0xfffd /* what a lone surrogate becomes */
#define LINKS_SPARE     65536

/* What end_of_chain says of a FAT entry. */
enum link { LINK_NEXT, LINK_END, LINK_BROKEN };

/* A long name under assembly; its entries come last piece first. */
struct long_name {
	uint16_t unit[LONG_PIECES_MAX * LONG_UNITS + 1];
	uint32_t missing; /* pieces still to come */
	bool started;
	uint8_t checksum;
};

/* One directory being read. */
struct frame {
	uint64_t at;       /* the next entry's byte on the volume */
	uint32_t left;     /* bytes left in this cluster */
	uint32_t first;    /* the first cluster, 0 for a FAT16 root */
	uint32_t cluster;  /* the current one */
	uint32_t path_len; /* of this directory, without a slash */
};

struct reader {
	const struct fat_volume *v;
	struct filetable *t;
	struct arena *a;
	struct fat_result *result;
	uint64_t volume_bytes;
	uint64_t fat_at, root_at, data_at;
	uint32_t root_bytes;   /* of a FAT16 root */
	uint32_t root_cluster; /* of a FAT32 root */
	uint32_t cluster_bytes;
	uint32_t clusters; /* numbered 2 .. clusters + 1 */
	uint32_t budget;   /* clusters that nothing has used yet */
	uint64_t links;    /* that may still be followed to check chains */
	bool fat32;
	uint32_t depth;
	struct frame stack[FAT_DEPTH_MAX + 1];
	struct long_name name;
	char path[FAT_PATH_MAX];
};

/* --- bytes of the volume ------------------------------------------------- */

/* Returns the longest run in one extent that starts at `at`; NULL outside. */
static const uint8_t *run_at(
    const struct fat_volume *v, uint64_t at, uint64_t *len)
{
	for (uint32_t i = 0; i < v->extent_count; i++) {
		const struct fat_extent *e = &v->extent[i];

		if (at < e->len) {
			*len = e->len - at;
			return e->data + at;
		}
		at -= e->len;
	}
	return NULL;
}

/* Copies a run that may cross extents.  Returns false when it leaves the
 * volume. */
static bool copy_out(
    const struct fat_volume *v, uint64_t at, void *out, uint64_t len)
{
	uint8_t *to = out;

	while (len > 0) {
		uint64_t n;
		const uint8_t *p = run_at(v, at, &n);

		if (p == NULL)
			return false;
		if (n > len)
			n = len;
		memcpy(to, p, n);
		to += n;
		at += n;
		len -= n;
	}
	return true;
}

/* --- geometry ------------------------------------------------------------ */

static bool power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* The fields of the boot sector that both kinds have. */
struct boot_sector {
	uint32_t sector_bytes, cluster_sectors, reserved, fats, root_entries;
	uint32_t sectors, fat_sectors;
	const uint8_t *raw;
};

static const char *parse_boot_sector(const uint8_t *b, struct boot_sector *s)
{
	if (memcmp(b + 3, "EXFAT   ", 8) == 0)
		return "this is exFAT; format the stick as FAT32";
	if (memcmp(b + 3, "NTFS    ", 8) == 0)
		return "this is NTFS; format the stick as FAT32";
	if (b[510] != 0x55 || b[511] != 0xaa)
		return "no boot sector signature";
	s->raw = b;
	s->sector_bytes = le16_at(b + 11);
	s->cluster_sectors = b[13];
	s->reserved = le16_at(b + 14);
	s->fats = b[16];
	s->root_entries = le16_at(b + 17);
	s->sectors = le16_at(b + 19);
	if (s->sectors == 0)
		s->sectors = le32_at(b + 32);
	s->fat_sectors = le16_at(b + 22);
	if (s->sector_bytes < 512 || s->sector_bytes > 4096 ||
	    !power_of_two(s->sector_bytes))
		return "impossible sector size";
	if (!power_of_two(s->cluster_sectors))
		return "impossible cluster size";
	if (s->reserved == 0 || s->fats == 0)
		return "no allocation table";
	return NULL;
}

/*
 * FAT32 is told by its boot sector's other layout (no 16-bit table size), as
 * Windows and Linux do, so that small FAT32 volumes read too; FAT12 and FAT16
 * differ by the number of clusters alone.
 */
static const char *parse_fat32(struct reader *r, struct boot_sector *s)
{
	uint32_t flags = le16_at(s->raw + 40);

	s->fat_sectors = le32_at(s->raw + 36);
	if (le16_at(s->raw + 42) != 0)
		return "unknown FAT32 version";
	if (s->root_entries != 0)
		return "neither FAT16 nor FAT32";
	r->fat32 = true;
	r->root_cluster = le32_at(s->raw + 44);
	/* Bit 7 says that the tables are no mirrors and which one is right. */
	if ((flags & 0x80) == 0)
		return NULL;
	if ((flags & 15) >= s->fats)
		return "the active allocation table is missing";
	r->fat_at += (uint64_t)(flags & 15) * s->fat_sectors * s->sector_bytes;
	return NULL;
}

static const char *check_clusters(const struct reader *r, uint64_t fat_bytes)
{
	uint64_t entries = (uint64_t)r->clusters + 2;

	if (!r->fat32 && r->clusters < FAT12_LIMIT)
		return "this is FAT12; make the volume larger";
	if (!r->fat32 && r->clusters >= FAT16_LIMIT)
		return "too many clusters for FAT16";
	if (entries * (r->fat32 ? 4 : 2) > fat_bytes)
		return "the allocation table is too small";
	return NULL;
}

static const char *parse_geometry(struct reader *r, struct boot_sector *s)
{
	uint64_t sector = s->sector_bytes, fats;
	const char *error = NULL;

	r->fat_at = s->reserved * sector;
	if (s->fat_sectors == 0)
		error = parse_fat32(r, s);
	if (error != NULL)
		return error;
	fats = (uint64_t)s->fats * s->fat_sectors * sector;
	r->cluster_bytes = s->cluster_sectors * s->sector_bytes;
	r->root_bytes = s->root_entries * ENTRY_BYTES;
	r->root_at = s->reserved * sector + fats;
	/* The root takes whole sectors. */
	r->data_at =
	    r->root_at + (r->root_bytes + sector - 1) / sector * sector;
	if (r->data_at > s->sectors * sector)
		return "the tables are larger than the volume";
	r->clusters =
	    (uint32_t)((s->sectors * sector - r->data_at) / r->cluster_bytes);
	r->budget = r->clusters;
	r->links = 4ull * r->clusters + LINKS_SPARE;
	return check_clusters(r, s->fat_sectors * sector);
}

static int read_geometry(struct reader *r)
{
	uint8_t sector[512];
	struct boot_sector s = { 0 };

	for (uint32_t i = 0; i < r->v->extent_count; i++)
		r->volume_bytes += r->v->extent[i].len;
	if (!copy_out(r->v, 0, sector, sizeof(sector))) {
		r->result->error = "shorter than a boot sector";
		return -EINVAL;
	}
	r->result->error = parse_boot_sector(sector, &s);
	if (r->result->error == NULL &&
	    (uint64_t)s.sectors * s.sector_bytes > r->volume_bytes) {
		r->result->error = "larger than what was loaded of it";
		return -EFBIG;
	}
	if (r->result->error == NULL)
		r->result->error = parse_geometry(r, &s);
	return r->result->error == NULL ? 0 : -EINVAL;
}

/* --- cluster chains ------------------------------------------------------ */

static bool is_cluster(const struct reader *r, uint32_t c)
{
	return c >= 2 && c - 2 < r->clusters;
}

static uint64_t cluster_at(const struct reader *r, uint32_t c)
{
	return r->data_at + (uint64_t)(c - 2) * r->cluster_bytes;
}

/* Follows the chain one step, from *c, which is_cluster. */
static enum link next_cluster(const struct reader *r, uint32_t *c)
{
	uint8_t e[4] = { 0 };
	uint32_t width = r->fat32 ? 4 : 2, next;

	if (!copy_out(r->v, r->fat_at + (uint64_t)*c * width, e, width))
		return LINK_BROKEN;
	/* The upper four bits of a FAT32 entry are reserved. */
	next = r->fat32 ? le32_at(e) & 0x0fffffff : le16_at(e);
	if (next >= (r->fat32 ? 0x0ffffff8 : 0xfff8))
		return LINK_END;
	if (!is_cluster(r, next))
		return LINK_BROKEN;
	*c = next;
	return LINK_NEXT;
}

/* As next_cluster, for a chain that nobody has checked yet. */
static enum link check_link(struct reader *r, uint32_t *c)
{
	if (r->links == 0)
		return LINK_BROKEN;
	r->links--;
	return next_cluster(r, c);
}

/* Of a long path the end is told, so that there is room for the reason. */
static void skip(struct reader *r, const char *why)
{
	static const char cut[] = "...";
	struct fat_result *result = r->result;
	const char *path = r->path[0] != '\0' ? r->path : "/";
	size_t room =
	    sizeof(result->first_skipped) - strlen(why) - strlen(": ");
	size_t len = strlen(path);

	if (result->skipped++ > 0)
		return;
	if (len >= room)
		path += len - room + sizeof(cut);
	fmt_snprintf(result->first_skipped, sizeof(result->first_skipped),
	    "%s%s: %s", len >= room ? cut : "", path, why);
}

/*
 * Walks the n clusters of a file.  Returns whether they follow each other on
 * the volume in *contiguous, or what is wrong.
 */
static const char *check_file(
    struct reader *r, uint32_t c, uint32_t n, bool *contiguous)
{
	*contiguous = true;
	if (n > r->budget)
		return "more clusters than the volume has left";
	if (!is_cluster(r, c))
		return "begins outside the volume";
	for (uint32_t i = 1; i < n; i++) {
		uint32_t before = c;
		enum link l = check_link(r, &c);

		if (l == LINK_BROKEN)
			return "its cluster chain is broken";
		if (l == LINK_END)
			return "its cluster chain is too short";
		*contiguous = *contiguous && c == before + 1;
	}
	r->budget -= n;
	return NULL;
}

/* Copies a checked file of len bytes.  Returns NULL when memory is short. */
static const uint8_t *copy_file(struct reader *r, uint32_t c, uint32_t len)
{
	uint8_t *data = arena_alloc(r->a, len, 8);
	uint32_t done = 0;

	if (data == NULL)
		return NULL;
	for (;;) {
		uint32_t n = len - done;

		if (n > r->cluster_bytes)
			n = r->cluster_bytes;
		copy_out(r->v, cluster_at(r, c), data + done, n);
		done += n;
		if (done == len)
			return data;
		next_cluster(r, &c);
	}
}

/* Finds the bytes of a file, in place if it lies in one run. */
static const char *load_file(
    struct reader *r, uint32_t c, uint32_t len, const uint8_t **data)
{
	uint32_t n = (uint32_t)(((uint64_t)len + r->cluster_bytes - 1) /
	                        r->cluster_bytes);
	const char *error;
	bool contiguous;
	uint64_t run = 0;

	*data = (const uint8_t *)"";
	if (len == 0)
		return NULL;
	error = check_file(r, c, n, &contiguous);
	if (error != NULL)
		return error;
	if (contiguous)
		*data = run_at(r->v, cluster_at(r, c), &run);
	if (run >= len)
		return NULL;
	*data = copy_file(r, c, len);
	return *data != NULL ? NULL : "no memory left to join its pieces";
}

/* Walks a directory's chain to its end before anybody relies on it. */
static const char *check_directory(struct reader *r, uint32_t c)
{
	uint32_t max = (DIR_BYTES_MAX - 1) / r->cluster_bytes + 1, n = 1;
	enum link l;

	if (!is_cluster(r, c))
		return "begins outside the volume";
	while ((l = check_link(r, &c)) == LINK_NEXT) {
		if (++n > max)
			return "its cluster chain does not end";
	}
	if (l == LINK_BROKEN)
		return "its cluster chain is broken";
	if (n > r->budget)
		return "more clusters than the volume has left";
	r->budget -= n;
	return NULL;
}

/* --- names --------------------------------------------------------------- */

/* Appends one code point as UTF-8. */
static void add_utf8(struct text *t, uint32_t c)
{
	if (c < 0x80)
		fmt_add(t, "%c", c);
	else if (c < 0x800)
		fmt_add(t, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 63));
	else if (c < 0x10000)
		fmt_add(t, "%c%c%c", 0xe0 | c >> 12, 0x80 | (c >> 6 & 63),
		    0x80 | (c & 63));
	else
		fmt_add(t, "%c%c%c%c", 0xf0 | c >> 18, 0x80 | (c >> 12 & 63),
		    0x80 | (c >> 6 & 63), 0x80 | (c & 63));
}

/* Takes one code point from UTF-16; *s is ended by zero. */
static uint32_t next_code_point(const uint16_t **s)
{
	uint32_t c = *(*s)++, low = **s;

	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return REPLACEMENT;
	(*s)++;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

/* A name may hold no slash and no control character. */
static bool is_name_char(uint32_t c)
{
	return c >= ' ' && c != 0x7f && c != '/';
}

static bool add_long_name(struct text *t, const uint16_t *s)
{
	while (*s != 0) {
		uint32_t c = next_code_point(&s);

		if (!is_name_char(c))
			return false;
		add_utf8(t, c);
	}
	return true;
}

/* Small letters of ASCII and of Latin 1, which are all that the code page has
 * in both cases. */
static uint32_t lower_latin(uint32_t c)
{
	bool upper = (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde);

	return upper && c != 0xd7 ? c + 0x20 : c;
}

/* Appends one part, blank-padded to n bytes, of a short name. */
static bool add_short_part(
    struct text *t, const uint8_t *s, uint32_t n, bool lower)
{
	while (n > 0 && s[n - 1] == ' ')
		n--;
	for (uint32_t i = 0; i < n; i++) {
		/* At the front 0xe5 would mean "deleted". */
		uint8_t b = i == 0 && s[i] == NAME_KANJI_E5 ? 0xe5 : s[i];
		uint32_t c = b < 0x80 ? b : cp850[b - 0x80];

		if (!is_name_char(c))
			return false;
		add_utf8(t, lower ? lower_latin(c) : c);
	}
	return true;
}

static bool add_short_name(struct text *t, const uint8_t *e)
{
	uint8_t flags = e[12]; /* DIR_NTRes */
	size_t start = t->len;

	if (!add_short_part(t, e, 8, (flags & CASE_BASE_LOWER) != 0))
		return false;
	if (t->len == start)
		return false;
	if (memcmp(e + 8, "   ", 3) == 0)
		return true;
	fmt_add(t, ".");
	return add_short_part(t, e + 8, 3, (flags & CASE_EXT_LOWER) != 0);
}

/* The checksum of a short name that its long entries carry. */
static uint8_t short_checksum(const uint8_t *e)
{
	uint8_t sum = 0;

	for (int i = 0; i < 11; i++)
		sum = (uint8_t)((sum << 7 | sum >> 1) + e[i]);
	return sum;
}

/* Takes one long entry; any that does not fit the last ends the assembly. */
static void take_long_entry(struct long_name *name, const uint8_t *e)
{
	static const uint8_t at[LONG_UNITS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20,
		22, 24, 28, 30 };
	uint32_t piece = e[0] & ~LONG_LAST;

	if ((e[0] & LONG_LAST) != 0) {
		name->started = piece <= LONG_PIECES_MAX;
		name->missing = piece;
		name->checksum = e[13];
		name->unit[name->started ? piece * LONG_UNITS : 0] = 0;
	}
	if (!name->started || piece != name->missing ||
	    e[13] != name->checksum || piece == 0) {
		name->started = false;
		return;
	}
	name->missing--;
	for (uint32_t i = 0; i < LONG_UNITS; i++)
		name->unit[name->missing * LONG_UNITS + i] = le16_at(e + at[i]);
}

static bool has_long_name(const struct long_name *name, const uint8_t *e)
{
	return name->started && name->missing == 0 &&
	       name->checksum == short_checksum(e) && name->unit[0] != 0;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/*
 * Writes "/name" behind the directory's path.  Returns what is wrong; the path
 * is the directory's alone then.
 */
static const char *build_path(
    struct reader *r, const struct frame *f, const uint8_t *e)
{
	struct text t = { r->path, sizeof(r->path), f->path_len, false };
	const char *error = NULL;
	bool good;

	fmt_add(&t, "/");
	if (has_long_name(&r->name, e))
		good = add_long_name(&t, r->name.unit);
	else
		good = add_short_name(&t, e);
	if (!good || is_dots(r->path + f->path_len + 1))
		error = "an entry's name is not valid";
	else if (t.truncated)
		error = "an entry's path is too long";
	if (error != NULL)
		r->path[f->path_len] = '\0';
	return error;
}

/* --- the walk ------------------------------------------------------------ */

/* Seconds since 1970 of an entry's date and time, taken as UTC. */
static uint64_t entry_time(const uint8_t *e)
{
	static const uint16_t before_month[12] = { 0, 31, 59, 90, 120, 151, 181,
		212, 243, 273, 304, 334 };
	uint32_t time = le16_at(e + 22), date = le16_at(e + 24);
	uint32_t year = 1980 + (date >> 9), month = date >> 5 & 15;
	uint32_t day = date & 31, days;

	if (month < 1 || month > 12 || day < 1)
		return 0;
	/* 2100 is the only year of the range that breaks the rule of four. */
	days = (year - 1970) * 365 + (year - 1969) / 4 - (year > 2100);
	days += before_month[month - 1] + day - 1;
	if (month > 2 && year % 4 == 0 && year != 2100)
		days++;
	return days * 86400ULL + (time >> 11) * 3600 + (time >> 5 & 63) * 60 +
	       (time & 31) * 2;
}

/* Adds what r->path names to the table.  Returns whether it was added. */
static bool add_file(struct reader *r, const uint8_t *e, const uint8_t *data,
    uint32_t len, bool is_dir)
{
	size_t size = strlen(r->path) + 1;
	char *path = arena_alloc(r->a, size, 1);
	int rc = -ENOMEM;

	if (path != NULL) {
		memcpy(path, r->path, size);
		rc =
		    filetable_add(r->t, path, data, len, is_dir, entry_time(e));
	}
	if (rc == -EEXIST)
		skip(r, "a second entry of this name");
	else if (rc != 0)
		skip(r, "no room for more files");
	return rc == 0;
}

static uint32_t entry_cluster(const struct reader *r, const uint8_t *e)
{
	uint32_t high = r->fat32 ? le16_at(e + 20) : 0;

	return high << 16 | le16_at(e + 26);
}

static void take_file(struct reader *r, const uint8_t *e)
{
	uint32_t len = le32_at(e + 28);
	const uint8_t *data;
	const char *error = load_file(r, entry_cluster(r, e), len, &data);

	if (error != NULL)
		skip(r, error);
	else if (add_file(r, e, data, len, false))
		r->result->files++;
}

static void enter(struct reader *r, uint32_t first)
{
	struct frame *f = &r->stack[r->depth++];

	*f = (struct frame){
		.at = first == 0 ? r->root_at : cluster_at(r, first),
		.left = first == 0 ? r->root_bytes : r->cluster_bytes,
		.first = first,
		.cluster = first,
		.path_len = (uint32_t)strlen(r->path),
	};
}

static bool is_open(const struct reader *r, uint32_t first)
{
	for (uint32_t i = 0; i < r->depth; i++) {
		if (r->stack[i].first == first)
			return true;
	}
	return false;
}

static void take_directory(struct reader *r, const uint8_t *e)
{
	uint32_t first = entry_cluster(r, e);
	const char *error;

	if (r->depth > FAT_DEPTH_MAX)
		error = "too many folders in folders";
	else if (is_open(r, first))
		error = "a folder that contains itself";
	else
		error = check_directory(r, first);
	if (error != NULL) {
		skip(r, error);
		return;
	}
	if (!add_file(r, e, (const uint8_t *)"", 0, true))
		return;
	r->result->dirs++;
	enter(r, first);
}

static void take_entry(
    struct reader *r, const struct frame *f, const uint8_t *e)
{
	const char *error;

	/* "." and "..", which every folder but the root begins with. */
	if (memcmp(e, ".          ", 11) == 0 ||
	    memcmp(e, "..         ", 11) == 0)
		return;
	error = build_path(r, f, e);
	if (error != NULL)
		skip(r, error);
	else if ((e[11] & ATTR_DIRECTORY) != 0)
		take_directory(r, e);
	else
		take_file(r, e);
}

/* Fetches the next entry of the innermost directory; false at its end. */
static bool next_entry(struct reader *r, struct frame *f, uint8_t *e)
{
	if (f->left == 0) {
		if (f->first == 0 || next_cluster(r, &f->cluster) != LINK_NEXT)
			return false;
		f->at = cluster_at(r, f->cluster);
		f->left = r->cluster_bytes;
	}
	if (!copy_out(r->v, f->at, e, ENTRY_BYTES))
		return false;
	f->at += ENTRY_BYTES;
	f->left -= ENTRY_BYTES;
	return e[0] != 0; /* zero: no entry was ever written from here on */
}

static void walk(struct reader *r)
{
	uint8_t e[ENTRY_BYTES];

	while (r->depth > 0) {
		struct frame *f = &r->stack[r->depth - 1];

		if (!next_entry(r, f, e)) {
			r->depth--;
			r->name.started = false;
			continue;
		}
		/* A deleted one ends the assembly: 0xe5 is no piece's number.
		 */
		if ((e[11] & ATTR_LONG_MASK) == ATTR_LONG) {
			take_long_entry(&r->name, e);
			continue;
		}
		r->path[f->path_len] = '\0';
		if (e[0] != NAME_DELETED && (e[11] & ATTR_VOLUME) == 0)
			take_entry(r, f, e);
		r->name.started = false;
	}
}

int fat_read(const struct fat_volume *v, struct filetable *t, struct arena *a,
    struct fat_result *result)
{
	struct reader r = { .v = v, .t = t, .a = a, .result = result };
	int rc;

	*result = (struct fat_result){ 0 };
	rc = read_geometry(&r);
	if (rc != 0)
		return rc;
	if (r.fat32)
		result->error = check_directory(&r, r.root_cluster);
	if (result->error != NULL) {
		result->error = "the root folder's cluster chain is broken";
		return -EINVAL;
	}
	enter(&r, r.root_cluster);
	walk(&r);
	return 0;
}

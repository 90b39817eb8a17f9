/* SPDX-License-Identifier: MIT */
/*
 * lib/fat.c.  Most volumes are built here byte by byte, so that they can be
 * wrong in one place; the last test reads what mtools made.  Every volume lies
 * in a block of its exact size: AddressSanitizer sees the first byte outside.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/errno.h"
#include "lib/fat.h"
#include "lib/filetable.h"
#include "lib/pool.h"

#define ARENA_BYTES (4 << 20)
#define END16       0xffff
#define END32       0x0fffffff
#define DIR         0x10

/* --- a volume and its parts ---------------------------------------------- */

static struct {
	uint8_t *bytes;
	size_t size;
	uint32_t sector_bytes, cluster_bytes, clusters;
	size_t fat_at, root_at, data_at;
	bool fat32;
	uint32_t next_free;
} vol;

static struct {
	struct arena arena;
	struct filetable table;
	struct fat_result result;
	int rc;
} got;

static void put16(size_t at, uint32_t v)
{
	vol.bytes[at] = (uint8_t)v;
	vol.bytes[at + 1] = (uint8_t)(v >> 8);
}

static void put32(size_t at, uint32_t v)
{
	put16(at, v);
	put16(at + 2, v >> 16);
}

static void link_cluster(uint32_t c, uint32_t next)
{
	if (vol.fat32)
		put32(vol.fat_at + c * 4, next);
	else
		put16(vol.fat_at + c * 2, next);
}

static size_t cluster_at(uint32_t c)
{
	return vol.data_at + (size_t)(c - 2) * vol.cluster_bytes;
}

static void format(bool fat32, uint32_t clusters, uint32_t sector_bytes,
    uint32_t cluster_sectors)
{
	uint32_t reserved = fat32 ? 32 : 1, root_entries = fat32 ? 0 : 512;
	uint32_t fat_bytes = (clusters + 2) * (fat32 ? 4 : 2);
	uint32_t fat_sectors = (fat_bytes + sector_bytes - 1) / sector_bytes;
	uint32_t root_sectors = root_entries * 32 / sector_bytes;
	uint32_t sectors = reserved + 2 * fat_sectors + root_sectors +
	                   clusters * cluster_sectors;

	free(vol.bytes);
	vol.sector_bytes = sector_bytes;
	vol.cluster_bytes = sector_bytes * cluster_sectors;
	vol.clusters = clusters;
	vol.fat32 = fat32;
	vol.size = (size_t)sectors * sector_bytes;
	vol.bytes = calloc(1, vol.size);
	vol.fat_at = reserved * sector_bytes;
	vol.root_at = vol.fat_at + 2 * fat_sectors * sector_bytes;
	vol.data_at = vol.root_at + root_sectors * sector_bytes;
	vol.next_free = 2;
	put16(11, sector_bytes);
	vol.bytes[13] = (uint8_t)cluster_sectors;
	put16(14, reserved);
	vol.bytes[16] = 2;
	put16(17, root_entries);
	put16(19, sectors < 65536 && !fat32 ? sectors : 0);
	put32(32, sectors < 65536 && !fat32 ? 0 : sectors);
	put16(22, fat32 ? 0 : fat_sectors);
	put16(510, 0xaa55);
	if (!fat32)
		return;
	put32(36, fat_sectors);
	put32(44, 2);
	link_cluster(2, END32);
	vol.root_at = cluster_at(2);
	vol.next_free = 3;
}

static void format16(void)
{
	format(false, 4085, 512, 1);
}

static void format32(void)
{
	format(true, 400, 512, 1);
}

static uint32_t end_mark(void)
{
	return vol.fat32 ? END32 : END16;
}

/* Takes n clusters that follow each other and links them. */
static uint32_t chain(uint32_t n)
{
	uint32_t first = vol.next_free;

	for (uint32_t i = 1; i < n; i++)
		link_cluster(first + i - 1, first + i);
	link_cluster(first + n - 1, end_mark());
	vol.next_free += n;
	return first;
}

/* A place where entries are written one after another. */
struct place {
	size_t at;
};

static struct place root(void)
{
	return (struct place){ vol.root_at };
}

/* Writes one short entry.  name is the 11 bytes as on the volume. */
static uint8_t *entry(struct place *p, const char *name, uint8_t attr,
    uint32_t cluster, uint32_t len)
{
	uint8_t *e = vol.bytes + p->at;

	memcpy(e, name, 11);
	e[11] = attr;
	put16(p->at + 20, cluster >> 16);
	put16(p->at + 26, cluster);
	put32(p->at + 28, len);
	p->at += 32;
	return e;
}

static uint8_t name_sum(const char *name)
{
	uint8_t sum = 0;

	for (int i = 0; i < 11; i++)
		sum =
		    (uint8_t)(((sum & 1) << 7) + (sum >> 1) + (uint8_t)name[i]);
	return sum;
}

/* Writes the entries of a long name of n units, the last piece first. */
static void long_entries(
    struct place *p, const uint16_t *units, uint32_t n, uint8_t sum)
{
	static const uint8_t at[13] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24,
		28, 30 };
	uint32_t pieces = (n + 12) / 13;

	for (uint32_t piece = pieces; piece > 0; piece--, p->at += 32) {
		uint8_t *e = vol.bytes + p->at;

		e[0] = (uint8_t)(piece | (piece == pieces ? 0x40 : 0));
		e[11] = 0x0f;
		e[13] = sum;
		for (uint32_t i = 0; i < 13; i++) {
			uint32_t u = (piece - 1) * 13 + i;

			put16(p->at + at[i], u < n    ? units[u]
			                     : u == n ? 0
			                              : 0xffff);
		}
	}
}

static void long_name(struct place *p, const char *ascii, const char *name)
{
	uint16_t units[256];
	uint32_t n = 0;

	for (; ascii[n] != '\0'; n++)
		units[n] = (uint8_t)ascii[n];
	long_entries(p, units, n, name_sum(name));
}

/* Adds a contiguous file with this text. */
static uint8_t *file(struct place *p, const char *name, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);
	uint32_t n = (len + vol.cluster_bytes - 1) / vol.cluster_bytes;
	uint32_t first = n > 0 ? chain(n) : 0;

	if (n > 0)
		memcpy(vol.bytes + cluster_at(first), text, len);
	return entry(p, name, 0x20, first, len);
}

/* Adds a folder of n clusters and its dot entries. */
static struct place folder(struct place *p, const char *name, uint32_t n)
{
	uint32_t first = chain(n);
	struct place inside = { cluster_at(first) };

	entry(p, name, DIR, first, 0);
	entry(&inside, ".          ", DIR, first, 0);
	entry(&inside, "..         ", DIR, 0, 0);
	return inside;
}

/* --- reading and expecting ----------------------------------------------- */

static void read_extents(const struct fat_volume *v, uint32_t capacity)
{
	free(got.arena.base);
	got.arena = (struct arena){ malloc(ARENA_BYTES), ARENA_BYTES, 0 };
	assert_int_equal(filetable_init(&got.table, capacity, &got.arena), 0);
	got.rc = fat_read(v, &got.table, &got.arena, &got.result);
	/* What is counted is what stands in the table. */
	assert_int_equal(got.result.files + got.result.dirs, got.table.count);
}

static void read_volume(void)
{
	struct fat_volume v = { .extent = { { vol.bytes, vol.size } },
		.extent_count = 1 };

	read_extents(&v, 256);
}

/* Reads the volume cut into pieces of exact blocks of their own. */
static void read_cut(const size_t *cuts, uint32_t count)
{
	struct fat_volume v = { .extent_count = count + 1 };
	static uint8_t *piece[FAT_EXTENTS_MAX];
	size_t from = 0;

	for (uint32_t i = 0; i <= count; i++) {
		size_t to = i < count ? cuts[i] : vol.size;

		free(piece[i]);
		piece[i] = malloc(to - from);
		memcpy(piece[i], vol.bytes + from, to - from);
		v.extent[i] = (struct fat_extent){ piece[i], to - from };
		from = to;
	}
	read_extents(&v, 256);
}

static const struct file *find(const char *path)
{
	const struct file *f = filetable_find(&got.table, path);

	if (f == NULL)
		print_message("no file '%s'\n", path);
	assert_non_null(f);
	assert_string_equal(f->path, path);
	return f;
}

static void expect_file(const char *path, const char *text)
{
	const struct file *f = find(path);

	assert_false(f->is_dir);
	assert_int_equal(f->len, strlen(text));
	assert_memory_equal(f->data, text, f->len);
}

static void expect_clean(uint32_t files, uint32_t dirs)
{
	assert_int_equal(got.rc, 0);
	assert_null(got.result.error);
	assert_string_equal(got.result.first_skipped, "");
	assert_int_equal(got.result.skipped, 0);
	assert_int_equal(got.result.files, files);
	assert_int_equal(got.result.dirs, dirs);
}

static void expect_one_skipped(const char *why)
{
	assert_int_equal(got.rc, 0);
	assert_string_equal(got.result.first_skipped, why);
	assert_int_equal(got.result.skipped, 1);
}

static void expect_refused(int rc, const char *error)
{
	read_volume();
	assert_int_equal(got.rc, rc);
	assert_string_equal(got.result.error, error);
	assert_int_equal(got.table.count, 0);
}

/* Text of len bytes that differs everywhere; valid until the next call. */
static const char *long_text(size_t len)
{
	static char text[70000];

	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + (i * 7 + i / 512) % 26);
	text[len] = '\0';
	return text;
}

/* --- well-made volumes --------------------------------------------------- */

static void a_fat16_volume_is_read(void **state)
{
	struct place p;

	format16();
	p = root();
	file(&p, "CONFIG  TXT", "ip = dhcp\n");
	struct place www = folder(&p, "WWW        ", 1);

	file(&www, "INDEX   HTM", "<html>");
	struct place img = folder(&www, "IMG        ", 1);

	file(&img, "A       PNG", "png");
	read_volume();
	expect_clean(3, 2);
	expect_file("/CONFIG.TXT", "ip = dhcp\n");
	expect_file("/WWW/INDEX.HTM", "<html>");
	expect_file("/WWW/IMG/A.PNG", "png");
	assert_true(find("/WWW")->is_dir);
	assert_true(find("/WWW/IMG")->is_dir);
}

static void a_fat32_volume_is_read(void **state)
{
	struct place p;

	format32();
	p = root();
	file(&p, "CONFIG  TXT", "ip = dhcp\n");
	struct place www = folder(&p, "WWW        ", 1);

	file(&www, "INDEX   HTM", long_text(3000));
	read_volume();
	expect_clean(2, 1);
	expect_file("/CONFIG.TXT", "ip = dhcp\n");
	expect_file("/WWW/INDEX.HTM", long_text(3000));
}

static void sectors_of_4_kib_are_read(void **state)
{
	for (int fat32 = 0; fat32 < 2; fat32++) {
		format(fat32, 4200, 4096, 2);
		struct place p = root();

		file(&p, "A       TXT", long_text(20000));
		read_volume();
		expect_clean(1, 0);
		expect_file("/A.TXT", long_text(20000));
	}
}

static void a_contiguous_file_is_referred_to_in_place(void **state)
{
	struct place p;

	format16();
	p = root();
	file(&p, "A       TXT", long_text(5000));
	read_volume();
	assert_ptr_equal(find("/A.TXT")->data, vol.bytes + cluster_at(2));
}

static void a_fragmented_file_is_joined(void **state)
{
	struct place p;

	format16();
	p = root();
	entry(&p, "A       TXT", 0, 9, 1200);
	memcpy(vol.bytes + cluster_at(9), long_text(1200), 512);
	memcpy(vol.bytes + cluster_at(4), long_text(1200) + 512, 512);
	memcpy(vol.bytes + cluster_at(5), long_text(1200) + 1024, 176);
	link_cluster(9, 4);
	link_cluster(4, 5);
	link_cluster(5, END16);
	read_volume();
	expect_clean(1, 0);
	expect_file("/A.TXT", long_text(1200));
}

static void an_empty_file_has_no_bytes(void **state)
{
	struct place p;

	format16();
	p = root();
	file(&p, "EMPTY      ", "");
	read_volume();
	expect_clean(1, 0);
	expect_file("/EMPTY", "");
	assert_non_null(find("/EMPTY")->data);
}

static void a_folder_of_several_clusters_is_read_to_its_end(void **state)
{
	struct place p;
	char name[16];

	format32();
	p = root();
	struct place d = folder(&p, "D          ", 4);

	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "F%-10d", i);
		entry(&d, name, 0, 0, 0);
	}
	read_volume();
	expect_clean(60, 1);
	find("/D/F59");
}

static void a_full_fat16_root_ends_with_its_table(void **state)
{
	struct fat_volume v;
	struct place p;
	char name[16];

	format16();
	p = root();
	for (int i = 0; i < 512; i++) {
		snprintf(name, sizeof(name), "F%-10d", i);
		entry(&p, name, 0, 0, 0);
	}
	/* What follows is data, and cluster 0 has no next one. */
	file(&p, "DATA       ", "");
	link_cluster(0, 2);
	v = (struct fat_volume){ .extent = { { vol.bytes, vol.size } },
		.extent_count = 1 };
	read_extents(&v, 600);
	expect_clean(512, 0);
}

static void fat16_has_no_upper_half_of_a_cluster_number(void **state)
{
	struct place p;
	uint8_t *e;

	format16();
	p = root();
	e = file(&p, "A          ", "x");
	memset(e + 20, 0xff, 2);
	read_volume();
	expect_clean(1, 0);
	expect_file("/A", "x");
}

static void every_mark_of_a_chains_end_ends_it(void **state)
{
	static const uint32_t low[] = { 0xfff8, 0xfffb, 0xffff };
	struct place p;

	for (int fat32 = 0; fat32 < 2; fat32++) {
		for (size_t i = 0; i < 3; i++) {
			format(fat32, 4100, 512, 1);
			p = root();
			folder(&p, "D          ", 1);
			link_cluster(
			    fat32 ? 3 : 2, low[i] | (fat32 ? 0x0fff0000 : 0));
			read_volume();
			expect_clean(0, 1);
		}
	}
}

static void thousands_of_files_are_read(void **state)
{
	struct fat_volume v;
	struct place p;
	char name[16];

	format(false, 6000, 512, 1);
	p = root();
	struct place d = folder(&p, "D          ", 200);

	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "F%-10d", i);
		file(&d, name, name);
	}
	v = (struct fat_volume){ .extent = { { vol.bytes, vol.size } },
		.extent_count = 1 };
	read_extents(&v, 4000);
	expect_clean(3000, 1);
	expect_file("/D/F2999", "F2999      ");
}

static void the_time_of_a_file_is_converted(void **state)
{
	struct place p;
	uint8_t *e;

	format16();
	p = root();
	/* 2024-02-29 13:37:42, 1980-01-01 00:00:00, 2107-12-31 23:59:58, a
	 * month and a day that do not exist, 2100-03-01. */
	e = file(&p, "A          ", "");
	memcpy(e + 22, "\xb5\x6c\x5d\x58", 4);
	e = file(&p, "B          ", "");
	memcpy(e + 22, "\x00\x00\x21\x00", 4);
	e = file(&p, "C          ", "");
	memcpy(e + 22, "\x7d\xbf\x9f\xff", 4);
	e = file(&p, "D          ", "");
	memcpy(e + 22, "\x00\x00\xa1\x01", 4);
	e = file(&p, "E          ", "");
	memcpy(e + 22, "\x00\x00\x20\x58", 4);
	e = file(&p, "F          ", "");
	memcpy(e + 22, "\x00\x00\x61\xf0", 4);
	read_volume();
	assert_int_equal(find("/A")->mtime_s, 1709213862);
	assert_int_equal(find("/B")->mtime_s, 315532800);
	assert_int_equal(find("/C")->mtime_s, 4354819198);
	assert_int_equal(find("/D")->mtime_s, 0);
	assert_int_equal(find("/E")->mtime_s, 0);
	assert_int_equal(find("/F")->mtime_s, 4107542400);
}

/* --- names --------------------------------------------------------------- */

static void the_case_flags_make_short_names_small(void **state)
{
	struct place p;

	format16();
	p = root();
	file(&p, "INDEX   HTM", "1")[12] = 0x18;
	file(&p, "README  TXT", "2")[12] = 0x08;
	file(&p, "CONFIG  INI", "3")[12] = 0x10;
	read_volume();
	expect_clean(3, 0);
	expect_file("/index.htm", "1");
	expect_file("/readme.TXT", "2");
	expect_file("/CONFIG.ini", "3");
}

static void a_long_name_replaces_the_short_one(void **state)
{
	static const char thirteen[] = "thirteen.html",
	                  fourteen[] = "fourteen.htmlx";
	struct place p;

	format16();
	p = root();
	long_name(&p, "A page with a rather long name.html", "APAGEW~1HTM");
	file(&p, "APAGEW~1HTM", "1");
	long_name(&p, thirteen, "THIRTE~1HTM");
	file(&p, "THIRTE~1HTM", "2");
	long_name(&p, fourteen, "FOURTE~1HTM");
	file(&p, "FOURTE~1HTM", "3");
	read_volume();
	expect_clean(3, 0);
	expect_file("/A page with a rather long name.html", "1");
	expect_file("/thirteen.html", "2");
	expect_file("/fourteen.htmlx", "3");
}

static void a_long_name_of_255_units_is_read(void **state)
{
	char name[256], path[260];
	struct place p;

	memset(name, 'n', 255);
	name[255] = '\0';
	format16();
	p = root();
	long_name(&p, name, "NNNNNN~1   ");
	file(&p, "NNNNNN~1   ", "x");
	read_volume();
	expect_clean(1, 0);
	snprintf(path, sizeof(path), "/%s", name);
	expect_file(path, "x");
}

static void a_long_name_becomes_utf8(void **state)
{
	/* The edges of each length of UTF-8, then surrogates: a pair, a lone
	 * high one before a pair, before a letter and before what comes behind
	 * the low ones, and low ones alone. */
	static const uint16_t units[] = { 0x7e, 0x80, 0x7ff, 0x800, 0xffff,
		0xd800, 0xdc00, 0xdbff, 0xdfff, 0xd83d, 0xdbff, 0xdfff, 0xd800,
		'x', 0xd800, 0xe000, 0xdc00, 0xdfff, 'y', 0xdbff };
	struct place p;

	format16();
	p = root();
	long_entries(&p, units, sizeof(units) / 2, name_sum("E~1        "));
	file(&p, "E~1        ", "x");
	read_volume();
	expect_clean(1, 0);
	expect_file("/\x7e\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"
	            "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"
	            "\xef\xbf\xbd\xf4\x8f\xbf\xbf"
	            "\xef\xbf\xbdx\xef\xbf\xbd\xee\x80\x80"
	            "\xef\xbf\xbd\xef\xbf\xbdy\xef\xbf\xbd",
	    "x");
}

static void a_long_name_with_a_wrong_checksum_is_ignored(void **state)
{
	struct place p;

	format16();
	p = root();
	long_name(&p, "someone else's name", "OTHER      ");
	file(&p, "MINE    TXT", "x");
	read_volume();
	expect_clean(1, 0);
	expect_file("/MINE.TXT", "x");
}

static void broken_rows_of_long_entries_are_ignored(void **state)
{
	/* One wrong byte of three entries, which are 0x43, 2, 1. */
	static const struct {
		uint8_t at, value;
	} wrong[] = {
		{ 0, 0xe5 },      /* the last piece is deleted */
		{ 32, 0xe5 },     /* the middle one is */
		{ 64, 0xe5 },     /* the first one is */
		{ 32, 3 },        /* a piece comes twice */
		{ 32, 1 },        /* one is left out */
		{ 64, 0x40 },     /* a last piece without number */
		{ 64, 0x41 },     /* a last piece in the middle */
		{ 0, 3 },         /* no mark of the last */
		{ 0, 0x40 | 21 }, /* more than a name may have */
		{ 0, 0x7f },      /* many more */
		{ 13, 0 },        /* another name's last piece */
		{ 32 + 13, 0 },   /* another name's middle */
		{ 64 + 13, 0 },   /* another name's first */
	};
	char name[12] = "A       TXT", path[] = "/A.TXT";
	size_t n = sizeof(wrong) / sizeof(wrong[0]), first;
	struct place p;

	format16();
	p = root();
	for (size_t i = 0; i < n; i++, name[0]++) {
		first = p.at;
		long_name(&p, "a name of more than two pieces, x", name);
		vol.bytes[first + wrong[i].at] = wrong[i].value;
		if (wrong[i].at == 64 && wrong[i].value == 0x41)
			put16(first + 64 + 1, 0);
		file(&p, name, "x");
	}
	read_volume();
	expect_clean((uint32_t)n, 0);
	for (size_t i = 0; i < n; i++, path[1]++)
		expect_file(path, "x");
}

static void pieces_behind_a_whole_long_name_end_it(void **state)
{
	static const uint8_t number[] = { 0x40, 1, 0xff };
	char name[12] = "A       TXT", path[] = "/A.TXT";
	struct place p;

	format16();
	p = root();
	for (size_t i = 0; i < sizeof(number); i++, name[0]++) {
		long_name(&p, "a long name", name);
		vol.bytes[p.at] = number[i];
		vol.bytes[p.at + 11] = 0x0f;
		vol.bytes[p.at + 13] = name_sum(name);
		p.at += 32;
		file(&p, name, "x");
	}
	read_volume();
	expect_clean(sizeof(number), 0);
	for (size_t i = 0; i < sizeof(number); i++, path[1]++)
		expect_file(path, "x");
}

static void a_long_name_must_stand_right_before_its_entry(void **state)
{
	struct place p;

	format16();
	p = root();
	/* A deleted entry stands between; a label does; its first piece is not
	 * there (and must not be what the names before left behind). */
	long_name(&p, "a long name", "B       TXT");
	entry(&p, "\xe5       TXT", 0, 0, 0);
	file(&p, "B       TXT", "x");
	long_name(&p, "a long name", "C       TXT");
	entry(&p, "LABEL      ", 0x08, 0, 0);
	file(&p, "C       TXT", "x");
	long_name(&p, "a name of more than two pieces, x", "A       TXT");
	p.at -= 32;
	file(&p, "A       TXT", "x");
	read_volume();
	expect_clean(3, 0);
	expect_file("/A.TXT", "x");
	expect_file("/B.TXT", "x");
	expect_file("/C.TXT", "x");
}

static void an_empty_long_name_is_ignored(void **state)
{
	static const uint16_t units[1] = { 0 };
	struct place p;

	format16();
	p = root();
	long_entries(&p, units, 1, name_sum("A       TXT"));
	file(&p, "A       TXT", "x");
	read_volume();
	expect_clean(1, 0);
	expect_file("/A.TXT", "x");
}

static void a_long_name_before_a_folder_ends_stays_there(void **state)
{
	struct place p;

	format16();
	p = root();
	struct place d = folder(&p, "D          ", 1);

	long_name(&d, "orphan", "NEXT       ");
	file(&p, "NEXT       ", "x");
	read_volume();
	expect_clean(1, 1);
	expect_file("/NEXT", "x");
}

static void entries_that_are_no_files_are_left_out(void **state)
{
	struct place p;

	format16();
	p = root();
	entry(&p, "RINGLET    ", 0x08, 0, 0);
	entry(&p,
	    "\xe5"
	    "ELETED TXT",
	    0, 5, 100);
	file(&p, "A          ", "x");
	entry(&p, "\0          ", 0, 0, 0);
	file(&p, "AFTER   END", "x");
	read_volume();
	expect_clean(1, 0);
	expect_file("/A", "x");
}

static void short_names_are_in_code_page_850(void **state)
{
	struct place p;

	format16();
	p = root();
	file(&p,
	    "\x05"
	    "BC     \x8e  ",
	    "x");
	/* GRUESSE.TXT with umlaut and sharp s; mtools flags it lower case. */
	file(&p,
	    "GR\x9a\xe1"
	    "E   TXT",
	    "y")[12] = 0x18;
	read_volume();
	expect_clean(2, 0);
	expect_file("/\xc3\x95"
	            "BC.\xc3\x84",
	    "x");
	expect_file("/gr\xc3\xbc\xc3\x9f"
	            "e.txt",
	    "y");
}

static void names_that_would_confuse_paths_are_skipped(void **state)
{
	static const char *const bad[] = { "A/B     TXT", "A\x1f      TXT",
		"        TXT", "A       T\n " };
	struct place p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		format16();
		p = root();
		file(&p, bad[i], "x");
		read_volume();
		expect_one_skipped("/: an entry's name is not valid");
	}
	for (int i = 0; i < 4; i++) {
		static const char *const names[] = { "..", ".", "a/../b",
			"a\nPANIC" };

		format16();
		p = root();
		struct place d = folder(&p, "D          ", 1);

		long_name(&d, names[i], "X          ");
		file(&d, "X          ", "x");
		read_volume();
		expect_one_skipped("/D: an entry's name is not valid");
	}
}

static void a_second_entry_of_one_name_is_skipped(void **state)
{
	struct place p;

	format16();
	p = root();
	file(&p, "A       TXT", "first");
	file(&p, "A       TXT", "second")[12] = 0x18;
	read_volume();
	expect_one_skipped("/a.txt: a second entry of this name");
	expect_file("/A.TXT", "first");
}

/* --- depth and length ---------------------------------------------------- */

static void folders_are_read_to_the_stated_depth(void **state)
{
	char path[2 * FAT_DEPTH_MAX + 8] = "", skipped[128];
	struct place p;

	format16();
	p = root();
	for (int i = 0; i < FAT_DEPTH_MAX; i++) {
		p = folder(&p, "D          ", 1);
		strcat(path, "/D");
	}
	file(&p, "DEEP       ", "x");
	folder(&p, "DEEPER     ", 1);
	read_volume();
	snprintf(skipped, sizeof(skipped),
	    "%s/DEEPER: too many folders in folders", path);
	expect_one_skipped(skipped);
	assert_int_equal(got.result.dirs, FAT_DEPTH_MAX);
	strcat(path, "/DEEP");
	expect_file(path, "x");
}

static void a_path_that_is_too_long_is_skipped(void **state)
{
	char name[252];
	struct place p;

	memset(name, 'n', 251);
	name[251] = '\0';
	format16();
	p = root();
	for (int i = 0; i < 2; i++) {
		long_name(&p, name, "NNNNNN~1   ");
		p = folder(&p, "NNNNNN~1   ", 2);
	}
	/* 2 * 252 + 7 bytes is the most that fits, with its zero. */
	file(&p, "SEVEN7     ", "x");
	file(&p, "EIGHT 8    ", "x");
	read_volume();
	assert_int_equal(got.result.files, 1);
	assert_int_equal(got.result.dirs, 2);
	assert_int_equal(got.result.skipped, 1);
	assert_int_equal(strlen(got.result.first_skipped), 127);
	assert_memory_equal(got.result.first_skipped, "...nnn", 6);
	assert_non_null(strstr(
	    got.result.first_skipped, "nnn: an entry's path is too long"));
}

/* --- lies ---------------------------------------------------------------- */

static void a_chain_that_leaves_the_volume_is_skipped(void **state)
{
	static const uint32_t bad[] = { 0, 1, 4085 + 2, 0xfff0, 0xfff7 };
	struct place p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		format16();
		p = root();
		file(&p, "A          ", long_text(2000));
		file(&p, "GOOD       ", "x");
		link_cluster(3, bad[i]);
		read_volume();
		expect_one_skipped("/A: its cluster chain is broken");
		expect_file("/GOOD", "x");
	}
}

static void a_file_that_begins_outside_is_skipped(void **state)
{
	static const uint32_t bad[] = { 0, 1, 400 + 2, 0x0fffffff, 0xffffffff };
	struct place p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		format32();
		p = root();
		entry(&p, "A          ", 0, bad[i], 10);
		read_volume();
		expect_one_skipped("/A: begins outside the volume");
		format32();
		p = root();
		entry(&p, "D          ", DIR, bad[i], 10);
		read_volume();
		expect_one_skipped("/D: begins outside the volume");
	}
}

static void the_last_cluster_of_the_volume_is_in_use(void **state)
{
	struct place p;

	format16();
	p = root();
	entry(&p, "LAST       ", 0, 4086, 512);
	link_cluster(4086, END16);
	memset(vol.bytes + cluster_at(4086), 'z', 512);
	read_volume();
	expect_clean(1, 0);
	assert_ptr_equal(find("/LAST")->data, vol.bytes + vol.size - 512);
}

static void a_file_larger_than_its_chain_is_skipped(void **state)
{
	struct place p;

	format16();
	p = root();
	entry(&p, "A          ", 0, chain(2), 1025);
	entry(&p, "B          ", 0, chain(2), 1024);
	read_volume();
	expect_one_skipped("/A: its cluster chain is too short");
	assert_int_equal(find("/B")->len, 1024);
}

static void a_file_larger_than_the_volume_is_skipped(void **state)
{
	struct place p;

	format16();
	p = root();
	entry(&p, "A          ", 0, chain(2), UINT32_MAX);
	read_volume();
	expect_one_skipped("/A: more clusters than the volume has left");
}

static void a_file_whose_chain_loops_ends(void **state)
{
	struct place p;

	format16();
	p = root();
	entry(&p, "A          ", 0, 2, 4085 * 512);
	entry(&p, "B          ", 0, 2, 4085 * 512);
	link_cluster(2, 3);
	link_cluster(3, 2);
	read_volume();
	/* The first uses every cluster's worth; none is left for the second. */
	expect_one_skipped("/B: more clusters than the volume has left");
}

static void a_folder_whose_chain_loops_is_skipped(void **state)
{
	struct place p;

	for (int fat32 = 0; fat32 < 2; fat32++) {
		format(fat32, 4100, 512, 1);
		p = root();
		struct place d = folder(&p, "D          ", 2);

		file(&d, "A          ", "x");
		file(&p, "GOOD       ", "x");
		link_cluster(fat32 ? 4 : 3, fat32 ? 3 : 2);
		read_volume();
		expect_one_skipped("/D: its cluster chain does not end");
		expect_file("/GOOD", "x");
	}
}

static void a_folder_that_contains_itself_is_read_once(void **state)
{
	struct place p;

	format32();
	p = root();
	struct place d = folder(&p, "D          ", 1);

	entry(&d, "SELF       ", DIR, 3, 0);
	struct place e = folder(&d, "E          ", 1);

	entry(&e, "UP         ", DIR, 3, 0);
	entry(&e, "ROOT       ", DIR, 2, 0);
	read_volume();
	assert_int_equal(got.result.skipped, 3);
	assert_int_equal(got.result.dirs, 2);
	assert_string_equal(
	    got.result.first_skipped, "/D/SELF: a folder that contains itself");
}

static void folders_shared_in_every_level_end_by_the_budget(void **state)
{
	struct fat_volume v;
	char name[12];
	struct place p;

	/* Every level holds 14 names for the same next one: 14 to the 16th
	 * paths, if nothing stopped it. */
	format32();
	p = root();
	for (int level = 0; level < 16; level++) {
		uint32_t next = chain(1);

		for (int i = 0; i < 14; i++) {
			snprintf(name, sizeof(name), "D%-10d", i);
			entry(&p, name, DIR, next, 0);
		}
		p = (struct place){ cluster_at(next) };
	}
	v = (struct fat_volume){ .extent = { { vol.bytes, vol.size } },
		.extent_count = 1 };
	read_extents(&v, 1000);
	assert_int_equal(got.rc, 0);
	assert_true(got.result.dirs < 400);
	assert_true(got.result.skipped > 0);
}

/* Each name claims the same long chain, whose end is missing. */
static void broken_chains_are_not_followed_for_ever(void **state)
{
	struct place p;
	uint32_t first, good;
	char name[12];

	format(false, 60000, 512, 1);
	p = root();
	good = chain(2);
	first = chain(59000);
	link_cluster(first + 58000, 1);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "F%-10d", i);
		entry(&p, name, 0x20, first, 59000 * 512);
	}
	entry(&p, "ONE        ", 0x20, good, 512);
	entry(&p, "TWO        ", 0x20, good, 1024);
	read_volume();
	assert_int_equal(got.rc, 0);
	assert_string_equal(
	    got.result.first_skipped, "/F0: its cluster chain is broken");
	find("/ONE");
	/* What is checked after so many is not believed. */
	assert_null(filetable_find(&got.table, "/TWO"));
	assert_int_equal(got.result.skipped, 501);
}

static void the_table_and_the_arena_may_run_out(void **state)
{
	struct fat_volume v = { .extent_count = 1 };
	struct place p;

	format16();
	p = root();
	folder(&p, "D          ", 1);
	file(&p, "A          ", "x");
	file(&p, "B          ", "x");
	v.extent[0] = (struct fat_extent){ vol.bytes, vol.size };
	read_extents(&v, 2);
	expect_one_skipped("/B: no room for more files");
	assert_int_equal(got.table.count, 2);

	/* A fragmented file that does not fit; names still do. */
	format(false, 60000, 512, 1);
	p = root();
	uint32_t first = chain(16385);

	entry(&p, "BIG        ", 0, first, 16384 * 512);
	link_cluster(first, first + 2);
	file(&p, "SMALL      ", "x");
	read_volume();
	expect_one_skipped("/BIG: no memory left to join its pieces");
	expect_file("/SMALL", "x");
}

/* --- boot sectors -------------------------------------------------------- */

static void the_number_of_clusters_decides_fat12_or_fat16(void **state)
{
	format(false, 4084, 512, 1);
	expect_refused(-EINVAL, "this is FAT12; make the volume larger");
	format(false, 4085, 512, 1);
	read_volume();
	expect_clean(0, 0);
	format(false, 65524, 512, 1);
	read_volume();
	expect_clean(0, 0);
	format(false, 65525, 512, 1);
	expect_refused(-EINVAL, "too many clusters for FAT16");
}

static void fat32_is_read_with_few_and_with_many_clusters(void **state)
{
	static const uint32_t counts[] = { 1, 4084, 65524, 65525, 70000 };

	for (size_t i = 0; i < 5; i++) {
		format(true, counts[i], 512, 1);
		read_volume();
		expect_clean(0, 0);
	}
}

static void high_cluster_numbers_of_fat32_are_followed(void **state)
{
	struct place p;

	format(true, 70000, 512, 1);
	p = root();
	entry(&p, "A          ", 0, 66000, 1024);
	/* The upper four bits of an entry mean nothing. */
	link_cluster(66000, 0xf0000000 | 69999);
	link_cluster(69999, 0xfffffff8);
	memset(vol.bytes + cluster_at(66000), 'a', 512);
	memset(vol.bytes + cluster_at(69999), 'b', 512);
	read_volume();
	expect_clean(1, 0);
	assert_int_equal(find("/A")->data[511], 'a');
	assert_int_equal(find("/A")->data[512], 'b');
}

static void other_file_systems_are_named(void **state)
{
	format16();
	memcpy(vol.bytes + 3, "EXFAT   ", 8);
	expect_refused(-EINVAL, "this is exFAT; format the stick as FAT32");
	memcpy(vol.bytes + 3, "NTFS    ", 8);
	expect_refused(-EINVAL, "this is NTFS; format the stick as FAT32");
}

static void impossible_boot_sectors_are_refused(void **state)
{
	static const struct {
		uint8_t at, width;
		uint32_t value;
		const char *error;
	} bad[] = {
		{ 11, 2, 0, "impossible sector size" },
		{ 11, 2, 256, "impossible sector size" },
		{ 11, 2, 513, "impossible sector size" },
		{ 11, 2, 8192, "impossible sector size" },
		{ 13, 1, 0, "impossible cluster size" },
		{ 13, 1, 3, "impossible cluster size" },
		{ 14, 2, 0, "no allocation table" },
		{ 16, 1, 0, "no allocation table" },
		{ 14, 2, 0xffff, "the tables are larger than the volume" },
		{ 16, 1, 0xff, "this is FAT12; make the volume larger" },
		{ 17, 2, 0xffff, "this is FAT12; make the volume larger" },
		{ 22, 2, 0xffff, "the tables are larger than the volume" },
		{ 22, 2, 1, "the allocation table is too small" },
		{ 13, 1, 128, "this is FAT12; make the volume larger" },
		{ 22, 2, 0, "neither FAT16 nor FAT32" },
		{ 19, 2, 40, "the tables are larger than the volume" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		format16();
		if (bad[i].width == 1)
			vol.bytes[bad[i].at] = (uint8_t)bad[i].value;
		else
			put16(bad[i].at, bad[i].value);
		expect_refused(-EINVAL, bad[i].error);
	}
	format16();
	put16(510, 0);
	expect_refused(-EINVAL, "no boot sector signature");
}

static void impossible_fat32_boot_sectors_are_refused(void **state)
{
	static const struct {
		uint8_t at;
		uint32_t value;
		const char *error;
	} bad[] = {
		{ 42, 1, "unknown FAT32 version" },
		{ 17, 512, "neither FAT16 nor FAT32" },
		{ 40, 0x82, "the active allocation table is missing" },
		{ 36, 0, "the allocation table is too small" },
		{ 36, 1, "the allocation table is too small" },
		{ 36, 0xffff, "the tables are larger than the volume" },
		{ 38, 0xffff, "the tables are larger than the volume" },
		{ 44, 0, "the root folder's cluster chain is broken" },
		{ 44, 402, "the root folder's cluster chain is broken" },
		{ 46, 0xffff, "the root folder's cluster chain is broken" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		format32();
		put16(bad[i].at, bad[i].value);
		expect_refused(-EINVAL, bad[i].error);
	}
	format(true, 0, 512, 1);
	expect_refused(-EINVAL, "the root folder's cluster chain is broken");
	format32();
	link_cluster(2, 2);
	expect_refused(-EINVAL, "the root folder's cluster chain is broken");
}

static void the_second_table_is_used_when_it_is_the_active_one(void **state)
{
	uint32_t fat_bytes;
	struct place p;

	format32();
	p = root();
	file(&p, "A          ", long_text(2000));
	fat_bytes = 512 * 4; /* 402 entries of 4 bytes in sectors */
	memcpy(vol.bytes + vol.fat_at + fat_bytes, vol.bytes + vol.fat_at,
	    fat_bytes);
	memset(vol.bytes + vol.fat_at, 0, fat_bytes);
	put16(40, 0x81);
	read_volume();
	expect_clean(1, 0);
	expect_file("/A", long_text(2000));
}

static void a_volume_that_was_loaded_in_part_is_refused(void **state)
{
	struct fat_volume v = { .extent_count = 1 };

	format16();
	v.extent[0] = (struct fat_extent){ vol.bytes, vol.size - 1 };
	read_extents(&v, 16);
	assert_int_equal(got.rc, -EFBIG);
	assert_string_equal(
	    got.result.error, "larger than what was loaded of it");
	for (size_t size = 0; size < 512; size += 73) {
		v.extent[0].len = size;
		read_extents(&v, 16);
		assert_int_equal(got.rc, -EINVAL);
		assert_string_equal(
		    got.result.error, "shorter than a boot sector");
	}
	v.extent_count = 0;
	read_extents(&v, 16);
	assert_int_equal(got.rc, -EINVAL);
}

static void a_volume_may_lie_in_larger_memory(void **state)
{
	struct place p;

	format16();
	p = root();
	file(&p, "A          ", "x");
	put32(32, vol.size / 512 - 3);
	put16(19, 0);
	/* Three clusters less make it FAT12. */
	expect_refused(-EINVAL, "this is FAT12; make the volume larger");
	format(false, 5000, 512, 1);
	p = root();
	file(&p, "A          ", "x");
	put16(19, vol.size / 512 - 3);
	read_volume();
	expect_clean(1, 0);
}

/* --- extents ------------------------------------------------------------- */

static void a_volume_in_pieces_reads_like_a_whole_one(void **state)
{
	struct place p;

	format16();
	p = root();
	file(&p, "A       TXT", long_text(5000));
	struct place d = folder(&p, "D          ", 1);

	file(&d, "B       TXT", "b");
	/* Cuts inside the boot sector, a table's entry, an entry of the root,
	 * and the two files. */
	const size_t cuts[] = { 13, vol.fat_at + 7, vol.root_at + 40,
		cluster_at(2) + 1000, cluster_at(13) };

	read_cut(cuts, 5);
	expect_clean(2, 1);
	expect_file("/A.TXT", long_text(5000));
	expect_file("/D/B.TXT", "b");
}

static void only_files_that_cross_pieces_are_copied(void **state)
{
	struct place p;
	size_t cut, used;

	format16();
	p = root();
	file(&p, "A       TXT", long_text(5000));
	cut = cluster_at(2) + 5000;
	read_cut(&cut, 1);
	used = got.arena.used;
	expect_file("/A.TXT", long_text(5000));
	cut--;
	read_cut(&cut, 1);
	expect_file("/A.TXT", long_text(5000));
	assert_true(got.arena.used >= used + 5000);
}

static void an_empty_piece_changes_nothing(void **state)
{
	struct fat_volume v;
	struct place p;

	format16();
	p = root();
	file(&p, "A       TXT", "x");
	v = (struct fat_volume){ .extent = { { NULL, 0 }, { vol.bytes, 512 },
		                     { NULL, 0 },
		                     { vol.bytes + 512, vol.size - 512 } },
		.extent_count = 4 };
	read_extents(&v, 16);
	expect_clean(1, 0);
	expect_file("/A.TXT", "x");
}

/* --- somebody else's volumes --------------------------------------------- */

static bool run(const char *format_string, const char *folder_name)
{
	char command[600];

	snprintf(command, sizeof(command), format_string, folder_name,
	    folder_name, folder_name, folder_name);
	return system(command) == 0;
}

static void load(const char *folder_name)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/i", folder_name);
	f = fopen(path, "rb");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	vol.size = (size_t)ftell(f);
	rewind(f);
	free(vol.bytes);
	vol.bytes = malloc(vol.size);
	assert_int_equal(fread(vol.bytes, 1, vol.size, f), vol.size);
	fclose(f);
}

static void volumes_of_mtools_are_read(void **state)
{
	char folder_name[] = "/tmp/ringlet-fat-XXXXXX";
	bool done = true;

	if (system("command -v mformat >/dev/null") != 0)
		skip();
	assert_non_null(mkdtemp(folder_name));
	for (int fat32 = 0; fat32 < 2 && done; fat32++) {
		done =
		    run("cd %s && rm -rf i t && mkdir -p t/www/sub && "
		        "printf '<html>' >t/www/index.html && "
		        "printf x >'t/www/sub/A long name, \303\274.txt' && "
		        "head -c 99999 /dev/zero >t/www/sub/big && "
		        "printf 'a=b' >t/config.txt",
		        folder_name) &&
		    run(fat32 ? "mformat -i %s/i -C -F -T 150000 -v RINGLET ::"
		              : "mformat -i %s/i -C -T 32768 -v RINGLET ::",
		        folder_name) &&
		    run("LC_ALL=C.UTF-8 mcopy -i %s/i -s %s/t/* ::",
		        folder_name);
		if (!done)
			break;
		load(folder_name);
		read_volume();
		expect_clean(4, 2);
		expect_file("/config.txt", "a=b");
		expect_file("/www/index.html", "<html>");
		expect_file("/www/sub/A long name, \303\274.txt", "x");
		assert_int_equal(find("/www/sub/big")->len, 99999);
		assert_true(find("/www/sub/big")->mtime_s > 1700000000);
	}
	run("rm -rf %s", folder_name);
	assert_true(done);
}

static int clean_up(void **state)
{
	free(vol.bytes);
	free(got.arena.base);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		TEST(a_fat16_volume_is_read),
		TEST(a_fat32_volume_is_read),
		TEST(sectors_of_4_kib_are_read),
		TEST(a_contiguous_file_is_referred_to_in_place),
		TEST(a_fragmented_file_is_joined),
		TEST(an_empty_file_has_no_bytes),
		TEST(a_folder_of_several_clusters_is_read_to_its_end),
		TEST(every_mark_of_a_chains_end_ends_it),
		TEST(thousands_of_files_are_read),
		TEST(the_time_of_a_file_is_converted),
		TEST(the_case_flags_make_short_names_small),
		TEST(a_long_name_replaces_the_short_one),
		TEST(a_long_name_of_255_units_is_read),
		TEST(a_long_name_becomes_utf8),
		TEST(a_long_name_with_a_wrong_checksum_is_ignored),
		TEST(broken_rows_of_long_entries_are_ignored),
		TEST(pieces_behind_a_whole_long_name_end_it),
		TEST(a_long_name_must_stand_right_before_its_entry),
		TEST(an_empty_long_name_is_ignored),
		TEST(a_full_fat16_root_ends_with_its_table),
		TEST(fat16_has_no_upper_half_of_a_cluster_number),
		TEST(a_long_name_before_a_folder_ends_stays_there),
		TEST(entries_that_are_no_files_are_left_out),
		TEST(short_names_are_in_code_page_850),
		TEST(names_that_would_confuse_paths_are_skipped),
		TEST(a_second_entry_of_one_name_is_skipped),
		TEST(folders_are_read_to_the_stated_depth),
		TEST(a_path_that_is_too_long_is_skipped),
		TEST(a_chain_that_leaves_the_volume_is_skipped),
		TEST(a_file_that_begins_outside_is_skipped),
		TEST(the_last_cluster_of_the_volume_is_in_use),
		TEST(a_file_larger_than_its_chain_is_skipped),
		TEST(a_file_larger_than_the_volume_is_skipped),
		TEST(a_file_whose_chain_loops_ends),
		TEST(a_folder_whose_chain_loops_is_skipped),
		TEST(a_folder_that_contains_itself_is_read_once),
		TEST(folders_shared_in_every_level_end_by_the_budget),
		TEST(broken_chains_are_not_followed_for_ever),
		TEST(the_table_and_the_arena_may_run_out),
		TEST(the_number_of_clusters_decides_fat12_or_fat16),
		TEST(fat32_is_read_with_few_and_with_many_clusters),
		TEST(high_cluster_numbers_of_fat32_are_followed),
		TEST(other_file_systems_are_named),
		TEST(impossible_boot_sectors_are_refused),
		TEST(impossible_fat32_boot_sectors_are_refused),
		TEST(the_second_table_is_used_when_it_is_the_active_one),
		TEST(a_volume_that_was_loaded_in_part_is_refused),
		TEST(a_volume_may_lie_in_larger_memory),
		TEST(a_volume_in_pieces_reads_like_a_whole_one),
		TEST(only_files_that_cross_pieces_are_copied),
		TEST(an_empty_piece_changes_nothing),
		TEST(volumes_of_mtools_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, clean_up);
}

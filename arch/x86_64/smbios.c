/* SPDX-License-Identifier: MIT */
/*
 * DMTF DSP0134 (SMBIOS 3.6): 5.2 entry points, 6.1 structures and their
 * strings, 7.1 to 7.3 the three that are read.
 */
#include "arch/x86_64/smbios.h"

#include <stddef.h>

#include "lib/bytes.h"
#include "lib/string.h"

#define BIOS_START   0xf0000ull
#define BIOS_BYTES   0x10000ull
#define ANCHOR_ALIGN 16u
#define ENTRY_2_MIN  0x1fu /* "_SM_" */
#define ENTRY_3_MIN  0x18u /* "_SM3_" */
#define ENTRY_MAX    0x40u
#define TABLE_MAX    0x100000u
#define HEADER_BYTES 4u

struct table {
	const uint8_t *data;
	uint32_t len, at;
};

/* One structure: its formatted area, and the strings behind it with a zero
 * after each. */
struct entry {
	const uint8_t *data, *strings;
	uint32_t len, strings_len;
};

/* Where a string of a structure goes. */
struct field {
	uint8_t type, offset; /* of the byte that numbers the string */
	uint16_t to;
};

#define TO(member) offsetof(struct smbios_facts, member)

static const struct field fields[] = {
	{ 0, 4, TO(firmware_vendor) },
	{ 0, 5, TO(firmware_version) },
	{ 0, 8, TO(firmware_date) },
	{ 1, 4, TO(maker) },
	{ 1, 5, TO(model) },
	{ 2, 4, TO(board_maker) },
	{ 2, 5, TO(board) },
};

/* What boards say whose maker left the sample strings of its firmware. */
static const char *const fillers[] = { "To Be Filled By O.E.M.",
	"Default string", "System manufacturer", "System Product Name",
	"System Version", "Base Board Manufacturer", "Base Board Product Name",
	"Not Specified", "Not Applicable", "Unknown", "None", "N/A", "OEM",
	"O.E.M." };

/* --- Strings ------------------------------------------------------------- */

/* One blank for any run of blanks and of what cannot be shown. */
static void clean(char *out, const uint8_t *s, uint32_t len)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < len && n + 1 < SMBIOS_TEXT_BYTES; i++) {
		bool shown = s[i] > ' ' && s[i] <= '~' && s[i] != '|';

		if (shown)
			out[n++] = (char)s[i];
		else if (n > 0 && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	for (size_t i = 0; i < sizeof(fillers) / sizeof(fillers[0]); i++)
		if (str_equal_nocase(out, fillers[i]))
			out[0] = '\0';
}

/* Strings are numbered from 1; 0 is none. */
static void take_string(char *out, const struct entry *e, uint8_t number)
{
	const uint8_t *s = e->strings, *end = s + e->strings_len;

	for (; number > 0 && s < end; number--) {
		const uint8_t *zero = memchr(s, 0, (size_t)(end - s));

		if (number == 1)
			clean(out, s, (uint32_t)((zero ? zero : end) - s));
		s = zero ? zero + 1 : end;
	}
}

static void take_fields(struct smbios_facts *out, const struct entry *e)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *f = &fields[i];
		char *to = (char *)out + f->to;

		/* The first structure of a type is the main board's. */
		if (f->type == e->data[0] && f->offset < e->len && !to[0])
			take_string(to, e, e->data[f->offset]);
	}
}

/* --- Structures ---------------------------------------------------------- */

/* A structure ends with two zeros, which also end its last string. */
static bool next_entry(struct table *t, struct entry *e)
{
	const uint8_t *p = t->data + t->at;
	uint32_t left = t->len - t->at, end;

	if (left < HEADER_BYTES || p[1] < HEADER_BYTES || p[1] > left)
		return false;
	for (end = p[1]; end + 1 < left && (p[end] || p[end + 1]); end++)
		;
	if (end + 1 >= left)
		return false;
	*e = (struct entry){ p, p + p[1], p[1], end - p[1] };
	t->at += end + 2;
	return true;
}

static bool read_table(struct smbios_facts *out, struct table *t)
{
	struct entry e;

	while (next_entry(t, &e)) {
		out->found = true;
		take_fields(out, &e);
	}
	return out->found;
}

/* --- Entry points -------------------------------------------------------- */

static bool is_sound(const uint8_t *p, uint8_t len, uint8_t min, uint64_t left)
{
	uint8_t sum = 0;

	if (len < min || len > ENTRY_MAX || len > left)
		return false;
	for (uint32_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
	return sum == 0;
}

/* What the entry point at p, of which left bytes can be read, leads to. */
static bool open_entry(const uint8_t *p, uint64_t left, struct table *t,
    smbios_view *view, void *ctx)
{
	uint64_t address;

	if (left >= ENTRY_2_MIN && memcmp(p, "_SM_", 4) == 0 &&
	    is_sound(p, p[5], ENTRY_2_MIN, left)) {
		t->len = le16_at(p + 0x16);
		address = le32_at(p + 0x18);
	} else if (left >= ENTRY_3_MIN && memcmp(p, "_SM3_", 5) == 0 &&
	           is_sound(p, p[6], ENTRY_3_MIN, left)) {
		t->len = le32_at(p + 0x0c);
		address = le32_at(p + 0x10) | (uint64_t)le32_at(p + 0x14) << 32;
	} else {
		return false;
	}
	if (t->len > TABLE_MAX)
		t->len = TABLE_MAX;
	t->at = 0;
	t->data = t->len > 0 ? view(address, t->len, ctx) : NULL;
	return t->data != NULL;
}

void smbios_read(
    struct smbios_facts *out, uint64_t entry, smbios_view *view, void *ctx)
{
	const uint8_t *p = entry ? view(entry, ENTRY_MAX, ctx) : NULL;
	struct table t;

	memset(out, 0, sizeof(*out));
	if (p && open_entry(p, ENTRY_MAX, &t, view, ctx) && read_table(out, &t))
		return;
	p = view(BIOS_START, BIOS_BYTES, ctx);
	for (uint64_t at = 0; p && at < BIOS_BYTES; at += ANCHOR_ALIGN)
		if (open_entry(p + at, BIOS_BYTES - at, &t, view, ctx) &&
		    read_table(out, &t))
			return;
}

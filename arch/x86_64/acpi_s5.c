/* SPDX-License-Identifier: MIT */
/*
 * How a machine is told to switch off stands in its AML as a constant:
 *
 *	Name (\_S5, Package () { type for PM1a, type for PM1b, ... })
 *
 * Its encoding (ACPI 6.4, 20.2) is found by looking for the bytes, without an
 * interpreter.  Nothing here believes a length that was not compared with what
 * is left.
 */
#include "arch/x86_64/acpi.h"

#include "lib/string.h"

#define OP_NAME     0x08
#define OP_PACKAGE  0x12
#define PREFIX_ROOT '\\'
#define NAME_BYTES  4u
#define TYPE_MAX    7u /* SLP_TYP has three bits */

struct aml {
	const uint8_t *at;
	uint32_t left;
};

/* Integer constants: ACPI 6.4, 20.2.3. */
static const struct {
	uint8_t op, bytes, value;
} integers[] = {
	{ 0x00, 0, 0 }, /* ZeroOp */
	{ 0x01, 0, 1 }, /* OneOp */
	{ 0x0a, 1, 0 }, /* BytePrefix */
	{ 0x0b, 2, 0 }, /* WordPrefix */
	{ 0x0c, 4, 0 }, /* DWordPrefix */
	{ 0x0e, 8, 0 }, /* QWordPrefix */
};

static bool take_byte(struct aml *a, uint8_t *v)
{
	if (a->left == 0)
		return false;
	*v = *a->at++;
	a->left--;
	return true;
}

static bool take_value(struct aml *a, unsigned bytes, uint64_t *v)
{
	uint8_t b;

	for (unsigned i = 0; i < bytes; i++) {
		if (!take_byte(a, &b))
			return false;
		*v |= (uint64_t)b << 8 * i;
	}
	return true;
}

static bool take_integer(struct aml *a, uint64_t *v)
{
	uint8_t op;

	if (!take_byte(a, &op))
		return false;
	for (unsigned i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
		if (integers[i].op != op)
			continue;
		*v = integers[i].value;
		return take_value(a, integers[i].bytes, v);
	}
	return false;
}

/* PkgLength, ACPI 6.4, 20.2.4, which counts itself.  Leaves in a what lies
 * inside the package. */
static bool enter_package(struct aml *a)
{
	uint32_t before = a->left, used;
	uint8_t lead;
	uint64_t more = 0, len;

	if (!take_byte(a, &lead) || !take_value(a, lead >> 6, &more))
		return false;
	len = lead >> 6 ? (lead & 0x0f) | more << 4 : lead & 0x3f;
	used = before - a->left;
	if (len < used || len > before)
		return false;
	a->left = (uint32_t)len - used;
	return true;
}

/* A package of one element holds both types, the second in its upper byte. */
static bool read_types(struct aml a, uint8_t type[2])
{
	uint64_t first, second;
	uint8_t op, count;

	if (!take_byte(&a, &op) || op != OP_PACKAGE || !enter_package(&a) ||
	    !take_byte(&a, &count) || count == 0 || !take_integer(&a, &first))
		return false;
	second = first >> 8;
	if (count == 1)
		first &= 0xff;
	else if (!take_integer(&a, &second))
		return false;
	if (first > TYPE_MAX || second > TYPE_MAX)
		return false;
	type[0] = (uint8_t)first;
	type[1] = (uint8_t)second;
	return true;
}

/* Whether the name at this place is being defined, and not just used. */
static bool is_defined(const uint8_t *aml, uint32_t at)
{
	if (at >= 2 && aml[at - 1] == PREFIX_ROOT)
		at--;
	return at >= 1 && aml[at - 1] == OP_NAME;
}

bool acpi_find_s5(const uint8_t *aml, uint32_t len, uint8_t type[2])
{
	for (uint32_t at = 0; at + NAME_BYTES <= len; at++) {
		struct aml rest = { aml + at + NAME_BYTES,
			len - at - NAME_BYTES };

		if (memcmp(aml + at, "_S5_", NAME_BYTES) == 0 &&
		    is_defined(aml, at) && read_types(rest, type))
			return true;
	}
	return false;
}

/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the memory that a BIOS leaves, from f0000 on.  Checksums of
 * entry points are made right, since they would keep the fuzzer out.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/smbios.h"

#define BASE     0xf0000u
#define BYTES    0x10000u
#define USED     0x4000u
#define LENT_MAX 2048u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[BYTES];
static void *lent[LENT_MAX];
static unsigned lent_count;

/* Copies of exactly the size asked for, so that reading behind is noticed. */
static const void *view(uint64_t address, uint64_t len, void *ctx)
{
	void *p;

	if (address < BASE || address >= BASE + BYTES ||
	    len > BASE + BYTES - address || lent_count == LENT_MAX)
		return NULL;
	p = malloc(len);
	memcpy(p, memory + (address - BASE), len);
	lent[lent_count++] = p;
	return p;
}

static void seal(uint8_t *p, uint32_t len, uint32_t at)
{
	uint8_t sum = 0;

	p[at] = 0;
	for (uint32_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
	p[at] = (uint8_t)-sum;
}

static void seal_all(void)
{
	for (uint32_t at = 0; at < USED; at += 16) {
		uint8_t *p = memory + at;

		if (memcmp(p, "_SM_", 4) == 0 && p[5] > 4)
			seal(p, p[5], 4);
		else if (memcmp(p, "_SM3_", 5) == 0 && p[6] > 5)
			seal(p, p[6], 5);
	}
}

static void check(const char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~' || *s == '|')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smbios_facts f;

	if (size > USED)
		return 0;
	memset(memory, 0, USED);
	memcpy(memory, data, size);
	seal_all();
	smbios_read(&f, size % 2 ? BASE : 0, view, NULL);
	check(f.firmware_vendor);
	check(f.firmware_date);
	check(f.maker);
	check(f.board);
	while (lent_count > 0)
		free(lent[--lent_count]);
	return 0;
}

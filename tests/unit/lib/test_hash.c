/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/hash.h"

/* The key and text of the paper's appendix A: bytes 00 01 02 ... */
static uint64_t of_prefix(size_t len)
{
	struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	uint8_t text[80];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	return hash_bytes(key, text, len);
}

static void siphash_gives_the_published_values(void **state)
{
	/* The first lines of the reference implementation's vectors, and the
	 * worked example of the paper (15 bytes). */
	assert_true(of_prefix(0) == 0x726fdb47dd0e0e31);
	assert_true(of_prefix(1) == 0x74f839c593dc67fd);
	assert_true(of_prefix(8) == 0x93f5f5799a932462);
	assert_true(of_prefix(15) == 0xa129ca6149be45e5);
}

static void siphash_does_not_care_for_alignment(void **state)
{
	struct hash_key key = { 1, 2 };
	uint8_t buf[64];
	uint64_t first = 0;

	for (size_t at = 0; at < 16; at++) {
		memset(buf, 0, sizeof(buf));
		memset(buf + at, 'x', 37);
		uint64_t h = hash_bytes(key, buf + at, 37);

		if (at == 0)
			first = h;
		assert_true(h == first);
	}
}

static void siphash_depends_on_key_length_and_each_byte(void **state)
{
	struct hash_key key = { 1, 2 }, other = { 1, 3 };
	uint8_t text[20] = { 0 };
	uint64_t h = hash_bytes(key, text, 20);

	assert_true(hash_bytes(other, text, 20) != h);
	assert_true(hash_bytes(key, text, 19) != h);
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = 1;
		assert_true(hash_bytes(key, text, 20) != h);
		text[i] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_gives_the_published_values),
		cmocka_unit_test(siphash_does_not_care_for_alignment),
		cmocka_unit_test(siphash_depends_on_key_length_and_each_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/random.c" /* NOLINT: the block function is private */

static void the_block_function_gives_rfc_8439s_values(void **state)
{
	/* RFC 8439 2.3.2: key 00..1f, counter 1, nonce
	 * 00:00:00:09:00:00:00:4a:00:00:00:00. */
	static const uint32_t tweak[4] = { 1, 0x09000000, 0x4a000000, 0 };
	static const uint32_t expected[16] = { 0xe4e7f110, 0x15593bd1,
		0x1fdd0f50, 0xc47120a3, 0xc7f4d1c7, 0x0368c033, 0x9aaa2204,
		0x4e6cd4c3, 0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
		0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2 };
	uint32_t key[8], out[16];

	for (uint32_t i = 0; i < 8; i++)
		key[i] = 0x03020100 + i * 0x04040404;
	chacha_block(key, tweak, out);
	assert_memory_equal(out, expected, sizeof(out));
}

static void one_seed_gives_one_sequence(void **state)
{
	struct random a = { 0 }, b = { 0 };

	random_add(&a, "seed", 4, 0);
	random_add(&b, "seed", 4, 0);
	for (int i = 0; i < 10; i++)
		assert_true(random_u64(&a) == random_u64(&b));
}

static void another_seed_gives_another_sequence(void **state)
{
	struct random a = { 0 }, b = { 0 }, c = { 0 };

	random_add(&a, "seed", 4, 0);
	random_add(&b, "seec", 4, 0);
	random_add(&c, "seed\0", 5, 0);
	uint64_t x = random_u64(&a);

	assert_true(x != random_u64(&b));
	assert_true(x != random_u64(&c));
}

static void every_byte_of_a_long_seed_counts(void **state)
{
	uint8_t seed[100] = { 0 };
	struct random plain = { 0 };

	random_add(&plain, seed, sizeof(seed), 0);
	uint64_t x = random_u64(&plain);

	for (size_t i = 0; i < sizeof(seed); i++) {
		struct random r = { 0 };

		seed[i] = 1;
		random_add(&r, seed, sizeof(seed), 0);
		seed[i] = 0;
		assert_true(random_u64(&r) != x);
	}
}

static void adding_the_same_twice_does_not_cancel(void **state)
{
	struct random r = { 0 }, fresh = { 0 };

	random_add(&r, "abcd", 4, 0);
	random_add(&r, "abcd", 4, 0);
	assert_memory_not_equal(r.key, fresh.key, sizeof(r.key));
	random_add(&fresh, "", 0, 0);
	assert_memory_not_equal(r.key, fresh.key, sizeof(r.key));
}

static void the_key_is_replaced_and_not_given_out(void **state)
{
	struct random r = { 0 };
	uint32_t before[8], out[64];

	random_add(&r, "x", 1, 0);
	memcpy(before, r.key, sizeof(before));
	random_bytes(&r, out, sizeof(out));
	assert_memory_not_equal(before, r.key, sizeof(before));
	for (int i = 0; i <= 56; i++)
		assert_memory_not_equal(out + i, r.key, sizeof(r.key));
}

static void every_length_is_filled_and_not_exceeded(void **state)
{
	struct random r = { 0 };
	uint8_t buf[220];

	for (size_t len = 0; len < 200; len++) {
		memset(buf, 0, sizeof(buf));
		random_bytes(&r, buf, len);
		for (size_t i = len; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 0);
		/* Eight zero bytes in a row do not happen by chance. */
		for (size_t i = 0; i + 8 <= len; i++)
			assert_memory_not_equal(buf + i, buf + 210, 8);
	}
}

static void entropy_is_strong_from_128_bits_on(void **state)
{
	struct random r = { 0 };

	random_add(&r, "x", 1, 127);
	assert_false(random_strong(&r));
	random_add(&r, "x", 1, 1);
	assert_true(random_strong(&r));
	random_add(&r, "x", 1, UINT32_MAX);
	assert_true(random_strong(&r));
}

static void below_reaches_every_value_and_stays_below(void **state)
{
	struct random r = { 0 };
	uint32_t counts[7] = { 0 };

	for (int i = 0; i < 7000; i++) {
		uint32_t v = random_below(&r, 7);

		assert_true(v < 7);
		counts[v]++;
	}
	/* A fixed seed: the bounds are 6 standard deviations wide. */
	for (int i = 0; i < 7; i++)
		assert_in_range(counts[i], 820, 1180);
	assert_int_equal(random_below(&r, 1), 0);
	assert_true(random_below(&r, UINT32_MAX) < UINT32_MAX);
}

static void bits_are_balanced(void **state)
{
	struct random r = { 0 };
	uint32_t ones[32] = { 0 };

	for (int i = 0; i < 4000; i++) {
		uint32_t v = random_u32(&r);

		for (int bit = 0; bit < 32; bit++)
			ones[bit] += v >> bit & 1;
	}
	for (int bit = 0; bit < 32; bit++)
		assert_in_range(ones[bit], 1810, 2190);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_block_function_gives_rfc_8439s_values),
		cmocka_unit_test(one_seed_gives_one_sequence),
		cmocka_unit_test(another_seed_gives_another_sequence),
		cmocka_unit_test(every_byte_of_a_long_seed_counts),
		cmocka_unit_test(adding_the_same_twice_does_not_cancel),
		cmocka_unit_test(the_key_is_replaced_and_not_given_out),
		cmocka_unit_test(every_length_is_filled_and_not_exceeded),
		cmocka_unit_test(entropy_is_strong_from_128_bits_on),
		cmocka_unit_test(below_reaches_every_value_and_stays_below),
		cmocka_unit_test(bits_are_balanced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

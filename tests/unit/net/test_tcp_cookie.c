/* SPDX-License-Identifier: MIT */
/* SYN cookies alone: what they say, to whom, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/random.h"
#include "net/tcp_cookie.h"
#include "net/tcp_internal.h"

static const struct tcp_tuple tuple = { { 0x0a000001, 80 },
	{ 0x0a000002, 4000 } };

static const struct tcp_cookie_key key = { { 1, 2 }, &tuple, 123456789 };

#define NOW (1000 * TCP_COOKIE_PERIOD_NS)

/* Never more than the peer takes; what is common is kept as it is. */
static void mss_is_kept_or_rounded_down(void **state)
{
	static const uint16_t kept[] = { 64, 536, 1200, 1300, 1360, 1400, 1440,
		1460 };

	for (uint32_t mss = 1; mss <= 65535; mss++) {
		uint32_t c = tcp_cookie_make(&key, (uint16_t)mss, NOW);
		uint16_t got = tcp_cookie_check(&key, c, NOW);

		assert_true(got != 0);
		assert_true(got <= mss || got == TCP_MSS_MIN);
	}
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		assert_int_equal(tcp_cookie_check(&key,
		                     tcp_cookie_make(&key, kept[i], NOW), NOW),
		    kept[i]);
}

static void nobody_else_can_use_it(void **state)
{
	uint32_t c = tcp_cookie_make(&key, 1460, NOW);
	struct tcp_tuple t = tuple;
	struct tcp_cookie_key k = key;

	k.t = &t;
	assert_int_equal(tcp_cookie_check(&k, c, NOW), 1460);
	t.peer.ip++;
	assert_int_equal(tcp_cookie_check(&k, c, NOW), 0);
	t = tuple;
	t.peer.port++;
	assert_int_equal(tcp_cookie_check(&k, c, NOW), 0);
	t = tuple;
	t.local.ip++;
	assert_int_equal(tcp_cookie_check(&k, c, NOW), 0);
	t = tuple;
	t.local.port++;
	assert_int_equal(tcp_cookie_check(&k, c, NOW), 0);
	t = tuple;
	k.irs++;
	assert_int_equal(tcp_cookie_check(&k, c, NOW), 0);
	k.irs--;
	k.secret.k0++;
	assert_int_equal(tcp_cookie_check(&k, c, NOW), 0);
}

/* Those of the MSS too: nobody gets a larger one by asking. */
static void every_bit_counts(void **state)
{
	uint32_t c = tcp_cookie_make(&key, 536, NOW);

	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(tcp_cookie_check(&key, c ^ 1u << i, NOW), 0);
}

/* RFC 4987 3.6: the window for replays. */
static void it_lives_for_one_to_two_periods(void **state)
{
	for (uint64_t part = 0; part < 16; part++) {
		uint64_t born = NOW + part * TCP_COOKIE_PERIOD_NS / 16;
		uint32_t c = tcp_cookie_make(&key, 1460, born);
		const uint64_t p = TCP_COOKIE_PERIOD_NS;

		assert_true(tcp_cookie_check(&key, c, born + p - 1));
		for (uint64_t n = 2; n < 40; n++)
			assert_false(tcp_cookie_check(&key, c, born + n * p));
		assert_false(tcp_cookie_check(&key, c, born - 2 * p));
	}
	assert_false(tcp_cookie_check(
	    &key, tcp_cookie_make(&key, 1460, TCP_COOKIE_PERIOD_NS), 0));
}

/* Expected: one in 2^28. */
static void guesses_are_hopeless(void **state)
{
	struct random r = { 0 };
	unsigned hits = 0;

	random_add(&r, "x", 1, 128);
	for (unsigned i = 0; i < 500000; i++)
		hits += tcp_cookie_check(&key, random_u32(&r), NOW) != 0;
	assert_true(hits <= 1);
}

static void timestamps_carry_the_options(void **state)
{
	for (uint32_t ts = 0xffffff00u; ts != 0x100; ts++) {
		for (int scale = TCP_NO_WSCALE; scale <= 20; scale++) {
			struct tcp_options o = { .wscale = (int8_t)scale,
				.sack_permitted = ts & 1 };
			struct tcp_options got = { 0 };
			bool ecn = false;
			uint32_t v = tcp_cookie_ts_make(ts, &o, ts & 2);

			assert_true(ts - v < 64); /* never ahead */
			tcp_cookie_ts_read(v, &got, &ecn);
			assert_int_equal(got.wscale, scale > 14 ? 14 : scale);
			assert_int_equal(got.sack_permitted, ts & 1);
			assert_int_equal(ecn, (ts & 2) != 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mss_is_kept_or_rounded_down),
		cmocka_unit_test(nobody_else_can_use_it),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(it_lives_for_one_to_two_periods),
		cmocka_unit_test(guesses_are_hopeless),
		cmocka_unit_test(timestamps_carry_the_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

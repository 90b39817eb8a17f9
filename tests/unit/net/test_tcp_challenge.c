/* SPDX-License-Identifier: MIT */
/*
 * The limits on challenge ACKs (RFC 5961 section 7), and that they tell a
 * stranger nothing (CVE-2016-5696): a stranger can provoke challenge ACKs on a
 * connection whose ports and numbers he guesses right, cannot see them, and
 * counts those on connections of his own.
 */
#include "tests/support/net_fixture.h"

#include <stdlib.h>

#include "net/tcp_internal.h"

#define OWN_MAX 200 /* connections of the stranger */

static struct tcp_conn victim, own[OWN_MAX];

static void new_connections(void)
{
	memset(&victim, 0, sizeof(victim));
	memset(own, 0, sizeof(own));
	victim.stack = &fx.st;
	for (unsigned i = 0; i < OWN_MAX; i++)
		own[i].stack = &fx.st;
}

/* What the stranger counts in one second on n connections, when his 1000
 * guesses about the victim's were right or wrong. */
static unsigned count(unsigned n, bool right)
{
	unsigned answers = 0;

	for (unsigned i = 0; i < 1000; i++)
		if (right)
			tcp_challenge_allowed(&victim);
	for (unsigned k = 0; k < 100; k++)
		for (unsigned i = 0; i < n; i++)
			answers += tcp_challenge_allowed(&own[i]);
	return answers;
}

static unsigned count_anew(unsigned n, bool right)
{
	new_connections();
	fx_skip_ms(10000);
	return count(n, right);
}

static void a_connection_has_ten_and_two_more_each_second(void **state)
{
	new_connections();
	fx_skip_ms(10000);
	assert_int_equal(count(1, false), 10);
	assert_int_equal(count(1, false), 0);
	for (unsigned i = 0; i < 4; i++) {
		fx_skip_ms(1000);
		assert_int_equal(count(1, false), 2);
	}
	fx_skip_ms(100000);
	assert_int_equal(count(1, false), 10);
	assert_count(TCP_CHALLENGE_ACKS, 28);
}

/* With so many connections the limit of all is not reached at all. */
static void few_connections_count_the_same_whatever_was_guessed(void **state)
{
	for (unsigned n = 1; n <= 48; n++) {
		unsigned wrong = count_anew(n, false);

		assert_int_equal(wrong, 10 * n);
		assert_int_equal(count_anew(n, true), wrong);
	}
}

/* With more, each second has another limit: what a right guess takes away (ten
 * at most) drowns in that. */
static void many_connections_count_noise(void **state)
{
	unsigned least = UINT32_MAX, most = 0, equal = 0, last = 0;
	int64_t sum[2] = { 0 };

	for (unsigned i = 0; i < 100; i++) {
		unsigned n = count_anew(OWN_MAX, i % 2);

		least = n < least ? n : least;
		most = n > most ? n : most;
		equal += n == last;
		last = n;
		sum[i % 2] += n;
	}
	assert_in_range(least, 480, 600);
	assert_in_range(most, 900, 1000);
	assert_true(equal < 5);
	/* The means differ by more than the signal, to either side. */
	assert_true(llabs(sum[0] - sum[1]) / 50 < 150);
}

static void all_together_have_a_limit(void **state)
{
	new_connections();
	fx_skip_ms(10000);
	assert_in_range(count(OWN_MAX, false), 500, 999);
	assert_int_equal(count(OWN_MAX, false), 0);
	assert_true(fx.st.count[COUNT_TCP_CHALLENGE_LIMITED] > 10000);
}

/* Nor can TIME-WAIT be used to count with. */
static void time_wait_has_a_limit_of_its_own(void **state)
{
	unsigned answers = 0;

	new_connections();
	fx_skip_ms(10000);
	for (unsigned i = 0; i < 1000; i++)
		answers += tcp_tw_ack_allowed(&fx.st);
	assert_int_equal(answers, 100);
	assert_int_equal(count(40, true), 400);
	fx_skip_ms(1000);
	assert_int_equal(count(OWN_MAX, true) > 400, true);
	assert_true(tcp_tw_ack_allowed(&fx.st));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(a_connection_has_ten_and_two_more_each_second),
		fx_test(few_connections_count_the_same_whatever_was_guessed),
		fx_test(many_connections_count_noise),
		fx_test(all_together_have_a_limit),
		fx_test(time_wait_has_a_limit_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

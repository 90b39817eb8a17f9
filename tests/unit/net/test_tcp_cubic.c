/* SPDX-License-Identifier: MIT */
/*
 * CUBIC (RFC 9438), against the same formulas in floating point.  The
 * connection is made by hand: its windows and the clock are all that counts.
 */
#include "tests/support/net_fixture.h"

#include <math.h>

#include "arch/host/arch_host.h"
#include "net/tcp_internal.h"

#define MSS 1000
#define C   0.4

static struct tcp_conn c;
static struct tcp_cubic *const now = &c.cc_state.cubic.now;

static int setup(void **state)
{
	fx_setup(state);
	c = (struct tcp_conn){ .stack = &fx.st,
		.cc = &tcp_cc_cubic,
		.mss = MSS,
		.cwnd = 100 * MSS,
		.ssthresh = UINT32_MAX,
		.srtt_ns = 100 * NS_PER_MS };
	c.cc->init(&c);
	c.cc_seen_ns = arch_clock_ns();
	return 0;
}

static void lose(enum tcp_cc_event why)
{
	c.ssthresh = c.cc->ssthresh(&c, c.cwnd, why);
	c.cwnd = why == TCP_CC_TIMEOUT ? MSS : c.ssthresh;
}

/* One round trip: a full window is acknowledged, two segments at a time. */
static void round_trip(void)
{
	uint32_t acks = max_u32(c.cwnd / (2 * MSS), 1), left = 100;

	for (uint32_t i = 0; i < acks; i++) {
		uint64_t step = left / (acks - i);

		host_clock_advance(step * NS_PER_MS);
		left -= (uint32_t)step;
		tcp_cc_acked(&c, 2 * MSS, c.cwnd);
	}
}

/* Segments. */
static double w_cubic(double t, double k, double w_max)
{
	return C * (t - k) * (t - k) * (t - k) + w_max;
}

static void assert_near(double got, double want, double by)
{
	if (fabs(got - want) > by)
		fail_msg("%f is not within %f of %f", got, by, want);
}

/* --- The root ------------------------------------------------------------- */

static void root_is_that_of_floating_point_rounded_down(void **state)
{
	uint64_t n = 1;

	for (uint64_t i = 0; i < 3000; i++)
		assert_int_equal(tcp_cubic_root(i), (uint32_t)cbrt((double)i));
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t r = tcp_cubic_root(n);

		assert_true((unsigned __int128)r * r * r <= n);
		assert_true((unsigned __int128)(r + 1) * (r + 1) * (r + 1) > n);
		assert_near((double)r, cbrt((double)n), 1.0);
		n = n * 6364136223846793005ull + 1442695040888963407ull;
		n >>= i % 60;
	}
	assert_int_equal(tcp_cubic_root(UINT64_MAX), 2642245);
}

/* --- Reduction ------------------------------------------------------------ */

static void loss_leaves_seven_tenths_of_the_flight(void **state)
{
	assert_int_equal(c.cc->ssthresh(&c, 100 * MSS, TCP_CC_LOSS), 70 * MSS);
	assert_int_equal(now->w_max, 100 * MSS);
	assert_int_equal(c.cc->ssthresh(&c, 40 * MSS, TCP_CC_ECN), 28 * MSS);
	assert_int_equal(c.cc->ssthresh(&c, 2 * MSS, TCP_CC_LOSS), 2 * MSS);
}

/* 4.7 */
static void shrinking_windows_make_room_for_others(void **state)
{
	lose(TCP_CC_LOSS);
	assert_int_equal(now->w_max, 100 * MSS);
	c.cwnd = 90 * MSS; /* it did not come back to 100 */
	lose(TCP_CC_LOSS);
	assert_int_equal(now->w_max, 90 * MSS * 85 / 100);
	c.cwnd = 90 * MSS; /* beyond that */
	lose(TCP_CC_LOSS);
	assert_int_equal(now->w_max, 90 * MSS);
}

/* 4.8 */
static void timeout_forgets_the_old_window(void **state)
{
	lose(TCP_CC_TIMEOUT);
	assert_int_equal(c.ssthresh, 70 * MSS);
	while (c.cwnd < c.ssthresh)
		tcp_cc_acked(&c, MSS, c.cwnd);
	assert_false(now->in_stage);
	tcp_cc_acked(&c, MSS, c.cwnd);
	assert_true(now->in_stage);
	assert_int_equal(now->k_ms, 0);
	assert_in_range(now->w_max, 70 * MSS, 72 * MSS);
	assert_near(now->w_est / 65536.0, now->w_max, MSS);
}

/* --- Growth --------------------------------------------------------------- */

/* 4.2, 4.4, 4.5: concave up to W_max, then convex. */
static void window_follows_the_curve(void **state)
{
	uint64_t start_ns;
	double k;

	c.cwnd = 1000 * MSS;
	lose(TCP_CC_LOSS);
	start_ns = arch_clock_ns();
	k = cbrt(300 / C);
	tcp_cc_acked(&c, 1, c.cwnd);
	assert_near(now->k_ms / 1000.0, k, 0.001);
	for (unsigned i = 0; i < 160; i++) {
		double t;

		round_trip();
		t = (double)(arch_clock_ns() - start_ns) / 1e9;
		assert_near(c.cwnd / (double)MSS, w_cubic(t, k, 1000),
		    w_cubic(t + 0.1, k, 1000) - w_cubic(t - 0.1, k, 1000) + 1);
	}
	assert_true(c.cwnd > 1100 * MSS);
}

/* W_cubic to the byte, for windows and times of any size. */
static void curve_is_that_of_floating_point(void **state)
{
	static const uint32_t windows[] = { 20, 100, 500, 2800 };

	for (unsigned i = 0; i < 4; i++)
		for (unsigned s = 1; s < 60; s++) {
			double k, want;

			c.cwnd = windows[i] * MSS;
			c.cc->init(&c);
			lose(TCP_CC_LOSS);
			c.srtt_ns = 0;
			tcp_cc_acked(&c, 1, c.cwnd);
			k = now->k_ms / 1000.0;
			now->w_est = 0;
			c.cwnd = 1000; /* so that the target is 1500 */
			host_clock_advance(s * NS_PER_S / 4);
			want = w_cubic(s / 4.0, k, windows[i]);
			c.cwnd = (uint32_t)(want * MSS) - 1000;
			now->credit = 0;
			/* a whole window: cwnd becomes the target */
			c.cc->acked(&c, c.cwnd);
			assert_near(c.cwnd, want * MSS, 2);
		}
}

/* 4.2: the target is where the curve is a round trip later. */
static void window_aims_a_round_trip_ahead(void **state)
{
	double k = cbrt(300 / C);

	c.cwnd = 1000 * MSS;
	lose(TCP_CC_LOSS);
	c.srtt_ns = 500 * NS_PER_MS;
	tcp_cc_acked(&c, 1, c.cwnd);
	now->w_est = 0;
	c.cc->acked(&c, c.cwnd);
	assert_near(c.cwnd / (double)MSS, w_cubic(0.5, k, 1000), 0.2);
}

/* 4.2: never faster than half a window in a round trip. */
static void growth_is_bounded(void **state)
{
	lose(TCP_CC_LOSS);
	tcp_cc_acked(&c, 1, c.cwnd);
	c.cwnd = 20 * MSS;
	host_clock_advance(60 * NS_PER_S);
	now->w_est = 0;
	c.cc->acked(&c, 20 * MSS);
	assert_int_equal(c.cwnd, 30 * MSS);
}

/* 4.2: a target below cwnd does not take anything away. */
static void window_never_falls_without_a_loss(void **state)
{
	lose(TCP_CC_LOSS);
	tcp_cc_acked(&c, 1, c.cwnd);
	c.cwnd = 500 * MSS;
	round_trip();
	assert_int_equal(c.cwnd, 500 * MSS);
}

/* 4.3: in a small window of a short path Reno is faster. */
static void window_is_never_below_that_of_reno(void **state)
{
	double w_est;

	c.srtt_ns = 10 * NS_PER_MS;
	c.cwnd = 20 * MSS;
	lose(TCP_CC_LOSS);
	w_est = 14;
	for (unsigned i = 0; i < 40; i++) {
		uint32_t before = c.cwnd;

		host_clock_advance(10 * NS_PER_MS);
		tcp_cc_acked(&c, before, before);
		/* alpha for each window, until W_est is where cwnd was */
		w_est += w_est < 20 ? 3 * 0.3 / 1.7 : 1;
		assert_near(c.cwnd / (double)MSS, w_est, 0.02);
	}
	assert_true(c.cwnd > 40 * MSS);
}

/* 4.10: slow start ended without a loss: the plateau is here. */
static void stage_without_a_loss_begins_at_its_plateau(void **state)
{
	c.ssthresh = c.cwnd;
	tcp_cc_acked(&c, MSS, c.cwnd);
	assert_int_equal(now->k_ms, 0);
	assert_int_equal(now->w_max, 100 * MSS);
}

/* --- Time ----------------------------------------------------------------- */

/* 5.8: time in which the window was not used does not count. */
static void time_of_an_idle_application_does_not_count(void **state)
{
	uint64_t epoch_ns;

	lose(TCP_CC_LOSS);
	tcp_cc_acked(&c, 1, c.cwnd);
	epoch_ns = now->epoch_ns;
	c.flight_max = 0;
	for (unsigned i = 0; i < 100; i++) {
		host_clock_advance(NS_PER_S);
		tcp_cc_acked(&c, MSS, 5 * MSS); /* a small flight */
	}
	assert_int_equal(c.cwnd, 70 * MSS);
	assert_int_equal(now->epoch_ns - epoch_ns, 100 * NS_PER_S);
	assert_true(now->in_stage);
	host_clock_advance(NS_PER_MS);
	tcp_cc_acked(&c, MSS, c.cwnd);
	assert_true(c.cwnd < 71 * MSS);
}

/* A pause with nothing out, shorter than RTO. */
static void time_with_nothing_out_does_not_count(void **state)
{
	uint64_t epoch_ns;

	lose(TCP_CC_LOSS);
	tcp_cc_acked(&c, 1, c.cwnd);
	epoch_ns = now->epoch_ns;
	c.last_sent_ns = arch_clock_ns();
	c.rto_ns = 10 * NS_PER_S;
	host_clock_advance(5 * NS_PER_S);
	tcp_cc_idle(&c);
	assert_int_equal(now->epoch_ns - epoch_ns, 5 * NS_PER_S);
	assert_int_equal(c.cwnd, 70 * MSS);
}

/* RFC 5681 4.1 after a long one: then a new stage begins. */
static void restart_begins_a_new_stage(void **state)
{
	lose(TCP_CC_LOSS);
	tcp_cc_acked(&c, 1, c.cwnd);
	c.last_sent_ns = arch_clock_ns();
	c.rto_ns = NS_PER_S;
	host_clock_advance(5 * NS_PER_S);
	tcp_cc_idle(&c);
	assert_int_equal(c.cwnd, 10 * MSS);
	assert_false(now->in_stage);
	assert_int_equal(now->w_max, 100 * MSS);
}

/* 4.9: a reduction that was a mistake leaves no trace. */
static void undo_puts_the_curve_back(void **state)
{
	struct tcp_cubic before;

	lose(TCP_CC_LOSS);
	for (unsigned i = 0; i < 10; i++)
		round_trip();
	before = *now;
	for (enum tcp_cc_event why = TCP_CC_LOSS; why <= TCP_CC_TIMEOUT;
	     why++) {
		lose(why);
		assert_true(now->w_max != before.w_max);
		host_clock_advance(3 * NS_PER_S);
		c.cc->undo(&c);
		assert_int_equal(now->w_max, before.w_max);
		assert_int_equal(now->k_ms, before.k_ms);
		assert_int_equal(now->w_est, before.w_est);
		assert_int_equal(now->cwnd_prior, before.cwnd_prior);
		/* and time stood still */
		before.epoch_ns += 3 * NS_PER_S;
		assert_int_equal(now->epoch_ns, before.epoch_ns);
	}
}

/* The time until an undo stood still; it does not do so twice. */
static void time_until_an_undo_counts_once(void **state)
{
	lose(TCP_CC_LOSS);
	tcp_cc_acked(&c, 1, c.cwnd);
	lose(TCP_CC_LOSS);
	host_clock_advance(3 * NS_PER_S);
	c.cc->undo(&c);
	tcp_cc_acked(&c, 1, 0); /* an ACK while the window is not used */
	assert_true(now->epoch_ns <= arch_clock_ns());
	tcp_cc_acked(&c, c.cwnd, c.cwnd);
	assert_in_range(c.cwnd, 70 * MSS, 75 * MSS);
}

/* --- In a connection ------------------------------------------------------ */

static void algorithms_are_found_by_name(void **state)
{
	assert_ptr_equal(tcp_cc_find("cubic"), &tcp_cc_cubic);
	assert_ptr_equal(tcp_cc_find("reno"), &tcp_cc_reno);
	assert_null(tcp_cc_find("bbr"));
}

static void cubic_serves_unless_another_is_chosen(void **state)
{
	struct sock *s;
	uint32_t next = 1;

	fx.st.tcp.cc = tcp_cc_find("cubic");
	s = fx_accepted(MSS, 65535);
	assert_int_equal(fx_send(s, 20000), 20000);
	fx_forget_frames();
	for (unsigned i = 0; i < 3; i++)
		in(.flags = A, .seq = next, .ack = 1);
	fx_forget_frames();
	assert_int_equal(fx_tcp()->ssthresh, 7 * MSS);
	fx_abort(s);
}

#define cubic_test(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cubic_test(root_is_that_of_floating_point_rounded_down),
		cubic_test(loss_leaves_seven_tenths_of_the_flight),
		cubic_test(shrinking_windows_make_room_for_others),
		cubic_test(timeout_forgets_the_old_window),
		cubic_test(window_follows_the_curve),
		cubic_test(curve_is_that_of_floating_point),
		cubic_test(window_aims_a_round_trip_ahead),
		cubic_test(growth_is_bounded),
		cubic_test(window_never_falls_without_a_loss),
		cubic_test(window_is_never_below_that_of_reno),
		cubic_test(stage_without_a_loss_begins_at_its_plateau),
		cubic_test(time_of_an_idle_application_does_not_count),
		cubic_test(time_with_nothing_out_does_not_count),
		cubic_test(restart_begins_a_new_stage),
		cubic_test(undo_puts_the_curve_back),
		cubic_test(time_until_an_undo_counts_once),
		cubic_test(algorithms_are_found_by_name),
		cubic_test(cubic_serves_unless_another_is_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Buffers that follow their use: net/tcp_tune.c. */
#include "tests/support/net_fixture.h"

#include "net/byteq.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define CONNS 4

static struct sock *scaled(void)
{
	struct sock *l = fx_listen(80, 4), *s = NULL;

	in(.flags = S, .mss = 1460, .wscale = WSCALE(2));
	out(.flags = SA, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, NULL), 0);
	sock_close(l);
	return s;
}

/* So much was drained in the last round trip. */
static void drain(uint32_t bytes)
{
	struct tcp_conn *c = fx_tcp();

	c->srtt_ns = NS_PER_MS;
	c->drained_since_ns = clock_ns() - NS_PER_MS;
	tcp_tune_drained(c, bytes);
}

static uint64_t budget(void)
{
	return (uint64_t)fx.st.chunks.total * BYTEQ_CHUNK_ROOM / 4;
}

static void receive_buffer_is_four_times_what_grows(void **state)
{
	struct sock *s = scaled();
	uint32_t before = tcp_rcvbuf(fx_tcp());

	drain(before / 8);
	assert_int_equal(tcp_rcvbuf(fx_tcp()), before);
	drain(before / 4 + 100);
	assert_int_equal(tcp_rcvbuf(fx_tcp()), (before / 4 + 100) * 4);
	fx_forget_frames();
	fx_abort(s);
	assert_int_equal(fx.st.tcp.rcv_extra, 0);
}

static void all_growth_together_stays_within_the_budget(void **state)
{
	struct sock *s[CONNS];
	uint64_t last = budget();

	for (unsigned i = 0; i < CONNS; i++) {
		s[i] = scaled();
		drain(16 << 20);
		/* Half of what is left goes to who asks. */
		assert_true(fx_tcp()->rcv_extra > 0);
		assert_true(fx_tcp()->rcv_extra <= last / 2);
		last = fx_tcp()->rcv_extra;
		assert_true(fx.st.tcp.rcv_extra <= budget());
		fx_next_conn();
	}
	for (unsigned i = 0; i < CONNS; i++) {
		sock_set_opt(s[i], SOCK_OPT_LINGER, 0);
		sock_close(s[i]);
	}
	fx_forget_frames();
	assert_int_equal(fx.st.tcp.rcv_extra, 0);
}

static void size_that_the_user_set_stays(void **state)
{
	struct sock *s = scaled();

	assert_int_equal(sock_set_opt(s, SOCK_OPT_RCVBUF, 10000), 0);
	drain(16 << 20);
	assert_int_equal(tcp_rcvbuf(fx_tcp()), 10000);
	assert_int_equal(fx_tcp()->rcv_extra, 0);
	fx_forget_frames();
	fx_abort(s);
}

static void send_buffer_is_two_windows(void **state)
{
	struct sock *s = scaled();

	s->sndbuf.bytes = 10000;
	fx_tcp()->cwnd = 6000;
	tcp_tune_acked(fx_tcp());
	assert_int_equal(tcp_sndbuf(fx_tcp()), 12000);
	/* It does not shrink again. */
	fx_tcp()->cwnd = 1000;
	tcp_tune_acked(fx_tcp());
	assert_int_equal(tcp_sndbuf(fx_tcp()), 12000);
	fx_abort(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(receive_buffer_is_four_times_what_grows),
		fx_test(all_growth_together_stays_within_the_budget),
		fx_test(size_that_the_user_set_stays),
		fx_test(send_buffer_is_two_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

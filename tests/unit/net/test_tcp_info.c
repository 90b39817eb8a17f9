/* SPDX-License-Identifier: MIT */
/* What a connection tells: TCP_INFO, /net/sockets, options that only TCP has.
 */
#include "tests/support/net_fixture.h"

#include "arch/host/arch_host.h"
#include "include/netinet/tcp_info.h"
#include "lib/assert.h"
#include "lib/fmt.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"

/* Linux's own, beside ours. */
#define tcp_info        linux_tcp_info
#define tcp_ca_state    linux_tcp_ca_state
#define TCP_CA_Open     LINUX_TCP_CA_Open
#define TCP_CA_Disorder LINUX_TCP_CA_Disorder
#define TCP_CA_CWR      LINUX_TCP_CA_CWR
#define TCP_CA_Recovery LINUX_TCP_CA_Recovery
#define TCP_CA_Loss     LINUX_TCP_CA_Loss
#include <linux/tcp.h>
#undef tcp_info
#undef TCP_CA_Recovery
#undef TCP_CA_Loss
#undef TCP_CA_Disorder

#define WIDE 65535

static struct tcp_info info(struct sock *s)
{
	struct tcp_info i;

	assert_int_equal(sock_tcp_info(s, &i), 0);
	return i;
}

#define SAME(field)                                                            \
	static_assert(offsetof(struct tcp_info, field) ==                      \
	                  offsetof(struct linux_tcp_info, field),              \
	    #field)

static void layout_is_that_of_linux(void **state)
{
	SAME(tcpi_options);
	SAME(tcpi_rto);
	SAME(tcpi_unacked);
	SAME(tcpi_last_ack_recv);
	SAME(tcpi_pmtu);
	SAME(tcpi_snd_cwnd);
	SAME(tcpi_total_retrans);
	SAME(tcpi_bytes_acked);
	SAME(tcpi_segs_in);
	SAME(tcpi_min_rtt);
	SAME(tcpi_delivery_rate);
	SAME(tcpi_delivered);
	SAME(tcpi_bytes_retrans);
	SAME(tcpi_rcv_ooopack);
	SAME(tcpi_snd_wnd);
}

static void closed_and_listening_sockets_have_a_state(void **state)
{
	struct sock *s, *l = fx_listen(80, 7);

	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_TCP, &s), 0);
	assert_int_equal(info(s).tcpi_state, 7);
	assert_int_equal(info(l).tcpi_state, 10);
	assert_int_equal(info(l).tcpi_unacked, 0);
	assert_int_equal(info(l).tcpi_sacked, 7);
	in(.flags = S);
	out(.flags = SA, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(info(l).tcpi_unacked, 1);
	sock_close(s);
	sock_close(l);
	fx_forget_frames();
}

static void states_have_the_numbers_of_linux(void **state)
{
	struct sock *s = fx_connecting();

	assert_int_equal(info(s).tcpi_state, 2);
	sock_close(s);
	fx_next_conn();
	s = fx_accepted(1000, WIDE);
	assert_int_equal(info(s).tcpi_state, 1);
	sock_shutdown(s, SOCK_SHUT_WR);
	out(.flags = FA, .seq = 1, .ack = 1);
	assert_int_equal(info(s).tcpi_state, 4);
	in(.flags = A, .seq = 1, .ack = 2);
	assert_int_equal(info(s).tcpi_state, 5);
	in(.flags = FA, .seq = 1, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2);
	assert_int_equal(info(s).tcpi_state, 6);
	sock_close(s);
	fx_next_conn();
	s = fx_accepted(1000, WIDE);
	in(.flags = FA, .seq = 1, .ack = 1);
	out(.flags = A, .seq = 1, .ack = 2);
	assert_int_equal(info(s).tcpi_state, 8);
	sock_shutdown(s, SOCK_SHUT_WR);
	out(.flags = FA, .seq = 1, .ack = 2);
	assert_int_equal(info(s).tcpi_state, 9);
	in(.flags = A, .seq = 2, .ack = 2);
	assert_int_equal(info(s).tcpi_state, 7);
	sock_close(s);
}

static void sizes_and_what_is_out_are_told(void **state)
{
	struct sock *s = fx_accepted(1000, 30000);
	struct tcp_info i;

	sock_set_opt(s, SOCK_OPT_NODELAY, 1);
	fx_send(s, 12500);
	for (uint32_t n = 0; n < 10; n++)
		out(.flags = A, .seq = 1 + n * 1000, .ack = 1, .len = 1000);
	i = info(s);
	assert_int_equal(i.tcpi_snd_mss, 1000);
	assert_int_equal(i.tcpi_pmtu, 1500);
	assert_int_equal(i.tcpi_advmss, 1460);
	assert_int_equal(i.tcpi_snd_cwnd, 10);
	assert_int_equal(i.tcpi_snd_ssthresh, 0x7fffffff);
	assert_int_equal(i.tcpi_unacked, 10);
	assert_int_equal(i.tcpi_notsent_bytes, 2500);
	assert_int_equal(i.tcpi_snd_wnd, 30000);
	assert_int_equal(i.tcpi_rcv_wnd, 65535);
	assert_int_equal(i.tcpi_bytes_sent, 10000);
	assert_int_equal(i.tcpi_bytes_acked, 0);
	assert_int_equal(i.tcpi_data_segs_out, 10);
	in(.flags = A, .seq = 1, .ack = 4001, .wnd = 20000);
	i = info(s);
	assert_int_equal(i.tcpi_bytes_acked, 4000);
	assert_int_equal(i.tcpi_delivered, 4);
	assert_int_equal(i.tcpi_snd_wnd, 20000);
	fx_abort(s);
}

static void what_was_received_is_told(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);
	struct tcp_info i;

	in(.flags = A, .seq = 1, .ack = 1, .len = 700);
	in(.flags = A, .seq = 1701, .ack = 1, .len = 100); /* out of order */
	fx_run_ms(250);
	i = info(s);
	assert_int_equal(i.tcpi_bytes_received, 700);
	assert_int_equal(i.tcpi_data_segs_in, 2);
	assert_int_equal(i.tcpi_segs_in, 4);
	assert_int_equal(i.tcpi_rcv_ooopack, 1);
	assert_in_range(i.tcpi_last_data_recv, 250, 251);
	in(.flags = A, .seq = 701, .ack = 1, .len = 1000);
	i = info(s);
	assert_int_equal(i.tcpi_bytes_received, 1800);
	assert_int_equal(i.tcpi_last_data_recv, 0);
	fx_abort(s);
}

static void times_and_losses_are_told(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);
	struct tcp_info i;

	assert_int_equal(info(s).tcpi_ca_state, TCP_CA_Open);
	fx_send(s, 1000);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 1000);
	fx_run_ms(80);
	in(.flags = A, .seq = 1, .ack = 1001);
	i = info(s);
	assert_in_range(i.tcpi_rtt, 10000, 81000);
	assert_true(i.tcpi_rttvar > 0);
	assert_true(i.tcpi_min_rtt <= 81000);
	assert_in_range(i.tcpi_rto, 200000, 1000000);
	fx_send(s, 1000);
	out(.flags = PA, .seq = 1001, .ack = 1, .len = 1000);
	out_within(3000, .flags = PA, .seq = 1001, .ack = 1, .len = 1000);
	i = info(s);
	assert_int_equal(i.tcpi_total_retrans, 1);
	assert_int_equal(i.tcpi_bytes_retrans, 1000);
	assert_int_equal(i.tcpi_bytes_sent, 3000);
	assert_int_equal(i.tcpi_backoff, 1);
	assert_int_equal(i.tcpi_retransmits, 1);
	assert_int_equal(i.tcpi_total_rto, 1);
	assert_int_equal(i.tcpi_ca_state, TCP_CA_Loss);
	assert_int_equal(i.tcpi_retrans, 1);
	fx_abort(s);
}

static void closed_window_counts_probes(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	in(.flags = A, .seq = 1, .ack = 1, .wnd = ZERO_WND);
	fx_send(s, 10);
	out_within(3000, .flags = A, .seq = 1, .ack = 1, .len = 1);
	assert_int_equal(info(s).tcpi_probes, 1);
	assert_int_equal(info(s).tcpi_retransmits, 0);
	fx_abort(s);
}

static void udp_sockets_have_no_info(void **state)
{
	struct tcp_info i;
	struct sock *s;

	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_UDP, &s), 0);
	assert_int_equal(sock_tcp_info(s, &i), -ENOPROTOOPT);
	assert_int_equal(sock_set_congestion(s, "reno"), -ENOPROTOOPT);
	assert_null(sock_get_congestion(s));
	assert_int_equal(sock_set_opt(s, SOCK_OPT_NODELAY, 1), -ENOPROTOOPT);
	sock_close(s);
}

/* --- Options -------------------------------------------------------------- */

static void users_mss_limits_both_directions(void **state)
{
	struct sock *s, *l = fx_listen(80, 1);
	struct sock_addr peer;
	int v;

	assert_int_equal(sock_set_opt(l, SOCK_OPT_MAXSEG, 63), -EINVAL);
	assert_int_equal(sock_set_opt(l, SOCK_OPT_MAXSEG, 32768), -EINVAL);
	assert_int_equal(sock_set_opt(l, SOCK_OPT_MAXSEG, 700), 0);
	in(.flags = S, .mss = 1460);
	out(.flags = SA, .ack = 1, .mss = 700);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &s, &peer), 0);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_MAXSEG, &v), 0);
	assert_int_equal(v, 700);
	fx_send(s, 1000);
	out(.flags = A, .seq = 1, .ack = 1, .len = 700);
	fx_abort(s);
	sock_close(l);
}

static void queues_have_their_sizes(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);
	int v;

	in(.flags = A, .seq = 1, .ack = 1, .len = 300);
	fx_send(s, 1500);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_INQ, &v), 0);
	assert_int_equal(v, 300);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_OUTQ, &v), 0);
	assert_int_equal(v, 1500);
	in(.flags = A, .seq = 301, .ack = 1001);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_OUTQ, &v), 0);
	assert_int_equal(v, 500);
	fx_forget_frames();
	fx_abort(s);
}

static void congestion_control_has_a_name(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	assert_string_equal(sock_get_congestion(s), fx.st.tcp.cc->name);
	assert_int_equal(sock_set_congestion(s, "nonsense"), -ENOENT);
	assert_int_equal(sock_set_congestion(s, "reno"), 0);
	assert_string_equal(sock_get_congestion(s), "reno");
	fx_abort(s);
}

/* --- /net/sockets --------------------------------------------------------- */

static const char *view(void)
{
	static char text[TCP_PRINT_SOCKETS_MAX];
	struct text t = { .buf = text, .size = sizeof(text) };

	text[0] = 0;
	tcp_print_sockets(&fx.st, &t);
	assert_false(t.truncated);
	return text;
}

static void every_connection_has_a_line(void **state)
{
	struct sock *s = fx_accepted(1000, 30000), *l = fx_listen(81, 5);
	const char *text;

	fx_send(s, 12500);
	fx_forget_frames();
	text = view();
	assert_non_null(strstr(text, "tcp listen 0.0.0.0:81 0.0.0.0:0 syn=0 "
	                             "accept=0 backlog=5\n"));
	assert_non_null(strstr(text, "tcp established 10.0.0.1:"));
	assert_non_null(strstr(text, " rxq=0 txq=12500 flight=10000 lost=0"));
	assert_non_null(strstr(text, " cwnd=10000 "));
	assert_non_null(strstr(text, " snd_wnd=30000 rcv_wnd=65535 mss=1000"));
	assert_non_null(strstr(text, " owner=socket\n"));
	sock_close(l);
	fx_abort(s);
	assert_string_equal(view(), "");
}

static void reductions_of_the_window_are_told_by_reason(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	assert_non_null(strstr(view(), " reduced_loss=0 reduced_timeout=0 "
	                               "reduced_ecn=0 reduced_undone=0 "));
	fx_send(s, 30000);
	fx_forget_frames();
	for (unsigned i = 0; i < 3; i++)
		in(.flags = A, .seq = 1, .ack = 1);
	fx_forget_frames();
	assert_non_null(strstr(view(), " reduced_loss=1 reduced_timeout=0 "));
	fx_run_ms(2000);
	fx_forget_frames();
	assert_non_null(strstr(view(), " reduced_loss=1 reduced_timeout=1 "
	                               "reduced_ecn=0 reduced_undone=0 "));
	fx_abort(s);
}

static void time_waits_have_a_line(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	sock_close(s);
	out(.flags = FA, .seq = 1, .ack = 1);
	in(.flags = FA, .seq = 1, .ack = 2);
	out(.flags = A, .seq = 2, .ack = 2);
	assert_non_null(strstr(view(), "tcp time_wait 10.0.0.1:"));
	assert_non_null(strstr(view(), " left_ms=60000\n"));
	host_clock_advance(61 * NS_PER_S); /* and nobody has looked yet */
	assert_non_null(strstr(view(), " left_ms=0\n"));
}

static void lines_are_bounded(void **state)
{
	static struct tcp_tw more[300];
	const char *text;

	memset(more, 0, sizeof(more));
	for (unsigned i = 0; i < 300; i++)
		list_append(&fx.st.tcp.tw_age, &more[i].age_node);
	for (unsigned i = 0; i < 300; i++)
		more[i].expires_ns = UINT64_MAX;
	text = view();
	assert_non_null(strstr(text, "and 44 more\n"));
	for (unsigned i = 0; i < 300; i++)
		list_del(&more[i].age_node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(layout_is_that_of_linux),
		fx_test(closed_and_listening_sockets_have_a_state),
		fx_test(states_have_the_numbers_of_linux),
		fx_test(sizes_and_what_is_out_are_told),
		fx_test(what_was_received_is_told),
		fx_test(times_and_losses_are_told),
		fx_test(closed_window_counts_probes),
		fx_test(udp_sockets_have_no_info),
		fx_test(users_mss_limits_both_directions),
		fx_test(queues_have_their_sizes),
		fx_test(congestion_control_has_a_name),
		fx_test(every_connection_has_a_line),
		fx_test(reductions_of_the_window_are_told_by_reason),
		fx_test(time_waits_have_a_line),
		fx_test(lines_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

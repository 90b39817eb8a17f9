/* SPDX-License-Identifier: MIT */
/*
 * The user's calls (RFC 9293 3.9.1): what each says in each state, which events
 * a socket shows, and how it closes.
 */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define WIDE 65535

static struct sock *fresh(void)
{
	struct sock *s = NULL;

	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_TCP, &s), 0);
	return s;
}

/* What a waiter on the socket was told. */
struct watcher {
	struct wait_entry entry;
	unsigned calls;
	uint32_t events;
};

static bool woken(struct wait_entry *e, uint32_t events)
{
	struct watcher *w = container_of(e, struct watcher, entry);

	w->calls++;
	w->events |= events;
	return true;
}

static void watch(struct sock *s, struct watcher *w)
{
	*w = (struct watcher){ .entry = { .wake = woken } };
	waitq_add(sock_waitq(s), &w->entry);
}

static void unwatch(struct watcher *w)
{
	waitq_remove(&w->entry);
}

/* --- bind, listen -------------------------------------------------------- */

static void ports_belong_to_one_listener(void **state)
{
	struct sock *l = fx_listen(80, 1), *s = fresh();

	assert_int_equal(
	    sock_bind(s, &(struct sock_addr){ 0, 80 }), -EADDRINUSE);
	assert_int_equal(
	    sock_bind(s, &(struct sock_addr){ FX_IP, 80 }), -EADDRINUSE);
	assert_int_equal(
	    sock_bind(s, &(struct sock_addr){ FX_PEER, 81 }), -EADDRNOTAVAIL);
	sock_close(l);
	assert_int_equal(sock_bind(s, &(struct sock_addr){ FX_IP, 80 }), 0);
	assert_int_equal(
	    sock_bind(s, &(struct sock_addr){ FX_IP, 81 }), -EINVAL);
	sock_close(s);
}

/* A server that starts again binds although old connections linger. */
static void port_is_free_while_connections_close(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE), *l;

	l = fx_listen(80, 1);
	sock_close(l);
	sock_close(s);
	out(.flags = FA, .seq = 1, .ack = 1);
	l = fx_listen(80, 1);
	sock_close(l);
	in(.flags = R, .seq = 1);
}

static void listen_has_its_errors(void **state)
{
	struct sock *s = fx_connected(1000, WIDE), *l = fresh(), *n = NULL;
	struct sock_addr a;
	int value;

	assert_int_equal(sock_listen(s, 1), -EINVAL);
	assert_int_equal(sock_accept(s, &n, NULL), -EINVAL);
	assert_int_equal(sock_listen(l, -5), 0); /* any port, backlog 1 */
	sock_get_local(l, &a);
	assert_in_range(a.port, 32768, 65535);
	assert_int_equal(sock_accept(l, &n, NULL), -EAGAIN);
	assert_int_equal(sock_listen(l, 7), 0); /* again: a new backlog */
	assert_int_equal(
	    sock_connect(l, &(struct sock_addr){ FX_PEER, 1 }), -EINVAL);
	assert_int_equal(sock_get_opt(l, SOCK_OPT_ACCEPTCONN, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(sock_send(l, "x", 1, 0, NULL), -ENOTCONN);
	assert_int_equal(sock_shutdown(l, SOCK_SHUT_BOTH), -ENOTCONN);
	sock_close(l);
	fx_abort(s);
}

static void accept_takes_the_oldest_and_inherits(void **state)
{
	struct sock *l = fx_listen(80, 4), *s[2];
	struct sock_addr peer, local;
	int value;

	sock_set_opt(l, SOCK_OPT_NODELAY, 1);
	sock_set_opt(l, SOCK_OPT_RCVBUF, 5000);
	for (unsigned i = 0; i < 2; i++) {
		in(.flags = S);
		out(.flags = SA, .ack = 1, .wnd = 5000);
		in(.flags = A, .seq = 1, .ack = 1);
		fx.c.peer_port++;
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_true(sock_events(l) & SOCK_READABLE);
		assert_int_equal(sock_accept(l, &s[i], &peer), 0);
		assert_int_equal(peer.ip, FX_PEER);
		assert_int_equal(peer.port, 40000 + i);
		sock_get_local(s[i], &local);
		assert_int_equal(local.ip, FX_IP);
		assert_int_equal(local.port, 80);
		sock_get_opt(s[i], SOCK_OPT_NODELAY, &value);
		assert_int_equal(value, 1);
		sock_get_opt(s[i], SOCK_OPT_RCVBUF, &value);
		assert_int_equal(value, 5000);
		assert_int_equal(sock_connect(s[i], &peer), -EISCONN);
	}
	assert_int_equal(sock_events(l) & SOCK_READABLE, 0);
	fx_abort(s[0]);
	fx_abort(s[1]);
	sock_close(l);
}

static void listener_is_woken_once_a_connection_is_complete(void **state)
{
	struct sock *l = fx_listen(80, 4);
	struct watcher w;

	watch(l, &w);
	in(.flags = S);
	out(.flags = SA, .ack = 1);
	assert_int_equal(w.calls, 0);
	in(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(w.calls, 1);
	assert_int_equal(w.events, SOCK_READABLE);
	unwatch(&w);
	sock_close(l);
	out(.flags = RA, .seq = 1, .ack = 1);
}

/* A connection that the peer resets before accept goes away silently. */
static void reset_before_accept_empties_the_queue(void **state)
{
	struct sock *l = fx_listen(80, 4), *s = NULL;

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	in(.flags = R, .seq = 101);
	assert_int_equal(sock_accept(l, &s, NULL), -EAGAIN);
	assert_int_equal(fx.st.conns.in_use, 0);
	assert_int_equal(fx.st.chunks.in_use, 0);
	sock_close(l);
	fx_forget_frames();
}

/* 3.10.5: closing a listener resets what it has. */
static void closing_a_listener_resets_its_connections(void **state)
{
	struct sock *l = fx_listen(80, 4);

	in(.flags = S);
	out(.flags = SA, .ack = 1);
	in(.flags = A, .seq = 1, .ack = 1);
	fx.c.peer_port++;
	in(.flags = S);
	out(.flags = SA, .ack = 1);
	sock_close(l);
	out(.flags = RA, .seq = 1, .ack = 1);
	fx.c.peer_port--;
	assert_int_equal(fx_any_seg(0).flags, RA);
	assert_int_equal(fx.st.conns.in_use, 0);
	expect_nothing(1000);
}

/* --- connect ------------------------------------------------------------- */

static void connect_tells_its_outcome_once(void **state)
{
	struct sock *s = fx_connecting();
	const struct sock_addr to = { FX_PEER, fx.c.peer_port };
	struct sock_addr a;
	struct watcher w;

	watch(s, &w);
	assert_int_equal(sock_connect(s, &to), -EALREADY);
	assert_int_equal(sock_events(s), 0); /* no event before the end */
	assert_int_equal(sock_send(s, "x", 1, 0, NULL), -EAGAIN);
	assert_int_equal(fx_recv_state(s), -EAGAIN);
	assert_int_equal(sock_shutdown(s, SOCK_SHUT_WR), -ENOTCONN);
	in(.flags = SA, .ack = 1, .mss = 1000);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_true(w.calls > 0);
	assert_true(w.events & SOCK_WRITABLE);
	assert_int_equal(sock_events(s), SOCK_WRITABLE);
	assert_int_equal(sock_connect(s, &to), 0);
	assert_int_equal(sock_connect(s, &to), -EISCONN);
	assert_int_equal(sock_get_peer(s, &a), 0);
	assert_int_equal(a.ip, FX_PEER);
	sock_get_local(s, &a);
	assert_int_equal(a.ip, FX_IP); /* MUST-44 */
	unwatch(&w);
	fx_abort(s);
}

static void refused_connect_shows_error_and_hangup(void **state)
{
	struct sock *s = fx_connecting();
	const struct sock_addr to = { FX_PEER, fx.c.peer_port };
	struct watcher w;
	int value;

	watch(s, &w);
	in(.flags = RA, .seq = 0, .ack = 1);
	assert_true(w.events & SOCK_ERROR);
	assert_true(w.events & SOCK_HANGUP);
	assert_true(sock_events(s) & SOCK_WRITABLE);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_ERROR, &value), 0);
	assert_int_equal(value, ECONNREFUSED);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_ERROR, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(sock_connect(s, &to), -ECONNABORTED);
	unwatch(&w);
	sock_close(s);
}

/* POSIX: ENOTCONN; programs ask to learn whether connect has succeeded. */
static void peer_has_a_name_while_it_is_connected(void **state)
{
	const struct sock_addr to = { fx.c.peer_ip, fx.c.peer_port };
	struct sock_addr a;
	struct sock *s = NULL;

	assert_int_equal(sock_create(&fx.st, SOCK_TYPE_TCP, &s), 0);
	assert_int_equal(sock_connect(s, &to), -EINPROGRESS);
	assert_int_equal(sock_get_peer(s, &a), -ENOTCONN);
	sock_get_local(s, &a);
	fx.c.port = a.port;
	out(.flags = S);
	in(.flags = SA, .ack = 1);
	out(.flags = A, .seq = 1, .ack = 1);
	assert_int_equal(sock_get_peer(s, &a), 0);
	assert_int_equal(a.port, to.port);
	in(.flags = R, .seq = 1);
	assert_int_equal(sock_get_peer(s, &a), -ENOTCONN);
	sock_close(s);
}

static void connect_has_its_errors(void **state)
{
	struct sock *s = fresh();
	const struct ip_config alone = { .addr = FX_IP, .mask = 0xffffff00 };
	struct sock_addr peer;

	assert_int_equal(sock_get_peer(s, &peer), -ENOTCONN);
	assert_int_equal(
	    sock_connect(s, &(struct sock_addr){ FX_PEER, 0 }), -EINVAL);
	/* MUST-46: neither broadcast nor multicast */
	assert_int_equal(
	    sock_connect(s, &(struct sock_addr){ FX_BCAST, 1 }), -ENETUNREACH);
	assert_int_equal(sock_connect(s, &(struct sock_addr){ 0xffffffff, 1 }),
	    -ENETUNREACH);
	assert_int_equal(sock_connect(s, &(struct sock_addr){ 0xe0000001, 1 }),
	    -ENETUNREACH);
	ip_set_config(&fx.dev, &alone);
	assert_int_equal(
	    sock_connect(s, &(struct sock_addr){ FX_FAR, 1 }), -ENETUNREACH);
	fx_hoard(&fx.st.conns);
	assert_int_equal(
	    sock_connect(s, &(struct sock_addr){ FX_PEER, 1 }), -ENOBUFS);
	fx_hoard_give(&fx.st.conns, FX_ANY);
	expect_nothing(1000);
	sock_close(s);
}

static void never_connected_socket_shows_hangup(void **state)
{
	struct sock *s = fresh();

	assert_int_equal(sock_events(s), SOCK_HANGUP | SOCK_WRITABLE);
	assert_int_equal(sock_send(s, "x", 1, 0, NULL), -ENOTCONN);
	assert_int_equal(fx_recv_state(s), -ENOTCONN);
	assert_int_equal(sock_shutdown(s, SOCK_SHUT_WR), -ENOTCONN);
	sock_close(s);
}

/* RFC 6056: the same pair of addresses twice, at different ports. */
static void connections_get_ports_of_their_own(void **state)
{
	struct sock *s[10];
	uint16_t port[10];

	for (unsigned i = 0; i < 10; i++) {
		s[i] = fx_connecting();
		port[i] = fx.c.port;
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(port[i], port[k]);
	}
	for (unsigned i = 0; i < 10; i++)
		sock_close(s[i]);
	expect_nothing(0); /* SYN-SENT closes without a word */
}

static void bound_port_is_kept_by_connect(void **state)
{
	struct sock *s = fresh();
	const struct sock_addr to = { FX_PEER, 40000 };

	assert_int_equal(sock_bind(s, &(struct sock_addr){ FX_IP, 1234 }), 0);
	assert_int_equal(sock_connect(s, &to), -EINPROGRESS);
	fx.c.port = 1234;
	out(.flags = S);
	sock_close(s);
}

/* --- send ---------------------------------------------------------------- */

static void send_takes_what_the_buffer_holds(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);
	struct watcher w;

	sock_set_opt(s, SOCK_OPT_SNDBUF, 9000);
	watch(s, &w);
	assert_int_equal(fx_send(s, 0), 0);
	assert_int_equal(fx_send(s, 20000), 9000);
	assert_int_equal(fx_send(s, 1), -EAGAIN);
	assert_int_equal(sock_events(s) & SOCK_WRITABLE, 0);
	fx_forget_frames();
	in(.flags = A, .seq = 1, .ack = 1001);
	assert_int_equal(w.events & SOCK_WRITABLE, 0); /* not for so little */
	in(.flags = A, .seq = 1, .ack = 4001);
	assert_true(w.events & SOCK_WRITABLE);
	assert_true(sock_events(s) & SOCK_WRITABLE);
	assert_int_equal(fx_send(s, 20000), 4000);
	fx_forget_frames();
	unwatch(&w);
	fx_abort(s);
}

/* All that was given was taken, yet the level says "not writable": then the
 * change is told too. */
static void poller_after_a_large_write_is_woken(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);
	struct watcher w;

	assert_int_equal(fx_send(s, 50000), 50000);
	assert_int_equal(sock_events(s) & SOCK_WRITABLE, 0);
	watch(s, &w);
	for (uint32_t n = 10001; n <= 50001; n += 10000) {
		fx_forget_frames();
		in(.flags = A, .seq = 1, .ack = n);
	}
	assert_true(sock_events(s) & SOCK_WRITABLE);
	assert_true(w.events & SOCK_WRITABLE);
	fx_forget_frames();
	unwatch(&w);
	fx_abort(s);
}

/* Peers that do not read cannot take the last chunks: what others send us still
 * finds room. */
static void senders_leave_chunks_for_receiving(void **state)
{
	struct sock *s[9];
	uint16_t first = fx.c.peer_port;

	for (unsigned n = 0; n < 9; n++) {
		s[n] = fx_accepted(1000, 1000);
		for (unsigned i = 0; n < 8 && i < 20; i++)
			if (fx_send(s[n], 4096) <= 0)
				break;
		if (n < 8)
			fx_next_conn();
	}
	assert_true(pool_available(&fx.st.chunks) > 0);
	fx_forget_frames();
	in(.flags = PA, .seq = 1, .ack = 1, .len = 1000);
	assert_int_equal(fx_read(s[8], 2000), 1000);
	fx_forget_frames();
	for (unsigned n = 0; n < 9; n++) {
		fx.c.peer_port = (uint16_t)(first + n);
		fx_abort(s[n]);
	}
}

static void one_large_write_leaves_chunks_for_receiving(void **state)
{
	struct sock *s[9];
	uint16_t first = fx.c.peer_port;

	for (unsigned n = 0; n < 9; n++) {
		s[n] = fx_accepted(1000, 1000);
		if (n < 8) {
			fx_send(s[n], 65535);
			fx_next_conn();
		}
	}
	fx_forget_frames();
	in(.flags = PA, .seq = 1, .ack = 1, .len = 1000);
	assert_int_equal(fx_read(s[8], 2000), 1000);
	fx_forget_frames();
	for (unsigned n = 0; n < 9; n++) {
		fx.c.peer_port = (uint16_t)(first + n);
		fx_abort(s[n]);
	}
}

/* The pool of chunks is empty: the writer is told to wait, shows no WRITABLE,
 * and is woken when somebody gives a chunk back. */
static void writer_waits_for_a_chunk(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);
	struct watcher w;

	fx_hoard(&fx.st.chunks);
	watch(s, &w);
	assert_int_equal(fx_send(s, 100), -EAGAIN);
	assert_int_equal(sock_events(s) & SOCK_WRITABLE, 0);
	fx_run_ms(1000);
	assert_int_equal(w.calls, 0);
	fx_hoard_give(&fx.st.chunks, 2);
	/* a reader elsewhere gives one back */
	{
		struct byteq q = { 0 };

		assert_int_equal(byteq_write(&fx.st, &q, "x", 1), 1);
		byteq_drop(&fx.st, &q, 1);
	}
	assert_true(w.events & SOCK_WRITABLE);
	assert_true(sock_events(s) & SOCK_WRITABLE);
	assert_int_equal(fx_send(s, 100), 100);
	out(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	unwatch(&w);
	fx_abort(s);
}

/* One who was woken and does not write must not keep others asleep. */
static void every_waiting_writer_gets_a_chunk(void **state)
{
	struct sock *s[3];
	struct watcher w[3];
	struct byteq q = { 0 };

	for (unsigned i = 0; i < 3; i++) {
		s[i] = fx_accepted(1000, WIDE);
		fx_next_conn();
		watch(s[i], &w[i]);
	}
	assert_int_equal(byteq_write(&fx.st, &q, "x", 1), 1);
	fx_hoard(&fx.st.chunks);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fx_send(s[i], 100), -EAGAIN);
	byteq_drop(&fx.st, &q, 1);
	/* s[0] has lost interest; the chunk is still there. */
	fx_run_ms(5000);
	assert_true(w[1].calls + w[2].calls > 0);
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	for (unsigned i = 0; i < 3; i++) {
		unwatch(&w[i]);
		fx_abort(s[i]);
	}
}

static void waiting_writer_may_close(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_hoard(&fx.st.chunks);
	assert_int_equal(fx_send(s, 100), -EAGAIN);
	fx_abort(s);
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	{
		struct byteq q = { 0 };

		byteq_write(&fx.st, &q, "x", 1);
		byteq_drop(&fx.st, &q, 1);
	}
}

static void partial_write_when_chunks_end(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);
	ptrdiff_t n;

	fx_hoard(&fx.st.chunks);
	fx_hoard_give(&fx.st.chunks, 1);
	n = fx_send(s, 5000);
	assert_in_range(n, 1900, 2048);
	out(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	in(.flags = A, .seq = 1, .ack = 1001);
	fx_forget_frames();
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	fx_abort(s);
}

static void send_after_shutdown_is_a_broken_pipe(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	assert_int_equal(sock_shutdown(s, SOCK_SHUT_WR), 0);
	out(.flags = FA, .seq = 1, .ack = 1);
	assert_int_equal(fx_send(s, 1), -EPIPE);
	assert_int_equal(sock_send_ref(s, "x", 1, 0), -EPIPE);
	assert_int_equal(sock_shutdown(s, SOCK_SHUT_WR), 0); /* harmless */
	expect_nothing(100);
	fx_abort(s);
}

static void send_after_reset_tells_it_once(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	in(.flags = R, .seq = 1);
	assert_true(sock_events(s) & SOCK_ERROR);
	assert_true(sock_events(s) & SOCK_HANGUP);
	assert_int_equal(fx_send(s, 1), -ECONNRESET);
	assert_int_equal(fx_send(s, 1), -EPIPE);
	assert_int_equal(fx_recv_state(s), 0);
	assert_int_equal(sock_shutdown(s, SOCK_SHUT_BOTH), -ENOTCONN);
	sock_close(s);
}

/* --- recv ---------------------------------------------------------------- */

static void recv_gives_what_is_there(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);
	uint8_t got[100], want[100];
	struct sock_addr from;
	struct watcher w;

	watch(s, &w);
	assert_int_equal(fx_recv_state(s), -EAGAIN);
	assert_int_equal(sock_events(s) & SOCK_READABLE, 0);
	in(.flags = PA, .seq = 1, .ack = 1, .len = 50);
	assert_int_equal(w.calls, 1);
	assert_true(sock_events(s) & SOCK_READABLE);
	assert_int_equal(sock_recv(s, got, 100, SOCK_PEEK, NULL), 50);
	fx_pattern(want, true, 1, 50);
	assert_memory_equal(got, want, 50);
	assert_int_equal(sock_recv(s, got, 20, 0, &from), 20);
	assert_int_equal(from.port, fx.c.peer_port);
	fx.c.received = 20;
	assert_int_equal(fx_read(s, 100), 30);
	fx_run_ms(100);
	fx_forget_frames();
	unwatch(&w);
	fx_abort(s);
}

static void end_of_stream_is_zero_again_and_again(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);
	struct watcher w;

	watch(s, &w);
	in(.flags = FA, .seq = 1, .ack = 1);
	out(.flags = A, .seq = 1, .ack = 2);
	assert_true(w.events & SOCK_READABLE);
	assert_true(w.events & SOCK_PEER_SHUT);
	assert_int_equal(
	    sock_events(s), SOCK_READABLE | SOCK_PEER_SHUT | SOCK_WRITABLE);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fx_recv_state(s), 0);
	sock_shutdown(s, SOCK_SHUT_WR);
	assert_true(sock_events(s) & SOCK_HANGUP);
	fx_forget_frames();
	unwatch(&w);
	fx_abort(s);
}

/* SHUT_RD: what comes is acknowledged and goes nowhere. */
static void shut_receiving_side_swallows(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	in(.flags = A, .seq = 1, .ack = 1, .len = 500);
	assert_int_equal(sock_shutdown(s, SOCK_SHUT_RD), 0);
	assert_int_equal(fx_recv_state(s), 0);
	fx_run_ms(50);
	fx_forget_frames();
	for (uint32_t i = 0; i < 100; i++) {
		in(.flags = A, .seq = 501 + i * 1000, .ack = 1, .len = 1000);
		if (i % 2)
			out(.flags = A, .seq = 1, .ack = 1501 + i * 1000);
	}
	assert_int_equal(fx.st.chunks.in_use, 0);
	assert_int_equal(fx_recv_state(s), 0);
	fx_send(s, 10);
	fx_forget_frames();
	fx_abort(s);
}

/* --- close --------------------------------------------------------------- */

static void close_sends_what_is_queued_and_fin(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_send_flags(s, 2500, SOCK_MORE);
	sock_close(s);
	out(.flags = A, .seq = 1, .ack = 1, .len = 1000);
	out(.flags = A, .seq = 1001, .ack = 1, .len = 1000);
	out(.flags = FPA, .seq = 2001, .ack = 1, .len = 500);
	assert_int_equal(fx.st.socks.in_use, 0);
	in(.flags = A, .seq = 1, .ack = 2502);
	assert_state(FIN_WAIT_2);
	in(.flags = FA, .seq = 1, .ack = 2502);
	out(.flags = A, .seq = 2502, .ack = 2);
	assert_state(TIME_WAIT);
}

/* 3.6.1, RFC 1122 4.2.2.13: data that nobody read makes it a reset. */
static void close_with_unread_data_resets(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	in(.flags = PA, .seq = 1, .ack = 1, .len = 100);
	sock_close(s);
	out(.flags = RA, .seq = 1, .ack = 101);
	assert_state(CLOSED);
	expect_nothing(1000);
}

static void close_after_half_close_with_unread_data_resets(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	in(.flags = FPA, .seq = 1, .ack = 1, .len = 100);
	out(.flags = A, .seq = 1, .ack = 102);
	sock_close(s);
	out(.flags = RA, .seq = 1, .ack = 102);
	assert_state(CLOSED);
}

static void linger_zero_resets_in_every_state(void **state)
{
	/* established, half-closed by us, by the peer */
	for (unsigned i = 0; i < 3; i++) {
		struct sock *s = fx_accepted(1000, WIDE);

		if (i == 1)
			sock_shutdown(s, SOCK_SHUT_WR);
		if (i == 2)
			in(.flags = FA, .seq = 1, .ack = 1);
		fx_forget_frames();
		sock_set_opt(s, SOCK_OPT_LINGER, 0);
		sock_close(s);
		assert_int_equal(fx_any_seg(0).flags, RA);
		assert_state(CLOSED);
		expect_nothing(100);
		fx_next_conn();
	}
}

static void close_of_syn_received_sends_fin_later(void **state)
{
	struct sock *s = fx_connecting();

	in(.flags = S, .seq = 0);
	out(.flags = SA, .ack = 1);
	sock_close(s);
	expect_nothing(0);
	in(.flags = A, .seq = 1, .ack = 1);
	out(.flags = FA, .seq = 1, .ack = 1);
	assert_state(FIN_WAIT_1);
	in(.flags = R, .seq = 1);
}

static void close_while_connecting_forgets_the_attempt(void **state)
{
	struct sock *s = fx_connecting();

	sock_close(s);
	assert_int_equal(fx.st.conns.in_use, 0);
	expect_nothing(200000);
	in(.flags = SA, .ack = 1); /* too late */
	out(.flags = R, .seq = 1);
}

static void close_of_an_ended_connection_is_silent(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	in(.flags = R, .seq = 1);
	sock_close(s);
	expect_nothing(1000);
	assert_int_equal(fx.st.conns.in_use, 0);
}

/* --- Options ------------------------------------------------------------- */

static void options_are_checked_and_remembered(void **state)
{
	struct sock *s = fresh();
	int value;

	assert_int_equal(sock_get_opt(s, SOCK_OPT_TYPE, &value), 0);
	assert_int_equal(value, SOCK_TYPE_TCP);
	assert_int_equal(sock_get_opt(s, SOCK_OPT_LINGER, &value), 0);
	assert_int_equal(value, -1);
	sock_set_opt(s, SOCK_OPT_LINGER, 5);
	sock_get_opt(s, SOCK_OPT_LINGER, &value);
	assert_int_equal(value, 5);
	assert_int_equal(sock_set_opt(s, SOCK_OPT_SNDBUF, -1), -EINVAL);
	assert_int_equal(sock_set_opt(s, SOCK_OPT_SNDBUF, 0), 0);
	sock_get_opt(s, SOCK_OPT_SNDBUF, &value);
	assert_true(value > 0);
	assert_int_equal(sock_set_opt(s, SOCK_OPT_RCVBUF, 1 << 30), 0);
	sock_get_opt(s, SOCK_OPT_RCVBUF, &value);
	assert_true(value <= 4 << 20);
	assert_int_equal(sock_set_opt(s, SOCK_OPT_ERROR, 1), -ENOPROTOOPT);
	assert_int_equal(sock_set_opt(s, SOCK_OPT_TYPE, 1), -ENOPROTOOPT);
	assert_int_equal(sock_set_opt(s, (enum sock_opt)99, 1), -ENOPROTOOPT);
	assert_int_equal(
	    sock_get_opt(s, (enum sock_opt)99, &value), -ENOPROTOOPT);
	sock_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(ports_belong_to_one_listener),
		fx_test(port_is_free_while_connections_close),
		fx_test(listen_has_its_errors),
		fx_test(accept_takes_the_oldest_and_inherits),
		fx_test(listener_is_woken_once_a_connection_is_complete),
		fx_test(reset_before_accept_empties_the_queue),
		fx_test(closing_a_listener_resets_its_connections),
		fx_test(connect_tells_its_outcome_once),
		fx_test(refused_connect_shows_error_and_hangup),
		fx_test(peer_has_a_name_while_it_is_connected),
		fx_test(connect_has_its_errors),
		fx_test(never_connected_socket_shows_hangup),
		fx_test(connections_get_ports_of_their_own),
		fx_test(bound_port_is_kept_by_connect),
		fx_test(send_takes_what_the_buffer_holds),
		fx_test(poller_after_a_large_write_is_woken),
		fx_test(senders_leave_chunks_for_receiving),
		fx_test(one_large_write_leaves_chunks_for_receiving),
		fx_test(writer_waits_for_a_chunk),
		fx_test(every_waiting_writer_gets_a_chunk),
		fx_test(waiting_writer_may_close),
		fx_test(partial_write_when_chunks_end),
		fx_test(send_after_shutdown_is_a_broken_pipe),
		fx_test(send_after_reset_tells_it_once),
		fx_test(recv_gives_what_is_there),
		fx_test(end_of_stream_is_zero_again_and_again),
		fx_test(shut_receiving_side_swallows),
		fx_test(close_sends_what_is_queued_and_fin),
		fx_test(close_with_unread_data_resets),
		fx_test(close_after_half_close_with_unread_data_resets),
		fx_test(linger_zero_resets_in_every_state),
		fx_test(close_of_syn_received_sends_fin_later),
		fx_test(close_while_connecting_forgets_the_attempt),
		fx_test(close_of_an_ended_connection_is_silent),
		fx_test(options_are_checked_and_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Tests posix/socket.c and posix/fd.c: blocking calls, limits, mistakes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "include/arpa/inet.h"
#include "include/errno.h"
#include "include/fcntl.h"
#include "include/netinet/tcp.h"
#include "include/poll.h"
#include "include/string.h"
#include "include/sys/ioctl.h"
#include "include/sys/socket.h"
#include "include/sys/stat.h"
#include "include/sys/time.h"
#include "include/sys/uio.h"
#include "include/unistd.h"
#include "arch/arch.h"
#include "posix/posix.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/support/posix_test.h"

#define FAILS(call, number)                                                    \
	do {                                                                   \
		errno = 0;                                                     \
		assert_int_equal(call, -1);                                    \
		assert_int_equal(errno, number);                               \
	} while (0)

static int pair[2];

static int start(void **state)
{
	posix_test_start();
	posix_test_pair(pair);
	return 0;
}

static int stop(void **state)
{
	assert_int_equal(close(pair[0]), 0);
	assert_int_equal(close(pair[1]), 0);
	posix_test_stop();
	return 0;
}

static struct sockaddr_in address(const char *ip, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	return a;
}

static int connect_to(int fd, const char *ip, uint16_t port)
{
	struct sockaddr_in a = address(ip, port);

	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static int bind_to(int fd, uint16_t port)
{
	struct sockaddr_in a = address("127.0.0.1", port);

	return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

/* What a thread did, for main to look at. */
struct job {
	int fd;
	ssize_t result;
	int error;
	bool done;
	uint64_t took_ns;
	char buf[64];
};

static void finish(struct job *j, ssize_t result, uint64_t start_ns)
{
	j->result = result;
	j->error = errno;
	j->took_ns = arch_clock_ns() - start_ns;
	j->done = true;
}

static void read_job(void *arg)
{
	struct job *j = arg;
	uint64_t start_ns = arch_clock_ns();

	finish(j, read(j->fd, j->buf, sizeof(j->buf)), start_ns);
}

static void accept_job(void *arg)
{
	struct job *j = arg;
	uint64_t start_ns = arch_clock_ns();

	finish(j, accept(j->fd, NULL, NULL), start_ns);
}

#define BULK 300000

static uint8_t bulk[BULK];

static void write_bulk_job(void *arg)
{
	struct job *j = arg;
	uint64_t start_ns = arch_clock_ns();

	finish(j, write(j->fd, bulk, sizeof(bulk)), start_ns);
}

static void start_job(struct job *j, void (*fn)(void *), int fd)
{
	memset(j, 0, sizeof(*j));
	j->fd = fd;
	assert_non_null(thread_create("job", fn, j));
	thread_yield();
}

static void wait_job(const struct job *j, uint64_t ms)
{
	uint64_t i;

	for (i = 0; i < ms && !j->done; i++)
		posix_test_sleep_ms(1);
	assert_true(j->done);
}

/* --- Blocking ------------------------------------------------------------ */

static void read_waits_for_bytes(void **state)
{
	struct job j;

	start_job(&j, read_job, pair[1]);
	posix_test_sleep_ms(100);
	assert_false(j.done);
	assert_int_equal(write(pair[0], "hello", 5), 5);
	wait_job(&j, 10);
	assert_int_equal(j.result, 5);
	assert_memory_equal(j.buf, "hello", 5);
}

static void read_is_zero_at_the_end(void **state)
{
	char c;

	assert_int_equal(write(pair[0], "x", 1), 1);
	assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
	assert_int_equal(read(pair[1], &c, 1), 1);
	assert_int_equal(read(pair[1], &c, 1), 0);
	assert_int_equal(read(pair[1], &c, 1), 0);
	assert_int_equal(write(pair[1], "y", 1), 1);
	assert_int_equal(read(pair[0], &c, 1), 1);
}

static void write_waits_until_all_is_taken(void **state)
{
	static uint8_t got[BULK];
	struct job j;
	size_t n = 0, i;
	ssize_t rc;

	for (i = 0; i < BULK; i++)
		bulk[i] = (uint8_t)(i * 7 + i / 256);
	start_job(&j, write_bulk_job, pair[0]);
	posix_test_sleep_ms(50);
	assert_false(j.done);
	while (n < BULK && (rc = read(pair[1], got + n, BULK - n)) > 0)
		n += (size_t)rc;
	wait_job(&j, 10);
	assert_int_equal(j.result, BULK);
	assert_int_equal(n, BULK);
	assert_memory_equal(got, bulk, BULK);
}

static void nonblocking_write_takes_what_fits(void **state)
{
	ssize_t n;

	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	n = write(pair[0], bulk, sizeof(bulk));
	assert_true(n > 0 && n < BULK);
	posix_test_sleep_ms(50);
	while (write(pair[0], bulk, sizeof(bulk)) > 0)
		posix_test_sleep_ms(50);
	assert_int_equal(errno, EAGAIN);
}

static void nonblocking_comes_by_every_way(void **state)
{
	char c;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	close(fd);
	FAILS(recv(pair[1], &c, 1, MSG_DONTWAIT), EAGAIN);
	assert_int_equal(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
	FAILS(read(pair[1], &c, 1), EAGAIN);
	fd = posix_test_listen(80, 1);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	FAILS(accept(fd, NULL, NULL), EAGAIN);
	close(fd);
}

static void peek_leaves_the_bytes(void **state)
{
	char buf[4];

	assert_int_equal(send(pair[0], "abc", 3, MSG_NOSIGNAL), 3);
	assert_int_equal(recv(pair[1], buf, 4, MSG_PEEK), 3);
	assert_int_equal(recv(pair[1], buf, 4, 0), 3);
	assert_memory_equal(buf, "abc", 3);
}

static void wait_all_waits_for_all(void **state)
{
	struct job j;
	char buf[6];

	assert_int_equal(write(pair[0], "abc", 3), 3);
	start_job(&j, read_job, pair[0]); /* somebody else's wait */
	assert_int_equal(write(pair[1], "x", 1), 1);
	assert_int_equal(write(pair[0], "def", 3), 3);
	assert_int_equal(recv(pair[1], buf, 6, MSG_WAITALL), 6);
	assert_memory_equal(buf, "abcdef", 6);
	wait_job(&j, 10);
}

static void receive_timeout_ends_a_read(void **state)
{
	struct timeval limit = { .tv_usec = 250000 }, told;
	socklen_t len = sizeof(told);
	struct job j;

	assert_int_equal(
	    setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)),
	    0);
	assert_int_equal(
	    getsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &told, &len), 0);
	assert_int_equal(told.tv_usec, 250000);
	start_job(&j, read_job, pair[1]);
	wait_job(&j, 300);
	assert_int_equal(j.result, -1);
	assert_int_equal(j.error, EAGAIN);
	assert_true(j.took_ns >= 250 * NS_PER_MS);
	assert_true(j.took_ns < 255 * NS_PER_MS);
}

static void send_timeout_tells_what_was_taken(void **state)
{
	struct timeval limit = { .tv_sec = 1 };
	struct job j;

	setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	start_job(&j, write_bulk_job, pair[0]);
	wait_job(&j, 3000);
	assert_true(j.result > 0 && j.result < BULK);
	/* Probes may still find the bytes that a scaled window cannot tell. */
	do {
		start_job(&j, write_bulk_job, pair[0]);
		wait_job(&j, 3000);
	} while (j.result > 0 && j.result < 100);
	assert_int_equal(j.result, -1);
	assert_int_equal(j.error, EAGAIN);
}

/* --- Accept -------------------------------------------------------------- */

static void one_connection_wakes_one_acceptor(void **state)
{
	int listener = posix_test_listen(80, 4), c1, c2;
	struct job a, b;

	start_job(&a, accept_job, listener);
	start_job(&b, accept_job, listener);
	c1 = posix_test_connect(80);
	posix_test_sleep_ms(10);
	assert_int_equal(a.done + b.done, 1);
	c2 = posix_test_connect(80);
	posix_test_sleep_ms(10);
	assert_int_equal(a.done + b.done, 2);
	assert_true(a.result >= 0 && b.result >= 0);
	close((int)a.result);
	close((int)b.result);
	close(c1);
	close(c2);
	close(listener);
}

/* Two switches for the job and the test, and none for the others. */
static void the_other_acceptors_do_not_even_run(void **state)
{
	int listener = posix_test_listen(80, 4), fd, i;
	struct sched_stats before, after;
	struct job j[20];

	for (i = 0; i < 20; i++)
		start_job(&j[i], accept_job, listener);
	sched_get_stats(&before);
	fd = posix_test_connect(80);
	posix_test_sleep_ms(10);
	sched_get_stats(&after);
	assert_true(after.switches - before.switches < 10);
	close(fd);
	close(listener);
	for (i = 0; i < 20; i++) {
		wait_job(&j[i], 10);
		if (j[i].result >= 0)
			close((int)j[i].result);
	}
}

static void accept_tells_the_peer(void **state)
{
	int listener = posix_test_listen(80, 4), fd = posix_test_connect(80);
	struct sockaddr_in peer, local;
	socklen_t len = sizeof(peer);
	int got = accept4(listener, (struct sockaddr *)&peer, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	assert_int_equal(len, sizeof(peer));
	assert_int_equal(fcntl(got, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	len = sizeof(local);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &len), 0);
	assert_memory_equal(&peer, &local, sizeof(peer));
	assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &len), 0);
	assert_int_equal(ntohs(peer.sin_port), 80);
	assert_string_equal(inet_ntoa(peer.sin_addr), "127.0.0.1");
	len = 4;
	assert_int_equal(getpeername(got, (struct sockaddr *)&peer, &len), 0);
	assert_int_equal(len, sizeof(peer));
	close(got);
	close(fd);
	close(listener);
}

static void a_full_table_keeps_the_connection_waiting(void **state)
{
	int listener = posix_test_listen(80, 4), fd = posix_test_connect(80);
	int all[POSIX_TEST_FDS], n = 0, got;

	posix_test_add_file("/a", "x", 1, 0);
	while ((all[n] = open("/a", O_RDONLY)) >= 0)
		n++;
	assert_int_equal(errno, EMFILE);
	FAILS(accept(listener, NULL, NULL), EMFILE);
	FAILS(socket(AF_INET, SOCK_STREAM, 0), EMFILE);
	close(all[--n]);
	got = accept(listener, NULL, NULL);
	assert_true(got >= 0);
	close(got);
	while (n > 0)
		close(all[--n]);
	close(fd);
	close(listener);
}

/* --- Closing under a waiter ---------------------------------------------- */

static void close_wakes_a_reader_with_ebadf(void **state)
{
	int lower = socket(AF_INET, SOCK_DGRAM, 0);
	struct job j;

	start_job(&j, read_job, pair[1]);
	assert_int_equal(close(pair[1]), 0);
	/* The number goes to somebody else before the reader runs. */
	assert_int_equal(socket(AF_INET, SOCK_DGRAM, 0), pair[1]);
	wait_job(&j, 10);
	assert_int_equal(j.result, -1);
	assert_int_equal(j.error, EBADF);
	close(lower);
}

static void close_wakes_every_acceptor(void **state)
{
	int listener = posix_test_listen(80, 4), i;
	struct job j[3];

	for (i = 0; i < 3; i++)
		start_job(&j[i], accept_job, listener);
	assert_int_equal(close(listener), 0);
	for (i = 0; i < 3; i++) {
		wait_job(&j[i], 10);
		assert_int_equal(j[i].result, -1);
		assert_int_equal(j[i].error, EBADF);
	}
}

static void close_wakes_a_writer(void **state)
{
	struct job j;

	start_job(&j, write_bulk_job, pair[0]);
	posix_test_sleep_ms(50);
	assert_int_equal(close(pair[0]), 0);
	wait_job(&j, 10);
	/* It had been given some bytes, and tells how many. */
	assert_true(j.result > 0 && j.result < BULK);
	pair[0] = socket(AF_INET, SOCK_DGRAM, 0);
}

static void close_lets_the_peer_read_the_end(void **state)
{
	struct job j;
	char c;

	start_job(&j, read_job, pair[1]);
	close(pair[1]);
	wait_job(&j, 10);
	assert_int_equal(read(pair[0], &c, 1), 0);
	pair[1] = socket(AF_INET, SOCK_DGRAM, 0);
}

static void close_job(void *arg)
{
	struct job *j = arg;

	finish(j, close(j->fd), arch_clock_ns());
}

/* Often enough for close's own scheduling point to lie between the two. */
static void only_one_of_two_threads_closes_a_number(void **state)
{
	struct job j;
	int i, fd, rc;

	for (i = 0; i < 64; i++) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		start_job(&j, close_job, fd);
		rc = close(fd);
		wait_job(&j, 10);
		assert_int_equal(rc + j.result, -1);
	}
}

static void the_lowest_number_is_taken(void **state)
{
	int lower = socket(AF_INET, SOCK_DGRAM, 0);
	int a = socket(AF_INET, SOCK_DGRAM, 0);
	int b = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(b, a + 1);
	close(a);
	assert_int_equal(socket(AF_INET, SOCK_DGRAM, 0), a);
	close(lower);
	close(a);
	close(b);
	FAILS(close(b), EBADF);
	FAILS(close(-1), EBADF);
	FAILS(close(POSIX_TEST_FDS), EBADF);
}

/* --- Connect ------------------------------------------------------------- */

static void a_refused_connection_says_so(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	FAILS(connect_to(fd, "127.0.0.1", 81), ECONNREFUSED);
	close(fd);
}

static void connect_goes_through_its_states(void **state)
{
	int listener = posix_test_listen(80, 4);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	FAILS(connect_to(fd, "127.0.0.1", 80), EINPROGRESS);
	posix_test_sleep_ms(10);
	assert_int_equal(connect_to(fd, "127.0.0.1", 80), 0);
	FAILS(connect_to(fd, "127.0.0.1", 80), EISCONN);
	close(fd);
	close(listener);
}

static void writing_to_a_reset_connection_is_an_error_then_epipe(void **state)
{
	struct linger hard = { 1, 0 }, told = { 0 };
	socklen_t len = sizeof(told);
	char c;

	setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	assert_int_equal(
	    getsockopt(pair[0], SOL_SOCKET, SO_LINGER, &told, &len), 0);
	assert_int_equal(told.l_onoff, 1);
	assert_int_equal(told.l_linger, 0);
	close(pair[0]);
	posix_test_sleep_ms(10);
	FAILS(read(pair[1], &c, 1), ECONNRESET);
	assert_int_equal(read(pair[1], &c, 1), 0);
	FAILS(write(pair[1], "x", 1), EPIPE);
	pair[0] = socket(AF_INET, SOCK_DGRAM, 0);
}

static void read_all_job(void *arg)
{
	struct job *j = arg;

	finish(j, recv(j->fd, j->buf, sizeof(j->buf), MSG_WAITALL), 0);
}

/* Resets pair[0]; what stop closes in its place is another. */
static void reset_pair(void)
{
	struct linger hard = { 1, 0 };

	setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(pair[0]);
	posix_test_sleep_ms(10);
	pair[0] = socket(AF_INET, SOCK_DGRAM, 0);
}

/* A reset behind a part must not look as the stream's end. */
static void failure_behind_a_part_is_told_next(void **state)
{
	struct job j;
	char c;

	start_job(&j, read_all_job, pair[1]);
	assert_int_equal(write(pair[0], "abc", 3), 3);
	posix_test_sleep_ms(10);
	reset_pair();
	wait_job(&j, 10);
	assert_int_equal(j.result, 3);
	FAILS(read(pair[1], &c, 1), ECONNRESET);
	assert_int_equal(read(pair[1], &c, 1), 0);
}

static void failure_behind_a_part_that_was_sent_is_told_next(void **state)
{
	struct job j;

	start_job(&j, write_bulk_job, pair[1]);
	posix_test_sleep_ms(100);
	reset_pair();
	wait_job(&j, 10);
	assert_in_range(j.result, 1, BULK - 1);
	FAILS(write(pair[1], "x", 1), ECONNRESET);
	FAILS(write(pair[1], "x", 1), EPIPE);
}

static void writing_after_shutdown_is_epipe(void **state)
{
	shutdown(pair[0], SHUT_WR);
	FAILS(write(pair[0], "x", 1), EPIPE);
}

/* --- Datagrams ----------------------------------------------------------- */

static void datagrams_keep_their_bounds_and_senders(void **state)
{
	int a = socket(AF_INET, SOCK_DGRAM, 0);
	int b = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	struct sockaddr_in to = address("127.0.0.1", 1001), from;
	socklen_t len = sizeof(from);
	char buf[8];

	assert_int_equal(bind_to(a, 1000), 0);
	assert_int_equal(bind_to(b, 1001), 0);
	assert_int_equal(
	    sendto(a, "one", 3, 0, (struct sockaddr *)&to, sizeof(to)), 3);
	assert_int_equal(
	    sendto(a, "", 0, 0, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(
	    recvfrom(b, buf, 2, 0, (struct sockaddr *)&from, &len), 2);
	assert_int_equal(ntohs(from.sin_port), 1000);
	assert_int_equal(recv(b, buf, 8, 0), 0);
	FAILS(recv(b, buf, 8, MSG_DONTWAIT), EAGAIN);
	FAILS(send(a, "x", 1, 0), EDESTADDRREQ);
	assert_int_equal(connect_to(a, "127.0.0.1", 1001), 0);
	assert_int_equal(send(a, "x", 1, 0), 1);
	assert_int_equal(recv(b, buf, 8, 0), 1);
	close(a);
	close(b);
}

/* --- Gathered ------------------------------------------------------------ */

static void pieces_are_gathered_and_scattered(void **state)
{
	char a[3], b[5];
	struct iovec out[3] = { { "ab", 2 }, { NULL, 0 }, { "cdef", 4 } };
	struct iovec in[2] = { { a, 3 }, { b, 5 } };
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(writev(pair[0], out, 3), 6);
	posix_test_sleep_ms(10);
	assert_int_equal(readv(pair[1], in, 2), 6);
	assert_memory_equal(a, "abc", 3);
	assert_memory_equal(b, "def", 3);
	FAILS(writev(pair[0], out, -1), EINVAL);
	FAILS(writev(udp, out, 3), EOPNOTSUPP);
	FAILS(readv(200, in, 2), EBADF);
	close(udp);
}

static void write_pieces_job(void *arg)
{
	struct job *j = arg;
	struct iovec out[2] = { { "a", 1 }, { "b", 1 } };

	finish(j, writev(j->fd, out, 2), 0);
}

/* Threads take turns at the system calls; wherever the turn comes, what another
 * file got the number does not get the rest of the pieces. */
static void pieces_stay_with_their_file(void **state)
{
	struct sockaddr_in to = address("127.0.0.1", 5000);
	int heard = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct job j;
	int filler;
	char c;

	assert_int_equal(bind_to(heard, 5000), 0);
	for (unsigned i = 0; i < 64; i++) {
		filler = socket(AF_INET, SOCK_DGRAM, 0);
		start_job(&j, write_pieces_job, pair[0]);
		assert_int_equal(close(pair[0]), 0);
		assert_int_equal(socket(AF_INET, SOCK_DGRAM, 0), pair[0]);
		connect(pair[0], (struct sockaddr *)&to, sizeof(to));
		wait_job(&j, 10);
		FAILS(read(heard, &c, 1), EAGAIN);
		close(pair[0]);
		close(pair[1]);
		close(filler);
		for (unsigned k = 0; k < i % 32; k++)
			FAILS(read(pair[0], &c, 1), EBADF);
		posix_test_pair(pair);
	}
	close(heard);
}

static void pieces_leave_in_one_segment(void **state)
{
	struct iovec out[3] = { { "ab", 2 }, { "cd", 2 }, { NULL, 0 } };
	uint64_t before = posix_test_value("tcp.segments_sent");

	assert_int_equal(writev(pair[0], out, 3), 4);
	assert_int_equal(posix_test_value("tcp.segments_sent"), before + 1);
}

/* --- Options ------------------------------------------------------------- */

static int option(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(getsockopt(fd, level, name, &v, &len), 0);
	assert_int_equal(len, sizeof(v));
	return v;
}

static void options_can_be_set_and_read(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, v;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len;

	assert_int_equal(option(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	assert_int_equal(option(udp, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	assert_int_equal(option(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
	assert_int_equal(option(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	assert_int_equal(option(udp, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
	assert_int_equal(option(fd, SOL_SOCKET, SO_ERROR), 0);
	assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	assert_int_equal(
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)), 0);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7200);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 75);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 9);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	FAILS(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, 2), EINVAL);
	FAILS(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &on, sizeof(on)), EINVAL);
	FAILS(setsockopt(fd, SOL_SOCKET, 9999, &on, sizeof(on)), ENOPROTOOPT);
	len = sizeof(v);
	FAILS(getsockopt(fd, 9999, 1, &v, &len), ENOPROTOOPT);
	close(fd);
	close(udp);
}

/* --- Mistakes ------------------------------------------------------------ */

static void mistakes_have_linuxs_numbers(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), file;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = address("127.0.0.1", 99);
	socklen_t len = sizeof(a);
	char c;

	posix_test_add_file("/a", "x", 1, 0);
	file = open("/a", O_RDONLY);
	FAILS(socket(AF_INET6, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(socket(AF_INET, 3, 0), EINVAL);
	FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
	FAILS(bind(file, (struct sockaddr *)&a, sizeof(a)), ENOTSOCK);
	FAILS(bind(200, (struct sockaddr *)&a, sizeof(a)), EBADF);
	FAILS(bind(fd, (struct sockaddr *)&a, 8), EINVAL);
	FAILS(bind(fd, NULL, sizeof(a)), EINVAL);
	FAILS(listen(udp, 1), EOPNOTSUPP);
	FAILS(accept(udp, NULL, NULL), EOPNOTSUPP);
	FAILS(accept(fd, NULL, NULL), EINVAL);
	FAILS(accept4(fd, NULL, NULL, 1), EINVAL);
	FAILS(shutdown(fd, SHUT_RD), ENOTCONN);
	FAILS(shutdown(pair[0], 9), EINVAL);
	FAILS(getpeername(fd, (struct sockaddr *)&a, &len), ENOTCONN);
	FAILS(recv(fd, &c, 1, 0), ENOTCONN);
	FAILS(send(fd, &c, 1, 0), ENOTCONN);
	FAILS(recv(file, &c, 1, 0), ENOTSOCK);
	FAILS(read(200, &c, 1), EBADF);
	FAILS(write(file, &c, 1), EBADF);
	FAILS(fcntl(200, F_GETFL), EBADF);
	FAILS(fcntl(fd, 77), EINVAL);
	a.sin_family = AF_INET6;
	FAILS(connect(fd, (struct sockaddr *)&a, sizeof(a)), EAFNOSUPPORT);
	close(fd);
	close(udp);
	close(file);
}

static void addresses_in_use_are_told(void **state)
{
	int a = posix_test_listen(80, 1), b = socket(AF_INET, SOCK_STREAM, 0);
	struct stat st;

	FAILS(bind_to(b, 80), EADDRINUSE);
	assert_int_equal(option(a, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(fstat(a, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	close(a);
	close(b);
}

/* --- Environments -------------------------------------------------------- */

static void environments_have_numbers_of_their_own(void **state)
{
	struct posix_env *other = posix_test_env(8, 65536);
	void *mine = thread_env();
	char c;

	thread_set_env(other);
	FAILS(read(pair[0], &c, 1), EBADF);
	assert_int_equal(socket(AF_INET, SOCK_DGRAM, 0), 3);
	assert_int_equal(close(3), 0);
	thread_set_env(mine);
}

static void a_busy_program_gives_other_threads_a_turn(void **state)
{
	struct job j;
	int i;

	memset(&j, 0, sizeof(j));
	j.fd = pair[1];
	thread_create("job", read_job, &j);
	assert_int_equal(write(pair[0], "x", 1), 1);
	/* Calls that never have to wait. */
	for (i = 0; i < 100; i++)
		write(pair[1], "", 0);
	assert_true(j.done);
}

/* --- SO_LINGER with a time ------------------------------------------------ */

/* Reads everything, after half a second. */
static void late_reader(void *arg)
{
	static char sink[4096];
	struct job *j = arg;

	posix_test_sleep_ms(500);
	while ((j->result = read(j->fd, sink, sizeof(sink))) > 0)
		;
	j->done = true;
}

/* More than the peer's buffer holds, then close; returns how long that took. */
static uint64_t close_lingering(int seconds, bool nonblock)
{
	static const char data[100000];
	struct linger l = { 1, seconds };
	uint64_t start_ns;

	setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	assert_int_equal(write(pair[0], data, sizeof(data)), sizeof(data));
	fcntl(pair[0], F_SETFL, nonblock ? O_NONBLOCK : 0);
	start_ns = arch_clock_ns();
	assert_int_equal(close(pair[0]), 0);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0); /* for stop to close */
	return arch_clock_ns() - start_ns;
}

static void lingering_close_waits_for_the_peer(void **state)
{
	struct job j = { .fd = pair[1] };

	thread_create("reader", late_reader, &j);
	assert_in_range(
	    close_lingering(5, false), 500 * NS_PER_MS, 900 * NS_PER_MS);
	posix_test_sleep_ms(100);
	assert_true(j.done);
	assert_int_equal(j.result, 0); /* all, and the end */
}

static void lingering_close_waits_no_longer_than_told(void **state)
{
	struct job j = { .fd = pair[1] };

	assert_in_range(close_lingering(2, false), 2 * NS_PER_S,
	    2 * NS_PER_S + 10 * NS_PER_MS);
	/* The rest is sent none the less. */
	late_reader(&j);
	assert_int_equal(j.result, 0);
}

static void nonblocking_close_does_not_linger(void **state)
{
	struct job j = { .fd = pair[1] };

	assert_true(close_lingering(5, true) < NS_PER_MS);
	late_reader(&j);
	assert_int_equal(j.result, 0);
}

static void unread_data_does_not_linger(void **state)
{
	struct linger l = { 1, 5 };
	uint64_t start_ns;
	char c;

	setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	assert_int_equal(write(pair[1], "x", 1), 1);
	posix_test_sleep_ms(10);
	start_ns = arch_clock_ns();
	assert_int_equal(close(pair[0]), 0);
	assert_true(arch_clock_ns() - start_ns < NS_PER_MS);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	FAILS(read(pair[1], &c, 1), ECONNRESET);
}

/* --- TCP_INFO, TCP_CONGESTION, ioctl -------------------------------------- */

static void tcp_info_fits_any_length(void **state)
{
	struct {
		struct tcp_info info;
		uint32_t guard;
	} a = { .guard = 7 };
	socklen_t len = sizeof(a);

	assert_int_equal(write(pair[0], "abc", 3), 3);
	posix_test_sleep_ms(100);
	assert_int_equal(
	    getsockopt(pair[0], IPPROTO_TCP, TCP_INFO, &a, &len), 0);
	assert_int_equal(len, sizeof(struct tcp_info));
	assert_int_equal(a.guard, 7);
	assert_int_equal(a.info.tcpi_state, TCP_ESTABLISHED);
	assert_int_equal(a.info.tcpi_bytes_acked, 3);
	memset(&a, 0xee, sizeof(a));
	len = 1;
	assert_int_equal(
	    getsockopt(pair[1], IPPROTO_TCP, TCP_INFO, &a, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(a.info.tcpi_state, TCP_ESTABLISHED);
	assert_int_equal(a.info.tcpi_ca_state, 0xee);
	len = 0x80000000u;
	FAILS(getsockopt(pair[1], IPPROTO_TCP, TCP_INFO, &a, &len), EINVAL);
	FAILS(setsockopt(pair[1], IPPROTO_TCP, TCP_INFO, &a, sizeof(a)),
	    ENOPROTOOPT);
}

static void congestion_control_is_chosen_by_name(void **state)
{
	char name[20] = "";
	socklen_t len = sizeof(name);

	assert_int_equal(
	    setsockopt(pair[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	assert_int_equal(
	    getsockopt(pair[0], IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
	assert_int_equal(len, TCP_CA_NAME_MAX);
	assert_string_equal(name, "reno");
	FAILS(setsockopt(pair[0], IPPROTO_TCP, TCP_CONGESTION,
	          "a name much too long", 20),
	    ENOENT);
	FAILS(setsockopt(pair[0], IPPROTO_TCP, TCP_CONGESTION, "", 0), EINVAL);
}

static void ioctl_tells_what_waits(void **state)
{
	int v = -1, udp = socket(AF_INET, SOCK_DGRAM, 0);
	char c;

	assert_int_equal(write(pair[0], "abcde", 5), 5);
	assert_int_equal(ioctl(pair[1], FIONREAD, &v), 0);
	assert_int_equal(v, 5);
	assert_int_equal(read(pair[1], &c, 1), 1);
	assert_int_equal(ioctl(pair[1], FIONREAD, &v), 0);
	assert_int_equal(v, 4);
	posix_test_sleep_ms(100);
	assert_int_equal(ioctl(pair[0], SIOCOUTQ, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(ioctl(udp, FIONREAD, &v), 0);
	assert_int_equal(v, 0);
	v = 1;
	assert_int_equal(ioctl(udp, FIONBIO, &v), 0);
	FAILS(recv(udp, &c, 1, 0), EAGAIN);
	FAILS(ioctl(udp, 0x1234, &v), ENOTTY);
	FAILS(ioctl(1, FIONREAD, &v), ENOTTY);
	FAILS(ioctl(99, FIONREAD, &v), EBADF);
	close(udp);
}

static void urgent_byte_is_found_in_line(void **state)
{
	struct pollfd p = { .fd = pair[1], .events = POLLPRI };
	char buf[16] = "";
	int v = 0;

	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(send(pair[0], "abc!", 4, MSG_OOB), 4);
	assert_int_equal(send(pair[0], "def", 3, 0), 3);
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_int_equal(p.revents, POLLPRI);
	assert_int_equal(sockatmark(pair[1]), 0);
	posix_test_sleep_ms(100);
	/* Not even a read that wants everything crosses the mark. */
	assert_int_equal(recv(pair[1], buf, 7, MSG_WAITALL), 3);
	assert_int_equal(sockatmark(pair[1]), 1);
	assert_int_equal(recv(pair[1], buf, 7, 0), 4);
	assert_memory_equal(buf, "!def", 4);
	assert_int_equal(sockatmark(pair[1]), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	FAILS(recv(pair[1], buf, 1, MSG_OOB), EINVAL);
	assert_int_equal(option(pair[1], SOL_SOCKET, SO_OOBINLINE), 1);
	FAILS(setsockopt(pair[1], SOL_SOCKET, SO_OOBINLINE, &v, sizeof(v)),
	    EINVAL);
	FAILS(sockatmark(99), EBADF);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(read_waits_for_bytes),
		T(read_is_zero_at_the_end),
		T(write_waits_until_all_is_taken),
		T(nonblocking_write_takes_what_fits),
		T(nonblocking_comes_by_every_way),
		T(peek_leaves_the_bytes),
		T(wait_all_waits_for_all),
		T(receive_timeout_ends_a_read),
		T(send_timeout_tells_what_was_taken),
		T(one_connection_wakes_one_acceptor),
		T(the_other_acceptors_do_not_even_run),
		T(accept_tells_the_peer),
		T(a_full_table_keeps_the_connection_waiting),
		T(close_wakes_a_reader_with_ebadf),
		T(close_wakes_every_acceptor),
		T(close_wakes_a_writer),
		T(close_lets_the_peer_read_the_end),
		T(only_one_of_two_threads_closes_a_number),
		T(the_lowest_number_is_taken),
		T(a_refused_connection_says_so),
		T(connect_goes_through_its_states),
		T(writing_to_a_reset_connection_is_an_error_then_epipe),
		T(failure_behind_a_part_is_told_next),
		T(failure_behind_a_part_that_was_sent_is_told_next),
		T(writing_after_shutdown_is_epipe),
		T(datagrams_keep_their_bounds_and_senders),
		T(pieces_are_gathered_and_scattered),
		T(pieces_stay_with_their_file),
		T(pieces_leave_in_one_segment),
		T(options_can_be_set_and_read),
		T(lingering_close_waits_for_the_peer),
		T(lingering_close_waits_no_longer_than_told),
		T(nonblocking_close_does_not_linger),
		T(unread_data_does_not_linger),
		T(tcp_info_fits_any_length),
		T(congestion_control_is_chosen_by_name),
		T(ioctl_tells_what_waits),
		T(urgent_byte_is_found_in_line),
		T(mistakes_have_linuxs_numbers),
		T(addresses_in_use_are_told),
		T(environments_have_numbers_of_their_own),
		T(a_busy_program_gives_other_threads_a_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Tests posix/epoll.c on real sockets over the loopback device. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "include/errno.h"
#include "include/fcntl.h"
#include "include/netinet/in.h"
#include "include/string.h"
#include "include/sys/epoll.h"
#include "include/sys/socket.h"
#include "include/unistd.h"
#include "arch/arch.h"
#include "posix/posix.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/support/posix_test.h"

static int epfd, pair[2];

static int start(void **state)
{
	posix_test_start();
	posix_test_pair(pair);
	epfd = epoll_create1(0);
	assert_true(epfd >= 0);
	return 0;
}

static int stop(void **state)
{
	assert_int_equal(close(epfd), 0);
	assert_int_equal(close(pair[0]), 0);
	assert_int_equal(close(pair[1]), 0);
	posix_test_stop();
	return 0;
}

static int control(int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(epfd, op, fd, &ev);
}

static void watch(int fd, uint32_t events)
{
	assert_int_equal(control(EPOLL_CTL_ADD, fd, events), 0);
}

/* The events of the one descriptor that is ready within ms, 0 for none. */
static uint32_t wait_one(int ms)
{
	struct epoll_event ev[4];
	int n = epoll_wait(epfd, ev, 4, ms);

	assert_true(n == 0 || n == 1);
	return n == 0 ? 0 : ev[0].events;
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void take(int fd, size_t len)
{
	char buf[64];

	assert_int_equal(read(fd, buf, len), len);
}

/* --- Level, edge, one-shot ----------------------------------------------- */

static void level_reports_while_bytes_wait(void **state)
{
	watch(pair[1], EPOLLIN);
	assert_int_equal(wait_one(10), 0);
	put(pair[0], "abc");
	assert_int_equal(wait_one(10), EPOLLIN);
	assert_int_equal(wait_one(0), EPOLLIN);
	take(pair[1], 2);
	assert_int_equal(wait_one(0), EPOLLIN);
	take(pair[1], 1);
	assert_int_equal(wait_one(0), 0);
	assert_int_equal(wait_one(10), 0);
}

static void edge_reports_each_arrival_once(void **state)
{
	watch(pair[1], EPOLLIN | EPOLLET);
	put(pair[0], "abc");
	assert_int_equal(wait_one(10), EPOLLIN);
	assert_int_equal(wait_one(10), 0);
	put(pair[0], "d");
	assert_int_equal(wait_one(10), EPOLLIN);
	take(pair[1], 1);
	assert_int_equal(wait_one(10), 0);
}

static void edge_reports_what_was_there_when_added(void **state)
{
	put(pair[0], "abc");
	posix_test_sleep_ms(10);
	watch(pair[1], EPOLLIN | EPOLLOUT | EPOLLET);
	assert_int_equal(wait_one(0), EPOLLIN | EPOLLOUT);
	assert_int_equal(wait_one(10), 0);
}

static void one_shot_is_silent_until_modified(void **state)
{
	watch(pair[1], EPOLLIN | EPOLLONESHOT);
	put(pair[0], "a");
	assert_int_equal(wait_one(10), EPOLLIN);
	put(pair[0], "b");
	assert_int_equal(wait_one(10), 0);
	assert_int_equal(
	    control(EPOLL_CTL_MOD, pair[1], EPOLLIN | EPOLLONESHOT), 0);
	assert_int_equal(wait_one(0), EPOLLIN);
	assert_int_equal(wait_one(10), 0);
}

static void one_shot_is_silent_for_a_hangup_too(void **state)
{
	watch(pair[1], EPOLLIN | EPOLLONESHOT);
	put(pair[0], "a");
	assert_int_equal(wait_one(10), EPOLLIN);
	shutdown(pair[0], SHUT_WR);
	shutdown(pair[1], SHUT_WR);
	assert_int_equal(wait_one(50), 0);
}

static void modify_changes_what_is_watched_for(void **state)
{
	watch(pair[1], EPOLLIN);
	assert_int_equal(wait_one(0), 0);
	assert_int_equal(control(EPOLL_CTL_MOD, pair[1], EPOLLOUT), 0);
	assert_int_equal(wait_one(0), EPOLLOUT);
	assert_int_equal(control(EPOLL_CTL_MOD, pair[1], 0), 0);
	assert_int_equal(wait_one(0), 0);
}

static void normal_bands_are_reported_where_asked(void **state)
{
	watch(pair[1], EPOLLRDNORM | EPOLLWRNORM);
	assert_int_equal(wait_one(0), EPOLLWRNORM);
	put(pair[0], "a");
	posix_test_sleep_ms(10);
	assert_int_equal(wait_one(0), EPOLLRDNORM | EPOLLWRNORM);
}

static void data_of_the_watch_comes_back(void **state)
{
	struct epoll_event ev = { .events = EPOLLOUT,
		.data.u64 = 0x1122334455667788 };

	assert_int_equal(epoll_ctl(epfd, EPOLL_CTL_ADD, pair[1], &ev), 0);
	memset(&ev, 0, sizeof(ev));
	assert_int_equal(epoll_wait(epfd, &ev, 1, 0), 1);
	assert_true(ev.data.u64 == 0x1122334455667788);
	assert_int_equal(sizeof(struct epoll_event), 12);
}

/* --- Ends ---------------------------------------------------------------- */

static void the_peers_end_is_readable_and_rdhup(void **state)
{
	watch(pair[1], EPOLLIN | EPOLLRDHUP);
	shutdown(pair[0], SHUT_WR);
	assert_int_equal(wait_one(10), EPOLLIN | EPOLLRDHUP);
	assert_int_equal(wait_one(0), EPOLLIN | EPOLLRDHUP);
}

static void both_ends_shut_are_a_hangup_unasked(void **state)
{
	watch(pair[1], 0);
	shutdown(pair[0], SHUT_WR);
	assert_int_equal(wait_one(10), 0);
	shutdown(pair[1], SHUT_WR);
	assert_int_equal(wait_one(10) & EPOLLHUP, EPOLLHUP);
}

static void a_reset_is_an_error_unasked(void **state)
{
	struct linger hard = { 1, 0 };
	uint32_t events;

	watch(pair[1], EPOLLIN);
	setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	assert_int_equal(close(pair[0]), 0);
	events = wait_one(10);
	assert_int_equal(events & (EPOLLIN | EPOLLERR | EPOLLHUP),
	    EPOLLIN | EPOLLERR | EPOLLHUP);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
}

static void an_unconnected_socket_hangs_up(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	watch(fd, 0);
	assert_int_equal(wait_one(0), EPOLLHUP);
	close(fd);
}

static void closing_a_descriptor_ends_its_watch(void **state)
{
	int other[2];

	posix_test_pair(other);
	watch(other[1], EPOLLIN);
	put(other[0], "a");
	posix_test_sleep_ms(10);
	assert_int_equal(close(other[1]), 0);
	assert_int_equal(wait_one(10), 0);
	assert_int_equal(posix_test_value("pool.posix.watches.in_use"), 0);
	close(other[0]);
}

static void closing_the_epoll_ends_its_watches(void **state)
{
	watch(pair[0], EPOLLIN);
	watch(pair[1], EPOLLIN);
	assert_int_equal(close(epfd), 0);
	assert_int_equal(posix_test_value("pool.posix.watches.in_use"), 0);
	put(pair[0], "a");
	posix_test_sleep_ms(10);
	epfd = epoll_create(1);
}

/* --- Connecting ---------------------------------------------------------- */

static int connect_to(int fd, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_port = htons(port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static void a_connection_made_is_writable(void **state)
{
	int listener = posix_test_listen(80, 4), on = 1, error = -1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(error);

	assert_int_equal(connect_to(fd, 80), -1);
	assert_int_equal(errno, EINPROGRESS);
	watch(fd, EPOLLIN | EPOLLOUT);
	assert_int_equal(wait_one(50), EPOLLOUT);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	assert_int_equal(error, 0);
	(void)on;
	close(fd);
	close(listener);
}

static void a_connection_refused_is_error_and_hangup(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
	socklen_t len = sizeof(error);
	uint32_t events;

	assert_int_equal(connect_to(fd, 81), -1);
	assert_int_equal(errno, EINPROGRESS);
	watch(fd, EPOLLOUT);
	events = wait_one(50);
	assert_int_equal(events, EPOLLOUT | EPOLLERR | EPOLLHUP);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	assert_int_equal(error, ECONNREFUSED);
	close(fd);
}

static void a_listener_is_readable_while_connections_wait(void **state)
{
	int listener = posix_test_listen(80, 4), fd, got;

	watch(listener, EPOLLIN);
	assert_int_equal(wait_one(10), 0);
	fd = posix_test_connect(80);
	assert_int_equal(wait_one(10), EPOLLIN);
	got = accept(listener, NULL, NULL);
	assert_true(got >= 0);
	assert_int_equal(wait_one(10), 0);
	close(got);
	close(fd);
	close(listener);
}

static void datagrams_are_readable_and_always_writable(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_port = htons(53);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	watch(fd, EPOLLIN | EPOLLOUT);
	assert_int_equal(wait_one(0), EPOLLOUT);
	assert_int_equal(
	    sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)), 1);
	posix_test_sleep_ms(10);
	assert_int_equal(wait_one(0), EPOLLIN | EPOLLOUT);
	close(fd);
}

/* --- Time ---------------------------------------------------------------- */

static void the_timeout_is_kept(void **state)
{
	uint64_t start_ns = arch_clock_ns(), took_ns;

	assert_int_equal(wait_one(250), 0);
	took_ns = arch_clock_ns() - start_ns;
	assert_true(took_ns >= 250 * NS_PER_MS && took_ns < 253 * NS_PER_MS);
}

static void sleeper(void *arg)
{
	posix_test_sleep_ms(100);
	put(pair[0], "x");
}

static void an_event_ends_the_wait_at_once(void **state)
{
	uint64_t start_ns = arch_clock_ns(), took_ns;

	watch(pair[1], EPOLLIN);
	thread_create("sleeper", sleeper, NULL);
	assert_int_equal(wait_one(-1), EPOLLIN);
	took_ns = arch_clock_ns() - start_ns;
	assert_true(took_ns >= 100 * NS_PER_MS && took_ns < 110 * NS_PER_MS);
}

/* --- Several waiters ----------------------------------------------------- */

struct waiter {
	int epfd, result, error;
	unsigned calls; /* that ended */
	uint32_t events;
};

static void wait_in_thread(void *arg)
{
	struct waiter *w = arg;
	struct epoll_event ev;

	w->result = epoll_wait(w->epfd, &ev, 1, 1000);
	w->error = errno;
	w->events = w->result == 1 ? ev.events : 0;
	w->calls++;
}

static void start_waiter(struct waiter *w, int fd)
{
	memset(w, 0, sizeof(*w));
	w->epfd = fd;
	thread_create("waiter", wait_in_thread, w);
	thread_yield();
}

static void an_edge_wakes_one_of_two_waiters(void **state)
{
	struct waiter a, b;

	watch(pair[1], EPOLLIN | EPOLLET);
	start_waiter(&a, epfd);
	start_waiter(&b, epfd);
	put(pair[0], "x");
	posix_test_sleep_ms(50);
	assert_int_equal(a.calls + b.calls, 1);
	assert_int_equal(a.events | b.events, EPOLLIN);
	posix_test_sleep_ms(1000);
	assert_int_equal(a.calls + b.calls, 2);
	assert_int_equal(a.result + b.result, 1);
}

/* As Linux does: what is still ready is the next waiter's business, too. */
static void a_level_lets_both_waiters_go(void **state)
{
	struct waiter a, b;

	watch(pair[1], EPOLLIN);
	start_waiter(&a, epfd);
	start_waiter(&b, epfd);
	put(pair[0], "x");
	posix_test_sleep_ms(50);
	assert_int_equal(a.result, 1);
	assert_int_equal(b.result, 1);
}

static void two_ready_descriptors_let_two_waiters_go(void **state)
{
	struct waiter a, b;
	int other[2];

	posix_test_pair(other);
	watch(pair[1], EPOLLIN | EPOLLET);
	watch(other[1], EPOLLIN | EPOLLET);
	start_waiter(&a, epfd);
	start_waiter(&b, epfd);
	put(pair[0], "x");
	put(other[0], "x");
	posix_test_sleep_ms(50);
	assert_int_equal(a.result, 1);
	assert_int_equal(b.result, 1);
	close(other[0]);
	close(other[1]);
}

static void shared_watches_of_two_epolls_both_report(void **state)
{
	int second = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };
	struct waiter a, b;

	watch(pair[1], EPOLLIN);
	assert_int_equal(epoll_ctl(second, EPOLL_CTL_ADD, pair[1], &ev), 0);
	start_waiter(&a, epfd);
	start_waiter(&b, second);
	put(pair[0], "x");
	posix_test_sleep_ms(50);
	assert_int_equal(a.result, 1);
	assert_int_equal(b.result, 1);
	close(second);
}

static void an_exclusive_watch_wakes_one_of_two_epolls(void **state)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int second = epoll_create1(0);
	struct waiter a, b;

	watch(pair[1], EPOLLIN | EPOLLEXCLUSIVE);
	assert_int_equal(epoll_ctl(second, EPOLL_CTL_ADD, pair[1], &ev), 0);
	start_waiter(&a, epfd);
	start_waiter(&b, second);
	put(pair[0], "x");
	posix_test_sleep_ms(50);
	assert_int_equal(a.calls + b.calls, 1);
	posix_test_sleep_ms(1000);
	close(second);
}

static void an_exclusive_wake_up_passes_by_who_does_not_wait(void **state)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int second = epoll_create1(0);
	struct waiter b;

	watch(pair[1], EPOLLIN | EPOLLEXCLUSIVE); /* and nobody waits here */
	assert_int_equal(epoll_ctl(second, EPOLL_CTL_ADD, pair[1], &ev), 0);
	start_waiter(&b, second);
	put(pair[0], "x");
	posix_test_sleep_ms(50);
	assert_int_equal(b.result, 1);
	close(second);
}

static void closing_the_epoll_wakes_all_its_waiters(void **state)
{
	struct waiter a, b;

	start_waiter(&a, epfd);
	start_waiter(&b, epfd);
	assert_int_equal(close(epfd), 0);
	epfd = epoll_create1(0); /* the same number again */
	posix_test_sleep_ms(10);
	assert_int_equal(a.result, -1);
	assert_int_equal(a.error, EBADF);
	assert_int_equal(b.result, -1);
	assert_int_equal(b.error, EBADF);
}

/* --- Order and cost ------------------------------------------------------ */

static void a_small_array_takes_turns(void **state)
{
	struct epoll_event ev;
	int other[2], seen[2] = { 0, 0 }, i;

	posix_test_pair(other);
	watch(pair[1], EPOLLOUT);
	watch(other[1], EPOLLOUT);
	for (i = 0; i < 6; i++) {
		assert_int_equal(epoll_wait(epfd, &ev, 1, 0), 1);
		seen[ev.data.fd == other[1]]++;
	}
	assert_int_equal(seen[0], 3);
	assert_int_equal(seen[1], 3);
	close(other[0]);
	close(other[1]);
}

/* --- Mistakes ------------------------------------------------------------ */

#define FAILS(call, number)                                                    \
	do {                                                                   \
		errno = 0;                                                     \
		assert_int_equal(call, -1);                                    \
		assert_int_equal(errno, number);                               \
	} while (0)

static void mistakes_have_linuxs_numbers(void **state)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int second = epoll_create1(0), file;

	posix_test_add_file("/a", "x", 1, 0);
	file = open("/a", O_RDONLY);
	FAILS(control(EPOLL_CTL_MOD, pair[1], EPOLLIN), ENOENT);
	FAILS(control(EPOLL_CTL_DEL, pair[1], 0), ENOENT);
	watch(pair[1], EPOLLIN);
	FAILS(control(EPOLL_CTL_ADD, pair[1], EPOLLIN), EEXIST);
	FAILS(control(9, pair[1], EPOLLIN), EINVAL);
	FAILS(control(EPOLL_CTL_ADD, 200, EPOLLIN), EBADF);
	FAILS(control(EPOLL_CTL_ADD, epfd, EPOLLIN), EINVAL);
	FAILS(control(EPOLL_CTL_ADD, second, EPOLLIN), EINVAL);
	FAILS(control(EPOLL_CTL_ADD, file, EPOLLIN), EPERM);
	FAILS(control(EPOLL_CTL_ADD, 1, EPOLLIN), EPERM);
	FAILS(control(EPOLL_CTL_MOD, pair[1], EPOLLEXCLUSIVE), EINVAL);
	FAILS(control(EPOLL_CTL_ADD, pair[0], EPOLLEXCLUSIVE | EPOLLONESHOT),
	    EINVAL);
	FAILS(epoll_ctl(epfd, EPOLL_CTL_ADD, pair[0], NULL), EFAULT);
	FAILS(epoll_ctl(pair[0], EPOLL_CTL_ADD, pair[1], &ev), EINVAL);
	FAILS(epoll_ctl(200, EPOLL_CTL_ADD, pair[1], &ev), EBADF);
	FAILS(epoll_wait(epfd, &ev, 0, 0), EINVAL);
	FAILS(epoll_wait(200, &ev, 1, 0), EBADF);
	FAILS(epoll_create(0), EINVAL);
	FAILS(epoll_create1(1), EINVAL);
	close(second);
	close(file);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(level_reports_while_bytes_wait),
		T(edge_reports_each_arrival_once),
		T(edge_reports_what_was_there_when_added),
		T(one_shot_is_silent_until_modified),
		T(one_shot_is_silent_for_a_hangup_too),
		T(modify_changes_what_is_watched_for),
		T(normal_bands_are_reported_where_asked),
		T(data_of_the_watch_comes_back),
		T(the_peers_end_is_readable_and_rdhup),
		T(both_ends_shut_are_a_hangup_unasked),
		T(a_reset_is_an_error_unasked),
		T(an_unconnected_socket_hangs_up),
		T(closing_a_descriptor_ends_its_watch),
		T(closing_the_epoll_ends_its_watches),
		T(a_connection_made_is_writable),
		T(a_connection_refused_is_error_and_hangup),
		T(a_listener_is_readable_while_connections_wait),
		T(datagrams_are_readable_and_always_writable),
		T(the_timeout_is_kept),
		T(an_event_ends_the_wait_at_once),
		T(an_edge_wakes_one_of_two_waiters),
		T(a_level_lets_both_waiters_go),
		T(two_ready_descriptors_let_two_waiters_go),
		T(shared_watches_of_two_epolls_both_report),
		T(an_exclusive_watch_wakes_one_of_two_epolls),
		T(an_exclusive_wake_up_passes_by_who_does_not_wait),
		T(closing_the_epoll_wakes_all_its_waiters),
		T(a_small_array_takes_turns),
		T(mistakes_have_linuxs_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

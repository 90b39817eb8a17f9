/* SPDX-License-Identifier: MIT */
/* Tests posix/poll.c: poll and select. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "include/errno.h"
#include "include/fcntl.h"
#include "include/poll.h"
#include "include/sys/select.h"
#include "include/sys/socket.h"
#include "include/unistd.h"
#include "arch/arch.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/support/posix_test.h"

static int pair[2];

static int start(void **state)
{
	posix_test_start();
	posix_test_pair(pair);
	return 0;
}

static int stop(void **state)
{
	close(pair[0]);
	close(pair[1]);
	posix_test_stop();
	return 0;
}

static void put_later(void *arg)
{
	posix_test_sleep_ms(50);
	write(pair[0], "x", 1);
}

static void close_later(void *arg)
{
	posix_test_sleep_ms(50);
	close(pair[1]);
}

static uint64_t since_ms(uint64_t start_ns)
{
	return (arch_clock_ns() - start_ns) / NS_PER_MS;
}

static void poll_tells_what_is_ready(void **state)
{
	int file, folder_fd = 1;
	struct pollfd p[5] = { { .fd = pair[0], .events = POLLIN | POLLOUT },
		{ .fd = -1, .events = POLLIN, .revents = 9 },
		{ .fd = 200, .events = POLLIN },
		{ .fd = folder_fd, .events = POLLOUT } };

	posix_test_add_file("/a", "x", 1, 0);
	file = open("/a", O_RDONLY);
	p[4] = (struct pollfd){ .fd = file, .events = POLLIN | POLLRDNORM };
	assert_int_equal(poll(p, 5, -1), 4);
	assert_int_equal(p[0].revents, POLLOUT);
	assert_int_equal(p[1].revents, 0);
	assert_int_equal(p[2].revents, POLLNVAL);
	assert_int_equal(p[3].revents, POLLOUT);
	assert_int_equal(p[4].revents, POLLIN | POLLRDNORM);
	close(file);
}

static void poll_waits_for_an_event(void **state)
{
	struct pollfd p[2] = { { .fd = pair[0], .events = POLLIN },
		{ .fd = pair[1], .events = POLLIN } };
	uint64_t start_ns = arch_clock_ns();

	thread_create("later", put_later, NULL);
	assert_int_equal(poll(p, 2, -1), 1);
	assert_int_equal(p[0].revents, 0);
	assert_int_equal(p[1].revents, POLLIN);
	assert_in_range(since_ms(start_ns), 50, 60);
}

static void poll_keeps_its_timeout(void **state)
{
	struct pollfd p = { .fd = pair[0], .events = POLLIN };
	uint64_t start_ns = arch_clock_ns();

	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(since_ms(start_ns), 0);
	assert_int_equal(poll(&p, 1, 120), 0);
	assert_in_range(since_ms(start_ns), 120, 125);
	assert_int_equal(poll(NULL, 0, 30), 0);
	assert_in_range(since_ms(start_ns), 150, 156);
}

static void poll_on_many_uses_the_heap_and_gives_it_back(void **state)
{
	struct pollfd p[20];
	int i;

	for (i = 0; i < 20; i++)
		p[i] = (struct pollfd){ .fd = pair[i % 2], .events = POLLIN };
	thread_create("later", put_later, NULL);
	assert_int_equal(poll(p, 20, 1000), 10);
	assert_int_equal(posix_test_value("heap.used"), 0);
	assert_true(posix_test_value("heap.peak") > 0);
	errno = 0;
	assert_int_equal(poll(p, 100000, 0), -1);
	assert_int_equal(errno, EINVAL);
}

static void closing_ends_a_poll_with_nval(void **state)
{
	struct pollfd p = { .fd = pair[1], .events = POLLIN };
	uint64_t start_ns = arch_clock_ns();

	thread_create("later", close_later, NULL);
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_int_equal(p.revents, POLLNVAL);
	assert_in_range(since_ms(start_ns), 50, 60);
	pair[1] = socket(2, SOCK_DGRAM, 0);
}

static void select_tells_what_is_ready(void **state)
{
	struct timeval limit = { .tv_usec = 120000 };
	uint64_t start_ns = arch_clock_ns();
	fd_set in, out;

	FD_ZERO(&in);
	FD_SET(pair[1], &in);
	assert_int_equal(select(pair[1] + 1, &in, NULL, NULL, &limit), 0);
	assert_in_range(since_ms(start_ns), 120, 125);
	assert_false(FD_ISSET(pair[1], &in));
	FD_SET(pair[1], &in);
	out = in;
	FD_SET(pair[0], &out);
	thread_create("later", put_later, NULL);
	assert_int_equal(select(pair[1] + 1, &in, NULL, NULL, NULL), 1);
	assert_true(FD_ISSET(pair[1], &in));
	assert_int_equal(select(pair[1] + 1, &in, &out, NULL, NULL), 3);
	assert_true(FD_ISSET(pair[0], &out));
	FD_CLR(pair[0], &out);
	assert_false(FD_ISSET(pair[0], &out));
	FD_SET(99, &in);
	errno = 0;
	assert_int_equal(select(100, &in, NULL, NULL, NULL), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(select(FD_SETSIZE + 1, &in, NULL, NULL, NULL), -1);
	assert_int_equal(errno, EINVAL);
}

static void select_takes_only_times_that_there_are(void **state)
{
	static const struct timeval wrong[] = { { -1, 0 }, { 0, -1 },
		{ 0, 1000000 } };
	/* The largest; and one whose nanoseconds just do not fit 64 bits. */
	struct timeval far[] = { { INT64_MAX, 0 }, { 18446744073, 909551 } };
	fd_set in;

	for (unsigned i = 0; i < 3; i++) {
		struct timeval limit = wrong[i];

		errno = 0;
		assert_int_equal(select(0, NULL, NULL, NULL, &limit), -1);
		assert_int_equal(errno, EINVAL);
	}
	FD_ZERO(&in);
	FD_SET(pair[1], &in);
	for (unsigned i = 0; i < 2; i++) {
		char c;

		thread_create("later", put_later, NULL);
		assert_int_equal(
		    select(pair[1] + 1, &in, NULL, NULL, &far[i]), 1);
		assert_int_equal(read(pair[1], &c, 1), 1);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(poll_tells_what_is_ready),
		T(poll_waits_for_an_event),
		T(poll_keeps_its_timeout),
		T(poll_on_many_uses_the_heap_and_gives_it_back),
		T(closing_ends_a_poll_with_nval),
		T(select_tells_what_is_ready),
		T(select_takes_only_times_that_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

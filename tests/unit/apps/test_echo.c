/* SPDX-License-Identifier: MIT */
/* Tests apps/echo.c and apps/apps.c over the loopback device. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "include/errno.h"
#include "include/netinet/in.h"
#include "include/string.h"
#include "include/sys/socket.h"
#include "include/unistd.h"
#include "apps/apps.h"
#include "net/stack.h"
#include "sched/thread.h"
#include "tests/support/posix_test.h"

#define BULK 500000
#define PORT 5007

static uint8_t sent[BULK], got[BULK];

static void serve(void *arg)
{
	const struct app *app = app_find(arg);
	char *argv[] = { arg, "5007", NULL };

	app->main(2, argv);
}

static int start(void **state)
{
	size_t i;

	for (i = 0; i < BULK; i++)
		sent[i] = (uint8_t)(i * 13 + i / 300);
	posix_test_start();
	thread_create("tcp", serve, "tcp_echo");
	thread_create("udp", serve, "udp_echo");
	thread_yield();
	return 0;
}

static int stop(void **state)
{
	struct sched_stats s;

	posix_test_sleep_ms(300000);
	sched_get_stats(&s);
	assert_int_equal(s.threads, 3);
	assert_int_equal(posix_test_value("pool.posix.files.in_use"), 5);
	assert_int_equal(posix_test_stack()->conns.in_use, 0);
	return 0;
}

static void bytes_come_back(void **state)
{
	int fd = posix_test_connect(PORT);
	char buf[8];

	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(recv(fd, buf, 5, MSG_WAITALL), 5);
	assert_memory_equal(buf, "hello", 5);
	shutdown(fd, SHUT_WR);
	assert_int_equal(read(fd, buf, 1), 0);
	close(fd);
}

static void send_bulk(void *arg)
{
	int fd = *(int *)arg;

	write(fd, sent, BULK);
	shutdown(fd, SHUT_WR);
}

static void many_bytes_come_back_in_order(void **state)
{
	int fd = posix_test_connect(PORT);

	thread_create("sender", send_bulk, &fd);
	assert_int_equal(recv(fd, got, BULK, MSG_WAITALL), BULK);
	assert_memory_equal(got, sent, BULK);
	assert_int_equal(read(fd, got, 1), 0);
	close(fd);
}

static void connections_do_not_wait_for_each_other(void **state)
{
	int fd[40], i;
	char c;

	for (i = 0; i < 40; i++)
		fd[i] = posix_test_connect(PORT);
	for (i = 39; i >= 0; i--) {
		c = (char)i;
		assert_int_equal(write(fd[i], &c, 1), 1);
		assert_int_equal(read(fd[i], &c, 1), 1);
		assert_int_equal(c, i);
	}
	for (i = 0; i < 40; i++)
		close(fd[i]);
}

static void a_silent_peer_is_given_up_in_the_end(void **state)
{
	int fd = posix_test_connect(PORT);
	char c;

	posix_test_sleep_ms(599000);
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
}

static ssize_t ask_datagram(size_t len)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	ssize_t n;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(PORT);
	assert_int_equal(
	    sendto(fd, sent, len, 0, (struct sockaddr *)&a, sizeof(a)), len);
	posix_test_sleep_ms(10);
	memset(got, 0, len);
	n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	close(fd);
	return n;
}

static void datagrams_come_back(void **state)
{
	assert_int_equal(ask_datagram(5), 5);
	assert_memory_equal(got, sent, 5);
	assert_int_equal(ask_datagram(1400), 1400);
	assert_memory_equal(got, sent, 1400);
	assert_int_equal(ask_datagram(0), 0);
}

/* A datagram that says it comes from this port of our own. */
static void inject_from(uint16_t port)
{
	uint8_t frame[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x00,
		/* IPv4: 20 + 8 + 1 bytes, UDP, checksum not looked at */
		0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0,
		0, 1,
		/* UDP: ports, length, no checksum; one byte */
		(uint8_t)(port >> 8), (uint8_t)port, PORT >> 8, PORT & 0xff, 0,
		9, 0, 0, 'x' };

	netdev_rx(&posix_test_stack()->loopback, frame, sizeof(frame));
	posix_test_sleep_ms(100);
}

static void another_echo_service_gets_no_answer(void **state)
{
	inject_from(PORT + 1);
	assert_int_equal(posix_test_value("udp.received"), 1);
	assert_int_equal(posix_test_value("udp.sent"), 1);
	inject_from(PORT);
	assert_int_equal(posix_test_value("udp.received"), 2);
	assert_int_equal(posix_test_value("udp.sent"), 1);
}

static void other_services_get_no_answer(void **state)
{
	/* echo, daytime, quote of the day, chargen, time, the last of them */
	static const uint16_t low[] = { 7, 13, 17, 19, 37, 511 };

	for (size_t i = 0; i < sizeof(low) / sizeof(low[0]); i++)
		inject_from(low[i]);
	assert_int_equal(posix_test_value("udp.received"), 6);
	assert_int_equal(posix_test_value("udp.sent"), 0);
	inject_from(512);
	assert_int_equal(posix_test_value("udp.sent"), 1);
}

static void a_port_in_use_ends_the_program(void **state)
{
	char *argv[] = { "echo", "5007", NULL };

	assert_int_equal(tcp_echo_main(2, argv), 1);
	assert_int_equal(udp_echo_main(2, argv), 1);
}

static void applications_are_found_by_name(void **state)
{
	assert_ptr_equal(app_find("http")->main, http_main);
	assert_ptr_equal(app_find("admin")->main, admin_main);
	assert_null(app_find("httpd"));
	assert_null(app_find(""));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bytes_come_back),
		T(many_bytes_come_back_in_order),
		T(connections_do_not_wait_for_each_other),
		T(a_silent_peer_is_given_up_in_the_end),
		T(datagrams_come_back),
		T(another_echo_service_gets_no_answer),
		T(other_services_get_no_answer),
		T(a_port_in_use_ends_the_program),
		T(applications_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

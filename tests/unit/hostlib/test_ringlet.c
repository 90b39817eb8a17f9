/* SPDX-License-Identifier: MIT */
/* The library face: stacks joined by hand, and everything a caller may do
 * wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "hostlib/ringlet.h"

#define S         1000000000ull
#define FRAME_MAX 1514

/* Two stacks on one cable, which remembers the last TCP frame. */
static struct {
	struct ringlet *end[2];
	unsigned frames;
	int cut;
	uint8_t last[FRAME_MAX];
	size_t last_len;
} cable;

static void carry(void *ctx, const void *frame, size_t len)
{
	struct ringlet *to = cable.end[!*(unsigned *)ctx];
	const uint8_t *b = frame;

	assert_true(len <= FRAME_MAX);
	cable.frames++;
	if (len > 34 && b[23] == IPPROTO_TCP) {
		memcpy(cable.last, frame, len);
		cable.last_len = len;
	}
	if (to && !cable.cut)
		assert_int_equal(ringlet_frame_in(to, frame, len), 0);
}

static struct ringlet *make(unsigned end)
{
	static unsigned ends[2] = { 0, 1 };
	const struct ringlet_config c = { .version = RINGLET_API_VERSION,
		.address = end ? "192.0.2.2/24" : "192.0.2.1/24",
		.seed = end + 1,
		.memory_bytes = 8 << 20,
		.frame_out = carry,
		.ctx = &ends[end] };
	const char *error = "untouched";
	struct ringlet *r = ringlet_new(&c, &error);

	assert_null(error);
	assert_non_null(r);
	return r;
}

static int start(void **state)
{
	memset(&cable, 0, sizeof(cable));
	for (unsigned i = 0; i < 2; i++)
		cable.end[i] = make(i);
	return 0;
}

static int stop(void **state)
{
	ringlet_free(cable.end[0]);
	ringlet_free(cable.end[1]);
	return 0;
}

static struct sockaddr_in address(const char *ip, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port) };

	a.sin_addr.s_addr = inet_addr(ip);
	return a;
}

/* A connection from end 0 to end 1. */
static void connect_ends(int *fd0, int *fd1)
{
	struct sockaddr_in a = address("192.0.2.2", 7);
	struct ringlet *c = cable.end[0], *s = cable.end[1];
	int listener = ringlet_socket(s, AF_INET, SOCK_STREAM, 0);

	assert_int_equal(ringlet_bind(s, listener, &a, sizeof(a)), 0);
	assert_int_equal(ringlet_listen(s, listener, 5), 0);
	assert_int_equal(ringlet_accept(s, listener, NULL, NULL), -EAGAIN);
	*fd0 = ringlet_socket(c, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(ringlet_connect(c, *fd0, &a, sizeof(a)), -EINPROGRESS);
	*fd1 = ringlet_accept(s, listener, NULL, NULL);
	assert_true(*fd1 >= 0);
	assert_int_equal(ringlet_close(s, listener), 0);
}

static void a_stream_crosses_the_cable(void **state)
{
	static uint8_t sent[300000], got[sizeof(sent)];
	size_t out = 0, in = 0;
	int fd0, fd1;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 31 + i / 251);
	connect_ends(&fd0, &fd1);
	for (unsigned turn = 0; in < sizeof(sent) && turn < 10000; turn++) {
		ptrdiff_t n = ringlet_send(
		    cable.end[0], fd0, sent + out, sizeof(sent) - out, 0);

		assert_true(n > 0 || n == -EAGAIN || out == sizeof(sent));
		out += n > 0 ? (size_t)n : 0;
		n = ringlet_recv(
		    cable.end[1], fd1, got + in, sizeof(got) - in, 0);
		assert_true(n > 0 || n == -EAGAIN);
		in += n > 0 ? (size_t)n : 0;
		ringlet_advance(S / 1000);
	}
	assert_int_equal(in, sizeof(sent));
	assert_memory_equal(sent, got, sizeof(sent));
	assert_int_equal(ringlet_shutdown(cable.end[0], fd0, SHUT_WR), 0);
	assert_int_equal(ringlet_recv(cable.end[1], fd1, got, 1, 0), 0);
}

static void descriptors_belong_to_their_stack(void **state)
{
	uint8_t byte;
	int fd0, fd1;

	connect_ends(&fd0, &fd1);
	assert_int_equal(ringlet_close(cable.end[0], fd0), 0);
	assert_int_equal(ringlet_close(cable.end[0], fd0), -EBADF);
	assert_int_equal(ringlet_read(cable.end[0], fd0, &byte, 1), -EBADF);
	assert_int_equal(ringlet_read(cable.end[1], fd1, &byte, 1), 0);
	assert_int_equal(ringlet_socket(cable.end[0], AF_INET6, SOCK_STREAM, 0),
	    -EAFNOSUPPORT);
}

static void every_call_works(void **state)
{
	char text[8] = "", more[8] = "";
	const struct iovec out[2] = { { (void *)"ab", 2 },
		{ (void *)"cd", 2 } };
	const struct iovec in[2] = { { text, 2 }, { more, 2 } };
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 77 };
	struct pollfd p = { .events = POLLIN };
	struct sockaddr_in a;
	uint32_t len = sizeof(a), value_len = sizeof(int);
	int fd0, fd1, ep, on = 1;

	connect_ends(&fd0, &fd1);
	p.fd = fd1;
	ep = ringlet_epoll_create(cable.end[1]);
	assert_int_equal(
	    ringlet_epoll_ctl(cable.end[1], ep, EPOLL_CTL_ADD, fd1, &ev), 0);
	assert_int_equal(ringlet_poll(cable.end[1], &p, 1), 0);
	assert_int_equal(ringlet_epoll_wait(cable.end[1], ep, &ev, 1), 0);
	assert_int_equal(ringlet_writev(cable.end[0], fd0, out, 2), 4);
	assert_int_equal(ringlet_poll(cable.end[1], &p, 1), 1);
	assert_int_equal(p.revents, POLLIN);
	assert_int_equal(ringlet_epoll_wait(cable.end[1], ep, &ev, 1), 1);
	assert_int_equal(ev.data.u32, 77);
	assert_int_equal(ringlet_readv(cable.end[1], fd1, in, 2), 4);
	assert_string_equal(text, "ab");
	assert_string_equal(more, "cd");
	assert_int_equal(ringlet_getpeername(cable.end[0], fd0, &a, &len), 0);
	assert_int_equal(ntohs(a.sin_port), 7);
	assert_int_equal(ringlet_getsockname(cable.end[0], fd0, &a, &len), 0);
	assert_int_equal(a.sin_addr.s_addr, inet_addr("192.0.2.1"));
	assert_int_equal(ringlet_setsockopt(cable.end[0], fd0, IPPROTO_TCP,
	                     TCP_NODELAY, &on, sizeof(on)),
	    0);
	on = 0;
	assert_int_equal(ringlet_getsockopt(cable.end[0], fd0, IPPROTO_TCP,
	                     TCP_NODELAY, &on, &value_len),
	    0);
	assert_int_equal(on, 1);
}

static void datagrams_cross_the_cable(void **state)
{
	struct sockaddr_in a = address("192.0.2.2", 9), from;
	int fd1 = ringlet_socket(cable.end[1], AF_INET, SOCK_DGRAM, 0);
	int fd0 = ringlet_socket(cable.end[0], AF_INET, SOCK_DGRAM, 0);
	uint32_t len = sizeof(from);
	char text[8] = "";

	assert_int_equal(ringlet_bind(cable.end[1], fd1, &a, sizeof(a)), 0);
	assert_int_equal(
	    ringlet_sendto(cable.end[0], fd0, "hello", 5, 0, &a, sizeof(a)), 5);
	assert_int_equal(ringlet_recvfrom(cable.end[1], fd1, text, sizeof(text),
	                     0, &from, &len),
	    5);
	assert_string_equal(text, "hello");
	assert_int_equal(from.sin_addr.s_addr, inet_addr("192.0.2.1"));
}

static uint32_t sequence_number(void)
{
	uint32_t n;

	memcpy(&n, cable.last + 14 + 20 + 4, sizeof(n));
	return ntohl(n);
}

static void the_next_sequence_number_can_be_chosen(void **state)
{
	struct sockaddr_in a = address("192.0.2.2", 7);
	const uint32_t isn = 0xfffffff0;
	int fd0, fd1;

	connect_ends(&fd0, &fd1); /* so that ARP is done */
	cable.cut = 1;
	for (unsigned i = 0; i < 2; i++) {
		int fd = ringlet_socket(cable.end[0], AF_INET, SOCK_STREAM, 0);

		ringlet_set_isn(cable.end[0], i ? NULL : &isn);
		assert_int_equal(
		    ringlet_connect(cable.end[0], fd, &a, sizeof(a)),
		    -EINPROGRESS);
		assert_int_equal(sequence_number() == isn, !i);
	}
}

static void timers_run_when_the_clock_moves(void **state)
{
	struct sockaddr_in a = address("192.0.2.2", 7);
	uint64_t then = ringlet_now_ns();
	unsigned frames;
	int fd0, fd1;

	connect_ends(&fd0, &fd1);
	cable.cut = 1;
	assert_int_equal(ringlet_write(cable.end[0], fd0, "x", 1), 1);
	frames = cable.frames;
	assert_true(ringlet_next_ns() > ringlet_now_ns());
	ringlet_advance(10 * S);
	assert_int_equal(ringlet_now_ns(), then + 10 * S);
	/* Sent again after 200 or more, 400, 800, ... ms; then ARP asks for the
	 * neighbour, once a second. */
	assert_in_range(cable.frames - frames, 3, 13);
	assert_int_equal(
	    ringlet_bind(cable.end[0], fd0, &a, sizeof(a)), -EINVAL);
}

static void without_a_cable_nothing_leaves(void **state)
{
	struct sockaddr_in a = address("192.0.2.2", 7);
	int fd = ringlet_socket(cable.end[0], AF_INET, SOCK_STREAM, 0);
	unsigned frames;

	ringlet_set_link(cable.end[0], 0);
	frames = cable.frames;
	ringlet_connect(cable.end[0], fd, &a, sizeof(a));
	ringlet_advance(5 * S);
	assert_int_equal(cable.frames, frames);
	ringlet_set_link(cable.end[0], 1);
	assert_true(cable.frames > frames);
}

static void frames_that_no_link_carries_are_refused(void **state)
{
	static const uint8_t frame[FRAME_MAX + 1];

	assert_int_equal(
	    ringlet_frame_in(cable.end[0], frame, FRAME_MAX + 1), -EMSGSIZE);
	assert_int_equal(ringlet_frame_in(cable.end[0], frame, FRAME_MAX), 0);
	assert_int_equal(ringlet_frame_in(cable.end[0], frame, 0), 0);
}

static void a_stack_may_end_in_the_middle_of_everything(void **state)
{
	uint64_t before;
	int fd0, fd1;

	for (unsigned i = 0; i < 200; i++) {
		connect_ends(&fd0, &fd1);
		cable.cut = 1;
		assert_int_equal(ringlet_write(cable.end[0], fd0, "x", 1), 1);
		ringlet_free(cable.end[0]);
		cable.end[0] = NULL;
		cable.cut = 0;
		ringlet_advance(S);
		cable.end[0] = make(0);
		ringlet_free(cable.end[1]);
		cable.end[1] = make(1);
	}
	before = ringlet_now_ns();
	ringlet_free(cable.end[0]);
	ringlet_free(cable.end[1]);
	cable.end[0] = cable.end[1] = NULL;
	assert_int_equal(ringlet_next_ns(), UINT64_MAX);
	ringlet_advance(1000 * S);
	assert_int_equal(ringlet_now_ns(), before + 1000 * S);
}

static void wrong_configurations_say_why(void **state)
{
	const struct ringlet_config wrong[] = {
		{ .version = 99, .address = "192.0.2.1/24" },
		{ .version = RINGLET_API_VERSION },
		{ .version = RINGLET_API_VERSION, .address = "192.0.2.1" },
		{ .version = RINGLET_API_VERSION, .address = "192.0.2.1/33" },
		{ .version = RINGLET_API_VERSION, .address = "192.0.2.1/x" },
		{ .version = RINGLET_API_VERSION, .address = "500.0.2.1/24" },
		{ .version = RINGLET_API_VERSION,
		    .address = "192.0.2.1/24",
		    .gateway = "nowhere" },
		{ .version = RINGLET_API_VERSION,
		    .address = "192.0.2.1/24",
		    .mtu = 9000 },
		{ .version = RINGLET_API_VERSION,
		    .address = "192.0.2.1/24",
		    .memory_bytes = 4096 },
		{ .version = RINGLET_API_VERSION,
		    .address = "192.0.2.1/24",
		    .memory_bytes = (size_t)1 << 40 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *error = NULL;

		assert_null(ringlet_new(&wrong[i], &error));
		assert_non_null(error);
		assert_null(ringlet_new(&wrong[i], NULL));
	}
	ringlet_free(NULL);
}

static void statistics_are_a_text(void **state)
{
	char text[16384];
	size_t len = ringlet_stats(cable.end[0], text, sizeof(text));

	assert_in_range(len, 1, sizeof(text) - 1);
	assert_non_null(strstr(text, "tcp.segments_sent 0\n"));
	assert_non_null(strstr(text, "eth0.link_up 1\n"));
	assert_true(ringlet_stats(cable.end[0], text, 10) <= 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stream_crosses_the_cable),
		TEST(descriptors_belong_to_their_stack),
		TEST(every_call_works),
		TEST(datagrams_cross_the_cable),
		TEST(the_next_sequence_number_can_be_chosen),
		TEST(timers_run_when_the_clock_moves),
		TEST(without_a_cable_nothing_leaves),
		TEST(frames_that_no_link_carries_are_refused),
		TEST(a_stack_may_end_in_the_middle_of_everything),
		TEST(wrong_configurations_say_why),
		TEST(statistics_are_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

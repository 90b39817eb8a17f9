/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes very many connections as fast as it can, a few at a time;
 * each must be answered.
 *
 *     storm SERVER ECHO_PORT HTTP_PORT TOTAL AT_ONCE FIRST_SOURCE SOURCES
 *
 * Every other one is an echo of one byte, after which this side closes first;
 * the rest ask for a page, after which the server does.  No two have the same
 * source address and port.  The last line tells how they ended:
 *
 *     answered N refused N reset N timed_out N wrong N slow N seconds S
 *
 * "slow" took longer than SLOW_NS: a segment was lost on the way.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT 1024
#define PORTS      (65536 - FIRST_PORT)
#define SLOW_NS    900000000ull
#define GET        "GET /storm HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define STATUS     "HTTP/1.1 "
#define WAIT_MS    120000

struct life {
	int fd;
	bool http, asked;
	unsigned got;
	char start[sizeof(STATUS)];
	uint64_t began_ns;
};

static struct {
	struct sockaddr_in server;
	uint16_t ports[2]; /* of echo and HTTP */
	uint32_t first_source;
	unsigned sources, total, started, ended;
	unsigned answered, refused, reset, timed_out, wrong, slow;
	int epoll;
} storm;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The n-th source; all addresses are used in turn. */
static void bind_source(int fd, unsigned n)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int on = 1;

	a.sin_addr.s_addr = htonl(storm.first_source + n % storm.sources);
	a.sin_port = htons((uint16_t)(FIRST_PORT + n / storm.sources % PORTS));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		die("bind");
}

static void begin(struct life *l)
{
	struct epoll_event e = { .events = EPOLLOUT, .data.ptr = l };
	unsigned n = storm.started++;
	struct sockaddr_in to = storm.server;

	*l = (struct life){ .http = n / storm.sources % 2, .began_ns = now() };
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		die("socket");
	bind_source(l->fd, n);
	to.sin_port = htons(storm.ports[l->http]);
	if (connect(l->fd, (struct sockaddr *)&to, sizeof(to)) != 0 &&
	    errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(storm.epoll, EPOLL_CTL_ADD, l->fd, &e) != 0)
		die("epoll_ctl");
}

static void end(struct life *l, unsigned *how)
{
	close(l->fd);
	l->fd = -1;
	++*how;
	storm.ended++;
	storm.slow += now() - l->began_ns > SLOW_NS;
	if (storm.started < storm.total)
		begin(l);
}

static void end_by_error(struct life *l, int error)
{
	end(l, error == ECONNREFUSED ? &storm.refused
	       : error == ETIMEDOUT  ? &storm.timed_out
	                             : &storm.reset);
}

static void ask(struct life *l)
{
	const char *text = l->http ? GET : "x";
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = l };

	l->asked = true;
	if (send(l->fd, text, strlen(text), MSG_NOSIGNAL) <= 0) {
		end_by_error(l, errno);
		return;
	}
	epoll_ctl(storm.epoll, EPOLL_CTL_MOD, l->fd, &e);
}

static void note(struct life *l, const char *bytes, size_t n)
{
	size_t room = sizeof(l->start) - 1;

	if (l->got < room)
		memcpy(l->start + l->got, bytes,
		    n < room - l->got ? n : room - l->got);
	l->got += (unsigned)n;
}

static void take(struct life *l)
{
	char bytes[4096];
	ssize_t n = recv(l->fd, bytes, sizeof(bytes), 0);
	bool right;

	if (n < 0) {
		if (errno != EAGAIN)
			end_by_error(l, errno);
		return;
	}
	note(l, bytes, (size_t)n);
	if (l->http && n > 0)
		return; /* the server's end is still to come */
	right = l->http ? strcmp(l->start, STATUS) == 0
	                : l->got == 1 && l->start[0] == 'x';
	end(l, right ? &storm.answered : &storm.wrong);
}

static void step(struct life *l, uint32_t events)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (events & EPOLLERR) {
		getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		end_by_error(l, error);
	} else if (!l->asked) {
		ask(l);
	} else {
		take(l);
	}
}

static void run(void)
{
	struct epoll_event events[64];
	unsigned told = 0;
	int i, n;

	while (storm.ended < storm.total) {
		n = epoll_wait(storm.epoll, events, 64, WAIT_MS);
		if (n <= 0)
			die("epoll_wait");
		for (i = 0; i < n; i++)
			step(events[i].data.ptr, events[i].events);
		if (storm.ended / 100000 > told) {
			told = storm.ended / 100000;
			fprintf(stderr, "%u ended\n", storm.ended);
		}
	}
}

int main(int argc, char **argv)
{
	uint64_t began = now();
	struct life *lives;
	int i, at_once;

	if (argc != 8)
		return 2;
	storm.server.sin_family = AF_INET;
	inet_pton(AF_INET, argv[1], &storm.server.sin_addr);
	storm.ports[0] = (uint16_t)atoi(argv[2]);
	storm.ports[1] = (uint16_t)atoi(argv[3]);
	storm.total = (unsigned)atoi(argv[4]);
	at_once = atoi(argv[5]);
	storm.first_source = ntohl(inet_addr(argv[6]));
	storm.sources = (unsigned)atoi(argv[7]);
	storm.epoll = epoll_create1(0);
	lives = calloc((size_t)at_once, sizeof(*lives));
	for (i = 0; i < at_once && storm.started < storm.total; i++)
		begin(&lives[i]);
	run();
	printf("answered %u refused %u reset %u timed_out %u wrong %u slow %u "
	       "seconds %.1f\n",
	    storm.answered, storm.refused, storm.reset, storm.timed_out,
	    storm.wrong, storm.slow, (double)(now() - began) / 1e9);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The echo service (RFC 862) on TCP and UDP, in blocking style.  TCP gives
 * each connection a thread.
 */
#include "apps.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define BACKLOG         256
#define BUFFER_BYTES    4096
#define DATAGRAM_BYTES  65535
#define IDLE_SECONDS    600
#define RETRY_MICROSECS 10000
#define SERVICE_PORTS   512 /* below: echo, chargen, daytime and their like */

static int open_bound(int type, int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, type, 0), on = 1;

	if (fd < 0)
		return -1;
	addr.sin_port = htons((uint16_t)port);
	/* For datagrams this would let two programs share the port. */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* --- TCP ----------------------------------------------------------------- */

/* A peer that is gone without a word must not hold its thread for ever. */
static void set_idle_limit(int fd)
{
	struct timeval limit = { .tv_sec = IDLE_SECONDS };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static void *echo_connection(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[BUFFER_BYTES];
	ssize_t n;

	set_idle_limit(fd);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(fd, buf, (size_t)n) != n)
			break;
	close(fd);
	return NULL;
}

static int serve_connection(int fd)
{
	pthread_t thread;

	errno = pthread_create(
	    &thread, NULL, echo_connection, (void *)(intptr_t)fd);
	if (errno != 0)
		return -1;
	pthread_detach(thread);
	return 0;
}

int tcp_echo_main(int argc, char **argv)
{
	int listener = open_bound(SOCK_STREAM, argc > 1 ? atoi(argv[1]) : 7);
	int fd;

	if (listener < 0 || listen(listener, BACKLOG) < 0) {
		perror("tcp_echo");
		return 1;
	}
	for (;;) {
		fd = accept(listener, NULL, NULL);
		if (fd >= 0 && serve_connection(fd) == 0)
			continue;
		/* Out of threads or descriptors: some will end. */
		if (fd >= 0)
			close(fd);
		usleep(RETRY_MICROSECS);
	}
}

/* --- UDP ----------------------------------------------------------------- */

/* Two services that answer each other would never stop, and one forged datagram
 * begins it (CVE-1999-0103): none from our own port number or a service's gets
 * an answer. */
static int is_service(int port, int ours)
{
	return port == ours || port < SERVICE_PORTS;
}

static void echo_datagrams(int fd, int port, char *buf)
{
	struct sockaddr_in peer;
	socklen_t len;
	ssize_t n;

	for (;;) {
		len = sizeof(peer);
		n = recvfrom(
		    fd, buf, DATAGRAM_BYTES, 0, (struct sockaddr *)&peer, &len);
		if (n >= 0 && !is_service(ntohs(peer.sin_port), port))
			sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&peer,
			    len);
	}
}

int udp_echo_main(int argc, char **argv)
{
	int port = argc > 1 ? atoi(argv[1]) : 7;
	int fd = open_bound(SOCK_DGRAM, port);
	char *buf = malloc(DATAGRAM_BYTES);

	if (fd < 0 || !buf) {
		perror("udp_echo");
		return 1;
	}
	echo_datagrams(fd, port, buf);
	return 0;
}

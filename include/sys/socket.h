/* SPDX-License-Identifier: MIT */
/*
 * Sockets: AF_INET with SOCK_STREAM and SOCK_DGRAM.  Names, numbers and
 * layouts are Linux's.  There are no signals: writing to a closed connection
 * is EPIPE, and MSG_NOSIGNAL is accepted and means nothing.
 */
#pragma once

#include "types.h"

typedef uint32_t socklen_t;
typedef uint16_t sa_family_t;

#define AF_UNSPEC 0
#define AF_INET   2
#define AF_INET6  10
#define PF_UNSPEC AF_UNSPEC
#define PF_INET   AF_INET

#define SOCK_STREAM   1
#define SOCK_DGRAM    2
#define SOCK_NONBLOCK 04000
#define SOCK_CLOEXEC  02000000

#define SOMAXCONN 4096

#define SOL_SOCKET 1

#define SO_REUSEADDR  2
#define SO_TYPE       3
#define SO_ERROR      4
#define SO_BROADCAST  6
#define SO_SNDBUF     7
#define SO_RCVBUF     8
#define SO_KEEPALIVE  9
#define SO_OOBINLINE  10
#define SO_LINGER     13
#define SO_REUSEPORT  15
#define SO_RCVTIMEO   20
#define SO_SNDTIMEO   21
#define SO_ACCEPTCONN 30
#define SO_PROTOCOL   38
#define SO_DOMAIN     39

#define MSG_OOB      0x1 /* send: the urgent pointer follows these bytes */
#define MSG_PEEK     0x2
#define MSG_DONTWAIT 0x40
#define MSG_WAITALL  0x100
#define MSG_NOSIGNAL 0x4000
#define MSG_MORE     0x8000 /* more follows at once: do not send a part */

#define SHUT_RD   0
#define SHUT_WR   1
#define SHUT_RDWR 2

struct sockaddr {
	sa_family_t sa_family;
	char sa_data[14];
};

struct sockaddr_storage {
	sa_family_t ss_family;
	char ss_padding[118];
	unsigned long ss_align;
};

struct linger {
	int l_onoff;
	int l_linger; /* seconds */
};

int socket(int domain, int type, int protocol) __asm__("rl_socket");
int bind(int fd, const struct sockaddr *addr, socklen_t len) __asm__("rl_bind");
int listen(int fd, int backlog) __asm__("rl_listen");
int accept(int fd, struct sockaddr *addr, socklen_t *len) __asm__("rl_accept");
int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags) __asm__(
    "rl_accept4");
int connect(int fd, const struct sockaddr *addr, socklen_t len) __asm__(
    "rl_connect");
int shutdown(int fd, int how) __asm__("rl_shutdown");

ssize_t send(int fd, const void *buf, size_t len, int flags) __asm__("rl_send");
ssize_t sendto(int fd, const void *buf, size_t len, int flags,
    const struct sockaddr *to, socklen_t to_len) __asm__("rl_sendto");
ssize_t recv(int fd, void *buf, size_t len, int flags) __asm__("rl_recv");
ssize_t recvfrom(int fd, void *buf, size_t len, int flags,
    struct sockaddr *from, socklen_t *from_len) __asm__("rl_recvfrom");

/* Urgent bytes are read in line (SO_OOBINLINE is always on): POLLPRI and
 * EPOLLPRI say that some remain, and a read ends before the last one, where
 * this returns 1. */
int sockatmark(int fd) __asm__("rl_sockatmark");

int getsockname(int fd, struct sockaddr *addr, socklen_t *len) __asm__(
    "rl_getsockname");
int getpeername(int fd, struct sockaddr *addr, socklen_t *len) __asm__(
    "rl_getpeername");
int setsockopt(int fd, int level, int name, const void *value,
    socklen_t len) __asm__("rl_setsockopt");
int getsockopt(int fd, int level, int name, void *value,
    socklen_t *len) __asm__("rl_getsockopt");

/* SPDX-License-Identifier: MIT */
/*
 * Sockets, as posix/ sees them: no call here ever blocks.  A call that cannot
 * go on returns -EAGAIN; the caller waits on sock_waitq for the event and asks
 * again.  Addresses and ports are in host order.  Context of all: thread.
 *
 * Events are epoll's numbers (include/sys/epoll.h); sock_events tells the
 * present state, and each change wakes sock_waitq with the bits that rose.
 *
 *	           READABLE                  WRITABLE             HANGUP
 *	listener   a connection waits        -                    -
 *	TCP        data, FIN, or error       room, or error       both sides
 *shut UDP        a datagram, or error      always               - (a TCP socket
 *that was never connected: HANGUP | WRITABLE)
 *
 * URGENT: bytes up to the peer's urgent pointer remain to be read (TCP).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sock;
struct stack;
struct tcp_info;
struct waitq;

enum {
	SOCK_READABLE = 0x001,  /* EPOLLIN */
	SOCK_URGENT = 0x002,    /* EPOLLPRI */
	SOCK_WRITABLE = 0x004,  /* EPOLLOUT */
	SOCK_ERROR = 0x008,     /* EPOLLERR */
	SOCK_HANGUP = 0x010,    /* EPOLLHUP */
	SOCK_PEER_SHUT = 0x2000 /* EPOLLRDHUP */
};

enum sock_type { SOCK_TYPE_TCP = 1, SOCK_TYPE_UDP = 2 };

struct sock_addr {
	uint32_t ip;
	uint16_t port;
};

enum sock_shut { SOCK_SHUT_RD, SOCK_SHUT_WR, SOCK_SHUT_BOTH };

/* Flags of sock_recv and of the sending calls (the numbers of MSG_OOB, MSG_PEEK
 * and MSG_MORE).  SOCK_OOB: TCP's urgent pointer follows these bytes.
 * SOCK_MORE: more follows at once, so hold a partial segment back. */
enum { SOCK_OOB = 0x1, SOCK_PEEK = 0x2, SOCK_MORE = 0x8000 };

enum sock_opt {
	SOCK_OPT_REUSEADDR,
	SOCK_OPT_NODELAY,    /* 0 or 1 */
	SOCK_OPT_LINGER,     /* -1 off, else seconds; 0 makes close send RST */
	SOCK_OPT_RCVBUF,     /* bytes */
	SOCK_OPT_SNDBUF,     /* bytes */
	SOCK_OPT_ERROR,      /* get only: the pending error, which it clears */
	SOCK_OPT_ACCEPTCONN, /* get only: listening? */
	SOCK_OPT_TYPE,       /* get only: enum sock_type */
	SOCK_OPT_BROADCAST,  /* 0 or 1 */
	/* TCP only, -EINVAL out of range; a listener's are inherited. */
	SOCK_OPT_KEEPALIVE,    /* 0 or 1 */
	SOCK_OPT_KEEPIDLE,     /* seconds of silence before the first probe */
	SOCK_OPT_KEEPINTVL,    /* seconds between probes */
	SOCK_OPT_KEEPCNT,      /* unanswered probes that end the connection */
	SOCK_OPT_USER_TIMEOUT, /* ms without an answer that end it; 0: R2 */
	/* TCP: bytes; 0 none.  Get: that of the connection, when there is */
	SOCK_OPT_MAXSEG,
	SOCK_OPT_INQ,  /* get only: bytes (of a datagram) that can be read */
	SOCK_OPT_OUTQ, /* get only: bytes that are not acknowledged */
	/* TCP, get only: whether the last urgent byte is read next */
	SOCK_OPT_ATMARK,
	SOCK_OPT_CORK,     /* TCP: 0 or 1: hold partial segments back */
	SOCK_OPT_QUICKACK, /* TCP: 1 ACK at once, 0 late; at first neither */
	SOCK_OPT_OOBINLINE /* TCP: urgent bytes are read in line, always 1 */
};

/* The calls whose work differs by type (net/tcp_sock.c, net/udp.c); the
 * contracts are those of the functions below that call them. */
struct sock_ops {
	int (*bind)(struct sock *s, const struct sock_addr *a);
	int (*connect)(struct sock *s, const struct sock_addr *a);
	ptrdiff_t (*send)(struct sock *s, const void *data, size_t len,
	    int flags, const struct sock_addr *to);
	ptrdiff_t (*recv)(struct sock *s, void *buf, size_t len, int flags,
	    struct sock_addr *from);
	void (*close)(struct sock *s);
	uint32_t (*events)(const struct sock *s);
};

/* What every struct sock begins with. */
struct sock_head {
	const struct sock_ops *ops;
};

/* Makes a socket.  The caller owns *out until sock_close.  -ENOBUFS when the
 * pool is empty, -EPROTONOSUPPORT. */
int sock_create(struct stack *st, enum sock_type type, struct sock **out);

/* Binds; ip 0 is any, port 0 chooses one.  -EADDRINUSE, -EADDRNOTAVAIL,
 * -EINVAL when already bound. */
int sock_bind(struct sock *s, const struct sock_addr *a);

/* -EOPNOTSUPP for UDP, -EADDRINUSE, -EINVAL when connected. */
int sock_listen(struct sock *s, int backlog);

/* Takes the oldest established connection; the caller owns *out.  -EAGAIN,
 * -EINVAL when not listening. */
int sock_accept(struct sock *s, struct sock **out, struct sock_addr *peer);

/* TCP: starts the handshake, -EINPROGRESS; later calls -EALREADY, then 0 once
 * after success or the error, then -EISCONN.  UDP: sets the default peer; 0. */
int sock_connect(struct sock *s, const struct sock_addr *a);

/* Queues bytes (copied before return) or sends one datagram.  to: NULL for the
 * connected peer.  Returns the bytes taken, which for TCP may be fewer than
 * len; -EAGAIN, -EPIPE, -ENOTCONN, -EMSGSIZE, -EDESTADDRREQ, -EHOSTUNREACH,
 * -ENETUNREACH, -ENOBUFS or the pending error. */
static inline ptrdiff_t sock_send(struct sock *s, const void *data, size_t len,
    int flags, const struct sock_addr *to)
{
	return ((struct sock_head *)s)->ops->send(s, data, len, flags, to);
}

/* TCP only: queues immutable bytes by reference; they are borrowed until
 * acknowledged, so they must live for ever.  Returns as sock_send. */
ptrdiff_t sock_send_ref(
    struct sock *s, const void *data, size_t len, int flags);

/* Receives.  TCP returns 0 at the end of the stream; UDP cuts a datagram longer
 * than len.  from may be NULL.  -EAGAIN, -ENOTCONN or the pending error. */
static inline ptrdiff_t sock_recv(
    struct sock *s, void *buf, size_t len, int flags, struct sock_addr *from)
{
	return ((struct sock_head *)s)->ops->recv(s, buf, len, flags, from);
}

/* -ENOTCONN. */
int sock_shutdown(struct sock *s, enum sock_shut how);

/* The first half of sock_close for a caller that may wait: the FIN follows what
 * is queued.  Returns for how many seconds SO_LINGER wants close to wait, as
 * long as sock_lingers; 0 when there is nothing to wait for. */
int sock_begin_close(struct sock *s);
/* Whether something, the FIN at least, is not acknowledged yet; a change wakes
 * sock_waitq. */
bool sock_lingers(const struct sock *s);

/* Gives the socket up; a TCP connection goes on closing by itself.  No wait
 * entry may be left in its queue.  Takes s. */
void sock_close(struct sock *s);

/* The pending SOCK_* events, level. */
uint32_t sock_events(const struct sock *s);
struct waitq *sock_waitq(struct sock *s);

/* -ENOTCONN for the peer of an unconnected socket. */
int sock_get_local(const struct sock *s, struct sock_addr *out);
int sock_get_peer(const struct sock *s, struct sock_addr *out);

/* All that there is to tell of a TCP socket and its connection.  Also for a
 * socket without one.  -ENOPROTOOPT for UDP. */
int sock_tcp_info(const struct sock *s, struct tcp_info *out);

/* Congestion control by name (net/tcp_cc.h): of the connection, or of those to
 * come.  -ENOENT for an unknown name, -ENOPROTOOPT for UDP; the getter returns
 * NULL there. */
int sock_set_congestion(struct sock *s, const char *name);
const char *sock_get_congestion(const struct sock *s);

/* -ENOPROTOOPT, -EINVAL. */
int sock_set_opt(struct sock *s, enum sock_opt opt, int value);
int sock_get_opt(struct sock *s, enum sock_opt opt, int *value);

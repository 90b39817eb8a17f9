/* SPDX-License-Identifier: MIT */
/*
 * Socket calls.  net/sock.h never waits; what makes a call blocking is the loop
 * here: try, and while the answer is -EAGAIN, wait on the socket's queue and
 * try again.  After a deadline the operation is tried once more, so that a
 * wake-up which came together with the deadline is not lost.
 */
#include "posix/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "lib/assert.h"
#include "lib/string.h"
#include "sched/timer.h"

/* --- Addresses ----------------------------------------------------------- */

static int addr_from_user(
    const struct sockaddr *addr, socklen_t len, struct sock_addr *out)
{
	struct sockaddr_in in;

	if (!addr || len < sizeof(in))
		return -EINVAL;
	memcpy(&in, addr, sizeof(in));
	if (in.sin_family != AF_INET)
		return -EAFNOSUPPORT;
	out->ip = ntohl(in.sin_addr.s_addr);
	out->port = ntohs(in.sin_port);
	return 0;
}

/* Fills what fits and tells the whole length, as POSIX wants. */
static void addr_to_user(
    const struct sock_addr *a, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (!addr || !len)
		return;
	in.sin_addr.s_addr = htonl(a->ip);
	in.sin_port = htons(a->port);
	memcpy(addr, &in, *len < sizeof(in) ? *len : sizeof(in));
	*len = sizeof(in);
}

static_assert(
    MSG_PEEK == SOCK_PEEK && MSG_MORE == (int)SOCK_MORE && MSG_OOB == SOCK_OOB,
    "flags are passed on as they are");

/* --- Waiting ------------------------------------------------------------- */

/* One call that may have to wait. */
struct waiting {
	struct ofile *f;
	uint64_t deadline_ns;
	bool nonblock, exclusive, expired;
};

static struct waiting waiting_start(
    struct ofile *f, uint64_t timeout_ns, bool nonblock)
{
	return (struct waiting){ .f = f,
		.deadline_ns = posix_deadline(timeout_ns),
		.nonblock = nonblock || f->nonblock };
}

/* Whether to try again: 0 after a wake-up or for the last time, else the
 * failure to return. */
static int waiting_again(struct waiting *w)
{
	int rc;

	if (w->nonblock || w->expired)
		return -EAGAIN;
	rc = ofile_wait(w->f, w->exclusive, w->deadline_ns);
	w->expired = rc == -EAGAIN;
	return rc == -EBADF ? rc : 0;
}

/* Whether a failure is pending behind a part that was done: the part is told
 * now, and the failure is the next call's. */
static bool failed_behind(const struct ofile *f, size_t done)
{
	return done > 0 && (sock_events(f->socket.sock) & SOCK_ERROR);
}

/* --- Making sockets ------------------------------------------------------ */

static int get_socket(int fd, struct ofile **f)
{
	posix_enter();
	return fd_get_kind(fd, &socket_ops, -ENOTSOCK, f);
}

static int socket_type(int domain, int type, int protocol)
{
	if (domain != AF_INET)
		return -EAFNOSUPPORT;
	if (type == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP))
		return SOCK_TYPE_TCP;
	if (type == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP))
		return SOCK_TYPE_UDP;
	return type == SOCK_STREAM || type == SOCK_DGRAM ? -EPROTONOSUPPORT
	                                                 : -EINVAL;
}

static int socket_open(enum sock_type type, bool nonblock)
{
	struct ofile *f;
	int fd, rc;

	fd = fd_open(&socket_ops, &f);
	if (fd < 0)
		return fd;
	f->socket.type = type;
	f->nonblock = nonblock;
	rc = sock_create(f->env->config.stack, type, &f->socket.sock);
	if (rc == 0)
		return fd;
	fd_abandon(fd);
	return rc;
}

int socket(int domain, int type, int protocol)
{
	const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
	int kind = socket_type(domain, type & ~flags, protocol);

	posix_enter();
	if (kind < 0)
		return (int)posix_result(kind);
	return (int)posix_result(
	    socket_open((enum sock_type)kind, (type & SOCK_NONBLOCK) != 0));
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sock_addr a;
	struct ofile *f;
	int rc = get_socket(fd, &f);

	if (rc < 0)
		return (int)posix_result(rc);
	rc = addr_from_user(addr, len, &a);
	if (rc == 0)
		rc = sock_bind(f->socket.sock, &a);
	ofile_put(f);
	return (int)posix_result(rc);
}

int listen(int fd, int backlog)
{
	struct ofile *f;
	int rc = get_socket(fd, &f);

	if (rc < 0)
		return (int)posix_result(rc);
	rc = sock_listen(f->socket.sock, backlog);
	ofile_put(f);
	return (int)posix_result(rc);
}

/* The number is taken before the connection, so that a full table leaves the
 * connection in its queue.  It is given back while waiting for one. */
static int accept_once(struct ofile *f, bool nonblock, struct sock_addr *peer)
{
	struct ofile *fresh;
	int fd, rc;

	fd = fd_open(&socket_ops, &fresh);
	if (fd < 0)
		return fd;
	rc = sock_accept(f->socket.sock, &fresh->socket.sock, peer);
	if (rc < 0) {
		fd_abandon(fd);
		return rc;
	}
	fresh->socket.type = f->socket.type;
	fresh->nonblock = nonblock;
	return fd;
}

static int accept_wait(struct ofile *f, int flags, struct sock_addr *peer)
{
	struct waiting w = waiting_start(f, f->socket.rcv_timeout_ns, false);
	int rc;

	if (f->socket.type != SOCK_TYPE_TCP)
		return -EOPNOTSUPP;
	w.exclusive = true;
	do {
		rc = accept_once(f, (flags & SOCK_NONBLOCK) != 0, peer);
		if (rc != -EAGAIN)
			return rc;
		rc = waiting_again(&w);
	} while (rc == 0);
	return rc;
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct sock_addr peer;
	struct ofile *f;
	int rc;

	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return (int)posix_result(-EINVAL);
	rc = get_socket(fd, &f);
	if (rc < 0)
		return (int)posix_result(rc);
	rc = accept_wait(f, flags, &peer);
	if (rc >= 0)
		addr_to_user(&peer, addr, len);
	ofile_put(f);
	return (int)posix_result(rc);
}

int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return accept4(fd, addr, len, 0);
}

static int connect_wait(struct ofile *f, const struct sock_addr *a)
{
	struct waiting w = waiting_start(f, f->socket.snd_timeout_ns, false);
	int rc, again;

	for (;;) {
		rc = sock_connect(f->socket.sock, a);
		if (rc != -EINPROGRESS && rc != -EALREADY)
			return rc;
		again = waiting_again(&w);
		if (again == -EBADF)
			return again;
		if (again < 0)
			return w.expired ? -EINPROGRESS : rc;
	}
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sock_addr a;
	struct ofile *f;
	int rc = get_socket(fd, &f);

	if (rc < 0)
		return (int)posix_result(rc);
	rc = addr_from_user(addr, len, &a);
	if (rc == 0)
		rc = connect_wait(f, &a);
	ofile_put(f);
	return (int)posix_result(rc);
}

int shutdown(int fd, int how)
{
	struct ofile *f;
	int rc = get_socket(fd, &f);

	if (rc < 0)
		return (int)posix_result(rc);
	rc = -EINVAL;
	if (how >= SHUT_RD && how <= SHUT_RDWR)
		rc = sock_shutdown(f->socket.sock, (enum sock_shut)how);
	ofile_put(f);
	return (int)posix_result(rc);
}

/* --- Sending ------------------------------------------------------------- */

struct sending {
	const uint8_t *data;
	size_t len;
	const struct sock_addr *to;
	int flags; /* SOCK_MORE, SOCK_OOB */
	bool by_reference;
};

static ptrdiff_t send_once(
    struct ofile *f, const struct sending *m, size_t done)
{
	/* A program may pass NULL for no bytes. */
	const uint8_t *data = done > 0 ? m->data + done : m->data;

	if (m->by_reference)
		return sock_send_ref(
		    f->socket.sock, data, m->len - done, m->flags);
	return sock_send(f->socket.sock, data, m->len - done, m->flags, m->to);
}

/* A blocking send returns when everything is taken. */
static ptrdiff_t send_wait(
    struct ofile *f, const struct sending *m, bool nonblock)
{
	struct waiting w = waiting_start(f, f->socket.snd_timeout_ns, nonblock);
	size_t done = 0;
	ptrdiff_t rc;

	do {
		rc = send_once(f, m, done);
		if (rc > 0)
			done += (size_t)rc;
		if (rc >= 0 && done == m->len)
			return (ptrdiff_t)done;
		if (rc >= 0 || rc == -EAGAIN)
			rc = waiting_again(&w);
	} while (rc == 0 && !failed_behind(f, done));
	return done > 0 ? (ptrdiff_t)done : rc;
}

ptrdiff_t socket_send_file(
    struct ofile *f, const uint8_t *data, size_t len, bool immortal)
{
	struct sending m = {
		.data = data, .len = len, .by_reference = immortal
	};

	return send_wait(f, &m, false);
}

ptrdiff_t socket_send_piece(
    struct ofile *f, const void *data, size_t len, bool more)
{
	struct sending m = {
		.data = data, .len = len, .flags = more ? MSG_MORE : 0
	};

	return send_wait(f, &m, false);
}

static ptrdiff_t socket_write(struct ofile *f, const void *buf, size_t len)
{
	struct sending m = { .data = buf, .len = len };

	return send_wait(f, &m, false);
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags,
    const struct sockaddr *to, socklen_t to_len)
{
	struct sending m = {
		.data = buf, .len = len, .flags = flags & (MSG_MORE | MSG_OOB)
	};
	struct sock_addr a;
	struct ofile *f;
	ptrdiff_t rc = get_socket(fd, &f);

	if (rc < 0)
		return posix_result(rc);
	if ((flags & MSG_OOB) && f->socket.type == SOCK_TYPE_UDP)
		rc = -EOPNOTSUPP;
	/* Linux ignores the address on a connected stream, too. */
	else if (to && f->socket.type == SOCK_TYPE_UDP) {
		rc = addr_from_user(to, to_len, &a);
		m.to = &a;
	}
	if (rc == 0)
		rc = send_wait(f, &m, (flags & MSG_DONTWAIT) != 0);
	ofile_put(f);
	return posix_result(rc);
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	return sendto(fd, buf, len, flags, NULL, 0);
}

/* --- Receiving ----------------------------------------------------------- */

/* A read ends at the urgent mark. */
static bool at_mark(const struct ofile *f)
{
	int mark = 0;

	sock_get_opt(f->socket.sock, SOCK_OPT_ATMARK, &mark);
	return mark;
}

static ptrdiff_t recv_wait(
    struct ofile *f, void *buf, size_t len, int flags, struct sock_addr *from)
{
	struct waiting w = waiting_start(
	    f, f->socket.rcv_timeout_ns, (flags & MSG_DONTWAIT) != 0);
	bool whole = (flags & MSG_WAITALL) && !(flags & MSG_PEEK) &&
	             f->socket.type == SOCK_TYPE_TCP;
	size_t done = 0;
	ptrdiff_t rc;

	w.exclusive = f->socket.type == SOCK_TYPE_UDP;
	do {
		rc = sock_recv(f->socket.sock,
		    done > 0 ? (uint8_t *)buf + done : buf, len - done,
		    flags & MSG_PEEK, from);
		if (rc > 0)
			done += (size_t)rc;
		if (rc == 0 ||
		    (rc > 0 && (!whole || done == len || at_mark(f))))
			return (ptrdiff_t)done;
		if (rc > 0 || rc == -EAGAIN)
			rc = waiting_again(&w);
	} while (rc == 0 && !failed_behind(f, done));
	return done > 0 ? (ptrdiff_t)done : rc;
}

static ptrdiff_t socket_read(struct ofile *f, void *buf, size_t len)
{
	return recv_wait(f, buf, len, 0, NULL);
}

ssize_t recvfrom(int fd, void *buf, size_t len, int flags,
    struct sockaddr *from, socklen_t *from_len)
{
	struct sock_addr a = { 0 };
	struct ofile *f;
	ptrdiff_t rc = get_socket(fd, &f);

	if (rc < 0)
		return posix_result(rc);
	/* Urgent bytes are in line. */
	if (flags & MSG_OOB)
		rc = f->socket.type == SOCK_TYPE_TCP ? -EINVAL : -EOPNOTSUPP;
	else
		rc = recv_wait(f, buf, len, flags, &a);
	if (rc >= 0 && f->socket.type == SOCK_TYPE_UDP)
		addr_to_user(&a, from, from_len);
	else if (from_len)
		*from_len = 0; /* a stream tells no address */
	ofile_put(f);
	return posix_result(rc);
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	return recvfrom(fd, buf, len, flags, NULL, NULL);
}

/* --- Names and options --------------------------------------------------- */

static int get_name(int fd, struct sockaddr *addr, socklen_t *len,
    int (*get)(const struct sock *s, struct sock_addr *out))
{
	struct sock_addr a;
	struct ofile *f;
	int rc = get_socket(fd, &f);

	if (rc < 0)
		return (int)posix_result(rc);
	rc = get(f->socket.sock, &a);
	if (rc == 0)
		addr_to_user(&a, addr, len);
	ofile_put(f);
	return (int)posix_result(rc);
}

int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return get_name(fd, addr, len, sock_get_local);
}

int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return get_name(fd, addr, len, sock_get_peer);
}

/* Options whose value is an int that net/ understands. */
static const struct {
	int level, name;
	enum sock_opt opt;
} int_options[] = {
	{ SOL_SOCKET, SO_REUSEADDR, SOCK_OPT_REUSEADDR },
	{ SOL_SOCKET, SO_RCVBUF, SOCK_OPT_RCVBUF },
	{ SOL_SOCKET, SO_SNDBUF, SOCK_OPT_SNDBUF },
	{ SOL_SOCKET, SO_ERROR, SOCK_OPT_ERROR },
	{ SOL_SOCKET, SO_ACCEPTCONN, SOCK_OPT_ACCEPTCONN },
	{ SOL_SOCKET, SO_BROADCAST, SOCK_OPT_BROADCAST },
	{ SOL_SOCKET, SO_KEEPALIVE, SOCK_OPT_KEEPALIVE },
	{ SOL_SOCKET, SO_OOBINLINE, SOCK_OPT_OOBINLINE },
	{ IPPROTO_TCP, TCP_NODELAY, SOCK_OPT_NODELAY },
	{ IPPROTO_TCP, TCP_KEEPIDLE, SOCK_OPT_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL, SOCK_OPT_KEEPINTVL },
	{ IPPROTO_TCP, TCP_KEEPCNT, SOCK_OPT_KEEPCNT },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, SOCK_OPT_USER_TIMEOUT },
	{ IPPROTO_TCP, TCP_MAXSEG, SOCK_OPT_MAXSEG },
	{ IPPROTO_TCP, TCP_CORK, SOCK_OPT_CORK },
	{ IPPROTO_TCP, TCP_QUICKACK, SOCK_OPT_QUICKACK },
};

static int find_option(int level, int name)
{
	size_t i;

	for (i = 0; i < sizeof(int_options) / sizeof(int_options[0]); i++)
		if (int_options[i].level == level &&
		    int_options[i].name == name)
			return (int)int_options[i].opt;
	return -ENOPROTOOPT;
}

static int set_timeout(uint64_t *timeout_ns, const struct timeval *tv)
{
	if (tv->tv_usec < 0 || tv->tv_usec >= 1000000)
		return -EDOM;
	*timeout_ns = 0; /* none, and none that the clock could reach */
	if (tv->tv_sec >= 0 && (uint64_t)tv->tv_sec < WAIT_FOREVER / NS_PER_S)
		*timeout_ns = (uint64_t)tv->tv_sec * NS_PER_S +
		              (uint64_t)tv->tv_usec * NS_PER_US;
	return 0;
}

static int set_socket_option(struct ofile *f, int name, const void *value)
{
	struct linger linger;
	struct timeval tv;

	if (name == SO_LINGER) {
		memcpy(&linger, value, sizeof(linger));
		return sock_set_opt(f->socket.sock, SOCK_OPT_LINGER,
		    linger.l_onoff ? linger.l_linger : -1);
	}
	memcpy(&tv, value, sizeof(tv));
	return set_timeout(name == SO_RCVTIMEO ? &f->socket.rcv_timeout_ns
	                                       : &f->socket.snd_timeout_ns,
	    &tv);
}

/* The size of an option that is a structure, else 0. */
static socklen_t struct_option(int level, int name)
{
	if (level != SOL_SOCKET)
		return 0;
	if (name == SO_LINGER)
		return sizeof(struct linger);
	if (name == SO_RCVTIMEO || name == SO_SNDTIMEO)
		return sizeof(struct timeval);
	return 0;
}

/* The name need not end with a zero byte. */
static int set_congestion(struct ofile *f, const char *value, socklen_t len)
{
	char name[TCP_CA_NAME_MAX] = { 0 };

	if (len < 1)
		return -EINVAL;
	memcpy(name, value, len < sizeof(name) ? len : sizeof(name) - 1);
	return sock_set_congestion(f->socket.sock, name);
}

static int set_option(
    struct ofile *f, int level, int name, const void *value, socklen_t len)
{
	socklen_t want = struct_option(level, name);
	int opt, v;

	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return set_congestion(f, value, len);
	if (len < (want ? want : sizeof(v)))
		return -EINVAL;
	if (want)
		return set_socket_option(f, name, value);
	opt = find_option(level, name);
	if (opt < 0)
		return opt;
	memcpy(&v, value, sizeof(v));
	return sock_set_opt(f->socket.sock, (enum sock_opt)opt, v);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	struct ofile *f;
	int rc = get_socket(fd, &f);

	if (rc < 0)
		return (int)posix_result(rc);
	rc = set_option(f, level, name, value, len);
	ofile_put(f);
	return (int)posix_result(rc);
}

static void copy_option(
    void *value, socklen_t *len, const void *src, socklen_t size)
{
	if (*len > size)
		*len = size;
	memcpy(value, src, *len);
}

static int get_struct_option(
    struct ofile *f, int name, void *value, socklen_t *len)
{
	uint64_t ns = name == SO_RCVTIMEO ? f->socket.rcv_timeout_ns
	                                  : f->socket.snd_timeout_ns;
	struct timeval tv = { .tv_sec = (time_t)(ns / NS_PER_S),
		.tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US) };
	struct linger linger = { 0 };
	int rc, v;

	if (name != SO_LINGER) {
		copy_option(value, len, &tv, sizeof(tv));
		return 0;
	}
	rc = sock_get_opt(f->socket.sock, SOCK_OPT_LINGER, &v);
	if (rc == 0 && v >= 0)
		linger = (struct linger){ 1, v };
	copy_option(value, len, &linger, sizeof(linger));
	return rc;
}

static int get_info(struct ofile *f, void *value, socklen_t *len)
{
	struct tcp_info info;
	int rc = sock_tcp_info(f->socket.sock, &info);

	if (rc == 0)
		copy_option(value, len, &info, sizeof(info));
	return rc;
}

static int get_congestion(struct ofile *f, void *value, socklen_t *len)
{
	const char *name = sock_get_congestion(f->socket.sock);
	char field[TCP_CA_NAME_MAX] = { 0 };

	if (!name)
		return -ENOPROTOOPT;
	memcpy(field, name, strlen(name));
	copy_option(value, len, field, sizeof(field));
	return 0;
}

/* What posix/ knows by itself, else -ENOPROTOOPT. */
static int own_option(const struct ofile *f, int level, int name)
{
	bool tcp = f->socket.type == SOCK_TYPE_TCP;

	if (level != SOL_SOCKET)
		return -ENOPROTOOPT;
	if (name == SO_TYPE)
		return tcp ? SOCK_STREAM : SOCK_DGRAM;
	if (name == SO_DOMAIN)
		return AF_INET;
	if (name == SO_PROTOCOL)
		return tcp ? IPPROTO_TCP : IPPROTO_UDP;
	return -ENOPROTOOPT;
}

static int get_option(
    struct ofile *f, int level, int name, void *value, socklen_t *len)
{
	int v, opt, rc;

	if (*len > INT32_MAX)
		return -EINVAL;
	if (struct_option(level, name))
		return get_struct_option(f, name, value, len);
	if (level == IPPROTO_TCP && name == TCP_INFO)
		return get_info(f, value, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return get_congestion(f, value, len);
	v = own_option(f, level, name);
	if (v < 0) {
		opt = find_option(level, name);
		if (opt < 0)
			return opt;
		rc = sock_get_opt(f->socket.sock, (enum sock_opt)opt, &v);
		if (rc < 0)
			return rc;
	}
	copy_option(value, len, &v, sizeof(v));
	return 0;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct ofile *f;
	int rc = get_socket(fd, &f);

	if (rc < 0)
		return (int)posix_result(rc);
	rc = get_option(f, level, name, value, len);
	ofile_put(f);
	return (int)posix_result(rc);
}

/* --- As an open file ----------------------------------------------------- */

static uint32_t socket_events(const struct ofile *f)
{
	return sock_events(f->socket.sock);
}

static struct waitq *socket_waitq(const struct ofile *f)
{
	return sock_waitq(f->socket.sock);
}

static void socket_stat(const struct ofile *f, struct stat *out)
{
	out->st_mode = S_IFSOCK | 0600;
}

/* SO_LINGER with a time: close waits until the peer has everything.  What is
 * left then goes on by itself.  A non-blocking socket does not wait. */
static void linger(const struct ofile *f)
{
	struct sock *s = f->socket.sock;
	int seconds = f->nonblock ? 0 : sock_begin_close(s);
	uint64_t deadline_ns = posix_deadline((uint64_t)seconds * NS_PER_S);

	while (seconds > 0 && sock_lingers(s))
		if (waitq_wait(sock_waitq(s), deadline_ns) == -ETIMEDOUT)
			return;
}

static void socket_release(struct ofile *f)
{
	linger(f);
	sock_close(f->socket.sock);
}

const struct ofile_ops socket_ops = {
	.read = socket_read,
	.write = socket_write,
	.events = socket_events,
	.waitq = socket_waitq,
	.stat = socket_stat,
	.release = socket_release,
};

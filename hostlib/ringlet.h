/* SPDX-License-Identifier: MIT */
/*
 * Ringlet's network stack as a library, for tools outside: packet tests,
 * simulators, debuggers.  `make host-lib` builds build/host/libringlet.so from
 * the very sources that run on the machine.
 *
 * Any number of stacks live in one process under one clock, which stands still
 * until ringlet_advance moves it; so a run repeats exactly.  Nothing here waits
 * and nothing happens behind the caller's back: frames go in by
 * ringlet_frame_in, come out by a callback, timers run in ringlet_advance.
 *
 * Calls return a negative errno number on failure, else what POSIX says.  A
 * socket call that would have to wait returns -EAGAIN (connect: -EINPROGRESS).
 * Addresses (struct sockaddr_in), options and flags have Linux's layout and
 * numbers.  Not for several threads: one at a time may be in the library.
 * Behind a broken invariant the process aborts, with the reason on stderr; no
 * frame may cause that.
 *
 * The environment variable RINGLET_LOG shows the stacks' log on stderr.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RINGLET_API_VERSION 1

struct ringlet;
struct iovec;
struct pollfd;
struct epoll_event;

struct ringlet_config {
	uint32_t version;    /* RINGLET_API_VERSION */
	const char *address; /* "192.0.2.1/24" */
	const char *gateway; /* NULL: none */
	uint8_t mac[6];      /* all zero: made from the address */
	uint16_t mtu;        /* of IPv4, 576 to 1500; 0: 1500 */
	uint64_t seed;       /* of all randomness: ports, sequence numbers */
	size_t memory_bytes; /* of all pools; 0: 16 MiB; at least 4 MiB */
	uint32_t tcp_msl_ms; /* 0: 30 s */

	/* Called for each Ethernet frame that leaves, without its FCS; frame is
	 * borrowed for the call.  It may call ringlet_frame_in of any stack and
	 * nothing else of the library. */
	void (*frame_out)(void *ctx, const void *frame, size_t len);
	void *ctx;
};

/*
 * Makes a stack with one Ethernet device, its link up.  Borrows nothing.
 * Returns NULL and, when error is not NULL, a reason in it: a string constant.
 */
struct ringlet *ringlet_new(
    const struct ringlet_config *config, const char **error);

/* Ends a stack without a word on the wire: descriptors, connections, timers
 * and memory go.  NULL is allowed. */
void ringlet_free(struct ringlet *r);

/* --- The wire ------------------------------------------------------------ */

/* A frame arrives (copied).  It is processed before the call returns, except
 * within frame_out: then right after.  Returns 0, -EMSGSIZE for a frame longer
 * than the link carries, -ENOBUFS when too many wait. */
int ringlet_frame_in(struct ringlet *r, const void *frame, size_t len);

/* The cable goes (0) or comes (1). */
void ringlet_set_link(struct ringlet *r, int up);

/* --- The clock ----------------------------------------------------------- */

/* Nanoseconds since the first stack was made; the same for all stacks. */
uint64_t ringlet_now_ns(void);

/* Moves the clock, running each timer of every stack at its own time (at most
 * about a millisecond late, as on the machine). */
void ringlet_advance(uint64_t ns);

/* A time not after the next timer of any stack; UINT64_MAX: none is armed. */
uint64_t ringlet_next_ns(void);

/* --- For tests ----------------------------------------------------------- */

/* From now on connections begin with this sequence number; NULL: random ones
 * again (RFC 6528).  Copied. */
void ringlet_set_isn(struct ringlet *r, const uint32_t *isn);

/* All counters, pools and drop reasons as "name value" lines.  Returns the
 * length of the text, which is cut at size. */
size_t ringlet_stats(struct ringlet *r, char *buf, size_t size);

/* --- Sockets: as POSIX, of this stack's descriptors ---------------------- */

int ringlet_socket(struct ringlet *r, int domain, int type, int protocol);
int ringlet_bind(struct ringlet *r, int fd, const void *addr, uint32_t len);
int ringlet_listen(struct ringlet *r, int fd, int backlog);
int ringlet_accept(struct ringlet *r, int fd, void *addr, uint32_t *len);
int ringlet_connect(struct ringlet *r, int fd, const void *addr, uint32_t len);
int ringlet_shutdown(struct ringlet *r, int fd, int how);
int ringlet_close(struct ringlet *r, int fd);
ptrdiff_t ringlet_read(struct ringlet *r, int fd, void *buf, size_t len);
ptrdiff_t ringlet_write(struct ringlet *r, int fd, const void *buf, size_t len);
ptrdiff_t ringlet_readv(
    struct ringlet *r, int fd, const struct iovec *iov, int count);
ptrdiff_t ringlet_writev(
    struct ringlet *r, int fd, const struct iovec *iov, int count);
ptrdiff_t ringlet_send(
    struct ringlet *r, int fd, const void *buf, size_t len, int flags);
ptrdiff_t ringlet_sendto(struct ringlet *r, int fd, const void *buf, size_t len,
    int flags, const void *addr, uint32_t addr_len);
ptrdiff_t ringlet_recv(
    struct ringlet *r, int fd, void *buf, size_t len, int flags);
ptrdiff_t ringlet_recvfrom(struct ringlet *r, int fd, void *buf, size_t len,
    int flags, void *addr, uint32_t *addr_len);
int ringlet_getsockname(struct ringlet *r, int fd, void *addr, uint32_t *len);
int ringlet_getpeername(struct ringlet *r, int fd, void *addr, uint32_t *len);
int ringlet_setsockopt(struct ringlet *r, int fd, int level, int name,
    const void *value, uint32_t len);
int ringlet_getsockopt(
    struct ringlet *r, int fd, int level, int name, void *value, uint32_t *len);
/* These two look and do not wait. */
int ringlet_poll(struct ringlet *r, struct pollfd *fds, unsigned long count);
int ringlet_epoll_wait(
    struct ringlet *r, int epfd, struct epoll_event *events, int max);
int ringlet_epoll_create(struct ringlet *r);
int ringlet_epoll_ctl(
    struct ringlet *r, int epfd, int op, int fd, struct epoll_event *event);

#ifdef __cplusplus
}
#endif

/* SPDX-License-Identifier: MIT */
/*
 * A stack, its device and its descriptors in one block of memory, and the
 * caller's thread as the only one there is.
 */
#include "hostlib/ringlet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "arch/host/arch_host.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/pool.h"
#include "lib/random.h"
#include "net/eth.h"
#include "net/stack.h"
#include "posix/posix.h"
#include "sched/bh.h"
#include "sched/thread.h"
#include "sched/timer.h"

#define MEMORY_DEFAULT (16u << 20)
#define MEMORY_MIN     (4u << 20)
#define SCHED_BYTES    4096
#define STACK_SHARE    3 / 4 /* of the memory; descriptors have the rest */
#define FDS_MAX        4096
#define MTU_MIN        576
#define MTU_MAX        1500
#define FRAME_MAX      (sizeof(struct eth_hdr) + MTU_MAX)
#define FRAMES_MAX     4096 /* that wait to be processed */

struct frame {
	struct list node;
	size_t len;
	uint8_t data[];
};

struct ringlet {
	struct ringlet *next; /* of those that were freed */
	size_t bytes;
	struct netdev dev;
	struct stack stack;
	struct random rng;
	struct posix_env *env;
	struct list in; /* struct frame */
	uint32_t in_len;
	uint32_t isn;
	void (*frame_out)(void *ctx, const void *frame, size_t len);
	void *ctx;
};

static struct {
	bool started;
	bool running; /* bottom halves and timers have their turn */
	struct ringlet *freed;
} lib;

/* What posix/ offers, by the names that it has there; its headers would clash
 * with those of the C library. */
int rl_socket(int domain, int type, int protocol);
int rl_bind(int fd, const void *addr, uint32_t len);
int rl_listen(int fd, int backlog);
int rl_accept4(int fd, void *addr, uint32_t *len, int flags);
int rl_connect(int fd, const void *addr, uint32_t len);
int rl_shutdown(int fd, int how);
int rl_close(int fd);
ptrdiff_t rl_read(int fd, void *buf, size_t len);
ptrdiff_t rl_write(int fd, const void *buf, size_t len);
ptrdiff_t rl_readv(int fd, const struct iovec *iov, int count);
ptrdiff_t rl_writev(int fd, const struct iovec *iov, int count);
ptrdiff_t rl_send(int fd, const void *buf, size_t len, int flags);
ptrdiff_t rl_sendto(int fd, const void *buf, size_t len, int flags,
    const void *to, uint32_t to_len);
ptrdiff_t rl_recv(int fd, void *buf, size_t len, int flags);
ptrdiff_t rl_recvfrom(
    int fd, void *buf, size_t len, int flags, void *from, uint32_t *from_len);
int rl_getsockname(int fd, void *addr, uint32_t *len);
int rl_getpeername(int fd, void *addr, uint32_t *len);
int rl_setsockopt(int fd, int level, int name, const void *value, uint32_t len);
int rl_getsockopt(int fd, int level, int name, void *value, uint32_t *len);
int rl_poll(struct pollfd *fds, unsigned long count, int timeout_ms);
int rl_epoll_create1(int flags);
int rl_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int rl_epoll_wait(
    int epfd, struct epoll_event *events, int max, int timeout_ms);

/* --- The process --------------------------------------------------------- */

static void to_stderr(enum log_level level, const char *text, size_t len)
{
	fwrite(text, 1, len, stderr);
}

static void start(void)
{
	struct arena a = { .size = SCHED_BYTES };

	if (lib.started)
		return;
	lib.started = true;
	host_reset();
	log_init(arch_clock_ns);
	if (getenv("RINGLET_LOG"))
		log_add_sink(to_stderr);
	a.base = arch_mem_alloc(SCHED_BYTES, 64);
	sched_init(&a, 1);
}

/* From here to settle frames that come in wait: a stack may be in the middle of
 * sending. */
static void begin(void)
{
	start();
	lib.running = true;
}

/* Lets everything happen that can without the clock. */
static void settle(void)
{
	do
		thread_yield();
	while (bh_pending());
	lib.running = false;
}

uint64_t ringlet_now_ns(void)
{
	start();
	return arch_clock_ns();
}

uint64_t ringlet_next_ns(void)
{
	start();
	return timer_next_ns();
}

void ringlet_advance(uint64_t ns)
{
	uint64_t end_ns = ringlet_now_ns() + ns;
	uint64_t next_ns;

	while ((next_ns = timer_next_ns()) <= end_ns) {
		if (next_ns > arch_clock_ns())
			host_clock_advance(next_ns - arch_clock_ns());
		begin();
		settle();
	}
	host_clock_advance(end_ns - arch_clock_ns());
}

/* --- The device ---------------------------------------------------------- */

static int device_poll(struct netdev *dev, int budget)
{
	struct ringlet *r = container_of(dev, struct ringlet, dev);
	struct list *node;
	int done = 0;

	while (done < budget && (node = list_pop(&r->in))) {
		struct frame *f = container_of(node, struct frame, node);

		r->in_len--;
		netdev_rx(dev, f->data, f->len);
		free(f);
		done++;
	}
	return done;
}

static bool device_tx(struct netdev *dev, struct pkt *p)
{
	struct ringlet *r = container_of(dev, struct ringlet, dev);
	uint8_t frame[FRAME_MAX];
	size_t len = pkt_len(p);

	pkt_copy_out(p, frame);
	pkt_free(p);
	if (r->frame_out)
		r->frame_out(r->ctx, frame, len);
	return true;
}

static const struct netdev_ops device_ops = {
	.poll = device_poll,
	.tx = device_tx,
};

int ringlet_frame_in(struct ringlet *r, const void *frame, size_t len)
{
	struct frame *f;

	if (len > FRAME_MAX)
		return -EMSGSIZE;
	if (r->in_len == FRAMES_MAX)
		return -ENOBUFS;
	f = malloc(sizeof(*f) + len);
	if (!f)
		return -ENOBUFS;
	f->len = len;
	memcpy(f->data, frame, len);
	list_init(&f->node);
	list_append(&r->in, &f->node);
	r->in_len++;
	netdev_schedule(&r->dev);
	if (lib.running)
		return 0;
	begin();
	settle();
	return 0;
}

void ringlet_set_link(struct ringlet *r, int up)
{
	begin();
	netdev_set_link(&r->dev, up != 0);
	settle();
}

/* --- A stack ------------------------------------------------------------- */

static const char *parse_address(const char *s, struct ip_config *c)
{
	char text[INET_ADDRSTRLEN] = "";
	const char *slash = s ? strchr(s, '/') : NULL;
	struct in_addr a;
	char *end;
	long prefix;

	if (!slash || (size_t)(slash - s) >= sizeof(text))
		return "address: not of the form A.B.C.D/LEN";
	memcpy(text, s, (size_t)(slash - s));
	prefix = strtol(slash + 1, &end, 10);
	if (!inet_aton(text, &a) || *end || prefix < 1 || prefix > 32)
		return "address: not of the form A.B.C.D/LEN";
	c->addr = ntohl(a.s_addr);
	c->mask = ~0u << (32 - prefix);
	return NULL;
}

static const char *parse_config(
    const struct ringlet_config *c, struct ip_config *ip)
{
	struct in_addr a;

	if (c->version != RINGLET_API_VERSION)
		return "another version of this interface";
	if (c->mtu && (c->mtu < MTU_MIN || c->mtu > MTU_MAX))
		return "mtu: not within 576 and 1500";
	if (c->memory_bytes && c->memory_bytes < MEMORY_MIN)
		return "memory_bytes: less than 4 MiB";
	if (c->gateway) {
		if (!inet_aton(c->gateway, &a))
			return "gateway: not of the form A.B.C.D";
		ip->gateway = ntohl(a.s_addr);
	}
	return parse_address(c->address, ip);
}

/* Memory of the machine never comes back: so a freed stack's serves the next
 * one of its size. */
static struct ringlet *take_memory(size_t bytes)
{
	for (struct ringlet **at = &lib.freed; *at; at = &(*at)->next) {
		struct ringlet *r = *at;

		if (r->bytes == bytes) {
			*at = r->next;
			__asan_unpoison_memory_region(r, bytes);
			return r;
		}
	}
	return bytes <= arch_mem_available() ? arch_mem_alloc(bytes, 4096)
	                                     : NULL;
}

static bool make_stack(struct ringlet *r, struct arena *a)
{
	struct stack_limits limits;
	struct posix_config env = { .stack = &r->stack,
		.clock_ns = arch_clock_ns,
		.fds_max = FDS_MAX };

	stack_limits_for((a->size - a->used) * STACK_SHARE, &limits);
	if (stack_init(&r->stack, &limits, a, &r->rng))
		return false;
	if (posix_env_bytes(&env) < a->size - a->used)
		env.heap_bytes = a->size - a->used - posix_env_bytes(&env);
	r->env = posix_env_create(&env, a);
	return r->env != NULL;
}

static void make_device(
    struct ringlet *r, const struct ringlet_config *c, uint32_t addr)
{
	static const uint8_t unset[6];
	/* Locally administered, and different for different addresses. */
	const uint8_t made[6] = { 0x02, 0x52, (uint8_t)(addr >> 24),
		(uint8_t)(addr >> 16), (uint8_t)(addr >> 8), (uint8_t)addr };

	memcpy(r->dev.mac, memcmp(c->mac, unset, sizeof(unset)) ? c->mac : made,
	    sizeof(r->dev.mac));
	memcpy(r->dev.name, "eth0", sizeof("eth0"));
	r->dev.ops = &device_ops;
	r->dev.mtu = c->mtu ? c->mtu : MTU_MAX;
	netdev_register(&r->stack, &r->dev);
}

struct ringlet *ringlet_new(const struct ringlet_config *c, const char **error)
{
	size_t bytes = c->memory_bytes ? c->memory_bytes : MEMORY_DEFAULT;
	struct ip_config ip = { 0 };
	const char *why = parse_config(c, &ip);
	struct ringlet *r = NULL;
	struct arena a;

	start();
	if (!why && !(r = take_memory(bytes)))
		why = "memory_bytes: the process has no more for stacks";
	if (error)
		*error = why;
	if (why)
		return NULL;
	a = (struct arena){ .base = (uint8_t *)r, .size = bytes };
	r = arena_alloc(&a, sizeof(*r), 64);
	r->bytes = bytes;
	list_init(&r->in);
	random_add(&r->rng, &c->seed, sizeof(c->seed), 128);
	if (!make_stack(r, &a)) {
		ringlet_free(r);
		if (error)
			*error = "memory_bytes: too little";
		return NULL;
	}
	if (c->tcp_msl_ms)
		r->stack.tcp.msl_ns = c->tcp_msl_ms * NS_PER_MS;
	r->frame_out = c->frame_out;
	r->ctx = c->ctx;
	make_device(r, c, ip.addr);
	begin();
	netdev_set_link(&r->dev, true);
	ip_set_config(&r->dev, &ip);
	settle();
	return r;
}

/* Everything of a stack lies in its block; what points there from outside are
 * timers and bottom halves. */
void ringlet_free(struct ringlet *r)
{
	struct list *node;

	if (!r)
		return;
	while ((node = list_pop(&r->in)))
		free(container_of(node, struct frame, node));
	timer_forget_within(r, r->bytes);
	bh_forget_within(r, r->bytes);
	r->next = lib.freed;
	lib.freed = r;
}

void ringlet_set_isn(struct ringlet *r, const uint32_t *isn)
{
	if (isn)
		r->isn = *isn;
	r->stack.tcp.test_isn = isn ? &r->isn : NULL;
}

size_t ringlet_stats(struct ringlet *r, char *buf, size_t size)
{
	struct text t = { buf, size, 0, false };

	stack_print(&r->stack, &t);
	posix_print(r->env, &t);
	return t.len;
}

/* --- Sockets ------------------------------------------------------------- */

static void enter(struct ringlet *r)
{
	begin();
	thread_set_env(r->env);
}

/* What a call left to do is done before the caller sees its result. */
static ptrdiff_t leave(ptrdiff_t rc)
{
	if (rc < 0)
		rc = -*thread_errno();
	settle();
	return rc;
}

#define CALL(r, call) (enter(r), leave(call))

int ringlet_socket(struct ringlet *r, int domain, int type, int protocol)
{
	return (int)CALL(r, rl_socket(domain, type | SOCK_NONBLOCK, protocol));
}

int ringlet_bind(struct ringlet *r, int fd, const void *addr, uint32_t len)
{
	return (int)CALL(r, rl_bind(fd, addr, len));
}

int ringlet_listen(struct ringlet *r, int fd, int backlog)
{
	return (int)CALL(r, rl_listen(fd, backlog));
}

int ringlet_accept(struct ringlet *r, int fd, void *addr, uint32_t *len)
{
	return (int)CALL(r, rl_accept4(fd, addr, len, SOCK_NONBLOCK));
}

int ringlet_connect(struct ringlet *r, int fd, const void *addr, uint32_t len)
{
	return (int)CALL(r, rl_connect(fd, addr, len));
}

int ringlet_shutdown(struct ringlet *r, int fd, int how)
{
	return (int)CALL(r, rl_shutdown(fd, how));
}

int ringlet_close(struct ringlet *r, int fd)
{
	return (int)CALL(r, rl_close(fd));
}

ptrdiff_t ringlet_read(struct ringlet *r, int fd, void *buf, size_t len)
{
	return CALL(r, rl_read(fd, buf, len));
}

ptrdiff_t ringlet_write(struct ringlet *r, int fd, const void *buf, size_t len)
{
	return CALL(r, rl_write(fd, buf, len));
}

ptrdiff_t ringlet_readv(
    struct ringlet *r, int fd, const struct iovec *iov, int count)
{
	return CALL(r, rl_readv(fd, iov, count));
}

ptrdiff_t ringlet_writev(
    struct ringlet *r, int fd, const struct iovec *iov, int count)
{
	return CALL(r, rl_writev(fd, iov, count));
}

ptrdiff_t ringlet_send(
    struct ringlet *r, int fd, const void *buf, size_t len, int flags)
{
	return CALL(r, rl_send(fd, buf, len, flags));
}

ptrdiff_t ringlet_sendto(struct ringlet *r, int fd, const void *buf, size_t len,
    int flags, const void *addr, uint32_t addr_len)
{
	return CALL(r, rl_sendto(fd, buf, len, flags, addr, addr_len));
}

ptrdiff_t ringlet_recv(
    struct ringlet *r, int fd, void *buf, size_t len, int flags)
{
	return CALL(r, rl_recv(fd, buf, len, flags));
}

ptrdiff_t ringlet_recvfrom(struct ringlet *r, int fd, void *buf, size_t len,
    int flags, void *addr, uint32_t *addr_len)
{
	return CALL(r, rl_recvfrom(fd, buf, len, flags, addr, addr_len));
}

int ringlet_getsockname(struct ringlet *r, int fd, void *addr, uint32_t *len)
{
	return (int)CALL(r, rl_getsockname(fd, addr, len));
}

int ringlet_getpeername(struct ringlet *r, int fd, void *addr, uint32_t *len)
{
	return (int)CALL(r, rl_getpeername(fd, addr, len));
}

int ringlet_setsockopt(struct ringlet *r, int fd, int level, int name,
    const void *value, uint32_t len)
{
	return (int)CALL(r, rl_setsockopt(fd, level, name, value, len));
}

int ringlet_getsockopt(
    struct ringlet *r, int fd, int level, int name, void *value, uint32_t *len)
{
	return (int)CALL(r, rl_getsockopt(fd, level, name, value, len));
}

int ringlet_poll(struct ringlet *r, struct pollfd *fds, unsigned long count)
{
	return (int)CALL(r, rl_poll(fds, count, 0));
}

int ringlet_epoll_create(struct ringlet *r)
{
	return (int)CALL(r, rl_epoll_create1(0));
}

int ringlet_epoll_ctl(
    struct ringlet *r, int epfd, int op, int fd, struct epoll_event *event)
{
	return (int)CALL(r, rl_epoll_ctl(epfd, op, fd, event));
}

int ringlet_epoll_wait(
    struct ringlet *r, int epfd, struct epoll_event *events, int max)
{
	return (int)CALL(r, rl_epoll_wait(epfd, events, max, 0));
}

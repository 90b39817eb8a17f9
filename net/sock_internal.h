/* SPDX-License-Identifier: MIT */
/* The socket object, for the files of net/ that implement its types. */
#pragma once

#include "net/sock.h"

#include "lib/list.h"
#include "sched/wait.h"

struct tcp_cc_ops;
struct tcp_conn;

/* SOCK_OPT_QUICKACK */
enum sock_quickack {
	SOCK_QUICKACK_AUTO, /* net/tcp_ack.c decides */
	SOCK_QUICKACK_ON,
	SOCK_QUICKACK_OFF
};

/* The size of a buffer. */
struct sock_buf {
	uint32_t bytes : 31;
	uint32_t fixed : 1; /* the user said how much: it stays */
};

/* One object for every type; what only one kind of socket needs shares room. */
struct sock {
	struct sock_head head; /* first: sock.h casts */
	struct stack *stack;
	struct waitq wq;
	struct list bind_node;        /* in the table of bound ports */
	struct sock_addr local, peer; /* port 0: not bound, not connected */
	struct sock_buf rcvbuf, sndbuf;
	int error;    /* pending, negative; 0: none */
	int linger;   /* SOCK_OPT_LINGER */
	uint8_t type; /* enum sock_type */
	bool reuse : 1, broadcast : 1;
	bool shut_rd : 1, shut_wr : 1;
	bool listening : 1;
	bool connect_told : 1; /* connect's outcome was returned */

	/* TCP: what a listener's connections inherit */
	bool nodelay : 1, cork : 1, keepalive : 1;
	uint8_t quickack; /* enum sock_quickack */
	uint8_t keep_cnt;
	uint16_t keep_idle_s, keep_intvl_s;
	uint16_t maxseg;             /* SOCK_OPT_MAXSEG */
	uint32_t user_timeout_ms;    /* 0: R2 of ours */
	const struct tcp_cc_ops *cc; /* chosen by the user, or NULL */

	struct tcp_conn *conn; /* TCP: NULL before connect, for a listener */
	union {
		/* TCP: writers that found no chunk */
		struct wait_entry chunk_wait; /* in stack->chunk_waiters */

		/* A listener.  Its queues hold connections, of which there
		 * are at most 65535 (lib/limits.h). */
		struct {
			struct list syn_queue, accept_queue; /* tcp_conn */
			uint64_t cookies_until_ns; /* they may come back */
			uint16_t syn_len, accept_len, backlog;
		};

		/* UDP */
		struct {
			struct list rx_queue; /* struct pkt, each [data],
			                       * ip_src and src_port */
			uint32_t rx_count;
			struct sock_addr heard_from; /* who was read last */
			uint32_t heard_at; /* and to which address he sent */
		};
	};
};

extern const struct sock_ops tcp_sock_ops, udp_sock_ops;

void sock_wake(struct sock *s, uint32_t events);

/* The pending error, which is told once; 0 when there is none. */
static inline int sock_take_error(struct sock *s)
{
	int error = s->error;

	s->error = 0;
	return error;
}

/* A new socket object of a type, or NULL when the pool is empty. */
struct sock *sock_alloc(struct stack *st, enum sock_type type);

/* Binds s, which has no port yet, to a free ephemeral port (RFC 6056 3.3.1),
 * as `taken` sees it.  Returns the port, or 0 when all are taken. */
uint16_t sock_choose_port(
    struct sock *s, bool (*taken)(struct sock *s, uint16_t port));

/* Sets s->local for bind: a free port when a->port is 0.  -EADDRINUSE when it
 * is taken, or all are. */
int sock_take_port(struct sock *s, const struct sock_addr *a,
    bool (*taken)(struct sock *s, uint16_t port));

int udp_sock_get_opt(const struct sock *s, enum sock_opt opt, int *value);

/* TCP's own calls, for sock.c */
int tcp_sock_listen(struct sock *s, int backlog);
int tcp_sock_accept(struct sock *s, struct sock **out, struct sock_addr *peer);
void tcp_keep_defaults(struct sock *s);
void tcp_keep_inherit(struct sock *s, const struct sock *listener);
int tcp_keep_set_opt(struct sock *s, enum sock_opt opt, int value);
int tcp_keep_get_opt(const struct sock *s, enum sock_opt opt, int *value);
int tcp_sock_set_opt(struct sock *s, enum sock_opt opt, int value);
int tcp_sock_get_opt(const struct sock *s, enum sock_opt opt, int *value);
bool tcp_sock_is_connected(const struct sock *s);
int tcp_sock_shutdown(struct sock *s, enum sock_shut how);
ptrdiff_t tcp_sock_send_ref(
    struct sock *s, const void *data, size_t len, int flags);

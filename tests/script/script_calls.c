/* SPDX-License-Identifier: MIT */
/* Packet scripts: the calls of sockets. */
#include "tests/script/script_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/host/arch_host.h"
#include "sched/thread.h"
#include "tests/support/net_fixture.h"

/* --- Sockets ------------------------------------------------------------- */

static struct named *find(const char *name)
{
	for (unsigned i = 0; i < NAMES; i++)
		if (strcmp(sc.named[i].name, name) == 0)
			return &sc.named[i];
	return NULL;
}

struct named *script_socket(void)
{
	const char *name = script_word("the name of a socket");
	struct named *s = find(name);

	if (s == NULL || s->sock == NULL)
		script_wrong("no socket is called '%s'", name);
	return s;
}

static struct named *new_socket(const char *name, struct sock *sock)
{
	struct named *s = find(name);

	if (s != NULL && s->sock != NULL)
		script_wrong("'%s' is a socket already", name);
	if (s == NULL)
		s = find("");
	if (s == NULL || strlen(name) >= sizeof(s->name))
		script_wrong("too many sockets, or too long a name");
	strcpy(s->name, name);
	s->sock = sock;
	s->peer = sc.peer;
	return s;
}

static struct named *create(const char *name)
{
	struct sock *sock = NULL;
	int rc = sock_create(&fx.st, SOCK_TYPE_TCP, &sock);

	if (rc != 0)
		script_wrong("sock_create says %d", rc);
	return new_socket(name, sock);
}

static const struct {
	const char *name;
	int value;
} errors[] = {
#define E(name)                                                                \
	{                                                                      \
#name, -name                                                   \
	}
	E(EAGAIN),
	E(EINVAL),
	E(EPIPE),
	E(EADDRINUSE),
	E(EADDRNOTAVAIL),
	E(ENETDOWN),
	E(ENETUNREACH),
	E(ECONNABORTED),
	E(ECONNRESET),
	E(ENOBUFS),
	E(EISCONN),
	E(ENOTCONN),
	E(ETIMEDOUT),
	E(ECONNREFUSED),
	E(EHOSTUNREACH),
	E(EALREADY),
	E(EINPROGRESS),
	E(EMSGSIZE),
	E(ENOPROTOOPT),
	E(EOPNOTSUPP),
#undef E
};

/* "= 100", "= ETIMEDOUT"; without it the usual result. */
void script_check_result(const char *what, long long result, long long usual)
{
	long long want = usual;
	const char *text = "";
	unsigned i = 0;

	if (script_is_next("=")) {
		char *end;

		text = script_word("a result");
		want = strtoll(text, &end, 0);
		while (*end != '\0' && i < sizeof(errors) / sizeof(errors[0]) &&
		       strcmp(text, errors[i].name) != 0)
			i++;
		if (*end != '\0' && i == sizeof(errors) / sizeof(errors[0]))
			script_wrong("'%s' is no result", text);
		if (*end != '\0')
			want = errors[i].value;
	}
	if (result != want)
		script_wrong("%s: expected %lld %s, seen %lld", what, want,
		    text, result);
}

static int try_connect(struct named *s, uint32_t port)
{
	const struct sock_addr to = { FX_PEER, (uint16_t)port };

	return sock_connect(s->sock, &to);
}

static int try_read(struct named *s, uint32_t len)
{
	static uint8_t got[65536], expected[65536];
	uint32_t ask = len < sizeof(got) ? len : sizeof(got);
	int n = (int)sock_recv(s->sock, got, ask, 0, NULL);

	if (n <= 0)
		return n;
	fx_pattern(expected, true, s->peer->read + 1, (size_t)n);
	if (memcmp(got, expected, (size_t)n) != 0)
		return -1; /* other bytes than the peer's */
	s->peer->read += (uint32_t)n;
	return n;
}

static int send_flags;

static int try_write(struct named *s, uint32_t len)
{
	uint8_t *buf = malloc(len);
	ptrdiff_t n;

	fx_pattern(buf, false, s->peer->written + 1, len);
	n = sock_send(s->sock, buf, len, send_flags, NULL);
	free(buf);
	if (n > 0)
		s->peer->written += (uint32_t)n;
	return (int)n;
}

static int try_accept(struct named *s, uint32_t unused)
{
	return list_empty(&s->sock->accept_queue) ? -EAGAIN : 0;
}

/* --- Calls that wait ----------------------------------------------------- */

static bool waits(int rc)
{
	return rc == -EAGAIN || rc == -EINPROGRESS || rc == -EALREADY;
}

static void run_call(void *arg)
{
	struct call *c = arg;

	while (waits(c->result = c->fn(c->s, c->arg)))
		waitq_wait(sock_waitq(c->s->sock), WAIT_FOREVER);
	c->done = true;
	waitq_wake(&sc.calls, 1);
}

static void start_call(void)
{
	const char *what = script_word("a call");
	struct named *s = script_socket();
	struct call *c = &s->call;

	if (c->running)
		script_wrong("a call of this socket waits already");
	*c = (struct call){ .s = s, .running = true };
	c->fn = strcmp(what, "read") == 0      ? try_read
	        : strcmp(what, "write") == 0   ? try_write
	        : strcmp(what, "connect") == 0 ? try_connect
	        : strcmp(what, "accept") == 0  ? try_accept
	                                       : NULL;
	if (c->fn == NULL)
		script_wrong("cannot start '%s'", what);
	if (c->fn != try_accept)
		c->arg = script_number("a number");
	if (thread_create("call", run_call, c) == NULL)
		script_wrong("no thread left");
	thread_yield();
}

static void call_done(void)
{
	struct call *c = &script_socket()->call;
	uint64_t end_ns = sc.base_ns + sc.to_ns;

	if (!c->running)
		script_wrong("no call was started");
	thread_yield();
	while (!c->done && arch_clock_ns() < end_ns)
		waitq_wait(&sc.calls, end_ns);
	if (!c->done)
		script_wrong("the call still waits");
	script_check_time(arch_clock_ns());
	sc.base_ns = arch_clock_ns();
	c->running = false;
	script_check_result(
	    "result", c->result, c->fn == try_read ? c->arg : 0);
}

/* --- Statements ---------------------------------------------------------- */

static void do_socket(void)
{
	create(script_word("a name"));
}

static void do_bind(void)
{
	struct named *s = script_socket();
	struct sock_addr a = { .port = (uint16_t)script_number("a port") };

	script_check_result("bind", sock_bind(s->sock, &a), 0);
}

/* listen NAME PORT [BACKLOG]: makes the socket when there is none. */
static void do_listen(void)
{
	const char *name = script_word("a name");
	struct named *s = find(name);
	struct sock_addr a = { .port = (uint16_t)script_number("a port") };
	int backlog = 8, rc;

	if (s == NULL || s->sock == NULL)
		s = create(name);
	rc = sock_bind(s->sock, &a);
	if (script_more() && strcmp(sc.word[sc.at], "=") != 0)
		backlog = (int)script_number("a backlog");
	script_check_result(
	    "listen", rc ? rc : sock_listen(s->sock, backlog), 0);
}

static void do_accept(void)
{
	struct named *l = script_socket();
	const char *name = script_word("a name for the new socket");
	struct sock *sock = NULL;
	struct sock_addr from = { 0 };
	int rc = sock_accept(l->sock, &sock, &from);

	script_check_result("accept", rc, 0);
	if (rc == 0)
		new_socket(name, sock)->peer = script_peer_of(
		    &(struct script_segment){ .dst_port = from.port });
}

static void do_connect(void)
{
	const char *name = script_word("a name");
	struct named *s = find(name);
	struct sock_addr local;
	int rc;

	if (s == NULL || s->sock == NULL)
		s = create(name);
	rc = try_connect(s, s->peer->port);
	script_check_result("connect", rc, -EINPROGRESS);
	if (rc == -EINPROGRESS && sock_get_local(s->sock, &local) == 0)
		s->peer->our_port = local.port;
}

static void do_read(void)
{
	struct named *s = script_socket();
	uint32_t len = script_number("a length");

	script_check_result("read", try_read(s, len), len);
}

static void do_write(void)
{
	struct named *s = script_socket();
	uint32_t len = script_number("a length");
	int n;

	send_flags = script_is_next("more") ? SOCK_MORE : 0;
	n = try_write(s, len);
	send_flags = 0;
	script_check_result("write", n, len);
}

static void do_close(void)
{
	struct named *s = script_socket();

	if (s->call.running && !s->call.done)
		script_wrong("a call of this socket waits");
	sock_close(s->sock);
	s->sock = NULL;
}

static void do_shutdown(void)
{
	struct named *s = script_socket();
	const char *how = script_word("rd, wr or both");

	script_check_result("shutdown",
	    sock_shutdown(s->sock, strcmp(how, "rd") == 0   ? SOCK_SHUT_RD
	                           : strcmp(how, "wr") == 0 ? SOCK_SHUT_WR
	                                                    : SOCK_SHUT_BOTH),
	    0);
}

static const struct {
	const char *name;
	enum sock_opt opt;
} options[] = { { "reuseaddr", SOCK_OPT_REUSEADDR },
	{ "nodelay", SOCK_OPT_NODELAY }, { "linger", SOCK_OPT_LINGER },
	{ "rcvbuf", SOCK_OPT_RCVBUF }, { "sndbuf", SOCK_OPT_SNDBUF },
	{ "error", SOCK_OPT_ERROR }, { "acceptconn", SOCK_OPT_ACCEPTCONN },
	{ "keepalive", SOCK_OPT_KEEPALIVE }, { "keepidle", SOCK_OPT_KEEPIDLE },
	{ "keepintvl", SOCK_OPT_KEEPINTVL }, { "keepcnt", SOCK_OPT_KEEPCNT },
	{ "user_timeout", SOCK_OPT_USER_TIMEOUT } };

static enum sock_opt option_word(void)
{
	const char *name = script_word("an option");

	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(options[i].name, name) == 0)
			return options[i].opt;
	script_wrong("no option is called '%s'", name);
}

static void do_set(void)
{
	struct named *s = script_socket();
	enum sock_opt opt = option_word();

	script_check_result("set",
	    sock_set_opt(s->sock, opt, (int)script_number("a value")), 0);
}

static void do_get(void)
{
	struct named *s = script_socket();
	enum sock_opt opt = option_word();
	int value = 0;
	int rc = sock_get_opt(s->sock, opt, &value);

	script_check_result("get", rc != 0 ? rc : value, 0);
}

const struct script_statement script_calls[] = {
	{ "socket", do_socket, false },
	{ "bind", do_bind, false },
	{ "listen", do_listen, false },
	{ "accept", do_accept, false },
	{ "connect", do_connect, false },
	{ "read", do_read, false },
	{ "write", do_write, false },
	{ "close", do_close, false },
	{ "shutdown", do_shutdown, false },
	{ "set", do_set, false },
	{ "get", do_get, false },
	{ "start", start_call, false },
	{ "done", call_done, true },
	{ NULL, NULL, false },
};

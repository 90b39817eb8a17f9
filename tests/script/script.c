/* SPDX-License-Identifier: MIT */
#include "tests/script/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>

#include "arch/host/arch_host.h"
#include "lib/fmt.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"
#include "sched/thread.h"
#include "tests/script/segment.h"
#include "tests/support/net_fixture.h"

#define WORDS    40
#define NAMES    40
#define PEERS    256
#define HISTORY  12
#define SLACK_NS (3 * NS_PER_MS) /* of the timer wheel, and of its users */
#define OUR_ISN  1000000u
#define PEER_ISN 5000000u
#define PORT     80

/* A peer's port, and the connection with it. */
struct peer {
	uint16_t port, our_port;
	bool known; /* our ISN was seen */
	struct script_numbers n;
	uint32_t written, read; /* bytes of both streams */
};

/* A call that waits in a thread of its own. */
struct call {
	struct named *s;
	int (*fn)(struct named *s, uint32_t arg);
	uint32_t arg;
	int result;
	bool running, done;
};

struct named {
	char name[16];
	struct sock *sock;
	struct peer *peer;
	struct call call;
};

static struct {
	const char *name;
	unsigned line;
	char copy[256]; /* of the line, for messages */
	char *word[WORDS], *options;
	unsigned words, at; /* at: the next word */
	uint64_t base_ns;   /* when the line before this happened */
	uint64_t from_ns, to_ns;
	bool timed;
	uint32_t isn, times;
	struct peer peers[PEERS], *peer;
	struct named named[NAMES];
	struct waitq calls;
	struct pool *hoarded;
	char history[HISTORY][200];
	unsigned seen;
	char message[4096];
	jmp_buf failed;
} sc;

/* --- Failing ------------------------------------------------------------- */

static noreturn void wrong(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

static noreturn void wrong(const char *fmt, ...)
{
	size_t size = sizeof(sc.message);
	size_t at = (size_t)snprintf(
	    sc.message, size, "%s:%u: %s\n", sc.name, sc.line, sc.copy);
	unsigned first = sc.seen > HISTORY ? sc.seen - HISTORY : 0;
	va_list ap;

	va_start(ap, fmt);
	at += (size_t)vsnprintf(sc.message + at, size - at, fmt, ap);
	va_end(ap);
	if (sc.seen > 0)
		at += (size_t)snprintf(
		    sc.message + at, size - at, "\nthe last segments:");
	for (unsigned i = first; i < sc.seen && at < size; i++)
		at += (size_t)snprintf(sc.message + at, size - at, "\n  %s",
		    sc.history[i % HISTORY]);
	longjmp(sc.failed, 1);
}

static void remember(char direction, uint64_t at_ns, const char *text)
{
	snprintf(sc.history[sc.seen++ % HISTORY], sizeof(sc.history[0]),
	    "%9.3f ms %c %.160s", (double)(at_ns - NS_PER_S) / NS_PER_MS,
	    direction, text);
}

/* --- Words --------------------------------------------------------------- */

static bool more(void)
{
	return sc.at < sc.words;
}

static char *next_word(const char *what)
{
	if (!more())
		wrong("expected %s", what);
	return sc.word[sc.at++];
}

static bool is_next(const char *word)
{
	if (!more() || strcmp(sc.word[sc.at], word) != 0)
		return false;
	sc.at++;
	return true;
}

static uint32_t number(const char *what)
{
	const char *text = next_word(what);
	char *end;
	long long v = strtoll(text, &end, 0);

	if (end == text || *end != '\0')
		wrong("expected %s, not '%s'", what, text);
	return (uint32_t)v;
}

/* "10ms", "1.5s"; *end: what follows. */
static uint64_t duration(const char *text, char **end)
{
	static const struct {
		const char *name;
		double ns;
	} unit[] = { { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 },
		{ "min", 60e9 }, { "h", 3600e9 } };
	double v = strtod(text, end);

	for (unsigned i = 0; *end != text && i < 5; i++) {
		size_t len = strlen(unit[i].name);

		if (strncmp(*end, unit[i].name, len) == 0 &&
		    strchr(".", (*end)[len]) != NULL) {
			*end += len;
			return (uint64_t)(v * unit[i].ns);
		}
	}
	wrong("'%s' is no time such as 10ms", text);
}

/* "+10ms" or "+10ms..20ms" before a statement. */
static void read_time(void)
{
	char *end;

	sc.from_ns = sc.to_ns = 0;
	sc.timed = more() && sc.word[sc.at][0] == '+';
	if (!sc.timed)
		return;
	sc.from_ns = duration(sc.word[sc.at] + 1, &end);
	sc.to_ns = sc.from_ns + SLACK_NS;
	if (strncmp(end, "..", 2) == 0)
		sc.to_ns = duration(end + 2, &end);
	if (*end != '\0' || sc.to_ns < sc.from_ns)
		wrong("'%s' is no time", sc.word[sc.at]);
	sc.at++;
}

/* --- What was sent ------------------------------------------------------- */

/* Reads a frame; absolute numbers. */
static void read_frame(const struct fx_frame *f, struct script_segment *s)
{
	const struct ip_hdr *ip = (const struct ip_hdr *)(f->bytes + 14);
	size_t head = sizeof(*ip), total = be16_get(ip->total_len);
	const char *error;

	if (be16_get(*(const be16 *)(f->bytes + 12)) != 0x0800 ||
	    f->len < 14 + head || total < head || total > f->len - 14 ||
	    ip->proto != IP_PROTO_TCP)
		wrong("sent a frame of %zu bytes that is no segment", f->len);
	if (fx_checksum(ip, head, 0) != 0)
		wrong("sent a wrong IP checksum");
	error = script_parse_segment(f->bytes + 14 + head, total - head,
	    be32_get(ip->src), be32_get(ip->dst), s);
	if (error != NULL)
		wrong("%s", error);
}

/* As fx_next; what we ask or tell of addresses is none of a script's. */
static const struct fx_frame *next_frame(uint64_t within_ms)
{
	const struct fx_frame *f;

	do {
		f = fx_next(within_ms);
	} while (f != NULL && f->bytes[12] == 8 && f->bytes[13] == 6);
	return f;
}

static struct peer *peer_of(const struct script_segment *s)
{
	for (unsigned i = 0; i < PEERS; i++)
		if (sc.peers[i].port == s->dst_port)
			return &sc.peers[i];
	return sc.peer;
}

/* Numbers relative to the connection's; our first SYN tells our ISN. */
static void relate(struct script_segment *s)
{
	struct peer *p = peer_of(s);

	if (s->flags & TCP_SYN && !p->known) {
		p->n.isn = s->seq;
		p->known = true;
	}
	s->seq -= p->n.isn;
	if (s->flags & TCP_ACK)
		s->ack -= p->n.peer_isn;
	if (s->opt.present & SCRIPT_TS) {
		p->n.last_ts = s->opt.ts_val;
		if (s->len && (int32_t)(s->seq - p->n.top) >= 0) {
			p->n.first_ts = s->opt.ts_val;
			p->n.top = s->seq + s->len;
		}
	}
	for (unsigned i = 0; i < s->opt.sacks; i++) {
		s->opt.sack[i][0] -= p->n.peer_isn;
		s->opt.sack[i][1] -= p->n.peer_isn;
	}
}

static void take(const struct fx_frame *f, struct script_segment *s)
{
	char text[160];

	read_frame(f, s);
	relate(s);
	script_print_segment(s, text, sizeof(text));
	remember('>', f->at_ns, text);
}

static void nothing_waits(void)
{
	const struct fx_frame *f = next_frame(0);
	struct script_segment s;

	if (f == NULL)
		return;
	take(f, &s);
	wrong("expected nothing to be sent before this line");
}

static uint64_t whole_ms(uint64_t ns)
{
	return (ns + NS_PER_MS - 1) / NS_PER_MS;
}

/* Moves the clock to base_ns + from_ns; nothing may leave on the way. */
static void wait_for_time(void)
{
	uint64_t until_ns = sc.base_ns + sc.from_ns;

	nothing_waits();
	if (arch_clock_ns() < until_ns)
		thread_sleep_until(until_ns);
	nothing_waits();
	sc.base_ns = arch_clock_ns();
}

/* --- Segments ------------------------------------------------------------ */

static void read_segment(struct script_segment *s, bool expect)
{
	const char *error = script_read_segment(s, sc.word + sc.at,
	    sc.words - sc.at, sc.options, &sc.peer->n, expect);

	if (error != NULL)
		wrong("%s", error);
}

static void inject(void)
{
	static const uint8_t everybody[6] = { 255, 255, 255, 255, 255, 255 };
	uint8_t bytes[1600];
	struct script_segment s;
	char text[160];
	size_t len;

	read_segment(&s, false);
	s.src_port = s.src_port >= 0 ? s.src_port : sc.peer->port;
	s.dst_port = s.dst_port >= 0 ? s.dst_port : sc.peer->our_port;
	s.from = s.from ? s.from : FX_PEER;
	s.to = s.to ? s.to : FX_IP;
	len = script_build_segment(&s, &sc.peer->n, bytes);
	script_print_segment(&s, text, sizeof(text));
	remember('<', arch_clock_ns(), text);
	for (uint32_t i = 0; i < sc.times; i++)
		inject_ip((struct fx_ip){ .src = s.from,
		    .dst = s.to,
		    .eth_dst = s.to == FX_BCAST ? everybody : NULL,
		    .proto = IP_PROTO_TCP,
		    .payload = bytes,
		    .len = len });
}

static void check_place(
    const struct script_segment *want, const struct script_segment *sent)
{
	int32_t src = want->src_port >= 0 ? want->src_port : sc.peer->our_port;
	int32_t dst = want->dst_port >= 0 ? want->dst_port : sc.peer->port;

	if (sent->src_port != src || sent->dst_port != dst)
		wrong("sent from port %d to %d, expected %d to %d",
		    sent->src_port, sent->dst_port, src, dst);
	if (sent->from != FX_IP || sent->to != (want->to ? want->to : FX_PEER))
		wrong("sent from or to another address");
}

static void check_time(uint64_t at_ns)
{
	double after = ((double)at_ns - (double)sc.base_ns) / NS_PER_MS;

	if (at_ns < sc.base_ns + sc.from_ns || at_ns > sc.base_ns + sc.to_ns)
		wrong("sent %.3f ms after the line before, expected %.3f to "
		      "%.3f",
		    after, (double)sc.from_ns / NS_PER_MS,
		    (double)sc.to_ns / NS_PER_MS);
}

static void expect_one(void)
{
	uint64_t end_ns = sc.base_ns + sc.to_ns, now = arch_clock_ns();
	struct script_segment want, sent;
	const struct fx_frame *f;
	const char *differs;
	char text[160];

	f = next_frame(sc.timed && end_ns > now ? whole_ms(end_ns - now) : 0);
	if (f == NULL && !sc.timed) {
		sched_poll();
		f = next_frame(0);
	}
	read_segment(&want, true);
	script_print_segment(&want, text, sizeof(text));
	if (f == NULL)
		wrong("expected %s, seen nothing", text);
	take(f, &sent);
	check_place(&want, &sent);
	differs = script_compare(&want, &sent);
	if (differs != NULL)
		wrong("%s: expected %s, seen %s", differs, text,
		    sc.history[(sc.seen - 1) % HISTORY] + 15);
	check_time(f->at_ns);
	sc.base_ns = f->at_ns;
}

static void expect(void)
{
	char *word[WORDS];
	char line[256], options[256];

	/* The words are cut up as they are read, so each time needs its own. */
	for (uint32_t i = 0; i < sc.times; i++) {
		size_t used = 0;

		memcpy(word, sc.word, sizeof(word));
		for (unsigned k = sc.at; k < sc.words; k++) {
			size_t len = strlen(word[k]) + 1;

			memcpy(line + used, word[k], len);
			sc.word[k] = line + used;
			used += len;
		}
		if (sc.options != NULL) {
			char *kept = sc.options;

			snprintf(options, sizeof(options), "%s", kept);
			sc.options = options;
			expect_one();
			sc.options = kept;
		} else {
			expect_one();
		}
		memcpy(sc.word, word, sizeof(word));
	}
}

/* --- Sockets ------------------------------------------------------------- */

static struct named *find(const char *name)
{
	for (unsigned i = 0; i < NAMES; i++)
		if (strcmp(sc.named[i].name, name) == 0)
			return &sc.named[i];
	return NULL;
}

static struct named *socket_word(void)
{
	const char *name = next_word("the name of a socket");
	struct named *s = find(name);

	if (s == NULL || s->sock == NULL)
		wrong("no socket is called '%s'", name);
	return s;
}

static struct named *new_socket(const char *name, struct sock *sock)
{
	struct named *s = find(name);

	if (s != NULL && s->sock != NULL)
		wrong("'%s' is a socket already", name);
	if (s == NULL)
		s = find("");
	if (s == NULL || strlen(name) >= sizeof(s->name))
		wrong("too many sockets, or too long a name");
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
		wrong("sock_create says %d", rc);
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
static void check_result(const char *what, long long result, long long usual)
{
	long long want = usual;
	const char *text = "";
	unsigned i = 0;

	if (is_next("=")) {
		char *end;

		text = next_word("a result");
		want = strtoll(text, &end, 0);
		while (*end != '\0' && i < sizeof(errors) / sizeof(errors[0]) &&
		       strcmp(text, errors[i].name) != 0)
			i++;
		if (*end != '\0' && i == sizeof(errors) / sizeof(errors[0]))
			wrong("'%s' is no result", text);
		if (*end != '\0')
			want = errors[i].value;
	}
	if (result != want)
		wrong("%s: expected %lld %s, seen %lld", what, want, text,
		    result);
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
	const char *what = next_word("a call");
	struct named *s = socket_word();
	struct call *c = &s->call;

	if (c->running)
		wrong("a call of this socket waits already");
	*c = (struct call){ .s = s, .running = true };
	c->fn = strcmp(what, "read") == 0      ? try_read
	        : strcmp(what, "write") == 0   ? try_write
	        : strcmp(what, "connect") == 0 ? try_connect
	        : strcmp(what, "accept") == 0  ? try_accept
	                                       : NULL;
	if (c->fn == NULL)
		wrong("cannot start '%s'", what);
	if (c->fn != try_accept)
		c->arg = number("a number");
	if (thread_create("call", run_call, c) == NULL)
		wrong("no thread left");
	thread_yield();
}

static void call_done(void)
{
	struct call *c = &socket_word()->call;
	uint64_t end_ns = sc.base_ns + sc.to_ns;

	if (!c->running)
		wrong("no call was started");
	thread_yield();
	while (!c->done && arch_clock_ns() < end_ns)
		waitq_wait(&sc.calls, end_ns);
	if (!c->done)
		wrong("the call still waits");
	check_time(arch_clock_ns());
	sc.base_ns = arch_clock_ns();
	c->running = false;
	check_result("result", c->result, c->fn == try_read ? c->arg : 0);
}

/* --- Statements ---------------------------------------------------------- */

static void do_socket(void)
{
	create(next_word("a name"));
}

static void do_bind(void)
{
	struct named *s = socket_word();
	struct sock_addr a = { .port = (uint16_t)number("a port") };

	check_result("bind", sock_bind(s->sock, &a), 0);
}

/* listen NAME PORT [BACKLOG]: makes the socket when there is none. */
static void do_listen(void)
{
	const char *name = next_word("a name");
	struct named *s = find(name);
	struct sock_addr a = { .port = (uint16_t)number("a port") };
	int backlog = 8, rc;

	if (s == NULL || s->sock == NULL)
		s = create(name);
	rc = sock_bind(s->sock, &a);
	if (more() && strcmp(sc.word[sc.at], "=") != 0)
		backlog = (int)number("a backlog");
	check_result("listen", rc ? rc : sock_listen(s->sock, backlog), 0);
}

static void do_accept(void)
{
	struct named *l = socket_word();
	const char *name = next_word("a name for the new socket");
	struct sock *sock = NULL;
	struct sock_addr from = { 0 };
	int rc = sock_accept(l->sock, &sock, &from);

	check_result("accept", rc, 0);
	if (rc == 0)
		new_socket(name, sock)->peer =
		    peer_of(&(struct script_segment){ .dst_port = from.port });
}

static void do_connect(void)
{
	const char *name = next_word("a name");
	struct named *s = find(name);
	struct sock_addr local;
	int rc;

	if (s == NULL || s->sock == NULL)
		s = create(name);
	rc = try_connect(s, s->peer->port);
	check_result("connect", rc, -EINPROGRESS);
	if (rc == -EINPROGRESS && sock_get_local(s->sock, &local) == 0)
		s->peer->our_port = local.port;
}

static void do_read(void)
{
	struct named *s = socket_word();
	uint32_t len = number("a length");

	check_result("read", try_read(s, len), len);
}

static void do_write(void)
{
	struct named *s = socket_word();
	uint32_t len = number("a length");
	int n;

	send_flags = is_next("more") ? SOCK_MORE : 0;
	n = try_write(s, len);
	send_flags = 0;
	check_result("write", n, len);
}

static void do_close(void)
{
	struct named *s = socket_word();

	if (s->call.running && !s->call.done)
		wrong("a call of this socket waits");
	sock_close(s->sock);
	s->sock = NULL;
}

static void do_shutdown(void)
{
	struct named *s = socket_word();
	const char *how = next_word("rd, wr or both");

	check_result("shutdown",
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
	const char *name = next_word("an option");

	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(options[i].name, name) == 0)
			return options[i].opt;
	wrong("no option is called '%s'", name);
}

static void do_set(void)
{
	struct named *s = socket_word();
	enum sock_opt opt = option_word();

	check_result(
	    "set", sock_set_opt(s->sock, opt, (int)number("a value")), 0);
}

static void do_get(void)
{
	struct named *s = socket_word();
	enum sock_opt opt = option_word();
	int value = 0;
	int rc = sock_get_opt(s->sock, opt, &value);

	check_result("get", rc != 0 ? rc : value, 0);
}

static void do_events(void)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} bits[] = { { "readable", SOCK_READABLE },
		{ "writable", SOCK_WRITABLE }, { "error", SOCK_ERROR },
		{ "hangup", SOCK_HANGUP }, { "peer_shut", SOCK_PEER_SHUT },
		{ "urgent", SOCK_URGENT }, { "none", 0 } };
	uint32_t seen = sock_events(socket_word()->sock), want = 0;

	while (more()) {
		const char *name = next_word("an event");
		unsigned i = 0;

		while (strcmp(bits[i].name, name) != 0)
			if (++i == sizeof(bits) / sizeof(bits[0]))
				wrong("no event is called '%s'", name);
		want |= bits[i].bit;
	}
	if (seen != want)
		wrong("events: expected %#x, seen %#x", want, seen);
}

static void do_state(void)
{
	static const char *const names[TCP_STATES] = { "closed", "syn-sent",
		"syn-received", "established", "fin-wait-1", "fin-wait-2",
		"close-wait", "closing", "last-ack", "time-wait" };
	const struct tcp_tuple t = { { FX_IP, sc.peer->our_port },
		{ FX_PEER, sc.peer->port } };
	const struct tcp_conn *c = tcp_conn_find(&fx.st, &t);
	const char *want = next_word("a state"), *seen = names[TCP_CLOSED];

	if (c != NULL)
		seen = names[c->state];
	else if (tcp_tw_find(&fx.st, &t) != NULL)
		seen = names[TCP_TIME_WAIT];
	if (strcmp(seen, want) != 0)
		wrong("state: expected %s, seen %s", want, seen);
}

/* stat NAME = VALUE: a line of /stats. */
static void do_stat(void)
{
	static char buf[1 << 16];
	struct text t = { .buf = buf, .size = sizeof(buf) };
	const char *name = next_word("a name of /stats");
	size_t len = strlen(name);
	char *at = buf;

	buf[0] = '\0';
	stack_print(&fx.st, &t);
	tcp_print(&fx.st, &t);
	while (at != NULL && (strncmp(at, name, len) != 0 || at[len] != ' ')) {
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
	if (at == NULL)
		wrong("/stats has no '%s'", name);
	check_result(name, atoll(at + len), 0);
}

/* icmp TYPE CODE quote SEQ [MTU]: an error about our segment. */
static void do_icmp(void)
{
	uint8_t b[8 + 20 + 8] = { (uint8_t)number("a type"),
		(uint8_t)number("a code") };
	struct ip_hdr *ip = (struct ip_hdr *)(b + 8);
	be16 *port = (be16 *)(ip + 1);
	be32 *seq = (be32 *)(port + 2);
	struct icmp_hdr *icmp = (struct icmp_hdr *)b;

	if (!is_next("quote"))
		wrong("expected quote SEQ");
	ip->version_ihl = 0x45;
	ip->total_len = be16_make(1500); /* a full segment */
	ip->ttl = 60;
	ip->proto = IP_PROTO_TCP;
	ip->src = be32_make(FX_IP);
	ip->dst = be32_make(FX_PEER);
	port[0] = be16_make(sc.peer->our_port);
	port[1] = be16_make(sc.peer->port);
	*seq = be32_make(sc.peer->n.isn + number("a sequence number"));
	if (more()) {
		uint32_t mtu = number("an MTU");

		b[6] = (uint8_t)(mtu >> 8);
		b[7] = (uint8_t)mtu;
	}
	ip->checksum = be16_make(fx_checksum(ip, sizeof(*ip), 0));
	icmp->checksum = be16_make(fx_checksum(b, sizeof(b), 0));
	inject_ip((struct fx_ip){
	    .proto = IP_PROTO_ICMP, .payload = b, .len = sizeof(b) });
}

static void do_link(void)
{
	bool down = is_next("down");

	if (!down && !is_next("up"))
		wrong("expected down or up");
	netdev_set_link(&fx.dev, !down);
}

/* card full, card room: whether the card takes packets. */
static void do_card(void)
{
	fx.card_full = is_next("full");
	if (!fx.card_full && !is_next("room"))
		wrong("expected full or room");
	if (!fx.card_full)
		netdev_tx_done(&fx.dev);
}

static void do_setting(void)
{
	const char *name = next_word("a setting");
	char *end;

	if (strcmp(name, "tcp.msl") == 0)
		fx.st.tcp.msl_ns = duration(next_word("a time"), &end);
	else if (strcmp(name, "mtu") == 0)
		fx.dev.mtu = (uint16_t)number("an MTU");
	else if (strcmp(name, "isn") == 0)
		sc.isn = number("a number");
	else if (strcmp(name, "peer-isn") == 0)
		sc.peer->n.peer_isn = number("a number");
	else
		wrong("no setting is called '%s'", name);
}

/* peer N: the lines from here on speak of this one's connection. */
static void do_peer(void)
{
	uint32_t n = number("a number");

	if (n >= PEERS)
		wrong("there are %d peers", PEERS);
	sc.peer = &sc.peers[n];
}

/* again [N]: a new connection of the same ports; the peer's numbers begin N
 * further on. */
static void do_again(void)
{
	struct peer *p = sc.peer;

	p->n.peer_isn += more() ? number("a number") : 0;
	p->known = false;
	p->written = p->read = 0;
}

/* hoard POOL: takes all of it; hoard POOL N: gives N back. */
static void do_hoard(void)
{
	const char *name = next_word("packets, chunks or connections");
	struct pool *p = strcmp(name, "packets") == 0  ? &fx.st.packets
	                 : strcmp(name, "chunks") == 0 ? &fx.st.chunks
	                                               : &fx.st.conns;

	if (sc.hoarded == NULL)
		fx_hoard(sc.hoarded = p);
	else if (sc.hoarded == p && more())
		fx_hoard_give(p, number("how many"));
	else
		wrong("one pool can be taken, once");
}

/* Whatever was sent does not matter. */
static void do_ignore(void)
{
	uint64_t until_ns = sc.base_ns + sc.from_ns;

	if (arch_clock_ns() < until_ns)
		thread_sleep_until(until_ns);
	fx_forget_frames();
	sc.base_ns = arch_clock_ns();
}

static void do_quiet(void)
{
	char *end;

	sc.from_ns = duration(next_word("a time"), &end);
	wait_for_time();
}

/* --- Lines --------------------------------------------------------------- */

static void run_text(const char *text);

/* accepted NAME [win N] [<options>]: the peer connects to port 80. */
static void do_accepted(void)
{
	const char *name = next_word("a name");
	unsigned win = is_next("win") ? number("a window") : 65535;
	char text[512];

	snprintf(text, sizeof(text),
	    "listen %s-listener %d\n< S 0 win %u <%s>\n> SA 0 ack 1\n"
	    "< A 1 ack 1 win %u%s\naccept %s-listener %s\nclose %s-listener\n",
	    name, PORT, win, sc.options ? sc.options : "mss 1460", win,
	    sc.options && strstr(sc.options, "TS ") ? " <TS val 1 ecr last>"
	                                            : "",
	    name, name, name);
	run_text(text);
}

/* connected NAME [win N] [<options>]: we connect. */
static void do_connected(void)
{
	const char *name = next_word("a name");
	unsigned win = is_next("win") ? number("a window") : 65535;
	char text[512];

	snprintf(text, sizeof(text),
	    "connect %s\n> S 0\n< SA 0 ack 1 win %u <%s>\n> A 1 ack 1\n"
	    "connect %s = 0\n",
	    name, win, sc.options ? sc.options : "mss 1460", name);
	run_text(text);
}

static const struct {
	const char *name;
	void (*fn)(void);
	bool itself; /* looks at what was sent and at the time itself */
} statements[] = {
	{ "<", inject, false },
	{ ">", expect, true },
	{ "quiet", do_quiet, true },
	{ "done", call_done, true },
	{ "start", start_call, false },
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
	{ "events", do_events, false },
	{ "state", do_state, false },
	{ "stat", do_stat, false },
	{ "icmp", do_icmp, false },
	{ "link", do_link, false },
	{ "card", do_card, false },
	{ "setting", do_setting, false },
	{ "peer", do_peer, false },
	{ "again", do_again, false },
	{ "hoard", do_hoard, false },
	{ "ignore", do_ignore, true },
	{ "accepted", do_accepted, false },
	{ "connected", do_connected, false },
};

/* "<mss 1460>" out of the line: an angle bracket that touches what follows. */
static void cut_options(char *line)
{
	char *close;

	sc.options = NULL;
	for (char *c = line; *c != '\0'; c++) {
		if (*c != '<' || c[1] == '\0' || c[1] == ' ')
			continue;
		close = strchr(c, '>');
		if (close == NULL)
			wrong("options without >");
		sc.options = c + 1;
		memset(close, ' ', 1);
		*close = '\0';
		*c = '\0';
		if (strspn(close + 1, " \t") != strlen(close + 1))
			wrong("options stand last");
		return;
	}
}

static void cut_words(char *line)
{
	char *save;

	sc.words = sc.at = 0;
	for (char *w = strtok_r(line, " \t", &save); w != NULL;
	     w = strtok_r(NULL, " \t", &save)) {
		if (sc.words == WORDS)
			wrong("too many words");
		sc.word[sc.words++] = w;
	}
}

static void run_statement(void)
{
	const char *name;
	unsigned i = 0;

	read_time();
	sc.times = is_next("times") ? number("how many") : 1;
	name = next_word("a statement");
	while (strcmp(statements[i].name, name) != 0)
		if (++i == sizeof(statements) / sizeof(statements[0]))
			wrong("no statement is called '%s'", name);
	if (!statements[i].itself)
		wait_for_time();
	statements[i].fn();
	/* A segment's words are read as they are used. */
	if (statements[i].fn != inject && statements[i].fn != expect && more())
		wrong("'%s' is too much", sc.word[sc.at]);
}

static void run_line(const char *text, size_t len)
{
	char line[256];
	char *comment;

	if (len >= sizeof(line))
		wrong("too long a line");
	memcpy(line, text, len);
	line[len] = '\0';
	comment = strchr(line, '#');
	if (comment != NULL)
		*comment = '\0';
	snprintf(sc.copy, sizeof(sc.copy), "%s", line);
	cut_options(line);
	cut_words(line);
	if (sc.words > 0)
		run_statement();
}

/* Lines that a statement stands for have that one's number. */
static void run_text(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		run_line(text, len);
		text += len + (text[len] == '\n');
	}
	sc.at = sc.words;
}

static void run_lines(const char *text)
{
	if (strncmp(text, "# RFC ", 6) != 0 && strncmp(text, "# Ours: ", 8)) {
		sc.line = 1;
		wrong("the first line names the rule: # RFC N ...");
	}
	for (sc.line = 1; *text != '\0'; sc.line++) {
		size_t len = strcspn(text, "\n");

		run_line(text, len);
		text += len + (text[len] == '\n');
	}
	snprintf(sc.copy, sizeof(sc.copy), "the end");
	nothing_waits();
}

/* --- The whole ----------------------------------------------------------- */

static void start(const char *name)
{
	memset(&sc, 0, sizeof(sc));
	sc.name = name;
	sc.isn = OUR_ISN;
	for (unsigned i = 0; i < PEERS; i++)
		sc.peers[i] = (struct peer){ .port = (uint16_t)(40000 + i),
			.our_port = PORT,
			.n = { .peer_isn = PEER_ISN } };
	sc.peer = sc.peers;
	waitq_init(&sc.calls);
	fx.st.tcp.test_isn = &sc.isn;
	sc.base_ns = arch_clock_ns();
}

static int wait_no_more(struct named *s, uint32_t unused)
{
	return 0;
}

/* Whatever is left goes without a trace. */
static void clean_up(void)
{
	fx.card_silent = true;
	if (sc.hoarded != NULL)
		fx_hoard_give(sc.hoarded, UINT32_MAX);
	for (unsigned i = 0; i < NAMES; i++) {
		struct call *c = &sc.named[i].call;

		if (sc.named[i].sock == NULL)
			continue;
		c->fn = wait_no_more;
		while (c->running && !c->done) {
			waitq_wake(sock_waitq(sc.named[i].sock), UINT32_MAX);
			thread_yield();
		}
		sock_set_opt(sc.named[i].sock, SOCK_OPT_LINGER, 0);
		sock_close(sc.named[i].sock);
	}
}

const char *script_run(const char *name, const char *text)
{
	start(name);
	if (setjmp(sc.failed) != 0) {
		clean_up();
		return sc.message;
	}
	run_lines(text);
	for (unsigned i = 0; i < NAMES; i++)
		if (sc.named[i].call.running && !sc.named[i].call.done)
			wrong("a call of '%s' still waits", sc.named[i].name);
	clean_up();
	return NULL;
}

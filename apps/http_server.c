/* SPDX-License-Identifier: MIT */
/*
 * One thread, one epoll.  A connection is in one of three states, and watches
 * for one thing in each, so the loop never spins:
 *
 *	READING    EPOLLIN    requests, or a request's body to throw away
 *	SENDING    EPOLLOUT   the socket's buffer is full; reads nothing
 *	LINGERING  EPOLLIN    we have sent all and shut our side; waits for the
 *	                      peer to close, so that no reset overtakes our
 *	                      answer (RFC 9112 9.6)
 *
 * An answer is pushed out as soon as it is made; only when the socket is full
 * does a connection keep the rest of its header, and it keeps bytes of a
 * request only while that is incomplete.  So an idle one costs one structure.
 *
 * Each kind of waiting has one limit, so a list for each kind, to whose end
 * connections are added, is ordered by deadline; the nearest deadline is the
 * least of the heads.
 *
 * Read from the end: http_serve, serve_events, conn_event, then up.
 */
#include "http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state { READING, SENDING, LINGERING };

/* What a connection waits for, and how long at most. */
enum waiting { WAIT_IDLE, WAIT_REQUEST, WAIT_SEND, WAIT_LINGER, WAITS };

static const long wait_ms[WAITS] = {
	[WAIT_IDLE] = 30000,    /* for the first byte of a request */
	[WAIT_REQUEST] = 10000, /* for the rest of it: then 408 */
	[WAIT_SEND] = 30000,    /* for the peer to take some bytes */
	[WAIT_LINGER] = 2000,
};

#define EVENTS_MAX      64
#define ACCEPTS_MAX     16   /* per turn, so that connections get theirs */
#define ACCEPT_PAUSE_MS 1000 /* after "too many files" */
#define BACKLOG         1024
#define HEADER_MAX      (HTTP_EXTRA_MAX + 512)

struct conn {
	struct conn *prev, *next; /* in the list of `waiting` */
	enum waiting waiting;
	enum state state;
	long deadline_ms;
	int fd;
	uint32_t armed; /* the events that epoll watches for */
	bool keep_alive;

	char *in; /* bytes of a request that are kept */
	size_t in_len;
	struct http_scan scan;
	uint64_t body_left; /* of the request, to be thrown away */

	char *out; /* header and text that did not fit the socket */
	size_t out_len, out_sent;
	int file; /* -1: none */
	off_t file_at, file_end;
};

struct conn_list {
	struct conn *first, *last;
};

struct server {
	const struct http_site *site;
	int listener, epoll;
	bool paused; /* not accepting until resume_ms, or until one closes */
	long now_ms, resume_ms;
	unsigned conns;
	struct conn_list waits[WAITS];
	time_t date_of;
	char date[64]; /* a Date line, or nothing while the time is unknown */
	struct http_request request;
	struct http_reply reply;
	char in[HTTP_HEAD_MAX];
	char out[HEADER_MAX + HTTP_TEXT_MAX];
};

/* --- Waiting ------------------------------------------------------------- */

static long clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void list_remove(struct server *s, struct conn *c)
{
	struct conn_list *l = &s->waits[c->waiting];

	*(c->prev ? &c->prev->next : &l->first) = c->next;
	*(c->next ? &c->next->prev : &l->last) = c->prev;
}

static void list_append(struct server *s, struct conn *c)
{
	struct conn_list *l = &s->waits[c->waiting];

	c->next = NULL;
	c->prev = l->last;
	*(c->prev ? &c->prev->next : &l->first) = c;
	l->last = c;
}

/* Starts the time limit of this kind of waiting anew. */
static void wait_for(struct server *s, struct conn *c, enum waiting waiting)
{
	list_remove(s, c);
	c->waiting = waiting;
	c->deadline_ms = s->now_ms + wait_ms[waiting];
	list_append(s, c);
}

/* Watches for exactly what the state needs. */
static int arm(struct server *s, struct conn *c)
{
	uint32_t events = c->state == SENDING ? EPOLLOUT : EPOLLIN;
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (c->armed == events)
		return 0;
	c->armed = events;
	return epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

/* --- Connections --------------------------------------------------------- */

static void listener_watch(struct server *s, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	s->paused = events == 0;
	s->resume_ms = s->now_ms + ACCEPT_PAUSE_MS;
	epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listener, &ev);
}

static void close_file(struct conn *c)
{
	if (c->file >= 0)
		close(c->file);
	c->file = -1;
}

static void conn_close(struct server *s, struct conn *c)
{
	list_remove(s, c);
	close_file(c);
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
	s->conns--;
	if (s->paused)
		listener_watch(s, EPOLLIN);
}

static int conn_open(struct server *s, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct conn *c = calloc(1, sizeof(*c));
	int on = 1;

	if (!c)
		return -1;
	c->fd = fd;
	c->file = -1;
	c->armed = EPOLLIN;
	ev.data.ptr = c;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(c);
		return -1;
	}
	/* Headers say MSG_MORE, so nothing is gained by Nagle's waiting. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->deadline_ms = s->now_ms + wait_ms[WAIT_IDLE];
	list_append(s, c);
	s->conns++;
	return 0;
}

/* Makes room for a newcomer by closing the connection that has been idle for
 * longest; when none is, newcomers wait in the backlog. */
static void make_room(struct server *s)
{
	struct conn *oldest = s->waits[WAIT_IDLE].first;

	if (oldest)
		conn_close(s, oldest);
	else
		listener_watch(s, 0);
}

static void accept_some(struct server *s)
{
	int i, fd;

	for (i = 0; i < ACCEPTS_MAX && !s->paused; i++) {
		if (s->conns >= HTTP_CONNS_MAX) {
			/* Only the event said that somebody waits. */
			if (i > 0)
				return;
			make_room(s);
			continue;
		}
		fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK);
		if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
			return;
		if (fd < 0) {
			make_room(s);
			continue;
		}
		if (conn_open(s, fd) < 0) {
			close(fd);
			make_room(s);
		}
	}
}

/* --- Sending ------------------------------------------------------------- */

enum progress { DONE, BLOCKED, FAILED };

static enum progress why_stopped(void)
{
	return errno == EAGAIN ? BLOCKED : FAILED;
}

static enum progress push_out(struct server *s, struct conn *c)
{
	int more = c->file >= 0 ? MSG_MORE : 0;
	ssize_t n;

	while (c->out_sent < c->out_len) {
		n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent,
		    more);
		if (n < 0)
			return why_stopped();
		c->out_sent += (size_t)n;
		wait_for(s, c, WAIT_SEND);
	}
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_sent = 0;
	return DONE;
}

static enum progress push_file(struct server *s, struct conn *c)
{
	ssize_t n;

	while (c->file >= 0 && c->file_at < c->file_end) {
		n = sendfile(c->fd, c->file, &c->file_at,
		    (size_t)(c->file_end - c->file_at));
		if (n < 0)
			return why_stopped();
		if (n == 0)
			return FAILED; /* the file is shorter than it said */
		wait_for(s, c, WAIT_SEND);
	}
	close_file(c);
	return DONE;
}

/* The answer is out: what next? */
static void answered(struct server *s, struct conn *c)
{
	if (c->keep_alive) {
		c->state = READING;
		wait_for(s, c, c->body_left > 0 ? WAIT_REQUEST : WAIT_IDLE);
		return;
	}
	c->state = LINGERING;
	shutdown(c->fd, SHUT_WR);
	wait_for(s, c, WAIT_LINGER);
}

static enum progress push(struct server *s, struct conn *c)
{
	enum progress progress = push_out(s, c);

	if (progress == DONE)
		progress = push_file(s, c);
	if (progress == DONE)
		answered(s, c);
	return progress;
}

/* Sends what was put together in s->out.  The rest of it moves to memory of
 * the connection when the socket is full. */
static enum progress push_first(struct server *s, struct conn *c, size_t len)
{
	int more = c->file >= 0 ? MSG_MORE : 0;
	ssize_t n = send(c->fd, s->out, len, more);

	c->state = SENDING;
	wait_for(s, c, WAIT_SEND);
	if (n < 0 && why_stopped() == FAILED)
		return FAILED;
	if (n < 0)
		n = 0;
	if ((size_t)n < len) {
		c->out_len = len - (size_t)n;
		c->out = malloc(c->out_len);
		if (!c->out)
			return FAILED;
		memcpy(c->out, s->out + n, c->out_len);
	}
	return push(s, c);
}

/* --- Answers ------------------------------------------------------------- */

static const char *status_text(int status)
{
	switch (status) {
	case 200:
		return "200 OK";
	case 301:
		return "301 Moved Permanently";
	case 304:
		return "304 Not Modified";
	case 400:
		return "400 Bad Request";
	case 401:
		return "401 Unauthorized";
	case 404:
		return "404 Not Found";
	case 405:
		return "405 Method Not Allowed";
	case 408:
		return "408 Request Timeout";
	case 413:
		return "413 Content Too Large";
	case 414:
		return "414 URI Too Long";
	case 431:
		return "431 Request Header Fields Too Large";
	case 501:
		return "501 Not Implemented";
	case 503:
		return "503 Service Unavailable";
	case 505:
		return "505 HTTP Version Not Supported";
	default:
		return "500 Internal Server Error";
	}
}

static void reply_start(struct http_reply *reply)
{
	reply->status = 200;
	reply->type = NULL;
	reply->extra[0] = '\0';
	reply->text[0] = '\0';
	reply->file = -1;
	reply->file_len = 0;
}

void http_reply_error(struct http_reply *reply, int status)
{
	reply->status = status;
	reply->type = "text/plain; charset=utf-8";
	snprintf(reply->text, sizeof(reply->text), "%s\n", status_text(status));
}

/* RFC 9110 6.6.1: a server without a clock sends no Date. */
static const char *date_line(struct server *s)
{
	time_t now = time(NULL);
	struct tm tm;

	if (now != (time_t)-1 && now != s->date_of) {
		s->date_of = now;
		strftime(s->date, sizeof(s->date),
		    "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&now, &tm));
	}
	return s->date;
}

static const char *connection_line(const struct server *s, const struct conn *c)
{
	if (!c->keep_alive)
		return "Connection: close\r\n";
	return s->request.minor == 0 ? "Connection: keep-alive\r\n" : "";
}

/*
 * Puts the header into s->out.  Returns its length.  HEADER_MAX has room for
 * the longest of each line: all of them but reply->extra are our own.
 */
static size_t write_header(struct server *s, const struct conn *c)
{
	const struct http_reply *reply = &s->reply;
	long bytes =
	    reply->file >= 0 ? reply->file_len : (long)strlen(reply->text);
	char *end = s->out;

	end = stpcpy(end, "HTTP/1.1 ");
	end = stpcpy(end, status_text(reply->status));
	end = stpcpy(end, "\r\n");
	end = stpcpy(end, date_line(s));
	end = stpcpy(end, connection_line(s, c));
	if (reply->type) {
		end = stpcpy(end, "Content-Type: ");
		end = stpcpy(end, reply->type);
		end = stpcpy(end, "\r\n");
	}
	/* RFC 9110 8.6: a length in 304 would be that of the 200. */
	if (reply->status != 304)
		end += snprintf(end, 48, "Content-Length: %ld\r\n", bytes);
	end = stpcpy(end, reply->extra);
	end = stpcpy(end, "\r\n");
	return (size_t)(end - s->out);
}

/* Sends s->reply. */
static enum progress send_reply(struct server *s, struct conn *c)
{
	struct http_reply *reply = &s->reply;
	size_t len = write_header(s, c), text_len = strlen(reply->text);
	bool bodyless = s->request.method == HTTP_HEAD || reply->status == 304;

	c->file = reply->file;
	c->file_at = 0;
	c->file_end = reply->file_len;
	if (bodyless || c->file_end == 0)
		close_file(c);
	if (!bodyless && reply->file < 0) {
		memcpy(s->out + len, reply->text, text_len);
		len += text_len;
	}
	/* A short file is cheaper as a copy behind its header. */
	if (c->file >= 0 && c->file_end <= HTTP_TEXT_MAX &&
	    pread(c->file, s->out + len, HTTP_TEXT_MAX, 0) == c->file_end) {
		len += (size_t)c->file_end;
		close_file(c);
	}
	return push_first(s, c, len);
}

/* Refuses s->request.  Its end may not be known, so nothing after it is
 * read. */
static enum progress refuse(struct server *s, struct conn *c, int status)
{
	reply_start(&s->reply);
	http_reply_error(&s->reply, status);
	c->keep_alive = false;
	return send_reply(s, c);
}

/* Refuses a request whose head never came to its end. */
static enum progress refuse_part(struct server *s, struct conn *c, int status)
{
	memset(&s->request, 0, sizeof(s->request));
	return refuse(s, c, status);
}

static void make_answer(struct server *s)
{
	reply_start(&s->reply);
	if (s->request.method != HTTP_OTHER) {
		s->site->answer(&s->request, &s->reply, s->site->ctx);
		return;
	}
	http_reply_error(&s->reply, 405);
	strcpy(s->reply.extra, "Allow: GET, HEAD\r\n");
}

/* --- Requests ------------------------------------------------------------ */

static enum progress handle_head(
    struct server *s, struct conn *c, const char *head, size_t len)
{
	struct http_request *r = &s->request;
	int status = http_parse_head(head, len, r);

	if (status == 0 && r->body_len > HTTP_BODY_MAX)
		status = 413;
	if (status != 0)
		return refuse(s, c, status);
	c->body_left = r->body_len;
	/* Who waits for "100 Continue" may leave the body out when we answer
	 * at once; then the next request could not be told from it. */
	c->keep_alive = r->keep_alive && !(r->expects && r->body_len > 0);
	make_answer(s);
	return send_reply(s, c);
}

/* Takes the body of the last request, or the next head, off the bytes at buf.
 * Returns how many, 0 when the rest is incomplete. */
static size_t take_request(struct server *s, struct conn *c, const char *buf,
    size_t len, enum progress *progress)
{
	size_t n;
	int status;

	if (c->body_left > 0) {
		n = len < c->body_left ? len : (size_t)c->body_left;
		c->body_left -= n;
		if (c->body_left == 0)
			wait_for(s, c, WAIT_IDLE);
		return n;
	}
	n = http_scan_head(&c->scan, buf, len);
	if (n > 0) {
		c->scan = (struct http_scan){ 0 };
		*progress = handle_head(s, c, buf, n);
		return n;
	}
	status = http_scan_refuse(&c->scan, buf, len);
	if (status != 0)
		*progress = refuse_part(s, c, status);
	return 0;
}

/* Keeps what is left for later.  The time of a request runs from its first
 * byte and is not renewed by the next, so trickling does not help. */
static int keep_rest(
    struct server *s, struct conn *c, const char *buf, size_t len)
{
	if (len == 0)
		return 0;
	c->in = malloc(len);
	if (!c->in)
		return -1;
	memcpy(c->in, buf, len);
	c->in_len = len;
	if (c->state == READING && c->waiting == WAIT_IDLE)
		wait_for(s, c, WAIT_REQUEST);
	return 0;
}

/* Answers every request that is complete in the first len bytes of s->in.
 * Returns -1 when the connection must be closed. */
static int handle_input(struct server *s, struct conn *c, size_t len)
{
	enum progress progress = DONE;
	size_t at = 0, n = 1;

	while (c->state == READING && at < len && n > 0 && progress == DONE) {
		n = take_request(s, c, s->in + at, len - at, &progress);
		at += n;
	}
	if (progress == FAILED)
		return -1;
	if (c->state != READING && !c->keep_alive)
		return 0; /* what follows is not looked at */
	return keep_rest(s, c, s->in + at, len - at);
}

/* Brings the kept bytes back to the front of s->in.  Returns how many. */
static size_t unkeep(struct server *s, struct conn *c)
{
	size_t len = c->in_len;

	if (len > 0)
		memcpy(s->in, c->in, len);
	free(c->in);
	c->in = NULL;
	c->in_len = 0;
	return len;
}

static int read_requests(struct server *s, struct conn *c)
{
	size_t kept = unkeep(s, c);
	ssize_t n = read(c->fd, s->in + kept, sizeof(s->in) - kept);

	if (n < 0 && errno == EAGAIN)
		return keep_rest(s, c, s->in, kept);
	if (n <= 0)
		return -1;
	return handle_input(s, c, kept + (size_t)n);
}

/* The socket has room again; then requests that waited get their turn. */
static int go_on_sending(struct server *s, struct conn *c)
{
	enum progress progress = push(s, c);

	if (progress == FAILED)
		return -1;
	if (c->state != READING)
		return 0;
	return handle_input(s, c, unkeep(s, c));
}

static int throw_away(struct server *s, struct conn *c)
{
	ssize_t n = read(c->fd, s->in, sizeof(s->in));

	return n > 0 || (n < 0 && errno == EAGAIN) ? 0 : -1;
}

/* --- The loop ------------------------------------------------------------ */

static void conn_event(struct server *s, struct conn *c, uint32_t events)
{
	int rc;

	if (events & EPOLLERR)
		rc = -1;
	else if (c->state == READING)
		rc = read_requests(s, c);
	else if (c->state == SENDING)
		rc = events & EPOLLHUP ? -1 : go_on_sending(s, c);
	else
		rc = throw_away(s, c);
	if (rc == 0)
		rc = arm(s, c);
	if (rc < 0)
		conn_close(s, c);
}

/* A head that did not come to its end is answered by 408; what else took too
 * long, a body whose request was answered long ago too, is only closed. */
static void conn_expire(struct server *s, struct conn *c)
{
	bool late_head = c->waiting == WAIT_REQUEST && c->body_left == 0;

	if (!late_head || refuse_part(s, c, 408) == FAILED || arm(s, c) < 0)
		conn_close(s, c);
}

static void expire(struct server *s)
{
	struct conn *c;
	int i;

	for (i = 0; i < WAITS; i++)
		while ((c = s->waits[i].first) != NULL &&
		       c->deadline_ms <= s->now_ms)
			conn_expire(s, c);
	if (s->paused && s->resume_ms <= s->now_ms)
		listener_watch(s, EPOLLIN);
}

static int next_timeout(const struct server *s)
{
	long next = s->paused ? s->resume_ms : -1;
	const struct conn *c;
	int i;

	for (i = 0; i < WAITS; i++) {
		c = s->waits[i].first;
		if (c && (next < 0 || c->deadline_ms < next))
			next = c->deadline_ms;
	}
	if (next < 0)
		return -1;
	return next > s->now_ms ? (int)(next - s->now_ms) : 0;
}

/* Accepting comes last: it may close idle connections, and their events must
 * not lie ahead any more. */
static void serve_events(struct server *s, const struct epoll_event *ev, int n)
{
	bool newcomers = false;
	int i;

	for (i = 0; i < n; i++) {
		if (ev[i].data.ptr)
			conn_event(s, ev[i].data.ptr, ev[i].events);
		else
			newcomers = true;
	}
	if (newcomers)
		accept_some(s);
}

static int open_listener(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0)
		return -1;
	addr.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int server_start(struct server *s, int port)
{
	struct epoll_event ev = { .events = EPOLLIN }; /* data.ptr: NULL */

	s->date_of = -1;
	s->epoll = epoll_create1(0);
	s->listener = open_listener(port);
	if (s->epoll < 0 || s->listener < 0)
		return -1;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &ev);
}

int http_serve(int port, const struct http_site *site)
{
	struct epoll_event ev[EVENTS_MAX];
	struct server *s = calloc(1, sizeof(*s));
	int n;

	if (!s) {
		perror("http");
		return -1;
	}
	s->site = site;
	if (server_start(s, port) < 0) {
		perror("http");
		return -1;
	}
	for (;;) {
		s->now_ms = clock_ms();
		expire(s);
		n = epoll_wait(s->epoll, ev, EVENTS_MAX, next_timeout(s));
		s->now_ms = clock_ms();
		serve_events(s, ev, n);
	}
}

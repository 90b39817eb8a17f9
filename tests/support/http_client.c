/* SPDX-License-Identifier: MIT */
#include "tests/support/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "include/stdlib.h"
#include "include/string.h"
#include "include/strings.h"
#include "include/sys/socket.h"
#include "include/sys/time.h"
#include "include/unistd.h"
#include "tests/support/posix_test.h"

void http_client_open(struct http_client *c, int port)
{
	struct timeval limit = { .tv_sec = 100 };

	c->fd = posix_test_connect((uint16_t)port);
	c->len = 0;
	c->ended = false;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

void http_client_close(struct http_client *c)
{
	assert_int_equal(close(c->fd), 0);
}

void http_client_send(struct http_client *c, const char *text)
{
	assert_int_equal(write(c->fd, text, strlen(text)), strlen(text));
}

static bool read_more(struct http_client *c)
{
	ssize_t n;

	assert_true(c->len < HTTP_CLIENT_BYTES - 1);
	n = read(c->fd, c->buf + c->len, HTTP_CLIENT_BYTES - 1 - c->len);
	c->ended |= n == 0;
	if (n > 0)
		c->len += (size_t)n;
	c->buf[c->len] = '\0';
	return n > 0;
}

static char *find_head_end(struct http_client *c)
{
	char *end;

	c->buf[c->len] = '\0';
	while ((end = strstr(c->buf, "\r\n\r\n")) == NULL)
		if (!read_more(c))
			fail_msg("no answer: \"%.200s\"", c->buf);
	return end + 4;
}

const char *http_client_field(const struct http_answer *a, const char *name)
{
	static char value[512];
	const char *line = a->head;
	size_t len = strlen(name), n;

	while ((line = strstr(line, "\r\n")) != NULL) {
		line += 2;
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line += len + 2;
		n = strcspn(line, "\r");
		assert_true(n < sizeof(value));
		memcpy(value, line, n);
		value[n] = '\0';
		return value;
	}
	return "";
}

struct http_answer http_client_take(struct http_client *c, bool bodyless)
{
	static char head[4096], body[HTTP_CLIENT_BYTES];
	struct http_answer a = { .head = head, .body = body };
	size_t head_len = (size_t)(find_head_end(c) - c->buf);

	assert_true(head_len < sizeof(head));
	memcpy(head, c->buf, head_len);
	head[head_len] = '\0';
	assert_memory_equal(head, "HTTP/1.1 ", 9);
	a.status = atoi(head + 9);
	if (!bodyless)
		a.body_len =
		    (size_t)atoi(http_client_field(&a, "Content-Length"));
	while (c->len < head_len + a.body_len)
		if (!read_more(c))
			fail_msg("only %zu bytes of the body of %s",
			    c->len - head_len, head);
	memcpy(body, c->buf + head_len, a.body_len);
	body[a.body_len] = '\0';
	c->len -= head_len + a.body_len;
	memmove(c->buf, c->buf + head_len + a.body_len, c->len);
	return a;
}

size_t http_client_end(struct http_client *c)
{
	while (!c->ended && read_more(c))
		;
	if (!c->ended)
		fail_msg("the connection did not end");
	return c->len;
}

struct http_answer http_client_ask(int port, const char *request)
{
	static struct http_client c;
	struct http_answer a;

	http_client_open(&c, port);
	http_client_send(&c, request);
	a = http_client_take(&c, strncmp(request, "HEAD ", 5) == 0);
	assert_int_equal(http_client_end(&c), 0);
	http_client_close(&c);
	return a;
}

/* SPDX-License-Identifier: MIT */
/* Tests apps/http_parse.c by a table of requests, good and bad. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/http_parse.h"

#define H "Host: a\r\n"

/* Parses a copy without room behind it, so that the sanitizer sees a step too
 * far.  -1: the head is not complete. */
static int parse_bytes(const char *text, size_t len, struct http_request *r)
{
	struct http_scan scan = { 0 };
	char *copy = malloc(len);
	int status = -1;
	size_t n;

	memcpy(copy, text, len);
	n = http_scan_head(&scan, copy, len);
	if (n > 0)
		status = http_parse_head(copy, n, r);
	free(copy);
	return status;
}

static int parse(const char *text, struct http_request *r)
{
	return parse_bytes(text, strlen(text), r);
}

static const struct {
	const char *text, *path;
	enum http_method method;
	bool keep_alive;
	uint64_t body_len;
} good[] = {
	{ "GET / HTTP/1.1\r\n" H "\r\n", "/", HTTP_GET, true, 0 },
	{ "HEAD /a.txt HTTP/1.1\r\n" H "\r\n", "/a.txt", HTTP_HEAD, true, 0 },
	{ "POST /x HTTP/1.1\r\n" H "Content-Length: 12\r\n\r\n", "/x",
	    HTTP_OTHER, true, 12 },
	{ "get / HTTP/1.1\r\n" H "\r\n", "/", HTTP_OTHER, true, 0 },
	{ "GET / HTTP/1.1\n" H "\n", "/", HTTP_GET, true, 0 },
	{ "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "/", HTTP_GET, true, 0 },
	{ "GET / HTTP/1.0\r\n\r\n", "/", HTTP_GET, false, 0 },
	{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/", HTTP_GET,
	    true, 0 },
	{ "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "/", HTTP_GET,
	    false, 0 },
	{ "GET / HTTP/1.1\r\n" H "connection: x ,  CLOSE\t\r\n\r\n", "/",
	    HTTP_GET, false, 0 },
	{ "GET / HTTP/1.1\r\n" H "Connection: closed, foreclose\r\n\r\n", "/",
	    HTTP_GET, true, 0 },
	{ "GET / HTTP/1.9\r\n" H "\r\n", "/", HTTP_GET, true, 0 },
	{ "GET /a%20b%2Fc HTTP/1.1\r\n" H "\r\n", "/a b/c", HTTP_GET, true, 0 },
	{ "GET /%c3%BC HTTP/1.1\r\n" H "\r\n", "/\xc3\xbc", HTTP_GET, true, 0 },
	{ "GET /a?b=/../%zz HTTP/1.1\r\n" H "\r\n", "/a", HTTP_GET, true, 0 },
	{ "GET /..a/b.. HTTP/1.1\r\n" H "\r\n", "/..a/b..", HTTP_GET, true, 0 },
	{ "GET http://h:80/x HTTP/1.1\r\n" H "\r\n", "/x", HTTP_GET, true, 0 },
	{ "GET HTTP://h HTTP/1.1\r\n" H "\r\n", "/", HTTP_GET, true, 0 },
	{ "GET http://h?q HTTP/1.1\r\n" H "\r\n", "/", HTTP_GET, true, 0 },
	{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", "/", HTTP_OTHER, true, 0 },
	{ "CONNECT h:80 HTTP/1.1\r\n" H "\r\n", "/", HTTP_OTHER, true, 0 },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "/", HTTP_GET, true, 0 },
	{ "GET / HTTP/1.1\r\n" H "X: \xff\t y\r\n\r\n", "/", HTTP_GET, true,
	    0 },
	{ "GET / HTTP/1.1\r\n" H "Content-Length: 007\r\n\r\n", "/", HTTP_GET,
	    true, 7 },
};

static void good_requests_are_understood(void **state)
{
	struct http_request r;
	size_t i;
	int status;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		status = parse(good[i].text, &r);
		if (status != 0)
			fail_msg("%d for %s", status, good[i].text);
		assert_string_equal(r.path, good[i].path);
		assert_int_equal(r.method, good[i].method);
		assert_int_equal(r.keep_alive, good[i].keep_alive);
		assert_int_equal(r.body_len, good[i].body_len);
	}
}

static const struct {
	int status;
	const char *text;
} bad[] = {
	{ 400, "GET / HTTP/1.1\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H H "\r\n" },
	{ 400, "GET / HTTP/1.0\r\n" H H "\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "X: y\r\n folded\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "no colon\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H ": no name\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "X: a\x01\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "X(: a\r\n\r\n" },
	{ 400, "GET  / HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /a b HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET / HTTP/1.1 \r\n" H "\r\n" },
	{ 400, "GET /\r\n" H "\r\n" },
	{ 400, "GET\r\n\r\n" },
	{ 400, "hello\r\n\r\n" },
	{ 400, " GET / HTTP/1.1\r\n" H "\r\n" },
	{ 400, "G@T / HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET nothing HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET * HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /a#b HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET ?a HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET https://a/ HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET / HTTP/11\r\n" H "\r\n" },
	{ 400, "GET / http/1.1\r\n" H "\r\n" },
	{ 400, "GET / HTTP/1.x\r\n" H "\r\n" },
	{ 505, "GET / HTTP/2.0\r\n" H "\r\n" },
	{ 505, "GET / HTTP/0.9\r\n" H "\r\n" },
	{ 400, "GET /%zz HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /%4 HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /% HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /%00 HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /%0a HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /.. HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /a/../b HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /%2e%2E/b HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /a%2f..%2fb HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /..a/.. HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "Content-Length: 1 1\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H
	       "Content-Length: 3\r\nContent-Length: 3\r\n\r\n" },
	{ 413, "GET / HTTP/1.1\r\n" H
	       "Content-Length: 99999999999999999999999999\r\n\r\n" },
	{ 501, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H
	       "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" },
	{ 400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H
	       "Authorization: a\r\nAuthorization: b\r\n\r\n" },
};

static void bad_requests_are_refused_with_their_status(void **state)
{
	struct http_request r;
	size_t i;
	int status;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		status = parse(bad[i].text, &r);
		if (status != bad[i].status)
			fail_msg("%d, not %d, for %s", status, bad[i].status,
			    bad[i].text);
	}
}

static void a_nul_byte_is_refused_anywhere(void **state)
{
	static const char head[] = "GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
	char copy[sizeof(head)];
	struct http_request r;
	size_t i;
	int status;

	for (i = 0; i < sizeof(head) - 5; i++) {
		memcpy(copy, head, sizeof(head));
		copy[i] = '\0';
		status = parse_bytes(copy, sizeof(head) - 1, &r);
		if (status != 400 && status != 505 && copy[i] != head[i])
			fail_msg("%d with NUL at %zu", status, i);
	}
}

static void fields_that_matter_are_handed_out(void **state)
{
	static const char head[] =
	    "GET /a%41/?q HTTP/1.1\r\n" H "If-Modified-Since:  x y \r\n"
	    "AUTHORIZATION: Bearer t\r\nExpect: 100-continue\r\n\r\n";
	struct http_request r;

	assert_int_equal(http_parse_head(head, strlen(head), &r), 0);
	assert_int_equal(r.if_modified_since.len, 3);
	assert_memory_equal(r.if_modified_since.p, "x y", 3);
	assert_memory_equal(r.authorization.p, "Bearer t", 8);
	assert_int_equal(r.authorization.len, 8);
	assert_true(r.expects);
	assert_int_equal(r.raw_path.len, 6);
	assert_memory_equal(r.raw_path.p, "/a%41/", 6);
}

/* --- Limits -------------------------------------------------------------- */

static int parse_repeated(
    const char *before, const char *piece, size_t count, const char *after)
{
	size_t size = strlen(before) + count * strlen(piece) + strlen(after);
	char *text = malloc(size + 1);
	struct http_request r;
	size_t i;
	int status;

	strcpy(text, before);
	for (i = 0; i < count; i++)
		strcat(text, piece);
	strcat(text, after);
	status = parse(text, &r);
	free(text);
	return status;
}

static void limits_are_exact(void **state)
{
	const char *end = " HTTP/1.1\r\n" H "\r\n";

	assert_int_equal(
	    parse_repeated("GET /", "p", HTTP_PATH_MAX - 2, end), 0);
	assert_int_equal(
	    parse_repeated("GET /", "p", HTTP_PATH_MAX - 1, end), 414);
	assert_int_equal(
	    parse_repeated("GET /", "%70", HTTP_PATH_MAX - 2, end), 0);
	assert_int_equal(
	    parse_repeated("GET /?", "q", HTTP_LINE_MAX, end), 414);
	assert_int_equal(parse_repeated("GET / HTTP/1.1\r\n" H, "X: y\r\n",
	                     HTTP_FIELDS_MAX - 1, "\r\n"),
	    0);
	assert_int_equal(parse_repeated("GET / HTTP/1.1\r\n" H, "X: y\r\n",
	                     HTTP_FIELDS_MAX, "\r\n"),
	    431);
}

static int refuse(const char *text, size_t len)
{
	struct http_scan scan = { 0 };

	assert_int_equal(http_scan_head(&scan, text, len), 0);
	return http_scan_refuse(&scan, text, len);
}

static void a_head_without_end_is_refused_by_what_grew(void **state)
{
	static char buf[HTTP_HEAD_MAX];

	memset(buf, 'x', sizeof(buf));
	assert_int_equal(refuse(buf, HTTP_LINE_MAX), 0);
	assert_int_equal(refuse(buf, HTTP_LINE_MAX + 1), 414);
	memcpy(buf, "GET / HTTP/1.1\r\n", 16);
	assert_int_equal(refuse(buf, HTTP_HEAD_MAX - 1), 0);
	assert_int_equal(refuse(buf, HTTP_HEAD_MAX), 431);
}

static void another_protocol_is_told_at_its_first_byte(void **state)
{
	assert_int_equal(refuse("\x16", 1), 400);
	assert_int_equal(refuse("\r\n\x16", 3), 400);
	assert_int_equal(refuse("G", 1), 0);
	assert_int_equal(refuse("\r", 1), 0);
	assert_int_equal(refuse("\r\n", 2), 0);
}

/* --- Pieces -------------------------------------------------------------- */

static void a_head_is_found_in_pieces_of_any_size(void **state)
{
	static const char both[] =
	    "\r\nGET /a HTTP/1.1\r\n" H "\r\nHEAD /b HTTP/1.1\r\n" H "\r\n";
	const size_t first = strstr(both, "HEAD") - both;
	size_t piece, len, found;

	for (piece = 1; piece < sizeof(both); piece++) {
		struct http_scan scan = { 0 };

		found = 0;
		for (len = 0; found == 0 && len < sizeof(both) - 1;) {
			len += piece;
			if (len > sizeof(both) - 1)
				len = sizeof(both) - 1;
			found = http_scan_head(&scan, both, len);
		}
		assert_int_equal(found, first);
	}
}

static void an_incomplete_head_is_never_taken(void **state)
{
	static const char head[] = "GET /a HTTP/1.1\r\n" H "X: y\r\n\r\n";
	struct http_request r;
	size_t len;

	for (len = 1; len < sizeof(head) - 1; len++)
		assert_int_equal(parse_bytes(head, len, &r), -1);
	assert_int_equal(parse_bytes(head, sizeof(head) - 1, &r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests_are_understood),
		cmocka_unit_test(bad_requests_are_refused_with_their_status),
		cmocka_unit_test(a_nul_byte_is_refused_anywhere),
		cmocka_unit_test(fields_that_matter_are_handed_out),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(a_head_without_end_is_refused_by_what_grew),
		cmocka_unit_test(another_protocol_is_told_at_its_first_byte),
		cmocka_unit_test(a_head_is_found_in_pieces_of_any_size),
		cmocka_unit_test(an_incomplete_head_is_never_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

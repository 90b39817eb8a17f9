/* SPDX-License-Identifier: MIT */
/*
 * Parser of HTTP/1.x request heads (RFC 9112).  Pure: it touches nothing but
 * its arguments, and every byte it reads may be hostile.
 *
 * Strict where a second reader of the same bytes could disagree about where
 * a request ends (RFC 9112 11.2): a blank before a colon, folded lines, two
 * lengths, a length beside a transfer coding, and control bytes are refused.
 * A line may end in LF alone (RFC 9112 2.2 allows it).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX   8192 /* bytes of a whole head: else 431 */
#define HTTP_LINE_MAX   4096 /* bytes of the request line: else 414 */
#define HTTP_PATH_MAX   512  /* bytes of a decoded path: else 414 */
#define HTTP_FIELDS_MAX 100  /* header fields: else 431 */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

/* Bytes inside the caller's buffer. */
struct http_slice {
	const char *p; /* null: the field was absent */
	size_t len;
};

struct http_request {
	enum http_method method;
	int minor; /* of HTTP/1.minor */
	bool keep_alive;
	bool expects;      /* an Expect field: the body may never come */
	uint64_t body_len; /* Content-Length, 0 when absent */
	struct http_slice raw_path; /* as it was sent, without the query */
	struct http_slice if_modified_since, authorization;
	char path[HTTP_PATH_MAX]; /* decoded, without the query; "/..." */
};

/* How far a head has been searched for its end; starts as all zero. */
struct http_scan {
	size_t at, line;
	bool started; /* a line that is not empty was complete */
};

/*
 * Looks for the end of the head at buf; later calls with more bytes behind
 * the same ones look only at these.  Returns the bytes of the head with its
 * empty line, or 0 when it is not complete.
 */
size_t http_scan_head(struct http_scan *scan, const char *buf, size_t len);

/* The status to refuse an incomplete head of len bytes with, or 0 while it may
 * still become a good one. */
int http_scan_refuse(const struct http_scan *scan, const char *buf, size_t len);

/*
 * Parses a complete head.  Borrows head for as long as slices of *r are used.
 * Returns 0, or the status to refuse the request with: 400, 413, 414, 431,
 * 501 or 505.
 */
int http_parse_head(const char *head, size_t len, struct http_request *r);

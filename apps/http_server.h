/* SPDX-License-Identifier: MIT */
/*
 * An HTTP/1.1 server on one epoll: connections, limits and time are its
 * business; what to answer is its user's, through one function.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "http_parse.h"

#define HTTP_CONNS_MAX 10000
#define HTTP_BODY_MAX  65536 /* a longer request body is answered by 413 */
#define HTTP_EXTRA_MAX 1792  /* bytes of header lines of the user's own */
#define HTTP_TEXT_MAX  2048

/* An answer.  It starts as 200 with no body and no file (-1). */
struct http_reply {
	int status;
	const char *type;           /* at most 100 bytes; borrowed for ever */
	char extra[HTTP_EXTRA_MAX]; /* whole lines, each with CR LF */
	char text[HTTP_TEXT_MAX];   /* the body, when there is no file */
	int file;                   /* taken: the server closes it */
	off_t file_len;
};

struct http_site {
	/* Answers GET and HEAD; the server leaves the body out for HEAD. */
	void (*answer)(
	    const struct http_request *r, struct http_reply *reply, void *ctx);
	void *ctx;
};

/* Turns the reply into an error page of plain text. */
void http_reply_error(struct http_reply *reply, int status);

/* Serves for ever.  Returns -1, after perror, when it cannot start. */
int http_serve(int port, const struct http_site *site);

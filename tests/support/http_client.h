/* SPDX-License-Identifier: MIT */
/*
 * A client for tests of the HTTP applications: raw bytes to a port of the
 * loopback address, and answers taken apart.  Blocks the calling thread; a
 * read waits 100 s of fake time at most.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define HTTP_CLIENT_BYTES 400000

struct http_client {
	int fd;
	size_t len; /* bytes in buf */
	bool ended; /* the server closed in order */
	char buf[HTTP_CLIENT_BYTES];
};

struct http_answer {
	int status;
	const char *head; /* terminated; field names as sent */
	size_t body_len;
	char *body; /* terminated */
};

void http_client_open(struct http_client *c, int port);
void http_client_close(struct http_client *c);
void http_client_send(struct http_client *c, const char *text);

/* Takes the next answer off the connection.  bodyless: of HEAD, or 304.  The
 * answer lives until the next one.  Fails the test when none comes. */
struct http_answer http_client_take(struct http_client *c, bool bodyless);

/* Waits for the end of the stream.  Returns the bytes that came before it. */
size_t http_client_end(struct http_client *c);

/* The value of a field of the answer, or "" ; in a buffer used again. */
const char *http_client_field(const struct http_answer *a, const char *name);

/* One request on a connection of its own, which the server must close. */
struct http_answer http_client_ask(int port, const char *request);

/* SPDX-License-Identifier: MIT */
/*
 * The admin plane: /healthz says that programs run, and every other path NAME
 * shows the system's /proc/NAME, as far as boot registered one.  With a token
 * each request must present it (RFC 6750 2.1).
 */
#include "apps.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "http_server.h"

#define PROC       "/proc"
#define PLAIN_TEXT "text/plain; charset=utf-8"

/* Compares without telling by its time how much was right. */
static bool same_secret(struct http_slice given, const char *secret)
{
	size_t len = strlen(secret), i;
	unsigned char diff = 0;

	if (given.len != len)
		return false;
	for (i = 0; i < len; i++)
		diff |= (unsigned char)(given.p[i] ^ secret[i]);
	return diff == 0;
}

static bool allowed(const struct http_request *r, const char *token)
{
	static const char scheme[] = "Bearer ";
	struct http_slice given = r->authorization;

	if (!token || token[0] == '\0')
		return true;
	if (!given.p || given.len < strlen(scheme) ||
	    strncasecmp(given.p, scheme, strlen(scheme)) != 0)
		return false;
	given.p += strlen(scheme);
	given.len -= strlen(scheme);
	return same_secret(given, token);
}

static bool answer_proc(const struct http_request *r, struct http_reply *reply)
{
	char name[sizeof(PROC) + HTTP_PATH_MAX];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", PROC, r->path);
	reply->file = open(name, O_RDONLY);
	if (reply->file < 0)
		return false;
	fstat(reply->file, &st);
	reply->file_len = st.st_size;
	return true;
}

/* What can be said when boot registered no status of its own. */
static void answer_status(struct http_reply *reply)
{
	struct timespec up;

	clock_gettime(CLOCK_MONOTONIC, &up);
	snprintf(reply->text, sizeof(reply->text), "up_s %ld.%03ld\n",
	    up.tv_sec, up.tv_nsec / 1000000);
}

static void answer(
    const struct http_request *r, struct http_reply *reply, void *ctx)
{
	if (!allowed(r, ctx)) {
		http_reply_error(reply, 401);
		strcpy(reply->extra, "WWW-Authenticate: Bearer\r\n");
		return;
	}
	reply->type = PLAIN_TEXT;
	strcpy(reply->extra, "Cache-Control: no-store\r\n");
	if (strcmp(r->path, "/healthz") == 0)
		strcpy(reply->text, "ok\n");
	else if (answer_proc(r, reply))
		return;
	else if (strcmp(r->path, "/status") == 0)
		answer_status(reply);
	else
		http_reply_error(reply, 404);
}

int admin_main(int argc, char **argv)
{
	struct http_site site = { .answer = answer };

	if (argc > 2)
		site.ctx = argv[2];
	return http_serve(argc > 1 ? atoi(argv[1]) : 8139, &site);
}

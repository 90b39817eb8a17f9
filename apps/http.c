/* SPDX-License-Identifier: MIT */
/*
 * The web server: the folder www/ of the stick.  Without one, a page of our
 * own says how to make one.
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

#define ROOT     "/www"
#define INDEX    "index.html"
#define NAME_MAX (HTTP_PATH_MAX + sizeof(ROOT) + sizeof(INDEX))

static const char own_page[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<title>Ringlet</title></head>\n"
    "<body><h1>Ringlet</h1>\n"
    "<p>This appliance is its own operating system, and it is running.</p>\n"
    "<p>Put a folder <code>www</code> with an <code>index.html</code> on the "
    "stick to serve a site of your own.</p>\n"
    "</body></html>\n";

static const struct {
	const char *extension, *type;
} types[] = {
	{ "html", "text/html; charset=utf-8" },
	{ "htm", "text/html; charset=utf-8" },
	{ "css", "text/css; charset=utf-8" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "mjs", "text/javascript; charset=utf-8" },
	{ "json", "application/json" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "md", "text/markdown; charset=utf-8" },
	{ "csv", "text/csv; charset=utf-8" },
	{ "xml", "text/xml; charset=utf-8" },
	{ "svg", "image/svg+xml" },
	{ "png", "image/png" },
	{ "jpg", "image/jpeg" },
	{ "jpeg", "image/jpeg" },
	{ "gif", "image/gif" },
	{ "webp", "image/webp" },
	{ "ico", "image/x-icon" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "ttf", "font/ttf" },
	{ "wasm", "application/wasm" },
	{ "pdf", "application/pdf" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "webm", "video/webm" },
	{ "zip", "application/zip" },
	{ "gz", "application/gzip" },
};

static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t i;

	if (dot && !strchr(dot, '/'))
		for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (strcasecmp(dot + 1, types[i].extension) == 0)
				return types[i].type;
	return "application/octet-stream";
}

/* --- Files --------------------------------------------------------------- */

/* Files never change while we run, so a copy is fresh exactly when its date is
 * the one we told. */
static void tell_modified(const struct http_request *r,
    struct http_reply *reply, const struct stat *st)
{
	struct http_slice since = r->if_modified_since;
	struct tm tm;
	size_t len;
	char *date;

	if (st->st_mtime == 0)
		return;
	date = stpcpy(reply->extra, "Last-Modified: ");
	len = strftime(date, 64, "%a, %d %b %Y %H:%M:%S GMT",
	    gmtime_r(&st->st_mtime, &tm));
	stpcpy(date + len, "\r\n");
	if (since.p && since.len == len && memcmp(since.p, date, len) == 0)
		reply->status = 304;
}

/* RFC 9110 15.4.2: a folder is asked for with a slash, or links in its pages
 * would lead elsewhere. */
static void redirect(const struct http_request *r, struct http_reply *reply)
{
	http_reply_error(reply, 301);
	snprintf(reply->extra, sizeof(reply->extra), "Location: %.*s/\r\n",
	    (int)r->raw_path.len, r->raw_path.p);
}

/* Opens a regular file.  Returns its descriptor, -1 when there is none, or -2
 * for a folder. */
static int open_regular(const char *name, struct stat *st)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return -2;
}

static void answer_file(
    const struct http_request *r, struct http_reply *reply, void *ctx)
{
	bool folder = r->path[strlen(r->path) - 1] == '/';
	char name[NAME_MAX];
	struct stat st;
	int fd;

	stpcpy(stpcpy(stpcpy(name, ROOT), r->path), folder ? INDEX : "");
	fd = open_regular(name, &st);
	if (fd == -2 && !folder) {
		redirect(r, reply);
		return;
	}
	if (fd < 0) {
		http_reply_error(reply, 404);
		return;
	}
	reply->file = fd;
	reply->file_len = st.st_size;
	reply->type = type_of(name);
	tell_modified(r, reply, &st);
}

static void answer_own(
    const struct http_request *r, struct http_reply *reply, void *ctx)
{
	if (strcmp(r->path, "/") != 0 && strcmp(r->path, "/" INDEX) != 0) {
		http_reply_error(reply, 404);
		return;
	}
	reply->type = "text/html; charset=utf-8";
	strcpy(reply->text, own_page);
}

int http_main(int argc, char **argv)
{
	struct http_site site = { .answer = answer_own };
	struct stat st;

	if (stat(ROOT, &st) == 0 && S_ISDIR(st.st_mode))
		site.answer = answer_file;
	return http_serve(argc > 1 ? atoi(argv[1]) : 80, &site);
}

/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as requests, one behind another, as a connection brings them.  The
 * end of a head must be found in the same place in pieces as at once, and a
 * path that is accepted must keep what the server relies on.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apps/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slice(struct http_slice s, const char *head, size_t len)
{
	if (s.p && (s.p < head || s.p + s.len > head + len))
		abort();
	if (s.p && (memchr(s.p, '\r', s.len) || memchr(s.p, '\n', s.len) ||
	               memchr(s.p, '\0', s.len)))
		abort();
}

static void check_path(const struct http_request *r)
{
	const char *segment = r->path;

	if (memchr(r->path, 0, sizeof(r->path)) == NULL || r->path[0] != '/')
		abort();
	while ((segment = strchr(segment, '/')) != NULL) {
		segment++;
		if (strncmp(segment, "..", 2) == 0 &&
		    (segment[2] == '/' || segment[2] == '\0'))
			abort();
	}
}

/* RFC 9112 6.3: what was accepted has one meaning of its length. */
static void parse(const char *head, size_t len)
{
	static const int known[] = { 0, 400, 413, 414, 431, 501, 505 };
	struct http_request r;
	int status = http_parse_head(head, len, &r);
	size_t i = 0;

	while (i < sizeof(known) / sizeof(known[0]) && known[i] != status)
		i++;
	if (i == sizeof(known) / sizeof(known[0]))
		abort();
	if (status != 0)
		return;
	check_path(&r);
	if (r.raw_path.len == 0)
		abort();
	/* "/" stands in for the targets that name no path. */
	if (r.raw_path.p >= head && r.raw_path.p < head + len)
		check_slice(r.raw_path, head, len);
	check_slice(r.if_modified_since, head, len);
	check_slice(r.authorization, head, len);
}

static size_t scan_in_pieces(const char *text, size_t len)
{
	struct http_scan scan = { 0 };
	size_t have, found;

	for (have = 1; have <= len; have++) {
		found = http_scan_head(&scan, text, have);
		if (found > 0)
			return found;
		http_scan_refuse(&scan, text, have);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size > 0 ? size : 1);
	size_t at = 0, n;

	memcpy(text, data, size);
	do {
		struct http_scan scan = { 0 };

		n = http_scan_head(&scan, text + at, size - at);
		if (n != scan_in_pieces(text + at, size - at))
			abort();
		if (n > 0)
			parse(text + at, n);
		at += n;
	} while (n > 0 && at < size);
	free(text);
	return 0;
}

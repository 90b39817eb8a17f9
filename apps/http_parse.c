/* SPDX-License-Identifier: MIT */
/* Reads a request head line by line; see the header for what is refused. */
#include "http_parse.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* The bytes of a string literal. */
#define SLICE(text) ((struct http_slice){ (text), sizeof(text) - 1 })

/* What is known while the fields are read. */
struct parse {
	struct http_request *r;
	uint32_t fields, hosts, lengths;
	bool coded; /* Transfer-Encoding */
	bool close, keep;
	bool too_long; /* Content-Length beyond any use */
};

/* --- Bytes and pieces ---------------------------------------------------- */

/* RFC 9110 5.6.2: the bytes of methods and field names. */
static bool is_token_char(unsigned char c)
{
	return isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct http_slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!is_token_char((unsigned char)s.p[i]))
			return false;
	return s.len > 0;
}

static bool is_control(unsigned char c)
{
	return c < ' ' || c == 0x7f;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool slice_is(struct http_slice s, struct http_slice text)
{
	return s.len == text.len && memcmp(s.p, text.p, s.len) == 0;
}

static bool slice_is_nocase(struct http_slice s, struct http_slice text)
{
	return s.len == text.len && strncasecmp(s.p, text.p, s.len) == 0;
}

static struct http_slice trim(struct http_slice s)
{
	while (s.len > 0 && is_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* Cuts *rest at the first separator and returns what stood before it, or all
 * of it when there is none. */
static struct http_slice cut(struct http_slice *rest, char separator)
{
	const char *at = memchr(rest->p, separator, rest->len);
	struct http_slice piece = *rest;

	if (!at) {
		rest->p += rest->len;
		rest->len = 0;
		return piece;
	}
	piece.len = (size_t)(at - rest->p);
	rest->p = at + 1;
	rest->len -= piece.len + 1;
	return piece;
}

/* The next line without its CR LF or LF. */
static struct http_slice next_line(struct http_slice *rest)
{
	struct http_slice line = cut(rest, '\n');

	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* --- Finding the end ----------------------------------------------------- */

size_t http_scan_head(struct http_scan *scan, const char *buf, size_t len)
{
	const char *end;
	size_t n;

	while (scan->at < len) {
		end = memchr(buf + scan->at, '\n', len - scan->at);
		if (!end)
			break;
		n = (size_t)(end - buf) - scan->line;
		if (n > 0 && end[-1] == '\r')
			n--;
		scan->at = scan->line = (size_t)(end - buf) + 1;
		/* RFC 9112 2.2: empty lines before a request are skipped. */
		if (n == 0 && scan->started)
			return scan->at;
		scan->started |= n > 0;
	}
	scan->at = len;
	return 0;
}

int http_scan_refuse(const struct http_scan *scan, const char *buf, size_t len)
{
	unsigned char first;

	if (!scan->started && len - scan->line > HTTP_LINE_MAX)
		return 414;
	if (len >= HTTP_HEAD_MAX)
		return 431;
	/* Other protocols (TLS, say) are told at their first byte. */
	if (!scan->started && len > scan->line) {
		first = (unsigned char)buf[scan->line];
		if (first != '\r' && !is_token_char(first))
			return 400;
	}
	return 0;
}

/* --- The request line ---------------------------------------------------- */

static int hex_value(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	if (isxdigit((unsigned char)c))
		return tolower((unsigned char)c) - 'a' + 10;
	return -1;
}

/* One byte of a path, decoded; *used tells how many were read.  -1: wrong. */
static int decode_byte(struct http_slice s, size_t *used)
{
	int high, low;

	*used = 1;
	if (s.p[0] != '%')
		return (unsigned char)s.p[0];
	if (s.len < 3)
		return -1;
	high = hex_value(s.p[1]);
	low = hex_value(s.p[2]);
	*used = 3;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Whether a segment of the path is "..", also one that was encoded. */
static bool climbs(const char *path)
{
	const char *p = path;

	while ((p = strstr(p, "/..")) != NULL) {
		if (p[3] == '/' || p[3] == '\0')
			return true;
		p++;
	}
	return false;
}

static int decode_path(struct http_slice raw, char *out)
{
	size_t n = 0, used;
	int c;

	while (raw.len > 0) {
		c = decode_byte(raw, &used);
		if (c < 0 || is_control((unsigned char)c))
			return 400;
		if (n == HTTP_PATH_MAX - 1)
			return 414;
		out[n++] = (char)c;
		raw.p += used;
		raw.len -= used;
	}
	out[n] = '\0';
	return climbs(out) ? 400 : 0;
}

/* RFC 9112 3.2.2: a server accepts http://host/path and uses the path. */
static bool skip_authority(struct http_slice *target)
{
	const size_t scheme = strlen("http://");

	if (target->len < scheme || strncasecmp(target->p, "http://", scheme))
		return false;
	target->p += scheme;
	target->len -= scheme;
	while (target->len > 0 && target->p[0] != '/' && target->p[0] != '?') {
		target->p++;
		target->len--;
	}
	return true;
}

static int parse_target(struct http_slice target, struct http_request *r)
{
	bool absolute;
	size_t i;

	for (i = 0; i < target.len; i++)
		if (is_control((unsigned char)target.p[i]) ||
		    target.p[i] == '#')
			return 400;
	/* The forms of OPTIONS and CONNECT name no path (RFC 9112 3.2.3, 4);
	 * these methods are refused later by their name. */
	if (r->method == HTTP_OTHER && target.len > 0 && target.p[0] != '/')
		target = SLICE("/");
	absolute = skip_authority(&target);
	r->raw_path = cut(&target, '?');
	if (absolute && r->raw_path.len == 0)
		r->raw_path = SLICE("/");
	if (r->raw_path.len == 0 || r->raw_path.p[0] != '/')
		return 400;
	return decode_path(r->raw_path, r->path);
}

static int parse_version(struct http_slice v, struct http_request *r)
{
	if (v.len != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[6] != '.' ||
	    !isdigit((unsigned char)v.p[5]) || !isdigit((unsigned char)v.p[7]))
		return 400;
	if (v.p[5] != '1')
		return 505;
	r->minor = v.p[7] - '0';
	return 0;
}

/* RFC 9112 3: method SP request-target SP HTTP-version */
static int parse_request_line(struct http_slice line, struct http_request *r)
{
	struct http_slice method, target;
	int status;

	if (line.len > HTTP_LINE_MAX)
		return 414;
	method = cut(&line, ' ');
	target = cut(&line, ' ');
	if (!is_token(method))
		return 400;
	status = parse_version(line, r);
	if (status != 0)
		return status;
	r->method = slice_is(method, SLICE("GET"))    ? HTTP_GET
	            : slice_is(method, SLICE("HEAD")) ? HTTP_HEAD
	                                              : HTTP_OTHER;
	return parse_target(target, r);
}

/* --- Fields -------------------------------------------------------------- */

static bool is_no_host_char(char c)
{
	return is_blank(c) || c == '/' || c == '?' || c == '#' || c == '@' ||
	       c == '\\' || c == ',';
}

static int take_host(struct parse *p, struct http_slice v)
{
	size_t i;

	p->hosts++;
	for (i = 0; i < v.len; i++)
		if (is_no_host_char(v.p[i]))
			return 400;
	return 0;
}

/* RFC 9112 6.3: anything but one plain number is an attack or a mistake. */
static int take_length(struct parse *p, struct http_slice v)
{
	const uint64_t max = 1ull << 60;
	size_t i;

	if (++p->lengths > 1 || v.len == 0)
		return 400;
	for (i = 0; i < v.len; i++) {
		if (!isdigit((unsigned char)v.p[i]))
			return 400;
		p->r->body_len = p->r->body_len * 10 + (uint64_t)(v.p[i] - '0');
		if (p->r->body_len > max) {
			p->too_long = true;
			p->r->body_len = max;
		}
	}
	return 0;
}

static int take_coding(struct parse *p, struct http_slice v)
{
	p->coded = true;
	return 0;
}

static int take_connection(struct parse *p, struct http_slice v)
{
	struct http_slice option;

	while (v.len > 0) {
		option = trim(cut(&v, ','));
		p->close |= slice_is_nocase(option, SLICE("close"));
		p->keep |= slice_is_nocase(option, SLICE("keep-alive"));
	}
	return 0;
}

static int take_expect(struct parse *p, struct http_slice v)
{
	p->r->expects = true;
	return 0;
}

static int take_if_modified(struct parse *p, struct http_slice v)
{
	p->r->if_modified_since = v;
	return 0;
}

static int take_authorization(struct parse *p, struct http_slice v)
{
	if (p->r->authorization.p)
		return 400;
	p->r->authorization = v;
	return 0;
}

static const struct {
	struct http_slice name;
	int (*take)(struct parse *p, struct http_slice value);
} known_fields[] = {
	{ SLICE("Host"), take_host },
	{ SLICE("Content-Length"), take_length },
	{ SLICE("Transfer-Encoding"), take_coding },
	{ SLICE("Connection"), take_connection },
	{ SLICE("Expect"), take_expect },
	{ SLICE("If-Modified-Since"), take_if_modified },
	{ SLICE("Authorization"), take_authorization },
};

static int take_field(
    struct parse *p, struct http_slice name, struct http_slice value)
{
	size_t i;

	for (i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++)
		if (slice_is_nocase(name, known_fields[i].name))
			return known_fields[i].take(p, value);
	return 0;
}

/* RFC 9112 5: name ":" value, without a blank before the colon (5.1) and
 * without folding (5.2), which both show as a name that is no token. */
static int parse_field(struct parse *p, struct http_slice line)
{
	struct http_slice value = line, name;
	size_t i;

	if (++p->fields > HTTP_FIELDS_MAX)
		return 431;
	name = cut(&value, ':');
	if (name.len == line.len || !is_token(name))
		return 400;
	value = trim(value);
	for (i = 0; i < value.len; i++)
		if (is_control((unsigned char)value.p[i]) && value.p[i] != '\t')
			return 400;
	return take_field(p, name, value);
}

/* What only the whole head tells. */
static int check_whole(struct parse *p)
{
	/* RFC 9112 3.2: one Host in HTTP/1.1, never two. */
	if (p->hosts > 1 || (p->hosts == 0 && p->r->minor >= 1))
		return 400;
	/* RFC 9112 6.1: a transfer coding beside a length, or in 1.0. */
	if (p->coded && (p->lengths > 0 || p->r->minor == 0))
		return 400;
	if (p->coded)
		return 501;
	if (p->too_long)
		return 413;
	p->r->keep_alive = !p->close && (p->r->minor >= 1 || p->keep);
	return 0;
}

int http_parse_head(const char *head, size_t len, struct http_request *r)
{
	struct http_slice rest = { head, len }, line;
	struct parse p = { .r = r };
	int status;

	memset(r, 0, offsetof(struct http_request, path));
	do
		line = next_line(&rest);
	while (line.len == 0 && rest.len > 0);
	status = parse_request_line(line, r);
	while (status == 0 && rest.len > 0) {
		line = next_line(&rest);
		if (line.len == 0)
			return check_whole(&p);
		status = parse_field(&p, line);
	}
	return status != 0 ? status : 400;
}

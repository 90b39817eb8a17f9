/* SPDX-License-Identifier: MIT */
/* Addresses and services as text; numeric forms only. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "posix/internal.h"

#include "lib/string.h"

/* --- Addresses ----------------------------------------------------------- */

int inet_aton(const char *text, struct in_addr *out)
{
	uint32_t ip;

	if (!str_parse_ipv4(text, strlen(text), &ip))
		return 0;
	out->s_addr = htonl(ip);
	return 1;
}

int inet_pton(int family, const char *text, void *out)
{
	struct in_addr a;

	if (family != AF_INET)
		return (int)posix_result(-EAFNOSUPPORT);
	if (!inet_aton(text, &a))
		return 0;
	memcpy(out, &a, sizeof(a));
	return 1;
}

in_addr_t inet_addr(const char *text)
{
	struct in_addr a;

	return inet_aton(text, &a) ? a.s_addr : INADDR_NONE;
}

const char *inet_ntop(int family, const void *addr, char *buf, socklen_t size)
{
	unsigned char b[4];
	int len;

	if (family != AF_INET) {
		errno = EAFNOSUPPORT;
		return NULL;
	}
	memcpy(b, addr, sizeof(b));
	len = snprintf(buf, size, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	if (len < 0 || (socklen_t)len >= size) {
		errno = ENOSPC;
		return NULL;
	}
	return buf;
}

char *inet_ntoa(struct in_addr addr)
{
	struct posix_env *env = posix_env();

	inet_ntop(AF_INET, &addr, env->inet_text, sizeof(env->inet_text));
	return env->inet_text;
}

/* --- getnameinfo and getaddrinfo ----------------------------------------- */

int getnameinfo(const struct sockaddr *addr, socklen_t len, char *host,
    socklen_t host_size, char *service, socklen_t service_size, int flags)
{
	struct sockaddr_in in;
	int n;

	if (len < sizeof(in) || addr->sa_family != AF_INET)
		return EAI_FAMILY;
	if (flags & NI_NAMEREQD)
		return EAI_NONAME;
	memcpy(&in, addr, sizeof(in));
	if (host && host_size > 0 &&
	    !inet_ntop(AF_INET, &in.sin_addr, host, host_size))
		return EAI_OVERFLOW;
	if (!service || service_size == 0)
		return 0;
	n = snprintf(service, service_size, "%u", ntohs(in.sin_port));
	return (socklen_t)n < service_size ? 0 : EAI_OVERFLOW;
}

static int parse_node(const char *node, int flags, struct in_addr *out)
{
	if (node)
		return inet_aton(node, out) ? 0 : EAI_NONAME;
	out->s_addr = htonl(flags & AI_PASSIVE ? INADDR_ANY : INADDR_LOOPBACK);
	return 0;
}

static int parse_service(const char *service, in_port_t *out)
{
	uint32_t port = 0;

	if (service && !str_parse_u32(service, strlen(service), 65535, &port))
		return EAI_SERVICE;
	*out = htons((uint16_t)port);
	return 0;
}

static const struct {
	int type, protocol;
} socket_kinds[] = {
	{ SOCK_STREAM, IPPROTO_TCP },
	{ SOCK_DGRAM, IPPROTO_UDP },
};

/* Makes one answer, in one block with its address. */
static struct addrinfo *make_info(int kind, const struct sockaddr_in *addr)
{
	struct addrinfo *ai = calloc(1, sizeof(*ai) + sizeof(*addr));

	if (!ai)
		return NULL;
	ai->ai_family = AF_INET;
	ai->ai_socktype = socket_kinds[kind].type;
	ai->ai_protocol = socket_kinds[kind].protocol;
	ai->ai_addrlen = sizeof(*addr);
	ai->ai_addr = (struct sockaddr *)(ai + 1);
	memcpy(ai->ai_addr, addr, sizeof(*addr));
	return ai;
}

static int make_infos(const struct addrinfo *hints,
    const struct sockaddr_in *addr, struct addrinfo **out)
{
	struct addrinfo **tail = out;
	int kind;

	*out = NULL;
	for (kind = 0; kind < 2; kind++) {
		if (hints->ai_socktype != 0 &&
		    hints->ai_socktype != socket_kinds[kind].type)
			continue;
		*tail = make_info(kind, addr);
		if (!*tail) {
			freeaddrinfo(*out);
			return EAI_MEMORY;
		}
		tail = &(*tail)->ai_next;
	}
	return *out ? 0 : EAI_SOCKTYPE;
}

int getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	static const struct addrinfo none = { 0 };
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int rc;

	if (!node && !service)
		return EAI_NONAME;
	if (!hints)
		hints = &none;
	if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET)
		return EAI_FAMILY;
	rc = parse_node(node, hints->ai_flags, &addr.sin_addr);
	if (rc == 0)
		rc = parse_service(service, &addr.sin_port);
	return rc == 0 ? make_infos(hints, &addr, out) : rc;
}

void freeaddrinfo(struct addrinfo *ai)
{
	struct addrinfo *next;

	for (; ai; ai = next) {
		next = ai->ai_next;
		free(ai);
	}
}

const char *gai_strerror(int code)
{
	switch (code) {
	case 0:
		return "Success";
	case EAI_NONAME:
		return "Name or service not known";
	case EAI_FAMILY:
		return "ai_family not supported";
	case EAI_SOCKTYPE:
		return "ai_socktype not supported";
	case EAI_SERVICE:
		return "Service not supported for ai_socktype";
	case EAI_MEMORY:
		return "Memory allocation failure";
	case EAI_OVERFLOW:
		return "Argument buffer overflow";
	default:
		return "Unknown error";
	}
}

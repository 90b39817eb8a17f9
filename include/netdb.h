/* SPDX-License-Identifier: MIT */
/* Names and addresses: numeric forms only, until there is a resolver. */
#pragma once

#include "netinet/in.h"

struct addrinfo {
	int ai_flags;
	int ai_family;
	int ai_socktype;
	int ai_protocol;
	socklen_t ai_addrlen;
	struct sockaddr *ai_addr;
	char *ai_canonname;
	struct addrinfo *ai_next;
};

#define AI_PASSIVE     0x0001
#define AI_CANONNAME   0x0002
#define AI_NUMERICHOST 0x0004
#define AI_NUMERICSERV 0x0400

#define NI_NUMERICHOST 1
#define NI_NUMERICSERV 2
#define NI_NAMEREQD    8
#define NI_DGRAM       16

#define NI_MAXHOST 1025
#define NI_MAXSERV 32

#define EAI_BADFLAGS (-1)
#define EAI_NONAME   (-2)
#define EAI_FAMILY   (-6)
#define EAI_SOCKTYPE (-7)
#define EAI_SERVICE  (-8)
#define EAI_MEMORY   (-10)
#define EAI_OVERFLOW (-12)

int getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints,
    struct addrinfo **out) __asm__("rl_getaddrinfo");
void freeaddrinfo(struct addrinfo *ai) __asm__("rl_freeaddrinfo");
int getnameinfo(const struct sockaddr *addr, socklen_t len, char *host,
    socklen_t host_size, char *service, socklen_t service_size,
    int flags) __asm__("rl_getnameinfo");
const char *gai_strerror(int code) __asm__("rl_gai_strerror");

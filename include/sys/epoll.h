/* SPDX-License-Identifier: MIT */
/*
 * epoll: level and edge triggered, one-shot, exclusive.  Sockets can be
 * watched; a file is EPERM and another epoll EINVAL.
 */
#pragma once

#include "types.h"

#define EPOLLIN        0x001u
#define EPOLLPRI       0x002u
#define EPOLLOUT       0x004u
#define EPOLLERR       0x008u
#define EPOLLHUP       0x010u
#define EPOLLRDNORM    0x040u
#define EPOLLWRNORM    0x100u
#define EPOLLRDHUP     0x2000u
#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)

#define EPOLL_CLOEXEC 02000000

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3

typedef union epoll_data {
	void *ptr;
	int fd;
	uint32_t u32;
	uint64_t u64;
} epoll_data_t;

/* Packed as on Linux for x86-64. */
struct epoll_event {
	uint32_t events;
	epoll_data_t data;
} __attribute__((packed));

int epoll_create(int size) __asm__("rl_epoll_create");
int epoll_create1(int flags) __asm__("rl_epoll_create1");
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) __asm__(
    "rl_epoll_ctl");
int epoll_wait(int epfd, struct epoll_event *events, int max,
    int timeout_ms) __asm__("rl_epoll_wait");

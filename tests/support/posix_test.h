/* SPDX-License-Identifier: MIT */
/*
 * What tests of posix/ and apps/ begin with: a machine, one stack that talks to
 * itself over its loopback device, and an environment whose main thread is the
 * test.  Tests then call rl_socket and its like through the headers of include/
 * ("include/sys/socket.h"), as applications do.
 *
 * Threads of a test record what they saw, and main asserts: cmocka's assertions
 * may not jump from one stack to another.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct posix_env;
struct stack;

#define POSIX_TEST_FDS        256
#define POSIX_TEST_HEAP_BYTES (4u << 20)

struct posix_env *posix_test_start(void);

/* Adds to the files of the environment; everything is borrowed. */
void posix_test_add_file(
    const char *path, const char *data, uint32_t len, uint64_t mtime_s);
void posix_test_add_folder(const char *path);

/* Another environment on the same stack. */
struct posix_env *posix_test_env(uint32_t fds, size_t heap_bytes);

/* A value of posix_print or of stack_print; fails the test for other names. */
uint64_t posix_test_value(const char *name);

struct stack *posix_test_stack(void);

/* Lets connections end, then checks that nothing of the heap, of the watches
 * and of the stack's pools is in use, and only three descriptors. */
void posix_test_stop(void);

/* Sleeps on the fake clock. */
void posix_test_sleep_ms(uint64_t ms);

/* A connected pair over the loopback device, by way of a listener that is
 * closed again: fd[0] connected, fd[1] was accepted.  Both block. */
void posix_test_pair(int fd[2]);

/* A listening socket on this port. */
int posix_test_listen(uint16_t port, int backlog);

/* A blocking connection to this port of the loopback address. */
int posix_test_connect(uint16_t port);

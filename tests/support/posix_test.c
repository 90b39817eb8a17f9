/* SPDX-License-Identifier: MIT */
#include "tests/support/posix_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "arch/arch.h"
#include "include/netinet/in.h"
#include "include/netinet/tcp.h"
#include "include/sys/socket.h"
#include "include/unistd.h"
#include "lib/errno.h"
#include "lib/filetable.h"
#include "lib/fmt.h"
#include "lib/pool.h"
#include "lib/random.h"
#include "lib/string.h"
#include "net/stack.h"
#include "posix/posix.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/support/host_test.h"

#define SETTLE_NS (300 * NS_PER_S) /* longer than any TIME-WAIT */

static struct {
	struct arena *arena;
	struct random rng;
	struct stack stack;
	struct filetable files;
	struct posix_env *env;
	char text[16384];
} bench;

struct posix_env *posix_test_env(uint32_t fds, size_t heap_bytes)
{
	const struct posix_config config = { .stack = &bench.stack,
		.files = &bench.files,
		.clock_ns = arch_clock_ns,
		.fds_max = fds,
		.heap_bytes = heap_bytes };
	struct posix_env *env = posix_env_create(&config, bench.arena);

	assert_non_null(env);
	return env;
}

struct posix_env *posix_test_start(void)
{
	static const struct stack_limits limits = { .packets = 512,
		.chunks = 2048,
		.conns = 128,
		.time_waits = 128,
		.socks = 128,
		.neighbours = 8 };
	const uint64_t seed = 1;

	bench.arena = host_test_start(128, 96u << 20);
	bench.rng = (struct random){ 0 };
	random_add(&bench.rng, &seed, sizeof(seed), 128);
	assert_int_equal(
	    stack_init(&bench.stack, &limits, bench.arena, &bench.rng), 0);
	assert_int_equal(filetable_init(&bench.files, 64, bench.arena), 0);
	bench.env = posix_test_env(POSIX_TEST_FDS, POSIX_TEST_HEAP_BYTES);
	thread_set_env(bench.env);
	return bench.env;
}

void posix_test_add_file(
    const char *path, const char *data, uint32_t len, uint64_t mtime_s)
{
	assert_int_equal(filetable_add(&bench.files, path,
	                     (const uint8_t *)data, len, false, mtime_s),
	    0);
}

void posix_test_add_folder(const char *path)
{
	assert_int_equal(
	    filetable_add(&bench.files, path, NULL, 0, true, 0), 0);
}

struct stack *posix_test_stack(void)
{
	return &bench.stack;
}

uint64_t posix_test_value(const char *name)
{
	struct text t = { .buf = bench.text, .size = sizeof(bench.text) };
	size_t len = strlen(name);
	const char *line;
	uint64_t v = 0;

	posix_print(bench.env, &t);
	stack_print(&bench.stack, &t);
	assert_false(t.truncated);
	for (line = bench.text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			break;
	}
	if (!line)
		fail_msg("no value named %s", name);
	for (line += len + 1; *line >= '0' && *line <= '9'; line++)
		v = v * 10 + (uint64_t)(*line - '0');
	return v;
}

void posix_test_sleep_ms(uint64_t ms)
{
	thread_sleep_until(arch_clock_ns() + ms * NS_PER_MS);
}

void posix_test_stop(void)
{
	thread_sleep_until(arch_clock_ns() + SETTLE_NS);
	assert_int_equal(posix_test_value("pool.posix.files.in_use"), 3);
	assert_int_equal(posix_test_value("pool.posix.watches.in_use"), 0);
	assert_int_equal(posix_test_value("pool.posix.epolls.in_use"), 0);
	assert_int_equal(posix_test_value("heap.used"), 0);
	assert_int_equal(bench.stack.packets.in_use, 0);
	assert_int_equal(bench.stack.chunks.in_use, 0);
	assert_int_equal(bench.stack.conns.in_use, 0);
	assert_int_equal(bench.stack.time_waits.in_use, 0);
	assert_int_equal(bench.stack.socks.in_use, 0);
}

/* --- Connections --------------------------------------------------------- */

static struct sockaddr_in loopback_addr(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_port = htons(port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

int posix_test_listen(uint16_t port, int backlog)
{
	struct sockaddr_in a = loopback_addr(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

int posix_test_connect(uint16_t port)
{
	struct sockaddr_in a = loopback_addr(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

void posix_test_pair(int fd[2])
{
	static uint16_t port = 20000;
	int listener = posix_test_listen(++port, 1), on = 1;

	fd[0] = posix_test_connect(port);
	fd[1] = accept(listener, NULL, NULL);
	assert_true(fd[1] >= 0);
	/* What is written arrives at once, also behind unacknowledged bytes. */
	setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	assert_int_equal(close(listener), 0);
}

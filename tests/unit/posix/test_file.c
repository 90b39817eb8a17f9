/* SPDX-License-Identifier: MIT */
/* Tests posix/file.c: files of the stick, generated files, sendfile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "include/errno.h"
#include "include/fcntl.h"
#include "include/stdio.h"
#include "include/string.h"
#include "include/sys/sendfile.h"
#include "include/sys/socket.h"
#include "include/sys/stat.h"
#include "include/unistd.h"
#include "posix/posix.h"
#include "sched/thread.h"
#include "tests/support/posix_test.h"

#define FAILS(call, number)                                                    \
	do {                                                                   \
		errno = 0;                                                     \
		assert_int_equal(call, -1);                                    \
		assert_int_equal(errno, number);                               \
	} while (0)

#define BIG 400000

static char big[BIG];
static struct posix_env *env;

static int start(void **state)
{
	size_t i;

	for (i = 0; i < BIG; i++)
		big[i] = (char)(i * 31 + i / 1000);
	env = posix_test_start();
	posix_test_add_folder("/www");
	posix_test_add_file("/www/a.txt", "hello, file", 11, 1000000000);
	posix_test_add_file("/www/big", big, BIG, 0);
	posix_test_add_file("/proc/secret", "x", 1, 0);
	return 0;
}

static int stop(void **state)
{
	posix_test_stop();
	return 0;
}

static void a_file_is_read_in_pieces(void **state)
{
	int fd = open("/www/a.txt", O_RDONLY);
	char buf[8];

	assert_true(fd > 2);
	assert_int_equal(read(fd, buf, 8), 8);
	assert_memory_equal(buf, "hello, f", 8);
	assert_int_equal(read(fd, buf, 8), 3);
	assert_memory_equal(buf, "ile", 3);
	assert_int_equal(read(fd, buf, 8), 0);
	close(fd);
}

static void paths_are_found_as_people_write_them(void **state)
{
	static const char *const good[] = { "/www/a.txt", "/WWW/A.TXT",
		"www/a.txt", "/www", "/www/", "/www///", "/", "www/" };
	size_t i;
	int fd;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		fd = open(good[i], O_RDONLY);
		if (fd < 0)
			fail_msg("%s: %s", good[i], strerror(errno));
		close(fd);
	}
	FAILS(open("/www/b.txt", O_RDONLY), ENOENT);
	FAILS(open("", O_RDONLY), ENOENT);
	FAILS(open("/www/a.txt/", O_RDONLY), ENOTDIR);
}

static void a_path_too_long_is_refused(void **state)
{
	char path[600];

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	FAILS(open(path, O_RDONLY), ENAMETOOLONG);
	path[512] = '\0';
	path[0] = '/';
	FAILS(open(path, O_RDONLY), ENAMETOOLONG);
	path[511] = '\0';
	FAILS(open(path, O_RDONLY), ENOENT);
}

static void nothing_can_be_written(void **state)
{
	int fd = open("/www/a.txt", O_RDONLY);

	FAILS(write(fd, "x", 1), EBADF);
	FAILS(open("/www/a.txt", O_WRONLY), EROFS);
	FAILS(open("/www/a.txt", O_RDWR), EROFS);
	FAILS(open("/www/a.txt", O_RDONLY | O_TRUNC), EROFS);
	FAILS(open("/www/new", O_WRONLY | O_CREAT, 0644), EROFS);
	FAILS(open("/www/a.txt", O_RDONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	FAILS(open("/www", O_RDWR), EISDIR);
	FAILS(open("/www/a.txt", O_RDONLY | O_DIRECTORY), ENOTDIR);
	close(fd);
}

static void folders_open_but_do_not_read(void **state)
{
	int fd = open("/www", O_RDONLY | O_DIRECTORY);
	char c;

	assert_true(fd > 2);
	FAILS(read(fd, &c, 1), EISDIR);
	FAILS(pread(fd, &c, 1, 0), EISDIR);
	close(fd);
}

static void stat_tells_kind_size_and_time(void **state)
{
	struct stat st;
	int fd = open("/www/a.txt", O_RDONLY);

	assert_int_equal(sizeof(struct stat), 144);
	assert_int_equal(offsetof(struct stat, st_size), 48);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size, 11);
	assert_int_equal(st.st_mtime, 1000000000);
	assert_int_equal(stat("/www", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(stat("/", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(fstat(1, &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	FAILS(stat("/none", &st), ENOENT);
	FAILS(fstat(200, &st), EBADF);
	close(fd);
}

static void seeking_moves_the_place_of_reading(void **state)
{
	int fd = open("/www/a.txt", O_RDONLY);
	char c;

	assert_int_equal(lseek(fd, 4, SEEK_SET), 4);
	assert_int_equal(read(fd, &c, 1), 1);
	assert_int_equal(c, 'o');
	assert_int_equal(lseek(fd, 2, SEEK_CUR), 7);
	assert_int_equal(lseek(fd, -1, SEEK_END), 10);
	assert_int_equal(read(fd, &c, 1), 1);
	assert_int_equal(c, 'e');
	assert_int_equal(lseek(fd, 50, SEEK_SET), 50);
	assert_int_equal(read(fd, &c, 1), 0);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, INT64_MAX, SEEK_CUR), EINVAL);
	FAILS(lseek(fd, 0, 9), EINVAL);
	FAILS(lseek(1, 0, SEEK_SET), ESPIPE);
	assert_int_equal(pread(fd, &c, 1, 1), 1);
	assert_int_equal(c, 'e');
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 50);
	FAILS(pread(fd, &c, 1, -1), EINVAL);
	close(fd);
}

/* --- Generated files ----------------------------------------------------- */

static size_t text_bytes;

static size_t generate(char *buf, size_t size, void *ctx)
{
	size_t n = text_bytes < size ? text_bytes : size;

	memset(buf, *(char *)ctx, n);
	return text_bytes;
}

static void a_generated_file_is_a_snapshot(void **state)
{
	char fill = 'a', buf[4] = "";
	struct stat st;
	int fd;

	text_bytes = 3;
	assert_int_equal(
	    posix_proc_register(env, "/proc/x", generate, &fill), 0);
	fd = open("/proc/x", O_RDONLY);
	fill = 'b';
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(read(fd, buf, 4), 3);
	assert_string_equal(buf, "aaa");
	close(fd);
	FAILS(open("/proc/x", O_WRONLY), EACCES);
	assert_int_equal(stat("/proc/x", &st), 0);
}

static void a_long_generated_file_is_whole(void **state)
{
	char fill = 'a';
	struct stat st;
	int fd;

	text_bytes = 100000;
	posix_proc_register(env, "/proc/x", generate, &fill);
	fd = open("/proc/x", O_RDONLY);
	fstat(fd, &st);
	assert_int_equal(st.st_size, 100000);
	close(fd);
	text_bytes = POSIX_TEST_HEAP_BYTES;
	FAILS(open("/proc/x", O_RDONLY), ENOMEM);
	text_bytes = 0;
	fd = open("/proc/x", O_RDONLY);
	fstat(fd, &st);
	assert_int_equal(st.st_size, 0);
	close(fd);
}

static void the_sticks_own_proc_folder_is_hidden(void **state)
{
	struct stat st;

	FAILS(open("/proc/secret", O_RDONLY), ENOENT);
	FAILS(open("/PROC/secret", O_RDONLY), ENOENT);
	FAILS(stat("proc/secret", &st), ENOENT);
}

static void there_is_room_for_so_many_generated_files(void **state)
{
	int i;

	for (i = 0; i < POSIX_PROCS_MAX; i++)
		assert_int_equal(
		    posix_proc_register(env, "/proc/x", generate, NULL), 0);
	assert_int_equal(
	    posix_proc_register(env, "/proc/y", generate, NULL), -ENOMEM);
}

/* --- sendfile ------------------------------------------------------------ */

struct reader {
	int fd;
	size_t len;
	bool wrong, done;
};

static void read_big(void *arg)
{
	struct reader *r = arg;
	char buf[4096];
	ssize_t n;

	while ((n = read(r->fd, buf, sizeof(buf))) > 0) {
		r->wrong |= memcmp(buf, big + r->len, (size_t)n) != 0;
		r->len += (size_t)n;
	}
	r->done = true;
}

static void sendfile_sends_all_and_moves_the_place(void **state)
{
	struct reader r = { 0 };
	int pair[2], fd = open("/www/big", O_RDONLY);

	posix_test_pair(pair);
	r.fd = pair[1];
	thread_create("reader", read_big, &r);
	assert_int_equal(sendfile(pair[0], fd, NULL, 50000), 50000);
	assert_int_equal(sendfile(pair[0], fd, NULL, BIG), BIG - 50000);
	assert_int_equal(sendfile(pair[0], fd, NULL, BIG), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), BIG);
	close(fd); /* the bytes live on */
	close(pair[0]);
	posix_test_sleep_ms(1000);
	assert_true(r.done);
	assert_false(r.wrong);
	assert_int_equal(r.len, BIG);
	close(pair[1]);
}

static void sendfile_with_an_offset_leaves_the_place(void **state)
{
	int pair[2], fd = open("/www/a.txt", O_RDONLY);
	off_t offset = 7;
	char buf[16];

	posix_test_pair(pair);
	assert_int_equal(sendfile(pair[0], fd, &offset, 2), 2);
	assert_int_equal(offset, 9);
	assert_int_equal(sendfile(pair[0], fd, &offset, 100), 2);
	assert_int_equal(offset, 11);
	assert_int_equal(sendfile(pair[0], fd, &offset, 100), 0);
	offset = 5000;
	assert_int_equal(sendfile(pair[0], fd, &offset, 100), 0);
	offset = -1;
	FAILS(sendfile(pair[0], fd, &offset, 1), EINVAL);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	posix_test_sleep_ms(10);
	assert_int_equal(read(pair[1], buf, 16), 4);
	assert_memory_equal(buf, "file", 4);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

static void sendfile_takes_part_when_it_may_not_wait(void **state)
{
	struct reader r = { 0 };
	int pair[2], fd = open("/www/big", O_RDONLY);
	off_t offset = 0;
	ssize_t n;

	posix_test_pair(pair);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	n = sendfile(pair[0], fd, &offset, BIG);
	assert_true(n > 0 && n < BIG);
	assert_int_equal(offset, n);
	while (sendfile(pair[0], fd, &offset, BIG - (size_t)offset) > 0)
		posix_test_sleep_ms(100);
	assert_int_equal(errno, EAGAIN);
	r.fd = pair[1];
	thread_create("reader", read_big, &r);
	while (offset < BIG) {
		posix_test_sleep_ms(10);
		sendfile(pair[0], fd, &offset, BIG - (size_t)offset);
	}
	close(pair[0]);
	posix_test_sleep_ms(1000);
	assert_true(r.done && !r.wrong);
	assert_int_equal(r.len, BIG);
	close(fd);
	close(pair[1]);
}

/* Fills the connection, so that what is sent next stays behind for a while. */
static void fill(int fd)
{
	int more = 1 << 20;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (write(fd, big, 1000) > 0)
		posix_test_sleep_ms(1);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &more, sizeof(more)), 0);
}

static void a_generated_file_outlives_its_descriptor_on_the_wire(void **state)
{
	static char got[BIG];
	size_t len = 0;
	char fill_byte = 'z';
	int pair[2], fd, other;
	ssize_t n;

	text_bytes = 8;
	posix_proc_register(env, "/proc/x", generate, &fill_byte);
	posix_test_pair(pair);
	fill(pair[0]);
	fd = open("/proc/x", O_RDONLY);
	assert_int_equal(sendfile(pair[0], fd, NULL, 100), 8);
	close(fd);
	close(pair[0]);
	fill_byte = 'y'; /* and its memory is used again */
	other = open("/proc/x", O_RDONLY);
	while ((n = read(pair[1], got + len, BIG - len)) > 0)
		len += (size_t)n;
	assert_true(len > 8 && len < BIG);
	assert_memory_equal(got + len - 8, "zzzzzzzz", 8);
	close(other);
	close(pair[1]);
}

static void sendfile_refuses_what_it_cannot_do(void **state)
{
	int pair[2], fd = open("/www/a.txt", O_RDONLY);
	int folder = open("/www", O_RDONLY);
	int udp = socket(2, SOCK_DGRAM, 0);

	posix_test_pair(pair);
	FAILS(sendfile(pair[0], folder, NULL, 1), EINVAL);
	FAILS(sendfile(pair[0], pair[1], NULL, 1), EINVAL);
	FAILS(sendfile(fd, fd, NULL, 1), EINVAL);
	FAILS(sendfile(udp, fd, NULL, 1), EINVAL);
	FAILS(sendfile(200, fd, NULL, 1), EBADF);
	FAILS(sendfile(pair[0], 200, NULL, 1), EBADF);
	close(fd);
	close(folder);
	close(udp);
	close(pair[0]);
	close(pair[1]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_file_is_read_in_pieces),
		T(paths_are_found_as_people_write_them),
		T(a_path_too_long_is_refused),
		T(nothing_can_be_written),
		T(folders_open_but_do_not_read),
		T(stat_tells_kind_size_and_time),
		T(seeking_moves_the_place_of_reading),
		T(a_generated_file_is_a_snapshot),
		T(a_long_generated_file_is_whole),
		T(the_sticks_own_proc_folder_is_hidden),
		T(there_is_room_for_so_many_generated_files),
		T(sendfile_sends_all_and_moves_the_place),
		T(sendfile_with_an_offset_leaves_the_place),
		T(sendfile_takes_part_when_it_may_not_wait),
		T(a_generated_file_outlives_its_descriptor_on_the_wire),
		T(sendfile_refuses_what_it_cannot_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

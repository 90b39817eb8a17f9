/* SPDX-License-Identifier: MIT */
/* Tests the small parts of C's library: time, string, inet, stdio, errno,
 * malloc and pthread of posix/. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "include/arpa/inet.h"
#include "include/errno.h"
#include "include/netdb.h"
#include "include/pthread.h"
#include "include/sched.h"
#include "include/stdio.h"
#include "include/stdlib.h"
#include "include/string.h"
#include "include/strings.h"
#include "include/sys/time.h"
#include "include/time.h"
#include "include/unistd.h"
#include "arch/arch.h"
#include "lib/log.h"
#include "posix/posix.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/support/posix_test.h"

static struct posix_env *env;

static int start(void **state)
{
	env = posix_test_start();
	return 0;
}

static int stop(void **state)
{
	posix_test_stop();
	return 0;
}

/* --- time.c -------------------------------------------------------------- */

static void the_wall_clock_fails_until_it_is_known(void **state)
{
	struct timespec t;
	struct timeval tv;

	errno = 0;
	assert_int_equal(time(NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &t), -1);
	assert_int_equal(gettimeofday(&tv, NULL), -1);
	assert_int_equal(clock_gettime(77, &t), -1);
	posix_set_wall_clock(
	    env, 1234567890500000000 - (int64_t)arch_clock_ns());
	assert_int_equal(time(NULL), 1234567890);
	assert_int_equal(gettimeofday(&tv, NULL), 0);
	assert_int_equal(tv.tv_usec, 500000);
	posix_test_sleep_ms(700);
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &t), 0);
	assert_int_equal(t.tv_sec, 1234567891);
	assert_in_range(t.tv_nsec, 200000000, 203000000);
}

static void sleeping_takes_its_time(void **state)
{
	struct timespec t0, t1, want = { 1, 500000000 };

	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(sleep(2), 0);
	assert_int_equal(usleep(250000), 0);
	assert_int_equal(nanosleep(&want, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_in_range((t1.tv_sec - t0.tv_sec) * 1000 +
	                    (t1.tv_nsec - t0.tv_nsec) / 1000000,
	    3750, 3755);
	want.tv_nsec = -1;
	assert_int_equal(nanosleep(&want, NULL), -1);
}

static void dates_are_those_of_the_calendar(void **state)
{
	static const struct {
		time_t t;
		const char *text;
	} dates[] = {
		{ 0, "Thu 1970-01-01 00:00:00 001" },
		{ 951782399, "Mon 2000-02-28 23:59:59 059" },
		{ 951782400, "Tue 2000-02-29 00:00:00 060" },
		{ 951868800, "Wed 2000-03-01 00:00:00 061" },
		{ 978307199, "Sun 2000-12-31 23:59:59 366" },
		{ 1709164800, "Thu 2024-02-29 00:00:00 060" },
		{ 4107542400, "Mon 2100-03-01 00:00:00 060" },
		{ 2147483648, "Tue 2038-01-19 03:14:08 019" },
		{ -1, "Wed 1969-12-31 23:59:59 365" },
		{ -2208988800, "Mon 1900-01-01 00:00:00 001" },
	};
	char text[64];
	struct tm tm;
	size_t i;

	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		assert_ptr_equal(gmtime_r(&dates[i].t, &tm), &tm);
		strftime(text, sizeof(text), "%a %F %T %j", &tm);
		assert_string_equal(text, dates[i].text);
	}
}

static void every_day_follows_the_one_before(void **state)
{
	time_t t = -40000l * 86400;
	struct tm a, b;
	int i;

	gmtime_r(&t, &a);
	for (i = 0; i < 100000; i++, a = b) {
		t += 86400;
		gmtime_r(&t, &b);
		assert_int_equal(b.tm_wday, (a.tm_wday + 1) % 7);
		if (b.tm_mday != 1)
			assert_true(
			    b.tm_mday == a.tm_mday + 1 && b.tm_mon == a.tm_mon);
		else
			assert_true(b.tm_mon == (a.tm_mon + 1) % 12 &&
			            a.tm_mday >= 28 && a.tm_mday <= 31);
		assert_true(b.tm_yday == a.tm_yday + 1 ||
		            (b.tm_yday == 0 && b.tm_year == a.tm_year + 1));
	}
}

static void formats_that_do_not_fit_are_zero(void **state)
{
	struct tm tm;
	time_t t = 784111777;
	char buf[30];

	gmtime_r(&t, &tm);
	assert_int_equal(
	    strftime(buf, sizeof(buf), "%a, %d %b %Y %H:%M:%S GMT", &tm), 29);
	assert_string_equal(buf, "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_int_equal(
	    strftime(buf, 29, "%a, %d %b %Y %H:%M:%S GMT", &tm), 0);
	assert_int_equal(strftime(buf, sizeof(buf), "%e %m %y %Z%%", &tm), 13);
	assert_string_equal(buf, " 6 11 94 GMT%");
	tm = (struct tm){ .tm_year = 126 }; /* by hand: of no zone */
	assert_int_equal(strftime(buf, sizeof(buf), "%Y%Z", &tm), 4);
}

/* --- string.c ------------------------------------------------------------ */

static void numbers_are_read_as_c_says(void **state)
{
	char *end;

	assert_int_equal(atoi(" -42x"), -42);
	assert_int_equal(strtol("0x1fg", &end, 0), 31);
	assert_string_equal(end, "g");
	assert_int_equal(strtol("0x", &end, 16), 0);
	assert_string_equal(end, "x");
	assert_int_equal(strtol("077", NULL, 0), 63);
	assert_int_equal(strtol("zz", NULL, 36), 35 * 36 + 35);
	assert_int_equal(strtol("  +", &end, 10), 0);
	assert_string_equal(end, "  +");
	assert_true(strtol("-9223372036854775808", NULL, 10) == INT64_MIN);
	errno = 0;
	assert_true(strtol("9223372036854775808", NULL, 10) == INT64_MAX);
	assert_int_equal(errno, ERANGE);
	errno = 0;
	assert_true(strtol("-9223372036854775809", NULL, 10) == INT64_MIN);
	assert_int_equal(errno, ERANGE);
	errno = 0;
	assert_true(strtoul("18446744073709551615", NULL, 10) == UINT64_MAX);
	assert_int_equal(errno, 0);
	assert_true(strtoul("18446744073709551616", &end, 10) == UINT64_MAX);
	assert_int_equal(errno, ERANGE);
	assert_string_equal(end, "");
	assert_int_equal(abs(-3), 3);
}

static void strings_are_copied_and_compared(void **state)
{
	char buf[16], *copy;

	strcpy(buf, "ab");
	assert_ptr_equal(stpcpy(stpcpy(buf, "a"), "b"), buf + 2);
	strcat(buf, "cd");
	assert_string_equal(buf, "abcd");
	memset(buf, 'x', sizeof(buf));
	strncpy(buf, "abc", 6);
	assert_memory_equal(buf, "abc\0\0\0x", 7);
	strncpy(buf, "abcdef", 3);
	assert_memory_equal(buf, "abc\0", 4);
	assert_int_equal(strcasecmp("HeLLo", "hEllO"), 0);
	assert_true(strcasecmp("a", "B") < 0);
	assert_true(strcasecmp("abc", "ab") > 0);
	assert_int_equal(strncasecmp("abX", "ABy", 2), 0);
	assert_int_equal(strspn("aab1", "ba"), 3);
	assert_int_equal(strcspn("aab1", "1"), 3);
	copy = strdup("text");
	assert_string_equal(copy, "text");
	free(copy);
}

/* --- inet.c -------------------------------------------------------------- */

static void addresses_are_read_and_written(void **state)
{
	struct in_addr a;
	char buf[16];

	assert_int_equal(inet_pton(AF_INET, "10.0.2.255", &a), 1);
	assert_int_equal(ntohl(a.s_addr), 0x0a0002ff);
	assert_string_equal(inet_ntop(AF_INET, &a, buf, 16), "10.0.2.255");
	assert_string_equal(inet_ntoa(a), "10.0.2.255");
	assert_int_equal(inet_pton(AF_INET, "10.0.2", &a), 0);
	assert_int_equal(inet_pton(AF_INET, "10.0.2.256", &a), 0);
	assert_int_equal(inet_pton(AF_INET6, "::1", &a), -1);
	assert_int_equal(errno, EAFNOSUPPORT);
	assert_null(inet_ntop(AF_INET, &a, buf, 10));
	assert_int_equal(errno, ENOSPC);
	assert_true(inet_addr("x") == INADDR_NONE);
	assert_int_equal(inet_addr("1.2.3.4"), htonl(0x01020304));
	assert_int_equal(htons(0x1234), 0x3412);
}

static void names_are_numbers(void **state)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *ai;
	char host[NI_MAXHOST], port[NI_MAXSERV];

	assert_int_equal(getaddrinfo("1.2.3.4", "80", &hints, &ai), 0);
	assert_int_equal(ai->ai_protocol, IPPROTO_TCP);
	assert_null(ai->ai_next);
	assert_int_equal(getnameinfo(ai->ai_addr, ai->ai_addrlen, host,
	                     sizeof(host), port, sizeof(port), 0),
	    0);
	assert_string_equal(host, "1.2.3.4");
	assert_string_equal(port, "80");
	assert_int_equal(
	    getnameinfo(ai->ai_addr, ai->ai_addrlen, host, 5, NULL, 0, 0),
	    EAI_OVERFLOW);
	freeaddrinfo(ai);
	assert_int_equal(getaddrinfo(NULL, "80", NULL, &ai), 0);
	assert_non_null(ai->ai_next);
	freeaddrinfo(ai);
	assert_int_equal(getaddrinfo("host", "80", NULL, &ai), EAI_NONAME);
	assert_int_equal(
	    getaddrinfo("1.2.3.4", "http", NULL, &ai), EAI_SERVICE);
	assert_int_equal(getaddrinfo(NULL, NULL, NULL, &ai), EAI_NONAME);
	assert_string_equal(
	    gai_strerror(EAI_NONAME), "Name or service not known");
}

/* --- stdio.c and errno.c ------------------------------------------------- */

static char logged[2048];
static size_t logged_len;

static void collect(enum log_level level, const char *text, size_t len)
{
	if (logged_len + len < sizeof(logged))
		memcpy(logged + logged_len, text, len);
	logged_len += len;
}

static const char *last_line(void)
{
	static char line[512];
	const char *at = strchr(logged, ']');
	size_t n;

	assert_non_null(at);
	n = strcspn(at + 2, "\r\n");
	assert_true(n < sizeof(line));
	memcpy(line, at + 2, n);
	line[n] = '\0';
	logged_len = 0;
	memset(logged, 0, sizeof(logged));
	return line;
}

static void lines_go_to_the_log_when_they_end(void **state)
{
	log_add_sink(collect);
	printf("a=%d ", 1);
	assert_int_equal(logged_len, 0);
	printf("b=%s\n", "x");
	assert_string_equal(last_line(), "a=1 b=x");
	assert_int_equal(write(1, "raw\n", 4), 4);
	assert_string_equal(last_line(), "raw");
	puts("put");
	assert_string_equal(last_line(), "put");
	putchar('c');
	fflush(stdout);
	assert_string_equal(last_line(), "c");
	errno = ECONNREFUSED;
	perror("connect");
	assert_string_equal(last_line(), "connect: Connection refused");
	fprintf(stderr, "%s\n", strerror(12345));
	assert_string_equal(last_line(), "Unknown error");
}

/* --- malloc.c and pthread.c ---------------------------------------------- */

static void memory_is_zeroed_and_bounded(void **state)
{
	unsigned char *p = calloc(100, 10);
	size_t i;

	for (i = 0; i < 1000; i++)
		assert_int_equal(p[i], 0);
	errno = 0;
	assert_null(calloc(SIZE_MAX / 2, 3));
	assert_int_equal(errno, ENOMEM);
	assert_null(malloc(POSIX_TEST_HEAP_BYTES));
	assert_null(realloc(p, POSIX_TEST_HEAP_BYTES));
	p = realloc(p, 5000);
	assert_int_equal(p[999], 0);
	free(p);
	free(NULL);
}

static int seen_errno, seen_env;

static void *run(void *arg)
{
	seen_errno = errno;
	errno = 99;
	seen_env = thread_env() == env;
	*(pthread_t *)arg = pthread_self();
	if (seen_env)
		pthread_exit(NULL);
	return NULL;
}

static void threads_run_with_an_errno_of_their_own(void **state)
{
	pthread_t made, self = 0;

	errno = 5;
	assert_int_equal(pthread_create(&made, NULL, run, &self), 0);
	sched_yield();
	assert_int_equal(seen_errno, 0);
	assert_int_equal(errno, 5);
	assert_true(seen_env);
	assert_true(pthread_equal(made, self));
	assert_int_equal(pthread_detach(made), 0);
	assert_int_equal(
	    pthread_create(&made, (void *)&made, run, &self), EINVAL);
}

static void *sleep_long(void *arg)
{
	sleep(1);
	return NULL;
}

static void threads_that_are_used_up_are_eagain(void **state)
{
	int n = 0, rc;

	while ((rc = pthread_create(NULL, NULL, sleep_long, NULL)) == 0)
		n++;
	assert_int_equal(rc, EAGAIN);
	assert_true(n > 50);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_wall_clock_fails_until_it_is_known),
		T(sleeping_takes_its_time),
		T(dates_are_those_of_the_calendar),
		T(every_day_follows_the_one_before),
		T(formats_that_do_not_fit_are_zero),
		T(numbers_are_read_as_c_says),
		T(strings_are_copied_and_compared),
		T(addresses_are_read_and_written),
		T(names_are_numbers),
		T(lines_go_to_the_log_when_they_end),
		T(memory_is_zeroed_and_bounded),
		T(threads_run_with_an_errno_of_their_own),
		T(threads_that_are_used_up_are_eagain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Tests apps/admin.c as a client sees it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "include/string.h"
#include "apps/apps.h"
#include "posix/posix.h"
#include "sched/thread.h"
#include "tests/support/http_client.h"
#include "tests/support/posix_test.h"

#define END        "Host: a\r\nConnection: close\r\n\r\n"
#define GET(path)  "GET " path " HTTP/1.1\r\n" END
#define WITH(auth) "GET /stats HTTP/1.1\r\nAuthorization: " auth "\r\n" END

static void serve(void *arg)
{
	char *argv[] = { "admin", "8139", arg, NULL };

	admin_main(arg ? 3 : 2, argv);
}

/* Longer than fits a buffer of the server, so it goes out as a file. */
static size_t print_stats(char *buf, size_t size, void *ctx)
{
	const size_t len = 30000;

	memset(buf, '7', len < size ? len : size);
	return len;
}

static void start_server(void *token)
{
	struct posix_env *env = posix_test_start();

	posix_test_add_file("/config.txt", "secret", 6, 0);
	posix_proc_register(env, "/proc/stats", print_stats, NULL);
	thread_create("admin", serve, token);
	thread_yield();
}

static int start(void **state)
{
	start_server(NULL);
	return 0;
}

static int start_with_token(void **state)
{
	start_server("s3cret");
	return 0;
}

static int stop(void **state)
{
	posix_test_sleep_ms(300000);
	assert_int_equal(posix_test_value("pool.posix.files.in_use"), 5);
	assert_int_equal(posix_test_value("heap.blocks"), 1);
	return 0;
}

static struct http_answer ask(const char *request)
{
	return http_client_ask(8139, request);
}

static void stats_are_plain_text_and_never_stored(void **state)
{
	struct http_answer a = ask(GET("/stats"));

	assert_int_equal(a.status, 200);
	assert_int_equal(a.body_len, 30000);
	assert_int_equal(strspn(a.body, "7"), 30000);
	assert_string_equal(
	    http_client_field(&a, "Content-Type"), "text/plain; charset=utf-8");
	assert_string_equal(http_client_field(&a, "Cache-Control"), "no-store");
}

static void health_is_ok(void **state)
{
	struct http_answer a = ask(GET("/healthz"));

	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "ok\n");
}

static void status_is_told_without_a_file_for_it(void **state)
{
	struct http_answer a = ask(GET("/status"));

	assert_int_equal(a.status, 200);
	assert_memory_equal(a.body, "up_s ", 5);
}

static void other_paths_are_not_found(void **state)
{
	assert_int_equal(ask(GET("/")).status, 404);
	assert_int_equal(ask(GET("/statsx")).status, 404);
	assert_int_equal(ask(GET("/config.txt")).status, 404);
	assert_int_equal(ask(GET("/../config.txt")).status, 400);
	assert_int_equal(ask("POST /stats HTTP/1.1\r\n" END).status, 405);
}

static void a_token_must_be_presented(void **state)
{
	static const char *const wrong[] = { GET("/stats"), GET("/healthz"),
		WITH("Bearer"), WITH("Bearer "), WITH("Bearer s3cre"),
		WITH("Bearer s3cret2"), WITH("Bearer S3CRET"),
		WITH("Basic s3cret"), WITH("s3cret") };
	struct http_answer a;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		a = ask(wrong[i]);
		assert_int_equal(a.status, 401);
		assert_string_equal(
		    http_client_field(&a, "WWW-Authenticate"), "Bearer");
	}
	assert_int_equal(ask(WITH("Bearer s3cret")).status, 200);
	assert_int_equal(ask(WITH("bearer s3cret")).status, 200);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(stats_are_plain_text_and_never_stored),
		T(health_is_ok),
		T(status_is_told_without_a_file_for_it),
		T(other_paths_are_not_found),
		cmocka_unit_test_setup_teardown(
		    a_token_must_be_presented, start_with_token, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

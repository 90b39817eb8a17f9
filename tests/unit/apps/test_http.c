/* SPDX-License-Identifier: MIT */
/*
 * Tests apps/http.c and apps/http_server.c as a client sees them, over the
 * loopback device and under the fake clock.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "include/fcntl.h"
#include "include/stdio.h"
#include "include/stdlib.h"
#include "include/string.h"
#include "include/sys/socket.h"
#include "include/unistd.h"
#include "apps/apps.h"
#include "arch/arch.h"
#include "net/stack.h"
#include "posix/posix.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "tests/support/http_client.h"
#include "tests/support/posix_test.h"

#define BIG       300000
#define H         "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "Connection: close\r\n\r\n"

static char big[BIG];
static struct posix_env *env;
static struct http_client client;
static struct sched_stats before;

static void serve(void *arg)
{
	char *argv[] = { "http", "80", NULL };

	http_main(2, argv);
}

/* The server looks at its start whether there is a site. */
static int start_server(void)
{
	thread_create("http", serve, NULL);
	thread_yield();
	sched_get_stats(&before);
	return 0;
}

static int start_bare(void **state)
{
	env = posix_test_start();
	return start_server();
}

static int start(void **state)
{
	size_t i;

	env = posix_test_start();
	for (i = 0; i < BIG; i++)
		big[i] = (char)('!' + (i * 7 + i / 512) % 90);
	posix_test_add_folder("/www");
	posix_test_add_folder("/www/docs");
	posix_test_add_folder("/www/bare");
	posix_test_add_file("/config.txt", "secret", 6, 0);
	posix_test_add_file("/www/index.html", "<p>home", 7, 1000000000);
	posix_test_add_file("/www/docs/index.html", "<p>docs", 7, 0);
	posix_test_add_file("/www/a b.TXT", "blank", 5, 0);
	posix_test_add_file("/www/empty.css", "", 0, 0);
	posix_test_add_file("/www/noext", "x", 1, 0);
	posix_test_add_file("/www/big.js", big, BIG, 0);
	posix_test_add_file("/www/2047", big, 2047, 1000000000);
	posix_test_add_file("/www/2048", big, 2048, 1000000000);
	posix_test_add_file("/www/2049", big, 2049, 1000000000);
	return start_server();
}

/* All connections are gone but the listener, and so is their memory. */
static int stop(void **state)
{
	struct stack *st = posix_test_stack();

	posix_test_sleep_ms(300000);
	assert_int_equal(posix_test_value("pool.posix.files.in_use"), 5);
	assert_int_equal(posix_test_value("pool.posix.watches.in_use"), 1);
	assert_int_equal(posix_test_value("heap.blocks"), 1);
	assert_int_equal(st->conns.in_use, 0);
	assert_int_equal(st->chunks.in_use, 0);
	assert_int_equal(st->packets.in_use, 0);
	return 0;
}

static struct http_answer ask(const char *request)
{
	return http_client_ask(80, request);
}

static void say(const char *text)
{
	http_client_send(&client, text);
}

static struct http_answer take(void)
{
	return http_client_take(&client, false);
}

static void open_client(void)
{
	http_client_open(&client, 80);
}

/* --- Files --------------------------------------------------------------- */

static void the_page_is_served(void **state)
{
	struct http_answer a = ask(GET("/"));

	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "<p>home");
	assert_string_equal(
	    http_client_field(&a, "Content-Type"), "text/html; charset=utf-8");
	assert_string_equal(http_client_field(&a, "Content-Length"), "7");
	assert_string_equal(http_client_field(&a, "Connection"), "close");
}

static const struct {
	const char *path;
	int status;
	const char *type, *body;
} pages[] = {
	{ "/index.html", 200, "text/html; charset=utf-8", "<p>home" },
	{ "/docs/", 200, "text/html; charset=utf-8", "<p>docs" },
	{ "/a%20b.txt?v=1", 200, "text/plain; charset=utf-8", "blank" },
	{ "/empty.css", 200, "text/css; charset=utf-8", "" },
	{ "/noext", 200, "application/octet-stream", "x" },
	{ "http://x/noext", 200, "application/octet-stream", "x" },
	{ "/none", 404, "text/plain; charset=utf-8", "404 Not Found\n" },
	{ "/bare/", 404, "text/plain; charset=utf-8", "404 Not Found\n" },
	{ "/noext/", 404, "text/plain; charset=utf-8", "404 Not Found\n" },
	{ "/config.txt", 404, "text/plain; charset=utf-8", "404 Not Found\n" },
	{ "/../config.txt", 400, "text/plain; charset=utf-8",
	    "400 Bad Request\n" },
};

static void each_path_has_its_answer(void **state)
{
	struct http_answer a;
	char request[256];
	size_t i;

	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		snprintf(request, sizeof(request),
		    "GET %s HTTP/1.1\r\n" H "Connection: close\r\n\r\n",
		    pages[i].path);
		a = ask(request);
		if (a.status != pages[i].status)
			fail_msg("%d for %s", a.status, pages[i].path);
		assert_string_equal(a.body, pages[i].body);
		assert_string_equal(
		    http_client_field(&a, "Content-Type"), pages[i].type);
	}
}

static void a_folder_without_slash_is_redirected(void **state)
{
	struct http_answer a = ask(GET("/d%6Fcs?x"));

	assert_int_equal(a.status, 301);
	assert_string_equal(http_client_field(&a, "Location"), "/d%6Fcs/");
}

static void a_big_file_arrives_whole(void **state)
{
	struct http_answer a = ask(GET("/big.js"));

	assert_int_equal(a.body_len, BIG);
	assert_memory_equal(a.body, big, BIG);
}

/* The longest that goes as a copy behind its header, and its neighbours; what
 * has no body leaves nothing before the next answer. */
static void no_length_of_a_file_is_special(void **state)
{
	char request[256];

	open_client();
	for (size_t len = 2047; len <= 2049; len++) {
		struct http_answer a;

		for (unsigned i = 0; i < 3; i++) {
			snprintf(request, sizeof(request),
			    "%s /%zu HTTP/1.1\r\n" H "%s\r\n",
			    i == 1 ? "HEAD" : "GET", len,
			    i == 2 ? "If-Modified-Since: Sun, 09 Sep 2001 "
			             "01:46:40 GMT\r\n"
			           : "");
			say(request);
		}
		a = take();
		assert_int_equal(a.body_len, len);
		assert_memory_equal(a.body, big, len);
		a = http_client_take(&client, true);
		assert_int_equal(a.status, 200);
		assert_int_equal(
		    atoi(http_client_field(&a, "Content-Length")), len);
		a = http_client_take(&client, true);
		assert_int_equal(a.status, 304);
	}
	http_client_close(&client);
}

static void head_is_the_answer_without_its_body(void **state)
{
	struct http_answer a;

	a = ask("HEAD /big.js HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
	assert_int_equal(a.status, 200);
	assert_string_equal(http_client_field(&a, "Content-Length"), "300000");
	a = ask("HEAD /none HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
	assert_int_equal(a.status, 404);
	assert_string_equal(http_client_field(&a, "Content-Length"), "14");
}

static void a_known_copy_is_not_sent_again(void **state)
{
	struct http_answer a = ask(GET("/"));

	assert_string_equal(http_client_field(&a, "Last-Modified"),
	    "Sun, 09 Sep 2001 01:46:40 GMT");
	open_client();
	say("GET / HTTP/1.1\r\n" H
	    "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\n\r\n");
	a = http_client_take(&client, true);
	assert_int_equal(a.status, 304);
	assert_string_equal(http_client_field(&a, "Content-Length"), "");
	say("GET / HTTP/1.1\r\n" H
	    "If-Modified-Since: Sun, 09 Sep 2001 01:46:39 GMT\r\n\r\n");
	assert_int_equal(take().status, 200);
	http_client_close(&client);
}

static void a_date_is_told_only_when_it_is_known(void **state)
{
	struct http_answer a = ask(GET("/"));

	assert_string_equal(http_client_field(&a, "Date"), "");
	posix_set_wall_clock(
	    env, 1600000000000000000 - (int64_t)arch_clock_ns());
	a = ask(GET("/"));
	assert_string_equal(
	    http_client_field(&a, "Date"), "Sun, 13 Sep 2020 12:26:40 GMT");
	posix_test_sleep_ms(1500);
	a = ask(GET("/"));
	assert_string_equal(
	    http_client_field(&a, "Date"), "Sun, 13 Sep 2020 12:26:41 GMT");
}

static void without_a_site_there_is_a_page_of_our_own(void **state)
{
	struct http_answer a = ask(GET("/"));

	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "<h1>Ringlet</h1>"));
	assert_int_equal(ask(GET("/index.html")).status, 200);
	assert_int_equal(ask(GET("/other")).status, 404);
}

/* --- Methods and bodies -------------------------------------------------- */

static void other_methods_are_told_what_is_allowed(void **state)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE",
		"OPTIONS", "BREW", "get" };
	struct http_answer a;
	char request[128];
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		snprintf(request, sizeof(request),
		    "%s / HTTP/1.1\r\n" H "Connection: close\r\n\r\n",
		    methods[i]);
		a = ask(request);
		assert_int_equal(a.status, 405);
		assert_string_equal(
		    http_client_field(&a, "Allow"), "GET, HEAD");
	}
}

static void a_body_is_thrown_away_not_taken_for_a_request(void **state)
{
	open_client();
	say("POST / HTTP/1.1\r\n" H "Content-Length: 20\r\n\r\n"
	    "GET /none HTTP/");
	posix_test_sleep_ms(100);
	say("1.1\r\nGET / HTTP/1.1\r\n" H "\r\n");
	assert_int_equal(take().status, 405);
	assert_int_equal(take().status, 200);
	http_client_close(&client);
}

static void a_body_too_long_is_refused(void **state)
{
	assert_int_equal(
	    ask("POST / HTTP/1.1\r\n" H "Content-Length: 65537\r\n\r\n").status,
	    413);
}

static void who_expects_a_continue_gets_the_answer_and_the_end(void **state)
{
	struct http_answer a =
	    ask("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n"
	        "Expect: 100-continue\r\n\r\n");

	assert_int_equal(a.status, 405);
	assert_string_equal(http_client_field(&a, "Connection"), "close");
}

static void codings_are_refused(void **state)
{
	assert_int_equal(ask("POST / HTTP/1.1\r\n" H
	                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	                     .status,
	    501);
}

/* --- Connections --------------------------------------------------------- */

static void a_connection_is_kept_for_more(void **state)
{
	struct http_answer a;
	int i;

	open_client();
	for (i = 0; i < 5; i++) {
		say("GET /noext HTTP/1.1\r\n" H "\r\n");
		a = take();
		assert_int_equal(a.status, 200);
		assert_string_equal(http_client_field(&a, "Connection"), "");
	}
	http_client_close(&client);
}

/* A client that writes each request in two pieces, with Nagle's rule, waits for
 * our ACK of the first: not 40 ms. */
static void kept_connections_have_no_step_of_40_ms(void **state)
{
	uint64_t start_ns;

	open_client();
	for (int i = 0; i < 40; i++) {
		start_ns = arch_clock_ns();
		if (i % 2 == 0) {
			say("GET / HTTP/1.1\r\n");
			say("Host: a\r\n\r\n");
		} else {
			say("GET /big.js HTTP/1.1\r\nHost: a\r\n\r\n");
		}
		assert_int_equal(take().status, 200);
		assert_true(arch_clock_ns() - start_ns < 10 * NS_PER_MS);
	}
	http_client_close(&client);
}

static void http_1_0_closes_unless_asked(void **state)
{
	struct http_answer a = ask("GET / HTTP/1.0\r\n\r\n");

	assert_int_equal(a.status, 200);
	assert_string_equal(http_client_field(&a, "Connection"), "close");
	open_client();
	say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	a = take();
	assert_string_equal(http_client_field(&a, "Connection"), "keep-alive");
	say("GET / HTTP/1.0\r\n\r\n");
	assert_int_equal(take().status, 200);
	assert_int_equal(http_client_end(&client), 0);
	http_client_close(&client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	static const char *const paths[] = { "/", "/none", "/big.js", "/docs/",
		"/big.js" };
	char request[128];
	int i;

	open_client();
	for (i = 0; i < 40; i++) {
		snprintf(request, sizeof(request),
		    "GET %s HTTP/1.1\r\n" H "\r\n", paths[i % 5]);
		say(request);
	}
	for (i = 0; i < 40; i++) {
		struct http_answer a = take();

		assert_int_equal(a.status, i % 5 == 1 ? 404 : 200);
		if (i % 5 == 2)
			assert_memory_equal(a.body, big, BIG);
	}
	http_client_close(&client);
}

static void pipelined_requests_may_be_cut_anywhere(void **state)
{
	static const char both[] =
	    "GET /noext HTTP/1.1\r\n" H "\r\nGET /docs/ HTTP/1.1\r\n" H "\r\n";
	char part[sizeof(both)];
	size_t cut;

	for (cut = 1; cut < sizeof(both) - 1; cut++) {
		open_client();
		memcpy(part, both, cut);
		part[cut] = '\0';
		say(part);
		posix_test_sleep_ms(500);
		say(both + cut);
		assert_string_equal(take().body, "x");
		assert_string_equal(take().body, "<p>docs");
		http_client_close(&client);
	}
}

static void a_half_closed_client_gets_its_answer(void **state)
{
	open_client();
	say("GET /big.js HTTP/1.1\r\n" H "\r\n");
	shutdown(client.fd, SHUT_WR);
	assert_int_equal(take().body_len, BIG);
	assert_int_equal(http_client_end(&client), 0);
	http_client_close(&client);
}

static void what_follows_the_last_request_is_ignored(void **state)
{
	open_client();
	say(GET("/noext") "GET / HTTP/1.1\r\n" H "\r\n");
	assert_string_equal(take().body, "x");
	assert_int_equal(http_client_end(&client), 0);
	http_client_close(&client);
}

static void a_client_that_leaves_in_the_middle_costs_nothing(void **state)
{
	struct linger hard = { 1, 0 };
	int i;

	for (i = 0; i < 20; i++) {
		open_client();
		say("GET /big.js HTTP/1.1\r\n" H "\r\nGET / HT");
		assert_true(read(client.fd, client.buf, 100) > 0);
		if (i % 2)
			setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &hard,
			    sizeof(hard));
		http_client_close(&client);
	}
	assert_int_equal(ask(GET("/")).status, 200);
}

/* --- Bad requests -------------------------------------------------------- */

static void refused_requests_are_answered_and_closed(void **state)
{
	struct http_answer a;
	static const struct {
		int status;
		const char *text;
	} bad[] = {
		{ 400, "GET / HTTP/1.1\r\n\r\n" },
		{ 400, "hello\r\n\r\n" },
		{ 400, "\x16\x03\x01" },
		{ 505, "GET / HTTP/3.0\r\n" H "\r\n" },
		{ 400, "GET / HTTP/1.1\r\n" H "\r\nnonsense\r\n\r\n" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* Nothing of another's request may show in the refusal. */
		ask("HEAD / HTTP/1.0\r\n\r\n");
		open_client();
		say(bad[i].text);
		if (i == 4)
			assert_int_equal(take().status, 200);
		a = take();
		assert_int_equal(a.status, bad[i].status);
		assert_int_equal(atoi(a.body), bad[i].status);
		assert_int_equal(http_client_end(&client), 0);
		http_client_close(&client);
	}
}

static void send_many(const char *first, const char *piece, int times)
{
	open_client();
	say(first);
	while (times-- > 0)
		say(piece);
}

static void heads_too_large_are_refused(void **state)
{
	send_many("GET /", "pppppppppppppppp", 300);
	assert_int_equal(take().status, 414);
	http_client_end(&client);
	http_client_close(&client);
	send_many(
	    "GET / HTTP/1.1\r\n", "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 300);
	assert_int_equal(take().status, 431);
	http_client_end(&client);
	http_client_close(&client);
}

/* --- Time ---------------------------------------------------------------- */

static uint64_t since(uint64_t start_ns)
{
	return (arch_clock_ns() - start_ns) / NS_PER_MS;
}

static void an_idle_connection_is_closed(void **state)
{
	uint64_t start_ns = arch_clock_ns();

	open_client();
	assert_int_equal(http_client_end(&client), 0);
	assert_in_range(since(start_ns), 30000, 30100);
	http_client_close(&client);
	open_client();
	say("GET /noext HTTP/1.1\r\n" H "\r\n");
	take();
	start_ns = arch_clock_ns();
	assert_int_equal(http_client_end(&client), 0);
	assert_in_range(since(start_ns), 30000, 30100);
	http_client_close(&client);
}

static void a_trickled_head_is_given_up_with_408(void **state)
{
	uint64_t start_ns = arch_clock_ns();
	int i;

	open_client();
	say("GET / HTTP/1.1\r\n");
	for (i = 0; i < 9; i++) {
		posix_test_sleep_ms(1000);
		say("X: y\r\n");
	}
	assert_int_equal(take().status, 408);
	assert_in_range(since(start_ns), 10000, 10200);
	assert_int_equal(http_client_end(&client), 0);
	http_client_close(&client);
}

static void a_body_that_does_not_come_is_given_up(void **state)
{
	uint64_t start_ns = arch_clock_ns();

	open_client();
	say("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nab");
	assert_int_equal(take().status, 405);
	assert_int_equal(http_client_end(&client), 0);
	assert_in_range(since(start_ns), 10000, 10200);
	http_client_close(&client);
}

static void a_reader_that_stands_still_is_given_up(void **state)
{
	open_client();
	say("GET /big.js HTTP/1.1\r\n" H "\r\n");
	posix_test_sleep_ms(40000);
	assert_int_equal(posix_test_value("pool.posix.watches.in_use"), 1);
	http_client_close(&client);
}

static void a_slow_reader_gets_everything(void **state)
{
	size_t n = 0;
	ssize_t rc;

	open_client();
	say(GET("/big.js"));
	while ((rc = read(client.fd, client.buf + n, 5000)) > 0) {
		n += (size_t)rc;
		posix_test_sleep_ms(2000);
	}
	assert_int_equal(rc, 0);
	assert_true(n > BIG);
	assert_memory_equal(client.buf + n - BIG, big, BIG);
	http_client_close(&client);
}

static void nobody_spins_while_clients_are_slow(void **state)
{
	struct http_client *idle = &client;
	struct sched_stats after;

	open_client();
	http_client_send(idle, "GET /big.js HTTP/1.1\r\n" H "\r\nGET /");
	posix_test_sleep_ms(1000);
	sched_get_stats(&before);
	posix_test_sleep_ms(20000);
	sched_get_stats(&after);
	assert_true(after.switches - before.switches < 100);
	http_client_close(idle);
}

/* --- Many ---------------------------------------------------------------- */

struct worker {
	struct http_client client;
	int good;
};

#define WORKERS 20

static struct worker workers[WORKERS];

/* Counts whole answers; cmocka may not be asked here. */
static void work(void *arg)
{
	static const char request[] = "GET /noext HTTP/1.1\r\n" H "\r\n";
	struct worker *w = arg;
	int i, fd = posix_test_connect(80);
	ssize_t n;

	for (i = 0; i < 10; i++) {
		write(fd, request, sizeof(request) - 1);
		n = read(fd, w->client.buf, 1000);
		w->good += n > 3 && w->client.buf[n - 1] == 'x';
		posix_test_sleep_ms(7);
	}
	close(fd);
}

static void many_clients_are_served_at_once(void **state)
{
	int i;

	open_client();
	say("GET /big.js HTTP/1.1\r\n" H "\r\n"); /* and one is slow */
	for (i = 0; i < WORKERS; i++) {
		workers[i].good = 0;
		thread_create("worker", work, &workers[i]);
	}
	posix_test_sleep_ms(5000);
	for (i = 0; i < WORKERS; i++)
		assert_int_equal(workers[i].good, 10);
	assert_int_equal(take().body_len, BIG);
	http_client_close(&client);
}

static void a_full_table_makes_room_by_closing_idle_connections(void **state)
{
	int fds[POSIX_TEST_FDS], n = 0;
	uint64_t start_ns;

	/* Descriptors run out before the server's own limit does. */
	for (; n < 50; n++)
		fds[n] = posix_test_connect(80);
	posix_test_sleep_ms(10);
	while ((fds[n] = open("/www/noext", O_RDONLY)) >= 0)
		n++;
	close(fds[--n]);
	start_ns = arch_clock_ns();
	open_client();
	say(GET("/none"));
	assert_int_equal(take().status, 404);
	assert_in_range(since(start_ns), 0, 100);
	http_client_close(&client);
	while (n > 0)
		close(fds[--n]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_page_is_served),
		T(each_path_has_its_answer),
		T(a_folder_without_slash_is_redirected),
		T(a_big_file_arrives_whole),
		T(no_length_of_a_file_is_special),
		T(head_is_the_answer_without_its_body),
		T(a_known_copy_is_not_sent_again),
		T(a_date_is_told_only_when_it_is_known),
		cmocka_unit_test_setup_teardown(
		    without_a_site_there_is_a_page_of_our_own, start_bare,
		    stop),
		T(other_methods_are_told_what_is_allowed),
		T(a_body_is_thrown_away_not_taken_for_a_request),
		T(a_body_too_long_is_refused),
		T(who_expects_a_continue_gets_the_answer_and_the_end),
		T(codings_are_refused),
		T(a_connection_is_kept_for_more),
		T(kept_connections_have_no_step_of_40_ms),
		T(http_1_0_closes_unless_asked),
		T(pipelined_requests_are_answered_in_order),
		T(pipelined_requests_may_be_cut_anywhere),
		T(a_half_closed_client_gets_its_answer),
		T(what_follows_the_last_request_is_ignored),
		T(a_client_that_leaves_in_the_middle_costs_nothing),
		T(refused_requests_are_answered_and_closed),
		T(heads_too_large_are_refused),
		T(an_idle_connection_is_closed),
		T(a_trickled_head_is_given_up_with_408),
		T(a_body_that_does_not_come_is_given_up),
		T(a_reader_that_stands_still_is_given_up),
		T(a_slow_reader_gets_everything),
		T(nobody_spins_while_clients_are_slow),
		T(many_clients_are_served_at_once),
		T(a_full_table_makes_room_by_closing_idle_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The last frames, as a crash capsule tells them. */
#include "tests/support/net_fixture.h"

#include <stdio.h>

#include "lib/fmt.h"
#include "net/eth.h"
#include "net/history.h"

static char text[16384];

/* What the fixture needed to come up is not looked at. */
static int start(void **state)
{
	int rc = fx_setup(state);

	memset(&fx.st.history, 0, sizeof(fx.st.history));
	return rc;
}

static const char *print(void)
{
	struct text t = { text, sizeof(text), 0, false };

	history_print(&fx.st.history, &t);
	assert_false(t.truncated);
	text[t.len] = '\0';
	return text;
}

static unsigned lines(void)
{
	unsigned n = 0;

	for (const char *p = print(); *p; p++)
		n += *p == '\n';
	return n;
}

static void nothing_is_printed_of_nothing(void **state)
{
	assert_string_equal(print(), "");
}

/* A frame of which each byte is known; nobody wants its type. */
static void inject_type(uint16_t type, size_t len)
{
	uint8_t frame[100] = { 0 };

	memcpy(frame, fx_mac, 6);
	memcpy(frame + 6, fx_peer_mac, 6);
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	frame[53] = 0xaa;
	fx_inject(frame, len);
}

static void a_received_frame_is_noted_with_its_headers(void **state)
{
	inject_type(0x86dd, 100);
	assert_int_equal(lines(), 1);
	assert_non_null(strstr(text, " received, 100 bytes: "));
	assert_non_null(strstr(text, "86dd0000"));
	assert_non_null(strstr(text, "00aa\n"));
}

static void a_short_frame_is_noted_as_it_is(void **state)
{
	inject_type(0x86dd, 14);
	assert_non_null(strstr(print(), " 14 bytes: "));
	assert_non_null(strstr(text, "86dd\n"));
	inject_type(0x86dd, 0);
	assert_non_null(strstr(print(), " 0 bytes: \n"));
}

/* A ping and its answer. */
static void a_sent_frame_is_noted_too(void **state)
{
	static const uint8_t echo[8] = { 8, 0, 0xf7, 0xff };

	inject_ip(
	    (struct fx_ip){ .proto = 1, .payload = echo, .len = sizeof(echo) });
	expect_ip(1, 0);
	assert_int_equal(lines(), 2);
	assert_non_null(strstr(text, " received, 42 bytes: "));
	assert_non_null(strstr(text, " sent, 42 bytes: "));
	assert_true(strstr(text, "received") < strstr(text, "sent"));
}

static void the_oldest_give_way(void **state)
{
	for (unsigned i = 0; i < HISTORY_FRAMES + 3; i++)
		inject_type((uint16_t)(0x8600 + i), 60);
	assert_int_equal(lines(), HISTORY_FRAMES);
	assert_null(strstr(text, "860200"));
	assert_non_null(strstr(text, "860300"));
	assert_non_null(strstr(text, "862200"));
}

#define a_test(f) cmocka_unit_test_setup_teardown(f, start, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		a_test(nothing_is_printed_of_nothing),
		a_test(a_received_frame_is_noted_with_its_headers),
		a_test(a_short_frame_is_noted_as_it_is),
		a_test(a_sent_frame_is_noted_too),
		a_test(the_oldest_give_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

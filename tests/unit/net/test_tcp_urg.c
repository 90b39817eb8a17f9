/* SPDX-License-Identifier: MIT */
/* Urgent data: RFC 9293 section 3.8.5, RFC 6093. */
#include "tests/support/net_fixture.h"

#include "net/sock_internal.h"
#include "net/tcp_internal.h"
#include "sched/wait.h"

#define WIDE 65535

enum { UA = U | A, UPA = U | P | A };

static bool urgent(struct sock *s)
{
	return sock_events(s) & SOCK_URGENT;
}

static bool at_mark(struct sock *s)
{
	int v;

	assert_int_equal(sock_get_opt(s, SOCK_OPT_ATMARK, &v), 0);
	return v;
}

/* Counts how often a socket's waiters were told of urgent data. */
struct told {
	struct wait_entry entry;
	unsigned times;
};

static bool note(struct wait_entry *e, uint32_t events)
{
	struct told *t = container_of(e, struct told, entry);

	t->times += (events & SOCK_URGENT) != 0;
	return true;
}

static void watch(struct sock *s, struct told *t)
{
	memset(t, 0, sizeof(*t));
	t->entry.wake = note;
	list_init(&t->entry.node);
	waitq_add(sock_waitq(s), &t->entry);
}

/* --- Receiving ----------------------------------------------------------- */

/* MUST-33 */
static void urgent_data_is_read_in_line_up_to_the_mark(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);

	in(.flags = PA, .seq = 1, .ack = 1, .len = 10);
	assert_false(urgent(s));
	in(.flags = UPA, .seq = 11, .ack = 1, .len = 10, .urgent = 5);
	assert_true(urgent(s));
	assert_false(at_mark(s));
	assert_int_equal(fx_read(s, 14), 14); /* never beyond the mark */
	assert_true(urgent(s));
	assert_true(at_mark(s));
	assert_int_equal(fx_read(s, 1), 1);
	assert_false(urgent(s));
	assert_false(at_mark(s));
	assert_int_equal(fx_read(s, 100), 5);
	fx_abort(s);
}

static void one_read_stops_before_the_mark(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);
	char buf[100];

	in(.flags = UPA, .seq = 1, .ack = 1, .len = 50, .urgent = 20);
	assert_int_equal(sock_recv(s, buf, 100, SOCK_PEEK, NULL), 19);
	assert_int_equal(sock_recv(s, buf, 100, 0, NULL), 19);
	assert_true(at_mark(s));
	assert_int_equal(sock_recv(s, buf, 100, 0, NULL), 31);
	assert_false(urgent(s));
	fx_abort(s);
}

/* MUST-32: told at the first pointer and when it advances, and only then. */
static void each_advance_of_the_pointer_is_told_once(void **state)
{
	struct sock *s = fx_accepted(1460, WIDE);
	struct told t;

	watch(s, &t);
	in(.flags = UA, .seq = 1, .ack = 1,
	    .urgent = 100); /* before the text */
	assert_int_equal(t.times, 1);
	assert_true(urgent(s));
	in(.flags = UPA, .seq = 1, .ack = 1, .len = 10, .urgent = 100);
	in(.flags = UPA, .seq = 11, .ack = 1, .len = 10, .urgent = 40);
	assert_int_equal(t.times, 1);
	in(.flags = UPA, .seq = 21, .ack = 1, .len = 10, .urgent = 81);
	assert_int_equal(t.times, 2);
	waitq_remove(&t.entry);
	fx_forget_frames();
	fx_abort(s);
}

/* MUST-31 */
static void a_sequence_of_urgent_data_may_be_long(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	for (uint32_t i = 0; i < 200; i++) {
		in(.flags = UPA, .seq = 1 + i * 1000, .ack = 1, .len = 1000,
		    .urgent = 65535);
		assert_int_equal(fx_read(s, 1000), 1000);
		assert_true(urgent(s));
		fx_forget_frames();
	}
	for (uint32_t i = 200; urgent(s); i++) {
		assert_true(i < 300);
		in(.flags = PA, .seq = 1 + i * 1000, .ack = 1, .len = 1000);
		while (fx_read(s, 1000))
			;
		fx_forget_frames();
	}
	assert_int_equal(fx.c.received, 265000);
	fx_abort(s);
}

/* MUST-66 */
static void closed_window_takes_the_pointer(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	sock_set_opt(s, SOCK_OPT_RCVBUF, 2048);
	for (uint32_t i = 0; i < 66; i++)
		in(.flags = A, .seq = 1 + i * 1000, .ack = 1, .len = 1000);
	fx_forget_frames();
	assert_int_equal(fx_tcp()->rcv_adv, fx_tcp()->rcv_nxt);
	assert_false(urgent(s));
	in(.flags = UA, .seq = 65536, .ack = 1, .len = 1, .urgent = 1);
	assert_true(urgent(s));
	fx_forget_frames();
	fx_abort(s);
}

static void pointers_that_lie_do_no_harm(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	/* Nothing, and what was read already */
	in(.flags = UPA, .seq = 1, .ack = 1, .len = 10, .urgent = 0);
	assert_false(urgent(s));
	assert_int_equal(fx_read(s, 10), 10);
	in(.flags = UPA, .seq = 1, .ack = 1, .len = 10, .urgent = 10);
	assert_false(urgent(s));
	/* Outside the window: not looked at */
	in(.flags = UA, .seq = 200000, .ack = 1, .urgent = 10);
	assert_false(urgent(s));
	/* As far as it can say; the end of the stream bounds it. */
	in(.flags = UPA, .seq = 11, .ack = 1, .len = 10, .urgent = 65535);
	assert_true(urgent(s));
	in(.flags = FA, .seq = 21, .ack = 1);
	assert_true(urgent(s));
	assert_int_equal(fx_read(s, 9), 9);
	assert_true(at_mark(s));
	assert_int_equal(fx_read(s, 10), 1);
	assert_false(urgent(s));
	/* Behind the end */
	in(.flags = UA, .seq = 22, .ack = 1, .urgent = 100);
	assert_false(urgent(s));
	fx_forget_frames();
	fx_abort(s);
}

static void who_reads_no_more_is_not_told(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	in(.flags = UPA, .seq = 1, .ack = 1, .len = 10, .urgent = 10);
	assert_true(urgent(s));
	sock_shutdown(s, SOCK_SHUT_RD);
	assert_false(urgent(s));
	in(.flags = UPA, .seq = 11, .ack = 1, .len = 10, .urgent = 10);
	assert_false(urgent(s));
	fx_forget_frames();
	fx_abort(s);
}

/* --- Sending ------------------------------------------------------------- */

/* MUST-62: behind the last urgent byte. */
static void pointer_stands_behind_the_last_byte(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	fx_send_flags(s, 10, SOCK_OOB);
	out(.flags = UPA, .seq = 1, .ack = 1, .len = 10, .urgent = 10);
	fx_send(s, 5); /* Nagle waits for what is out */
	expect_nothing(0);
	/* Urgent data does not. */
	fx_send_flags(s, 1, SOCK_OOB);
	out(.flags = UPA, .seq = 11, .ack = 1, .len = 6, .urgent = 6);
	in(.flags = A, .seq = 1, .ack = 17);
	fx_send(s, 5);
	out(.flags = PA, .seq = 17, .ack = 1, .len = 5);
	fx_abort(s);
}

static void every_segment_before_the_pointer_has_it(void **state)
{
	struct sock *s = fx_accepted(1000, 2500);

	fx_send_flags(s, 3000, SOCK_OOB);
	out(.flags = UA, .seq = 1, .ack = 1, .len = 1000, .urgent = 3000);
	out(.flags = UA, .seq = 1001, .ack = 1, .len = 1000, .urgent = 2000);
	in(.flags = A, .seq = 1, .ack = 2001, .wnd = 2500);
	out(.flags = UPA, .seq = 2001, .ack = 1, .len = 1000, .urgent = 1000);
	/* Again, too */
	out_within(3000, .flags = UPA, .seq = 2001, .ack = 1, .len = 1000,
	    .urgent = 1000);
	/* An ACK behind it has none. */
	in(.flags = PA, .seq = 1, .ack = 2001, .len = 1000);
	in(.flags = PA, .seq = 1001, .ack = 2001, .len = 1000);
	out(.flags = A, .seq = 3001, .ack = 2001);
	fx_abort(s);
}

static void far_pointer_says_as_much_as_fits(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	sock_set_opt(s, SOCK_OPT_SNDBUF, 100000);
	assert_int_equal(fx_send_flags(s, 70000, SOCK_OOB), 70000);
	for (uint32_t i = 0; i < 10; i++)
		out(.flags = UA, .seq = 1 + i * 1000, .ack = 1, .len = 1000,
		    .urgent = i < 5 ? 65535 : (uint16_t)(70000 - i * 1000));
	fx_abort(s);
}

static void pointer_passes_a_closed_window(void **state)
{
	struct sock *s = fx_accepted(1000, WIDE);

	in(.flags = A, .seq = 1, .ack = 1, .wnd = ZERO_WND);
	fx_send_flags(s, 10, SOCK_OOB);
	out(.flags = UA, .seq = 1, .ack = 1, .urgent = 10);
	/* The probe has it as well. */
	out_within(
	    2000, .flags = UA, .seq = 1, .ack = 1, .len = 1, .urgent = 10);
	fx_abort(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(urgent_data_is_read_in_line_up_to_the_mark),
		fx_test(one_read_stops_before_the_mark),
		fx_test(each_advance_of_the_pointer_is_told_once),
		fx_test(a_sequence_of_urgent_data_may_be_long),
		fx_test(closed_window_takes_the_pointer),
		fx_test(pointers_that_lie_do_no_harm),
		fx_test(who_reads_no_more_is_not_told),
		fx_test(pointer_stands_behind_the_last_byte),
		fx_test(every_segment_before_the_pointer_has_it),
		fx_test(far_pointer_says_as_much_as_fits),
		fx_test(pointer_passes_a_closed_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Flow control: closed windows and their probes (RFC 9293 3.8.6.1), silly
 * windows (3.8.6.2), Nagle (3.7.4), delayed acknowledgments (3.8.6.3).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/host/arch_host.h"
#include "lib/errno.h"
#include "sched/timer.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"
#include "tests/sim/sim.h"

#define MS NS_PER_MS
#define KB 1024ull

#define MSS 1448u /* 12 bytes of timestamps */

static struct sim sim;
static struct sock *pair[2];

static const struct wire_params lan = { .delay_ns = MS };

/* What the wire saw of one direction. */
static struct watch {
	uint64_t segments, data_segments, pure_acks, largest;
	uint64_t beyond;      /* bytes right of the edge that was told */
	uint64_t small_moves; /* of the right edge, by less than MSS and half */
	uint64_t over_acks;   /* ACKs of more than was ever offered */
	uint32_t edge;        /* ack + window, as this side told it last */
	bool edge_known;
	uint32_t smallest_move; /* allowed */
	uint8_t shift;          /* of windows that this side tells */
} watch[2];

static void watch_edge(struct watch *w, const struct wire_segment *s)
{
	uint32_t unit = 1u << w->shift;
	uint32_t edge = s->ack + s->window * unit;
	uint32_t move = edge - w->edge;

	if (w->edge_known && (int32_t)(s->ack - w->edge) > 1)
		w->over_acks++; /* 1: a FIN needs no room */
	if (w->edge_known && move > unit && move < w->smallest_move)
		w->small_moves++;
	if (!w->edge_known || (int32_t)move > 0)
		w->edge = edge;
	w->edge_known = true;
}

static bool watch_frame(
    void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	struct watch *w = &watch[from];
	struct wire_segment s;

	if (!wire_parse(frame, len, &s) || (s.flags & TCP_SYN))
		return false;
	w->segments++;
	w->data_segments += s.len > 0;
	w->pure_acks += s.len == 0 && !(s.flags & TCP_FIN);
	if (s.len > w->largest)
		w->largest = s.len;
	watch_edge(w, &s);
	if (watch[!from].edge_known &&
	    (int32_t)(s.seq + (uint32_t)s.len - watch[!from].edge) > 0)
		w->beyond += s.seq + (uint32_t)s.len - watch[!from].edge;
	return false;
}

static void start_watch(void)
{
	memset(watch, 0, sizeof(watch));
	for (unsigned i = 0; i < 2; i++)
		watch[i].shift = pair[i]->conn->rcv_wscale;
}

static int start(void **state)
{
	sim_start(&sim, *state, 1, &lan, NULL);
	sim_pair(&sim, pair);
	sim_sleep(50 * MS);
	start_watch();
	watch[0].smallest_move = watch[1].smallest_move =
	    MSS - 16; /* the unit */
	sim.wire.filter = watch_frame;
	return 0;
}

static void finish(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (pair[i] != NULL)
			sock_close(pair[i]);
	sim_stop(&sim);
}

/* --- A writer and a reader that takes its time
 * ------------------------------------- */

#define STREAM 42

static uint64_t stream_bytes;

static void write_stream(void *arg)
{
	sim_check_equal(
	    &sim, sim_send_stream(pair[0], STREAM, stream_bytes), 0);
	sim_check_equal(&sim, sock_shutdown(pair[0], SOCK_SHUT_WR), 0);
}

static struct {
	uint64_t first_ns, pause_ns;
	size_t piece;
} slow;

static void read_slowly(void *arg)
{
	uint8_t buf[4096], expected[4096];
	uint64_t got = 0;
	ptrdiff_t n;

	sim_sleep(slow.first_ns);
	while ((n = sim_recv(pair[1], buf, slow.piece)) > 0) {
		sim_stream(expected, STREAM, got, (size_t)n);
		sim_check(&sim, memcmp(buf, expected, (size_t)n) == 0);
		got += (uint64_t)n;
		if (slow.pause_ns != 0)
			sim_sleep(slow.pause_ns);
	}
	sim_check_equal(&sim, n, 0);
	sim_check_equal(&sim, got, stream_bytes);
}

static void run_slow(
    uint64_t bytes, uint64_t first_ns, uint64_t pause_ns, size_t piece)
{
	stream_bytes = bytes;
	slow.first_ns = first_ns;
	slow.pause_ns = pause_ns;
	slow.piece = piece;
	sim_spawn(&sim, "writer", write_stream, NULL);
	sim_spawn(&sim, "reader", read_slowly, NULL);
	sim_run(&sim, 3600 * NS_PER_S);
}

static void slow_reader_gets_every_byte(void **state)
{
	run_slow(300 * KB, 0, 20 * MS, 1000);
	assert_int_equal(watch[0].beyond, 0);
	finish();
}

static void one_byte_reader_gets_every_byte(void **state)
{
	run_slow(100 * KB, 0, 0, 1);
	finish();
}

/* The window stays closed for longer than R2: the peer answers, so the
 * connection lives (RFC 9293 3.8.6.1, MUST-37). */
static void closed_window_may_outlast_every_timeout(void **state)
{
	uint64_t probes;

	run_slow(200 * KB, 2400 * NS_PER_S, 0, 4096);
	probes = sim_count(&sim, 0, COUNT_TCP_PROBES);
	/* Exponential up to a minute, not one each RTO. */
	assert_in_range(probes, 10, 80);
	finish();
}

static void probes_back_off_to_a_minute(void **state)
{
	run_slow(200 * KB, 600 * NS_PER_S, 0, 4096);
	assert_in_range(sim_count(&sim, 0, COUNT_TCP_PROBES), 8, 30);
	finish();
}

/* Probes and their answers get lost; the opening is noticed all the same. */
static void lost_probes_are_sent_again(void **state)
{
	wire_lose(&sim.wire,
	    (struct wire_rule){ .from = 1, .data = 0, .skip = 60, .lose = 8 });
	run_slow(200 * KB, 30 * NS_PER_S, 0, 4096);
	finish();
}

static bool lose_openings(
    void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	unsigned *left = ctx;
	struct wire_segment s;

	watch_frame(NULL, from, frame, len);
	if (from != 1 || *left == 0 || arch_clock_ns() < 30 * NS_PER_S ||
	    !wire_parse(frame, len, &s) || s.window == 0)
		return false;
	(*left)--;
	return true;
}

/* The update that opens the window is a pure ACK: nobody repeats it, but the
 * next probe asks. */
static void lost_window_update_is_asked_for(void **state)
{
	unsigned left = 3;

	sim.wire.filter = lose_openings;
	sim.wire.filter_ctx = &left;
	run_slow(100 * KB, 30 * NS_PER_S, 0, 4096);
	assert_int_equal(left, 0);
	finish();
}

/* Both windows closed, both sides probing, on a bad wire; not one so bad that
 * somebody loses eight tries in a row, and rightly gives up. */
static void fill(void *arg)
{
	static const uint8_t zeros[100000];

	sim_check_equal(&sim, sim_send(arg, zeros, sizeof(zeros)), 0);
}

static void drain(void *arg)
{
	uint8_t buf[4096];
	size_t got = 0;

	sim_sleep(120 * NS_PER_S);
	while (got < 100000) {
		ptrdiff_t n = sim_recv(arg, buf, sizeof(buf));

		sim_check(&sim, n > 0);
		got += (size_t)n;
	}
}

static void both_windows_may_be_closed_at_once(void **state)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		const struct wire_params p = { .delay_ns = 5 * MS,
			.loss_ppm = 100000,
			.duplicate_ppm = 50000,
			.reorder_ppm = 50000,
			.reorder_ns = 100 * MS };

		sim_start(&sim, *state, seed, &p, NULL);
		sim_pair(&sim, pair);
		for (unsigned i = 0; i < 2; i++) {
			sim_spawn(&sim, "fill", fill, pair[i]);
			sim_spawn(&sim, "drain", drain, pair[i]);
		}
		sim_run(&sim, 3600 * NS_PER_S);
		finish();
	}
}

/* --- Forged segments ----------------------------------------------------- */

/* What side 0 would send next; last[] comes from the wire. */
static struct wire_segment last[2];

static bool note_last(
    void *ctx, unsigned from, const uint8_t *frame, size_t len)
{
	wire_parse(frame, len, &last[from]);
	return watch_frame(NULL, from, frame, len);
}

static struct wire_segment forge(uint32_t offset, size_t len)
{
	static const uint8_t junk[MSS];
	struct wire_segment s = last[0];

	s.seq += (uint32_t)s.len + offset;
	s.ack = last[1].seq + (uint32_t)last[1].len;
	s.flags = TCP_ACK;
	s.data = junk;
	s.len = len;
	return s;
}

static void inject(struct wire_segment s)
{
	wire_inject_segment(&sim.wire, 1, &s);
	sim_sleep(5 * MS);
}

/* One byte each way, so that last[] is known. */
static void warm_up(void)
{
	char c;

	sim.wire.filter = note_last;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sim_send(pair[i], "x", 1), 0);
		assert_int_equal(sim_recv(pair[!i], &c, 1), 1);
		sim_sleep(100 * MS);
	}
}

static void abort_both(void)
{
	for (unsigned i = 0; i < 2; i++)
		sock_set_opt(pair[i], SOCK_OPT_LINGER, 0);
	finish();
}

/* RFC 9293 3.10.7.4, fifth: SND.WL1 keeps an older segment, which came later,
 * from turning the window back. */
static void older_segment_does_not_change_the_window(void **state)
{
	static const uint8_t data[8000];
	struct wire_segment s;

	warm_up();
	s = forge(100, 10);
	s.window = (uint16_t)(704 >> watch[0].shift);
	inject(s);
	s = forge(0, 10);
	s.window = (uint16_t)(60000 >> watch[0].shift);
	inject(s);
	assert_int_equal(sim_send(pair[1], data, sizeof(data)), 0);
	/* So little goes only when the timer overrides SWS avoidance. */
	sim_sleep(NS_PER_S);
	assert_int_equal(watch[1].largest, 704);
	abort_both();
}

/* What lies right of the window is cut off, also when it waits for a gap. */
static void data_beyond_the_window_is_cut_off(void **state)
{
	static const uint8_t data[65535];
	uint32_t window;

	warm_up();
	window = last[1].window;
	inject(forge(window - 10, 1000));
	assert_int_equal(sim_send(pair[0], data, window - 10), 0);
	sim_sleep(NS_PER_S);
	assert_int_equal(watch[1].over_acks, 0);
	abort_both();
}

/* --- The retransmission timer (RFC 6298)
 * -------------------------------------- */

static void lose_data(unsigned count)
{
	wire_lose(&sim.wire,
	    (struct wire_rule){ .from = 0, .data = 1, .lose = count });
}

static uint64_t time_to_send(void)
{
	uint64_t start_ns = arch_clock_ns();
	char c;

	assert_int_equal(sim_send(pair[0], "x", 1), 0);
	assert_int_equal(sim_recv(pair[1], &c, 1), 1);
	sim_sleep(200 * MS);
	return arch_clock_ns() - start_ns - 200 * MS;
}

static void timeout_follows_the_measured_round_trip(void **state)
{
	for (unsigned i = 0; i < 20; i++)
		time_to_send();
	lose_data(1);
	assert_in_range(time_to_send(), 200 * MS, 400 * MS);
	sim.wire.end[0].out.delay_ns = 400 * MS;
	sim.wire.end[1].out.delay_ns = 400 * MS;
	for (unsigned i = 0; i < 20; i++) {
		time_to_send();
		sim_sleep(2 * NS_PER_S);
	}
	lose_data(1);
	assert_in_range(time_to_send(), 1200 * MS, 2500 * MS);
	finish();
}

/* Karn's rule: what was sent twice is not timed. */
static void repeated_segment_is_not_timed(void **state)
{
	for (unsigned i = 0; i < 20; i++)
		time_to_send();
	lose_data(3); /* with the probe after it; then two timeouts */
	assert_in_range(time_to_send(), 800 * MS, 2 * NS_PER_S);
	/* The timeout stays backed off until a sample (RFC 6298 5). */
	time_to_send();
	lose_data(1);
	assert_in_range(time_to_send(), 200 * MS, 500 * MS);
	finish();
}

static void timeouts_double(void **state)
{
	for (unsigned i = 0; i < 20; i++)
		time_to_send();
	lose_data(6);
	/* 200 ms * (1 for the probe + 1 + 2 + 4 + 8 + 16). */
	assert_in_range(time_to_send(), 6400 * MS, 9 * NS_PER_S);
	finish();
}

/* Three duplicate acknowledgments do not wait for the timer (RFC 5681 3.2). */
static void lone_loss_in_a_stream_is_mended_at_once(void **state)
{
	wire_lose(&sim.wire,
	    (struct wire_rule){ .from = 0, .data = 1, .skip = 40, .lose = 1 });
	run_slow(300 * KB, 0, 0, 4096);
	assert_true(sim_count(&sim, 0, COUNT_TCP_FAST_RETRANSMITS) >= 1);
	assert_int_equal(sim_count(&sim, 0, COUNT_TCP_TIMEOUTS), 0);
	assert_in_range(sim_count(&sim, 0, COUNT_TCP_RETRANSMITS), 1, 3);
	finish();
}

/* --- Silly windows
 * ------------------------------------------------------------------ */

static void right_edge_moves_by_segments(void **state)
{
	run_slow(200 * KB, 0, MS, 100);
	assert_int_equal(watch[1].small_moves, 0);
	assert_int_equal(watch[0].beyond, 0);
	finish();
}

/* A buffer below two segments: half of it is the step then. */
static void small_buffer_works(void **state)
{
	struct sock *l = sim_socket(&sim, 1);

	sock_close(pair[0]);
	sock_close(pair[1]);
	assert_int_equal(sock_set_opt(l, SOCK_OPT_RCVBUF, 2048), 0);
	assert_int_equal(sock_bind(l, &(struct sock_addr){ .port = 99 }), 0);
	assert_int_equal(sock_listen(l, 1), 0);
	pair[0] = sim_open(&sim, 0, 99);
	pair[1] = sim_accept(&sim, l);
	sock_close(l);
	start_watch();
	run_slow(50 * KB, 0, 0, 500);
	/* Only probes go beyond. */
	assert_in_range(
	    watch[0].beyond, 0, sim_count(&sim, 0, COUNT_TCP_PROBES));
	assert_in_range(watch[0].largest, 1, 2048);
	finish();
}

/* The sender waits for a segment's worth even when the reader offers crumbs;
 * without it the stream would go in hundreds of crumbs. */
static void stream_goes_in_full_segments(void **state)
{
	run_slow(200 * KB, 0, 0, 4096);
	assert_int_equal(watch[0].largest, MSS);
	assert_in_range(
	    watch[0].data_segments, 200 * KB / MSS, 200 * KB / MSS + 20);
	finish();
}

/* --- Nagle
 * ---------------------------------------------------------------------------
 */

static void trickle(unsigned bytes, uint64_t gap_ns)
{
	for (unsigned i = 0; i < bytes; i++) {
		assert_int_equal(sim_send(pair[0], "x", 1), 0);
		sim_sleep(gap_ns);
	}
	sim_sleep(NS_PER_S);
}

static void take(size_t bytes)
{
	uint8_t buf[4096];

	while (bytes > 0) {
		ptrdiff_t n = sim_recv(pair[1], buf, sizeof(buf));

		assert_true(n > 0);
		bytes -= (size_t)n;
	}
}

static void nagle_gathers_small_writes(void **state)
{
	sim.wire.end[0].out.delay_ns = 50 * MS;
	sim.wire.end[1].out.delay_ns = 50 * MS;
	trickle(500, MS);
	assert_in_range(watch[0].data_segments, 2, 20);
	take(500);
	finish();
}

static void nodelay_sends_each_write_at_once(void **state)
{
	sim.wire.end[0].out.delay_ns = 50 * MS;
	sim.wire.end[1].out.delay_ns = 50 * MS;
	assert_int_equal(sock_set_opt(pair[0], SOCK_OPT_NODELAY, 1), 0);
	trickle(100, 2 * MS);
	assert_in_range(watch[0].data_segments, 95, 100);
	take(100);
	finish();
}

/* MSG_MORE holds a partial segment back, but not for ever. */
static void more_holds_back_a_while(void **state)
{
	assert_int_equal(sock_send(pair[0], "head", 4, SOCK_MORE, NULL), 4);
	sim_sleep(50 * MS);
	assert_int_equal(watch[0].data_segments, 0);
	assert_int_equal(sock_send(pair[0], "body", 4, 0, NULL), 4);
	sim_sleep(50 * MS);
	assert_int_equal(watch[0].data_segments, 1);
	assert_int_equal(watch[0].largest, 8);
	take(8);
	assert_int_equal(sock_send(pair[0], "head", 4, SOCK_MORE, NULL), 4);
	take(4);
	finish();
}

/* --- Acknowledgments
 * ------------------------------------------------------------------ */

static void lone_segment_is_acknowledged_late(void **state)
{
	uint64_t start_ns = arch_clock_ns();

	assert_int_equal(sim_send(pair[0], "x", 1), 0);
	while (watch[1].pure_acks == 0)
		sim_sleep(MS);
	/* RFC 9293 3.8.6.3: later than at once, within half a second. */
	assert_in_range(arch_clock_ns() - start_ns, 2 * MS, 500 * MS);
	take(1);
	finish();
}

/* --- Nagle's rule and delayed ACKs against each other --------------------- */

#define ROUNDS 50

/* Answers each request of two bytes with one. */
static void answer(void *arg)
{
	char c[2];

	for (unsigned i = 0; i < ROUNDS; i++) {
		ptrdiff_t n = 0;

		while (n < 2) {
			ptrdiff_t rc = sim_recv(pair[1], c, 2 - (size_t)n);

			sim_check(&sim, rc > 0);
			n += rc;
		}
		sim_check_equal(&sim, sim_send(pair[1], "!", 1), 0);
	}
}

/* Write, write, read: Nagle's rule holds the second write until the first is
 * acknowledged.  Returns the time of all rounds. */
static uint64_t write_write_read(void)
{
	uint64_t start_ns = arch_clock_ns();
	char c;

	sim_spawn(&sim, "answer", answer, NULL);
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(sim_send(pair[0], "a", 1), 0);
		assert_int_equal(sim_send(pair[0], "b", 1), 0);
		assert_int_equal(sim_recv(pair[0], &c, 1), 1);
	}
	sim_run(&sim, NS_PER_S);
	return arch_clock_ns() - start_ns;
}

static void nagle_against_late_acks_stalls(void **state)
{
	assert_int_equal(sock_set_opt(pair[1], SOCK_OPT_QUICKACK, 0), 0);
	assert_true(write_write_read() >= ROUNDS * 40 * MS);
	finish();
}

static void nagle_does_not_stall_by_default(void **state)
{
	/* Two round trips of 2 ms, 2 ms for the ACK, and once 40. */
	assert_true(write_write_read() < ROUNDS * 8 * MS + 40 * MS);
	finish();
}

static void nodelay_ends_the_stall_too(void **state)
{
	assert_int_equal(sock_set_opt(pair[1], SOCK_OPT_QUICKACK, 0), 0);
	assert_int_equal(sock_set_opt(pair[0], SOCK_OPT_NODELAY, 1), 0);
	assert_true(write_write_read() < ROUNDS * 4 * MS);
	finish();
}

/* Request and answer: the ACK rides on the answer. */
static void answer_carries_the_acknowledgment(void **state)
{
	char c;

	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(sim_send(pair[0], "?", 1), 0);
		assert_int_equal(sim_recv(pair[1], &c, 1), 1);
		assert_int_equal(sim_send(pair[1], "!", 1), 0);
		assert_int_equal(sim_recv(pair[0], &c, 1), 1);
	}
	assert_int_equal(watch[1].segments, 20);
	assert_int_equal(watch[0].segments, 20);
	finish();
}

static void every_second_segment_is_acknowledged(void **state)
{
	run_slow(300 * KB, 0, 0, 4096);
	assert_in_range(watch[1].pure_acks, 300 * KB / MSS / 3, 300 * KB / MSS);
	finish();
}

/* --- Running out
 * --------------------------------------------------------------------- */

/* More is promised than the pool has: everybody still gets through. */
#define GREEDY 12

static struct sock *greedy[2][GREEDY];

static void greedy_write(void *arg)
{
	unsigned i = *(unsigned *)arg;

	sim_check_equal(&sim, sim_send_stream(greedy[0][i], i, 150 * KB), 0);
	sock_close(greedy[0][i]);
}

static void greedy_read(void *arg)
{
	unsigned i = *(unsigned *)arg;

	sim_sleep(5 * NS_PER_S * (i % 3));
	sim_check_equal(&sim, sim_recv_stream(&sim, greedy[1][i], i), 150 * KB);
	sock_close(greedy[1][i]);
}

static void short_of_buffers_everybody_gets_through(void **state)
{
	static const struct stack_limits few = { .packets = 96,
		.chunks = 160,
		.conns = 32,
		.time_waits = 16,
		.socks = 32,
		.sent = 256,
		.neighbours = 4 };
	unsigned number[GREEDY];

	sim_start(&sim, *state, 1, &lan, &few);
	for (unsigned i = 0; i < GREEDY; i++) {
		number[i] = i;
		sim_pair(&sim, pair);
		greedy[0][i] = pair[0];
		greedy[1][i] = pair[1];
	}
	for (unsigned i = 0; i < GREEDY; i++) {
		sim_spawn(&sim, "write", greedy_write, &number[i]);
		sim_spawn(&sim, "read", greedy_read, &number[i]);
	}
	sim_run(&sim, 3600 * NS_PER_S);
	sim_stop(&sim);
}

int main(void)
{
#define TEST(fn)                                                               \
	{                                                                      \
#fn, fn, start, NULL, #fn                                      \
	}
#define BARE(fn)                                                               \
	{                                                                      \
#fn, fn, NULL, NULL, #fn                                       \
	}
	const struct CMUnitTest tests[] = {
		TEST(slow_reader_gets_every_byte),
		TEST(one_byte_reader_gets_every_byte),
		TEST(closed_window_may_outlast_every_timeout),
		TEST(probes_back_off_to_a_minute),
		TEST(lost_probes_are_sent_again),
		TEST(lost_window_update_is_asked_for),
		BARE(both_windows_may_be_closed_at_once),
		TEST(older_segment_does_not_change_the_window),
		TEST(data_beyond_the_window_is_cut_off),
		TEST(timeout_follows_the_measured_round_trip),
		TEST(repeated_segment_is_not_timed),
		TEST(timeouts_double),
		TEST(lone_loss_in_a_stream_is_mended_at_once),
		TEST(right_edge_moves_by_segments),
		TEST(small_buffer_works),
		TEST(stream_goes_in_full_segments),
		TEST(nagle_gathers_small_writes),
		TEST(nodelay_sends_each_write_at_once),
		TEST(more_holds_back_a_while),
		TEST(lone_segment_is_acknowledged_late),
		TEST(nagle_against_late_acks_stalls),
		TEST(nagle_does_not_stall_by_default),
		TEST(nodelay_ends_the_stall_too),
		TEST(answer_carries_the_acknowledgment),
		TEST(every_second_segment_is_acknowledged),
		BARE(short_of_buffers_everybody_gets_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

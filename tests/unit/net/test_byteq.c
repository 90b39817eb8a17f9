/* SPDX-License-Identifier: MIT */
/* The queue of bytes against a plain array as its model. */
#include "tests/support/net_fixture.h"

#include "net/byteq.h"

#define MODEL 60000

static uint8_t source[MODEL]; /* never changes: may be borrowed */

struct model {
	struct byteq q;
	uint32_t first, last; /* of source: what is in the queue */
};

static int setup(void **state)
{
	fx_setup(state);
	random_bytes(&fx.rng, source, sizeof(source));
	return 0;
}

#define byteq_test(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

static void check_front(struct model *m)
{
	static uint8_t got[MODEL];
	uint32_t n = byteq_peek(&m->q, got, sizeof(got));

	assert_int_equal(n, m->last - m->first);
	assert_int_equal(m->q.len, n);
	assert_memory_equal(got, source + m->first, n);
}

/* Reads the whole queue from off on, as segments are built. */
static void check_runs(struct model *m, uint32_t off)
{
	while (off < m->q.len) {
		struct byteq_run r = byteq_at(&m->q, off);

		assert_true(r.len > 0 && r.len <= m->q.len - off);
		assert_memory_equal(r.data, source + m->first + off, r.len);
		if (r.borrowed)
			assert_ptr_equal(r.data, source + m->first + off);
		off += r.len;
	}
}

static void empty_queues_hold_no_memory(void **state)
{
	struct byteq q = { 0 };
	uint8_t byte;

	assert_int_equal(byteq_peek(&q, &byte, 1), 0);
	assert_int_equal(byteq_write(&fx.st, &q, "", 0), 0);
	assert_int_equal(fx.st.chunks.in_use, 0);
	assert_int_equal(byteq_write(&fx.st, &q, "ab", 2), 2);
	assert_int_equal(fx.st.chunks.in_use, 1);
	byteq_drop(&fx.st, &q, 1);
	assert_int_equal(fx.st.chunks.in_use, 1);
	byteq_drop(&fx.st, &q, 1);
	assert_int_equal(fx.st.chunks.in_use, 0);
	byteq_drop(&fx.st, &q, 0);
}

static void small_writes_share_a_chunk(void **state)
{
	struct byteq q = { 0 };

	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(byteq_write(&fx.st, &q, "x", 1), 1);
	assert_int_equal(fx.st.chunks.in_use, 1);
	byteq_drop(&fx.st, &q, 1000);
}

static void behaves_as_an_array(void **state)
{
	struct random *r = &fx.rng;

	for (unsigned round = 0; round < 20; round++) {
		struct model m = { .q = { .consumed = random_u32(r) } };

		while (m.last < MODEL) {
			uint32_t n = 1 + random_below(r,
			                     random_below(r, 4) ? 100 : 5000);
			uint32_t done = 0;

			if (n > MODEL - m.last)
				n = MODEL - m.last;
			switch (random_below(r, 4)) {
			case 0:
				if (byteq_append_ref(
				        &fx.st, &m.q, source + m.last, n))
					done = n;
				break;
			case 1:
				if (n > m.q.len)
					n = m.q.len;
				byteq_drop(&fx.st, &m.q, n);
				m.first += n;
				break;
			default:
				done = byteq_write(
				    &fx.st, &m.q, source + m.last, n);
			}
			m.last += done;
			assert_int_equal(m.q.len, m.last - m.first);
			if (m.q.len)
				check_runs(&m, random_below(r, m.q.len));
			if (random_below(r, 8) == 0)
				check_front(&m);
		}
		check_front(&m);
		byteq_drop(&fx.st, &m.q, m.q.len);
		assert_int_equal(fx.st.chunks.in_use, 0);
		assert_int_equal(fx.st.refs.in_use, 0);
	}
}

/* Segments go forward, retransmissions back: the cursor only saves time. */
static void reading_backwards_is_as_right_as_forwards(void **state)
{
	struct model m = { .q = { .consumed = UINT32_MAX - 3000 } };

	m.last = byteq_write(&fx.st, &m.q, source, 9000);
	assert_int_equal(m.last, 9000);
	for (uint32_t off = 8999; off > 0; off -= off < 7 ? off : 7)
		assert_int_equal(*byteq_at(&m.q, off).data, source[off]);
	byteq_drop(&fx.st, &m.q, 5000);
	m.first = 5000;
	check_runs(&m, 0);
	byteq_drop(&fx.st, &m.q, 4000);
}

static void full_pool_takes_a_part(void **state)
{
	struct byteq q = { 0 };
	uint32_t n;

	fx_hoard(&fx.st.chunks);
	assert_int_equal(byteq_write(&fx.st, &q, source, 10), 0);
	fx_hoard_give(&fx.st.chunks, 2);
	n = byteq_write(&fx.st, &q, source, 10000);
	assert_in_range(n, 2 * 1900, 2 * BYTEQ_CHUNK_BYTES);
	byteq_drop(&fx.st, &q, n);
	fx_hoard_give(&fx.st.chunks, FX_ANY);
	fx_hoard(&fx.st.refs);
	assert_false(byteq_append_ref(&fx.st, &q, source, 10));
	assert_int_equal(q.len, 0);
	fx_hoard_give(&fx.st.refs, FX_ANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		byteq_test(empty_queues_hold_no_memory),
		byteq_test(small_writes_share_a_chunk),
		byteq_test(behaves_as_an_array),
		byteq_test(reading_backwards_is_as_right_as_forwards),
		byteq_test(full_pool_takes_a_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

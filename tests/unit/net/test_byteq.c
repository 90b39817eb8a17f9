/* SPDX-License-Identifier: MIT */
/*
 * The byte queue against a model that anybody can believe: one flat array.
 * Copied bytes and borrowed runs in random order, looked at anywhere.
 */
#include "tests/support/net_fixture.h"

#include "net/byteq.h"
#include "tests/support/net_wire.h"

#define MODEL_MAX 60000
#define OPS       6000

struct model {
	uint8_t bytes[MODEL_MAX];
	uint32_t len;
};

static struct model m;

/* Memory that lives for ever, as a file's. */
static uint8_t file[20000];

static int setup(void **state)
{
	fx_setup(state);
	random_bytes(&fx.rng, file, sizeof(file));
	m.len = 0;
	return 0;
}

#define byteq_test(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)

static uint32_t below(uint32_t n)
{
	return random_below(&fx.rng, n);
}

static void model_append(const uint8_t *data, uint32_t len)
{
	assert_true(m.len + len <= MODEL_MAX);
	memcpy(m.bytes + m.len, data, len);
	m.len += len;
}

static void model_drop(uint32_t len)
{
	memmove(m.bytes, m.bytes + len, m.len - len);
	m.len -= len;
}

static void write_some(struct byteq *q)
{
	uint32_t from = below(sizeof(file) / 2), len = below(5000);
	uint32_t done;

	if (m.len + len > MODEL_MAX)
		return;
	done = byteq_write(&fx.st, q, file + from, len);
	assert_true(done <= len);
	if (done < len)
		assert_int_equal(pool_available(&fx.st.chunks), 0);
	model_append(file + from, done);
}

static void append_some(struct byteq *q)
{
	uint32_t from = below(sizeof(file) / 2), len = 1 + below(5000);

	if (m.len + len > MODEL_MAX)
		return;
	if (byteq_append_ref(&fx.st, q, file + from, len))
		model_append(file + from, len);
	else
		assert_int_equal(pool_available(&fx.st.refs), 0);
}

static void look_somewhere(struct byteq *q)
{
	uint32_t off;
	struct byteq_run r;

	if (!m.len)
		return;
	off = below(m.len);
	r = byteq_at(q, off);
	assert_in_range(r.len, 1, m.len - off);
	assert_memory_equal(r.data, m.bytes + off, r.len);
	if (r.borrowed)
		assert_true(r.data >= file && r.data < file + sizeof(file));
}

static void look_along(struct byteq *q)
{
	uint32_t off = m.len ? below(m.len) : 0;

	while (off < m.len) {
		struct byteq_run r = byteq_at(q, off);
		uint32_t step = r.len < 1460 ? r.len : 1460;

		assert_memory_equal(r.data, m.bytes + off, r.len);
		off += step;
	}
}

static void peek_some(struct byteq *q)
{
	static uint8_t got[MODEL_MAX];
	uint32_t want = below(MODEL_MAX);
	uint32_t n = byteq_peek(q, got, want);

	assert_int_equal(n, want < m.len ? want : m.len);
	assert_memory_equal(got, m.bytes, n);
}

static void drop_some(struct byteq *q)
{
	uint32_t len = below(3) ? below(m.len + 1) : m.len;

	if (below(2) && len > 100)
		len = below(100);
	byteq_drop(&fx.st, q, len);
	model_drop(len);
}

static void behaves_like_a_flat_array(void **state)
{
	struct byteq q = { 0 };
	void (*const op[])(struct byteq *) = { write_some, append_some,
		look_somewhere, look_somewhere, look_along, peek_some,
		drop_some, drop_some };

	for (unsigned i = 0; i < OPS; i++) {
		op[below(8)](&q);
		assert_int_equal(q.len, m.len);
		if (!m.len)
			assert_int_equal(
			    fx.st.chunks.in_use + fx.st.refs.in_use, 0);
	}
	byteq_drop(&fx.st, &q, q.len);
	m.len = 0;
	assert_int_equal(fx.st.chunks.in_use + fx.st.refs.in_use, 0);
}

static void empty_queue_holds_nothing(void **state)
{
	struct byteq q = { 0 };
	uint8_t byte;

	assert_int_equal(byteq_write(&fx.st, &q, "", 0), 0);
	assert_int_equal(byteq_peek(&q, &byte, 1), 0);
	byteq_drop(&fx.st, &q, 0);
	assert_int_equal(q.len, 0);
	assert_int_equal(fx.st.chunks.in_use, 0);
}

/* Single bytes share a chunk: an echo of them must not take 2 KiB each. */
static void small_writes_share_a_chunk(void **state)
{
	struct byteq q = { 0 };

	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(byteq_write(&fx.st, &q, file + i, 1), 1);
	assert_int_equal(fx.st.chunks.in_use, 1);
	assert_int_equal(byteq_at(&q, 0).len, 1000);
	assert_memory_equal(byteq_at(&q, 0).data, file, 1000);
	byteq_drop(&fx.st, &q, 1000);
}

/* What is borrowed is never written to nor copied. */
static void borrowed_run_stays_where_it_is(void **state)
{
	struct byteq q = { 0 };
	struct byteq_run r;

	byteq_write(&fx.st, &q, "head", 4);
	assert_true(byteq_append_ref(&fx.st, &q, file, 5000));
	byteq_write(&fx.st, &q, "tail", 4);
	assert_int_equal(q.len, 5008);
	r = byteq_at(&q, 4);
	assert_true(r.borrowed);
	assert_ptr_equal(r.data, file);
	assert_int_equal(r.len, 5000);
	r = byteq_at(&q, 5003);
	assert_ptr_equal(r.data, file + 4999);
	assert_int_equal(r.len, 1);
	r = byteq_at(&q, 5004);
	assert_false(r.borrowed);
	assert_memory_equal(r.data, "tail", 4);
	assert_false(byteq_at(&q, 0).borrowed);
	byteq_drop(&fx.st, &q, 5008);
}

static void full_pool_takes_a_part(void **state)
{
	struct byteq q = { 0 }, r = { 0 };
	static uint8_t data[400 * BYTEQ_CHUNK_BYTES];
	uint32_t n = byteq_write(&fx.st, &q, data, sizeof(data));

	assert_in_range(n, 1, sizeof(data) - 1);
	assert_int_equal(q.len, n);
	assert_int_equal(pool_available(&fx.st.chunks), 0);
	assert_int_equal(byteq_write(&fx.st, &r, data, 1), 0);
	assert_int_equal(r.len, 0);
	byteq_drop(&fx.st, &q, n / 2);
	assert_int_equal(byteq_write(&fx.st, &r, data, 1), 1);
	byteq_drop(&fx.st, &r, 1);
	byteq_drop(&fx.st, &q, q.len);
}

static void full_pool_refuses_a_run(void **state)
{
	struct byteq q = { 0 };

	fx_hoard(&fx.st.refs);
	assert_false(byteq_append_ref(&fx.st, &q, file, 10));
	assert_int_equal(q.len, 0);
	fx_hoard_give(&fx.st.refs, FX_ANY);
	assert_true(byteq_append_ref(&fx.st, &q, file, 10));
	byteq_drop(&fx.st, &q, 10);
}

/* --- Who waits for a chunk ----------------------------------------------- */

static unsigned wakes;

static bool woken(struct wait_entry *e, uint32_t events)
{
	wakes++;
	return true;
}

static void freed_chunk_wakes_who_waits(void **state)
{
	struct wait_entry e = { .wake = woken };
	struct byteq q = { 0 };

	waitq_add(&fx.st.chunk_waiters, &e);
	wakes = 0;
	byteq_write(&fx.st, &q, file, 3000);
	byteq_drop(&fx.st, &q, 100); /* the chunk is still needed */
	assert_int_equal(wakes, 0);
	byteq_drop(&fx.st, &q, 2500);
	assert_int_equal(wakes, 1);
	byteq_drop(&fx.st, &q, q.len);
	assert_int_equal(wakes, 2);
	waitq_remove(&e);
}

/* A reference given back counts too: who waits may want one. */
static void freed_run_wakes_who_waits(void **state)
{
	struct wait_entry e = { .wake = woken };
	struct byteq q = { 0 };

	waitq_add(&fx.st.chunk_waiters, &e);
	wakes = 0;
	byteq_append_ref(&fx.st, &q, file, 100);
	byteq_drop(&fx.st, &q, 100);
	assert_int_equal(wakes, 1);
	waitq_remove(&e);
}

/* --- Misuse -------------------------------------------------------------- */

static void looking_or_dropping_beyond_the_end_is_our_fault(void **state)
{
	struct byteq q = { 0 };

	assert_panic(byteq_at(&q, 0));
	byteq_write(&fx.st, &q, file, 10);
	assert_panic(byteq_at(&q, 10));
	assert_panic(byteq_at(&q, UINT32_MAX));
	assert_panic(byteq_drop(&fx.st, &q, 11));
	byteq_drop(&fx.st, &q, 10);
}

/* Segments go forward, retransmissions back: the cursor only saves time. */
static void reading_backwards_is_as_right_as_forwards(void **state)
{
	struct byteq q = { 0 };

	assert_int_equal(byteq_write(&fx.st, &q, file, 9000), 9000);
	for (uint32_t off = 8999; off > 0; off -= off < 7 ? off : 7)
		assert_int_equal(*byteq_at(&q, off).data, file[off]);
	byteq_drop(&fx.st, &q, 5000);
	assert_int_equal(*byteq_at(&q, 3999).data, file[8999]);
	assert_int_equal(*byteq_at(&q, 0).data, file[5000]);
	byteq_drop(&fx.st, &q, 4000);
}

/* Chunks move uncopied, few bytes fill the last chunk; skipped bytes do not
 * come along, and what moved can be written behind. */
static void moved_bytes_follow_in_order(void **state)
{
	static const uint32_t sizes[] = { 1, 5000, 3, 2024, 1, 1, 4048, 100 };
	struct byteq to = { 0 };
	uint8_t bytes[6000], got[6000];
	uint32_t total = 0, at = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + (i >> 8));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct byteq from = { 0 };
		uint32_t skip = i % 3, n = sizes[i];

		byteq_write(&fx.st, &from, bytes, n + skip);
		byteq_drop(&fx.st, &from, skip);
		byteq_move(&fx.st, &to, &from);
		assert_int_equal(from.len, 0);
		assert_null(from.head);
		byteq_write(&fx.st, &to, bytes, 7);
		total += n + 7;
		assert_int_equal(to.len, total);
		assert_int_equal(to.chunks, fx.st.chunks.in_use);
		assert_true(fx.st.chunks.in_use <= total / 1000 + 2);
		assert_int_equal(to.chunks, fx.st.chunks.in_use);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t skip = i % 3, n = sizes[i];

		assert_int_equal(byteq_peek(&to, got, n), n);
		assert_memory_equal(got, bytes + skip, n);
		byteq_drop(&fx.st, &to, n);
		assert_int_equal(byteq_peek(&to, got, 7), 7);
		assert_memory_equal(got, bytes, 7);
		byteq_drop(&fx.st, &to, 7);
		at += n + 7;
	}
	assert_int_equal(at, total);
	assert_int_equal(fx.st.chunks.in_use, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		byteq_test(behaves_like_a_flat_array),
		byteq_test(empty_queue_holds_nothing),
		byteq_test(small_writes_share_a_chunk),
		byteq_test(borrowed_run_stays_where_it_is),
		byteq_test(full_pool_takes_a_part),
		byteq_test(full_pool_refuses_a_run),
		byteq_test(freed_chunk_wakes_who_waits),
		byteq_test(freed_run_wakes_who_waits),
		byteq_test(looking_or_dropping_beyond_the_end_is_our_fault),
		byteq_test(reading_backwards_is_as_right_as_forwards),
		fx_test(moved_bytes_follow_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Packets: who owns them, what fits, and that each has one fate. */
#include "tests/support/net_fixture.h"

#include <stdlib.h>

#include "net/eth.h"
#include "net/pkt.h"
#include "tests/support/net_wire.h"

static void fresh_packet_is_empty_behind_its_headroom(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);

	assert_non_null(p);
	assert_int_equal(pkt_len(p), 0);
	assert_int_equal(p->data - p->head, PKT_HEADROOM);
	assert_true(p->end - p->tail >= PKT_DATA_BYTES);
	assert_ptr_equal(p->stack, &fx.st);
	assert_false(p->view);
	pkt_free(p);
}

/* Ethernet, IPv4 and TCP with any options: the card wants aligned frames. */
static void frames_start_aligned_below_their_headers(void **state)
{
	for (size_t tcp = 8; tcp <= 60; tcp += 4) {
		struct pkt *p = pkt_alloc(&fx.st);

		pkt_push(p, tcp);
		pkt_push(p, 20);
		pkt_push(p, sizeof(struct eth_hdr));
		assert_int_equal((uintptr_t)p->data % 4, 0);
		pkt_free(p);
	}
}

static void recycled_packets_remember_nothing(void **state)
{
	static const uint8_t data[4] = { 1, 2, 3, 4 };
	struct pkt *p = pkt_alloc(&fx.st), *q;

	pkt_put(p, 100);
	pkt_add_frag(p, data, 4);
	p->loopback = p->decided = true;
	p->ip_src = 7;
	pkt_free(p);
	q = pkt_alloc(&fx.st);
	assert_ptr_equal(q, p); /* else this test shows nothing */
	assert_int_equal(pkt_len(q), 0);
	assert_false(q->loopback || q->decided);
	assert_int_equal(q->ip_src | q->frag_count, 0);
	pkt_free(q);
}

static void empty_pool_is_counted(void **state)
{
	uint64_t before = fx.st.packets.failures;

	fx_hoard(&fx.st.packets);
	assert_null(pkt_alloc(&fx.st));
	assert_true(fx.st.packets.failures > before);
	fx_hoard_give(&fx.st.packets, FX_ANY);
}

static void freeing_takes_it_off_its_queue(void **state)
{
	struct list queue;
	struct pkt *p = pkt_alloc(&fx.st);

	list_init(&queue);
	list_append(&queue, &p->node);
	pkt_free(p);
	assert_true(list_empty(&queue));
}

/* --- Cutting and growing ------------------------------------------------- */

static void pull_gives_headers_until_the_end(void **state)
{
	uint8_t bytes[20] = { 0 };
	struct pkt v;

	pkt_init_view(&v, &fx.st, &fx.dev, bytes, sizeof(bytes));
	assert_ptr_equal(pkt_pull(&v, 14), bytes);
	assert_int_equal(pkt_len(&v), 6);
	assert_null(pkt_pull(&v, 7));
	assert_null(pkt_pull(&v, SIZE_MAX));
	assert_int_equal(pkt_len(&v), 6); /* a refused pull takes nothing */
	assert_ptr_equal(pkt_pull(&v, 6), bytes + 14);
	assert_ptr_equal(pkt_pull(&v, 0), bytes + 20);
	assert_null(pkt_pull(&v, 1));
}

/* A header never lies in borrowed fragments. */
static void pull_sees_linear_bytes_only(void **state)
{
	static const uint8_t data[40] = { 0 };
	struct pkt *p = pkt_alloc(&fx.st);

	pkt_put(p, 8);
	pkt_add_frag(p, data, sizeof(data));
	assert_int_equal(pkt_len(p), 48);
	assert_int_equal(pkt_linear(p), 8);
	assert_null(pkt_pull(p, 9));
	assert_non_null(pkt_pull(p, 8));
	pkt_free(p);
}

static void trim_only_shortens(void **state)
{
	uint8_t bytes[20] = { 0 };
	struct pkt v;

	pkt_init_view(&v, &fx.st, &fx.dev, bytes, sizeof(bytes));
	pkt_trim(&v, 21);
	assert_int_equal(pkt_len(&v), 20);
	pkt_trim(&v, SIZE_MAX);
	assert_int_equal(pkt_len(&v), 20);
	pkt_trim(&v, 7);
	assert_int_equal(pkt_len(&v), 7);
	pkt_trim(&v, 0);
	assert_int_equal(pkt_len(&v), 0);
}

static void room_before_and_behind_has_an_end(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);
	size_t room = (size_t)(p->end - p->tail);

	assert_ptr_equal(pkt_push(p, PKT_HEADROOM), p->head);
	assert_panic(pkt_push(p, 1));
	assert_panic(pkt_push(p, SIZE_MAX));
	pkt_put(p, room);
	assert_panic(pkt_put(p, 1));
	assert_int_equal(pkt_len(p), PKT_HEADROOM + room);
	memset(p->data, 0xa5, pkt_len(p)); /* ASan: all of it is ours */
	pkt_free(p);
}

/* --- Fragments ----------------------------------------------------------- */

static struct pkt *with_fragments(const uint8_t *data, unsigned n)
{
	struct pkt *p = pkt_alloc(&fx.st);

	memcpy(pkt_put(p, 10), data, 10);
	for (unsigned i = 0; i < n; i++)
		assert_true(pkt_add_frag(p, data + 10 + i * 30, 30));
	return p;
}

static void fragments_are_limited(void **state)
{
	uint8_t data[200] = { 0 };
	struct pkt *p = with_fragments(data, PKT_FRAGS_MAX);

	assert_false(pkt_add_frag(p, data, 1));
	assert_int_equal(pkt_len(p), 10 + PKT_FRAGS_MAX * 30);
	pkt_free(p);
}

static void fragments_follow_the_linear_bytes(void **state)
{
	uint8_t data[200], out[200];

	random_bytes(&fx.rng, data, sizeof(data));
	for (unsigned n = 0; n <= PKT_FRAGS_MAX; n++) {
		struct pkt *p = with_fragments(data, n);
		size_t len = 10 + n * 30;

		pkt_copy_out(p, out);
		assert_memory_equal(out, data, len);
		pkt_linearize(p);
		assert_int_equal(p->frag_count, 0);
		assert_int_equal(pkt_linear(p), len);
		assert_memory_equal(p->data, data, len);
		pkt_free(p);
	}
}

static void linearizing_too_much_is_our_fault(void **state)
{
	static uint8_t data[PKT_DATA_BYTES + 100];
	struct pkt *p = pkt_alloc(&fx.st);

	pkt_add_frag(p, data, sizeof(data));
	assert_panic(pkt_linearize(p));
	pkt_free(p);
}

/* --- Copies -------------------------------------------------------------- */

static void clone_is_owned_and_linear(void **state)
{
	uint8_t data[200];
	struct pkt *p, *n;

	random_bytes(&fx.rng, data, sizeof(data));
	p = with_fragments(data, 3);
	p->ip_src = 1;
	p->ip_dst = 2;
	p->ip_proto = 17;
	p->dev = &fx.dev;
	n = pkt_clone(p);
	assert_int_equal(n->frag_count, 0);
	assert_int_equal(pkt_linear(n), 100);
	assert_memory_equal(n->data, data, 100);
	assert_int_equal(n->ip_src * 100 + n->ip_dst * 30 + n->ip_proto, 177);
	assert_ptr_equal(n->dev, &fx.dev);
	assert_int_equal(n->data - n->head, PKT_HEADROOM);
	pkt_free(p);
	pkt_free(n);
}

static void clone_of_a_view_outlives_it(void **state)
{
	uint8_t *bytes = malloc(PKT_DATA_BYTES + 1);
	struct pkt v, *n;

	memset(bytes, 0x5a, PKT_DATA_BYTES + 1);
	pkt_init_view(&v, &fx.st, &fx.dev, bytes, PKT_DATA_BYTES);
	n = pkt_clone(&v);
	assert_false(n->view);
	pkt_init_view(&v, &fx.st, &fx.dev, bytes, PKT_DATA_BYTES + 1);
	assert_null(pkt_clone(&v));
	free(bytes);
	assert_int_equal(n->data[PKT_DATA_BYTES - 1], 0x5a);
	pkt_free(n);
}

static void clone_needs_a_packet(void **state)
{
	uint8_t byte = 0;
	struct pkt v;

	pkt_init_view(&v, &fx.st, &fx.dev, &byte, 1);
	fx_hoard(&fx.st.packets);
	assert_null(pkt_clone(&v));
	fx_hoard_give(&fx.st.packets, FX_ANY);
}

/* --- Fates --------------------------------------------------------------- */

static void dropping_an_owned_packet_frees_it(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);

	pkt_drop(p, DROP_NETDEV_RESET);
	assert_drop(NETDEV_RESET, 1);
	assert_int_equal(fx.st.packets.in_use, 0);
}

static void a_view_has_exactly_one_fate(void **state)
{
	uint8_t byte = 0;
	struct pkt v;

	pkt_init_view(&v, &fx.st, &fx.dev, &byte, 1);
	assert_false(v.decided);
	pkt_delivered(&v);
	assert_true(v.decided);
	assert_panic(pkt_delivered(&v));
	pkt_init_view(&v, &fx.st, &fx.dev, &byte, 1);
	pkt_drop(&v, DROP_ETH_TYPE);
	assert_panic(pkt_delivered(&v));
	assert_panic(pkt_drop(&v, DROP_ETH_TYPE));
	assert_count(RX_DELIVERED, 1);
	/* The books of a card that received both. */
	fx.st.count[COUNT_RX_FRAMES] = 2;
	fx.st.drop[DROP_ETH_TYPE] = 1;
}

static void mixing_up_views_and_owned_is_our_fault(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);
	uint8_t byte = 0;
	struct pkt v;

	pkt_init_view(&v, &fx.st, &fx.dev, &byte, 1);
	assert_panic(pkt_free(&v));
	assert_panic(pkt_delivered(p));
	pkt_free(p);
}

/* docs and /stats show them: each its own name, "group.what". */
static void every_reason_has_its_name_and_text(void **state)
{
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		const char *name = drop_name(i);

		assert_non_null(strchr(name, '.'));
		assert_null(strchr(name, ' '));
		assert_true(strlen(drop_text(i)) > 5);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name, drop_name(k));
	}
	assert_string_equal(drop_name(DROP_UNDECIDED), "bug.undecided");
	assert_string_equal(drop_name(DROP_ETH_SHORT), "eth.short");
}

/* What strangers make us keep leaves a quarter of the pool for sending. */
static void keeping_stops_at_a_quarter(void **state)
{
	static struct pkt *kept[512];
	uint8_t byte = 9;
	struct pkt v;
	unsigned n = 0;

	pkt_init_view(&v, &fx.st, &fx.dev, &byte, 1);
	while ((kept[n] = pkt_keep(&v)) != NULL)
		assert_int_equal(kept[n++]->data[0], 9);
	assert_int_equal(
	    pool_available(&fx.st.packets), fx.st.packets.total / 4);
	assert_false(pkt_may_keep(&fx.st));
	kept[n] = pkt_clone(&v); /* an answer of ours */
	assert_non_null(kept[n]);
	pkt_free(kept[n]);
	pkt_free(kept[--n]);
	assert_true(pkt_may_keep(&fx.st));
	while (n > 0)
		pkt_free(kept[--n]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(fresh_packet_is_empty_behind_its_headroom),
		fx_test(frames_start_aligned_below_their_headers),
		fx_test(recycled_packets_remember_nothing),
		fx_test(empty_pool_is_counted),
		fx_test(freeing_takes_it_off_its_queue),
		fx_test(pull_gives_headers_until_the_end),
		fx_test(pull_sees_linear_bytes_only),
		fx_test(trim_only_shortens),
		fx_test(room_before_and_behind_has_an_end),
		fx_test(fragments_are_limited),
		fx_test(fragments_follow_the_linear_bytes),
		fx_test(linearizing_too_much_is_our_fault),
		fx_test(clone_is_owned_and_linear),
		fx_test(clone_of_a_view_outlives_it),
		fx_test(clone_needs_a_packet),
		fx_test(dropping_an_owned_packet_frees_it),
		fx_test(a_view_has_exactly_one_fate),
		fx_test(mixing_up_views_and_owned_is_our_fault),
		fx_test(every_reason_has_its_name_and_text),
		fx_test(keeping_stops_at_a_quarter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

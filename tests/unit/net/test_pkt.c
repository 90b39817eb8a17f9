/* SPDX-License-Identifier: MIT */
/* Packets: bounds, fragments, views and their one fate. */
#include "tests/support/net_fixture.h"

#include "arch/host/arch_host.h"
#include "net/pkt.h"

static const uint8_t text[] = "abcdefghijklmnopqrstuvwxyz";

/* Whether doing it ends in a panic, as an assertion would. */
#define assert_panics(statement)                                               \
	do {                                                                   \
		jmp_buf env;                                                   \
		if (setjmp(env) == 0) {                                        \
			host_expect_panic(&env);                               \
			statement;                                             \
			fail_msg("%s did not panic", #statement);              \
		}                                                              \
	} while (0)

static void fresh_packets_have_head_room_and_no_bytes(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);

	assert_int_equal(p->data - p->head, PKT_HEADROOM);
	assert_int_equal(pkt_len(p), 0);
	assert_true(p->end - p->tail >= PKT_DATA_BYTES);
	/* a frame of 14 + 4n header bytes starts aligned */
	assert_int_equal(((uintptr_t)p->data - 14) % 4, 0);
	assert_false(p->view);
	assert_int_equal(fx.st.packets.in_use, 1);
	pkt_free(p);
	assert_int_equal(fx.st.packets.in_use, 0);
}

static void empty_pool_gives_null_and_counts(void **state)
{
	fx_hoard(&fx.st.packets);
	assert_null(pkt_alloc(&fx.st));
	assert_true(fx.st.packets.failures > 0);
	fx_hoard_give(&fx.st.packets, FX_ANY);
}

static void pull_never_goes_beyond_the_end(void **state)
{
	struct pkt v;

	pkt_init_view(&v, &fx.st, &fx.dev, text, 26);
	assert_ptr_equal(pkt_pull(&v, 10), text);
	assert_ptr_equal(pkt_pull(&v, 16), text + 10);
	assert_null(pkt_pull(&v, 1));
	assert_ptr_equal(pkt_pull(&v, 0), text + 26);
	assert_null(pkt_pull(&v, SIZE_MAX));
	assert_null(pkt_pull(&v, (size_t)1 << 63));
}

static void trim_only_shortens(void **state)
{
	struct pkt v;

	pkt_init_view(&v, &fx.st, &fx.dev, text, 26);
	pkt_trim(&v, 27);
	assert_int_equal(pkt_linear(&v), 26);
	pkt_trim(&v, 3);
	assert_int_equal(pkt_linear(&v), 3);
	pkt_trim(&v, SIZE_MAX);
	assert_int_equal(pkt_linear(&v), 3);
	pkt_trim(&v, 0);
	assert_int_equal(pkt_len(&v), 0);
}

static void push_and_put_stay_in_their_room(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);

	pkt_push(p, PKT_HEADROOM);
	assert_ptr_equal(p->data, p->head);
	assert_panics(pkt_push(p, 1));
	pkt_put(p, PKT_DATA_BYTES);
	assert_panics(pkt_put(p, 100));
	pkt_free(p);
}

static void fragments_count_and_are_copied_out(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);
	uint8_t out[64];

	memcpy(pkt_put(p, 3), text, 3);
	assert_true(pkt_add_frag(p, text + 3, 5));
	assert_true(pkt_add_frag(p, text + 8, 1));
	assert_int_equal(pkt_linear(p), 3);
	assert_int_equal(pkt_len(p), 9);
	pkt_copy_out(p, out);
	assert_memory_equal(out, text, 9);
	assert_true(pkt_add_frag(p, text + 9, 1));
	assert_true(pkt_add_frag(p, text + 10, 1));
	assert_false(pkt_add_frag(p, text, 1));
	pkt_linearize(p);
	assert_int_equal(pkt_linear(p), 11);
	assert_int_equal(p->frag_count, 0);
	assert_memory_equal(p->data, text, 11);
	pkt_free(p);
}

static void clones_are_linear_and_independent(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st), *n;
	struct pkt v;
	static uint8_t large[PKT_DATA_BYTES + 1];

	memcpy(pkt_put(p, 2), text, 2);
	pkt_add_frag(p, text + 2, 20);
	p->ip_src = 7;
	n = pkt_clone(p);
	pkt_free(p);
	assert_int_equal(pkt_linear(n), 22);
	assert_int_equal(n->frag_count, 0);
	assert_int_equal(n->data - n->head, PKT_HEADROOM);
	assert_memory_equal(n->data, text, 22);
	assert_int_equal(n->ip_src, 7);
	assert_false(n->view);
	pkt_free(n);
	pkt_init_view(&v, &fx.st, &fx.dev, large, sizeof(large));
	assert_null(pkt_clone(&v)); /* longer than any packet */
	pkt_init_view(&v, &fx.st, &fx.dev, large, PKT_DATA_BYTES);
	n = pkt_clone(&v);
	assert_non_null(n);
	pkt_free(n);
	fx_hoard(&fx.st.packets);
	assert_null(pkt_clone(&v));
	fx_hoard_give(&fx.st.packets, FX_ANY);
}

static void owned_packets_are_freed_when_dropped(void **state)
{
	pkt_drop(pkt_alloc(&fx.st), DROP_NETDEV_RESET);
	assert_drop(NETDEV_RESET, 1);
	assert_int_equal(fx.st.packets.in_use, 0);
}

static void views_have_one_fate(void **state)
{
	struct pkt v, w;

	pkt_init_view(&v, &fx.st, &fx.dev, text, 26);
	fx.st.count[COUNT_RX_FRAMES] = 2;
	pkt_delivered(&v);
	assert_count(RX_DELIVERED, 1);
	assert_panics(pkt_delivered(&v));
	assert_panics(pkt_drop(&v, DROP_ARP_BAD));
	pkt_init_view(&w, &fx.st, &fx.dev, text, 26);
	pkt_drop(&w, DROP_ARP_BAD);
	assert_panics(pkt_delivered(&w));
	assert_panics(pkt_free(&w));
	memset(fx.st.drop, 0, sizeof(fx.st.drop));
	fx.st.count[COUNT_RX_FRAMES] = 1;
}

/* A queued packet may be freed: it leaves its list. */
static void freed_packets_leave_their_list(void **state)
{
	struct pkt *p = pkt_alloc(&fx.st);
	struct list queue;

	list_init(&queue);
	list_append(&queue, &p->node);
	pkt_free(p);
	assert_true(list_empty(&queue));
}

static void every_reason_has_a_name_of_its_own(void **state)
{
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		assert_true(strlen(drop_name(i)) > 3);
		assert_true(strlen(drop_text(i)) > 5);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(drop_name(i), drop_name(k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fx_test(fresh_packets_have_head_room_and_no_bytes),
		fx_test(empty_pool_gives_null_and_counts),
		fx_test(pull_never_goes_beyond_the_end),
		fx_test(trim_only_shortens),
		fx_test(push_and_put_stay_in_their_room),
		fx_test(fragments_count_and_are_copied_out),
		fx_test(clones_are_linear_and_independent),
		fx_test(owned_packets_are_freed_when_dropped),
		fx_test(views_have_one_fate),
		fx_test(freed_packets_leave_their_list),
		fx_test(every_reason_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

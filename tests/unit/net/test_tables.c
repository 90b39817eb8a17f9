/* SPDX-License-Identifier: MIT */
#include "tests/support/net_fixture.h"

#include "net/eth.h"
#include "net/tables.h"

static void types_are_found_by_number(void **state)
{
	unsigned known = 0;

	for (uint32_t type = 0; type < 0x10000; type++) {
		const struct eth_type *t = eth_type_find((uint16_t)type);

		if (t == NULL)
			continue;
		assert_int_equal(t->type, type);
		assert_non_null(t->rx);
		known++;
	}
	assert_int_equal(known, 2);
	assert_non_null(eth_type_find(ETH_TYPE_IPV4));
	assert_non_null(eth_type_find(ETH_TYPE_ARP));
}

static void protocols_are_found_by_number(void **state)
{
	unsigned known = 0;

	for (unsigned number = 0; number < 256; number++) {
		const struct ip_proto *p = ip_proto_find((uint8_t)number);

		if (p == NULL)
			continue;
		assert_int_equal(p->number, number);
		assert_non_null(p->rx);
		known++;
	}
	assert_int_equal(known, 3);
	assert_non_null(ip_proto_find(IP_PROTO_TCP)->error);
	assert_non_null(ip_proto_find(IP_PROTO_UDP)->error);
	assert_null(ip_proto_find(IP_PROTO_ICMP)->error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_found_by_number),
		cmocka_unit_test(protocols_are_found_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

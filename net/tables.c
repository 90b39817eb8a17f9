/* SPDX-License-Identifier: MIT */
#include "net/tables.h"

#include <stddef.h>

#include "net/arp.h"
#include "net/eth.h"
#include "net/icmp.h"
#include "net/tcp.h"
#include "net/udp.h"

static const struct eth_type eth_types[] = {
	{ ETH_TYPE_IPV4, ip_rx },
	{ ETH_TYPE_ARP, arp_rx },
};

static const struct ip_proto ip_protos[] = {
	{ IP_PROTO_TCP, tcp_rx, tcp_error },
	{ IP_PROTO_UDP, udp_rx, udp_error },
	{ IP_PROTO_ICMP, icmp_rx, NULL },
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

const struct eth_type *eth_type_find(uint16_t type)
{
	for (size_t i = 0; i < COUNT_OF(eth_types); i++)
		if (eth_types[i].type == type)
			return &eth_types[i];
	return NULL;
}

const struct ip_proto *ip_proto_find(uint8_t number)
{
	for (size_t i = 0; i < COUNT_OF(ip_protos); i++)
		if (ip_protos[i].number == number)
			return &ip_protos[i];
	return NULL;
}

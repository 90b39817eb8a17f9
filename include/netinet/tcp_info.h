/* SPDX-License-Identifier: MIT */
/*
 * What getsockopt(TCP_INFO) tells of a connection, in Linux's layout.  A field
 * that has no meaning here is 0.  Counts "in segments" are bytes divided by the
 * present segment size, rounded up.
 */
#pragma once

#include <stdint.h>

/* tcpi_options */
#define TCPI_OPT_TIMESTAMPS 1
#define TCPI_OPT_SACK       2
#define TCPI_OPT_WSCALE     4
#define TCPI_OPT_ECN        8
#define TCPI_OPT_ECN_SEEN   16

/* tcpi_ca_state: whether losses are being repaired, and how they showed */
enum tcp_ca_state {
	TCP_CA_Open = 0,
	TCP_CA_Disorder = 1, /* out of order, or lost: not known yet */
	TCP_CA_CWR = 2,
	TCP_CA_Recovery = 3, /* found by acknowledgments */
	TCP_CA_Loss = 4      /* found by a timeout */
};

struct tcp_info {
	uint8_t tcpi_state; /* TCP_ESTABLISHED and so on, of netinet/tcp.h */
	uint8_t tcpi_ca_state;
	uint8_t tcpi_retransmits; /* timeouts without an answer since */
	uint8_t tcpi_probes;      /* of a closed window, likewise */
	uint8_t tcpi_backoff;
	uint8_t tcpi_options;
	uint8_t tcpi_snd_wscale : 4, tcpi_rcv_wscale : 4;
	uint8_t tcpi_delivery_rate_app_limited : 1,
	    tcpi_fastopen_client_fail : 2;

	uint32_t tcpi_rto; /* microseconds, as all times but last_* */
	uint32_t tcpi_ato;
	uint32_t tcpi_snd_mss; /* bytes */
	uint32_t tcpi_rcv_mss;

	uint32_t tcpi_unacked; /* segments; of a listener: to be accepted */
	uint32_t tcpi_sacked;  /* segments; of a listener: its backlog */
	uint32_t tcpi_lost;
	uint32_t tcpi_retrans; /* sent again and still out */
	uint32_t tcpi_fackets;

	uint32_t tcpi_last_data_sent; /* milliseconds ago */
	uint32_t tcpi_last_ack_sent;
	uint32_t tcpi_last_data_recv;
	uint32_t tcpi_last_ack_recv;

	uint32_t tcpi_pmtu;
	uint32_t tcpi_rcv_ssthresh; /* bytes that may wait to be read */
	uint32_t tcpi_rtt;
	uint32_t tcpi_rttvar;
	uint32_t tcpi_snd_ssthresh; /* segments; 0x7fffffff: none yet */
	uint32_t tcpi_snd_cwnd;     /* segments */
	uint32_t tcpi_advmss;
	uint32_t tcpi_reordering;

	uint32_t tcpi_rcv_rtt;
	uint32_t tcpi_rcv_space; /* bytes drained in a round trip */

	uint32_t tcpi_total_retrans; /* segments */

	uint64_t tcpi_pacing_rate;
	uint64_t tcpi_max_pacing_rate;
	uint64_t tcpi_bytes_acked;
	uint64_t tcpi_bytes_received;
	uint32_t tcpi_segs_out;
	uint32_t tcpi_segs_in;

	uint32_t tcpi_notsent_bytes;
	uint32_t tcpi_min_rtt; /* UINT32_MAX: not known */
	uint32_t tcpi_data_segs_in;
	uint32_t tcpi_data_segs_out;

	uint64_t tcpi_delivery_rate;

	uint64_t tcpi_busy_time;
	uint64_t tcpi_rwnd_limited;
	uint64_t tcpi_sndbuf_limited;

	uint32_t tcpi_delivered; /* segments */
	uint32_t tcpi_delivered_ce;

	uint64_t tcpi_bytes_sent;
	uint64_t tcpi_bytes_retrans;
	uint32_t tcpi_dsack_dups;
	uint32_t tcpi_reord_seen;

	uint32_t tcpi_rcv_ooopack;

	uint32_t tcpi_snd_wnd; /* bytes */
	uint32_t tcpi_rcv_wnd; /* bytes */
	uint32_t tcpi_rehash;
	uint16_t tcpi_total_rto;
	uint16_t tcpi_total_rto_recoveries;
	uint32_t tcpi_total_rto_time;
};

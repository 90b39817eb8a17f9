/* SPDX-License-Identifier: MIT */
/* Options of TCP sockets (level IPPROTO_TCP); the numbers are Linux's. */
#pragma once

#include "tcp_info.h"

#define TCP_NODELAY      1
#define TCP_MAXSEG       2  /* int: the largest segment, before connecting */
#define TCP_CORK         3  /* int: hold partial segments back, for 200 ms */
#define TCP_KEEPIDLE     4  /* seconds of silence before the first probe */
#define TCP_KEEPINTVL    5  /* seconds between probes */
#define TCP_KEEPCNT      6  /* unanswered probes that end the connection */
#define TCP_INFO         11 /* struct tcp_info, get only */
#define TCP_QUICKACK     12 /* int: 1 ACK at once, 0 late; at first neither */
#define TCP_CONGESTION   13 /* the name of congestion control, a string */
#define TCP_USER_TIMEOUT 18 /* ms without an answer; 0: the default */

#define TCP_CA_NAME_MAX 16 /* bytes of TCP_CONGESTION, with the final zero */

/* tcpi_state */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING
};

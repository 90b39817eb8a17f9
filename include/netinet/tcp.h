/* SPDX-License-Identifier: MIT */
/* Options of TCP sockets (level IPPROTO_TCP). */
#pragma once

#define TCP_NODELAY      1
#define TCP_KEEPIDLE     4  /* seconds of silence before the first probe */
#define TCP_KEEPINTVL    5  /* seconds between probes */
#define TCP_KEEPCNT      6  /* unanswered probes that end the connection */
#define TCP_USER_TIMEOUT 18 /* ms without an answer; 0: the default */

/* SPDX-License-Identifier: MIT */
/* Options of TCP sockets (level IPPROTO_TCP). */
#pragma once

#define TCP_NODELAY 1

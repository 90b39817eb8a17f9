/* SPDX-License-Identifier: MIT */
/*
 * How memory is shared out.  Boot measures the memory that is free, gives
 * LIMIT_STACK_SHARE thousandths of it to the network stack and others to the
 * users below; each pool takes its part of that, within bounds.
 */
#pragma once

#include <stdint.h>

/* Of free memory, in thousandths. */
#define LIMIT_STACK_SHARE   600
#define LIMIT_THREADS_SHARE 150 /* stacks */
#define LIMIT_MALLOC_SHARE  150 /* applications */

#define LIMIT_THREADS_MIN 32
#define LIMIT_THREADS_MAX 2048

#define LIMIT_FDS_MAX 65536 /* descriptors of the environment */

#define LIMIT_MALLOC_MAX (32u << 20)
#define LIMIT_STACK_MAX  (160u << 20)

/* Names of the stick's files, and copies of fragmented ones. */
#define LIMIT_FILES_SHARE 100
#define LIMIT_FILES_MAX   (72u << 20)
#define LIMIT_FILE_BYTES  512 /* of that for each file's entry and path */

/* A minimum, and a share of what is left when everybody has his minimum. */
struct limit {
	uint32_t share; /* in thousandths */
	uint32_t min, max;
};

static const struct limit limit_packets = { 180, 256, 16384 };
static const struct limit limit_chunks = { 328, 512, 131072 };
static const struct limit limit_conns = { 375, 128, 65535 };
static const struct limit limit_time_waits = { 30, 256, 65536 };
static const struct limit limit_socks = { 57, 160, 65536 };
static const struct limit limit_sent = { 20, 512, 65536 };
static const struct limit limit_neighbours = { 5, 64, 1024 };

/* SPDX-License-Identifier: MIT */
/*
 * An example of an application that computes: 300 ms at a stretch, then it
 * lets others have a turn.  Meanwhile nothing else runs; afterwards all does.
 */
#include "apps.h"

#include <sched.h>
#include <stddef.h>
#include <time.h>

#define STRETCH_MS 300

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int spin_main(int argc, char **argv)
{
	for (;;) {
		long start = now_ms();

		while (now_ms() - start < STRETCH_MS)
			continue;
		sched_yield();
	}
}

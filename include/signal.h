/* SPDX-License-Identifier: MIT */
/* There are no signals.  This lets programs compile that ignore SIGPIPE. */
#pragma once

#define SIGPIPE 13

typedef void (*sighandler_t)(int);

#define SIG_DFL ((sighandler_t)0)
#define SIG_IGN ((sighandler_t)1)

static inline sighandler_t signal(int number, sighandler_t handler)
{
	(void)number;
	(void)handler;
	return SIG_DFL;
}

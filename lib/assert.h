/* SPDX-License-Identifier: MIT */
/*
 * assert states an invariant of our own code and stays on in release builds.
 * Neither a device nor a peer can make one fail: what comes from outside is
 * checked, counted and dropped instead.
 */
#pragma once

#include <stdnoreturn.h>

/*
 * Ends the system: prints a line starting "PANIC ", registers and a backtrace,
 * then does what the setting panic= says.  The machine implements it
 * (arch/x86_64/panic.c, arch/host/panic.c).  Context: any.
 */
noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#undef assert
#define assert(expr)                                                           \
	((expr) ? (void)0                                                      \
	        : panic("assertion failed: %s at %s:%d", #expr, __FILE__,      \
	              __LINE__))

#ifndef static_assert
#define static_assert _Static_assert
#endif

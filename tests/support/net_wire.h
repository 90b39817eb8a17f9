/* SPDX-License-Identifier: MIT */
/* What the tests of net/ share beside net_fixture: asserts that must hold. */
#pragma once

#include <setjmp.h>

#include "arch/host/arch_host.h"

/* The statement must end in a panic: an invariant of ours was broken. */
#define assert_panic(statement)                                                \
	do {                                                                   \
		jmp_buf env_;                                                  \
		if (setjmp(env_) == 0) {                                       \
			host_expect_panic(&env_);                              \
			statement;                                             \
			fail_msg("did not panic: " #statement);                \
		}                                                              \
	} while (0)

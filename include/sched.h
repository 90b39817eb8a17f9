/* SPDX-License-Identifier: MIT */
/* A thread that computes for long calls sched_yield now and then. */
#pragma once

int sched_yield(void) __asm__("rl_sched_yield");

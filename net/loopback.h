/* SPDX-License-Identifier: MIT */
#pragma once

struct stack;

/* Makes the stack's loopback device, 127.0.0.1/8, and registers it. */
void loopback_init(struct stack *st);

/* SPDX-License-Identifier: MIT */
/*
 * Runs packet scripts: a peer's segments and the user's calls, one line each,
 * against one stack under the fake clock.  docs/TESTING.md describes the
 * language; scripts are tests/script/<group>/<rule>.pkt.
 */
#pragma once

/* Runs a script's text in a stack that fx_setup made.  name: for messages.
 * Returns NULL, or what went wrong with its line, good until the next call. */
const char *script_run(const char *name, const char *text);

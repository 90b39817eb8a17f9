/* SPDX-License-Identifier: MIT */
/* The reasons of drops.def as numbers. */
#pragma once

enum drop_reason {
#define DROP(id, name, text) DROP_##id,
#include "net/drops.def"
#undef DROP
	DROP_COUNT
};

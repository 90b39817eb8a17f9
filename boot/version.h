/* SPDX-License-Identifier: MIT */
#pragma once

#define RINGLET_VERSION "0.3"

/* SPDX-License-Identifier: MIT */
/* Every application of the image has one line here. */
#include "apps.h"

#include <stddef.h>
#include <string.h>

static const struct app apps[] = {
	{ "tcp_echo", tcp_echo_main },
	{ "udp_echo", udp_echo_main },
	{ "http", http_main },
	{ "admin", admin_main },
	{ "spin", spin_main },
};

const struct app *app_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(apps) / sizeof(apps[0]); i++)
		if (strcmp(apps[i].name, name) == 0)
			return &apps[i];
	return NULL;
}

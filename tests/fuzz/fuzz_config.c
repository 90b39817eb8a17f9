/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as config.txt and, behind the first zero byte, as a command line.
 * Whatever they say, the settings must keep what settings.h promises.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/settings.h"
#include "lib/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of each source the first mistakes and a sum; then what does not go together:
 * a gateway and an address of each card, two ports. */
#define REPORTS_MAX (2 * (CONFIG_REPORTS_MAX + 1) + 2 * NIC_CARDS_MAX + 3)

static uint32_t reports;

static void report(const char *line)
{
	if (*line == '\0' || strlen(line) > 200 || strchr(line, '\n') != NULL)
		abort();
	reports++;
}

static void check_ip(const struct ip_settings *ip)
{
	uint32_t first = ip->addr >> 24;

	if (ip->source != IP_STATIC)
		return;
	if (ip->prefix < 1 || ip->prefix > 30)
		abort();
	if (first == 0 || first == 127 || first >= 224)
		abort();
}

static void check(const struct settings *s)
{
	for (unsigned i = 0; i < NIC_CARDS_MAX; i++)
		check_ip(&s->ip[i]);
	if (s->nic.cards > NIC_CARDS_MAX)
		abort();
	if (s->http_port != 0 && s->http_port == s->admin_port)
		abort();
	if (memchr(s->hostname, 0, sizeof(s->hostname)) == NULL ||
	    memchr(s->admin_token, 0, sizeof(s->admin_token)) == NULL ||
	    memchr(s->app, 0, sizeof(s->app)) == NULL || !s->hostname[0])
		abort();
	if (s->tcp_msl_s < 1 || s->tcp_msl_s > 600 || s->panic_reboot_s > 3600)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t file_len = size > 0 ? strnlen((const char *)data, size) : 0;
	size_t words_len = size - file_len;
	char *file = malloc(file_len > 0 ? file_len : 1);
	char *words = calloc(1, words_len + 1);
	struct settings s;
	uint32_t mistakes;

	memcpy(file, data, file_len);
	if (words_len > 0)
		memcpy(words, data + file_len + 1, words_len - 1);
	reports = 0;
	mistakes = settings_load(&s, file, file_len, words, report);
	if (reports > mistakes || (reports == 0) != (mistakes == 0) ||
	    reports > REPORTS_MAX)
		abort();
	check(&s);
	free(file);
	free(words);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The typed settings that config.txt and the command line fill.  main.c hands
 * each module its own part, so no other file knows a key's name.  Every key is
 * described in docs/CONFIG.md; adding one is a field here, a line in
 * settings_keys and a row there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/drivers.h"
#include "lib/config.h"
#include "lib/log.h"

#define SETTINGS_NAME_MAX  64
#define SETTINGS_TOKEN_MAX 128

enum tcp_cc_name { TCP_CC_CUBIC, TCP_CC_RENO };

/* How a device comes to its address. */
enum ip_source { IP_DHCP, IP_STATIC, IP_OFF };

/* Of one device; addr and prefix (1 to 30) hold for IP_STATIC.  Addresses are
 * in host order; 0 when not given. */
struct ip_settings {
	enum ip_source source;
	uint32_t addr, prefix, gateway;
};

struct settings {
	struct ip_settings ip[NIC_CARDS_MAX]; /* eth0, eth1, ... */
	uint32_t dns;
	uint16_t http_port; /* ports: 0 is off */
	uint16_t echo_port; /* TCP and UDP */
	uint16_t admin_port;
	bool console_serial;
	bool console_screen;
	bool panic_halt; /* else reboot after the next */
	uint32_t panic_reboot_s;
	uint32_t watchdog_s; /* 0: off */
	enum log_level log;
	struct nic_config nic;
	uint32_t tcp_msl_s;
	enum tcp_cc_name tcp_cc;
	uint8_t tcp_ecn; /* enum tcp_ecn of net/tcp.h */
	char hostname[SETTINGS_NAME_MAX];
	char admin_token[SETTINGS_TOKEN_MAX]; /* empty when none */
	char app[SETTINGS_NAME_MAX]; /* empty: the default applications */
};

/* The table that ties keys to fields; ended by a NULL name. */
extern const struct config_key settings_keys[];

void settings_defaults(struct settings *s);

/*
 * Settles what no key can see alone: a gateway outside the static network is
 * dropped, a device with an address that an earlier one has is switched off,
 * and of two services on one port the later of http, echo, admin is
 * switched off.  report gets one line for each.  Returns how many.
 */
uint32_t settings_check(struct settings *s, void (*report)(const char *line));

/*
 * Defaults, then the file (file may be NULL), then the command line (may be
 * NULL), then settings_check.  report gets one line per mistake; a mistaken
 * value leaves the key as it was.  Returns the number of mistakes.
 */
uint32_t settings_load(struct settings *s, const char *file, size_t file_len,
    const char *command_line, void (*report)(const char *line));

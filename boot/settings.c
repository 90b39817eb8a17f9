/* SPDX-License-Identifier: MIT */
/*
 * One short function per key turns its text into a field of struct settings,
 * or says in a few words what is wrong and leaves the field alone.
 */
#include "boot/settings.h"

#include "lib/fmt.h"
#include "lib/string.h"

/* RFC 9293 3.4.1 names two minutes as the segment's lifetime; ten is beyond
 * what any network keeps. */
#define TCP_MSL_MAX_S      600
#define PANIC_REBOOT_MAX_S 3600

static uint32_t net_mask(uint32_t prefix)
{
	return ~0U << (32 - prefix);
}

/* Whether one host may own this address: not 0/8, 127/8, 224/4 or above. */
static bool is_host(uint32_t ip)
{
	uint32_t first = ip >> 24;

	return first != 0 && first != 127 && first < 224;
}

static const char *parse_port(const char *value, uint16_t *port)
{
	uint32_t n;

	if (strcmp(value, "off") == 0) {
		*port = 0;
		return NULL;
	}
	if (!str_parse_u32(value, strlen(value), 65535, &n) || n == 0)
		return "not a port number (1-65535) or off";
	*port = (uint16_t)n;
	return NULL;
}

/* Finds value in a NULL-ended list; returns its index or -1. */
static int choice(const char *value, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(value, names[i]) == 0)
			return i;
	}
	return -1;
}

static const char *set_ip(void *settings, const char *value)
{
	struct settings *s = settings;
	const char *slash = strchr(value, '/');
	uint32_t ip, prefix, host;

	if (strcmp(value, "dhcp") == 0) {
		s->ip_dhcp = true;
		return NULL;
	}
	if (slash == NULL)
		return "not dhcp or an address with a length, A.B.C.D/LEN";
	if (!str_parse_ipv4(value, (size_t)(slash - value), &ip))
		return "not an IPv4 address";
	if (!str_parse_u32(slash + 1, strlen(slash + 1), 30, &prefix) ||
	    prefix == 0)
		return "length of the network must be 1 to 30";
	if (!is_host(ip))
		return "no host may have this address";
	host = ip & ~net_mask(prefix);
	if (host == 0 || host == ~net_mask(prefix))
		return "this is the network's own or broadcast address";
	s->ip_dhcp = false;
	s->ip_addr = ip;
	s->ip_prefix = (uint8_t)prefix;
	return NULL;
}

static const char *parse_host(const char *value, uint32_t *out)
{
	uint32_t ip;

	if (!str_parse_ipv4(value, strlen(value), &ip))
		return "not an IPv4 address";
	if (!is_host(ip))
		return "no host may have this address";
	*out = ip;
	return NULL;
}

static const char *set_gateway(void *settings, const char *value)
{
	return parse_host(value, &((struct settings *)settings)->gateway);
}

static const char *set_dns(void *settings, const char *value)
{
	return parse_host(value, &((struct settings *)settings)->dns);
}

static bool is_alnum(char c)
{
	c = str_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 1123 2.1: labels of letters, digits and inner hyphens. */
static bool is_host_name(const char *name)
{
	for (const char *p = name;; p++) {
		bool first = p == name || p[-1] == '.';
		bool last = *p == '\0' || *p == '.';

		if (first && last)
			return false;
		if (last && p[-1] == '-')
			return false;
		if (*p == '\0')
			return true;
		if (!last && !is_alnum(*p) && (*p != '-' || first))
			return false;
	}
}

static const char *set_hostname(void *settings, const char *value)
{
	struct settings *s = settings;

	if (strlen(value) >= sizeof(s->hostname))
		return "a host name has at most 63 characters";
	if (!is_host_name(value))
		return "a host name has letters, digits and inner hyphens";
	str_copy(s->hostname, sizeof(s->hostname), value);
	return NULL;
}

static const char *set_http_port(void *settings, const char *value)
{
	return parse_port(value, &((struct settings *)settings)->http_port);
}

static const char *set_echo_port(void *settings, const char *value)
{
	return parse_port(value, &((struct settings *)settings)->echo_port);
}

static const char *set_admin_port(void *settings, const char *value)
{
	return parse_port(value, &((struct settings *)settings)->admin_port);
}

static const char *set_admin_token(void *settings, const char *value)
{
	struct settings *s = settings;

	/* It travels in an HTTP header: visible ASCII only. */
	for (const char *p = value; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return "a token has no spaces and only ASCII";
	}
	if (*value == '\0')
		return "empty; leave the line out to have no token";
	if (strlen(value) >= sizeof(s->admin_token))
		return "a token has at most 127 characters";
	str_copy(s->admin_token, sizeof(s->admin_token), value);
	return NULL;
}

static const char *set_console(void *settings, const char *value)
{
	struct settings *s = settings;
	bool serial = false, screen = false;

	for (;;) {
		size_t n = 0;

		while (value[n] != '\0' && value[n] != ',')
			n++;
		if (n == 6 && memcmp(value, "serial", n) == 0)
			serial = true;
		else if (n == 6 && memcmp(value, "screen", n) == 0)
			screen = true;
		else
			return "not serial, screen or both with a comma";
		if (value[n] == '\0')
			break;
		value += n + 1;
		while (*value == ' ')
			value++;
	}
	s->console_serial = serial;
	s->console_screen = screen;
	return NULL;
}

static const char *set_log(void *settings, const char *value)
{
	static const char *const names[] = { "error", "warn", "info", "debug",
		NULL };
	int level = choice(value, names);

	if (level < 0)
		return "not error, warn, info or debug";
	((struct settings *)settings)->log = (enum log_level)level;
	return NULL;
}

static const char *set_panic(void *settings, const char *value)
{
	struct settings *s = settings;
	uint32_t seconds;

	if (strcmp(value, "halt") == 0) {
		s->panic_halt = true;
		return NULL;
	}
	if (strncmp(value, "reboot:", 7) != 0 ||
	    !str_parse_u32(
	        value + 7, strlen(value + 7), PANIC_REBOOT_MAX_S, &seconds))
		return "not halt or reboot:SECONDS (0-3600)";
	s->panic_halt = false;
	s->panic_reboot_s = seconds;
	return NULL;
}

static const char *set_nic_mode(void *settings, const char *value)
{
	static const char *const names[] = { "auto", "classic", "hybrid",
		"cplus", NULL };
	int mode = choice(value, names);

	if (mode < 0)
		return "not auto, classic, hybrid or cplus";
	((struct settings *)settings)->nic.mode = (enum nic_mode)mode;
	return NULL;
}

static const char *set_nic_poll(void *settings, const char *value)
{
	static const char *const names[] = { "auto", "napi", "poll", NULL };
	int poll = choice(value, names);

	if (poll < 0)
		return "not auto, napi or poll";
	((struct settings *)settings)->nic.poll = (enum nic_poll)poll;
	return NULL;
}

static const char *set_tcp_msl(void *settings, const char *value)
{
	uint32_t seconds;

	if (!str_parse_u32(value, strlen(value), TCP_MSL_MAX_S, &seconds) ||
	    seconds == 0)
		return "not a number of seconds (1-600)";
	((struct settings *)settings)->tcp_msl_s = seconds;
	return NULL;
}

static const char *set_tcp_cc(void *settings, const char *value)
{
	static const char *const names[] = { "cubic", "reno", NULL };
	int cc = choice(value, names);

	if (cc < 0)
		return "not cubic or reno";
	((struct settings *)settings)->tcp_cc = (enum tcp_cc_name)cc;
	return NULL;
}

static const char *set_app(void *settings, const char *value)
{
	struct settings *s = settings;

	for (const char *p = value; *p != '\0'; p++) {
		if (!is_alnum(*p) && *p != '-' && *p != '_')
			return "not an application's name";
	}
	if (*value == '\0' || strlen(value) >= sizeof(s->app))
		return "not an application's name";
	str_copy(s->app, sizeof(s->app), value);
	return NULL;
}

const struct config_key settings_keys[] = {
	{ .name = "ip", .set = set_ip },
	{ .name = "gateway", .set = set_gateway },
	{ .name = "dns", .set = set_dns },
	{ .name = "hostname", .set = set_hostname },
	{ .name = "http.port", .set = set_http_port },
	{ .name = "echo.port", .set = set_echo_port },
	{ .name = "admin.port", .set = set_admin_port },
	{ .name = "admin.token", .set = set_admin_token, .secret = true },
	{ .name = "console", .set = set_console },
	{ .name = "log", .set = set_log },
	{ .name = "panic", .set = set_panic },
	{ .name = "nic.mode", .set = set_nic_mode },
	{ .name = "nic.poll", .set = set_nic_poll },
	{ .name = "tcp.msl", .set = set_tcp_msl },
	{ .name = "tcp.cc", .set = set_tcp_cc },
	{ .name = "app", .set = set_app },
	{ .name = NULL },
};

void settings_defaults(struct settings *s)
{
	*s = (struct settings){
		.ip_dhcp = true,
		.http_port = 80,
		.echo_port = 7,
		.admin_port = 8139,
		.console_serial = true,
		.console_screen = true,
		.panic_reboot_s = 10,
		.log = LOG_INFO,
		.nic.mode = NIC_MODE_AUTO,
		.nic.poll = NIC_POLL_AUTO,
		.tcp_msl_s = 30,
		.tcp_cc = TCP_CC_CUBIC,
		.hostname = "ringlet",
	};
}

static uint32_t check_gateway(struct settings *s, void (*report)(const char *))
{
	char line[128];

	/* With DHCP the network is not known yet. */
	if (s->ip_dhcp || s->gateway == 0)
		return 0;
	if (s->gateway != s->ip_addr &&
	    ((s->gateway ^ s->ip_addr) & net_mask(s->ip_prefix)) == 0)
		return 0;
	fmt_snprintf(line, sizeof(line),
	    "gateway: %pI is no neighbour of %pI/%u; going on without",
	    (void *)&s->gateway, (void *)&s->ip_addr, s->ip_prefix);
	s->gateway = 0;
	report(line);
	return 1;
}

static uint32_t check_ports(uint16_t *port, const char *name, uint16_t other,
    void (*report)(const char *))
{
	char line[128];

	if (*port == 0 || *port != other)
		return 0;
	fmt_snprintf(line, sizeof(line),
	    "%s: port %u is taken by another service; switched off", name,
	    *port);
	*port = 0;
	report(line);
	return 1;
}

uint32_t settings_check(struct settings *s, void (*report)(const char *line))
{
	return check_gateway(s, report) +
	       check_ports(&s->echo_port, "echo.port", s->http_port, report) +
	       check_ports(&s->admin_port, "admin.port", s->http_port, report) +
	       check_ports(&s->admin_port, "admin.port", s->echo_port, report);
}

uint32_t settings_load(struct settings *s, const char *file, size_t file_len,
    const char *command_line, void (*report)(const char *line))
{
	struct config_parser c = { settings_keys, s, report };
	uint32_t mistakes = 0;

	settings_defaults(s);
	if (file != NULL)
		mistakes += config_parse_file(&c, "config.txt", file, file_len);
	if (command_line != NULL)
		mistakes += config_parse_words(&c, command_line);
	return mistakes + settings_check(s, report);
}

/* SPDX-License-Identifier: MIT */
/*
 * One short function per key turns its text into a field of struct settings,
 * or says in a few words what is wrong and leaves the field alone.
 */
#include "boot/settings.h"

#include "lib/fmt.h"
#include "lib/string.h"
#include "net/tcp.h"

/* RFC 9293 3.4.1 names two minutes as the segment's lifetime; ten is beyond
 * what any network keeps. */
#define TCP_MSL_MAX_S      600
#define PANIC_REBOOT_MAX_S 3600

/* A card is looked at once a second, and a busy machine is late. */
#define WATCHDOG_MIN_S 5
#define WATCHDOG_MAX_S 600

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

static const char *set_port(void *field, const char *value)
{
	uint16_t *port = field;
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

static const char *set_static(struct ip_settings *ip, const char *value)
{
	const char *slash = strchr(value, '/');
	uint32_t addr, prefix, host;

	if (slash == NULL)
		return "not dhcp or an address with a length, A.B.C.D/LEN";
	if (!str_parse_ipv4(value, (size_t)(slash - value), &addr))
		return "not an IPv4 address";
	if (!str_parse_u32(slash + 1, strlen(slash + 1), 30, &prefix) ||
	    prefix == 0)
		return "length of the network must be 1 to 30";
	if (!is_host(addr))
		return "no host may have this address";
	host = addr & ~net_mask(prefix);
	if (host == 0 || host == ~net_mask(prefix))
		return "this is the network's own or broadcast address";
	ip->source = IP_STATIC;
	ip->addr = addr;
	ip->prefix = prefix;
	return NULL;
}

static const char *set_ip(void *field, const char *value)
{
	struct ip_settings *ip = field;

	if (strcmp(value, "dhcp") != 0)
		return set_static(ip, value);
	ip->source = IP_DHCP;
	return NULL;
}

/* The first device is there to be reached; the others may be off. */
static const char *set_other_ip(void *field, const char *value)
{
	struct ip_settings *ip = field;

	if (strcmp(value, "off") != 0)
		return set_ip(field, value);
	ip->source = IP_OFF;
	return NULL;
}

static const char *set_host(void *field, const char *value)
{
	uint32_t ip;

	if (!str_parse_ipv4(value, strlen(value), &ip))
		return "not an IPv4 address";
	if (!is_host(ip))
		return "no host may have this address";
	*(uint32_t *)field = ip;
	return NULL;
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

static const char *set_watchdog(void *settings, const char *value)
{
	struct settings *s = settings;
	uint32_t seconds;

	if (strcmp(value, "off") == 0) {
		s->watchdog_s = 0;
		return NULL;
	}
	if (!str_parse_u32(value, strlen(value), WATCHDOG_MAX_S, &seconds) ||
	    seconds < WATCHDOG_MIN_S)
		return "not a number of seconds (5-600) or off";
	s->watchdog_s = seconds;
	return NULL;
}

/* A number of 1 to digits hexadecimal digits before the character end, at most
 * max.  Returns what follows end, or NULL. */
static const char *parse_hex(
    const char *p, unsigned digits, char end, uint8_t max, uint8_t *out)
{
	uint32_t n = 0;
	unsigned i = 0;

	for (; i < digits && p[i] != end; i++) {
		char c = str_lower(p[i]);

		if (c >= '0' && c <= '9')
			n = n << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n << 4 | (uint32_t)(c - 'a' + 10);
		else
			return NULL;
	}
	if (i == 0 || p[i] != end || n > max)
		return NULL;
	*out = (uint8_t)n;
	return p + i + 1;
}

static bool is_same_place(struct pci_address a, struct pci_address b)
{
	return a.bus == b.bus && a.slot == b.slot && a.function == b.function;
}

/* Each names one more card; auto forgets those named before. */
static const char *set_nic(void *settings, const char *value)
{
	struct nic_config *nic = &((struct settings *)settings)->nic;
	struct pci_address at;
	const char *p = value;

	if (strcmp(value, "auto") == 0) {
		nic->cards = 0;
		return NULL;
	}
	p = parse_hex(p, 2, ':', 0xff, &at.bus);
	p = p ? parse_hex(p, 2, '.', 0x1f, &at.slot) : NULL;
	p = p ? parse_hex(p, 1, '\0', 7, &at.function) : NULL;
	if (p == NULL)
		return "not auto or a PCI address, BB:SS.F";
	for (uint32_t i = 0; i < nic->cards; i++)
		if (is_same_place(nic->card[i], at))
			return "this card was named before";
	if (nic->cards == NIC_CARDS_MAX)
		return "at most four cards are used";
	nic->card[nic->cards++] = at;
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

static const char *set_tcp_ecn(void *settings, const char *value)
{
	static const char *const names[] = { [TCP_ECN_OFF] = "off",
		[TCP_ECN_PASSIVE] = "passive",
		[TCP_ECN_ON] = "on",
		NULL };
	int ecn = choice(value, names);

	if (ecn < 0)
		return "not on, passive or off";
	((struct settings *)settings)->tcp_ecn = (uint8_t)ecn;
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

#define FIELD(member) .offset = offsetof(struct settings, member)

const struct config_key settings_keys[] = {
	{ .name = "ip", .set = set_ip, FIELD(ip[0]) },
	{ .name = "gateway", .set = set_host, FIELD(ip[0].gateway) },
	{ .name = "eth1.ip", .set = set_other_ip, FIELD(ip[1]) },
	{ .name = "eth1.gateway", .set = set_host, FIELD(ip[1].gateway) },
	{ .name = "eth2.ip", .set = set_other_ip, FIELD(ip[2]) },
	{ .name = "eth2.gateway", .set = set_host, FIELD(ip[2].gateway) },
	{ .name = "eth3.ip", .set = set_other_ip, FIELD(ip[3]) },
	{ .name = "eth3.gateway", .set = set_host, FIELD(ip[3].gateway) },
	{ .name = "dns", .set = set_host, FIELD(dns) },
	{ .name = "hostname", .set = set_hostname },
	{ .name = "http.port", .set = set_port, FIELD(http_port) },
	{ .name = "echo.port", .set = set_port, FIELD(echo_port) },
	{ .name = "admin.port", .set = set_port, FIELD(admin_port) },
	{ .name = "admin.token", .set = set_admin_token, .secret = true },
	{ .name = "console", .set = set_console },
	{ .name = "log", .set = set_log },
	{ .name = "panic", .set = set_panic },
	{ .name = "watchdog", .set = set_watchdog },
	{ .name = "nic", .set = set_nic, .repeats = true },
	{ .name = "nic.mode", .set = set_nic_mode },
	{ .name = "nic.poll", .set = set_nic_poll },
	{ .name = "tcp.msl", .set = set_tcp_msl },
	{ .name = "tcp.cc", .set = set_tcp_cc },
	{ .name = "tcp.ecn", .set = set_tcp_ecn },
	{ .name = "app", .set = set_app },
	{ .name = NULL },
};

void settings_defaults(struct settings *s)
{
	*s = (struct settings){
		.http_port = 80,
		.echo_port = 7,
		.admin_port = 8139,
		.console_serial = true,
		.console_screen = true,
		.panic_reboot_s = 10,
		.watchdog_s = 30,
		.log = LOG_INFO,
		.nic.mode = NIC_MODE_AUTO,
		.nic.poll = NIC_POLL_AUTO,
		.tcp_msl_s = 30,
		.tcp_cc = TCP_CC_CUBIC,
		.tcp_ecn = TCP_ECN_PASSIVE,
		.hostname = "ringlet",
	};
}

/* What belongs before the name of a key of this device's. */
static void key_name(char *buf, size_t size, uint32_t i, const char *key)
{
	if (i == 0)
		fmt_snprintf(buf, size, "%s", key);
	else
		fmt_snprintf(buf, size, "eth%u.%s", i, key);
}

static uint32_t check_gateway(
    struct ip_settings *ip, uint32_t i, void (*report)(const char *))
{
	char line[128], key[16];

	/* With DHCP the network is not known yet. */
	if (ip->source != IP_STATIC || ip->gateway == 0)
		return 0;
	if (ip->gateway != ip->addr &&
	    ((ip->gateway ^ ip->addr) & net_mask(ip->prefix)) == 0)
		return 0;
	key_name(key, sizeof(key), i, "gateway");
	fmt_snprintf(line, sizeof(line),
	    "%s: %pI is no neighbour of %pI/%u; going on without", key,
	    (void *)&ip->gateway, (void *)&ip->addr, ip->prefix);
	ip->gateway = 0;
	report(line);
	return 1;
}

static uint32_t check_address(
    struct settings *s, uint32_t i, void (*report)(const char *))
{
	struct ip_settings *ip = &s->ip[i];
	char line[128];

	for (uint32_t j = 0; j < i; j++) {
		if (ip->source != IP_STATIC || s->ip[j].source != IP_STATIC ||
		    s->ip[j].addr != ip->addr)
			continue;
		ip->source = IP_OFF;
		fmt_snprintf(line, sizeof(line),
		    "eth%u.ip: %pI is the address of eth%u; switched off", i,
		    (void *)&ip->addr, j);
		report(line);
		return 1;
	}
	return 0;
}

static uint32_t check_ip(struct settings *s, void (*report)(const char *))
{
	uint32_t mistakes = 0;

	for (uint32_t i = 0; i < NIC_CARDS_MAX; i++)
		mistakes += check_gateway(&s->ip[i], i, report) +
		            check_address(s, i, report);
	return mistakes;
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
	return check_ip(s, report) +
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

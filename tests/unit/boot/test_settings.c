/* SPDX-License-Identifier: MIT */
/* boot/settings.c: every key's good and bad values, and what beats what. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "boot/settings.h"
#include "net/tcp.h"

static struct settings s;
static char said[1024];

static void report(const char *line)
{
	strncat(said, line, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

static uint32_t load(const char *file, const char *command_line)
{
	said[0] = '\0';
	return settings_load(
	    &s, file, file != NULL ? strlen(file) : 0, command_line, report);
}

static void expect_good(const char *words)
{
	if (load(NULL, words) != 0)
		fail_msg("'%s': %s", words, said);
}

/* A bad value is one line, and every setting stays as it was. */
static void expect_bad(const char *key, const char *value, const char *why)
{
	static struct settings before; /* zero padding, as in s */
	char line[200], words[200];

	settings_defaults(&before);
	snprintf(words, sizeof(words), "%s=%s", key, value);
	snprintf(line, sizeof(line), "command line: %s: %s%s%s%s\n", key, why,
	    *value != '\0' ? " '" : "", value, *value != '\0' ? "'" : "");
	assert_int_equal(load(NULL, words), 1);
	assert_string_equal(said, line);
	assert_memory_equal(&s, &before, sizeof(s));
}

static void the_defaults_are_those_of_the_contract(void **state)
{
	assert_int_equal(load(NULL, NULL), 0);
	assert_int_equal(s.ip[0].source, IP_DHCP);
	assert_int_equal(s.ip[0].gateway, 0);
	assert_int_equal(s.dns, 0);
	assert_string_equal(s.hostname, "ringlet");
	assert_int_equal(s.http_port, 80);
	assert_int_equal(s.echo_port, 7);
	assert_int_equal(s.admin_port, 8139);
	assert_string_equal(s.admin_token, "");
	assert_true(s.console_serial && s.console_screen);
	assert_int_equal(s.log, LOG_INFO);
	assert_false(s.panic_halt);
	assert_int_equal(s.panic_reboot_s, 10);
	assert_int_equal(s.watchdog_s, 30);
	assert_int_equal(s.nic.mode, NIC_MODE_AUTO);
	assert_int_equal(s.nic.poll, NIC_POLL_AUTO);
	assert_int_equal(s.tcp_msl_s, 30);
	assert_int_equal(s.tcp_cc, TCP_CC_CUBIC);
	assert_int_equal(s.tcp_ecn, TCP_ECN_PASSIVE);
	assert_string_equal(s.app, "");
}

static void the_file_is_read(void **state)
{
	assert_int_equal(load("ip = 10.66.0.2/24 # static\r\n"
	                      "gateway = 10.66.0.1\r\n"
	                      "console = serial, screen\r\n",
	                     NULL),
	    0);
	assert_int_equal(s.ip[0].source, IP_STATIC);
	assert_int_equal(s.ip[0].addr, 0x0a420002);
	assert_int_equal(s.ip[0].prefix, 24);
	assert_int_equal(s.ip[0].gateway, 0x0a420001);
}

static void the_command_line_wins_over_the_file(void **state)
{
	assert_int_equal(
	    load("http.port = 81\necho.port = 8\n", "http.port=82 ip=dhcp"), 0);
	assert_int_equal(s.http_port, 82);
	assert_int_equal(s.echo_port, 8);
}

static void a_mistake_on_the_command_line_leaves_the_files_value(void **state)
{
	assert_int_equal(load("http.port = 81\n", "http.port=x"), 1);
	assert_int_equal(s.http_port, 81);
}

static void mistakes_of_file_and_command_line_add_up(void **state)
{
	assert_int_equal(load("prot = 81\n", "http.prot=x"), 2);
	assert_string_equal(said, "config.txt:1: unknown key 'prot'\n"
	                          "command line: unknown key 'http.prot'\n");
}

static void addresses_take_a_network_length(void **state)
{
	expect_good("ip=192.168.1.77/30");
	assert_int_equal(s.ip[0].prefix, 30);
	expect_good("ip=126.0.0.1/1");
	expect_good("ip=10.0.0.2/8 ip=dhcp");
	assert_int_equal(s.ip[0].source, IP_DHCP);
}

static void addresses_that_no_host_has_are_refused(void **state)
{
	static const char *const strange[] = { "0.1.2.3/24", "127.0.0.1/8",
		"224.0.0.1/24", "255.1.1.1/8" };
	const char *own = "this is the network's own or broadcast address";
	const char *length = "length of the network must be 1 to 30";

	for (size_t i = 0; i < 4; i++)
		expect_bad("ip", strange[i], "no host may have this address");
	expect_bad("ip", "10.0.0.0/24", own);
	expect_bad("ip", "10.0.0.255/24", own);
	expect_bad("ip", "10.0.0.1/0", length);
	expect_bad("ip", "10.0.0.1/31", length);
	expect_bad("ip", "10.0.0.1/", length);
	expect_bad("ip", "10.0.0.1/2/3", length);
	expect_bad("ip", "10.0.0/24", "not an IPv4 address");
	expect_bad("ip", "/24", "not an IPv4 address");
	expect_bad("ip", "10.0.0.1",
	    "not dhcp or an address with a length, A.B.C.D/LEN");
	expect_bad(
	    "ip", "", "not dhcp or an address with a length, A.B.C.D/LEN");
}

static void gateway_and_dns_are_plain_addresses(void **state)
{
	expect_good("gateway=10.0.0.1 dns=9.9.9.9");
	assert_int_equal(s.dns, 0x09090909);
	expect_bad("gateway", "10.0.0.1/24", "not an IPv4 address");
	expect_bad("gateway", "0.0.0.0", "no host may have this address");
	expect_bad("dns", "239.1.1.1", "no host may have this address");
	expect_bad("dns", "example.org", "not an IPv4 address");
}

static void a_gateway_must_be_a_neighbour(void **state)
{
	expect_good("gateway=10.67.0.1");
	assert_int_equal(load(NULL, "ip=10.66.0.2/24 gateway=10.67.0.1"), 1);
	assert_string_equal(said,
	    "gateway: 10.67.0.1 is no neighbour of 10.66.0.2/24; "
	    "going on without\n");
	assert_int_equal(s.ip[0].gateway, 0);
	assert_int_equal(load(NULL, "gateway=10.66.0.2 ip=10.66.0.2/24"), 1);
	expect_good("ip=10.66.0.2/24 gateway=10.66.0.254");
}

static void host_names_have_labels(void **state)
{
	const char *why = "a host name has letters, digits and inner hyphens";
	static const char *const bad[] = { "", "-a", "a-", "a..b", ".a", "a.",
		"a_b", "a.-b", "\xc3\xa4" };

	expect_good("hostname=ring-1.Example.org");
	assert_string_equal(s.hostname, "ring-1.Example.org");
	expect_good("hostname=7");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_bad("hostname", bad[i], why);
}

static void a_host_name_has_at_most_63_characters(void **state)
{
	char words[100] = "hostname=";

	memset(words + 9, 'a', 63);
	expect_good(words);
	words[9 + 63] = 'a';
	assert_int_equal(load(NULL, words), 1);
	assert_string_equal(s.hostname, "ringlet");
}

static void ports_are_numbers_or_off(void **state)
{
	static const char *const keys[] = { "http.port", "echo.port",
		"admin.port" };
	static const char *const bad[] = { "0", "65536", "-1", "80x", "", "on",
		"http" };

	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			expect_bad(keys[k], bad[i],
			    "not a port number (1-65535) or off");
	expect_good("http.port=65535 echo.port=1 admin.port=off");
	assert_int_equal(s.http_port, 65535);
	assert_int_equal(s.echo_port, 1);
	assert_int_equal(s.admin_port, 0);
}

static void two_services_on_one_port_are_told_apart(void **state)
{
	assert_int_equal(load(NULL, "admin.port=80"), 1);
	assert_string_equal(said,
	    "admin.port: port 80 is taken by another service; "
	    "switched off\n");
	assert_int_equal(s.http_port, 80);
	assert_int_equal(s.admin_port, 0);
	assert_int_equal(load(NULL, "http.port=7 admin.port=7"), 2);
	assert_int_equal(s.http_port, 7);
	assert_int_equal(s.echo_port, 0);
	assert_int_equal(s.admin_port, 0);
	expect_good("http.port=off echo.port=off admin.port=off");
}

static void a_token_is_visible_and_never_shown(void **state)
{
	char words[160] = "admin.token=";

	expect_good("admin.token=S3cret!#~");
	assert_string_equal(s.admin_token, "S3cret!#~");
	assert_int_equal(load("admin.token = two words\n", NULL), 1);
	assert_string_equal(said,
	    "config.txt:1: admin.token: a token has no spaces and only "
	    "ASCII\n");
	expect_bad(
	    "admin.token", "", "empty; leave the line out to have no token");
	memset(words + 12, 't', 127);
	expect_good(words);
	words[12 + 127] = 't';
	assert_int_equal(load(NULL, words), 1);
	assert_string_equal(s.admin_token, "");
}

static void a_long_token_leaves_the_files_token(void **state)
{
	char words[160] = "admin.token=";

	memset(words + 12, 't', 128);
	assert_int_equal(load("admin.token = file\n", words), 1);
	assert_string_equal(s.admin_token, "file");
}

static void consoles_are_listed(void **state)
{
	static const char *const bad[] = { "", "vga", "serial,", ",screen",
		"serial;screen", "serialscreen" };

	expect_good("console=screen");
	assert_true(s.console_screen && !s.console_serial);
	expect_good("console=serial");
	assert_true(s.console_serial && !s.console_screen);
	expect_good("console=screen,serial");
	assert_true(s.console_serial && s.console_screen);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_bad("console", bad[i],
		    "not serial, screen or both with a comma");
}

static void choices_are_exact_words(void **state)
{
	expect_good("log=error");
	assert_int_equal(s.log, LOG_ERROR);
	expect_good("log=debug nic.mode=classic nic.poll=napi tcp.cc=reno");
	assert_int_equal(s.log, LOG_DEBUG);
	assert_int_equal(s.nic.mode, NIC_MODE_CLASSIC);
	assert_int_equal(s.nic.poll, NIC_POLL_NAPI);
	assert_int_equal(s.tcp_cc, TCP_CC_RENO);
	expect_good("log=warn nic.mode=cplus nic.poll=poll tcp.cc=cubic");
	assert_int_equal(s.log, LOG_WARN);
	assert_int_equal(s.nic.mode, NIC_MODE_CPLUS);
	assert_int_equal(s.nic.poll, NIC_POLL_POLL);
	expect_good("nic.mode=hybrid");
	assert_int_equal(s.nic.mode, NIC_MODE_HYBRID);
	expect_bad("log", "loud", "not error, warn, info or debug");
	expect_bad("log", "INFO", "not error, warn, info or debug");
	expect_bad("nic.mode", "c+", "not auto, classic, hybrid or cplus");
	expect_bad("nic.poll", "", "not auto, napi or poll");
	expect_bad("tcp.cc", "bbr", "not cubic or reno");
	expect_good("tcp.ecn=on");
	assert_int_equal(s.tcp_ecn, TCP_ECN_ON);
	expect_bad("tcp.ecn", "yes", "not on, passive or off");
}

static void panic_halts_or_reboots_after_seconds(void **state)
{
	static const char *const bad[] = { "", "reboot", "reboot:", "reboot:-1",
		"reboot:3601", "halt:5", "reboot:5s" };

	expect_good("panic=halt");
	assert_true(s.panic_halt);
	expect_good("panic=halt panic=reboot:0");
	assert_false(s.panic_halt);
	assert_int_equal(s.panic_reboot_s, 0);
	expect_good("panic=reboot:3600");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_bad(
		    "panic", bad[i], "not halt or reboot:SECONDS (0-3600)");
}

static void the_watchdog_waits_for_seconds_or_is_off(void **state)
{
	static const char *const bad[] = { "", "0", "4", "601", "on", "30s" };

	expect_good("watchdog=off");
	assert_int_equal(s.watchdog_s, 0);
	expect_good("watchdog=off watchdog=5");
	assert_int_equal(s.watchdog_s, 5);
	expect_good("watchdog=600");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_bad("watchdog", bad[i],
		    "not a number of seconds (5-600) or off");
}

static void msl_is_a_number_of_seconds(void **state)
{
	expect_good("tcp.msl=1");
	assert_int_equal(s.tcp_msl_s, 1);
	expect_good("tcp.msl=600");
	expect_bad("tcp.msl", "0", "not a number of seconds (1-600)");
	expect_bad("tcp.msl", "601", "not a number of seconds (1-600)");
	expect_bad("tcp.msl", "30s", "not a number of seconds (1-600)");
}

/* --- Several cards ------------------------------------------------------- */

static void each_card_has_its_own_address(void **state)
{
	const char *own = "this is the network's own or broadcast address";

	expect_good("ip=10.0.0.2/24 eth1.ip=10.1.0.2/16 eth1.gateway=10.1.0.1 "
	            "eth2.ip=off eth3.gateway=10.9.0.1");
	assert_int_equal(s.ip[0].addr, 0x0a000002);
	assert_int_equal(s.ip[1].source, IP_STATIC);
	assert_int_equal(s.ip[1].addr, 0x0a010002);
	assert_int_equal(s.ip[1].prefix, 16);
	assert_int_equal(s.ip[1].gateway, 0x0a010001);
	assert_int_equal(s.ip[2].source, IP_OFF);
	assert_int_equal(s.ip[3].source, IP_DHCP);
	assert_int_equal(s.ip[3].gateway, 0x0a090001);
	expect_good("eth1.ip=off eth1.ip=dhcp");
	assert_int_equal(s.ip[1].source, IP_DHCP);
	expect_bad("eth2.ip", "10.0.0.255/24", own);
	expect_bad("eth3.gateway", "off", "not an IPv4 address");
	/* The first card is how the others are reached at all. */
	expect_bad(
	    "ip", "off", "not dhcp or an address with a length, A.B.C.D/LEN");
}

static void each_gateway_is_a_neighbour_of_its_own_card(void **state)
{
	assert_int_equal(load(NULL, "ip=10.0.0.2/24 eth1.ip=10.1.0.2/24 "
	                            "eth1.gateway=10.0.0.1 gateway=10.0.0.1"),
	    1);
	assert_string_equal(said, "eth1.gateway: 10.0.0.1 is no neighbour of "
	                          "10.1.0.2/24; going on without\n");
	assert_int_equal(s.ip[1].gateway, 0);
	assert_int_equal(s.ip[0].gateway, 0x0a000001);
}

static void an_address_belongs_to_one_card(void **state)
{
	assert_int_equal(load(NULL, "ip=10.0.0.2/24 eth2.ip=10.0.0.2/8"), 1);
	assert_string_equal(
	    said, "eth2.ip: 10.0.0.2 is the address of eth0; switched off\n");
	assert_int_equal(s.ip[2].source, IP_OFF);
	expect_good("ip=10.0.0.2/24 eth2.ip=10.0.0.3/24");
}

static void check_card(uint32_t i, uint8_t bus, uint8_t slot, uint8_t function)
{
	assert_int_equal(s.nic.card[i].bus, bus);
	assert_int_equal(s.nic.card[i].slot, slot);
	assert_int_equal(s.nic.card[i].function, function);
}

static void cards_are_named_by_their_pci_addresses(void **state)
{
	assert_int_equal(load("nic = 02:1f.7\nnic = 00:03.0\n", NULL), 0);
	assert_int_equal(s.nic.cards, 2);
	check_card(0, 0x02, 0x1f, 7);
	check_card(1, 0x00, 0x03, 0);
	expect_good("nic=Ff:0A.0 nic=1:2.3");
	check_card(0, 0xff, 0x0a, 0);
	check_card(1, 0x01, 0x02, 3);
	/* What comes later adds, unless it begins anew. */
	assert_int_equal(load("nic = 00:03.0\n", "nic=00:04.0"), 0);
	assert_int_equal(s.nic.cards, 2);
	assert_int_equal(load("nic = 00:03.0\n", "nic=auto nic=00:04.0"), 0);
	assert_int_equal(s.nic.cards, 1);
	check_card(0, 0, 4, 0);
}

static void what_is_no_pci_address_is_refused(void **state)
{
	static const char *const bad[] = { "", "03.0", "00:03", "00:03.",
		"00:20.0", "00:03.8", "100:03.0", "00:003.0", "00:03.00",
		"0x0:03.0", ":3.0", "00:.0", "eth1", "00:03.g" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_bad("nic", bad[i], "not auto or a PCI address, BB:SS.F");
	assert_int_equal(load(NULL, "nic=00:03.0 nic=0:3.0"), 1);
	assert_string_equal(
	    said, "command line: nic: this card was named before '0:3.0'\n");
	assert_int_equal(
	    load(NULL, "nic=0:1.0 nic=0:2.0 nic=0:3.0 nic=0:4.0 nic=0:5.0"), 1);
	assert_string_equal(
	    said, "command line: nic: at most four cards are used '0:5.0'\n");
	assert_int_equal(s.nic.cards, 4);
}

static void an_application_has_a_plain_name(void **state)
{
	expect_good("app=hello_world-2");
	assert_string_equal(s.app, "hello_world-2");
	expect_bad("app", "", "not an application's name");
	expect_bad("app", "../x", "not an application's name");
}

static void every_key_of_the_contract_is_known(void **state)
{
	static const char *const names[] = { "ip", "gateway", "eth1.ip",
		"eth1.gateway", "eth2.ip", "eth2.gateway", "eth3.ip",
		"eth3.gateway", "dns", "hostname", "http.port", "echo.port",
		"admin.port", "admin.token", "console", "log", "panic",
		"watchdog", "nic", "nic.mode", "nic.poll", "tcp.msl", "tcp.cc",
		"tcp.ecn", "app" };
	size_t n = sizeof(names) / sizeof(names[0]);

	for (size_t i = 0; i < n; i++)
		assert_string_equal(settings_keys[i].name, names[i]);
	assert_null(settings_keys[n].name);
}

/* Whether docs/CONFIG.md has a heading for this key. */
static bool is_documented(const char *key)
{
	char line[256], heading[64];
	bool found = false;
	FILE *f = fopen("docs/CONFIG.md", "r");

	if (f == NULL)
		skip();
	snprintf(heading, sizeof(heading), "| `%s` |", key);
	while (fgets(line, sizeof(line), f) != NULL)
		found = found || strncmp(line, heading, strlen(heading)) == 0;
	fclose(f);
	return found;
}

static void every_key_is_documented(void **state)
{
	for (size_t i = 0; settings_keys[i].name != NULL; i++) {
		if (!is_documented(settings_keys[i].name))
			fail_msg("docs/CONFIG.md lacks a row for %s",
			    settings_keys[i].name);
	}
}

/* Appends the stick's config.txt with every `# key = value` switched on, the
 * way a user would; returns how many there are. */
static size_t read_config(char *text, size_t size, bool on)
{
	char line[256];
	size_t keys = 0;
	FILE *f = fopen("image/stick/config.txt", "r");

	if (f == NULL)
		skip();
	for (text[0] = '\0'; fgets(line, sizeof(line), f) != NULL;) {
		bool is_key = false;
		size_t start;

		assert_non_null(strstr(line, "\r\n"));
		for (size_t i = 0; settings_keys[i].name != NULL; i++) {
			size_t n = strlen(settings_keys[i].name);

			is_key =
			    is_key ||
			    (strncmp(line + 2, settings_keys[i].name, n) == 0 &&
			        strncmp(line + 2 + n, " = ", 3) == 0);
		}
		keys += is_key;
		start = is_key && on ? 2 : 0;
		assert_true(strlen(text) + strlen(line) < size);
		strcat(text, line + start);
	}
	fclose(f);
	return keys;
}

static void the_sticks_file_names_every_key_and_sets_none(void **state)
{
	static struct settings defaults;
	static char text[16384];
	size_t keys = 0;

	while (settings_keys[keys].name != NULL)
		keys++;
	/* `ip` stands there twice. */
	assert_int_equal(read_config(text, sizeof(text), false), keys + 1);
	assert_int_equal(load(text, NULL), 0);
	settings_defaults(&defaults);
	assert_memory_equal(&s, &defaults, sizeof(s));
}

static void every_line_of_the_sticks_file_can_be_switched_on(void **state)
{
	static char text[16384];

	read_config(text, sizeof(text), true);
	/* The second `ip` is told; nothing else is wrong. */
	assert_int_equal(load(text, NULL), 1);
	assert_non_null(strstr(said, "ip"));
	assert_int_equal(s.ip[0].prefix, 24);
	assert_string_equal(s.hostname, "ringlet");
	assert_string_equal(s.app, "spin");
}

int main(void)
{
#define TEST(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		TEST(the_defaults_are_those_of_the_contract),
		TEST(the_file_is_read),
		TEST(the_command_line_wins_over_the_file),
		TEST(a_mistake_on_the_command_line_leaves_the_files_value),
		TEST(mistakes_of_file_and_command_line_add_up),
		TEST(addresses_take_a_network_length),
		TEST(addresses_that_no_host_has_are_refused),
		TEST(gateway_and_dns_are_plain_addresses),
		TEST(a_gateway_must_be_a_neighbour),
		TEST(host_names_have_labels),
		TEST(a_host_name_has_at_most_63_characters),
		TEST(ports_are_numbers_or_off),
		TEST(two_services_on_one_port_are_told_apart),
		TEST(a_token_is_visible_and_never_shown),
		TEST(a_long_token_leaves_the_files_token),
		TEST(consoles_are_listed),
		TEST(choices_are_exact_words),
		TEST(panic_halts_or_reboots_after_seconds),
		TEST(the_watchdog_waits_for_seconds_or_is_off),
		TEST(msl_is_a_number_of_seconds),
		TEST(each_card_has_its_own_address),
		TEST(each_gateway_is_a_neighbour_of_its_own_card),
		TEST(an_address_belongs_to_one_card),
		TEST(cards_are_named_by_their_pci_addresses),
		TEST(what_is_no_pci_address_is_refused),
		TEST(an_application_has_a_plain_name),
		TEST(every_key_of_the_contract_is_known),
		TEST(every_key_is_documented),
		TEST(the_sticks_file_names_every_key_and_sets_none),
		TEST(every_line_of_the_sticks_file_can_be_switched_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

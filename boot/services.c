/* SPDX-License-Identifier: MIT */
#include "boot/services.h"

#include "apps/apps.h"
#include "arch/arch.h"
#include "boot/console.h"
#include "boot/crash.h"
#include "boot/hwreport.h"
#include "boot/supervise.h"
#include "drivers/screen.h"
#include "drivers/watchdog.h"
#include "lib/assert.h"
#include "lib/filetable.h"
#include "lib/fmt.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/pool.h"
#include "lib/string.h"
#include "net/dhcp.h"
#include "net/ip.h"
#include "net/stack.h"
#include "net/tcp_cc.h"
#include "posix/posix.h"
#include "sched/bh.h"
#include "sched/thread.h"

#define CONFIG_PATH   "/config.txt"
#define CMDLINE_PATH  "/EFI/ringlet/cmdline.txt"
#define CMDLINE_BYTES 2048

/* An application that boot starts, and the port that tells that it serves. */
struct service {
	const char *app;
	const char *name; /* on the READY line; NULL: not there */
	uint16_t port;    /* 0: off */
	bool udp;
	bool ended;
	char port_text[8];
	const char *argument;
};

/* SERVICE_OTHER: UDP echo, or the application that `app =` names. */
enum { SERVICE_HTTP, SERVICE_ECHO, SERVICE_ADMIN, SERVICE_OTHER, SERVICES };

static struct {
	struct settings settings;
	struct filetable files;
	struct stack stack;
	struct posix_env *env;
	struct service service[SERVICES];
} sys;

/* --- Memory -------------------------------------------------------------- */

/* A share of the memory that is left, in thousandths, at most max. */
static struct arena take_memory(uint32_t share, size_t max)
{
	size_t size = arch_mem_available() / 1000 * share;
	struct arena a = { 0 };

	if (size > max)
		size = max;
	a.base = arch_mem_alloc(size, 4096);
	if (!a.base)
		panic("too little memory: %zu KiB are left",
		    arch_mem_available() / 1024);
	a.size = size;
	return a;
}

/* --- The stick ----------------------------------------------------------- */

static void report(const char *line)
{
	log_warn("%s", line);
}

static size_t volume_bytes(const struct fat_volume *v)
{
	size_t n = 0;

	for (uint32_t i = 0; i < v->extent_count; i++)
		n += v->extent[i].len;
	return n;
}

void services_load_stick(const struct fat_volume *v)
{
	struct fat_result r = { 0 };
	struct arena a;

	if (!v->extent_count) {
		log_info("no stick: default settings, built-in page");
		return;
	}
	a = take_memory(LIMIT_FILES_SHARE, LIMIT_FILES_MAX);
	if (filetable_init(
	        &sys.files, (uint32_t)(a.size / 2 / LIMIT_FILE_BYTES), &a) ||
	    fat_read(v, &sys.files, &a, &r)) {
		log_error("stick: %s (%zu KiB were loaded); defaults are used",
		    r.error ? r.error : "too little memory for its files",
		    volume_bytes(v) / 1024);
		return;
	}
	log_info("stick: %u files in %u folders", r.files, r.dirs);
	if (r.skipped)
		log_warn("stick: %u entries left out, first %s", r.skipped,
		    r.first_skipped);
}

/*
 * GRUB and firmware have no command line that a user could type, so a file
 * stands for it; `make run APPEND=...` writes it.  Words of the door come
 * later and win.
 */
static const char *join_cmdline(const char *door)
{
	static char line[CMDLINE_BYTES];
	const struct file *f = filetable_find(&sys.files, CMDLINE_PATH);
	struct text t = { line, sizeof(line), 0, false };

	for (size_t i = 0; f && i < f->len && !t.truncated; i++)
		fmt_add(&t, "%c",
		    f->data[i] >= ' ' && f->data[i] <= '~' ? f->data[i] : ' ');
	fmt_add(&t, " %s", door);
	if (t.truncated)
		log_warn("command line: only the first %zu bytes count", t.len);
	return line;
}

const struct settings *services_load_settings(const char *cmdline)
{
	const struct file *f = filetable_find(&sys.files, CONFIG_PATH);

	if (!f && sys.files.count > 0)
		log_info("stick: no config.txt in its top folder");
	settings_load(&sys.settings, f ? (const char *)f->data : NULL,
	    f ? f->len : 0, join_cmdline(cmdline), report);
	log_set_level(sys.settings.log);
	return &sys.settings;
}

/* --- The stack and the programs' environment ------------------------------ */

static void make_threads(void)
{
	size_t share = arch_mem_available() / 1000 * LIMIT_THREADS_SHARE;
	size_t threads = share / (ARCH_STACK_BYTES + 4096);
	struct arena a;

	if (threads < LIMIT_THREADS_MIN)
		threads = LIMIT_THREADS_MIN;
	if (threads > LIMIT_THREADS_MAX)
		threads = LIMIT_THREADS_MAX;
	a = take_memory(LIMIT_THREADS_SHARE / 5, threads * 1024);
	if (sched_init(&a, (uint32_t)threads))
		panic("too little memory for %zu threads", threads);
}

static void make_stack(struct random *rng)
{
	static const struct tcp_cc_ops *const algorithm[] = {
		[TCP_CC_CUBIC] = &tcp_cc_cubic, [TCP_CC_RENO] = &tcp_cc_reno
	};
	struct arena a = take_memory(LIMIT_STACK_SHARE, LIMIT_STACK_MAX);
	struct stack_limits l;

	stack_limits_for(a.size, &l);
	if (stack_init(&sys.stack, &l, &a, rng))
		panic("too little memory: the network stack needs more than "
		      "%zu KiB",
		    a.size / 1024);
	crash_watch(&sys.stack.history);
	sys.stack.tcp.msl_ns = sys.settings.tcp_msl_s * NS_PER_S;
	sys.stack.tcp.cc = algorithm[sys.settings.tcp_cc];
	sys.stack.tcp.ecn = sys.settings.tcp_ecn;
	log_info("network: %u packets, %u chunks, %u connections, %zu KiB",
	    l.packets, l.chunks, l.conns, a.used / 1024);
}

static size_t print_stats(char *buf, size_t size, void *ctx)
{
	struct text t = { buf, size, 0, false };
	struct sched_stats s;
	struct bh_stats b;

	sched_get_stats(&s);
	bh_get_stats(&b);
	stack_print(&sys.stack, &t);
	posix_print(sys.env, &t);
	fmt_add(&t, "sched.threads %u\n", s.threads);
	fmt_add(&t, "sched.threads_peak %u\n", s.threads_peak);
	fmt_add(&t, "sched.threads_max %u\n", s.threads_max);
	fmt_add(&t, "sched.switches %lu\n", s.switches);
	fmt_add(&t, "sched.idle_halts %lu\n", s.idle_halts);
	fmt_add(&t, "sched.idle_ns %lu\n", s.idle_ns);
	fmt_add(&t, "sched.hogs %lu\n", s.hogs);
	fmt_add(&t, "sched.create_failures %lu\n", s.create_failures);
	fmt_add(&t, "bh.rounds %lu\n", b.rounds);
	fmt_add(&t, "bh.squeezed %lu\n", b.squeezed);
	fmt_add(&t, "bh.units %lu\n", b.units);
	fmt_add(&t, "mem.available %zu\n", arch_mem_available());
	fmt_add(&t, "clock.ns %lu\n", clock_ns());
	return t.truncated ? size * 2 : t.len;
}

static size_t print_arp(char *buf, size_t size, void *ctx)
{
	struct text t = { buf, size, 0, false };

	arp_print(&sys.stack, &t);
	return t.truncated ? size * 2 : t.len;
}

static size_t print_sockets(char *buf, size_t size, void *ctx)
{
	struct text t = { buf, size, 0, false };

	tcp_print_sockets(&sys.stack, &t);
	return t.truncated ? TCP_PRINT_SOCKETS_MAX : t.len;
}

static size_t print_log(char *buf, size_t size, void *ctx)
{
	return log_copy(buf, size);
}

static void make_environment(void)
{
	struct posix_config c = {
		.stack = &sys.stack, .files = &sys.files, .clock_ns = clock_ns
	};
	struct arena a = take_memory(LIMIT_MALLOC_SHARE * 2, LIMIT_MALLOC_MAX);

	c.fds_max = sys.stack.limits.socks + 64;
	if (c.fds_max > LIMIT_FDS_MAX)
		c.fds_max = LIMIT_FDS_MAX;
	/* The tables first; the heap gets what is left. */
	if (posix_env_bytes(&c) < a.size)
		c.heap_bytes = a.size - posix_env_bytes(&c);
	sys.env = posix_env_create(&c, &a);
	if (!sys.env)
		panic("too little memory for applications: %zu KiB",
		    a.size / 1024);
	posix_proc_register(sys.env, "/proc/stats", print_stats, NULL);
	posix_proc_register(sys.env, "/proc/net/arp", print_arp, NULL);
	posix_proc_register(sys.env, "/proc/net/sockets", print_sockets, NULL);
	posix_proc_register(sys.env, "/proc/log", print_log, NULL);
	posix_proc_register(sys.env, "/proc/crash", crash_print, NULL);
	posix_proc_register(sys.env, "/proc/hwreport", hwreport_print, NULL);
}

void services_make(struct random *rng)
{
	make_threads();
	make_stack(rng);
	make_environment();
}

/* --- The network --------------------------------------------------------- */

static_assert(NIC_CARDS_MAX + 1 == STACK_DEVICES_MAX, "with the loopback");

/* eth0, eth1, ...: what follows the loopback device.  NULL beyond the last. */
static struct netdev *card(uint32_t i)
{
	return i + 1 < sys.stack.device_count ? sys.stack.device[i + 1] : NULL;
}

static void set_static_address(struct netdev *dev, const struct ip_settings *ip)
{
	const struct ip_config c = { ip->addr, ~0u << (32 - ip->prefix),
		ip->gateway, sys.settings.dns };

	ip_set_config(dev, &c);
}

static int start_card(struct netdev *dev, const struct ip_settings *ip)
{
	if (ip->source == IP_DHCP)
		return dhcp_start(dev, sys.settings.hostname);
	if (ip->source == IP_STATIC)
		set_static_address(dev, ip);
	else
		log_info("%s: off, as the settings say", dev->name);
	return 0;
}

/* An address that was thought of for a card that is not there. */
static void say_missing(void)
{
	for (uint32_t i = 1; i < NIC_CARDS_MAX; i++)
		if (!card(i) && sys.settings.ip[i].source == IP_STATIC)
			log_warn("eth%u.ip: there is no card eth%u", i, i);
}

int services_start_network(void)
{
	const struct settings *s = &sys.settings;
	int rc = drivers_probe(&sys.stack, &s->nic);

	console_show(&sys.stack, s);
	hwreport_say(card(0), watchdog_find());
	for (uint32_t i = 0; !rc && card(i); i++)
		rc = start_card(card(i), &s->ip[i]);
	if (!rc)
		say_missing();
	return rc;
}

/* --- Applications -------------------------------------------------------- */

static void run_service(void *arg)
{
	struct service *s = arg;
	char *argv[] = { (char *)s->app, s->port_text, (char *)s->argument,
		NULL };
	int rc = app_find(s->app)->main(s->argument ? 3 : 2, argv);

	log_error("application %s ended with %d", s->app, rc);
	s->ended = true;
	waitq_wake(&sys.stack.changed, 0);
}

static void start_service(struct service *s)
{
	if (!s->port && (s->name || s->udp))
		return; /* off */
	fmt_snprintf(s->port_text, sizeof(s->port_text), "%u", s->port);
	if (!thread_create(s->app, run_service, s)) {
		log_error("no thread for application %s", s->app);
		s->ended = true;
	}
}

static void choose_services(void)
{
	const struct settings *s = &sys.settings;
	bool other = s->app[0] != '\0';

	if (other && !app_find(s->app)) {
		log_warn("no application '%s'; the default ones start", s->app);
		other = false;
	}
	sys.service[SERVICE_HTTP] = (struct service){
		.app = "http", .name = "http", .port = other ? 0 : s->http_port
	};
	sys.service[SERVICE_ECHO] = (struct service){ .app = "tcp_echo",
		.name = "echo",
		.port = other ? 0 : s->echo_port };
	sys.service[SERVICE_ADMIN] = (struct service){ .app = "admin",
		.name = "admin",
		.port = s->admin_port,
		.argument = s->admin_token[0] ? s->admin_token : NULL };
	sys.service[SERVICE_OTHER] = (struct service){
		.app = "udp_echo", .port = s->echo_port, .udp = true
	};
	if (other)
		sys.service[SERVICE_OTHER] = (struct service){ .app = s->app };
}

void services_start_apps(int64_t wall_time_s)
{
	if (wall_time_s > 0)
		posix_set_wall_clock(
		    sys.env, wall_time_s * 1000000000 - (int64_t)clock_ns());
	thread_set_env(sys.env);
	choose_services();
	for (int i = 0; i < SERVICES; i++)
		start_service(&sys.service[i]);
	if (screen_start())
		log_warn("no thread for the screen: it slows the rest down");
}

/* --- READY --------------------------------------------------------------- */

static bool serves(const struct service *s)
{
	if (!s->port || s->ended)
		return true;
	return s->udp ? udp_is_bound(&sys.stack, s->port)
	              : tcp_is_listening(&sys.stack, s->port);
}

static bool all_ready(void)
{
	for (int i = 0; i < SERVICES; i++)
		if (!serves(&sys.service[i]))
			return false;
	return true;
}

/* The first card that has an address; NULL when none has. */
static const struct netdev *first_bound(void)
{
	for (uint32_t i = 0; card(i); i++)
		if (card(i)->ip.addr)
			return card(i);
	return NULL;
}

static void add_port(struct text *t, const struct service *s)
{
	if (!s->port || s->ended)
		fmt_add(t, " %s=off", s->name);
	else
		fmt_add(t, " %s=%u", s->name, s->port);
}

/* Waits for a change; meanwhile the header lives. */
static void wait_change(void)
{
	uint64_t again_ns = console_show(&sys.stack, &sys.settings);

	waitq_wait(&sys.stack.changed, again_ns);
}

/* Tells the addresses that are new; told holds each card's last one. */
static void say_addresses(uint32_t *told)
{
	for (uint32_t i = 0; card(i); i++) {
		const uint32_t addr = card(i)->ip.addr;

		if (!addr || addr == told[i])
			continue;
		told[i] = addr;
		log_line(i ? "ADDRESS ip=%pI dev=%s" : "ADDRESS ip=%pI",
		    (const void *)&addr, card(i)->name);
	}
}

static void say_ready(uint32_t *told)
{
	const struct netdev *dev = first_bound();
	char line[160];
	struct text t = { line, sizeof(line), 0, false };

	fmt_add(&t, "READY ip=%pI", (const void *)&dev->ip.addr);
	for (int i = 0; i < SERVICES; i++)
		if (sys.service[i].name)
			add_port(&t, &sys.service[i]);
	log_line("%s boot_ms=%lu", line, clock_ns() / NS_PER_MS);
	for (uint32_t i = 0; card(i); i++)
		if (card(i) == dev)
			told[i] = dev->ip.addr;
}

noreturn void services_announce(void)
{
	uint32_t told[NIC_CARDS_MAX] = { 0 };

	supervise_start(&sys.stack, sys.settings.watchdog_s);
	while (!all_ready() || !first_bound())
		wait_change();
	say_ready(told);
	for (;;) {
		say_addresses(told);
		wait_change();
	}
}

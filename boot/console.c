/* SPDX-License-Identifier: MIT */
#include "boot/console.h"

#include "arch/arch.h"
#include "arch/boot_info.h"
#include "arch/x86_64/paging.h"
#include "boot/crash.h"
#include "boot/settings.h"
#include "boot/version.h"
#include "drivers/screen.h"
#include "drivers/serial.h"
#include "lib/assert.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "net/netdev.h"
#include "net/stack.h"
#include "sched/timer.h"

#define FOUR_GIB     (1ull << 32)
#define HEADER_BYTES 256
#define TITLE        " Ringlet " RINGLET_VERSION " │ "

static_assert((int)CANVAS_PIXELS == FRAMEBUFFER_RGB, "one numbering");
static_assert((int)CANVAS_TEXT == FRAMEBUFFER_TEXT, "one numbering");

static struct {
	const struct boot_framebuffer *framebuffer;
	/* What the header showed last, to tell rates. */
	uint64_t frames_in, frames_out, shown_ns;
	uint64_t rate_in, rate_out;
} console;

static uint64_t bytes_of(const struct boot_framebuffer *f)
{
	return (uint64_t)f->stride_bytes * f->height;
}

void console_init(const struct boot_info *bi)
{
	const struct boot_framebuffer *f = &bi->framebuffer;
	struct canvas_mode m = {
		.kind = (enum canvas_kind)f->kind,
		.width = f->width,
		.height = f->height,
		.stride_bytes = f->stride_bytes,
		.bits_per_pixel = f->bits_per_pixel,
		.red = { f->red_shift, f->red_bits },
		.green = { f->green_shift, f->green_bits },
		.blue = { f->blue_shift, f->blue_bits },
	};

	/* The boot page tables end there. */
	if (f->base < FOUR_GIB && f->base + bytes_of(f) <= FOUR_GIB)
		m.memory = phys_to_virt(f->base);
	if (f->base == 0 || screen_init(&m))
		return;
	console.framebuffer = f;
	log_add_sink(screen_write);
}

static void say_screen(const struct boot_framebuffer *f)
{
	if (f->kind == FRAMEBUFFER_TEXT)
		log_info("screen: VGA text, %ux%u", f->width, f->height);
	else
		log_info("screen: %ux%u pixels of %u bits at %lx, "
		         "%ux%u characters",
		    f->width, f->height, f->bits_per_pixel, f->base,
		    screen_columns(), screen_rows());
}

void console_map(void)
{
	const struct boot_framebuffer *f = console.framebuffer;

	if (f == NULL) {
		log_info("screen: none");
		return;
	}
	screen_move(arch_map_framebuffer(f->base, bytes_of(f)));
	if (screen_present()) {
		screen_set_header(0, TITLE "starting");
		say_screen(f);
		return;
	}
	log_remove_sink(screen_write);
	log_warn("screen: its memory at %lx cannot be used", f->base);
}

void console_choose(const struct settings *s)
{
	if (!s->console_serial && !screen_present()) {
		log_warn("console: there is no screen; the serial port stays");
		return;
	}
	if (!s->console_screen && screen_present()) {
		log_info("console: the serial port alone from now on");
		log_remove_sink(screen_write);
	}
	if (!s->console_serial) {
		log_info("console: the screen alone from now on");
		log_remove_sink(serial_write);
	}
}

/* --- The header ------------------------------------------------------------
 */

/* Cards are what follows the loopback device. */
#define FIRST_CARD 1u

/* The first address as a link to follow, the others after it. */
static void add_addresses(
    struct text *t, const struct stack *st, const struct settings *s)
{
	bool found = false;

	for (uint32_t i = FIRST_CARD; i < st->device_count; i++) {
		const void *addr = &st->device[i]->ip.addr;

		if (!st->device[i]->ip.addr)
			continue;
		if (found)
			fmt_add(t, ", %pI", addr);
		else if (s->http_port == 80)
			fmt_add(t, "http://%pI/", addr);
		else if (s->http_port != 0)
			fmt_add(t, "http://%pI:%u/", addr, s->http_port);
		else
			fmt_add(t, "%pI", addr);
		found = true;
	}
	if (st->device_count == FIRST_CARD)
		fmt_add(t, "no network card");
	else if (!found)
		fmt_add(t, "looking for an address");
}

static void add_uptime(struct text *t, uint64_t s)
{
	fmt_add(t, "up ");
	if (s >= 86400)
		fmt_add(t, "%u d ", (uint32_t)(s / 86400));
	fmt_add(t, "%02u:%02u:%02u", (uint32_t)(s / 3600 % 24),
	    (uint32_t)(s / 60 % 60), (uint32_t)(s % 60));
}

/* Frames per second since the last call. */
static void measure(const struct stack *st)
{
	uint64_t now_ns = clock_ns(), passed_ns = now_ns - console.shown_ns;
	uint64_t in = 0, out = 0;

	if (passed_ns < NS_PER_S / 2)
		return;
	for (uint32_t i = FIRST_CARD; i < st->device_count; i++) {
		in += st->device[i]->stats.rx_frames;
		out += st->device[i]->stats.tx_frames;
	}
	console.rate_in = (in - console.frames_in) * NS_PER_S / passed_ns;
	console.rate_out = (out - console.frames_out) * NS_PER_S / passed_ns;
	console.frames_in = in;
	console.frames_out = out;
	console.shown_ns = now_ns;
}

/* " link up", or with several cards " eth0 up, eth1 down".  Returns whether any
 * link is up. */
static bool add_links(struct text *t, const struct stack *st)
{
	bool several = st->device_count > FIRST_CARD + 1, any = false;

	for (uint32_t i = FIRST_CARD; i < st->device_count; i++) {
		const struct netdev *card = st->device[i];

		fmt_add(t, "%s %s %s", i > FIRST_CARD ? "," : "",
		    several ? card->name : "link",
		    card->link_up ? "up" : "down");
		any = any || card->link_up;
	}
	return any;
}

static void add_traffic(struct text *t, const struct stack *st)
{
	bool any_link = add_links(t, st);

	measure(st);
	fmt_add(t, " │ %lu in, %lu out packets/s │ %u connection%s",
	    console.rate_in, console.rate_out, st->conns.in_use,
	    st->conns.in_use == 1 ? "" : "s");
	if (!any_link)
		fmt_add(t, " │ is the cable plugged in?");
}

uint64_t console_show(const struct stack *st, const struct settings *s)
{
	char line[HEADER_BYTES];
	struct text t = { line, sizeof(line), 0, false };

	if (!s->console_screen || !screen_present())
		return UINT64_MAX;
	fmt_add(&t, TITLE);
	add_addresses(&t, st, s);
	fmt_add(&t, " │ ");
	add_uptime(&t, clock_ns() / NS_PER_S);
	fmt_add(&t, " │ %s", s->hostname);
	screen_set_header(0, line);
	t.len = 0;
	line[0] = '\0';
	if (st->device_count > FIRST_CARD)
		add_traffic(&t, st);
	if (crash_hint())
		fmt_add(&t, " │ %s", crash_hint());
	screen_set_header(1, line);
	return clock_next_beat_ns(NS_PER_S);
}

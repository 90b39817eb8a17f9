/* SPDX-License-Identifier: MIT */
#include "boot/console.h"

#include "arch/arch.h"
#include "arch/boot_info.h"
#include "arch/x86_64/paging.h"
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

static void add_address(
    struct text *t, const struct netdev *card, const struct settings *s)
{
	if (card == NULL)
		fmt_add(t, "no network card");
	else if (card->ip.addr == 0)
		fmt_add(t, "looking for an address");
	else if (s->http_port == 80)
		fmt_add(t, "http://%pI/", (const void *)&card->ip.addr);
	else if (s->http_port != 0)
		fmt_add(t, "http://%pI:%u/", (const void *)&card->ip.addr,
		    s->http_port);
	else
		fmt_add(t, "%pI", (const void *)&card->ip.addr);
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
static void measure(const struct netdev *card)
{
	uint64_t now_ns = clock_ns(), passed_ns = now_ns - console.shown_ns;

	if (passed_ns < NS_PER_S / 2)
		return;
	console.rate_in =
	    (card->stats.rx_frames - console.frames_in) * NS_PER_S / passed_ns;
	console.rate_out =
	    (card->stats.tx_frames - console.frames_out) * NS_PER_S / passed_ns;
	console.frames_in = card->stats.rx_frames;
	console.frames_out = card->stats.tx_frames;
	console.shown_ns = now_ns;
}

static void add_traffic(
    struct text *t, const struct stack *st, const struct netdev *card)
{
	measure(card);
	fmt_add(t, " link %s │ %lu in, %lu out packets/s │ %u connection%s",
	    card->link_up ? "up" : "down", console.rate_in, console.rate_out,
	    st->conns.in_use, st->conns.in_use == 1 ? "" : "s");
	if (!card->link_up)
		fmt_add(t, " │ is the cable plugged in?");
}

uint64_t console_show(
    const struct stack *st, const struct netdev *card, const struct settings *s)
{
	char line[HEADER_BYTES];
	struct text t = { line, sizeof(line), 0, false };

	if (!s->console_screen || !screen_present())
		return UINT64_MAX;
	fmt_add(&t, TITLE);
	add_address(&t, card, s);
	fmt_add(&t, " │ ");
	add_uptime(&t, clock_ns() / NS_PER_S);
	fmt_add(&t, " │ %s", s->hostname);
	screen_set_header(0, line);
	t.len = 0;
	line[0] = '\0';
	if (card != NULL)
		add_traffic(&t, st, card);
	screen_set_header(1, line);
	return (clock_ns() / NS_PER_S + 1) * NS_PER_S;
}

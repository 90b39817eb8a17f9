/* SPDX-License-Identifier: MIT */
#include "boot/hwreport.h"

#include "arch/boot_info.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/firmware.h"
#include "arch/x86_64/memory.h"
#include "boot/version.h"
#include "drivers/pci.h"
#include "drivers/rtl8139.h"
#include "drivers/screen.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "net/netdev.h"

/* Leaves room for the log's time stamp and words. */
#define ROW_BYTES (LOG_LINE_BYTES - 64)

#define CPUID_EXT_MAX    0x80000000u
#define CPUID_BRAND      0x80000002u /* three leaves of 16 characters */
#define CPUID_BRAND_LAST 0x80000004u

static struct {
	const struct boot_info *bi;
	const struct netdev *card;
	const char *watchdog;
} report;

static void add_machine(struct text *t)
{
	const struct smbios_facts *f = firmware_smbios();
	const char *maker = f->model[0] ? f->maker : f->board_maker;
	const char *model = f->model[0] ? f->model : f->board;

	if (model[0])
		fmt_add(t, "%s%s%s", maker, maker[0] ? " " : "", model);
	else
		fmt_add(t, "unnamed");
}

static void add_firmware(struct text *t)
{
	const struct smbios_facts *f = firmware_smbios();

	if (!f->found)
		fmt_add(t, "unnamed");
	else
		fmt_add(t, "%s %s, %s", f->firmware_vendor, f->firmware_version,
		    f->firmware_date);
}

static void add_door(struct text *t)
{
	fmt_add(t, "%s", report.bi->door);
}

/* The maker's own name, in which blanks may stand in front and between. */
static void add_brand(struct text *t)
{
	char last = ' ';

	for (uint32_t leaf = CPUID_BRAND; leaf <= CPUID_BRAND_LAST; leaf++) {
		struct cpuid id = cpu_id(leaf);
		const char *s = (const char *)&id;

		for (size_t i = 0; i < sizeof(id) && s[i]; i++) {
			bool shown = s[i] > ' ' && s[i] <= '~' && s[i] != '|';

			if (shown || last != ' ')
				fmt_add(t, "%c", shown ? s[i] : ' ');
			last = shown ? s[i] : ' ';
		}
	}
}

static void add_processor(struct text *t)
{
	uint32_t cpus = firmware_facts()->cpus;

	if (cpu_id(CPUID_EXT_MAX).a >= CPUID_BRAND_LAST)
		add_brand(t);
	else
		fmt_add(t, "unnamed");
	if (cpus > 1)
		fmt_add(t, ", %u of them", cpus);
}

static void add_memory(struct text *t)
{
	fmt_add(t, "%lu MiB", memmap_total(memory_map(), MEM_FREE) >> 20);
}

struct cards {
	struct text *text;
	uint32_t count;
};

static bool add_if_card(const struct pci_device *d, void *ctx)
{
	struct cards *c = ctx;

	if (rtl8139_match(d))
		fmt_add(c->text, "%s%04x:%04x rev %02x (%04x:%04x)",
		    c->count++ > 0 ? ", " : "", d->vendor, d->device,
		    d->revision, d->subsystem_vendor, d->subsystem);
	return true;
}

/* Every card that the driver would take, though one of them is used. */
static void add_cards(struct text *t)
{
	struct cards c = { .text = t };

	pci_scan_reachable(add_if_card, &c);
	if (c.count == 0)
		fmt_add(t, "none");
}

static void add_interrupt(struct text *t)
{
	const char *line = report.card ? report.card->line : "";

	fmt_add(t, "%s", line[0] ? line : "none");
}

static void add_clock(struct text *t)
{
	fmt_add(t, "%lu MHz", (clock_tsc_hz() + 500000) / 1000000);
}

static void add_screen(struct text *t)
{
	const struct boot_framebuffer *f = &report.bi->framebuffer;

	if (!screen_present())
		fmt_add(t, "none");
	else if (f->kind == FRAMEBUFFER_TEXT)
		fmt_add(t, "text %ux%u", f->width, f->height);
	else
		fmt_add(t, "%ux%ux%u", f->width, f->height, f->bits_per_pixel);
}

static void add_watchdog(struct text *t)
{
	fmt_add(t, "%s", report.watchdog ? report.watchdog : "none");
}

static void add_version(struct text *t)
{
	fmt_add(t, "Ringlet %s", RINGLET_VERSION);
}

/* The columns of the table in docs/HARDWARE.md; the last one is for what the
 * log cannot know. */
static void (*const columns[])(struct text *t) = { add_machine, add_firmware,
	add_door, add_processor, add_memory, add_cards, add_interrupt,
	add_clock, add_screen, add_watchdog, add_version };

static void add_row(struct text *t)
{
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		fmt_add(t, "| ");
		columns[i](t);
		fmt_add(t, " ");
	}
	fmt_add(t, "| |");
}

void hwreport_init(const struct boot_info *bi)
{
	report.bi = bi;
}

void hwreport_say(const struct netdev *card, const char *watchdog)
{
	char row[ROW_BYTES];
	struct text t = { row, sizeof(row), 0, false };

	report.card = card;
	report.watchdog = watchdog;
	add_row(&t);
	log_info("hwreport: %s", row);
}

size_t hwreport_print(char *buf, size_t size, void *ctx)
{
	struct text t = { buf, size, 0, false };

	add_row(&t);
	fmt_add(&t, "\n");
	return t.truncated ? size * 2 : t.len;
}

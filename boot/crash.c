/* SPDX-License-Identifier: MIT */
#include "boot/crash.h"

#include "arch/arch.h"
#include "arch/boot_info.h"
#include "arch/x86_64/efi_runtime.h"
#include "arch/x86_64/keep.h"
#include "arch/x86_64/memory.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "boot/version.h"
#include "include/time.h"
#include "lib/assert.h"
#include "lib/capsule.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/string.h"
#include "net/history.h"
#include "sched/timer.h"

#define TEXT_ROOM   (KEEP_BYTES - sizeof(struct capsule))
#define SHOWN_LINES 12 /* of a panic's report: half of the smallest screen */
#define LAST_LINES  8  /* of a run that ended without one */

/* Firmware's flash is small, and its drivers refuse more than they like: a
 * variable that is refused is tried again at half the size. */
#define VARIABLE_MAX 3072u
#define VARIABLE_MIN 768u

static_assert(VARIABLE_MAX <= BOOT_CRASH_MAX, "the loader can read it");
static_assert(LOG_RING_BYTES < TEXT_ROOM, "the log fits");

static struct {
	struct capsule *place[KEEP_COPIES];
	uint32_t places;
	uint32_t log_len; /* of the text in the first place */
	struct capsule *variable;
	struct capsule_facts facts; /* of this run */
	const struct history *history;
	struct timer timer;
	uint64_t kept_log, kept_frames; /* what crash_keep saw last */
	const struct capsule *previous; /* NULL: nothing is known */
} crash;

/* --- Keeping -------------------------------------------------------------- */

/* The log's bytes; a ring that has turned begins in the middle of a line. */
static uint32_t copy_log(char *out)
{
	size_t n = log_copy(out, LOG_RING_BYTES), cut = 0;

	if (n < LOG_RING_BYTES)
		return (uint32_t)n;
	while (cut < n && out[cut++] != '\n')
		;
	memmove(out, out + cut, n - cut);
	return (uint32_t)(n - cut);
}

/* One place after the other, so that a reset at any moment finds one whole. */
static void keep_all(bool frames)
{
	struct capsule *c = crash.place[0];
	struct text t = { c->text, TEXT_ROOM, 0, false };

	crash.log_len = copy_log(c->text);
	t.len = crash.log_len;
	if (frames && crash.history) {
		fmt_add(&t, "last packets:\n");
		history_print(crash.history, &t);
	}
	capsule_seal(c, &crash.facts, (uint32_t)t.len);
	keep_flush(c, capsule_bytes(c));
	for (uint32_t i = 1; i < crash.places; i++) {
		memcpy(crash.place[i], c, capsule_bytes(c));
		keep_flush(crash.place[i], capsule_bytes(c));
	}
}

static void keep_heads(void)
{
	for (uint32_t i = 0; i < crash.places; i++) {
		capsule_seal_head(crash.place[i], &crash.facts);
		keep_flush(crash.place[i], sizeof(struct capsule));
	}
}

void crash_keep(void)
{
	uint64_t frames = crash.history ? crash.history->count : 0;

	if (crash.places == 0)
		return;
	crash.facts.up_ns = arch_clock_ns();
	if (crash.kept_log == log_written() && crash.kept_frames == frames) {
		keep_heads();
		return;
	}
	crash.kept_log = log_written();
	crash.kept_frames = frames;
	keep_all(true);
}

void crash_close(void)
{
	for (uint32_t i = 0; i < crash.places; i++) {
		capsule_break(crash.place[i]);
		keep_flush(crash.place[i], sizeof(struct capsule));
	}
	crash.places = 0;
}

void crash_set_time(int64_t wall_s)
{
	crash.facts.wall_s =
	    wall_s ? wall_s - (int64_t)(arch_clock_ns() / NS_PER_S) : 0;
}

static void keep_tick(struct timer *t)
{
	crash_keep();
	timer_arm(t, clock_next_beat_ns(NS_PER_S));
}

void crash_watch(const struct history *h)
{
	crash.history = h;
	timer_init(&crash.timer, keep_tick);
	timer_arm(&crash.timer, clock_next_beat_ns(NS_PER_S));
}

/* --- In a panic: each may be the one that faults ---------------------------
 */

static void keep_report(void)
{
	crash.facts.state = CAPSULE_PANICKED;
	crash.facts.up_ns = arch_clock_ns();
	if (crash.places > 0)
		keep_all(false);
}

static void keep_frames(void)
{
	if (crash.places > 0)
		keep_all(true);
}

static void write_variable(void)
{
	struct capsule *v = crash.variable;
	uint64_t rc = 1;

	if (!efi_runtime_present() || v == NULL || crash.places == 0)
		return;
	for (size_t room = VARIABLE_MAX; rc && room >= VARIABLE_MIN;
	     room /= 2) {
		size_t n = capsule_compact(v->text, room - sizeof(*v),
		    crash.place[0]->text, crash.log_len);

		capsule_seal(v, &crash.facts, (uint32_t)n);
		rc = efi_runtime_write_crash(v, capsule_bytes(v));
	}
	if (rc)
		log_line(
		    "the firmware does not keep this report: status %lx", rc);
}

/* --- After a reset -------------------------------------------------------- */

static void take_places(void)
{
	uint64_t base[KEEP_COPIES];

	crash.places = memory_keep(base);
	for (uint32_t i = 0; i < crash.places; i++)
		crash.place[i] = phys_to_virt(base[i]);
	if (crash.places > 0)
		return;
	/* Nothing then outlives a reset but the variable, which is made of the
	 * same text. */
	crash.place[0] = arch_mem_alloc(KEEP_BYTES, PAGE_BYTES);
	crash.places = crash.place[0] != NULL;
}

static bool is_ours(const void *place)
{
	for (uint32_t i = 0; i < crash.places; i++)
		if (crash.place[i] == place)
			return true;
	return false;
}

/* The best capsule of all places; the boot page tables show them. */
static const struct capsule *find_best(const struct boot_info *bi)
{
	const struct capsule *best = capsule_check(bi->crash,
	    bi->crash_len < BOOT_CRASH_MAX ? bi->crash_len : BOOT_CRASH_MAX);

	for (unsigned i = 0; i < KEEP_PLACES; i++) {
		const void *p = phys_to_virt(keep_place(i));
		const struct capsule *c;

		if (!is_ours(p) && memmap_type_of(memory_map(), keep_place(i),
		                       KEEP_BYTES) != MEM_FREE)
			continue;
		c = capsule_check(p, KEEP_BYTES);
		if (capsule_is_better(c, best))
			best = c;
	}
	return best;
}

/* It is told once. */
static void forget_all(void)
{
	for (unsigned i = 0; i < KEEP_PLACES; i++) {
		struct capsule *c = phys_to_virt(keep_place(i));

		if (is_ours(c) || memmap_type_of(memory_map(), keep_place(i),
		                      KEEP_BYTES) == MEM_FREE)
			capsule_break(c);
	}
}

void crash_recover(const struct boot_info *bi)
{
	const struct capsule *best;
	struct capsule *copy;

	take_places();
	best = find_best(bi);
	if (best != NULL) {
		/* The new memory may be the very place: nothing is written. */
		copy = arch_mem_alloc(capsule_bytes(best), 16);
		if (copy != NULL)
			memmove(copy, best, capsule_bytes(best));
		crash.previous = copy;
	}
	forget_all();
	if (bi->efi_system_table != 0)
		crash.variable = arch_mem_alloc(VARIABLE_MAX, 16);
	crash.facts.state = CAPSULE_RUNNING;
	str_copy(crash.facts.build, sizeof(crash.facts.build), RINGLET_VERSION);
	crash_keep();
	panic_add_act(keep_report);
	panic_add_act(keep_frames);
	panic_add_act(write_variable);
}

/* --- Telling -------------------------------------------------------------- */

static bool panicked(void)
{
	return crash.previous->facts.state == CAPSULE_PANICKED;
}

const char *crash_hint(void)
{
	if (crash.previous == NULL)
		return NULL;
	return panicked() ? "restarted after a crash"
	                  : "restarted without warning";
}

static void add_date(struct text *t, const struct capsule *c)
{
	time_t at = c->facts.wall_s + (time_t)(c->facts.up_ns / NS_PER_S);
	struct tm tm;

	if (c->facts.wall_s == 0 || !gmtime_r(&at, &tm))
		return;
	fmt_add(t, ", %04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* How the run before ended, in one sentence. */
static void add_verdict(struct text *t)
{
	uint64_t up_ms = crash.previous->facts.up_ns / 1000000;

	if (panicked())
		fmt_add(t, "the previous run crashed");
	else
		fmt_add(t, "the previous run ended without a panic (watchdog, "
		           "reset button, power?), about");
	fmt_add(t, " %lu.%03u s after its start", up_ms / 1000,
	    (uint32_t)(up_ms % 1000));
	add_date(t, crash.previous);
}

/* The text's part that is worth the console: what the panic reported without
 * the registers, or the last lines of the log. */
static void show_lines(const char *s, size_t len, bool report)
{
	unsigned shown = 0;

	while (len > 0 && shown < SHOWN_LINES) {
		const char *end = memchr(s, '\n', len);
		size_t n = end ? (size_t)(end - s) : len;
		bool is_register =
		    report && n > 5 && s[0] == ' ' && s[2] != '#';

		if (!is_register) {
			log_info("| %.*s", (int)n, s);
			shown++;
		}
		s += n < len ? n + 1 : n;
		len -= n < len ? n + 1 : n;
	}
}

/* Where the last lines of s[0..len) begin. */
static size_t last_lines(const char *s, size_t len, unsigned lines)
{
	size_t at = len;

	for (unsigned i = 0; i < lines && at > 0; i++)
		at = capsule_line_end(s, at - 1);
	return at;
}

/* The log's part of the text: packets stand behind it. */
static size_t log_part(const struct capsule *c)
{
	static const char mark[] = "\nlast packets:\n";
	size_t n = strlen(mark);

	for (size_t at = 0; at + n <= c->text_len; at++)
		if (memcmp(c->text + at, mark, n) == 0)
			return at + 1;
	return c->text_len;
}

void crash_show(void)
{
	const struct capsule *c = crash.previous;
	char line[160];
	struct text t = { line, sizeof(line), 0, false };
	size_t len, from;

	if (c == NULL)
		return;
	add_verdict(&t);
	log_warn("%s", line);
	len = log_part(c);
	from = panicked() ? capsule_find_panic(c->text, len)
	                  : last_lines(c->text, len, LAST_LINES);
	show_lines(c->text + from, len - from, panicked());
	log_info("all of that: /crash at the admin plane");
}

size_t crash_print(char *buf, size_t size, void *ctx)
{
	const struct capsule *c = crash.previous;
	struct text t = { buf, size, 0, false };

	if (c == NULL) {
		fmt_add(&t, "nothing is known of the previous run: it ended "
		            "as it should, or with the power\n");
		return t.len;
	}
	add_verdict(&t);
	fmt_add(&t, "\nversion %s\n\n", c->facts.build);
	fmt_add(&t, "%.*s", (int)c->text_len, c->text);
	return t.truncated ? size * 2 : t.len;
}

/* SPDX-License-Identifier: MIT */
/*
 * The whole system, in which something goes wrong a second after the
 * applications were started, as the command line's `hang=WORD` says:
 *
 *	poll     the card is not polled any more; everything else goes on
 *	thread   a thread keeps the CPU for ever
 *	hog      a thread keeps the CPU for 3 s
 *	off      the CPU stands still with interrupts off
 *	panic    it panics
 *
 * It says "SURVIVED WORD" after something that did not end it.
 */
#include "boot/door.h"
#include "boot/services.h"

noreturn void ringlet_main(const struct boot_info *bi);
static noreturn void announce_and_hang(void);

#define kernel_main       ringlet_main
#define services_announce announce_and_hang
#include "boot/main.c"
#undef kernel_main
#undef services_announce

#include "lib/string.h"
#include "net/stack.h"
#include "posix/internal.h"
#include "sched/thread.h"

#define HOG_NS (3 * NS_PER_S)

static const char *words;

static int poll_nothing(struct bh *b, int budget)
{
	return 0;
}

static void hang_poll(struct stack *st)
{
	for (uint32_t i = 0; i < st->device_count; i++)
		st->device[i]->bh.run = poll_nothing;
}

/* It may as well halt: what counts is that it does not come back. */
static void hang_thread(struct stack *st)
{
	for (;;)
		cpu_halt();
}

static void hang_hog(struct stack *st)
{
	uint64_t start_ns = clock_ns();

	while (clock_ns() - start_ns < HOG_NS) {
		arch_timer_arm(clock_ns() + 10 * NS_PER_MS);
		cpu_halt();
	}
}

static void hang_off(struct stack *st)
{
	cpu_irq_off();
	hang_thread(st);
}

static void hang_panic(struct stack *st)
{
	panic("on request");
}

static const struct {
	const char *name;
	void (*fn)(struct stack *st);
} hangs[] = {
	{ "poll", hang_poll },
	{ "thread", hang_thread },
	{ "hog", hang_hog },
	{ "off", hang_off },
	{ "panic", hang_panic },
};

static void hang(void *arg)
{
	const char *want = strstr(words, "hang=");
	struct posix_env *env = thread_env();

	thread_sleep_until(clock_ns() + NS_PER_S);
	for (size_t i = 0; want && i < sizeof(hangs) / sizeof(hangs[0]); i++) {
		if (strncmp(want + 5, hangs[i].name, strlen(hangs[i].name)))
			continue;
		log_line("HANGING %s", hangs[i].name);
		hangs[i].fn(env->config.stack);
		thread_yield();
		log_line("SURVIVED %s", hangs[i].name);
	}
}

static noreturn void announce_and_hang(void)
{
	thread_create("hang", hang, NULL);
	services_announce();
}

noreturn void kernel_main(const struct boot_info *bi)
{
	words = bi->cmdline;
	ringlet_main(bi);
}

/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/clock.h"

#include <stdbool.h>

#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/firmware.h"
#include "lib/log.h"

#define PIT_HZ        1193182ull
#define PIT_COMMAND   0x43
#define PIT_CHANNEL_2 0x42
#define PIT_MODE_0    0xb0 /* channel 2, low then high byte, count down once */
#define PIT_LATCH     0x80 /* hold channel 2's count for reading */
#define GATE_PORT     0x61
#define GATE_ON       0x01 /* channel 2 counts */
#define GATE_SPEAKER  0x02

#define PIT_WINDOW   5966u /* 5 ms */
#define PM_WINDOW    7159u /* 2 ms */
#define WINDOWS_MAX  8
#define WINDOW_CAP   (1ull << 30) /* TSC ticks: 1/4 s at 4 GHz */
#define AGREEMENT    512          /* two windows differ by less than 1/512 */
#define SAMPLE_TRIES 8

#define TSC_HZ_MIN    100000000ull
#define TSC_HZ_MAX    20000000000ull
#define TSC_HZ_GUESS  2000000000ull
#define NS_PER_SECOND 1000000000ull
#define MEASURE_NS    2000000ull

#define CPUID_FREQUENCY 0x16
#define CPUID_POWER     0x80000007u
#define POWER_INVARIANT (1u << 8)

#define PM_HZ        3579545ull
#define PM_MASK      0xffffffu /* the bits that every timer has */
#define PM_AGREEMENT 64        /* the two sources differ by less than 1/64 */

/* ns = ticks * mult >> SHIFT; a 128-bit product never overflows. */
#define SHIFT 32

static struct {
	uint64_t zero_tsc, hz, mult, last_ns;
} clk;

static void set_rate(uint64_t hz)
{
	clk.hz = hz;
	clk.mult = (NS_PER_SECOND << SHIFT) / hz;
}

void clock_start(void)
{
	clk.zero_tsc = cpu_tsc();
	set_rate(TSC_HZ_GUESS);
}

/* Reads a counter and the TSC "at once". */
struct sample {
	uint64_t tsc;
	uint32_t count;
};

/* The CPU, a virtual one above all, may be taken away between two reads: so of
 * several tries the quickest counts. */
static struct sample take_sample(uint32_t (*read)(void))
{
	struct sample best = { 0, 0 };
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < SAMPLE_TRIES; i++) {
		uint64_t before = cpu_tsc();
		uint32_t count = read();
		uint64_t took = cpu_tsc() - before;

		if (took >= shortest)
			continue;
		shortest = took;
		best = (struct sample){ before + took / 2, count };
	}
	return best;
}

static uint32_t read_pit(void)
{
	uint32_t low;

	arch_out8(PIT_COMMAND, PIT_LATCH);
	low = arch_in8(PIT_CHANNEL_2);
	return low | (uint32_t)arch_in8(PIT_CHANNEL_2) << 8;
}

static void start_pit(void)
{
	uint8_t gate = arch_in8(GATE_PORT) & (uint8_t)~GATE_SPEAKER;

	arch_out8(GATE_PORT, gate | GATE_ON);
	arch_out8(PIT_COMMAND, PIT_MODE_0);
	arch_out8(PIT_CHANNEL_2, 0xff);
	arch_out8(PIT_CHANNEL_2, 0xff);
}

/* Some chip sets' timers can be caught in the middle of a carry. */
static uint32_t read_pm(void)
{
	uint16_t port = firmware_facts()->pm_timer;
	uint32_t a = arch_in32(port), b = arch_in32(port);

	return ((b - a) & PM_MASK) < PM_MASK / 2 ? b & PM_MASK : a & PM_MASK;
}

/* A clock of known rate that needs no interrupt. */
struct source {
	const char *name;
	uint64_t hz;
	uint32_t mask, window; /* of the count; ticks to measure over */
	bool down;
	uint32_t (*read)(void);
	void (*start)(void); /* before each window; or NULL */
};

static const struct source pit = { "interval timer", PIT_HZ, 0xffff, PIT_WINDOW,
	true, read_pit, start_pit };
static const struct source pm = { "ACPI timer", PM_HZ, PM_MASK, PM_WINDOW,
	false, read_pm, NULL };

/* The TSC's rate over one window.  False when the source stands still. */
static bool measure_window(const struct source *s, uint64_t *hz)
{
	struct sample from, to;
	uint32_t ticks;

	if (s->start)
		s->start();
	from = take_sample(s->read);
	do {
		to = take_sample(s->read);
		ticks = s->down ? from.count - to.count : to.count - from.count;
		ticks &= s->mask;
	} while (ticks < s->window && to.tsc - from.tsc <= WINDOW_CAP);
	if (ticks == 0)
		return false;
	*hz = (to.tsc - from.tsc) * s->hz / ticks;
	return true;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static bool plausible(uint64_t hz)
{
	return hz >= TSC_HZ_MIN && hz <= TSC_HZ_MAX;
}

/* Measures until two plausible windows agree: in one of them a virtual CPU may
 * have been taken away for so long that the count went round.  Returns 0 when
 * the source cannot be used. */
static uint64_t measure_tsc_hz(const struct source *s)
{
	uint64_t last = 0, hz;

	for (int i = 0; i < WINDOWS_MAX; i++) {
		if (!measure_window(s, &hz))
			return 0;
		if (!plausible(hz))
			continue;
		if (distance(hz, last) < hz / AGREEMENT)
			return hz;
		last = hz;
	}
	return last;
}

/* The base frequency that some CPUs state, in MHz. */
static uint64_t stated_hz(void)
{
	if (cpu_id(0).a < CPUID_FREQUENCY)
		return 0;
	return (cpu_id(CPUID_FREQUENCY).a & 0xffff) * 1000000ull;
}

/* Whether the counter runs at one rate whatever the CPU does. */
static bool is_invariant(void)
{
	return cpu_id(0x80000000u).a >= CPUID_POWER &&
	       cpu_id(CPUID_POWER).d & POWER_INVARIANT;
}

/* Of two that disagree, the one that comes nearer to what the CPU states; and
 * else the ACPI timer, since nothing in a PC can reprogram that one. */
static uint64_t choose(uint64_t by_pit, uint64_t by_pm)
{
	uint64_t stated = stated_hz(), hz = by_pm;

	if (distance(by_pit, by_pm) < by_pit / PM_AGREEMENT)
		return by_pit;
	if (plausible(stated) &&
	    distance(by_pit, stated) < distance(by_pm, stated))
		hz = by_pit;
	log_warn("clock: the interval timer says %llu Hz, the ACPI timer %llu; "
	         "%llu is used",
	    (unsigned long long)by_pit, (unsigned long long)by_pm,
	    (unsigned long long)hz);
	return hz;
}

static void say_rate(uint64_t hz, uint64_t by_pit, uint64_t by_pm)
{
	const char *how = "no timer answers: a guess";

	if (by_pit && by_pm)
		how = "by two timers";
	else if (by_pit || by_pm)
		how = by_pit ? pit.name : pm.name;
	else if (hz == stated_hz())
		how = "no timer answers: as the CPU states";
	log_info("clock: TSC at %llu.%03llu MHz (%s%s)",
	    (unsigned long long)(hz / 1000000),
	    (unsigned long long)(hz / 1000 % 1000), how,
	    is_invariant() ? "" : "; its rate may change");
}

void clock_init(void)
{
	uint64_t by_pit = measure_tsc_hz(&pit), by_pm = 0;
	uint64_t hz = by_pit;

	if (firmware_facts()->pm_timer)
		by_pm = measure_tsc_hz(&pm);
	if (by_pit && by_pm)
		hz = choose(by_pit, by_pm);
	else if (by_pm)
		hz = by_pm;
	if (!hz)
		hz = stated_hz();
	if (!plausible(hz))
		hz = TSC_HZ_GUESS;
	set_rate(hz);
	say_rate(hz, by_pit, by_pm);
}

uint64_t clock_tsc_hz(void)
{
	return clk.hz;
}

uint64_t clock_measure_down(uint32_t (*read)(void))
{
	struct sample from = take_sample(read), to;
	uint64_t window = clk.hz / (NS_PER_SECOND / MEASURE_NS);

	do
		to = take_sample(read);
	while (to.tsc - from.tsc < window);
	return (uint64_t)(from.count - to.count) * clk.hz / (to.tsc - from.tsc);
}

/* Firmware, or a hypervisor that moves us, may turn the counter back. */
uint64_t arch_clock_ns(void)
{
	uint64_t ticks = cpu_tsc() - clk.zero_tsc;
	uint64_t ns = (uint64_t)((unsigned __int128)ticks * clk.mult >> SHIFT);

	if ((int64_t)(ns - clk.last_ns) < 0)
		return clk.last_ns;
	clk.last_ns = ns;
	return ns;
}

void arch_delay_us(uint32_t us)
{
	uint64_t start = cpu_tsc();
	uint64_t ticks = us * (clk.hz / 1000000);

	while (cpu_tsc() - start < ticks)
		cpu_pause();
}

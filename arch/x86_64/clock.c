/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/clock.h"

#include <stdbool.h>

#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "lib/log.h"

#define PIT_HZ        1193182ull
#define PIT_COMMAND   0x43
#define PIT_CHANNEL_2 0x42
#define PIT_MODE_0    0xb0 /* channel 2, low then high byte, count down once */
#define GATE_PORT     0x61
#define GATE_ON       0x01 /* channel 2 counts */
#define GATE_SPEAKER  0x02
#define GATE_OUT      0x20     /* channel 2 has reached zero */
#define WINDOW_TICKS  11932ull /* 10 ms */
#define WINDOWS       3
#define WINDOW_CAP    (1ull << 31) /* TSC ticks: half a second at 4 GHz */

#define TSC_HZ_MIN    100000000ull
#define TSC_HZ_MAX    20000000000ull
#define TSC_HZ_GUESS  2000000000ull
#define NS_PER_SECOND 1000000000ull
#define MEASURE_NS    10000000ull

#define CPUID_FREQUENCY 0x16

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

/*
 * TSC ticks in one window of the interval timer; 0 when that does not answer.
 * An interruption of the (virtual) CPU can only lengthen a window, so callers
 * take the shortest of several.
 */
static uint64_t measure_window(void)
{
	uint8_t gate = arch_in8(GATE_PORT) & ~(GATE_ON | GATE_SPEAKER);
	uint64_t start, now;

	/* The count starts with its second byte; not with the gate, which some
	 * implementations ignore in this mode. */
	arch_out8(GATE_PORT, gate | GATE_ON);
	arch_out8(PIT_COMMAND, PIT_MODE_0);
	arch_out8(PIT_CHANNEL_2, (uint8_t)WINDOW_TICKS);
	arch_out8(PIT_CHANNEL_2, (uint8_t)(WINDOW_TICKS >> 8));
	start = cpu_tsc();
	if (arch_in8(GATE_PORT) & GATE_OUT)
		return 0;
	do {
		now = cpu_tsc();
		if (now - start > WINDOW_CAP)
			break;
	} while (!(arch_in8(GATE_PORT) & GATE_OUT));
	arch_out8(GATE_PORT, gate);
	return now - start > WINDOW_CAP ? 0 : now - start;
}

static uint64_t measure_tsc_hz(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < WINDOWS; i++) {
		uint64_t ticks = measure_window();

		if (ticks == 0)
			return 0;
		if (ticks < best)
			best = ticks;
	}
	return best * PIT_HZ / WINDOW_TICKS;
}

/* The base frequency that some CPUs state, in MHz. */
static uint64_t stated_hz(void)
{
	if (cpu_id(0).a < CPUID_FREQUENCY)
		return 0;
	return (cpu_id(CPUID_FREQUENCY).a & 0xffff) * 1000000ull;
}

static bool plausible(uint64_t hz)
{
	return hz >= TSC_HZ_MIN && hz <= TSC_HZ_MAX;
}

void clock_init(void)
{
	uint64_t hz = measure_tsc_hz();

	if (!plausible(hz)) {
		log_warn("clock: the interval timer does not answer (%llu Hz); "
		         "time may run at a wrong rate",
		    (unsigned long long)hz);
		hz = stated_hz();
	}
	if (!plausible(hz))
		hz = TSC_HZ_GUESS;
	set_rate(hz);
	log_info("clock: TSC at %llu.%03llu MHz",
	    (unsigned long long)(hz / 1000000),
	    (unsigned long long)(hz / 1000 % 1000));
}

uint64_t clock_tsc_hz(void)
{
	return clk.hz;
}

uint64_t clock_measure_down(uint32_t (*read)(void))
{
	uint64_t from_ns = arch_clock_ns(), now_ns;
	uint32_t from = read(), to;

	do {
		now_ns = arch_clock_ns();
		to = read();
	} while (now_ns - from_ns < MEASURE_NS);
	return (uint64_t)(from - to) * NS_PER_SECOND / (now_ns - from_ns);
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

/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/lapic.h"

#include "arch/arch.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/firmware.h"
#include "lib/assert.h"
#include "lib/log.h"

/* Registers: Intel SDM 3A, table 10-1 (local APIC register map). */
enum {
	LAPIC_ID = 0x020,
	LAPIC_VERSION = 0x030,
	LAPIC_TPR = 0x080,
	LAPIC_EOI = 0x0b0,
	LAPIC_SVR = 0x0f0,
	LAPIC_ISR = 0x100, /* eight registers, 16 bytes apart */
	LAPIC_LVT_CMCI = 0x2f0,
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_LVT_THERMAL = 0x330,
	LAPIC_LVT_PERF = 0x340,
	LAPIC_LVT_LINT0 = 0x350,
	LAPIC_LVT_LINT1 = 0x360,
	LAPIC_LVT_ERROR = 0x370,
	LAPIC_TIMER_INITIAL = 0x380,
	LAPIC_TIMER_CURRENT = 0x390,
	LAPIC_TIMER_DIVIDE = 0x3e0,
};

#define LVT_MASKED         (1u << 16)
#define LVT_EXTINT         (7u << 8)
#define LVT_NMI            (4u << 8)
#define SVR_ENABLE         (1u << 8)
#define DIVIDE_BY_16       3u
#define VERSION_MAX_LVT(v) ((v) >> 16 & 0xff)

#define BASE_ENABLE  (1ull << 11)
#define BASE_X2APIC  (1ull << 10)
#define BASE_ADDRESS 0x000ffffffffff000ull
#define MSR_X2APIC   0x800u

#define CPUID_FEATURES     1
#define CPUID_FEATURE_APIC (1u << 9)

#define NS_PER_SECOND 1000000000ull
#define TIMER_HZ_MIN  10000ull /* below: not counting */
#define TIMER_HZ_MAX  4000000000ull

static struct {
	volatile uint8_t *regs; /* NULL in x2APIC mode */
	uint64_t timer_hz;
	uint64_t mult; /* ticks = ns * mult >> 32 */
	uint64_t deadline_ns;
	uint64_t watch_ns, watch_period_ns; /* the next check, or never */
	const char *(*check)(void);
} lapic = { .deadline_ns = ARCH_TIMER_NEVER, .watch_ns = ARCH_TIMER_NEVER };

static uint32_t lapic_read(uint32_t reg)
{
	if (lapic.regs == NULL)
		return (uint32_t)cpu_msr_read(MSR_X2APIC + (reg >> 4));
	return arch_read32(lapic.regs + reg);
}

static void lapic_write(uint32_t reg, uint32_t v)
{
	if (lapic.regs == NULL)
		cpu_msr_write(MSR_X2APIC + (reg >> 4), v);
	else
		arch_write32(lapic.regs + reg, v);
}

static void find_registers(void)
{
	uint64_t base;

	if (!(cpu_id(CPUID_FEATURES).d & CPUID_FEATURE_APIC))
		panic("this CPU has no local APIC");
	base = cpu_msr_read(MSR_APIC_BASE);
	if (!(base & BASE_ENABLE))
		cpu_msr_write(MSR_APIC_BASE, base | BASE_ENABLE);
	/* Firmware of large machines may have left it in the mode where the
	 * registers are MSRs, and only a reset leads back. */
	if (base & BASE_X2APIC)
		return;
	lapic.regs = arch_map_device(base & BASE_ADDRESS, 4096);
	if (lapic.regs == NULL)
		panic("cannot map the local APIC at %llx",
		    (unsigned long long)(base & BASE_ADDRESS));
}

/* Every local source is masked but the two pins: one is the way of the 8259's
 * interrupts, LINT0 unless the tables say otherwise, and by the other one a
 * machine reports its failure. */
static void init_sources(void)
{
	uint32_t sources = VERSION_MAX_LVT(lapic_read(LAPIC_VERSION));
	bool nmi = firmware_facts()->nmi_lint == 1;

	lapic_write(LAPIC_SVR, SVR_ENABLE | LAPIC_SPURIOUS_VECTOR);
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | LAPIC_TIMER_VECTOR);
	lapic_write(LAPIC_LVT_ERROR, LVT_MASKED | LAPIC_SPURIOUS_VECTOR);
	if (sources >= 4)
		lapic_write(LAPIC_LVT_PERF, LVT_MASKED);
	if (sources >= 5)
		lapic_write(LAPIC_LVT_THERMAL, LVT_MASKED);
	if (sources >= 6)
		lapic_write(LAPIC_LVT_CMCI, LVT_MASKED);
	lapic_write(nmi ? LAPIC_LVT_LINT0 : LAPIC_LVT_LINT1, LVT_EXTINT);
	lapic_write(nmi ? LAPIC_LVT_LINT1 : LAPIC_LVT_LINT0, LVT_NMI);
}

/* Ends what firmware left in service: it would hold back all vectors of equal
 * or lower priority. */
static void end_in_service(void)
{
	for (int tries = 0; tries < 256; tries++) {
		uint32_t any = 0;

		for (uint32_t i = 0; i < 8; i++)
			any |= lapic_read(LAPIC_ISR + 16 * i);
		if (any == 0)
			return;
		lapic_write(LAPIC_EOI, 0);
	}
}

static uint32_t read_count(void)
{
	return lapic_read(LAPIC_TIMER_CURRENT);
}

static void init_timer(void)
{
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
	lapic_write(LAPIC_TIMER_INITIAL, UINT32_MAX);
	lapic.timer_hz = clock_measure_down(read_count);
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	if (lapic.timer_hz < TIMER_HZ_MIN || lapic.timer_hz > TIMER_HZ_MAX)
		panic("the local APIC's timer counts at %llu Hz",
		    (unsigned long long)lapic.timer_hz);
	lapic.mult = (lapic.timer_hz << 32) / NS_PER_SECOND;
	lapic_write(LAPIC_LVT_TIMER, LAPIC_TIMER_VECTOR);
}

void lapic_init(void)
{
	find_registers();
	init_sources();
	end_in_service();
	init_timer();
	log_info("timer: local APIC%s at %llu.%03llu MHz",
	    lapic.regs == NULL ? " (x2)" : "",
	    (unsigned long long)(lapic.timer_hz / 1000000),
	    (unsigned long long)(lapic.timer_hz / 1000 % 1000));
}

/* At least one tick, since zero would stop the timer: so a deadline in the past
 * fires at once. */
static uint32_t ticks_until(uint64_t deadline_ns)
{
	uint64_t now_ns = arch_clock_ns();
	unsigned __int128 ticks;

	if (deadline_ns <= now_ns)
		return 1;
	ticks = (unsigned __int128)(deadline_ns - now_ns) * lapic.mult >> 32;
	return ticks >= UINT32_MAX ? UINT32_MAX : (uint32_t)ticks + 1;
}

/* One timer for whichever of the two comes first. */
static void start_timer(void)
{
	uint64_t next_ns = lapic.deadline_ns;

	if (lapic.watch_ns < next_ns)
		next_ns = lapic.watch_ns;
	lapic_write(LAPIC_TIMER_INITIAL,
	    next_ns == ARCH_TIMER_NEVER ? 0 : ticks_until(next_ns));
}

void arch_timer_arm(uint64_t deadline_ns)
{
	unsigned long state = arch_irq_save();

	lapic.deadline_ns = deadline_ns;
	start_timer();
	arch_irq_restore(state);
}

void arch_watch(uint64_t period_ns, const char *(*check)(void))
{
	unsigned long state = arch_irq_save();

	lapic.check = check;
	lapic.watch_period_ns = period_ns;
	lapic.watch_ns = check ? arch_clock_ns() + period_ns : ARCH_TIMER_NEVER;
	start_timer();
	arch_irq_restore(state);
}

/* A deadline beyond the counter's range, or one that the counter's rate made
 * early, goes on from here; waking early harms nobody. */
const char *lapic_timer_irq(void)
{
	const char *wrong = NULL;
	uint64_t now_ns = arch_clock_ns();

	lapic_write(LAPIC_EOI, 0);
	if (now_ns >= lapic.watch_ns) {
		lapic.watch_ns = now_ns + lapic.watch_period_ns;
		wrong = lapic.check();
	}
	if (now_ns >= lapic.deadline_ns)
		lapic.deadline_ns = ARCH_TIMER_NEVER;
	start_timer();
	return wrong;
}

void lapic_end(void)
{
	lapic_write(LAPIC_EOI, 0);
}

/* All 32 bits in x2APIC mode; the IO-APICs know eight. */
uint32_t lapic_id(void)
{
	uint32_t id = lapic_read(LAPIC_ID);

	return lapic.regs == NULL ? id & 0xff : id >> 24;
}

/* SPDX-License-Identifier: MIT */
/*
 * A kernel that does what the command line says and dies of it, so that a test
 * can read what a panic prints: `crash=NAME [panic=halt]`.  It prints a line
 * "SURVIVED NAME" when the machine let it pass.
 *
 * framebuffer=high: the screen is 800x600 pixels at 4 GiB, where a test has put
 * memory.  framebuffer=lost: the screen is not where the console believes it to
 * be, so that drawing a panic faults.
 */
#include "boot/door.h"

#include "arch/arch.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/firmware.h"
#include "arch/x86_64/interrupts.h"
#include "arch/x86_64/machine.h"
#include "arch/x86_64/memory.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"
#include "boot/console.h"
#include "lib/assert.h"
#include "lib/fat.h"
#include "lib/filetable.h"
#include "lib/log.h"
#include "lib/pool.h"
#include "lib/string.h"

static volatile int zero;
static uint8_t data_page[4096] __attribute__((aligned(4096)));
static const uint32_t constant = 7;
static struct arch_context main_context, thread_context;

static void crash_null(void)
{
	*(volatile int *)(uintptr_t)zero = 1;
}

static void crash_divide(void)
{
	__asm__ volatile("xor %%edx, %%edx; div %0" ::"r"(zero) : "rax", "rdx");
}

static void crash_text(void)
{
	*(volatile uint8_t *)(uintptr_t)crash_divide = 0;
}

static void crash_rodata(void)
{
	*(volatile uint32_t *)(uintptr_t)&constant = 8;
}

static void crash_execute(void)
{
	data_page[0] = 0xc3; /* ret */
	((void (*)(void))(uintptr_t)data_page)();
}

static void crash_wild(void)
{
	*(volatile int *)0x0123456789abcdef = 1;
}

static void crash_low(void)
{
	*(volatile int *)(uintptr_t)(0x100000 + zero) = 1;
}

/* The image's text by its alias in the direct map. */
static void crash_alias(void)
{
	*(volatile uint8_t *)phys_to_virt(image_phys()) = 0;
}

static __attribute__((noinline)) int recurse(int depth)
{
	volatile char room[256];

	room[0] = (char)depth;
	return depth == INT32_MAX ? 0 : recurse(depth + 1) + room[0];
}

static void crash_overflow(void)
{
	zero = recurse(0);
}

static void thread(void)
{
	crash_overflow();
	panic("a thread has returned");
}

static void crash_thread(void)
{
	void *stack = arch_stack_alloc(ARCH_STACK_BYTES);

	assert(stack != NULL);
	arch_context_init(&thread_context, stack, ARCH_STACK_BYTES, thread);
	arch_context_switch(&main_context, &thread_context);
}

static __attribute__((noinline)) void overrun(volatile char *p, int n)
{
	while (n-- > 0)
		*p++ = 'x';
}

static __attribute__((noinline)) void crash_smash(void)
{
	char room[16];

	overrun(room, 64);
}

static void crash_panic(void)
{
	panic("on request, %d", 42);
}

static void crash_assert(void)
{
	assert(zero == 1);
}

static void crash_vector(void)
{
	__asm__ volatile("pxor %xmm0, %xmm0");
}

/* A frame pointer into nowhere must not disturb the report. */
static void crash_frame(void)
{
	__asm__ volatile("mov $0x1230, %ebp; ud2");
}

/* These three come while the stack is nowhere: each has one of its own. */
static void crash_nmi(void)
{
	__asm__ volatile("mov $0x2340, %esp; int $2");
}

static void crash_machine_check(void)
{
	__asm__ volatile("mov $0x2340, %esp; int $18");
}

/* Division error, whose gate is not present any more: two faults in one. */
static void crash_double(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idt;

	__asm__ volatile("sidt %0" : "=m"(idt));
	*(volatile uint64_t *)idt.base = 0;
	__asm__ volatile(
	    "mov $0x2340, %%esp; xor %%edx, %%edx; div %0" ::"r"(zero)
	    : "rax", "rdx");
}

static const struct {
	const char *name;
	void (*fn)(void);
} crashes[] = {
	{ "nmi", crash_nmi },
	{ "machine_check", crash_machine_check },
	{ "double", crash_double },
	{ "null", crash_null },
	{ "divide", crash_divide },
	{ "text", crash_text },
	{ "rodata", crash_rodata },
	{ "execute", crash_execute },
	{ "wild", crash_wild },
	{ "low", crash_low },
	{ "alias", crash_alias },
	{ "overflow", crash_overflow },
	{ "thread", crash_thread },
	{ "smash", crash_smash },
	{ "panic", crash_panic },
	{ "assert", crash_assert },
	{ "vector", crash_vector },
	{ "frame", crash_frame },
};

static const struct boot_info *with_high_screen(const struct boot_info *bi)
{
	static struct boot_info changed;

	changed = *bi;
	changed.framebuffer = (struct boot_framebuffer){
		.kind = FRAMEBUFFER_RGB,
		.base = 1ull << 32,
		.width = 800,
		.height = 600,
		.stride_bytes = 3200,
		.bits_per_pixel = 32,
		.red_shift = 16,
		.green_shift = 8,
	};
	return &changed;
}

/* The command line, or what stands in its place on the stick (docs/STICK.md).
 */
static const char *words(const struct boot_info *bi)
{
	static uint8_t memory[256 * 1024];
	static char line[256];
	struct arena a = { .base = memory, .size = sizeof(memory) };
	struct fat_volume v = { .extent_count = bi->extent_count };
	struct filetable files = { 0 };
	struct fat_result r;
	const struct file *f;

	for (uint32_t i = 0; i < bi->extent_count; i++) {
		v.extent[i].data = phys_to_virt(bi->extent[i].base);
		v.extent[i].len = bi->extent[i].len;
	}
	if (bi->cmdline[0] || filetable_init(&files, 64, &a) ||
	    fat_read(&v, &files, &a, &r))
		return bi->cmdline;
	f = filetable_find(&files, "/EFI/ringlet/cmdline.txt");
	if (f && f->len < sizeof(line))
		memcpy(line, f->data, f->len);
	return line;
}

noreturn void kernel_main(const struct boot_info *bi)
{
	const char *line, *want;

	if (strstr(bi->cmdline, "framebuffer=high"))
		bi = with_high_screen(bi);
	console_init(bi);
	memory_init(bi);
	firmware_init(bi);
	paging_init();
	if (!strstr(bi->cmdline, "framebuffer=lost"))
		console_map();
	machine_init();
	clock_init();
	interrupts_init();
	line = words(bi);
	want = strstr(line, "crash=");
	panic_set_policy(strstr(line, "panic=halt") ? PANIC_HALT : 1);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
		const char *name = crashes[i].name;

		if (want && strncmp(want + 6, name, strlen(name)) == 0) {
			crashes[i].fn();
			log_line("SURVIVED %s", name);
		}
	}
	arch_reset();
}

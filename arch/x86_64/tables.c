/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/tables.h"

#include "arch/x86_64/layout.h"
#include "lib/assert.h"

/* The order that tables_load (traps.asm) and the boot GDT expect. */
enum { GDT_NULL, GDT_CODE, GDT_DATA, GDT_TSS, GDT_TSS_HIGH, GDT_ENTRIES };

#define GDT_CODE64 0x00af9b000000ffffull
#define GDT_DATA64 0x00cf93000000ffffull
#define TSS_TYPE   0x89ull /* present, available 64-bit TSS */
#define IDT_GATE   0x8e    /* present, interrupt gate: enters with IF off */

#define VECTOR_NMI           2
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_MACHINE_CHECK 18
#define VECTOR_FIRST_IRQ     32

/* Interrupts never nest and exceptions end the system, so five stacks do. */
enum {
	IST_EXCEPTION = 1,
	IST_DOUBLE_FAULT,
	IST_NMI,
	IST_MACHINE_CHECK,
	IST_INTERRUPT,
	IST_COUNT = IST_INTERRUPT
};

#define IST_STACK_BYTES (2 * PAGE_BYTES)

struct ist_stack {
	uint8_t guard[PAGE_BYTES];
	uint8_t stack[IST_STACK_BYTES];
};

struct tss {
	uint32_t reserved0;
	uint32_t rsp[6];
	uint32_t reserved1[2];
	uint32_t ist[7][2]; /* low, high: only 4-byte aligned in hardware */
	uint32_t reserved2[2];
	uint16_t reserved3, io_map;
};
static_assert(sizeof(struct tss) == 104, "Intel SDM 3A, 64-bit TSS");

struct gate {
	uint16_t offset_0, selector;
	uint8_t ist, type;
	uint16_t offset_16;
	uint32_t offset_32, reserved;
};
static_assert(sizeof(struct gate) == 16, "Intel SDM 3A, 64-bit gates");

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

extern const uint64_t trap_stubs[256];
extern const uint8_t boot_stack_guard[];
void tables_load(
    const struct table_pointer *gdt, const struct table_pointer *idt);

static struct {
	uint64_t gdt[GDT_ENTRIES];
	struct tss tss;
	struct gate idt[256] __attribute__((aligned(16)));
	struct ist_stack ist[IST_COUNT] __attribute__((aligned(PAGE_BYTES)));
} tables;

static void init_tss(void)
{
	uint64_t base = (uint64_t)&tables.tss;
	uint64_t limit = sizeof(tables.tss) - 1;

	for (int i = 0; i < IST_COUNT; i++) {
		uint64_t top = (uint64_t)(&tables.ist[i] + 1);

		tables.tss.ist[i][0] = (uint32_t)top;
		tables.tss.ist[i][1] = (uint32_t)(top >> 32);
	}
	tables.tss.io_map = sizeof(tables.tss);
	tables.gdt[GDT_TSS] = limit | (base & 0xffffff) << 16 | TSS_TYPE << 40 |
	                      (base >> 24 & 0xff) << 56;
	tables.gdt[GDT_TSS_HIGH] = base >> 32;
}

static uint8_t ist_of(int vector)
{
	if (vector >= VECTOR_FIRST_IRQ)
		return IST_INTERRUPT;
	if (vector == VECTOR_NMI)
		return IST_NMI;
	if (vector == VECTOR_DOUBLE_FAULT)
		return IST_DOUBLE_FAULT;
	if (vector == VECTOR_MACHINE_CHECK)
		return IST_MACHINE_CHECK;
	return IST_EXCEPTION;
}

static void init_idt(void)
{
	for (int i = 0; i < 256; i++) {
		uint64_t stub = trap_stubs[i];

		tables.idt[i] = (struct gate){
			.offset_0 = (uint16_t)stub,
			.selector = GDT_CODE * 8,
			.ist = ist_of(i),
			.type = IDT_GATE,
			.offset_16 = (uint16_t)(stub >> 16),
			.offset_32 = (uint32_t)(stub >> 32),
		};
	}
}

void tables_init(void)
{
	struct table_pointer gdt = { sizeof(tables.gdt) - 1,
		(uint64_t)tables.gdt };
	struct table_pointer idt = { sizeof(tables.idt) - 1,
		(uint64_t)tables.idt };

	tables.gdt[GDT_CODE] = GDT_CODE64;
	tables.gdt[GDT_DATA] = GDT_DATA64;
	init_tss();
	init_idt();
	tables_load(&gdt, &idt);
}

void tables_for_each_guard(void (*fn)(const void *page))
{
	fn(boot_stack_guard);
	for (int i = 0; i < IST_COUNT; i++)
		fn(tables.ist[i].guard);
}

/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/efi_runtime.h"

#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/paging.h"
#include "lib/assert.h"
#include "lib/log.h"
#include "lib/string.h"

#define FOUR_GIB    (1ull << 32)
#define STACK_BYTES 65536
#define ARGS_MAX    5

/* UEFI 2.10, 4.3 and 4.5: signatures of the two tables. */
#define SYSTEM_TABLE_MAGIC  0x5453595320494249ull
#define RUNTIME_TABLE_MAGIC 0x56524553544e5552ull

#define UNSUPPORTED (1ull << 63 | 3)

/* 8.2: it outlives power, and both the loader and the kernel reach it. */
#define VARIABLE_NON_VOLATILE 1u
#define VARIABLE_BOOT         2u
#define VARIABLE_RUNTIME      4u

/* 8.5.1: enum EFI_RESET_TYPE. */
enum { RESET_COLD, RESET_WARM, RESET_SHUTDOWN };

struct table_header {
	uint64_t signature;
	uint32_t revision, size, crc, reserved;
};

struct system_table {
	struct table_header header;
	uint64_t vendor;
	uint32_t firmware_revision, unused;
	uint64_t console[6];
	uint64_t runtime;
};
static_assert(offsetof(struct system_table, runtime) == 88, "UEFI 2.10, 4.3");

struct runtime_table {
	struct table_header header;
	uint64_t time[4], address_map[2];
	uint64_t get_variable, get_next_variable, set_variable;
	uint64_t monotonic_count, reset_system;
};
static_assert(offsetof(struct runtime_table, reset_system) == 104, "4.5");

struct guid {
	uint32_t a;
	uint16_t b, c;
	uint8_t d[8];
};

/* What the firmware may see: tables for the first 4 GiB in pages of 2 MiB.  The
 * upper half of the root is the kernel's, as it is at the time of a call. */
struct tables {
	uint64_t root[512], directory_pointers[512], directory[4 * 512];
	uint8_t stack[STACK_BYTES];
};

#define PTE_PRESENT_WRITE 3u
#define PTE_LARGE         0x80u

static struct {
	struct tables *tables; /* NULL: no firmware to call */
	uint64_t set_variable, reset_system;
	bool busy; /* also after a call that ended in an exception */
} efi;

/* efi_call.asm */
uint64_t efi_call(uint64_t fn, const uint64_t args[ARGS_MAX],
    uint64_t stack_top, uint64_t page_root);

static const void *low(uint64_t address, uint64_t len)
{
	if (address == 0 || address % 8 != 0 || address > FOUR_GIB - len)
		return NULL;
	return phys_to_virt(address);
}

static const struct runtime_table *find_runtime(uint64_t system_table)
{
	const struct system_table *s = low(system_table, sizeof(*s));
	const struct runtime_table *r;

	if (s == NULL || s->header.signature != SYSTEM_TABLE_MAGIC)
		return NULL;
	r = low(s->runtime, sizeof(*r));
	if (r == NULL || r->header.signature != RUNTIME_TABLE_MAGIC ||
	    r->set_variable >= FOUR_GIB || r->reset_system >= FOUR_GIB)
		return NULL;
	return r;
}

static void fill(struct tables *t)
{
	memset(t, 0, sizeof(*t));
	t->root[0] = arch_dma_addr(t->directory_pointers) | PTE_PRESENT_WRITE;
	for (unsigned i = 0; i < 4; i++)
		t->directory_pointers[i] =
		    arch_dma_addr(&t->directory[512 * i]) | PTE_PRESENT_WRITE;
	for (uint64_t i = 0; i < 4 * 512; i++)
		t->directory[i] =
		    i * LARGE_PAGE_BYTES | PTE_LARGE | PTE_PRESENT_WRITE;
}

void efi_runtime_init(const struct boot_info *bi)
{
	const struct runtime_table *r;
	struct tables *t;

	if (bi->efi_system_table == 0)
		return;
	r = find_runtime(bi->efi_system_table);
	if (r == NULL) {
		log_warn("efi: the firmware's table at %lx cannot be used",
		    bi->efi_system_table);
		return;
	}
	t = arch_mem_alloc(sizeof(*t), PAGE_BYTES);
	if (t == NULL)
		panic("too little memory for page tables");
	fill(t);
	efi.set_variable = r->set_variable;
	efi.reset_system = r->reset_system;
	efi.tables = t;
}

bool efi_runtime_present(void)
{
	return efi.tables != NULL && !efi.busy;
}

static uint64_t call(uint64_t fn, const uint64_t args[ARGS_MAX])
{
	const uint64_t *kernel =
	    phys_to_virt(cpu_page_root() & ~(PAGE_BYTES - 1));
	struct tables *t = efi.tables;
	unsigned long irq;
	uint64_t rc;

	if (!efi_runtime_present())
		return UNSUPPORTED;
	irq = arch_irq_save();
	efi.busy = true;
	memcpy(t->root + 256, kernel + 256, 256 * sizeof(uint64_t));
	rc = efi_call(fn, args, arch_dma_addr(t->stack + STACK_BYTES),
	    arch_dma_addr(t->root));
	efi.busy = false;
	arch_irq_restore(irq);
	return rc;
}

uint64_t efi_runtime_write_crash(const void *data, size_t len)
{
	static const struct guid guid = CRASH_VARIABLE_GUID;
	static const uint16_t name[] = CRASH_VARIABLE_NAME;
	const uint64_t args[ARGS_MAX] = { arch_dma_addr(name),
		arch_dma_addr(&guid),
		VARIABLE_NON_VOLATILE | VARIABLE_BOOT | VARIABLE_RUNTIME, len,
		arch_dma_addr(data) };

	return call(efi.set_variable, args);
}

void efi_runtime_reset(bool power_off)
{
	const uint64_t args[ARGS_MAX] = { power_off ? RESET_SHUTDOWN
		                                    : RESET_WARM };

	call(efi.reset_system, args);
}

/* SPDX-License-Identifier: MIT */
/* The instructions that C has no words for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MSR_APIC_BASE 0x1bu
#define MSR_PAT       0x277u
#define MSR_EFER      0xc0000080u

#define EFER_NXE  (1u << 11)
#define RFLAGS_IF (1u << 9)

struct cpuid {
	uint32_t a, b, c, d;
};

static inline struct cpuid cpu_id(uint32_t leaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
	                 : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
	                 : "a"(leaf), "c"(0));
	return r;
}

static inline uint64_t cpu_msr_read(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void cpu_msr_write(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr"
	                 :
	                 : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
	                 : "memory");
}

static inline uint64_t cpu_tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (uint64_t)hi << 32 | lo;
}

static inline uint64_t cpu_fault_address(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}

static inline uint64_t cpu_page_root(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

static inline void cpu_set_page_root(uint64_t v)
{
	__asm__ volatile("mov %0, %%cr3" ::"r"(v) : "memory");
}

#define CR4_MCE (1u << 6) /* report machine checks, do not just stop */
#define CR4_PGE (1u << 7) /* global pages: they survive a change of tables */

static inline void cpu_add_cr4(uint64_t bits)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	__asm__ volatile("mov %0, %%cr4" ::"r"(v | bits) : "memory");
}

static inline uint64_t cpu_flags(void)
{
	uint64_t v;

	__asm__ volatile("pushfq; pop %0" : "=r"(v));
	return v;
}

static inline void cpu_irq_off(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline void cpu_irq_on(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline void cpu_halt(void)
{
	__asm__ volatile("hlt" ::: "memory");
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause");
}

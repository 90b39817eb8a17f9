/* SPDX-License-Identifier: MIT */
/*
 * Register and port accesses.  Assembly, so that the compiler can neither merge
 * nor split them: a card may ignore an access of the wrong width.
 */
#include "arch/arch.h"

uint8_t arch_read8(const volatile void *reg)
{
	uint8_t v;

	__asm__ volatile("movb %1, %0"
	                 : "=q"(v)
	                 : "m"(*(const volatile uint8_t *)reg)
	                 : "memory");
	return v;
}

uint16_t arch_read16(const volatile void *reg)
{
	uint16_t v;

	__asm__ volatile("movw %1, %0"
	                 : "=r"(v)
	                 : "m"(*(const volatile uint16_t *)reg)
	                 : "memory");
	return v;
}

uint32_t arch_read32(const volatile void *reg)
{
	uint32_t v;

	__asm__ volatile("movl %1, %0"
	                 : "=r"(v)
	                 : "m"(*(const volatile uint32_t *)reg)
	                 : "memory");
	return v;
}

void arch_write8(volatile void *reg, uint8_t v)
{
	__asm__ volatile("movb %1, %0"
	                 : "=m"(*(volatile uint8_t *)reg)
	                 : "q"(v)
	                 : "memory");
}

void arch_write16(volatile void *reg, uint16_t v)
{
	__asm__ volatile("movw %1, %0"
	                 : "=m"(*(volatile uint16_t *)reg)
	                 : "r"(v)
	                 : "memory");
}

void arch_write32(volatile void *reg, uint32_t v)
{
	__asm__ volatile("movl %1, %0"
	                 : "=m"(*(volatile uint32_t *)reg)
	                 : "r"(v)
	                 : "memory");
}

uint8_t arch_in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

uint16_t arch_in16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

uint32_t arch_in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

void arch_out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

void arch_out16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

void arch_out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

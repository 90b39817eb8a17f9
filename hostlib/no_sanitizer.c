/* SPDX-License-Identifier: MIT */
/*
 * What the host build tells the sanitizers, for the library, which is built
 * without any: nothing.
 */
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>

void __asan_poison_memory_region(const volatile void *p, size_t size)
{
}

void __asan_unpoison_memory_region(const volatile void *p, size_t size)
{
}

int __asan_address_is_poisoned(const volatile void *p)
{
	return 0;
}

void __lsan_register_root_region(const void *p, size_t size)
{
}

void __lsan_unregister_root_region(const void *p, size_t size)
{
}

void __sanitizer_start_switch_fiber(
    void **fake_stack, const void *bottom, size_t size)
{
}

void __sanitizer_finish_switch_fiber(
    void *fake_stack, const void **bottom, size_t *size)
{
}

void __sanitizer_print_stack_trace(void)
{
}

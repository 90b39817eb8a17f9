/* SPDX-License-Identifier: MIT */
/* malloc and its family, on the heap of the environment. */
#include <stdlib.h>

#include "posix/internal.h"

#include "lib/string.h"

static void *or_enomem(void *p)
{
	if (!p)
		*thread_errno() = ENOMEM;
	return p;
}

void *malloc(size_t size)
{
	return or_enomem(heap_alloc(&posix_env()->heap, size));
}

void *calloc(size_t count, size_t size)
{
	size_t bytes;
	void *p = NULL;

	if (!__builtin_mul_overflow(count, size, &bytes))
		p = heap_alloc(&posix_env()->heap, bytes);
	if (p)
		memset(p, 0, bytes);
	return or_enomem(p);
}

void *realloc(void *p, size_t size)
{
	return or_enomem(heap_realloc(&posix_env()->heap, p, size));
}

void free(void *p)
{
	heap_free(&posix_env()->heap, p);
}

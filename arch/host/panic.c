/* SPDX-License-Identifier: MIT */
/* The end of a run, or the thing a test waited for. */
#include "arch/host/arch_host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <sanitizer/common_interface_defs.h>

#include "arch/host/internal.h"
#include "lib/assert.h"
#include "lib/fmt.h"

static struct {
	jmp_buf *where;
	struct host_fiber *fiber; /* that expects it */
	bool jumping;
	void (*report)(void);
	char text[512];
} pan;

void host_set_panic_report(void (*fn)(void))
{
	pan.report = fn;
}

void host_expect_panic(jmp_buf *where)
{
	pan.where = where;
	pan.fiber = host_fiber_current();
	pan.text[0] = '\0';
}

const char *host_panic_text(void)
{
	return pan.text;
}

void host_panic_reset(void)
{
	pan.where = NULL;
	pan.jumping = false;
	pan.text[0] = '\0';
}

void host_panic_arrive(void)
{
	jmp_buf *where = pan.where;

	if (!pan.jumping)
		return;
	pan.jumping = false;
	pan.where = NULL;
	host_irq_set_enabled(true);
	longjmp(*where, 1);
}

noreturn void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fmt_vsnprintf(pan.text, sizeof(pan.text), fmt, ap);
	va_end(ap);
	if (pan.where != NULL) {
		pan.jumping = true;
		if (pan.fiber != host_fiber_current())
			host_fiber_leave_to(pan.fiber);
		host_panic_arrive();
	}
	fprintf(stderr, "PANIC %s\n", pan.text);
	if (pan.report != NULL)
		pan.report();
	__sanitizer_print_stack_trace();
	abort();
}

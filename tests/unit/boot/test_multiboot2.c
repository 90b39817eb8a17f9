/* SPDX-License-Identifier: MIT */
/* boot/multiboot2.c: what GRUB hands over, and lists that no loader should. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "boot/multiboot2.h"

#define AT 0x10000u /* where the list would lie */

static struct boot_info bi;
static uint8_t draft[65536];
static uint32_t used;

static void put(const void *data, uint32_t len)
{
	memcpy(draft + used, data, len);
	used += len;
}

static void start(void)
{
	memset(draft, 0, sizeof(draft));
	used = 8;
}

/* A tag whose size field says `says`; the next one begins at 8 bytes. */
static void tag(uint32_t type, uint32_t says, const void *body, uint32_t len)
{
	put(&type, 4);
	put(&says, 4);
	put(body, len);
	used = (used + 7) & -8u;
}

static void good(uint32_t type, const void *body, uint32_t len)
{
	tag(type, len + 8, body, len);
}

struct entry {
	uint64_t base, len;
	uint32_t type, zero;
};

static void memory_map(const struct entry *e, uint32_t n)
{
	uint32_t head[2] = { 24, 0 };
	static uint8_t body[32768];

	memcpy(body, head, 8);
	memcpy(body + 8, e, n * sizeof(*e));
	good(6, body, 8 + n * (uint32_t)sizeof(*e));
}

static const struct entry ram = { 0x100000, 0x7000000, 1, 0 };

/* Parses the draft from memory of exactly its size, so that AddressSanitizer
 * sees the first byte too many. */
static int parse(void)
{
	uint8_t *exact = malloc(used);
	int rc;

	memcpy(draft, &used, 4);
	memcpy(exact, draft, used);
	memset(&bi, 0, sizeof(bi));
	rc = multiboot2_parse(exact, AT, &bi);
	free(exact);
	return rc;
}

static int finish(void)
{
	good(0, "", 0);
	return parse();
}

static bool has_range(uint64_t base, uint64_t len, uint32_t type)
{
	for (uint32_t i = 0; i < bi.range_count; i++)
		if (bi.range[i].base == base && bi.range[i].len == len &&
		    bi.range[i].type == type)
			return true;
	return false;
}

static void takes_what_grub_gives(void **state)
{
	static const struct entry map[] = { { 0, 0x9fc00, 1, 0 },
		{ 0x9fc00, 0x400, 2, 0 }, { 0x100000, 0x7ee0000, 1, 0 },
		{ 0x7fe0000, 0x10000, 3, 0 }, { 0x7ff0000, 0x10000, 4, 0 },
		{ 0xfffc0000, 0x40000, 77, 0 } };
	static const uint32_t module[] = { 0x400000, 0x1400000 };

	start();
	good(1, "panic=halt", 11);
	good(2, "GRUB 2.06", 10);
	good(3, module, 8);
	memory_map(map, 6);
	assert_int_equal(finish(), 0);
	assert_int_equal(bi.magic, BOOT_MAGIC);
	assert_int_equal(bi.version, BOOT_VERSION);
	assert_string_equal(bi.door, "bios");
	assert_string_equal(bi.cmdline, "panic=halt");
	assert_string_equal(bi.note, "");
	assert_true(has_range(0, 0x9fc00, MEM_FREE));
	assert_true(has_range(0x9fc00, 0x400, MEM_OTHER));
	assert_true(has_range(0x100000, 0x7ee0000, MEM_FREE));
	assert_true(has_range(0x7fe0000, 0x10000, MEM_ACPI));
	assert_true(has_range(0x7ff0000, 0x10000, MEM_ACPI));
	assert_true(has_range(0xfffc0000, 0x40000, MEM_OTHER));
	assert_int_equal(bi.extent_count, 1);
	assert_int_equal(bi.extent[0].base, 0x400000);
	assert_int_equal(bi.extent[0].len, 0x1000000);
	assert_int_equal(bi.extent[0].type, MEM_RESERVED);
	assert_true(has_range(0x400000, 0x1000000, MEM_RESERVED));
}

static void reserves_the_list_itself(void **state)
{
	start();
	memory_map(&ram, 1);
	assert_int_equal(finish(), 0);
	assert_true(has_range(AT, used, MEM_RESERVED));
}

static void a_missing_module_is_noted(void **state)
{
	start();
	memory_map(&ram, 1);
	assert_int_equal(finish(), 0);
	assert_int_equal(bi.extent_count, 0);
	assert_non_null(strstr(bi.note, "module"));
}

static void an_empty_or_backward_module_is_none(void **state)
{
	static const uint32_t empty[] = { 0x400000, 0x400000 };
	static const uint32_t backward[] = { 0x400000, 0x3fffff };

	start();
	good(3, empty, 8);
	good(3, backward, 8);
	tag(3, 15, backward, 7);
	memory_map(&ram, 1);
	assert_int_equal(finish(), 0);
	assert_int_equal(bi.extent_count, 0);
	assert_non_null(strstr(bi.note, "module"));
}

static void only_the_first_module_counts(void **state)
{
	static const uint32_t first[] = { 0x400000, 0x500000 };
	static const uint32_t second[] = { 0x600000, 0x700000 };

	start();
	good(3, first, 8);
	good(3, second, 8);
	memory_map(&ram, 1);
	assert_int_equal(finish(), 0);
	assert_int_equal(bi.extent_count, 1);
	assert_int_equal(bi.extent[0].base, 0x400000);
}

static void without_memory_map_it_is_refused(void **state)
{
	static const struct entry none = { 0x100000, 0x7000000, 2, 0 };

	start();
	good(1, "x", 2);
	assert_int_equal(finish(), -EINVAL);
	start();
	memory_map(&none, 1);
	assert_int_equal(finish(), -EINVAL);
}

static void entries_may_be_longer_than_known(void **state)
{
	static const struct {
		uint32_t entry_size, version;
		struct entry e;
		uint64_t more[2];
		struct entry f;
		uint64_t more_again[2];
	} body = { 40, 1, { 0x100000, 0x200000, 1, 0 }, { 1, 2 },
		{ 0x400000, 0x100000, 2, 0 }, { 3, 4 } };

	start();
	good(6, &body, sizeof(body));
	assert_int_equal(finish(), 0);
	assert_int_equal(bi.range_count, 3);
	assert_true(has_range(0x400000, 0x100000, MEM_OTHER));
}

static void entry_sizes_that_make_no_sense_are_no_map(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 8, 20, 25, 0xfffffff8u };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct {
			uint32_t entry_size, version;
			struct entry e[2];
		} body = { sizes[i], 0, { ram, ram } };

		start();
		good(6, &body, sizeof(body));
		assert_int_equal(finish(), -EINVAL);
	}
}

/* What forbids memory must not be what is lost, nor the module. */
static void of_too_long_a_map_free_memory_is_lost(void **state)
{
	static const uint32_t module[] = { 0x400000, 0x500000 };
	static struct entry map[BOOT_RANGES_MAX + 100];
	uint32_t forbidden = 0;

	for (uint32_t i = 0; i < BOOT_RANGES_MAX + 100; i++)
		map[i] = (struct entry){ (uint64_t)i << 20, 0x1000,
			i < BOOT_RANGES_MAX ? 1 : 2, 0 };
	start();
	memory_map(map, BOOT_RANGES_MAX + 100);
	good(3, module, 8);
	assert_int_equal(finish(), 0);
	assert_int_equal(bi.range_count, BOOT_RANGES_MAX);
	for (uint32_t i = 0; i < bi.range_count; i++)
		forbidden += bi.range[i].type == MEM_OTHER;
	assert_int_equal(forbidden, 100);
	assert_true(has_range(0x400000, 0x100000, MEM_RESERVED));
}

static void a_long_command_line_is_cut(void **state)
{
	static char line[3 * BOOT_CMDLINE_MAX];

	memset(line, 'x', sizeof(line));
	start();
	good(1, line, sizeof(line)); /* not terminated either */
	memory_map(&ram, 1);
	assert_int_equal(finish(), 0);
	assert_int_equal(strlen(bi.cmdline), BOOT_CMDLINE_MAX - 1);
}

static void the_newer_acpi_root_is_preferred(void **state)
{
	static const uint8_t rsdp[36] = "RSD PTR ";
	uint32_t newer;

	for (int order = 0; order < 2; order++) {
		start();
		if (order)
			good(14, rsdp, 20);
		newer = used;
		good(15, rsdp, 36);
		if (!order)
			good(14, rsdp, 20);
		memory_map(&ram, 1);
		assert_int_equal(finish(), 0);
		assert_int_equal(bi.acpi_rsdp, AT + newer + 8);
	}
	start();
	good(14, rsdp, 20);
	good(15, rsdp, 35); /* too short */
	memory_map(&ram, 1);
	assert_int_equal(finish(), 0);
	assert_int_equal(bi.acpi_rsdp, AT + 8 + 8);
}

static void screen(uint8_t kind, uint8_t bits, uint32_t len)
{
	struct {
		uint64_t base;
		uint32_t stride, width, height;
		uint8_t bits, kind, zero[2], colour[6], end[2];
	} f = { 0xfd000000, 4096, 1024, 768, bits, kind, { 0 },
		{ 16, 8, 8, 7, 0, 6 }, { 0 } };

	start();
	good(8, &f, len);
	memory_map(&ram, 1);
	assert_int_equal(finish(), 0);
}

static void takes_the_framebuffer(void **state)
{
	screen(1, 32, 30);
	assert_int_equal(bi.framebuffer.base, 0xfd000000);
	assert_int_equal(bi.framebuffer.width, 1024);
	assert_int_equal(bi.framebuffer.height, 768);
	assert_int_equal(bi.framebuffer.stride_bytes, 4096);
	assert_int_equal(bi.framebuffer.bits_per_pixel, 32);
	assert_int_equal(bi.framebuffer.kind, FRAMEBUFFER_RGB);
	assert_int_equal(bi.framebuffer.red_shift, 16);
	assert_int_equal(bi.framebuffer.red_bits, 8);
	assert_int_equal(bi.framebuffer.green_bits, 7);
	assert_int_equal(bi.framebuffer.blue_bits, 6);
	assert_int_equal(bi.framebuffer.green_shift, 8);
	assert_int_equal(bi.framebuffer.blue_shift, 0);
}

static void takes_vga_text_as_cells(void **state)
{
	screen(2, 16, 24);
	assert_int_equal(bi.framebuffer.base, 0xfd000000);
	assert_int_equal(bi.framebuffer.kind, FRAMEBUFFER_TEXT);
}

static void screens_that_cannot_be_used_are_none(void **state)
{
	screen(0, 8, 30); /* a palette */
	assert_int_equal(bi.framebuffer.base, 0);
	screen(1, 32, 29); /* no room for the colours */
	assert_int_equal(bi.framebuffer.base, 0);
	screen(2, 16, 23);
	assert_int_equal(bi.framebuffer.base, 0);
}

static void a_tag_beyond_the_end_ends_the_list(void **state)
{
	static const uint32_t module[] = { 0x400000, 0x500000 };
	static const uint32_t sizes[] = { 0, 7, 0x1000, 0xfffffff9u,
		0xffffffffu };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		start();
		memory_map(&ram, 1);
		tag(1, sizes[i], "x", 2);
		good(3, module, 8);
		assert_int_equal(finish(), 0);
		assert_int_equal(bi.extent_count, 0);
		assert_string_equal(bi.cmdline, "");
	}
}

static void a_list_without_end_tag_is_taken(void **state)
{
	start();
	memory_map(&ram, 1);
	assert_int_equal(parse(), 0);
}

static void heads_that_make_no_sense_are_refused(void **state)
{
	static const uint32_t sizes[] = { 0, 8, 15, MULTIBOOT2_INFO_MAX + 8,
		0xffffffffu };
	uint32_t head[4] = { 0 };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		head[0] = sizes[i];
		memset(&bi, 0, sizeof(bi));
		assert_int_equal(multiboot2_parse(head, AT, &bi), -EINVAL);
	}
	head[0] = 16;
	assert_int_equal(multiboot2_parse(head, AT + 4, &bi), -EINVAL);
}

/* Any bytes whatever: no access outside, no endless loop. */
static void survives_noise(void **state)
{
	uint32_t seed = 1;

	for (int round = 0; round < 20000; round++) {
		start();
		memory_map(&ram, 1);
		good(1, "x=y", 4);
		good(3, "12345678", 8);
		good(8, "123456789012345678901234567890", 30);
		good(15, "123456789012345678901234567890123456", 36);
		for (int i = 0; i < 1 + round % 9; i++) {
			seed = seed * 1664525 + 1013904223;
			draft[8 + (seed >> 16) % (used - 8)] =
			    round % 2 ? (uint8_t)(seed >> 8)
			              : (uint8_t)(-(seed >> 8 & 1));
		}
		finish();
		assert_true(bi.range_count <= BOOT_RANGES_MAX);
		assert_true(bi.extent_count <= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_grub_gives),
		cmocka_unit_test(reserves_the_list_itself),
		cmocka_unit_test(a_missing_module_is_noted),
		cmocka_unit_test(an_empty_or_backward_module_is_none),
		cmocka_unit_test(only_the_first_module_counts),
		cmocka_unit_test(without_memory_map_it_is_refused),
		cmocka_unit_test(entries_may_be_longer_than_known),
		cmocka_unit_test(entry_sizes_that_make_no_sense_are_no_map),
		cmocka_unit_test(of_too_long_a_map_free_memory_is_lost),
		cmocka_unit_test(a_long_command_line_is_cut),
		cmocka_unit_test(the_newer_acpi_root_is_preferred),
		cmocka_unit_test(takes_the_framebuffer),
		cmocka_unit_test(takes_vga_text_as_cells),
		cmocka_unit_test(screens_that_cannot_be_used_are_none),
		cmocka_unit_test(a_tag_beyond_the_end_ends_the_list),
		cmocka_unit_test(a_list_without_end_tag_is_taken),
		cmocka_unit_test(heads_that_make_no_sense_are_refused),
		cmocka_unit_test(survives_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

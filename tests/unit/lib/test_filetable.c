/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "lib/errno.h"
#include "lib/filetable.h"
#include "lib/pool.h"

static struct arena arena;
static const uint8_t bytes[] = "hello";

static int start(void **state)
{
	arena = (struct arena){ malloc(1 << 20), 1 << 20, 0 };
	return 0;
}

static int stop(void **state)
{
	free(arena.base);
	return 0;
}

static void a_file_is_found_without_regard_to_ascii_case(void **state)
{
	struct filetable t;

	assert_int_equal(filetable_init(&t, 4, &arena), 0);
	assert_int_equal(
	    filetable_add(&t, "/www/Index.html", bytes, 5, false, 77), 0);
	const struct file *f = filetable_find(&t, "/WWW/index.HTML");

	assert_non_null(f);
	assert_string_equal(f->path, "/www/Index.html");
	assert_ptr_equal(f->data, bytes);
	assert_int_equal(f->len, 5);
	assert_int_equal(f->mtime_s, 77);
	assert_false(f->is_dir);
}

static void other_paths_are_not_found(void **state)
{
	static const char *const other[] = { "", "/", "/a", "/ab/", "/abc",
		"ab", "/b" };
	struct filetable t;

	assert_int_equal(filetable_init(&t, 4, &arena), 0);
	filetable_add(&t, "/ab", bytes, 5, false, 0);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_null(filetable_find(&t, other[i]));
}

static void a_path_is_added_once(void **state)
{
	struct filetable t;

	assert_int_equal(filetable_init(&t, 4, &arena), 0);
	assert_int_equal(filetable_add(&t, "/a", bytes, 5, false, 0), 0);
	assert_int_equal(filetable_add(&t, "/A", bytes, 4, true, 0), -EEXIST);
	assert_int_equal(t.count, 1);
	assert_int_equal(filetable_find(&t, "/a")->len, 5);
}

static void a_full_table_refuses_more(void **state)
{
	struct filetable t;

	assert_int_equal(filetable_init(&t, 2, &arena), 0);
	assert_int_equal(filetable_add(&t, "/a", bytes, 5, false, 0), 0);
	assert_int_equal(filetable_add(&t, "/b", bytes, 5, false, 0), 0);
	assert_int_equal(filetable_add(&t, "/c", bytes, 5, false, 0), -ENOMEM);
	assert_null(filetable_find(&t, "/c"));
	assert_int_equal(filetable_add(&t, "/b", bytes, 5, false, 0), -EEXIST);
}

static void thousands_of_files_are_all_found(void **state)
{
	static char path[3000][16];
	struct filetable t;

	assert_int_equal(filetable_init(&t, 3000, &arena), 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(path[i], sizeof(path[i]), "/d/%d.txt", i);
		assert_int_equal(
		    filetable_add(&t, path[i], bytes, i, false, 0), 0);
	}
	for (int i = 0; i < 3000; i++)
		assert_int_equal(filetable_find(&t, path[i])->len, i);
}

static void a_table_larger_than_the_arena_is_refused_and_stays_empty(
    void **state)
{
	struct filetable t;

	assert_int_equal(filetable_init(&t, 1 << 20, &arena), -ENOMEM);
	assert_null(filetable_find(&t, "/a"));
	assert_int_equal(filetable_add(&t, "/a", bytes, 5, false, 0), -ENOMEM);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_found_without_regard_to_ascii_case),
		TEST(other_paths_are_not_found),
		TEST(a_path_is_added_once),
		TEST(a_full_table_refuses_more),
		TEST(thousands_of_files_are_all_found),
		TEST(a_table_larger_than_the_arena_is_refused_and_stays_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

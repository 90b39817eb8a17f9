/* SPDX-License-Identifier: MIT */
/* The option list: what is read from any bytes, and what is written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/tcp_opt.h"

/* Parses a copy of exactly this size. */
static struct tcp_options parse(const char *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct tcp_options o;

	memset(&o, 0xee, sizeof(o));
	memcpy(copy, bytes, len);
	tcp_options_parse(&o, copy, len);
	free(copy);
	return o;
}

#define PARSE(literal) parse(literal, sizeof(literal) - 1)

static void nothing_is_read_from_nothing(void **state)
{
	struct tcp_options o = parse("", 0);

	assert_int_equal(o.mss, 0);
	assert_int_equal(o.wscale, TCP_NO_WSCALE);
	assert_false(o.sack_permitted);
	assert_false(o.has_ts);
	assert_int_equal(o.sack_count, 0);
}

static void every_option_of_a_syn_is_read(void **state)
{
	struct tcp_options o = PARSE("\x02\x04\x05\xb4\x04\x02\x08\x0a"
	                             "\x01\x02\x03\x04\xf1\xf2\xf3\xf4"
	                             "\x01\x03\x03\x07");

	assert_int_equal(o.mss, 1460);
	assert_int_equal(o.wscale, 7);
	assert_true(o.sack_permitted);
	assert_true(o.has_ts);
	assert_int_equal(o.ts_val, 0x01020304);
	assert_int_equal(o.ts_ecr, 0xf1f2f3f4);
}

static void sack_blocks_are_read_in_order(void **state)
{
	struct tcp_options o =
	    PARSE("\x01\x01\x05\x22"
	          "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4"
	          "\0\0\0\5\0\0\0\6\xff\xff\xff\xff\0\0\0\x08");

	assert_int_equal(o.sack_count, 4);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(o.sack[i].start, 2 * i + 1);
		assert_int_equal(o.sack[i].end, 2 * i + 2);
	}
	assert_int_equal(o.sack[3].start, UINT32_MAX);
	assert_int_equal(o.sack[3].end, 8);
}

static void wrong_lengths_mean_nothing(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} wrong[] = {
		{ "\x03\x02\x03\x04\x07\x07", 6 }, /* window scale */
		{ "\x04\x03\x07", 3 },             /* SACK permitted */
		{ "\x08\x09\1\1\1\1\1\1\1", 9 },   /* timestamps */
		{ "\x08\x0b\1\1\1\1\1\1\1\1\1", 11 },
		{ "\x05\x02", 2 }, /* SACK without a block */
		{ "\x05\x09\1\1\1\1\1\1\1", 9 },
		{ "\x05\x0b\1\1\1\1\1\1\1\1\1", 11 },
		{ "\x05\x2a\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"
		  "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1",
		    42 },
		{ "\x08\x0a\1\1\1\1\1\1\1", 9 }, /* cut off */
		{ "\x05\x0a\1\1\1\1\1\1\1", 9 },
		{ "\x03\x03", 2 },
		{ "\x08", 1 },
		{ "\x00\x03\x03\x07\x04\x02", 6 }, /* behind the end */
		{ "\x63\x00\x04\x02", 4 },         /* would never end */
		{ "\x63\x01\x04\x02", 4 },
	};
	struct tcp_options none;

	tcp_options_clear(&none);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct tcp_options o = parse(wrong[i].bytes, wrong[i].len);

		if (memcmp(&o, &none, sizeof(o)) != 0)
			fail_msg("case %zu was read", i);
	}
}

static void what_follows_an_unknown_option_is_read(void **state)
{
	struct tcp_options o = PARSE("\xfd\x05\1\2\3\x1e\x02\x03\x03\x05");

	assert_int_equal(o.wscale, 5);
}

static void first_of_a_kind_counts(void **state)
{
	struct tcp_options o = PARSE("\x02\x04\x03\xe8\x02\x04\x05\xb4"
	                             "\x03\x03\x01\x03\x03\x02"
	                             "\x08\x0a\0\0\0\1\0\0\0\2"
	                             "\x08\x0a\0\0\0\3\0\0\0\4");

	assert_int_equal(o.mss, 1000);
	assert_int_equal(o.wscale, 1);
	assert_int_equal(o.ts_val, 1);
	assert_int_equal(o.ts_ecr, 2);
	o = PARSE("\x05\x0a\0\0\0\1\0\0\0\2\x05\x0a\0\0\0\3\0\0\0\4");
	assert_int_equal(o.sack_count, 1);
	assert_int_equal(o.sack[0].start, 1);
}

/* RFC 7323 2.3: whatever was said is told; the user of the value bounds it. */
static void shift_counts_beyond_fourteen_are_told(void **state)
{
	assert_int_equal(PARSE("\x03\x03\x0f").wscale, 15);
	assert_true(PARSE("\x03\x03\x80").wscale > TCP_WSCALE_MAX);
	assert_true(PARSE("\x03\x03\xff").wscale > TCP_WSCALE_MAX);
}

static void writing_pads_to_words(void **state)
{
	struct tcp_options o;
	uint8_t out[TCP_OPTIONS_MAX];

	tcp_options_clear(&o);
	assert_int_equal(tcp_options_write(&o, out), 0);
	o.mss = 1460;
	assert_int_equal(tcp_options_write(&o, out), 4);
	assert_memory_equal(out, "\x02\x04\x05\xb4", 4);
	o.sack_permitted = true;
	assert_int_equal(tcp_options_write(&o, out), 8);
	assert_memory_equal(out + 4, "\x01\x01\x04\x02", 4);
	o.wscale = 3;
	assert_int_equal(tcp_options_write(&o, out), 12);
	assert_memory_equal(out + 8, "\x01\x03\x03\x03", 4);
	o.has_ts = true;
	o.ts_val = 0x01020304;
	o.ts_ecr = 0x05060708;
	assert_int_equal(tcp_options_write(&o, out), 20);
	assert_memory_equal(
	    out + 4, "\x04\x02\x08\x0a\1\2\3\4\5\6\7\x08\x01\x03\x03\x03", 16);
}

/* RFC 7323 appendix A: the layout that peers have a short cut for. */
static void timestamps_alone_are_twelve_bytes(void **state)
{
	struct tcp_options o;
	uint8_t out[TCP_OPTIONS_MAX];

	tcp_options_clear(&o);
	o.has_ts = true;
	o.ts_val = 1;
	o.ts_ecr = 2;
	assert_int_equal(tcp_options_write(&o, out), TCP_TS_BYTES);
	assert_memory_equal(out, "\x01\x01\x08\x0a\0\0\0\1\0\0\0\2", 12);
}

/* RFC 2018 section 3: four blocks, or three beside timestamps. */
static void as_many_sack_blocks_as_fit_are_written(void **state)
{
	struct tcp_options o, back;
	uint8_t out[TCP_OPTIONS_MAX];

	for (uint8_t n = 0; n <= TCP_SACK_MAX; n++) {
		for (unsigned ts = 0; ts < 2; ts++) {
			uint8_t fit = ts && n > 3 ? 3 : n;
			size_t len;

			tcp_options_clear(&o);
			o.has_ts = ts;
			o.sack_count = n;
			for (uint32_t i = 0; i < n; i++)
				o.sack[i] = (struct tcp_sack_block){ 10 * i,
					10 * i + 5 };
			len = tcp_options_write(&o, out);
			assert_int_equal(
			    len, (ts ? TCP_TS_BYTES : 0) +
			             (fit ? TCP_SACK_BYTES(fit) : 0));
			tcp_options_parse(&back, out, len);
			assert_int_equal(back.sack_count, fit);
			assert_memory_equal(
			    back.sack, o.sack, fit * sizeof(o.sack[0]));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_read_from_nothing),
		cmocka_unit_test(every_option_of_a_syn_is_read),
		cmocka_unit_test(sack_blocks_are_read_in_order),
		cmocka_unit_test(wrong_lengths_mean_nothing),
		cmocka_unit_test(what_follows_an_unknown_option_is_read),
		cmocka_unit_test(first_of_a_kind_counts),
		cmocka_unit_test(shift_counts_beyond_fourteen_are_told),
		cmocka_unit_test(writing_pads_to_words),
		cmocka_unit_test(timestamps_alone_are_twelve_bytes),
		cmocka_unit_test(as_many_sack_blocks_as_fit_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

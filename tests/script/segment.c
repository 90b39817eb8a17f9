/* SPDX-License-Identifier: MIT */
#include "tests/script/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/net_fixture.h"

#define BIT_ECE 0x40
#define BIT_CWR 0x80

static const char letters[] = "FSRPAUEW";

enum { KIND_MSS = 2, KIND_WSCALE, KIND_SACK_OK, KIND_SACK, KIND_TS = 8 };

/* --- Words --------------------------------------------------------------- */

static bool read_number(const char *text, uint32_t *out)
{
	char *end;
	long long v = strtoll(text, &end, 0);

	if (end == text || *end != '\0' || v < -(1ll << 31) || v >= 1ll << 32)
		return false;
	*out = (uint32_t)v;
	return true;
}

/* "SA": these are set.  Of P, E and W only those are compared that are named;
 * in small letters they must not be there. */
static const char *read_flags(struct script_segment *s, const char *text)
{
	s->compared = (uint8_t) ~(TCP_PSH | BIT_ECE | BIT_CWR);
	for (const char *c = text; *c != '\0'; c++) {
		const char *at = strchr(letters, *c & ~0x20);
		uint8_t bit;

		if (*c == '0' && text[1] == '\0')
			return NULL; /* no flag at all */
		if (at == NULL)
			return "unknown flag";
		bit = (uint8_t)(1u << (at - letters));
		s->compared |= bit;
		if (!(*c & 0x20))
			s->flags |= bit;
	}
	return NULL;
}

/* "1(100)": 100 bytes from 1 on; "1": none; "*": wherever. */
static const char *read_place(struct script_segment *s, char *text)
{
	char *open = strchr(text, '(');

	if (open != NULL) {
		char *close = strchr(open, ')');

		if (close == NULL || close[1] != '\0')
			return "expected SEQ(LEN)";
		*open = *close = '\0';
		if (!read_number(open + 1, &s->len) || s->len > 1480)
			return "bad length";
	}
	s->any_seq = strcmp(text, "*") == 0;
	if (!s->any_seq && !read_number(text, &s->seq))
		return "bad sequence number";
	return NULL;
}

static const char *read_window(struct script_segment *s, char *text)
{
	char *dots = strstr(text, "..");

	if (dots != NULL)
		*dots = '\0';
	if (!read_number(text, &s->win_min) ||
	    !read_number(dots ? dots + 2 : text, &s->win_max) ||
	    s->win_max > 65535)
		return "bad window";
	return NULL;
}

static bool read_address(const char *text, uint32_t *out)
{
	unsigned b[4];

	if (sscanf(text, "%u.%u.%u.%u", &b[0], &b[1], &b[2], &b[3]) != 4)
		return false;
	*out = b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
	return true;
}

static const char *read_pair(
    struct script_segment *s, const char *key, char *value)
{
	uint32_t v = 0;
	bool number = read_number(value, &v);

	if (strcmp(key, "win") == 0)
		return read_window(s, value);
	if (strcmp(key, "from") == 0)
		return read_address(value, &s->from) ? NULL : "bad address";
	if (strcmp(key, "to") == 0)
		return read_address(value, &s->to) ? NULL : "bad address";
	if (strcmp(key, "ack") == 0) {
		s->has_ack = true;
		s->any_ack = strcmp(value, "*") == 0;
		s->ack = v;
		return number || s->any_ack ? NULL : "bad ack";
	}
	if (!number)
		return "not a number";
	if (strcmp(key, "urg") == 0)
		s->urgent = (uint16_t)v;
	else if (strcmp(key, "offset") == 0)
		s->offset = (uint8_t)v;
	else if (strcmp(key, "reserved") == 0)
		s->reserved = (uint8_t)v;
	else if (strcmp(key, "sport") == 0)
		s->src_port = (int32_t)(v & 0xffff);
	else if (strcmp(key, "dport") == 0)
		s->dst_port = (int32_t)(v & 0xffff);
	else
		return "unknown word in a segment";
	return NULL;
}

/* --- Options in text ----------------------------------------------------- */

static const struct {
	const char *name;
	unsigned bit;
} option_names[] = { { "mss", SCRIPT_MSS }, { "wscale", SCRIPT_WSCALE },
	{ "sackOK", SCRIPT_SACK_OK }, { "sack", SCRIPT_SACK },
	{ "TS", SCRIPT_TS } };

static unsigned option_bit(const char *name)
{
	for (unsigned i = 0; i < 5; i++)
		if (strcmp(name, option_names[i].name) == 0)
			return option_names[i].bit;
	return 0;
}

static void put(struct script_options *o, unsigned bytes, uint32_t value)
{
	while (bytes-- > 0 && o->len < sizeof(o->bytes))
		o->bytes[o->len++] = (uint8_t)(value >> bytes * 8);
}

static const char *read_sack(
    struct script_options *o, char **word, unsigned words, uint32_t isn)
{
	if (words < 2 || words > SCRIPT_SACKS + 1)
		return "1 to 4 SACK blocks";
	put(o, 1, KIND_SACK);
	put(o, 1, 2 + 8 * (words - 1));
	for (unsigned i = 1; i < words; i++) {
		char *colon = strchr(word[i], ':');
		uint32_t *edge = o->sack[o->sacks++];

		if (colon == NULL)
			return "a SACK block is LEFT:RIGHT";
		*colon = '\0';
		if (!read_number(word[i], &edge[0]) ||
		    !read_number(colon + 1, &edge[1]))
			return "bad SACK block";
		put(o, 4, isn + edge[0]);
		put(o, 4, isn + edge[1]);
	}
	return NULL;
}

static const char *read_ts(struct script_options *o, char **word,
    unsigned words, const struct script_numbers *n)
{
	if (words != 5 || strcmp(word[1], "val") != 0 ||
	    strcmp(word[3], "ecr") != 0)
		return "expected TS val V ecr E";
	o->any_val = strcmp(word[2], "*") == 0;
	o->any_ecr = strcmp(word[4], "*") == 0;
	if (!o->any_val && !read_number(word[2], &o->ts_val))
		return "bad TSval";
	if (strcmp(word[4], "last") == 0)
		o->ts_ecr = n->last_ts;
	else if (strcmp(word[4], "first") == 0)
		o->ts_ecr = n->first_ts;
	else if (!o->any_ecr && !read_number(word[4], &o->ts_ecr))
		return "bad TSecr";
	put(o, 1, KIND_TS);
	put(o, 1, 10);
	put(o, 4, o->ts_val);
	put(o, 4, o->ts_ecr);
	return NULL;
}

static const char *read_raw(struct script_options *o, const char *hex)
{
	unsigned byte;
	int used;

	for (; sscanf(hex, "%2x%n", &byte, &used) == 1; hex += used)
		put(o, 1, byte);
	o->present |= SCRIPT_OTHER;
	return *hex == '\0' ? NULL : "bad hexadecimal bytes";
}

static const char *read_mss_or_wscale(
    struct script_options *o, const char *name, const char *value)
{
	bool mss = strcmp(name, "mss") == 0;
	uint32_t v;

	if (strcmp(value, "*") == 0) {
		o->any |= mss ? SCRIPT_MSS : SCRIPT_WSCALE;
		return NULL;
	}
	if (!read_number(value, &v) || v > (mss ? 65535 : 255))
		return "bad value of an option";
	put(o, 1, mss ? KIND_MSS : KIND_WSCALE);
	put(o, 1, mss ? 4 : 3);
	put(o, mss ? 2 : 1, v);
	if (mss)
		o->mss = (uint16_t)v;
	else
		o->wscale = (uint8_t)v;
	return NULL;
}

/* Those of one word. */
static const char *read_plain(struct script_options *o, const char *name)
{
	if (strcmp(name, "sackOK") == 0)
		put(o, 2, KIND_SACK_OK << 8 | 2);
	else if (strcmp(name, "nop") == 0)
		put(o, 1, 1);
	else if (strcmp(name, "eol") == 0)
		put(o, 1, 0);
	else if (strcmp(name, "only") == 0)
		o->only = true;
	else
		return "unknown option";
	return NULL;
}

static const char *read_option(struct script_options *o, char **word,
    unsigned words, const struct script_numbers *n)
{
	o->present |= option_bit(word[0]);
	if (strcmp(word[0], "sack") == 0)
		return read_sack(o, word, words, n->isn);
	if (strcmp(word[0], "TS") == 0)
		return read_ts(o, word, words, n);
	if (words == 1)
		return read_plain(o, word[0]);
	if (words != 2)
		return "too many words in an option";
	if (strcmp(word[0], "no") == 0) {
		o->absent |= option_bit(word[1]);
		return option_bit(word[1]) ? NULL : "unknown option";
	}
	if (strcmp(word[0], "raw") == 0)
		return read_raw(o, word[1]);
	if (option_bit(word[0]) & (SCRIPT_MSS | SCRIPT_WSCALE))
		return read_mss_or_wscale(o, word[0], word[1]);
	return "unknown option";
}

static const char *read_options(
    struct script_options *o, char *text, const struct script_numbers *n)
{
	char *item, *save, *rest = text;

	while ((item = strtok_r(rest, ",", &save)) != NULL) {
		char *word[8], *save_word, *w;
		unsigned words = 0;
		const char *wrong;

		rest = NULL;
		for (w = strtok_r(item, " \t", &save_word); w != NULL;
		     w = strtok_r(NULL, " \t", &save_word))
			if (words < 8)
				word[words++] = w;
		if (words == 0)
			return "an empty option";
		wrong = read_option(o, word, words, n);
		if (wrong != NULL)
			return wrong;
	}
	while (o->len % 4 != 0)
		put(o, 1, 0);
	return NULL;
}

const char *script_read_segment(struct script_segment *s, char **word,
    unsigned words, char *options, const struct script_numbers *n, bool expect)
{
	const char *wrong;

	*s = (struct script_segment){ .win_min = expect ? 0 : 65535,
		.win_max = 65535,
		.src_port = -1,
		.dst_port = -1 };
	if (words < 2)
		return "expected FLAGS SEQ";
	wrong = read_flags(s, word[0]);
	if (wrong == NULL)
		wrong = read_place(s, word[1]);
	for (unsigned i = 2; i < words && wrong == NULL; i++) {
		if (strcmp(word[i], "badsum") == 0)
			s->bad_checksum = true;
		else if (i + 1 == words)
			return "a word without its value";
		else
			wrong = read_pair(s, word[i], word[i + 1]), i++;
	}
	if (wrong == NULL && options != NULL)
		wrong = read_options(&s->opt, options, n);
	if (wrong == NULL && s->flags & TCP_ACK && !s->has_ack)
		return "flag A needs ack N";
	if (wrong == NULL && s->any_seq && !expect)
		return "* is for what is expected";
	return wrong;
}

/* --- On the wire --------------------------------------------------------- */

size_t script_build_segment(const struct script_segment *s,
    const struct script_numbers *n, uint8_t *bytes)
{
	struct tcp_hdr *h = (struct tcp_hdr *)bytes;
	size_t header = sizeof(*h) + s->opt.len, len = header + s->len;
	uint8_t words = (uint8_t)(s->offset ? s->offset : header / 4);
	uint16_t sum;

	memset(h, 0, sizeof(*h));
	h->src_port = be16_make((uint16_t)s->src_port);
	h->dst_port = be16_make((uint16_t)s->dst_port);
	h->seq = be32_make(n->peer_isn + s->seq);
	if (s->flags & TCP_ACK)
		h->ack = be32_make(n->isn + s->ack);
	h->offset = (uint8_t)(words << 4 | s->reserved);
	h->flags = s->flags;
	h->window = be16_make((uint16_t)s->win_max);
	h->urgent = be16_make(s->urgent);
	memcpy(h + 1, s->opt.bytes, s->opt.len);
	fx_pattern(
	    bytes + header, true, s->seq + !!(s->flags & TCP_SYN), s->len);
	sum = fx_checksum(bytes, len, fx_pseudo(s->from, s->to, 6, len));
	h->checksum = be16_make((uint16_t)(sum ^ (s->bad_checksum ? 16 : 0)));
	return len;
}

static uint32_t word_at(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | b[2] << 8 | b[3];
}

/* One option that was sent, of its whole length. */
static const char *parse_option(struct script_options *o, const uint8_t *b)
{
	unsigned len = b[1];

	if (b[0] == KIND_MSS && len == 4) {
		o->present |= SCRIPT_MSS;
		o->mss = (uint16_t)(b[2] << 8 | b[3]);
	} else if (b[0] == KIND_WSCALE && len == 3) {
		o->present |= SCRIPT_WSCALE;
		o->wscale = b[2];
	} else if (b[0] == KIND_SACK_OK && len == 2) {
		o->present |= SCRIPT_SACK_OK;
	} else if (b[0] == KIND_SACK && len > 2 && len % 8 == 2) {
		o->present |= SCRIPT_SACK;
		o->sacks = (len - 2) / 8;
		for (unsigned i = 0; i < o->sacks * 2; i++)
			o->sack[i / 2][i % 2] = word_at(b + 2 + i * 4);
	} else if (b[0] == KIND_TS && len == 10) {
		o->present |= SCRIPT_TS;
		o->ts_val = word_at(b + 2);
		o->ts_ecr = word_at(b + 6);
	} else if (b[0] >= KIND_MSS && b[0] <= KIND_TS) {
		return "sent an option of a wrong length";
	} else {
		o->present |= SCRIPT_OTHER;
	}
	return NULL;
}

static const char *parse_options(
    struct script_options *o, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len && b[i] != 0;) {
		const char *wrong;

		if (b[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= len || b[i + 1] < 2 || b[i + 1] > len - i)
			return "sent a malformed list of options";
		wrong = parse_option(o, b + i);
		if (wrong != NULL)
			return wrong;
		i += b[i + 1];
	}
	return NULL;
}

const char *script_parse_segment(const uint8_t *bytes, size_t len, uint32_t src,
    uint32_t dst, struct script_segment *s)
{
	const struct tcp_hdr *h = (const struct tcp_hdr *)bytes;
	size_t header = len < sizeof(*h) ? 0 : (h->offset >> 4) * 4u;

	if (header < sizeof(*h) || header > len)
		return "sent a segment with a wrong header length";
	*s = (struct script_segment){ .flags = h->flags,
		.seq = be32_get(h->seq),
		.ack = be32_get(h->ack),
		.win_min = be16_get(h->window),
		.win_max = be16_get(h->window),
		.urgent = be16_get(h->urgent),
		.from = src,
		.to = dst,
		.src_port = be16_get(h->src_port),
		.dst_port = be16_get(h->dst_port),
		.len = (uint32_t)(len - header),
		.data = bytes + header };
	if (fx_checksum(bytes, len, fx_pseudo(src, dst, 6, len)) != 0)
		return "sent a wrong checksum";
	if (h->offset & 0xf)
		return "sent reserved bits";
	if (!(h->flags & TCP_ACK) && s->ack != 0)
		return "sent an ack number without ACK";
	return parse_options(
	    &s->opt, (const uint8_t *)(h + 1), header - sizeof(*h));
}

static const char *compare_options(
    const struct script_options *want, const struct script_options *sent)
{
	if (want->present & ~sent->present)
		return "an option is missing";
	if (want->absent & sent->present ||
	    (want->only && sent->present & ~want->present))
		return "an option too many";
	if (want->present & ~want->any & SCRIPT_MSS && want->mss != sent->mss)
		return "mss";
	if (want->present & ~want->any & SCRIPT_WSCALE &&
	    want->wscale != sent->wscale)
		return "wscale";
	if (want->present & SCRIPT_TS &&
	    ((!want->any_val && want->ts_val != sent->ts_val) ||
	        (!want->any_ecr && want->ts_ecr != sent->ts_ecr)))
		return "timestamps";
	if (want->present & SCRIPT_SACK &&
	    (want->sacks != sent->sacks ||
	        memcmp(want->sack, sent->sack,
	            want->sacks * sizeof(want->sack[0])) != 0))
		return "SACK blocks";
	return NULL;
}

const char *script_compare(
    const struct script_segment *want, const struct script_segment *sent)
{
	uint8_t expected[1500];

	if ((want->flags ^ sent->flags) & want->compared)
		return "flags";
	if (!want->any_seq && want->seq != sent->seq)
		return "seq";
	if (want->len != sent->len)
		return "len";
	if (sent->flags & TCP_ACK && !want->any_ack && want->ack != sent->ack)
		return "ack";
	if (sent->win_min < want->win_min || sent->win_min > want->win_max)
		return "win";
	if (sent->flags & TCP_URG && want->urgent != sent->urgent)
		return "urg";
	fx_pattern(
	    expected, false, sent->seq + !!(sent->flags & TCP_SYN), sent->len);
	if (memcmp(expected, sent->data, sent->len) != 0)
		return "data";
	return compare_options(&want->opt, &sent->opt);
}

/* --- For people ---------------------------------------------------------- */

static void add(char *text, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *text, size_t size, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + used, size - used, fmt, ap);
	va_end(ap);
}

static void print_options(
    const struct script_options *o, char *text, size_t size)
{
	if (o->present == 0)
		return;
	add(text, size, " <");
	if (o->present & SCRIPT_MSS)
		add(text, size, "mss %u,", o->mss);
	if (o->present & SCRIPT_WSCALE)
		add(text, size, "wscale %u,", o->wscale);
	if (o->present & SCRIPT_SACK_OK)
		add(text, size, "sackOK,");
	if (o->present & SCRIPT_TS)
		add(text, size, "TS val %u ecr %u,", o->ts_val, o->ts_ecr);
	if (o->present & SCRIPT_SACK)
		add(text, size, "sack");
	for (unsigned i = 0; i < o->sacks; i++)
		add(text, size, " %d:%d", (int)o->sack[i][0],
		    (int)o->sack[i][1]);
	if (o->present & SCRIPT_OTHER)
		add(text, size, "other,");
	add(text, size, ">");
}

void script_print_segment(
    const struct script_segment *s, char *text, size_t size)
{
	text[0] = '\0';
	for (unsigned i = 0; i < 8; i++)
		if (s->flags >> i & 1)
			add(text, size, "%c", letters[i]);
	if (s->flags == 0)
		add(text, size, "0");
	if (s->any_seq)
		add(text, size, " *");
	else
		add(text, size, " %d", (int)s->seq);
	if (s->len > 0)
		add(text, size, "(%u)", s->len);
	if (s->flags & TCP_ACK && s->any_ack)
		add(text, size, " ack *");
	else if (s->flags & TCP_ACK)
		add(text, size, " ack %d", (int)s->ack);
	if (s->win_min == s->win_max)
		add(text, size, " win %u", s->win_min);
	else if (s->win_min > 0 || s->win_max < 65535)
		add(text, size, " win %u..%u", s->win_min, s->win_max);
	if (s->flags & TCP_URG)
		add(text, size, " urg %u", s->urgent);
	print_options(&s->opt, text, size);
}

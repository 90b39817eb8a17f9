/* SPDX-License-Identifier: MIT */
#include "lib/config.h"

#include "lib/fmt.h"
#include "lib/string.h"

/* One run of characters, not terminated. */
struct span {
	const char *s;
	size_t len;
};

/* Where we are, for messages: "config.txt:7" or "command line". */
struct place {
	const struct config_parser *c;
	const char *source;
	uint32_t line; /* 0 on the command line */
	uint64_t seen; /* bit per key of the table's first 64 */
	uint32_t mistakes;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span t)
{
	while (t.len > 0 && is_blank(t.s[0])) {
		t.s++;
		t.len--;
	}
	while (t.len > 0 && is_blank(t.s[t.len - 1]))
		t.len--;
	return t;
}

static struct span without_comment(struct span t)
{
	for (size_t i = 0; i < t.len; i++) {
		if (t.s[i] == '#' && (i == 0 || is_blank(t.s[i - 1])))
			t.len = i;
	}
	return t;
}

/* Reports "place: what 'text'"; text may be empty. */
static void say(const struct place *at, const char *what, struct span text)
{
	char buf[160];
	struct text t = { buf, sizeof(buf), 0, false };

	fmt_add(&t, "%s", at->source);
	if (at->line > 0)
		fmt_add(&t, ":%u", at->line);
	fmt_add(&t, ": %s", what);
	if (text.len > 0)
		fmt_add(&t, " '%.*s%s'", text.len > 40 ? 40 : (int)text.len,
		    text.s, text.len > 40 ? "..." : "");
	at->c->report(buf);
}

/* A file that is no text at all may hold a mistake in each of its many lines,
 * and the console is slow. */
static void mistake(struct place *at, const char *what, struct span text)
{
	if (++at->mistakes <= CONFIG_REPORTS_MAX)
		say(at, what, text);
}

static uint32_t finish(const struct place *at)
{
	char buf[96];

	if (at->mistakes > CONFIG_REPORTS_MAX) {
		fmt_snprintf(buf, sizeof(buf), "%s: %u more mistakes",
		    at->source, at->mistakes - CONFIG_REPORTS_MAX);
		at->c->report(buf);
	}
	return at->mistakes;
}

static const struct config_key *find_key(
    const struct config_key *k, struct span name)
{
	for (; k->name != NULL; k++) {
		if (strlen(k->name) == name.len &&
		    memcmp(k->name, name.s, name.len) == 0)
			return k;
	}
	return NULL;
}

static void note_repeat(struct place *at, const struct config_key *k)
{
	size_t index = (size_t)(k - at->c->keys);
	uint64_t bit = index < 64 ? 1ULL << index : 0;

	if ((at->seen & bit) != 0 && at->line > 0 && !k->repeats)
		mistake(at, "this line replaces an earlier one of",
		    (struct span){ k->name, strlen(k->name) });
	at->seen |= bit;
}

static void set_key(
    struct place *at, const struct config_key *k, struct span value)
{
	char buf[CONFIG_VALUE_MAX], what[128];
	const char *wrong;

	if (value.len >= sizeof(buf)) {
		wrong = "longer than 255 bytes";
	} else if (memchr(value.s, '\0', value.len) != NULL) {
		wrong = "holds a zero byte";
	} else {
		memcpy(buf, value.s, value.len);
		buf[value.len] = '\0';
		wrong = k->set((char *)at->c->settings + k->offset, buf);
	}
	if (wrong == NULL) {
		note_repeat(at, k);
		return;
	}
	fmt_snprintf(what, sizeof(what), "%s: %s", k->name, wrong);
	mistake(at, what, k->secret ? (struct span){ "", 0 } : value);
}

/* Takes one trimmed "key = value". */
static void parse_pair(struct place *at, struct span pair)
{
	const char *equals = memchr(pair.s, '=', pair.len);

	if (equals == NULL) {
		mistake(at, "expected key = value, not", pair);
		return;
	}
	size_t before = (size_t)(equals - pair.s);
	struct span name = trim((struct span){ pair.s, before });
	struct span value =
	    trim((struct span){ equals + 1, pair.len - before - 1 });
	const struct config_key *k = find_key(at->c->keys, name);

	if (name.len == 0)
		mistake(at, "no key before", pair);
	else if (k == NULL)
		mistake(at, "unknown key", name);
	else
		set_key(at, k, value);
}

/* By the byte order mark; without one by the zero beside its first letter. */
static bool is_utf16(const char *text)
{
	return memcmp(text, "\xff\xfe", 2) == 0 ||
	       memcmp(text, "\xfe\xff", 2) == 0 ||
	       (text[0] == '\0') != (text[1] == '\0');
}

uint32_t config_parse_file(const struct config_parser *c, const char *source,
    const char *text, size_t len)
{
	struct place at = { .c = c, .source = source, .line = 1 };
	const char *end = text + len;

	if (len >= 2 && is_utf16(text)) {
		mistake(&at, "this is UTF-16; save it as UTF-8",
		    (struct span){ "", 0 });
		return at.mistakes;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (; text < end; at.line++) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		struct span line = { text,
			(size_t)((eol != NULL ? eol : end) - text) };

		line = trim(without_comment(line));
		if (line.len > 0)
			parse_pair(&at, line);
		text = eol != NULL ? eol + 1 : end;
	}
	return finish(&at);
}

uint32_t config_parse_words(const struct config_parser *c, const char *line)
{
	struct place at = { .c = c, .source = "command line" };

	for (;;) {
		size_t n = 0;

		while (is_blank(*line) || *line == '\n')
			line++;
		if (*line == '\0')
			return finish(&at);
		while (line[n] != '\0' && line[n] != '\n' && !is_blank(line[n]))
			n++;
		parse_pair(&at, (struct span){ line, n });
		line += n;
	}
}

/* SPDX-License-Identifier: MIT */
#include "tests/script/script.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/host/arch_host.h"
#include "sched/thread.h"
#include "tests/script/script_internal.h"
#include "tests/support/net_fixture.h"

#define OUR_ISN  1000000u
#define PEER_ISN 5000000u

struct script sc;

/* --- Failing ------------------------------------------------------------- */

noreturn void script_wrong(const char *fmt, ...)
{
	size_t size = sizeof(sc.message);
	size_t at = (size_t)snprintf(
	    sc.message, size, "%s:%u: %s\n", sc.name, sc.line, sc.copy);
	unsigned first = sc.seen > HISTORY ? sc.seen - HISTORY : 0;
	va_list ap;

	va_start(ap, fmt);
	at += (size_t)vsnprintf(sc.message + at, size - at, fmt, ap);
	va_end(ap);
	if (sc.seen > 0)
		at += (size_t)snprintf(
		    sc.message + at, size - at, "\nthe last segments:");
	for (unsigned i = first; i < sc.seen && at < size; i++)
		at += (size_t)snprintf(sc.message + at, size - at, "\n  %s",
		    sc.history[i % HISTORY]);
	longjmp(sc.failed, 1);
}

void script_remember(char direction, uint64_t at_ns, const char *text)
{
	snprintf(sc.history[sc.seen++ % HISTORY], sizeof(sc.history[0]),
	    "%9.3f ms %c %.160s", (double)(at_ns - NS_PER_S) / NS_PER_MS,
	    direction, text);
}
/* --- Words --------------------------------------------------------------- */

bool script_more(void)
{
	return sc.at < sc.words;
}

char *script_word(const char *what)
{
	if (!script_more())
		script_wrong("expected %s", what);
	return sc.word[sc.at++];
}

bool script_is_next(const char *word)
{
	if (!script_more() || strcmp(sc.word[sc.at], word) != 0)
		return false;
	sc.at++;
	return true;
}

uint32_t script_number(const char *what)
{
	const char *text = script_word(what);
	char *end;
	long long v = strtoll(text, &end, 0);

	if (end == text || *end != '\0')
		script_wrong("expected %s, not '%s'", what, text);
	return (uint32_t)v;
}

/* "10ms", "1.5s"; *end: what follows. */
uint64_t script_duration(const char *text, char **end)
{
	static const struct {
		const char *name;
		double ns;
	} unit[] = { { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 },
		{ "min", 60e9 }, { "h", 3600e9 } };
	double v = strtod(text, end);

	for (unsigned i = 0; *end != text && i < 5; i++) {
		size_t len = strlen(unit[i].name);

		if (strncmp(*end, unit[i].name, len) == 0 &&
		    strchr(".", (*end)[len]) != NULL) {
			*end += len;
			return (uint64_t)(v * unit[i].ns);
		}
	}
	script_wrong("'%s' is no time such as 10ms", text);
}

/* "+10ms" or "+10ms..20ms" before a statement. */
static void read_time(void)
{
	char *end;

	sc.from_ns = sc.to_ns = 0;
	sc.timed = script_more() && sc.word[sc.at][0] == '+';
	if (!sc.timed)
		return;
	sc.from_ns = script_duration(sc.word[sc.at] + 1, &end);
	sc.to_ns = sc.from_ns + SLACK_NS;
	if (strncmp(end, "..", 2) == 0)
		sc.to_ns = script_duration(end + 2, &end);
	if (*end != '\0' || sc.to_ns < sc.from_ns)
		script_wrong("'%s' is no time", sc.word[sc.at]);
	sc.at++;
}
/* --- Lines --------------------------------------------------------------- */

static void run_text(const char *text);

/* accepted NAME [win N] [<options>]: the peer connects to port 80. */
static void do_accepted(void)
{
	const char *name = script_word("a name");
	unsigned win =
	    script_is_next("win") ? script_number("a window") : 65535;
	char text[512];

	snprintf(text, sizeof(text),
	    "listen %s-listener %d\n< S 0 win %u <%s>\n> SA 0 ack 1\n"
	    "< A 1 ack 1 win %u%s\naccept %s-listener %s\nclose %s-listener\n",
	    name, PORT, win, sc.options ? sc.options : "mss 1460", win,
	    sc.options && strstr(sc.options, "TS ") ? " <TS val 1 ecr last>"
	                                            : "",
	    name, name, name);
	run_text(text);
}

/* connected NAME [win N] [<options>]: we connect. */
static void do_connected(void)
{
	const char *name = script_word("a name");
	unsigned win =
	    script_is_next("win") ? script_number("a window") : 65535;
	char text[512];

	snprintf(text, sizeof(text),
	    "connect %s\n> S 0\n< SA 0 ack 1 win %u <%s>\n> A 1 ack 1\n"
	    "connect %s = 0\n",
	    name, win, sc.options ? sc.options : "mss 1460", name);
	run_text(text);
}

static const struct script_statement handshakes[] = {
	{ "accepted", do_accepted, false },
	{ "connected", do_connected, false },
	{ NULL, NULL, false },
};

static const struct script_statement *statement(const char *name)
{
	static const struct script_statement *const tables[] = { script_wires,
		script_calls, script_looks, handshakes };

	for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct script_statement *s = tables[i]; s->name; s++)
			if (strcmp(s->name, name) == 0)
				return s;
	script_wrong("no statement is called '%s'", name);
}

/* "<mss 1460>" out of the line: an angle bracket that touches what follows. */
static void cut_options(char *line)
{
	char *close;

	sc.options = NULL;
	for (char *c = line; *c != '\0'; c++) {
		if (*c != '<' || c[1] == '\0' || c[1] == ' ')
			continue;
		close = strchr(c, '>');
		if (close == NULL)
			script_wrong("options without >");
		sc.options = c + 1;
		memset(close, ' ', 1);
		*close = '\0';
		*c = '\0';
		if (strspn(close + 1, " \t") != strlen(close + 1))
			script_wrong("options stand last");
		return;
	}
}

static void cut_words(char *line)
{
	char *save;

	sc.words = sc.at = 0;
	for (char *w = strtok_r(line, " \t", &save); w != NULL;
	     w = strtok_r(NULL, " \t", &save)) {
		if (sc.words == WORDS)
			script_wrong("too many words");
		sc.word[sc.words++] = w;
	}
}

static void run_statement(void)
{
	const struct script_statement *s;

	read_time();
	sc.times = script_is_next("times") ? script_number("how many") : 1;
	s = statement(script_word("a statement"));
	if (!s->itself)
		script_wait_for_time();
	s->fn();
	if (script_more())
		script_wrong("'%s' is too much", sc.word[sc.at]);
}

static void run_line(const char *text, size_t len)
{
	char line[256];
	char *comment;

	if (len >= sizeof(line))
		script_wrong("too long a line");
	memcpy(line, text, len);
	line[len] = '\0';
	comment = strchr(line, '#');
	if (comment != NULL)
		*comment = '\0';
	snprintf(sc.copy, sizeof(sc.copy), "%s", line);
	cut_options(line);
	cut_words(line);
	if (sc.words > 0)
		run_statement();
}

/* Lines that a statement stands for have that one's number. */
static void run_text(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		run_line(text, len);
		text += len + (text[len] == '\n');
	}
	sc.at = sc.words;
}

static void run_lines(const char *text)
{
	if (strncmp(text, "# RFC ", 6) != 0 && strncmp(text, "# Ours: ", 8)) {
		sc.line = 1;
		script_wrong("the first line names the rule: # RFC N ...");
	}
	for (sc.line = 1; *text != '\0'; sc.line++) {
		size_t len = strcspn(text, "\n");

		run_line(text, len);
		text += len + (text[len] == '\n');
	}
	snprintf(sc.copy, sizeof(sc.copy), "the end");
	script_nothing_waits();
}
/* --- The whole ----------------------------------------------------------- */

static void start(const char *name)
{
	memset(&sc, 0, sizeof(sc));
	sc.name = name;
	sc.isn = OUR_ISN;
	for (unsigned i = 0; i < PEERS; i++)
		sc.peers[i] = (struct peer){ .port = (uint16_t)(40000 + i),
			.our_port = PORT,
			.n = { .peer_isn = PEER_ISN } };
	sc.peer = sc.peers;
	waitq_init(&sc.calls);
	fx.st.tcp.test_isn = &sc.isn;
	sc.base_ns = arch_clock_ns();
}

static int wait_no_more(struct named *s, uint32_t unused)
{
	return 0;
}

/* Whatever is left goes without a trace. */
static void clean_up(void)
{
	fx.card_silent = true;
	if (sc.hoarded != NULL)
		fx_hoard_give(sc.hoarded, UINT32_MAX);
	for (unsigned i = 0; i < NAMES; i++) {
		struct call *c = &sc.named[i].call;

		if (sc.named[i].sock == NULL)
			continue;
		c->fn = wait_no_more;
		while (c->running && !c->done) {
			waitq_wake(sock_waitq(sc.named[i].sock), UINT32_MAX);
			thread_yield();
		}
		sock_set_opt(sc.named[i].sock, SOCK_OPT_LINGER, 0);
		sock_close(sc.named[i].sock);
	}
}

const char *script_run(const char *name, const char *text)
{
	start(name);
	if (setjmp(sc.failed) != 0) {
		clean_up();
		return sc.message;
	}
	run_lines(text);
	for (unsigned i = 0; i < NAMES; i++)
		if (sc.named[i].call.running && !sc.named[i].call.done)
			script_wrong(
			    "a call of '%s' still waits", sc.named[i].name);
	clean_up();
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * For the files of the language: script.c reads lines and words,
 * script_wire.c has segments, script_calls.c the calls of sockets,
 * script_looks.c what looks at the stack or sets it up.  segment.c knows of
 * none of these.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "net/sock_internal.h"
#include "net/tcp_internal.h"
#include "tests/script/segment.h"

#define WORDS    40
#define NAMES    40
#define PEERS    256
#define HISTORY  12
#define SLACK_NS (3 * NS_PER_MS) /* of the timer wheel, and of its users */
#define PORT     80

/* A peer's port, and the connection with it. */
struct peer {
	uint16_t port, our_port;
	bool known; /* our ISN was seen */
	struct script_numbers n;
	uint32_t written, read; /* bytes of both streams */
};

/* A call that waits in a thread of its own. */
struct call {
	struct named *s;
	int (*fn)(struct named *s, uint32_t arg);
	uint32_t arg;
	int result;
	bool running, done;
};

struct named {
	char name[16];
	struct sock *sock;
	struct peer *peer;
	struct call call;
};
/* The script that runs, at the line that runs. */
struct script {
	const char *name;
	unsigned line;
	char copy[256]; /* of the line, for messages */
	char *word[WORDS], *options;
	unsigned words, at; /* at: the next word */
	uint64_t base_ns;   /* when the line before this happened */
	uint64_t from_ns, to_ns;
	bool timed;
	uint32_t isn, times;
	struct peer peers[PEERS], *peer;
	struct named named[NAMES];
	struct waitq calls;
	struct pool *hoarded;
	char history[HISTORY][200];
	unsigned seen;
	char message[4096];
	jmp_buf failed;
};
extern struct script sc;

/* A statement; fn reads the words behind its name. */
struct script_statement {
	const char *name;
	void (*fn)(void);
	bool itself; /* looks at what was sent and at the time itself */
};

/* They end with one without a name. */
extern const struct script_statement script_wires[], script_calls[],
    script_looks[];

/* --- script.c ------------------------------------------------------------- */

/* The script fails. */
noreturn void script_wrong(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
/* For the message of a failure: the last segments. */
void script_remember(char direction, uint64_t at_ns, const char *text);

bool script_more(void);
char *script_word(const char *what);
bool script_is_next(const char *word);
uint32_t script_number(const char *what);
/* "10ms", "1.5s"; *end: what follows. */
uint64_t script_duration(const char *text, char **end);

/* --- script_wire.c -------------------------------------------------------- */

/* The peer that sent or gets this segment; the present one for a stranger. */
struct peer *script_peer_of(const struct script_segment *s);
/* Fails when something was sent. */
void script_nothing_waits(void);
/* Moves the clock to this line's time; nothing may leave on the way. */
void script_wait_for_time(void);
/* Something happened then: in this line's time? */
void script_check_time(uint64_t at_ns);

/* --- script_calls.c ------------------------------------------------------- */

/* The socket that the next word names. */
struct named *script_socket(void);
/* "= 100", "= ETIMEDOUT"; without it the usual result. */
void script_check_result(const char *what, long long result, long long usual);

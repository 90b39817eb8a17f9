/* SPDX-License-Identifier: MIT */
/*
 * The parser of `key = value` settings: config.txt (one per line, # comments,
 * CRLF and BOM accepted, values may hold spaces) and the command line (words
 * key=value).  It knows no key itself: a table says which keys exist and which
 * function takes each value.
 *
 * A '#' starts a comment at the beginning of a line or after white space.  The
 * last of several lines of one key wins; in a file that is a mistake unless the
 * key says that it repeats.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_VALUE_MAX   256
#define CONFIG_REPORTS_MAX 10 /* mistakes of one source that are shown */

/* One key.  set gets the trimmed, terminated value and the place `offset` in
 * the settings structure, so that one function serves fields of a kind; returns
 * NULL, or what is wrong in a few words ("not a port number"). */
struct config_key {
	const char *name;
	const char *(*set)(void *field, const char *value);
	size_t offset;
	bool repeats; /* may stand several times in one file */
	bool secret;  /* its value is never shown in a message */
};

struct config_parser {
	const struct config_key *keys; /* ended by a NULL name */
	void *settings;
	/* Called with a complete line for the user, such as "config.txt:7:
	 * unknown key 'prot'", for each of the first mistakes, and once with
	 * the number of further ones. */
	void (*report)(const char *line);
};

/* Parses a whole file.  source is its name for messages.  Returns the number
 * of mistakes. */
uint32_t config_parse_file(const struct config_parser *c, const char *source,
    const char *text, size_t len);

/* Parses a command line; messages start "command line: ".  Words without '='
 * are mistakes too.  Returns the number of mistakes. */
uint32_t config_parse_words(const struct config_parser *c, const char *line);

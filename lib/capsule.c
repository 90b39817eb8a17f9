/* SPDX-License-Identifier: MIT */
#include "lib/capsule.h"

#include "lib/assert.h"
#include "lib/hash.h"
#include "lib/string.h"

#define MAGIC 0x454c555350414352ull /* "RCAPSULE" */
#define PANIC "PANIC "

static_assert(sizeof(struct capsule) == 88, "no padding that is not hashed");

/* Known to all: against accidents, not against an enemy. */
static const struct hash_key key = { MAGIC, CAPSULE_VERSION };

static uint64_t head_hash(const struct capsule *c)
{
	return hash_bytes(key, c, offsetof(struct capsule, head_hash));
}

void capsule_break(struct capsule *c)
{
	c->magic = 0;
}

void capsule_seal(
    struct capsule *c, const struct capsule_facts *f, uint32_t len)
{
	c->version = CAPSULE_VERSION;
	c->text_len = len;
	c->text_hash = hash_bytes(key, c->text, len);
	capsule_seal_head(c, f);
}

void capsule_seal_head(struct capsule *c, const struct capsule_facts *f)
{
	c->facts = *f;
	c->magic = MAGIC;
	c->head_hash = head_hash(c);
}

size_t capsule_bytes(const struct capsule *c)
{
	return sizeof(*c) + c->text_len;
}

static bool is_plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((uint8_t)s[i] < ' ' && s[i] != '\n') || s[i] == 0x7f)
			return false;
	return true;
}

static bool facts_are_sound(const struct capsule_facts *f)
{
	size_t len = strnlen(f->build, sizeof(f->build));

	return f->state >= CAPSULE_RUNNING && f->state <= CAPSULE_PANICKED &&
	       len < sizeof(f->build) && is_plain(f->build, len);
}

const struct capsule *capsule_check(const void *p, size_t room)
{
	const struct capsule *c = p;

	if (room < sizeof(*c) || c->magic != MAGIC ||
	    c->version != CAPSULE_VERSION || c->head_hash != head_hash(c) ||
	    c->text_len > room - sizeof(*c) ||
	    c->text_hash != hash_bytes(key, c->text, c->text_len))
		return NULL;
	if (!facts_are_sound(&c->facts) || !is_plain(c->text, c->text_len))
		return NULL;
	return c;
}

bool capsule_is_better(const struct capsule *a, const struct capsule *b)
{
	if (a == NULL || b == NULL)
		return a != NULL;
	if (a->facts.state != b->facts.state)
		return a->facts.state > b->facts.state;
	if (a->facts.up_ns != b->facts.up_ns)
		return a->facts.up_ns > b->facts.up_ns;
	return a->text_len > b->text_len;
}

size_t capsule_line_end(const char *text, size_t len)
{
	while (len > 0 && text[len - 1] != '\n')
		len--;
	return len;
}

/* Where the first line begins at or behind `at`, or len. */
static size_t line_start(const char *s, size_t at, size_t len)
{
	while (at > 0 && at < len && s[at - 1] != '\n')
		at++;
	return at;
}

size_t capsule_find_panic(const char *log, size_t len)
{
	size_t at = 0;

	while (at < len && (len - at < strlen(PANIC) ||
	                       memcmp(log + at, PANIC, strlen(PANIC)) != 0))
		at = line_start(log, at + 1, len);
	return at;
}

size_t capsule_compact(char *out, size_t room, const char *log, size_t len)
{
	size_t panic_at = capsule_find_panic(log, len), from = 0, n;

	if (len > room)
		from = line_start(log, len - room, len);
	if (from > panic_at)
		from = panic_at;
	n = len - from;
	if (n > room)
		n = capsule_line_end(log + from, room);
	memcpy(out, log + from, n);
	return n;
}

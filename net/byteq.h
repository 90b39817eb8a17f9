/* SPDX-License-Identifier: MIT */
/*
 * A queue of bytes: copied ones in chunks from the stack's pool, and borrowed
 * runs of immutable memory (file data).  TCP's send queue keeps bytes until
 * they are acknowledged and reads them at any offset; the receive queue holds
 * what the application has not read.  Empty queues hold no memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack;

#define BYTEQ_CHUNK_BYTES 2048 /* of the pool's object, header included */
#define BYTEQ_CHUNK_ROOM  (BYTEQ_CHUNK_BYTES - 24)

struct byteq_node;

struct byteq {
	struct byteq_node *head, *tail;
	uint32_t len;
	uint32_t skip;   /* consumed bytes of head */
	uint32_t chunks; /* of the pool, that it holds */
	/* The node that was last looked at, or NULL, and how far its first
	 * byte is from that of head. */
	uint32_t cursor_off;
	struct byteq_node *cursor;
};

/* A contiguous part of the queue. */
struct byteq_run {
	const uint8_t *data;
	uint32_t len;
	bool borrowed; /* immutable for ever: may be sent without a copy */
};

/* The size of the object that holds a borrowed run. */
extern const size_t byteq_ref_bytes;

/* Appends a copy of up to len bytes; returns how many found room in the pool.
 */
uint32_t byteq_write(
    struct stack *st, struct byteq *q, const void *data, uint32_t len);

/* Appends a borrowed run; false when the pool is empty. */
bool byteq_append_ref(
    struct stack *st, struct byteq *q, const uint8_t *data, uint32_t len);

/* Moves all bytes of from behind those of to.  Chunks move as they are; few
 * bytes are copied into the last chunk of to when they fit there, so that no
 * two neighbours could be one. */
void byteq_move(struct stack *st, struct byteq *to, struct byteq *from);

/* The longest contiguous run at offset off < q->len. */
struct byteq_run byteq_at(struct byteq *q, uint32_t off);

/* Copies up to len bytes from the front and returns how many; consumes
 * nothing. */
uint32_t byteq_peek(struct byteq *q, void *dst, uint32_t len);

/* Consumes len <= q->len bytes from the front. */
void byteq_drop(struct stack *st, struct byteq *q, uint32_t len);

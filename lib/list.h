/* SPDX-License-Identifier: MIT */
/*
 * Intrusive doubly linked ring list.  A head and a node are the same type; a
 * node that is on no list points at itself, so list_del is always allowed on
 * an initialised node and list_linked tells whether it is on a list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define container_of(ptr, type, member)                                        \
	((type *)((char *)(ptr)-offsetof(type, member)))

/* Safe against removal of pos, not of the node after it. */
#define list_for_each_safe(pos, tmp, head)                                     \
	for ((pos) = (head)->next, (tmp) = (pos)->next; (pos) != (head);       \
	     (pos) = (tmp), (tmp) = (pos)->next)

#define list_for_each(pos, head)                                               \
	for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_linked(const struct list *node)
{
	return node->next != node;
}

/* Inserts node before pos; with pos a head that is the end of the list. */
static inline void list_insert(struct list *pos, struct list *node)
{
	node->next = pos;
	node->prev = pos->prev;
	pos->prev->next = node;
	pos->prev = node;
}

static inline void list_append(struct list *head, struct list *node)
{
	list_insert(head, node);
}

static inline void list_prepend(struct list *head, struct list *node)
{
	list_insert(head->next, node);
}

static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Removes and returns the first node, or NULL when the list is empty. */
static inline struct list *list_pop(struct list *head)
{
	struct list *first = head->next;

	if (first == head)
		return NULL;
	list_del(first);
	return first;
}

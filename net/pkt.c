/* SPDX-License-Identifier: MIT */
#include "net/pkt.h"

#include "lib/assert.h"
#include "lib/string.h"
#include "net/stack.h"

/* The pool's object: the packet and its bytes. */
struct pkt_object {
	struct pkt pkt;
	uint8_t bytes[PKT_HEADROOM + PKT_DATA_BYTES + 2];
};

static_assert(PKT_HEADROOM % 4 == 2, "14 + 4n bytes of headers end aligned");
static_assert(offsetof(struct pkt_object, bytes) % 4 == 0, "frames align");

const size_t pkt_object_bytes = sizeof(struct pkt_object);

static const struct {
	const char *name, *text;
} drop_table[] = {
#define DROP(id, name, text) { name, text },
#include "net/drops.def"
#undef DROP
};

const char *drop_name(enum drop_reason why)
{
	return drop_table[why].name;
}

const char *drop_text(enum drop_reason why)
{
	return drop_table[why].text;
}

/* Everything but the bytes, which the owner writes. */
static void pkt_clear(struct pkt *p, struct stack *st)
{
	memset(p, 0, sizeof(*p));
	list_init(&p->node);
	p->stack = st;
}

struct pkt *pkt_alloc(struct stack *st)
{
	struct pkt_object *o = pool_get(&st->packets);

	if (!o)
		return NULL;
	pkt_clear(&o->pkt, st);
	o->pkt.head = o->bytes;
	o->pkt.data = o->bytes + PKT_HEADROOM;
	o->pkt.tail = o->pkt.data;
	o->pkt.end = o->bytes + sizeof(o->bytes);
	return &o->pkt;
}

void pkt_free(struct pkt *p)
{
	assert(!p->view);
	list_del(&p->node);
	pool_put(&p->stack->packets, p);
}

void pkt_init_view(struct pkt *view, struct stack *st, struct netdev *dev,
    const void *data, size_t len)
{
	pkt_clear(view, st);
	view->view = true;
	view->dev = dev;
	view->head = view->data = (uint8_t *)data;
	view->tail = view->end = view->data + len;
}

struct pkt *pkt_clone(const struct pkt *p)
{
	struct pkt *n;
	size_t len = pkt_len(p);

	if (len > PKT_DATA_BYTES || !(n = pkt_alloc(p->stack)))
		return NULL;
	pkt_copy_out(p, pkt_put(n, len));
	n->dev = p->dev;
	n->ip_proto = p->ip_proto;
	n->ip_src = p->ip_src;
	n->ip_dst = p->ip_dst;
	return n;
}

bool pkt_may_keep(const struct stack *st)
{
	return pool_available(&st->packets) > st->packets.total / 4;
}

struct pkt *pkt_keep(const struct pkt *p)
{
	return pkt_may_keep(p->stack) ? pkt_clone(p) : NULL;
}

void pkt_drop(struct pkt *p, enum drop_reason why)
{
	p->stack->drop[why]++;
	if (!p->view) {
		pkt_free(p);
		return;
	}
	assert(!p->decided);
	p->decided = true;
}

void pkt_delivered(struct pkt *p)
{
	assert(p->view && !p->decided);
	p->decided = true;
	stack_count(p->stack, COUNT_RX_DELIVERED);
}

size_t pkt_len(const struct pkt *p)
{
	size_t len = pkt_linear(p);

	for (unsigned i = 0; i < p->frag_count; i++)
		len += p->frag[i].len;
	return len;
}

void *pkt_pull(struct pkt *p, size_t n)
{
	uint8_t *at = p->data;

	if (n > pkt_linear(p))
		return NULL;
	p->data += n;
	return at;
}

void pkt_trim(struct pkt *p, size_t n)
{
	if (n < pkt_linear(p))
		p->tail = p->data + n;
}

void *pkt_push(struct pkt *p, size_t n)
{
	assert(n <= (size_t)(p->data - p->head));
	p->data -= n;
	return p->data;
}

void *pkt_put(struct pkt *p, size_t n)
{
	uint8_t *at = p->tail;

	assert(n <= (size_t)(p->end - p->tail));
	p->tail += n;
	return at;
}

bool pkt_add_frag(struct pkt *p, const uint8_t *data, uint32_t len)
{
	if (p->frag_count == PKT_FRAGS_MAX)
		return false;
	p->frag[p->frag_count++] = (struct pkt_frag){ data, len };
	return true;
}

static void copy_frags(const struct pkt *p, uint8_t *dst)
{
	for (unsigned i = 0; i < p->frag_count; i++) {
		memcpy(dst, p->frag[i].data, p->frag[i].len);
		dst += p->frag[i].len;
	}
}

void pkt_linearize(struct pkt *p)
{
	uint8_t *at = pkt_put(p, pkt_len(p) - pkt_linear(p));

	copy_frags(p, at);
	p->frag_count = 0;
}

void pkt_copy_out(const struct pkt *p, uint8_t *dst)
{
	memcpy(dst, p->data, pkt_linear(p));
	copy_frags(p, dst + pkt_linear(p));
}

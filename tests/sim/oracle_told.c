/* SPDX-License-Identifier: MIT */
/* The oracle: what a receiver says, and when. */
#include "arch/host/arch_host.h"
#include "net/ip.h"
#include "tests/sim/oracle_internal.h"

#define ACK_DELAY_MAX_NS (500 * NS_PER_MS) /* RFC 9293 MUST-40 */

static bool came(const struct oracle_flow *f, uint32_t left, uint32_t right)
{
	return ranges_hold(&f->came, left, right);
}

/* --- The fields ----------------------------------------------------------- */

/* The first ACK tells which SYN is meant. */
static bool find_base(struct oracle_flow *f, const struct seen *g)
{
	uint32_t best = UINT32_MAX;

	for (unsigned i = 0; i < f->syns && i < ORACLE_SYNS; i++)
		if (g->s.ack - (f->syn[i] + 1) < best)
			best = g->s.ack - (f->syn[i] + 1);
	if (best > 1u << 30) {
		oracle_wrong(f, g, "acknowledges a SYN that never came");
		return false;
	}
	f->base = f->ack = f->told_edge = g->s.ack - best;
	f->acked = true;
	return true;
}

static void sent_window(struct oracle_flow *f, const struct seen *g)
{
	bool syn = g->s.flags & TCP_SYN;
	unsigned shift = f->scale_agreed && !syn ? f->scale_out : 0;
	uint32_t edge = g->s.ack + ((uint32_t)g->s.window << shift);

	/* Behind the peer's FIN nobody needs a window. */
	if (f->peer_fin && g->s.ack == f->peer_fin_end)
		return;
	if (seq_lt(edge + (1u << shift) - 1, f->told_edge))
		oracle_wrong(f, g, "the right edge moved left by %u",
		    f->told_edge - edge);
	if (seq_lt(f->told_edge, edge))
		f->told_edge = edge;
}

static void sent_sack(struct oracle_flow *f, const struct seen *g)
{
	for (unsigned i = 0; i < g->sacks; i++) {
		const struct range b = g->sack[i];

		if (!seq_lt(b.left, b.right) || !came(f, b.left, b.right))
			oracle_wrong(f, g, "SACK %u:%u never came",
			    b.left - f->base, b.right - f->base);
		/* Only the first may tell of a duplicate (RFC 2883). */
		if (i > 0 && seq_lt(b.left, g->s.ack))
			oracle_wrong(f, g, "SACK %u:%u is acknowledged",
			    b.left - f->base, b.right - f->base);
	}
	if (g->sacks > 0 && !f->sack_agreed)
		oracle_wrong(f, g, "SACK was not agreed");
	if (g->sacks > 0 && f->now.dsack.left == f->now.dsack.right)
		f->now.dsack = g->sack[0];
}

/* RFC 3168 6.1.3: from CE on each segment says ECE, until CWR comes. */
static void sent_echo(struct oracle_flow *f, const struct seen *g)
{
	bool says = g->s.flags & TCP_ECE;
	struct view v;

	if (g->s.flags & TCP_SYN || !f->echo_known || oracle_card_waits(f) ||
	    !oracle_look(f, &v) || !v.ecn)
		return;
	if (says != f->echo)
		oracle_wrong(
		    f, g, says ? "ECE without CE" : "CE was not echoed");
}

static void owed_too_long(struct oracle_flow *f, const struct seen *g)
{
	if (f->owed_ns && arch_clock_ns() - f->owed_ns > ACK_DELAY_MAX_NS)
		oracle_wrong(f, g, "an ACK waited for more than 500 ms");
}

static void sent_ack(struct oracle_flow *f, const struct seen *g)
{
	if (!f->acked && !find_base(f, g))
		return;
	if (seq_lt(g->s.ack, f->ack))
		oracle_wrong(f, g, "ACK went back by %u", f->ack - g->s.ack);
	if (!came(f, f->base, g->s.ack))
		oracle_wrong(f, g, "acknowledges what never came");
	owed_too_long(f, g);
	f->owed_ns = 0;
	f->ack = g->s.ack;
	sent_window(f, g);
	sent_sack(f, g);
	sent_echo(f, g);
}

static void sent_timestamps(struct oracle_flow *f, const struct seen *g)
{
	if (!g->has_ts)
		return;
	if (f->ts_sent && (int32_t)(g->ts_val - f->ts_val) < 0)
		oracle_wrong(f, g, "timestamp went back");
	if (g->s.flags & TCP_ACK && f->ts_seen &&
	    (int32_t)(g->ts_ecr - f->ts_came) > 0)
		oracle_wrong(f, g, "echoes a timestamp that never came");
	f->ts_val = g->ts_val;
	f->ts_sent = true;
}

void oracle_told_sent(struct oracle_flow *f, const struct seen *g)
{
	if (g->s.flags & TCP_ACK)
		sent_ack(f, g);
	sent_timestamps(f, g);
}

/* --- What has to be said -------------------------------------------------- */

/* New text within the window tells of the path (RFC 3168 6.1.5). */
static void received_ecn(
    struct oracle_flow *f, const struct seen *g, const struct view *v)
{
	if (!v->ecn || !v->takes_text ||
	    !seq_lt(v->rcv_nxt, g->s.seq + (uint32_t)g->s.len) ||
	    !seq_lt(g->s.seq, f->told_edge))
		return;
	if (f->now.old_ts) {
		f->echo_known = false; /* PAWS drops it, or not */
		return;
	}
	if (g->s.flags & TCP_CWR)
		f->echo = false;
	f->echo |= g->ecn == IP_ECN_CE;
	f->echo_known = true;
}

void oracle_told_received(struct oracle_flow *f, const struct seen *g)
{
	struct view v = { 0 };

	if (oracle_look(f, &v))
		owed_too_long(f, g);
	else
		f->owed_ns = 0;
	v.takes_text &= !seq_lt(g->s.ack, v.oldest_ack);
	f->now = (struct oracle_moment){ .takes_text = v.takes_text,
		.old_ts = g->has_ts && f->ts_seen &&
		          (int32_t)(g->ts_val - f->ts_came) < 0,
		.una = f->una,
		.rcv_nxt = v.rcv_nxt,
		.ooo = v.ooo,
		.reductions = f->reductions };
	if (f->full < TCP_MSS_DEFAULT)
		f->full = TCP_MSS_DEFAULT;
	if (g->s.len > f->full)
		f->full = (uint32_t)g->s.len;
	received_ecn(f, g, &v);
}

/* RFC 2883 4: the first block tells what came twice. */
static void duplicate(struct oracle_flow *f, const struct seen *g)
{
	uint32_t end = g->s.seq + (uint32_t)g->s.len;

	if (f->sack_agreed && seq_le(end, f->now.rcv_nxt) && !f->now.old_ts &&
	    (f->now.dsack.left != g->s.seq || f->now.dsack.right != end))
		oracle_wrong(f, g, "a duplicate is told as %u:%u",
		    f->now.dsack.left - f->base, f->now.dsack.right - f->base);
}

/* RFC 5681 4.2: text beyond a gap, and what fills one, is answered at once. */
static void around_a_gap(
    struct oracle_flow *f, const struct seen *g, const struct view *v)
{
	if (seq_lt(f->now.rcv_nxt, g->s.seq) && !f->now.sent)
		oracle_wrong(f, g, "text beyond a gap was not answered");
	if (f->now.ooo && v->rcv_nxt != f->now.rcv_nxt && !f->now.sent)
		oracle_wrong(f, g, "what fills a gap was not answered");
}

void oracle_told_processed(
    struct oracle_flow *f, const struct seen *g, const struct view *v)
{
	bool data = g->s.len > 0 && !(g->s.flags & (TCP_SYN | TCP_RST));

	if (!f->acked || !f->now.takes_text || f->starved ||
	    oracle_card_waits(f))
		return;
	if (data) {
		around_a_gap(f, g, v);
		duplicate(f, g);
	}
	/* RFC 9293 SHLD-19. */
	if (v->rcv_nxt - f->ack >= 2 * f->full)
		oracle_wrong(
		    f, g, "%u bytes wait for an ACK", v->rcv_nxt - f->ack);
	if (v->rcv_nxt != f->ack && !f->owed_ns)
		f->owed_ns = arch_clock_ns();
}

/* SPDX-License-Identifier: MIT */
/* The oracle: what is sent again and why, and what follows for the window. */
#include <stdlib.h>

#include "arch/host/arch_host.h"
#include "tests/sim/oracle_internal.h"

#define ROOM              64
#define DUP_ACK_THRESHOLD 3 /* RFC 5681 3.2 */

/* --- What is known to have arrived ---------------------------------------- */

static void note_sending(struct oracle_flow *f, uint32_t left, uint32_t right)
{
	if (f->sendings == f->sending_room) {
		f->sending_room = f->sending_room ? 2 * f->sending_room : ROOM;
		f->sending =
		    realloc(f->sending, f->sending_room * sizeof(*f->sending));
	}
	f->sending[f->sendings++] =
	    (struct oracle_sending){ left, right, arch_clock_ns() };
}

/* RACK_sent_after of RFC 8985 5.2. */
static bool sent_after(
    const struct oracle_sending *a, const struct oracle_sending *b)
{
	return a->at_ns > b->at_ns ||
	       (a->at_ns == b->at_ns && seq_lt(b->right, a->right));
}

/* The latest transmission of any of [left, right). */
static struct oracle_sending latest(
    const struct oracle_flow *f, uint32_t left, uint32_t right)
{
	struct oracle_sending best = { 0 };

	for (unsigned i = 0; i < f->sendings; i++)
		if (seq_lt(f->sending[i].left, right) &&
		    seq_lt(left, f->sending[i].right) &&
		    sent_after(&f->sending[i], &best))
			best = f->sending[i];
	return best;
}

static void forget_acked(struct oracle_flow *f)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < f->sendings; i++)
		if (seq_lt(f->una, f->sending[i].right))
			f->sending[kept++] = f->sending[i];
	f->sendings = kept;
	ranges_forget(&f->sacked, f->una);
}

static void arrived(struct oracle_flow *f, uint32_t left, uint32_t right)
{
	struct oracle_sending s = latest(f, left, right);

	if (!sent_after(&s, &f->delivered))
		return;
	f->delivered = s;
	f->delivered_ns = arch_clock_ns();
}

void oracle_resent_received(struct oracle_flow *f, const struct seen *g)
{
	if (f->una != f->now.una) {
		arrived(f, f->now.una, f->una);
		forget_acked(f);
	}
	if (f->now.old_ts)
		return; /* PAWS drops it */
	for (unsigned i = 0; i < g->sacks; i++) {
		const struct range b = g->sack[i];

		if (!seq_lt(f->una, b.left) || !seq_lt(b.left, b.right) ||
		    seq_lt(f->top, b.right) ||
		    ranges_hold(&f->sacked, b.left, b.right))
			continue;
		arrived(f, b.left, b.right);
		ranges_add(&f->sacked, b.left, b.right);
	}
}

void oracle_resent_reset(struct oracle_flow *f)
{
	ranges_clear(&f->sacked);
	f->sendings = 0;
	f->delivered = (struct oracle_sending){ 0 };
	f->excused_ns = 0;
	f->probes = f->reductions = f->undone = 0;
	f->timeouts_seen = f->losses_seen = 0;
	f->in_recovery = false;
	f->reduced = f->reduced_before = (struct oracle_reduction){ 0 };
}

/* --- Sent again ----------------------------------------------------------- */

/* RFC 8985 6.2: something sent later has arrived; or RFC 5681 3.2, RFC 6582
 * without SACK or records; or a timeout, a router, a window that opened.  Else
 * it is a probe of the tail (RFC 8985 7.2), which then waits for an ACK. */
static void ask_why(
    struct oracle_flow *f, const struct seen *g, const struct view *v)
{
	struct oracle_sending last = latest(f, g->s.seq, g->end);

	if (v->timed_out || sent_after(&f->delivered, &last) ||
	    last.at_ns <= f->excused_ns)
		return;
	if (f->starved && v->in_recovery)
		return;
	if (!f->sack_agreed) {
		if (!v->in_recovery)
			oracle_wrong(f, g, "sent again without a reason");
		return;
	}
	if (last.right != f->top) /* what the window takes of the tail */
		oracle_wrong(f, g, "sent again, and nothing later arrived");
	else if (++f->probes > 1)
		oracle_wrong(f, g, "a second probe of the tail without an ACK");
}

/* RFC 8985 6.2 steps 4 and 5: what begins a recovery was sent a round trip and
 * a reordering window before, unless the peer has more than two segments of
 * what follows and nothing ever came out of order. */
static void ask_how_soon(
    struct oracle_flow *f, const struct seen *g, const struct view *v)
{
	struct oracle_sending last = latest(f, g->s.seq, g->end);
	uint64_t rtt_ns = f->delivered_ns - f->delivered.at_ns;

	if (f->in_recovery || !v->in_recovery || !f->sack_agreed ||
	    f->starved || last.at_ns <= f->excused_ns)
		return;
	if (!v->reordering_seen && ranges_len(&f->sacked) > 2 * v->mss)
		return;
	if (arch_clock_ns() < last.at_ns + rtt_ns + v->reo_wnd_ns)
		oracle_wrong(
		    f, g, "sent again before the reordering window ended");
}

static void sent_again(
    struct oracle_flow *f, const struct seen *g, const struct view *v)
{
	if (!v->synchronized || !v->open || oracle_card_waits(f))
		return;
	ask_why(f, g, v);
	ask_how_soon(f, g, v);
	/* RFC 2018 5: SACKed bytes stay, but where the peer forgot them (8),
	 * or memory was too short to note them. */
	if (!f->starved && ranges_touch(&f->sacked, g->s.seq, g->end) &&
	    !ranges_touch(&f->sacked, f->una, f->una + 1))
		oracle_wrong(f, g, "sent again what was SACKed");
}

/* RFC 3168 6.1.2: the first new text after a reduction says CWR. */
static void sent_cwr(
    struct oracle_flow *f, const struct seen *g, const struct view *v)
{
	bool fresh = g->s.len > 0 && g->s.seq == f->top;

	if (!v->ecn || !v->open || oracle_card_waits(f))
		return;
	if (g->s.flags & TCP_CWR && !f->reduced.cwr_due)
		oracle_wrong(f, g, "CWR without a reduction");
	if (fresh && f->reduced.cwr_due && !(g->s.flags & TCP_CWR))
		oracle_wrong(f, g, "CWR is missing");
	if (fresh)
		f->reduced.cwr_due = false;
}

/* --- Reductions ----------------------------------------------------------- */

/* RFC 4015: as if the last one had not been; but who has heard of it has, and a
 * recovery that a timeout cut short may begin anew. */
static void undo_reduction(struct oracle_flow *f)
{
	f->reduced_before.cwr_due &= f->reduced.cwr_due;
	f->reduced = f->reduced_before;
	f->reduced.of_window = false;
}

/* RFC 5681 3.2, RFC 6582 3.2, RFC 3168 6.1.2: once for a window of data.  What
 * was undone does not count; nor what a probe of the tail mended (RFC 8985
 * 7.4.2), since that is a loss of the window before the probe.  An ACK first
 * undoes what a timer did, then tells of losses. */
void oracle_resent_look(
    struct oracle_flow *f, const struct seen *g, const struct view *v)
{
	bool timeout = v->timeouts != f->timeouts_seen;
	bool mended = v->losses != f->losses_seen && !v->in_recovery;

	if (v->undone != f->undone)
		undo_reduction(f);
	f->undone = v->undone;
	f->timeouts_seen = v->timeouts;
	f->losses_seen = v->losses;
	if (v->reductions == f->reductions)
		return;
	if (f->reduced.of_window && seq_lt(v->una, f->reduced.top) && !timeout)
		oracle_wrong(f, g, "reduced twice for one window");
	f->reductions = v->reductions;
	f->reduced_before = f->reduced;
	f->reduced = (struct oracle_reduction){ .top = f->top,
		.any = true,
		.of_window = !mended,
		.cwr_due = true };
}

void oracle_resent_sent(struct oracle_flow *f, const struct seen *g)
{
	struct view v;

	if (oracle_look(f, &v)) {
		oracle_resent_look(f, g, &v);
		sent_cwr(f, g, &v);
		if (seq_lt(g->s.seq, f->top) && !(g->s.flags & TCP_SYN))
			sent_again(f, g, &v);
	}
	note_sending(f, g->s.seq, g->end);
}

void oracle_resent_processed(
    struct oracle_flow *f, const struct seen *g, const struct view *v)
{
	oracle_resent_look(f, g, v);
	/* RFC 3168 6.1.2, where the ACK is of a window not reduced yet. */
	if (v->ecn && g->s.flags & TCP_ECE && !(g->s.flags & TCP_SYN) &&
	    f->una != f->now.una && v->una == f->una &&
	    f->reductions == f->now.reductions &&
	    (!f->reduced.any || seq_lt(f->reduced.top, f->una)))
		oracle_wrong(f, g, "ECE, and no reduction");
	if (!f->sack_agreed && v->in_recovery && !f->in_recovery &&
	    f->dups < DUP_ACK_THRESHOLD)
		oracle_wrong(
		    f, g, "fast recovery after %u duplicates", f->dups);
	f->in_recovery = v->in_recovery;
}

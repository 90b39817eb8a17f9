/* SPDX-License-Identifier: MIT */
/*
 * What TCP sends and when (RFC 9293 3.8.6.2.1, 3.7.4).  Nothing is kept for
 * retransmission but the bytes in sendq: each segment is built afresh.
 */
#include "net/tcp_internal.h"

#include "lib/assert.h"
#include "lib/checksum.h"
#include "lib/string.h"
#include "net/ip.h"
#include "net/pkt.h"
#include "net/sock_internal.h"
#include "net/stack.h"

/* Below this a copy is cheaper than a fragment. */
#define FRAG_MIN 256

/* --- Windows ------------------------------------------------------------- */

/* The largest window that can be told; that of a SYN is not scaled (RFC 7323
 * 2.2). */
static uint32_t window_max(const struct tcp_conn *c)
{
	return tcp_is_synchronized(c) ? TCP_WINDOW_MAX << c->rcv_wscale
	                              : TCP_WINDOW_MAX;
}

/* Receive space that can be promised: what the buffer has left, and less when
 * the pool behind all buffers runs low. */
static uint32_t receive_space(const struct tcp_conn *c)
{
	const struct pool *chunks = &c->stack->chunks;
	uint32_t limit = tcp_rcvbuf(c), max = window_max(c), space;

	if (pool_available(chunks) < chunks->total / 8)
		limit = limit / 8;
	space = limit > c->recvq.len ? limit - c->recvq.len : 0;
	return space < max ? space : max;
}

uint32_t tcp_window_gain(const struct tcp_conn *c)
{
	uint32_t told = c->rcv_adv - c->rcv_nxt;
	uint32_t space = receive_space(c);

	return space > told ? space - told : 0;
}

/*
 * RFC 9293 3.8.6.2.2: the right edge moves by a segment or half the buffer, or
 * not at all, and never back.  It moves to where the scaled field can say it.
 */
uint32_t tcp_update_window(struct tcp_conn *c)
{
	uint32_t told = c->rcv_adv - c->rcv_nxt;
	uint32_t gain = tcp_window_gain(c);
	uint32_t unit = 1u << (tcp_is_synchronized(c) ? c->rcv_wscale : 0);

	if (gain >= c->mss || gain >= tcp_rcvbuf(c) / 2) {
		uint32_t wnd = (told + gain) & ~(unit - 1);

		if (wnd > told)
			c->rcv_adv = c->rcv_nxt + wnd;
	}
	return c->rcv_adv - c->rcv_nxt;
}

/*
 * The field that says so.  RFC 7323 2.4: where it cannot be said exactly it is
 * rounded up while there is space for that, so that the edge stands; where
 * every byte is promised it is rounded down and the peer sees the edge go back
 * by less than a unit, but rcv_adv holds and what arrives before it is taken.
 */
static uint16_t window_field(struct tcp_conn *c)
{
	uint32_t wnd = tcp_update_window(c);
	uint32_t unit = 1u << c->rcv_wscale;
	uint32_t up = (wnd + unit - 1) & ~(unit - 1);

	if (up > wnd && wnd && up <= wnd + tcp_window_gain(c)) {
		c->rcv_adv = c->rcv_nxt + up;
		wnd = up;
	}
	return (uint16_t)(wnd >> c->rcv_wscale);
}

/* --- Building a segment -------------------------------------------------- */

uint32_t tcp_eff_mss(const struct tcp_conn *c)
{
	uint32_t n = tcp_sack_count(c);

	return n ? c->mss - TCP_SACK_BYTES(n) : c->mss;
}

static uint32_t payload_sum(const struct pkt *p)
{
	uint32_t sum = checksum_add(0, p->data, pkt_linear(p));
	size_t offset = pkt_linear(p);

	for (unsigned i = 0; i < p->frag_count; i++) {
		uint16_t run = checksum_fold(
		    checksum_add(0, p->frag[i].data, p->frag[i].len));

		sum = checksum_add_run(sum, run, offset);
		offset += p->frag[i].len;
	}
	return sum;
}

struct header {
	const struct tcp_tuple *t;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window, urgent;
	const struct tcp_options *opt; /* NULL for none */
};

/* Sends [data] behind a header.  Takes p. */
static void transmit(struct pkt *p, const struct header *f)
{
	uint8_t options[TCP_OPTIONS_MAX];
	size_t options_len = f->opt ? tcp_options_write(f->opt, options) : 0;
	size_t header_len = sizeof(struct tcp_hdr) + options_len;
	uint32_t len = (uint32_t)(pkt_len(p) + header_len);
	uint32_t sum = payload_sum(p);
	struct tcp_hdr *h = pkt_push(p, header_len);

	memset(h, 0, sizeof(*h));
	h->src_port = be16_make(f->t->local.port);
	h->dst_port = be16_make(f->t->peer.port);
	h->seq = be32_make(f->seq);
	h->ack = be32_make(f->flags & TCP_ACK ? f->ack : 0);
	h->offset = (uint8_t)(header_len / 4 << 4);
	h->flags = f->flags;
	h->window = be16_make(f->window);
	h->urgent = be16_make(f->urgent);
	memcpy(h + 1, options, options_len);
	sum = checksum_add_run(
	    ip_pseudo_sum(f->t->local.ip, f->t->peer.ip, IP_PROTO_TCP, len),
	    checksum_fold(sum), 0);
	h->checksum =
	    be16_make(checksum_finish(checksum_add(sum, h, header_len)));
	stack_count(p->stack, COUNT_TCP_TX);
	ip_tx(p, f->t->local.ip, f->t->peer.ip, IP_PROTO_TCP);
}

/* Appends a run of the send queue.  Immutable bytes go as fragments; what has
 * to be copied behind a fragment makes the packet linear first. */
static void append_run(struct tcp_conn *c, struct pkt *p, struct byteq_run r)
{
	if (r.borrowed && r.len >= FRAG_MIN && pkt_add_frag(p, r.data, r.len))
		return;
	if (p->frag_count)
		pkt_linearize(p);
	memcpy(pkt_put(p, r.len), r.data, r.len);
	c->stack->count[COUNT_COPIED_TX] += r.len;
}

/* Those of a segment behind the SYNs; SACK blocks as far as text leaves room.
 */
static void conn_options(
    const struct tcp_conn *c, struct tcp_options *o, uint32_t len)
{
	tcp_options_clear(o);
	if (c->ts_ok)
		tcp_ts_option(o, c->ts_offset, c->ts_recent);
	tcp_sack_option(c, o);
	while (o->sack_count && len + TCP_SACK_BYTES(o->sack_count) > c->mss)
		o->sack_count--;
}

/* [seq, seq + len) is about to leave. */
static void count_sent(struct tcp_conn *c, uint32_t seq, uint32_t len)
{
	c->stats.segs_out++;
	if (!len)
		return;
	c->stats.data_segs_out++;
	c->stats.bytes_sent += len;
	if (seq_lt(seq, c->snd_nxt))
		c->stats.bytes_again += len;
}

/* Sends len bytes of sendq from sequence number seq on.  False when there is
 * no packet for it. */
static bool send_segment(
    struct tcp_conn *c, uint32_t seq, uint32_t len, uint8_t flags)
{
	struct tcp_options opt;
	struct header f = { &c->t, seq, c->rcv_nxt, flags | TCP_ACK, 0, 0,
		&opt };
	uint32_t off = seq - c->snd_una;
	struct pkt *p = pkt_alloc(c->stack);

	if (!p)
		return false;
	for (uint32_t done = 0; done < len;) {
		struct byteq_run r = byteq_at(&c->sendq, off + done);

		if (r.len > len - done)
			r.len = len - done;
		append_run(c, p, r);
		done += r.len;
	}
	conn_options(c, &opt, len);
	c->dsack_due = false;
	f.flags |= tcp_ecn_sent(c, p, len && seq == c->snd_nxt && c->snd_wnd);
	f.window = window_field(c);
	p->dont_fragment = !c->may_fragment; /* RFC 1191 section 3 */
	if (tcp_urgent_sending(c, seq)) {
		f.flags |= TCP_URG;
		f.urgent = tcp_urgent_field(c, seq);
	}
	c->last_ack_sent = c->rcv_nxt;
	c->ack_now = false;
	tcp_timer_disarm(c, TCP_TIMER_DELACK);
	count_sent(c, seq, len);
	transmit(p, &f);
	return true;
}

/* --- Segments without data ------------------------------------------------ */

/* Without a packet it is lost, as it might be on the way. */
static bool send_bare(struct stack *st, const struct header *f)
{
	struct pkt *p = pkt_alloc(st);

	if (!p)
		return false;
	p->dont_fragment = true;
	transmit(p, f);
	return true;
}

void tcp_send_bare(struct stack *st, const struct tcp_tuple *t, uint32_t seq,
    uint32_t ack, uint8_t flags)
{
	const struct header f = { t, seq, ack, flags, 0, 0, NULL };

	if (send_bare(st, &f) && flags & TCP_RST)
		stack_count(st, COUNT_TCP_RESETS_SENT);
}

void tcp_send_tw_ack(struct stack *st, const struct tcp_tw *w)
{
	struct tcp_options opt;
	const struct header f = { &w->t, w->snd_nxt, w->rcv_nxt, TCP_ACK, 0, 0,
		&opt };

	tcp_options_clear(&opt);
	if (w->ts_ok)
		tcp_ts_option(&opt, w->ts_offset, w->ts_recent);
	send_bare(st, &f);
}

/* Where a segment without data stands: behind everything sent; but what was
 * sent beyond a closed window may not have been taken. */
static uint32_t bare_seq(const struct tcp_conn *c)
{
	bool closed = !c->snd_wnd && tcp_is_synchronized(c);

	return closed ? c->snd_una : c->snd_nxt;
}

void tcp_send_ack(struct tcp_conn *c)
{
	/* Without a packet it is only late. */
	if (!send_segment(c, bare_seq(c), 0, 0))
		tcp_timer_arm(c, TCP_TIMER_DELACK, clock_ns() + TCP_DELACK_NS);
}

void tcp_send_rst(struct tcp_conn *c)
{
	tcp_send_bare(
	    c->stack, &c->t, bare_seq(c), c->rcv_nxt, TCP_RST | TCP_ACK);
}

void tcp_send_challenge_ack(struct tcp_conn *c)
{
	if (tcp_challenge_allowed(c))
		tcp_send_ack(c);
}

/* [seq, end) has left. */
static void note_sent(
    struct tcp_conn *c, uint32_t seq, uint32_t end, uint64_t now)
{
	tcp_pace_sent(c, end - seq);
	c->last_sent_ns = now;
	if (seq_lt(seq, c->snd_nxt)) {
		stack_count(c->stack, COUNT_TCP_RETRANSMITS);
		c->stats.retransmits++;
		c->rtt_start_ns = 0; /* RFC 6298 section 3, Karn */
	} else if (!c->rtt_start_ns) {
		c->rtt_start_ns = now;
		c->rtt_seq = seq;
	}
	if (seq_lt(c->snd_nxt, end))
		c->snd_nxt = end;
}

uint16_t tcp_our_mss(const struct tcp_conn *c, uint32_t mtu)
{
	uint16_t mss =
	    (uint16_t)(mtu - sizeof(struct ip_hdr) - sizeof(struct tcp_hdr));

	return c->maxseg && c->maxseg < mss ? c->maxseg : mss;
}

void tcp_send_syn_with(struct tcp_conn *c, struct tcp_options *opt)
{
	struct ip_route r;
	struct header f = { &c->t, c->iss, c->rcv_nxt, TCP_SYN, 0, 0, opt };

	if (ip_route(c->stack, c->t.local.ip, c->t.peer.ip, &r))
		return;
	opt->mss = tcp_our_mss(c, r.dev->mtu); /* SHLD-5, MUST-67 */
	f.window = (uint16_t)receive_space(c);
	if (c->state == TCP_SYN_RECEIVED) {
		f.flags |= TCP_ACK;
		f.window = (uint16_t)(c->rcv_adv - c->rcv_nxt);
	}
	f.flags |= tcp_ecn_syn_flags(c);
	c->stats.segs_out++;
	if (send_bare(c->stack, &f))
		c->last_ack_sent = c->rcv_nxt;
}

/* Without a route or a packet the timer will try again. */
void tcp_send_syn(struct tcp_conn *c)
{
	struct tcp_options opt;

	note_sent(c, c->iss, c->iss + 1, clock_ns());
	tcp_timer_ensure(c);
	tcp_options_clear(&opt);
	tcp_syn_options(c, &opt);
	tcp_send_syn_with(c, &opt);
}

/* --- Deciding ------------------------------------------------------------ */

static bool nodelay(const struct tcp_conn *c)
{
	return !c->sock || c->sock->nodelay || c->fin_queued ||
	       tcp_urgent_sending(c, c->snd_nxt);
}

/* The user says that more follows. */
static bool more_follows(const struct tcp_conn *c)
{
	return c->more || (c->sock && c->sock->cork && !c->fin_queued);
}

/*
 * RFC 9293 3.8.6.2.1 with Nagle's rule (3.7.4): is this segment worth sending
 * now?  off is its place in the queue.  Deviation: a partial segment waits for
 * the ACK of an earlier partial one, not of any text (Minshall's variant), or
 * the end of each large write would wait for a delayed ACK of what goes before.
 */
static bool worth_sending(const struct tcp_conn *c, uint32_t off, uint32_t len)
{
	bool small_out = seq_lt(c->snd_una, c->snd_small);

	if (len >= tcp_eff_mss(c))
		return true;
	if (off + len == c->sendq.len && !more_follows(c) &&
	    (nodelay(c) || !off || !small_out))
		return true;
	return len >= c->max_snd_wnd / 2 && c->max_snd_wnd / 2;
}

/* A segment to be sent. */
struct piece {
	struct tcp_sent *again; /* or NULL: new */
	uint32_t seq, len;      /* of data */
	uint8_t flags;
};

static uint32_t piece_end(const struct piece *s)
{
	return s->seq + s->len + !!(s->flags & TCP_FIN);
}

/* The bytes from r, or the first new one, on that one segment may hold and the
 * peer's window takes, up to `limit`, with FIN when it comes to that. */
static struct piece piece_at(
    const struct tcp_conn *c, struct tcp_sent *r, uint32_t limit)
{
	struct piece s = { .again = r, .seq = r ? r->seq : c->snd_nxt };
	uint32_t off = s.seq - c->snd_una;
	uint32_t n = off < c->sendq.len ? c->sendq.len - off : 0;
	bool last;

	n = min_u32(n, min_u32(tcp_eff_mss(c), limit));
	s.len = min_u32(n, c->snd_wnd > off ? c->snd_wnd - off : 0);
	last = off + s.len == c->sendq.len;
	if (last && s.len)
		s.flags |= TCP_PSH; /* MUST-61 */
	/* Beyond a closed window too: it serves as the probe. */
	if (last && c->fin_queued && s.len < limit)
		s.flags |= TCP_FIN;
	return s;
}

static uint32_t cwnd_room(const struct tcp_conn *c)
{
	uint32_t pipe = tcp_pipe(c);

	return c->cwnd > pipe ? c->cwnd - pipe : 0;
}

/* What was lost (RFC 6675 4, NextSeg 1), when the window takes all of it.  The
 * last record is filled up with what follows. */
static bool next_lost(const struct tcp_conn *c, struct piece *s)
{
	struct tcp_sent *r = tcp_sent_first_lost(&c->sent);
	uint32_t room = cwnd_room(c), limit;

	if (!r)
		return false;
	limit = r->end - r->seq;
	if (r->end == c->snd_nxt)
		limit = max_u32(limit, room);
	*s = piece_at(c, r, limit);
	return piece_end(s) != s->seq && s->len <= room;
}

/* New data. */
static bool next_new(const struct tcp_conn *c, bool force, struct piece *s)
{
	uint32_t off = c->snd_nxt - c->snd_una;

	if (off >= c->sendq.len + c->fin_queued)
		return false; /* all is out */
	*s = piece_at(c, NULL, cwnd_room(c));
	if (s->flags & TCP_FIN)
		return true;
	return s->len && (force || worth_sending(c, off, s->len));
}

/* New text has left. */
static void note_new_text(struct tcp_conn *c, const struct piece *s)
{
	if (!s->len)
		return;
	if (s->len < tcp_eff_mss(c))
		c->snd_small = s->seq + s->len;
	tcp_ack_answered(c);
}

/* Sends it and notes that in the send map.  False without a packet. */
static bool send_piece(struct tcp_conn *c, const struct piece *s)
{
	uint32_t end = piece_end(s);
	uint32_t before = tcp_pipe(c);
	uint64_t now;

	if (!send_segment(c, s->seq, s->len, s->flags))
		return false;
	now = clock_ns();
	if (s->again) {
		tcp_sent_again(&c->sent, s->again, end, now);
		tcp_recover_sent_again(c, s->seq, end);
	} else {
		tcp_sent_add(&c->sent, s->seq, end, now);
		note_new_text(c, s);
	}
	note_sent(c, s->seq, end, now);
	c->prr_out += tcp_pipe(c) - before;
	return true;
}

static bool may_send_data(const struct tcp_conn *c)
{
	return tcp_is_synchronized(c) && c->state != TCP_FIN_WAIT_2 &&
	       c->state != TCP_TIME_WAIT && !c->ecn_hold;
}

/* Whether the device takes another packet; else we are called back. */
static bool device_has_room(struct tcp_conn *c)
{
	struct ip_route r;

	if (ip_route(c->stack, c->t.local.ip, c->t.peer.ip, &r))
		return false;
	if (netdev_room(r.dev))
		return true;
	netdev_wait_room(r.dev, &c->room_wait);
	return false;
}

/* While something is lost no new data overtakes it, but for F-RTO (RFC 5682 2.1
 * step 2b). */
static bool next_piece(const struct tcp_conn *c, bool force, struct piece *s)
{
	if (c->frto != TCP_FRTO_NEW && tcp_sent_first_lost(&c->sent))
		return next_lost(c, s);
	return next_new(c, force, s);
}

static void output(struct tcp_conn *c, bool force)
{
	struct piece s;

	tcp_pmtu_age(c);
	if (c->sendq.len)
		tcp_cc_idle(c);
	if (c->frto == TCP_FRTO_NEW && c->snd_nxt == c->recover &&
	    !next_new(c, force, &s))
		c->frto = TCP_FRTO_OFF; /* RFC 5682 2.1 step 2b: without news */
	while (may_send_data(c) && next_piece(c, force, &s)) {
		if (!tcp_pace_allows(c) || !device_has_room(c) ||
		    !send_piece(c, &s))
			break;
		force = false;
	}
	if (c->ack_now)
		tcp_send_ack(c);
	tcp_timer_ensure(c);
}

void tcp_output(struct tcp_conn *c)
{
	output(c, false);
}

void tcp_output_forced(struct tcp_conn *c)
{
	output(c, true);
}

void tcp_send_tlp(struct tcp_conn *c)
{
	bool fin_out = c->snd_nxt - c->snd_una > c->sendq.len, sent;
	struct piece s = { 0 };

	if (!fin_out)
		s = piece_at(c, NULL, UINT32_MAX);
	if (!s.len && !(s.flags & TCP_FIN))
		s = piece_at(
		    c, tcp_sent_tail(&c->sent, tcp_eff_mss(c)), UINT32_MAX);
	sent =
	    piece_end(&s) != s.seq && device_has_room(c) && send_piece(c, &s);
	if (sent)
		stack_count(c->stack, COUNT_TCP_LOSS_PROBES);
	/* One that may not leave, since the window shrank or the card is full,
	 * counts as well: the timeout is next. */
	c->tlp_out = true;
	c->tlp_again = sent && s.again;
	c->tlp_end = c->snd_nxt;
}

void tcp_send_probe(struct tcp_conn *c)
{
	struct piece s = { .seq = c->snd_una, .len = 1 };

	stack_count(c->stack, COUNT_TCP_PROBES);
	if (c->snd_nxt == c->snd_una)
		send_piece(c, &s);
	else
		send_segment(c, s.seq, s.len, s.flags);
}

/* SHLD-12: without data. */
void tcp_send_keepalive(struct tcp_conn *c)
{
	stack_count(c->stack, COUNT_TCP_KEEPALIVES);
	send_segment(c, c->snd_nxt - 1, 0, 0);
}

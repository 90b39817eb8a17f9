/* SPDX-License-Identifier: MIT */
/*
 * A segment arrives: RFC 9293 section 3.10.7, in its order, one function for
 * each step.  A step that ends the processing returns false; when it drops the
 * segment it says why in s->why.
 */
#include "net/tcp_internal.h"

#include "lib/assert.h"
#include "lib/checksum.h"
#include "lib/errno.h"
#include "net/ip.h"
#include "net/pkt.h"
#include "net/sock_internal.h"
#include "net/stack.h"

static_assert(sizeof(struct tcp_hdr) == 20, "RFC 9293 3.1");

/* --- 3.10.7.1: no connection --------------------------------------------- */

/* A reset that the sender of s will believe. */
static void reset_sender(struct stack *st, const struct tcp_seg *s)
{
	if (s->flags & TCP_ACK)
		tcp_send_bare(st, &s->t, s->ack, 0, TCP_RST);
	else
		tcp_send_bare(st, &s->t, 0, s->seq + s->len, TCP_RST | TCP_ACK);
}

void tcp_closed_rx(struct stack *st, struct tcp_seg *s)
{
	s->why = DROP_TCP_NO_CONN;
	if (!(s->flags & TCP_RST))
		reset_sender(st, s);
}

/* --- The peer's SYN ------------------------------------------------------ */

/* The offered MSS, or the default (MUST-15); never more than our link takes,
 * never so small that headers are all there is. */
static void set_mss(struct tcp_conn *c, uint16_t offered)
{
	uint16_t mss = offered ? offered : TCP_MSS_DEFAULT;
	struct ip_route r;
	uint16_t ours = TCP_MSS_DEFAULT;

	if (!ip_route(c->stack, c->t.local.ip, c->t.peer.ip, &r))
		ours = (uint16_t)(r.dev->mtu - sizeof(struct ip_hdr) -
		                  sizeof(struct tcp_hdr));
	if (c->maxseg && mss > c->maxseg)
		mss = c->maxseg;
	if (mss < TCP_MSS_MIN)
		mss = TCP_MSS_MIN;
	c->mss_max = mss < ours ? mss : ours;
	tcp_pmtu_set_mss(c);
	tcp_cc_init(c);
}

static void set_window(struct tcp_conn *c, const struct tcp_seg *s)
{
	c->snd_wnd = s->wnd;
	if (!tcp_is_synchronized(c) || seq_lt(c->snd_wl1, s->seq))
		c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	if (s->wnd > c->max_snd_wnd)
		c->max_snd_wnd = s->wnd;
}

static void start_receiving(struct tcp_conn *c, const struct tcp_seg *s)
{
	c->irs = s->seq;
	c->rcv_nxt = s->seq + 1;
	c->rcv_adv = c->rcv_nxt;
	c->last_ack_sent =
	    c->rcv_nxt; /* by the SYN-ACK or the handshake's ACK */
	tcp_update_window(c);
}

void tcp_their_syn(struct tcp_conn *c, const struct tcp_seg *s)
{
	tcp_agree(c, &s->opt);
	tcp_ecn_agree(c, s);
	start_receiving(c, s);
	set_mss(c, s->opt.mss);
	set_window(c, s);
}

/* --- 3.10.7.3: SYN-SENT -------------------------------------------------- */

static bool syn_sent_ack_ok(const struct tcp_conn *c, const struct tcp_seg *s)
{
	return seq_lt(c->iss, s->ack) && seq_le(s->ack, c->snd_nxt);
}

static void syn_acked(struct tcp_conn *c, const struct tcp_seg *s)
{
	tcp_cc_opened(c);
	tcp_keep_heard(c);
	c->snd_una = s->ack;
	tcp_rtt_sample(c);
	tcp_timer_progress(c);
}

static void enter_established(struct tcp_conn *c)
{
	/* A user who was done before the handshake was. */
	c->state = c->fin_queued ? TCP_FIN_WAIT_1 : TCP_ESTABLISHED;
	if (c->ecn_ok)
		stack_count(c->stack, COUNT_TCP_ECN_AGREED);
	if (c->sock)
		tcp_keep_update(c);
}

static void text_and_fin(struct tcp_conn *c, struct tcp_seg *s);

/* The SYN is done: what else the segment holds stands one number on. */
static void strip_syn(struct tcp_seg *s)
{
	s->flags &= (uint8_t)~TCP_SYN;
	s->seq++;
	s->len--;
	s->urgent -= s->urgent > 0;
}

static void syn_sent_rx(struct tcp_conn *c, struct tcp_seg *s)
{
	/* First: the ACK bit. */
	if (s->flags & TCP_ACK && !syn_sent_ack_ok(c, s)) {
		s->why = DROP_TCP_ACK;
		if (!(s->flags & TCP_RST))
			reset_sender(c->stack, s);
		return;
	}
	/* Second: the RST bit, believed only with a good ACK. */
	if (s->flags & TCP_RST) {
		if (s->flags & TCP_ACK) {
			stack_count(c->stack, COUNT_TCP_RESETS_RECEIVED);
			tcp_conn_end(c, -ECONNREFUSED);
		} else {
			s->why = DROP_TCP_FLAGS;
		}
		return;
	}
	/* Fourth: the SYN bit.  Fifth: neither. */
	if (!(s->flags & TCP_SYN)) {
		s->why = DROP_TCP_FLAGS;
		return;
	}
	tcp_their_syn(c, s);
	if (!(s->flags & TCP_ACK)) {
		/* Simultaneous open (3.5, figure 8). */
		c->state = TCP_SYN_RECEIVED;
		tcp_send_syn(c);
		return;
	}
	syn_acked(c, s);
	enter_established(c);
	c->ack_now = true;
	tcp_sock_established(c);
	/* The rest of it goes on at the sixth step of 3.10.7.4. */
	strip_syn(s);
	tcp_urgent_step(c, s);
	text_and_fin(c, s);
}

/* --- 3.10.7.4, first: the sequence number -------------------------------- */

/* Table 6: the four cases. */
static bool sequence_acceptable(
    const struct tcp_conn *c, const struct tcp_seg *s)
{
	uint32_t wnd = c->rcv_adv - c->rcv_nxt;
	uint32_t last = s->seq + s->len - 1;

	if (!s->len)
		return wnd ? s->seq - c->rcv_nxt < wnd : s->seq == c->rcv_nxt;
	return wnd && (s->seq - c->rcv_nxt < wnd || last - c->rcv_nxt < wnd);
}

/*
 * A segment that is not acceptable although its ACK field may be news:
 * - a closed window takes no data, but valid ACKs (MUST-66);
 * - Deviation: an old duplicate, which the RFC drops whole.  Two peers that
 *   probe each other's closed windows and lost the answers have nothing else
 *   left to go on with.
 */
static bool only_ack_counts(const struct tcp_conn *c, const struct tcp_seg *s)
{
	uint32_t behind = c->rcv_nxt - s->seq;

	if (s->flags & TCP_SYN || !(s->flags & TCP_ACK))
		return false;
	if (s->seq == c->rcv_nxt)
		return c->rcv_adv == c->rcv_nxt;
	return behind >= s->len && behind <= TCP_WINDOW_MAX << c->rcv_wscale;
}

/* RFC 2883 4.1: a segment that came whole before. */
static void note_old_text(struct tcp_conn *c, const struct tcp_seg *s)
{
	uint32_t end = s->seq + (uint32_t)pkt_linear(s->p);

	if (!(s->flags & TCP_SYN) && seq_le(end, c->rcv_nxt))
		tcp_note_duplicate(c, s->seq, end);
}

/* RFC 9293: an acknowledgment in reply; for a SYN alone our SYN-ACK, which was
 * lost. */
static void answer_unacceptable(struct tcp_conn *c, const struct tcp_seg *s)
{
	note_old_text(c, s);
	if (c->state == TCP_SYN_RECEIVED && s->flags & TCP_SYN)
		tcp_send_syn(c);
	else if (pkt_linear(s->p) || s->flags & TCP_FIN)
		tcp_send_ack(c);
	else
		tcp_send_challenge_ack(c);
}

/* Simultaneous open (3.5, figure 8): the SYN is known, but comes with the ACK
 * that completes our side.  What is left of the segment is that ACK. */
static void strip_crossing_syn(struct tcp_conn *c, struct tcp_seg *s)
{
	if (c->state != TCP_SYN_RECEIVED || c->listener || s->seq != c->irs ||
	    (s->flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK))
		return;
	strip_syn(s);
	c->ack_now = true;
}

/*
 * RFC 7323 3.2, 5.3 R1, before the sequence number counts.  Deviation: 3.2
 * SHOULD drop every segment without timestamps but RST; a SYN goes on to be
 * challenged, or a peer that forgot the connection would never learn of it.
 * The ACK of our SYN-ACK may lack them when a box on the way took ours out.
 */
static bool timestamp_step(struct tcp_conn *c, struct tcp_seg *s)
{
	if (!c->ts_ok || s->flags & TCP_RST)
		return true;
	if (!s->opt.has_ts) {
		if (s->flags & TCP_SYN || c->state == TCP_SYN_RECEIVED)
			return true;
		s->why = DROP_TCP_NO_TIMESTAMP;
		return false;
	}
	if (!tcp_ts_is_old(c->ts_recent, c->ts_recent_age_ns, s->opt.ts_val))
		return true;
	s->why = DROP_TCP_PAWS;
	answer_unacceptable(c, s);
	return false;
}

static bool sequence_step(struct tcp_conn *c, struct tcp_seg *s)
{
	strip_crossing_syn(c, s);
	if (s->flags & TCP_RST) {
		/* RFC 5961 section 3: only where it starts counts; data in it
		 * is a message for people (SHLD-2). */
		pkt_trim(s->p, 0);
		s->len = 0;
	}
	if (sequence_acceptable(c, s))
		return true;
	stack_count(c->stack, COUNT_TCP_DUPLICATE);
	if (s->flags & TCP_RST) {
		s->why = DROP_TCP_SEQUENCE;
		return false;
	}
	answer_unacceptable(c, s);
	if (!only_ack_counts(c, s)) {
		s->why = DROP_TCP_SEQUENCE;
		return false;
	}
	pkt_trim(s->p, 0);
	s->flags &= (uint8_t)~TCP_FIN;
	return true;
}

/* --- Second: the RST bit (with RFC 5961 section 3) ------------------------ */

static bool rst_step(struct tcp_conn *c, struct tcp_seg *s)
{
	if (!(s->flags & TCP_RST))
		return true;
	if (s->seq != c->rcv_nxt) {
		s->why = DROP_TCP_SEQUENCE;
		tcp_send_challenge_ack(c);
		return false;
	}
	stack_count(c->stack, COUNT_TCP_RESETS_RECEIVED);
	if (c->state == TCP_SYN_RECEIVED)
		tcp_conn_end(c, -ECONNREFUSED);
	else if (c->state >= TCP_CLOSING)
		tcp_conn_end(c, 0);
	else
		tcp_conn_end(c, -ECONNRESET);
	return false;
}

/* --- Fourth: the SYN bit (with RFC 5961 section 4) ------------------------ */

static bool syn_step(struct tcp_conn *c, struct tcp_seg *s)
{
	if (!(s->flags & TCP_SYN))
		return true;
	s->why = DROP_TCP_FLAGS;
	if (c->state == TCP_SYN_RECEIVED && c->listener)
		tcp_conn_end(c, 0); /* back to LISTEN */
	else
		tcp_send_challenge_ack(c);
	return false;
}

/* --- Fifth: the ACK field ------------------------------------------------ */

static bool syn_received_ack(struct tcp_conn *c, struct tcp_seg *s)
{
	if (!seq_lt(c->snd_una, s->ack) || !seq_le(s->ack, c->snd_nxt)) {
		s->why = DROP_TCP_ACK;
		reset_sender(c->stack, s);
		return false;
	}
	if (c->ts_ok && !s->opt.has_ts) {
		c->ts_ok = false; /* the peer did not see ours */
		tcp_pmtu_set_mss(c);
	}
	tcp_sock_established(c);
	set_window(c, s);
	syn_acked(c, s);
	enter_established(c);
	return true;
}

/* RFC 5681 section 2: what counts as a duplicate acknowledgment. */
static bool is_dup_ack(const struct tcp_conn *c, const struct tcp_seg *s)
{
	return s->ack == c->snd_una && c->snd_nxt != c->snd_una && !s->len &&
	       s->wnd == c->snd_wnd && c->snd_wnd;
}

static void follow(uint32_t *mark, uint32_t seq)
{
	if (seq_lt(*mark, seq))
		*mark = seq;
}

/* Numbers of the past, that those of today are compared with, follow SND.UNA,
 * a step behind: farther than half the circle, the comparison would turn
 * round. */
static void drag_marks(struct tcp_conn *c)
{
	follow(&c->snd_small, c->snd_una);
	follow(&c->recover, c->snd_una);
	follow(&c->reduced.end, c->snd_una);
	follow(&c->rack.dsack_round_end, c->snd_una);
}

/* SND.UNA moves. */
static void take_acked(struct tcp_conn *c, uint32_t ack)
{
	uint32_t bytes = ack - c->snd_una;

	if (bytes > c->sendq.len) {
		bytes = c->sendq.len;
		c->fin_acked = true;
	}
	tcp_drop_acked(c, bytes);
	drag_marks(c);
	c->snd_una = ack;
	tcp_urgent_acked(c);
	if (c->rtt_start_ns && seq_lt(c->rtt_seq, ack))
		tcp_rtt_sample(c);
}

static void acknowledge(struct tcp_conn *c, const struct tcp_seg *s)
{
	struct tcp_ack a = { .acked = s->ack - c->snd_una,
		.prior_pipe = tcp_pipe(c),
		.dup = is_dup_ack(c, s) };
	bool could_write = tcp_sock_can_write(c);

	tcp_pmtu_note_ack(c, s->ack);
	tcp_recover_note_ack(c, s, &a);
	if (a.acked) {
		tcp_ts_sample(c, s, &a);
		take_acked(c, s->ack);
	}
	a.ece = tcp_ecn_ack(c, s, a.prior_pipe);
	tcp_recover_ack(c, s, &a);
	c->stats.bytes_delivered += a.delivered;
	c->stats.dsacks += a.dsack;
	if (!a.acked)
		return;
	c->stats.bytes_acked += a.acked;
	tcp_tune_acked(c);
	tcp_timer_progress(c);
	if (!could_write)
		tcp_sock_writable(c);
}

/*
 * 3.10.7.4: "the send window should be updated", and the wl1, wl2 rule that
 * keeps old segments from doing it.  Deviation: a segment that moves SND.UNA is
 * the latest word of the peer whatever its number is (text that is sent again
 * has an old one); with its ACK but an older window the right edge would lie
 * beyond what the peer offered.
 */
static void window_update(
    struct tcp_conn *c, const struct tcp_seg *s, bool advanced)
{
	uint32_t wl1 = c->snd_wl1;

	if (seq_lt(s->seq, wl1) ? !advanced
	                        : s->seq == wl1 && seq_lt(s->ack, c->snd_wl2))
		return;
	/* A window that opens: what waited goes at once, and its timer is not
	 * the one of the probes. */
	if (!c->snd_wnd && s->wnd) {
		tcp_timer_restart(c);
		tcp_recover_window_opened(c);
	}
	set_window(c, s);
	if (seq_lt(s->seq, wl1))
		c->snd_wl1 = wl1;
}

/* Which states our acknowledged FIN leads to.  False when c is gone. */
static bool fin_acked_step(struct tcp_conn *c)
{
	if (!c->fin_acked)
		return true;
	switch (c->state) {
	case TCP_FIN_WAIT_1:
		c->state = TCP_FIN_WAIT_2;
		if (c->sock) /* close may wait for this (SO_LINGER) */
			sock_wake(c->sock, 0);
		tcp_timer_ensure(c);
		return true;
	case TCP_CLOSING:
		tcp_conn_time_wait(c);
		return false;
	case TCP_LAST_ACK:
		tcp_conn_end(c, 0);
		return false;
	default:
		return true;
	}
}

static bool ack_step(struct tcp_conn *c, struct tcp_seg *s)
{
	if (!(s->flags & TCP_ACK)) {
		s->why = DROP_TCP_FLAGS;
		return false;
	}
	if (c->state == TCP_SYN_RECEIVED && !syn_received_ack(c, s))
		return false;
	/* RFC 5961 section 5: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT. */
	if (seq_lt(c->snd_nxt, s->ack) ||
	    seq_lt(s->ack, c->snd_una - c->max_snd_wnd)) {
		s->why = DROP_TCP_ACK;
		tcp_send_challenge_ack(c);
		return false;
	}
	/* RFC 7323 5.3 R3, not before the ACK field shows that this is no blind
	 * guess, which could make all that the peer says look old. */
	if (sequence_acceptable(c, s))
		tcp_ts_note(c, s);
	tcp_keep_heard(c);
	/* It answers our probes; but nobody waits for an orphan (R2). */
	if (!c->snd_wnd && !tcp_is_orphan(c))
		c->silent_since_ns = 0;
	if (!seq_lt(s->ack, c->snd_una)) {
		bool advanced = s->ack != c->snd_una;

		acknowledge(c, s);
		window_update(c, s, advanced);
	}
	return fin_acked_step(c);
}

/* --- Seventh: the segment text ------------------------------------------- */

/* Stores in-order data; returns how much found room. */
static uint32_t store(struct tcp_conn *c, const uint8_t *data, uint32_t len)
{
	uint32_t done = len;

	/* The user shut the receiving side: the data goes nowhere. */
	if (!c->sock || !c->sock->shut_rd)
		done = byteq_write(c->stack, &c->recvq, data, len);
	c->rcv_nxt += done;
	c->stats.bytes_received += done;
	c->stack->count[COUNT_COPIED_RX] += done;
	return done;
}

/* Whether everything before and in the FIN at the end of [seq, seq+len) is
 * there. */
static void note_fin(struct tcp_conn *c, bool fin, uint32_t end)
{
	if (fin && c->rcv_nxt == end && !c->fin_received) {
		c->fin_received = true;
		c->rcv_nxt++;
		if (c->rcv_adv == end)
			c->rcv_adv++; /* never behind rcv_nxt */
		tcp_urgent_fin(c);
		tcp_ooo_drop(c); /* what claims to lie behind it */
		c->ack_now = true;
	}
}

/* Takes kept text that now continues the stream. */
static void take_out_of_order(struct tcp_conn *c)
{
	bool fin;

	while (tcp_ooo_take(c, &fin))
		note_fin(c, fin, c->rcv_nxt);
}

/* Cuts what lies left of rcv_nxt and right of the window. */
static void trim_to_window(struct tcp_conn *c, struct tcp_seg *s)
{
	uint32_t old = c->rcv_nxt - s->seq;
	uint32_t room;

	if (seq_lt(s->seq, c->rcv_nxt)) {
		if (old > pkt_linear(s->p))
			old = (uint32_t)pkt_linear(s->p);
		tcp_note_duplicate(c, s->seq, s->seq + old);
		pkt_pull(s->p, old);
		s->seq += old;
		c->ack_now |= old > 0;
	}
	room = c->rcv_adv - s->seq;
	if (pkt_linear(s->p) + !!(s->flags & TCP_FIN) > room) {
		if (pkt_linear(s->p) >= room)
			s->flags &= (uint8_t)~TCP_FIN;
		pkt_trim(s->p, room);
	}
}

static bool takes_text(const struct tcp_conn *c)
{
	return c->state == TCP_ESTABLISHED || c->state == TCP_FIN_WAIT_1 ||
	       c->state == TCP_FIN_WAIT_2;
}

static void text_step(struct tcp_conn *c, struct tcp_seg *s)
{
	bool fin = s->flags & TCP_FIN;
	uint32_t len = (uint32_t)pkt_linear(s->p), done;

	if (s->seq != c->rcv_nxt) {
		if ((len || fin) && !tcp_ooo_keep(c, s))
			s->why = DROP_TCP_OOO_FULL;
		c->ack_now |= len || fin; /* RFC 5681 4.2: at once */
		tcp_ack_quickly(c);
		return;
	}
	tcp_ooo_overlap(c, s->seq + len);
	done = len ? store(c, s->p->data, len) : 0;
	if (done < len) {
		if (!done)
			s->why = DROP_TCP_NO_MEMORY;
		c->ack_now = true;
		return;
	}
	note_fin(c, fin, s->seq + len);
	/* RFC 5681 4.2: what fills a gap, or a part of it. */
	c->ack_now |= len && c->ooo_len;
	if (len)
		tcp_ack_text(c, len);
	take_out_of_order(c);
}

/* --- Eighth: the FIN bit ------------------------------------------------- */

/* False when c is gone. */
static bool fin_step(struct tcp_conn *c)
{
	if (!c->fin_received)
		return true;
	switch (c->state) {
	case TCP_ESTABLISHED:
		c->state = TCP_CLOSE_WAIT;
		break;
	case TCP_FIN_WAIT_1:
		c->state = TCP_CLOSING;
		break;
	case TCP_FIN_WAIT_2:
		tcp_send_ack(c);
		tcp_conn_time_wait(c);
		return false;
	}
	return true;
}

/* RFC 9293 3.6.1, SHLD-3: data for a user who is gone is answered
 * with a reset, so that the peer learns that it was lost. */
static bool orphan_text(struct tcp_conn *c, struct tcp_seg *s)
{
	uint32_t end = s->seq + (uint32_t)pkt_linear(s->p);

	if (!tcp_is_orphan(c) || !pkt_linear(s->p) || seq_le(end, c->rcv_nxt))
		return false;
	s->why = DROP_TCP_CLOSED;
	tcp_send_rst(c);
	tcp_conn_end(c, 0);
	return true;
}

/* Seventh and eighth step, then whatever there is to say. */
static void text_and_fin(struct tcp_conn *c, struct tcp_seg *s)
{
	uint32_t before = c->rcv_nxt;

	if (takes_text(c)) {
		if (orphan_text(c, s))
			return;
		trim_to_window(c, s);
		tcp_ecn_rx(c, s);
		text_step(c, s);
		if (c->rcv_nxt != before)
			tcp_sock_readable(c);
		if (!fin_step(c))
			return;
	} else if (s->flags & TCP_FIN) {
		c->ack_now = true; /* the FIN again: our ACK was lost */
	}
	tcp_output(c);
}

void tcp_conn_rx(struct tcp_conn *c, struct tcp_seg *s)
{
	c->stats.segs_in++;
	c->stats.data_segs_in += pkt_linear(s->p) > 0;
	if (c->state == TCP_SYN_SENT) {
		syn_sent_rx(c, s);
		return;
	}
	/* RFC 7323 2.2, 2.3: only the window of a SYN is never scaled. */
	if (!(s->flags & TCP_SYN))
		s->wnd <<= c->snd_wscale;
	/* Third, security, does not apply. */
	if (timestamp_step(c, s) && sequence_step(c, s) && rst_step(c, s) &&
	    syn_step(c, s) && ack_step(c, s)) {
		tcp_urgent_step(c, s);
		text_and_fin(c, s);
	}
}

/* --- 3.10.7: the segment and its connection ------------------------------- */

/* Options that only a SYN may bring are no options elsewhere. */
static void parse_options(struct tcp_seg *s, const uint8_t *bytes, size_t len)
{
	tcp_options_parse(&s->opt, bytes, len);
	if (s->flags & TCP_SYN)
		return;
	s->opt.mss = 0;
	s->opt.wscale = TCP_NO_WSCALE;
	s->opt.sack_permitted = false;
}

static void parse_header(struct tcp_seg *s, const struct tcp_hdr *h)
{
	s->t.local.ip = s->p->ip_dst;
	s->t.local.port = be16_get(h->dst_port);
	s->t.peer.ip = s->p->ip_src;
	s->t.peer.port = be16_get(h->src_port);
	s->seq = be32_get(h->seq);
	s->ack = be32_get(h->ack);
	s->wnd = be16_get(h->window);
	s->urgent = be16_get(h->urgent);
	s->flags = h->flags;
}

/* Checks [tcp][data] and leaves [data].  Returns the reason to drop. */
static enum drop_reason parse(struct pkt *p, struct tcp_seg *s)
{
	const struct tcp_hdr *h = (const struct tcp_hdr *)p->data;
	size_t len = pkt_linear(p), header_len;
	uint32_t sum;

	if (len < sizeof(*h))
		return DROP_TCP_SHORT;
	header_len = (size_t)(h->offset >> 4) * 4;
	if (header_len < sizeof(*h) || header_len > len)
		return DROP_TCP_SHORT;
	sum = ip_pseudo_sum(p->ip_src, p->ip_dst, IP_PROTO_TCP, (uint32_t)len);
	if (!p->loopback && checksum_finish(checksum_add(sum, h, len)))
		return DROP_TCP_CHECKSUM; /* MUST-3 */
	/* RFC 9293 3.9.2.3, MUST-57, MUST-63: no broadcast, no multicast. */
	if (p->link_broadcast || ip_is_broadcast(p->stack, p->ip_dst))
		return DROP_TCP_BROADCAST;
	parse_header(s, h);
	if (!s->t.peer.port || !s->t.local.port)
		return DROP_TCP_PORT_ZERO;
	parse_options(s, (const uint8_t *)(h + 1), header_len - sizeof(*h));
	pkt_pull(p, header_len);
	s->len = (uint32_t)pkt_linear(p) + !!(s->flags & TCP_SYN) +
	         !!(s->flags & TCP_FIN);
	return DROP_COUNT;
}

static void dispatch(struct stack *st, struct tcp_seg *s)
{
	struct tcp_conn *c = tcp_conn_find(st, &s->t);
	struct sock *listener;
	struct tcp_tw *w;

	if (c && !tcp_listen_prefers_cookie(c, s)) {
		tcp_conn_rx(c, s);
		return;
	}
	w = tcp_tw_find(st, &s->t);
	if (w) {
		tcp_tw_rx(st, w, s);
		return;
	}
	listener = tcp_listener_find(st, s->t.local.ip, s->t.local.port);
	if (listener)
		tcp_listen_rx(listener, s, NULL);
	else
		tcp_closed_rx(st, s);
}

void tcp_rx(struct pkt *p)
{
	struct tcp_seg s = { .p = p };
	struct stack *st = p->stack;

	s.why = parse(p, &s);
	stack_count(st, COUNT_TCP_RX);
	if (s.why == DROP_COUNT)
		dispatch(st, &s);
	if (s.why == DROP_COUNT)
		pkt_delivered(p);
	else
		pkt_drop(p, s.why);
}

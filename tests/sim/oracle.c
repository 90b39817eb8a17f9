/* SPDX-License-Identifier: MIT */
#include "tests/sim/oracle_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/host/arch_host.h"
#include "lib/checksum.h"
#include "net/ip.h"
#include "net/sock_internal.h"
#include "net/stack.h"

#define BUCKETS    1024
#define RING_FIRST (1u << 14)
#define RTO_CAP_NS (59 * NS_PER_S)

/* --- Saying it ----------------------------------------------------------- */

void oracle_wrong(
    struct oracle_flow *f, const struct seen *g, const char *fmt, ...)
{
	char text[256];
	int n = snprintf(text, sizeof(text),
	    "oracle: side %u port %u seq %u len %zu ack %u: ", f->side,
	    f->t.local.port, g->s.seq - f->isn, g->s.len,
	    f->acked ? g->s.ack - f->base : 0);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	f->o->fail(f->o->ctx, text);
}

/* --- Reading ------------------------------------------------------------- */

static uint32_t word_at(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | b[2] << 8 | b[3];
}

static void read_option(struct seen *g, const uint8_t *b)
{
	if (b[0] == 3 && b[1] == 3) {
		g->has_scale = true;
		g->scale = b[2] > 14 ? 14 : b[2];
	} else if (b[0] == 4 && b[1] == 2) {
		g->sack_ok = true;
	} else if (b[0] == 8 && b[1] == 10) {
		g->has_ts = true;
		g->ts_val = word_at(b + 2);
		g->ts_ecr = word_at(b + 6);
	} else if (b[0] == 5 && b[1] % 8 == 2) {
		for (unsigned i = 2; i < b[1] && g->sacks < 4; i += 8)
			g->sack[g->sacks++] = (struct range){ word_at(b + i),
				word_at(b + i + 4) };
	}
}

static void read_options(struct seen *g, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len && b[i] != 0;) {
		if (b[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= len || b[i + 1] < 2 || b[i + 1] > len - i)
			return;
		read_option(g, b + i);
		i += b[i + 1];
	}
}

/* False for what is no segment, or was damaged on the way. */
static bool read_segment(const uint8_t *frame, size_t len, struct seen *g)
{
	const struct ip_hdr *ip = (const struct ip_hdr *)(frame + 14);
	const uint8_t *tcp = (const uint8_t *)(ip + 1);
	size_t total;
	uint32_t sum;

	memset(g, 0, sizeof(*g));
	if (!wire_parse(frame, len, &g->s) || ip->version_ihl != 0x45)
		return false;
	total = be16_get(ip->total_len);
	if (total > len - 14 ||
	    checksum_finish(checksum_add(0, ip, sizeof(*ip))) != 0)
		return false;
	total -= sizeof(*ip);
	sum = ip_pseudo_sum(
	    g->s.src_ip, g->s.dst_ip, IP_PROTO_TCP, (uint32_t)total);
	if (checksum_finish(checksum_add(sum, tcp, total)) != 0)
		return false;
	g->ecn = ip->tos & 3;
	g->end = g->s.seq + (uint32_t)g->s.len + !!(g->s.flags & TCP_SYN) +
	         !!(g->s.flags & TCP_FIN);
	read_options(g, tcp + sizeof(struct tcp_hdr),
	    (size_t)(g->s.data - tcp) - sizeof(struct tcp_hdr));
	return true;
}

static struct oracle_flow *flow_of(struct oracle *o, unsigned side,
    struct sock_addr local, struct sock_addr peer)
{
	uint32_t hash = (uint32_t)local.port * 31 + peer.port * 17 + side;
	struct oracle_flow **at = &o->flows[hash % BUCKETS];
	struct oracle_flow *f;

	for (f = *at; f != NULL; f = f->next)
		if (f->side == side && f->t.local.port == local.port &&
		    f->t.peer.port == peer.port && f->t.local.ip == local.ip &&
		    f->t.peer.ip == peer.ip)
			return f;
	f = calloc(1, sizeof(*f));
	f->next = *at;
	f->o = o;
	f->side = side;
	f->t = (struct tcp_tuple){ local, peer };
	return *at = f;
}

/* --- The connection's inside --------------------------------------------- */

static bool takes_text(const struct tcp_conn *c)
{
	return c->state == TCP_ESTABLISHED || c->state == TCP_FIN_WAIT_1 ||
	       c->state == TCP_FIN_WAIT_2;
}

/* RFC 8985 6.2 step 4, with a multiplier of one. */
static uint64_t reordering_window(const struct tcp_conn *c)
{
	uint64_t w = c->rack.min_rtt_ns / 4;

	return w < c->srtt_ns ? w : c->srtt_ns;
}

static bool look_inside(struct oracle_flow *f, struct view *v)
{
	struct stack *st = &f->o->stack[f->side];
	const struct tcp_conn *c = tcp_conn_find(st, &f->t);

	if (c == NULL)
		return false;
	*v = (struct view){ .cwnd = c->cwnd,
		.mss = c->mss,
		.una = c->snd_una,
		.oldest_ack = c->snd_una - c->max_snd_wnd,
		.recover = c->recover,
		.ooo = c->ooo_len,
		.recvq = c->recvq.len,
		.rcvbuf = tcp_rcvbuf(c),
		.rcv_nxt = c->rcv_nxt,
		.timeouts = c->reductions[TCP_CC_TIMEOUT],
		.losses = c->reductions[TCP_CC_LOSS],
		.undone = c->undone,
		.reo_wnd_ns = reordering_window(c),
		.reordering_seen = c->rack.reordering_seen,
		.repairing = c->recovery != TCP_NO_RECOVERY,
		.timed_out = c->recovery == TCP_LOSS_RECOVERY,
		.frto = c->frto == TCP_FRTO_NEW,
		.open = c->snd_wnd != 0,
		.ecn = c->ecn_ok,
		.takes_text = takes_text(c),
		.in_recovery = c->recovery == TCP_FAST_RECOVERY,
		.synchronized = tcp_is_synchronized(c) };
	f->starved |= st->packets.failures || st->sent.failures ||
	              c->sent.records == TCP_SENT_MAX;
	for (unsigned i = 0; i < TCP_CC_EVENTS; i++)
		v->reductions += c->reductions[i];
	return true;
}

bool oracle_card_waits(const struct oracle_flow *f)
{
	return f->o->wire->end[f->side].out.slots != 0;
}

/* --- What came ----------------------------------------------------------- */

static void received_window(struct oracle_flow *f, const struct seen *g)
{
	bool scaled = f->scale_agreed && !(g->s.flags & TCP_SYN);
	uint32_t wnd = (uint32_t)g->s.window << (scaled ? f->scale_in : 0);
	uint32_t edge = g->s.ack + wnd;

	if (!f->edge_known || seq_lt(f->edge, edge))
		f->edge = edge;
	f->edge_known = true;
}

static void received_ack(struct oracle_flow *f, const struct seen *g)
{
	if (!seq_le(f->una, g->s.ack) || !seq_le(g->s.ack, f->top))
		return;
	f->dups = g->s.ack == f->una ? f->dups + 1 : 0;
	received_window(f, g);
	f->una = g->s.ack;
	for (unsigned i = 0; i < g->sacks; i++)
		if (seq_lt(f->high_sack, g->sack[i].right) &&
		    seq_le(g->sack[i].right, f->top))
			f->high_sack = g->sack[i].right;
	if (seq_lt(f->high_sack, f->una))
		f->high_sack = f->una;
	if (f->resent && !seq_lt(f->una, f->resent_below))
		f->resent = false;
}

/* What both SYNs said. */
static void agree(struct oracle_flow *f)
{
	f->scale_in = f->peer_scale;
	f->scale_agreed = f->scale_offered && f->peer_has_scale;
	f->sack_agreed = f->sack_offered && f->peer_sack_ok;
}

static void received_syn(struct oracle_flow *f, const struct seen *g)
{
	f->syn[f->syns++ % ORACLE_SYNS] = g->s.seq;
	/* What was answered stands; a later try may offer less. */
	if (f->acked && g->s.seq + 1 == f->base)
		return;
	f->peer_has_scale = g->has_scale;
	f->peer_scale = g->scale;
	f->peer_sack_ok = g->sack_ok;
	/* One in the middle of a connection changes nothing of it. */
	if (!f->acked)
		agree(f);
	/* The window of a SYN alone counts from our first byte on. */
	if (!(g->s.flags & TCP_ACK) && !f->edge_known)
		f->edge = g->s.window;
}

static void received(struct oracle_flow *f, const struct seen *g)
{
	struct view v;

	f->timeouts = f->probes = 0;
	f->received_ns = arch_clock_ns();
	if (oracle_look(f, &v)) {
		oracle_resent_look(f, g, &v);
		f->in_recovery = v.in_recovery; /* a timer may have begun it */
		f->cwnd = v.cwnd;
		/* What was sent beyond a closed window was not taken. */
		if (!v.open)
			f->excused_ns = arch_clock_ns();
	}
	oracle_told_received(f, g);
	ranges_add(&f->came, g->s.seq, g->end);
	if (g->s.flags & TCP_RST)
		return;
	if (g->s.flags & TCP_FIN)
		f->peer_fin_end = g->end;
	f->peer_fin |= g->s.flags & TCP_FIN;
	if (g->has_ts && (!f->ts_seen || (int32_t)(g->ts_val - f->ts_came) > 0))
		f->ts_came = g->ts_val;
	f->ts_seen |= g->has_ts;
	if (g->s.flags & TCP_SYN)
		received_syn(f, g);
	if (g->s.flags & TCP_ACK && f->open) {
		received_ack(f, g);
		oracle_resent_received(f, g);
	}
}

/* After the stack has processed it. */
static void processed(struct oracle_flow *f, const struct seen *g)
{
	uint32_t acked = f->una - f->now.una, most;
	struct view v;

	if (!oracle_look(f, &v) || !v.synchronized)
		return;
	oracle_told_processed(f, g, &v);
	oracle_resent_processed(f, g, &v);
	if (v.in_recovery && seq_lt(v.recover, v.una))
		oracle_wrong(f, g, "recovery goes on beyond its end");
	/* A reduction may be undone (RFC 4015): what was had before is had. */
	most = f->cwnd > f->cwnd_max ? f->cwnd : f->cwnd_max;
	most += 2 * acked + 4 * v.mss;
	if (f->cwnd != 0 && v.cwnd > most)
		oracle_wrong(f, g, "cwnd grew from %u to %u for %u bytes",
		    f->cwnd, v.cwnd, acked);
	if (v.cwnd > f->cwnd_max)
		f->cwnd_max = v.cwnd;
	if (v.cwnd == 0)
		oracle_wrong(f, g, "cwnd is 0");
	if (v.rcvbuf > f->rcvbuf_max)
		f->rcvbuf_max = v.rcvbuf;
	if (v.ooo > TCP_OOO_MAX || v.recvq > f->rcvbuf_max)
		oracle_wrong(f, g, "%u out of order, %u of %u bytes to read",
		    v.ooo, v.recvq, f->rcvbuf_max);
}

/* --- What is sent: the stream -------------------------------------------- */

static void sent_syn(struct oracle_flow *f, const struct seen *g)
{
	if (!f->open || f->isn != g->s.seq) {
		/* Another connection of the same ports. */
		f->fin = f->reset = f->acked = f->ts_sent = f->edge_known =
		    f->resent = false;
		f->timeouts = f->dups = 0;
		f->cwnd = f->cwnd_max = f->full = 0;
		f->owed_ns = 0;
		f->echo = f->echo_known = false;
		oracle_resent_reset(f);
		f->scale_offered = f->sack_offered = false;
		f->isn = f->una = f->top = f->high_sack = g->s.seq;
	}
	if (!(g->s.flags & TCP_ACK))
		f->peer_has_scale = f->peer_sack_ok = false;
	f->open = true;
	/* The peer may answer any try. */
	f->scale_offered |= g->has_scale;
	f->sack_offered |= g->sack_ok;
	if (g->has_scale)
		f->scale_out = g->scale;
	agree(f);
	if (!f->edge_known && f->syns > 0) {
		f->edge = g->s.seq + 1 + f->edge;
		f->edge_known = true;
	}
}

/* Makes the ring hold `bytes` from una on. */
static void grow_ring(struct oracle_flow *f, uint32_t bytes)
{
	uint32_t size = f->ring_size ? f->ring_size : RING_FIRST;
	uint8_t *ring;

	if (f->ring_size >= bytes)
		return;
	while (size < bytes)
		size *= 2;
	ring = calloc(1, size);
	for (uint32_t i = 0; i < f->ring_size; i++)
		ring[(f->una + i) % size] =
		    f->ring[(f->una + i) % f->ring_size];
	free(f->ring);
	f->ring = ring;
	f->ring_size = size;
}

/* Bytes that were sent before are the same again. */
static void sent_bytes(struct oracle_flow *f, const struct seen *g)
{
	if (g->s.len > 0 && seq_le(f->una, g->end))
		grow_ring(f, g->end - f->una);
	for (uint32_t i = 0; i < g->s.len; i++) {
		uint32_t seq = g->s.seq + i;
		uint8_t *at = &f->ring[seq % f->ring_size];

		if (seq_lt(seq, f->una))
			continue;
		if (seq_lt(seq, f->top) && *at != g->s.data[i]) {
			oracle_wrong(f, g, "byte %u differs when sent again",
			    seq - f->isn);
			return;
		}
		*at = g->s.data[i];
	}
}

static void sent_fin(struct oracle_flow *f, const struct seen *g)
{
	bool fin = g->s.flags & TCP_FIN;
	uint32_t data_end = g->s.seq + (uint32_t)g->s.len;

	if (f->fin && g->s.len > 0 && seq_lt(f->fin_seq, data_end))
		oracle_wrong(f, g, "data after FIN");
	if (f->fin && fin && data_end != f->fin_seq)
		oracle_wrong(f, g, "FIN moved from %u to %u",
		    f->fin_seq - f->isn, data_end - f->isn);
	if (fin && !f->fin)
		f->fin_seq = data_end;
	f->fin |= fin;
}

/* New text that answers nothing, once (RFC 8985 7.3). */
static bool is_probe(struct oracle_flow *f)
{
	return f->sack_agreed && f->received_ns != arch_clock_ns() &&
	       ++f->probes == 1;
}

/* RFC 5681 3: FlightSize stays within cwnd, but for limited transmit (RFC
 * 3042), a tail loss probe (RFC 8985 7.3), the two segments that ask whether a
 * timeout was needed (RFC 5682 2.1 step 2b), and what duplicates let go in
 * recovery, a segment or two for each that left the path (RFC 6937). */
static void sent_new(struct oracle_flow *f, const struct seen *g)
{
	uint32_t flight = g->s.seq + (uint32_t)g->s.len - f->una;
	uint32_t allowed, extra;
	struct view v;

	if (f->edge_known && (int32_t)(g->end - f->edge) > 1)
		oracle_wrong(f, g, "%u bytes beyond the peer's window",
		    g->end - f->edge);
	/* A probe of the tail starts the timeout anew (RFC 8985 7.3). */
	if (g->s.len > 0)
		f->timeouts = 0;
	if (g->s.len == 0 || !oracle_look(f, &v))
		return;
	allowed = v.cwnd > f->cwnd ? v.cwnd : f->cwnd;
	/* What waited for the card was allowed when it was made. */
	if ((oracle_card_waits(f) || f->resent) && f->cwnd_max > allowed)
		allowed = f->cwnd_max;
	extra = f->resent ? 2 * f->dups : f->dups < 2 ? f->dups : 2;
	allowed += (extra + f->sack_agreed + 2 * v.frto) * v.mss;
	/* What lies below the highest SACK may have left the path. */
	if (f->sack_agreed && seq_lt(f->una, f->high_sack))
		allowed += f->high_sack - f->una;
	/* A probe goes where a reduction left more in flight, too. */
	if (f->cwnd != 0 && flight > allowed && g->s.len > 1 && !is_probe(f))
		oracle_wrong(f, g, "%u in flight, %u allowed", flight, allowed);
}

/* What goes again while nothing is being repaired, and the window is open. */
static bool is_old_probe(struct oracle_flow *f)
{
	struct view v;

	return oracle_look(f, &v) && v.synchronized && v.open && !v.repairing;
}

/* RFC 6298 5.5: the first bytes again and again without a word between. */
static void sent_again(struct oracle_flow *f, const struct seen *g)
{
	uint64_t now = arch_clock_ns(), gap = now - f->timeout_ns;

	f->resent = true;
	f->resent_below = f->top;
	if (!seq_le(g->s.seq, f->una))
		return;
	/* A probe of the tail starts the timeout anew (RFC 8985 7.3). */
	if (is_old_probe(f))
		f->timeouts = 0;
	if (f->timeouts >= 2 && gap < f->timeout_gap_ns * 9 / 5 &&
	    gap < RTO_CAP_NS && !oracle_card_waits(f))
		oracle_wrong(f, g, "timeouts %llu and %llu ms apart",
		    (unsigned long long)(f->timeout_gap_ns / NS_PER_MS),
		    (unsigned long long)(gap / NS_PER_MS));
	if (f->timeouts >= 1)
		f->timeout_gap_ns = gap;
	f->timeouts++;
	f->timeout_ns = now;
}

static void sent_text(struct oracle_flow *f, const struct seen *g)
{
	bool again = seq_lt(g->s.seq, f->top);

	if (g->end == g->s.seq)
		return;
	if (f->reset && !(g->s.flags & TCP_SYN))
		oracle_wrong(f, g, "sends after a reset");
	sent_bytes(f, g);
	sent_fin(f, g);
	if (seq_lt(f->top, g->end) && !(g->s.flags & TCP_SYN))
		sent_new(f, g);
	if (again)
		sent_again(f, g);
	oracle_resent_sent(f, g);
	if (seq_lt(f->top, g->end))
		f->top = g->end;
}

static void sent(struct oracle_flow *f, const struct seen *g)
{
	f->now.sent++;
	if (g->s.flags & TCP_RST) {
		/* One that answers an ACK of an older connection stands where
		 * that did, and ends nothing (RFC 9293 3.10.7.3). */
		f->reset |=
		    seq_le(f->isn, g->s.seq) && seq_le(g->s.seq, f->top);
		return;
	}
	if (g->s.flags & TCP_SYN)
		sent_syn(f, g);
	if (!f->open)
		return; /* begun before we looked */
	oracle_told_sent(f, g);
	sent_text(f, g);
}

/* --- The whole ----------------------------------------------------------- */

static bool is_icmp(const uint8_t *frame, size_t len)
{
	const struct ip_hdr *ip = (const struct ip_hdr *)(frame + 14);

	return len >= 14 + sizeof(*ip) && ip->proto == IP_PROTO_ICMP;
}

/* Where the destination was damaged no checksum tells. */
static bool is_for(const struct oracle *o, unsigned side, const uint8_t *frame)
{
	const struct netdev *dev = &o->wire->end[side].dev;

	return memcmp(frame, dev->mac, sizeof(dev->mac)) == 0;
}

/* A router may have said that packets were too big. */
static void excuse_all(struct oracle *o, unsigned side)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct oracle_flow *f = o->flows[i]; f; f = f->next)
			if (f->side == side)
				f->excused_ns = arch_clock_ns();
}

static void watch(void *ctx, enum wire_moment m, unsigned side,
    const uint8_t *frame, size_t len)
{
	struct oracle *o = ctx;
	struct sock_addr src, dst;
	struct oracle_flow *f;
	struct seen g;

	if (m == WIRE_RECEIVED && is_icmp(frame, len))
		excuse_all(o, side);
	if (!read_segment(frame, len, &g) ||
	    (m != WIRE_SENT && !is_for(o, side, frame)))
		return;
	src = (struct sock_addr){ g.s.src_ip, g.s.src_port };
	dst = (struct sock_addr){ g.s.dst_ip, g.s.dst_port };
	o->segments++;
	if (m == WIRE_SENT) {
		sent(flow_of(o, side, src, dst), &g);
		return;
	}
	f = flow_of(o, side, dst, src);
	if (m == WIRE_RECEIVED)
		received(f, &g);
	else
		processed(f, &g);
}

void oracle_start(struct oracle *o, struct wire *w, struct stack *stack,
    oracle_fail_fn *fail, void *ctx)
{
	oracle_stop(o);
	*o = (struct oracle){ .stack = stack,
		.wire = w,
		.flows = calloc(BUCKETS, sizeof(struct oracle_flow *)),
		.look = look_inside,
		.fail = fail,
		.ctx = ctx };
	w->watch = watch;
	w->watch_ctx = o;
}

void oracle_stop(struct oracle *o)
{
	for (unsigned i = 0; o->flows != NULL && i < BUCKETS; i++)
		while (o->flows[i] != NULL) {
			struct oracle_flow *f = o->flows[i];

			o->flows[i] = f->next;
			oracle_resent_reset(f);
			ranges_clear(&f->came);
			free(f->sending);
			free(f->ring);
			free(f);
		}
	free(o->flows);
	o->flows = NULL;
	if (o->wire != NULL)
		o->wire->watch = NULL;
}

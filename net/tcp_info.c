/* SPDX-License-Identifier: MIT */
/*
 * What a connection tells of itself: to its user as Linux's struct tcp_info, to
 * whoever looks at /net/sockets or /stats as lines of text; and the few options
 * of sockets that only TCP has.  Everything is read here, nothing kept for it
 * but c->stats.
 */
#include "net/tcp_internal.h"

#include "include/netinet/tcp_info.h"
#include "lib/errno.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "net/ip.h"
#include "net/sock_internal.h"
#include "net/stack.h"

#define LISTEN_STATE   10 /* Linux's numbers, include/netinet/tcp.h */
#define CLOSE_STATE    7
#define MAXSEG_MAX     32767
#define SOCKETS_MAX    256 /* lines of /net/sockets */
#define SSTHRESH_NONE  0x7fffffffu
#define REORDERING_MIN 3

/* --- struct tcp_info ------------------------------------------------------ */

static const struct {
	uint8_t number; /* Linux's */
	const char *name;
} states[TCP_STATES] = {
	[TCP_CLOSED] = { CLOSE_STATE, "closed" },
	[TCP_SYN_SENT] = { 2, "syn_sent" },
	[TCP_SYN_RECEIVED] = { 3, "syn_received" },
	[TCP_ESTABLISHED] = { 1, "established" },
	[TCP_FIN_WAIT_1] = { 4, "fin_wait_1" },
	[TCP_FIN_WAIT_2] = { 5, "fin_wait_2" },
	[TCP_CLOSE_WAIT] = { 8, "close_wait" },
	[TCP_CLOSING] = { 11, "closing" },
	[TCP_LAST_ACK] = { 9, "last_ack" },
	[TCP_TIME_WAIT] = { 6, "time_wait" },
};

static uint32_t clamp_u32(uint64_t v)
{
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static uint32_t to_us(uint64_t ns)
{
	return clamp_u32(ns / NS_PER_US);
}

/* How long ago, in milliseconds; 0 for what never was. */
static uint32_t ms_since(uint64_t at_ns)
{
	return at_ns ? clamp_u32((clock_ns() - at_ns) / NS_PER_MS) : 0;
}

static uint32_t segments(const struct tcp_conn *c, uint64_t bytes)
{
	return clamp_u32((bytes + c->mss - 1) / c->mss);
}

/* Bytes in the queue that never left. */
static uint32_t not_sent(const struct tcp_conn *c)
{
	uint32_t out = c->snd_nxt - c->snd_una;

	return c->sendq.len > out ? c->sendq.len - out : 0;
}

/* Bytes that were sent again and are believed to be on their way. */
static uint32_t again_out(const struct tcp_conn *c)
{
	uint32_t bytes = 0;
	struct list *n;

	list_for_each(n, &c->sent.by_time)
	{
		const struct tcp_sent *r = tcp_sent_by_time(n);

		if (r->retransmitted && r->state == TCP_SENT_FLYING)
			bytes += r->end - r->seq;
	}
	return bytes;
}

static uint8_t ca_state(const struct tcp_conn *c)
{
	static const uint8_t state[] = {
		[TCP_NO_RECOVERY] = TCP_CA_Open,
		[TCP_FAST_RECOVERY] = TCP_CA_Recovery,
		[TCP_LOSS_RECOVERY] = TCP_CA_Loss,
	};

	if (c->recovery == TCP_NO_RECOVERY &&
	    (c->dup_acks || c->sent.sacked_bytes))
		return TCP_CA_Disorder;
	return state[c->recovery];
}

static void fill_state(const struct tcp_conn *c, struct tcp_info *i)
{
	uint8_t tries = c->silent_since_ns ? c->silent_tries : 0;

	i->tcpi_state = states[c->state].number;
	i->tcpi_ca_state = ca_state(c);
	if (c->snd_wnd)
		i->tcpi_retransmits = tries;
	else
		i->tcpi_probes = tries;
	i->tcpi_backoff = c->backoff;
	i->tcpi_options = (uint8_t)((c->ts_ok ? TCPI_OPT_TIMESTAMPS : 0) |
	                            (c->sack_ok ? TCPI_OPT_SACK : 0) |
	                            (c->wscale_ok ? TCPI_OPT_WSCALE : 0) |
	                            (c->ecn_ok ? TCPI_OPT_ECN : 0) |
	                            (c->ecn_seen ? TCPI_OPT_ECN_SEEN : 0));
	i->tcpi_snd_wscale = c->snd_wscale & 0xf;
	i->tcpi_rcv_wscale = c->rcv_wscale & 0xf;
	i->tcpi_reordering = REORDERING_MIN;
	i->tcpi_reord_seen = c->rack.reordering_seen;
}

static void fill_sizes(const struct tcp_conn *c, struct tcp_info *i)
{
	struct ip_route r;

	i->tcpi_snd_mss = tcp_eff_mss(c);
	i->tcpi_rcv_mss = c->rcv_mss;
	if (!ip_route(c->stack, c->t.local.ip, c->t.peer.ip, &r)) {
		i->tcpi_pmtu = r.dev->mtu;
		i->tcpi_advmss = tcp_our_mss(c, r.dev->mtu);
	}
	i->tcpi_rcv_ssthresh = tcp_rcvbuf(c);
	i->tcpi_rcv_space = clamp_u32(c->drained_before);
	i->tcpi_snd_wnd = c->snd_wnd;
	i->tcpi_rcv_wnd = c->rcv_adv - c->rcv_nxt;
	i->tcpi_notsent_bytes = not_sent(c);
	i->tcpi_unacked = segments(c, c->snd_nxt - c->snd_una);
	i->tcpi_sacked = segments(c, c->sent.sacked_bytes);
	i->tcpi_lost = segments(c, c->sent.lost_bytes);
	i->tcpi_retrans = segments(c, again_out(c));
	i->tcpi_snd_cwnd = c->cwnd / c->mss;
	i->tcpi_snd_ssthresh =
	    c->ssthresh == UINT32_MAX ? SSTHRESH_NONE : c->ssthresh / c->mss;
}

static void fill_times(const struct tcp_conn *c, struct tcp_info *i)
{
	i->tcpi_rto = to_us(tcp_current_rto_ns(c));
	i->tcpi_ato = to_us(c->ack_delay_ns);
	i->tcpi_rtt = to_us(c->srtt_ns);
	i->tcpi_rttvar = to_us(c->rttvar_ns);
	i->tcpi_min_rtt =
	    c->rack.min_rtt_ns ? to_us(c->rack.min_rtt_ns) : UINT32_MAX;
	i->tcpi_last_data_sent = ms_since(c->last_sent_ns);
	i->tcpi_last_data_recv = ms_since(c->text_ns);
	i->tcpi_last_ack_recv = ms_since(c->heard_ns);
}

static void fill_counts(const struct tcp_conn *c, struct tcp_info *i)
{
	const struct tcp_stats *n = &c->stats;

	i->tcpi_total_retrans = n->retransmits;
	i->tcpi_bytes_acked = n->bytes_acked;
	i->tcpi_bytes_received = n->bytes_received;
	i->tcpi_segs_out = n->segs_out;
	i->tcpi_segs_in = n->segs_in;
	i->tcpi_data_segs_in = n->data_segs_in;
	i->tcpi_data_segs_out = n->data_segs_out;
	i->tcpi_delivered = segments(c, n->bytes_delivered);
	i->tcpi_bytes_sent = n->bytes_sent;
	i->tcpi_bytes_retrans = n->bytes_again;
	i->tcpi_dsack_dups = n->dsacks;
	i->tcpi_rcv_ooopack = n->out_of_order;
	i->tcpi_total_rto =
	    (uint16_t)(n->timeouts > UINT16_MAX ? UINT16_MAX : n->timeouts);
}

int sock_tcp_info(const struct sock *s, struct tcp_info *i)
{
	if (s->type != SOCK_TYPE_TCP)
		return -ENOPROTOOPT;
	memset(i, 0, sizeof(*i));
	if (s->conn) {
		fill_state(s->conn, i);
		fill_sizes(s->conn, i);
		fill_times(s->conn, i);
		fill_counts(s->conn, i);
		return 0;
	}
	i->tcpi_state = s->listening ? LISTEN_STATE : CLOSE_STATE;
	if (s->listening) {
		i->tcpi_unacked = s->accept_len;
		i->tcpi_sacked = s->backlog;
	}
	return 0;
}

/* --- /net/sockets --------------------------------------------------------- */

struct view {
	struct text *t;
	uint32_t lines, more;
};

/* Whether one more line is allowed. */
static bool view_line(struct view *v)
{
	if (v->lines == SOCKETS_MAX) {
		v->more++;
		return false;
	}
	v->lines++;
	return true;
}

static void print_ends(
    struct view *v, const char *state, const struct tcp_tuple *t)
{
	fmt_add(v->t, "tcp %s %pI:%u %pI:%u", state, (void *)&t->local.ip,
	    t->local.port, (void *)&t->peer.ip, t->peer.port);
}

/* How often the window was reduced, by reason, and how often by mistake. */
static void print_reductions(struct text *t, const struct tcp_conn *c)
{
	static const char *const name[TCP_CC_EVENTS] = {
		[TCP_CC_LOSS] = "loss",
		[TCP_CC_TIMEOUT] = "timeout",
		[TCP_CC_ECN] = "ecn",
	};

	for (unsigned i = 0; i < TCP_CC_EVENTS; i++)
		fmt_add(t, " reduced_%s=%u", name[i], c->reductions[i]);
	fmt_add(t, " reduced_undone=%u", c->undone);
}

static void print_conn(struct tcp_conn *c, void *ctx)
{
	struct view *v = ctx;

	if (!view_line(v))
		return;
	print_ends(v, states[c->state].name, &c->t);
	fmt_add(v->t, " rxq=%u txq=%u flight=%u lost=%u sacked=%u",
	    c->recvq.len, c->sendq.len, c->snd_nxt - c->snd_una,
	    c->sent.lost_bytes, c->sent.sacked_bytes);
	fmt_add(v->t, " cc=%s cwnd=%u ssthresh=%u snd_wnd=%u rcv_wnd=%u mss=%u",
	    c->cc ? c->cc->name : "-", c->cwnd, c->ssthresh, c->snd_wnd,
	    c->rcv_adv - c->rcv_nxt, c->mss);
	print_reductions(v->t, c);
	fmt_add(v->t, " srtt_us=%u rttvar_us=%u rto_us=%u retransmits=%u",
	    to_us(c->srtt_ns), to_us(c->rttvar_ns),
	    to_us(tcp_current_rto_ns(c)), c->stats.retransmits);
	fmt_add(v->t, " sent=%lu received=%lu owner=%s\n", c->stats.bytes_sent,
	    c->stats.bytes_received,
	    c->sock ? "socket" : (c->listener ? "listener" : "none"));
}

static void print_listener(struct view *v, const struct sock *s)
{
	const struct tcp_tuple t = { .local = s->local };

	if (!s->listening || !view_line(v))
		return;
	print_ends(v, "listen", &t);
	fmt_add(v->t, " syn=%u accept=%u backlog=%u\n", s->syn_len,
	    s->accept_len, s->backlog);
}

static void print_listeners(const struct stack *st, struct view *v)
{
	for (uint32_t i = 0; i < TCP_LISTEN_BUCKETS; i++) {
		struct list *n;

		list_for_each(n, &st->tcp.bound[i])
		{
			print_listener(
			    v, container_of(n, struct sock, bind_node));
		}
	}
}

static void print_time_waits(const struct stack *st, struct view *v)
{
	uint64_t now = clock_ns(), left_ns;
	struct list *n;

	list_for_each(n, &st->tcp.tw_age)
	{
		const struct tcp_tw *w =
		    container_of(n, struct tcp_tw, age_node);

		if (!view_line(v))
			continue;
		print_ends(v, "time_wait", &w->t);
		left_ns = w->expires_ns > now ? w->expires_ns - now : 0;
		fmt_add(v->t, " left_ms=%lu\n", left_ns / NS_PER_MS);
	}
}

void tcp_print_sockets(struct stack *st, struct text *t)
{
	struct view v = { .t = t };

	print_listeners(st, &v);
	tcp_for_each(st, print_conn, &v);
	print_time_waits(st, &v);
	if (v.more)
		fmt_add(t, "and %u more\n", v.more);
}

/* --- /stats --------------------------------------------------------------- */

static void count_state(struct tcp_conn *c, void *ctx)
{
	((uint32_t *)ctx)[c->state]++;
}

void tcp_print(struct stack *st, struct text *t)
{
	uint32_t count[TCP_STATES] = { 0 };

	tcp_for_each(st, count_state, count);
	count[TCP_TIME_WAIT] = st->time_waits.in_use;
	for (unsigned i = 0; i < TCP_STATES; i++)
		fmt_add(t, "tcp.state.%s %u\n", states[i].name, count[i]);
}

/* --- Options -------------------------------------------------------------- */

/* What waited may go now. */
static int push(struct sock *s)
{
	if (s->conn && tcp_is_synchronized(s->conn) &&
	    s->conn->state != TCP_TIME_WAIT)
		tcp_output(s->conn);
	return 0;
}

static int set_quickack(struct sock *s, bool on)
{
	s->quickack = on ? SOCK_QUICKACK_ON : SOCK_QUICKACK_OFF;
	if (on && s->conn && tcp_timer_armed(s->conn, TCP_TIMER_DELACK))
		s->conn->ack_now = true;
	return push(s);
}

static int set_maxseg(struct sock *s, int value)
{
	if (value && (value < TCP_MSS_MIN || value > MAXSEG_MAX))
		return -EINVAL;
	s->maxseg = (uint16_t)value;
	return 0;
}

int tcp_sock_set_opt(struct sock *s, enum sock_opt opt, int value)
{
	switch (opt) {
	case SOCK_OPT_OOBINLINE:
		return value ? 0 : -EINVAL;
	case SOCK_OPT_MAXSEG:
		return set_maxseg(s, value);
	case SOCK_OPT_QUICKACK:
		return set_quickack(s, value != 0);
	case SOCK_OPT_NODELAY:
		s->nodelay = value != 0;
		return push(s);
	case SOCK_OPT_CORK:
		s->cork = value != 0;
		return push(s);
	default:
		return -ENOPROTOOPT;
	}
}

int tcp_sock_get_opt(const struct sock *s, enum sock_opt opt, int *value)
{
	const struct tcp_conn *c = s->conn;

	switch (opt) {
	case SOCK_OPT_MAXSEG:
		*value = c ? c->mss : s->maxseg ? s->maxseg : TCP_MSS_DEFAULT;
		return 0;
	case SOCK_OPT_OOBINLINE:
		*value = 1;
		return 0;
	case SOCK_OPT_NODELAY:
		*value = s->nodelay;
		return 0;
	case SOCK_OPT_CORK:
		*value = s->cork;
		return 0;
	case SOCK_OPT_QUICKACK:
		*value =
		    c ? tcp_ack_is_quick(c) : s->quickack != SOCK_QUICKACK_OFF;
		return 0;
	case SOCK_OPT_ATMARK:
		*value = c && tcp_urgent_at_mark(c);
		break;
	case SOCK_OPT_INQ:
		*value = c ? (int)c->recvq.len : 0;
		break;
	case SOCK_OPT_OUTQ:
		*value = c ? (int)c->sendq.len : 0;
		break;
	default:
		return -ENOPROTOOPT;
	}
	return s->listening ? -EINVAL : 0;
}

int sock_set_congestion(struct sock *s, const char *name)
{
	const struct tcp_cc_ops *cc = tcp_cc_find(name);

	if (s->type != SOCK_TYPE_TCP)
		return -ENOPROTOOPT;
	if (!cc)
		return -ENOENT;
	s->cc = cc;
	if (s->conn && s->conn->cc && s->conn->cc != cc) {
		memset(&s->conn->cc_state, 0, sizeof(s->conn->cc_state));
		s->conn->cc = cc;
		cc->init(s->conn);
	}
	return 0;
}

const char *sock_get_congestion(const struct sock *s)
{
	const struct tcp_cc_ops *cc = s->cc ? s->cc : s->stack->tcp.cc;

	if (s->type != SOCK_TYPE_TCP)
		return NULL;
	return s->conn && s->conn->cc ? s->conn->cc->name : cc->name;
}

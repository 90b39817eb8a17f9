/* SPDX-License-Identifier: MIT */
/*
 * The connection, for TCP's own files.  Names are RFC 9293's (section 3.3.1)
 * in lower case.
 */
#pragma once

#include <stdbool.h>

#include "net/byteq.h"
#include "net/drop_reason.h"
#include "net/netdev.h"
#include "net/sock.h"
#include "net/tcp.h"
#include "net/tcp_cc.h"
#include "net/tcp_opt.h"
#include "net/tcp_sent.h"

struct icmp_error;
struct sock;

enum tcp_state {
	TCP_CLOSED,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
	TCP_STATES
};

enum tcp_recovery {
	TCP_NO_RECOVERY,
	TCP_FAST_RECOVERY,
	TCP_LOSS_RECOVERY /* after a timeout */
};

/* What a connection waits for (tcp_timer.c). */
enum tcp_timer {
	TCP_TIMER_REXMT,  /* retransmission, probes, the end of an orphan */
	TCP_TIMER_DELACK, /* the delayed acknowledgment */
	TCP_TIMER_REO,    /* RACK looks again (RFC 8985 6.2 step 5) */
	TCP_TIMER_KEEP,   /* keep-alive (tcp_keep.c) */
	TCP_TIMER_PACE,   /* another segment may leave (tcp_pace.c) */
	TCP_TIMERS
};

/* RFC 5682: what the next ACK means after a timeout. */
enum tcp_frto {
	TCP_FRTO_OFF,
	TCP_FRTO_FIRST, /* step 2: the first segment went again */
	TCP_FRTO_NEW    /* step 3: then only new ones */
};

/* The last reduction of the window. */
struct tcp_reduced {
	uint32_t end;     /* snd_nxt at that time */
	bool by_ecn : 1;  /* or ECN told of the same window */
	bool cwr_due : 1; /* the peer still has to hear of it (RFC 3168) */
};

/* What it takes to undo the last reduction of the window (RFC 4015). */
struct tcp_undo {
	uint64_t again_ns; /* the first retransmission, 0: none, or answered */
	uint32_t again_end;
	struct tcp_reduced reduced; /* the one before it */
	uint32_t una;               /* SND.UNA at that time */
	uint32_t end;               /* of what was sent again since */
	uint32_t ssthresh;          /* or what was in flight, if more */
	uint32_t bytes; /* sent again since, and not said to be twice there */
	bool open;
};

/* RFC 8985 section 5.2; zero at first, but for fack. */
struct tcp_rack {
	uint64_t xmit_ns; /* of the segment sent last that was delivered */
	uint32_t end_seq;
	uint32_t fack; /* the highest delivered */
	uint64_t rtt_ns, min_rtt_ns, min_rtt_at_ns;
	uint32_t dsack_round_end;
	bool dsack_round, reordering_seen;
	uint8_t reo_wnd_mult, reo_wnd_persist;
};

/* What nothing here needs but who asks for it (tcp_info.c). */
struct tcp_stats {
	uint64_t bytes_acked, bytes_received, bytes_sent, bytes_again;
	uint64_t bytes_delivered; /* acknowledged, in order or not */
	uint32_t segs_in, segs_out, data_segs_in, data_segs_out;
	uint32_t retransmits, timeouts, dsacks, out_of_order;
};

struct tcp_tuple {
	struct sock_addr local, peer;
};

/*
 * Who owns a connection: its socket; before accept the listener's queue; after
 * the socket closed nobody ("orphan": it frees itself when done).
 */
struct tcp_conn {
	/* Who it is, and whose. */
	struct list hash_node; /* while segments may find it */
	struct tcp_tuple t;
	struct stack *stack;
	struct sock *sock;       /* the user's, or NULL */
	struct sock *listener;   /* until accepted, else NULL */
	struct list listen_node; /* in the listener's syn or accept queue,
	                          * or among the orphans */

	/* Send (RFC 9293 3.3.1).  sendq holds the bytes from snd_una on; SYN
	 * and FIN have sequence numbers but no bytes there. */
	struct byteq sendq;
	uint32_t iss, snd_una, snd_nxt; /* snd_nxt never goes back */
	uint32_t snd_wnd, snd_wl1, snd_wl2;
	uint32_t max_snd_wnd;
	uint32_t snd_small; /* the end of the last partial segment sent */
	uint32_t snd_up;    /* SND.UP, behind the last urgent byte */
	uint16_t mss;  /* SMSS: bytes of text in a segment of ours, when it has
	                * no options but those of every segment; tcp_eff_mss */
	uint8_t state; /* enum tcp_state */
	bool fin_queued : 1; /* the user is done; FIN follows the last byte */
	bool fin_acked : 1;
	bool snd_urgent : 1; /* snd_up counts */
	bool more : 1;       /* the user said that more follows at once */
	struct netdev_waiter room_wait;

	/* Receive. */
	struct byteq recvq;
	uint32_t irs, rcv_nxt;
	uint32_t rcv_adv;       /* right edge of the window that we told */
	uint32_t rcv_up;        /* RCV.UP */
	uint32_t last_ack_sent; /* Last.ACK.sent */
	uint16_t rcv_mss;       /* largest segment seen, for delayed ACK */
	bool fin_received : 1;
	bool rcv_urgent : 1; /* rcv_up counts */
	bool ack_now : 1;

	/* Options that both sides agreed on (RFC 7323, RFC 2018). */
	bool wscale_ok : 1, sack_ok : 1, ts_ok : 1;
	uint8_t snd_wscale : 4, rcv_wscale : 4; /* Snd.Wind.Shift, ... */
	uint32_t ts_recent;        /* TS.Recent: the peer's TSval, or 0 */
	uint32_t ts_offset;        /* our TSval is the clock and this */
	uint64_t ts_recent_age_ns; /* when ts_recent was set */
	uint64_t ts_sampled_ns;    /* when an echo last gave a sample */

	/* Text before its turn (tcp_ooo.c). */
	struct list ooo;         /* struct tcp_run in order */
	struct list ooo_changed; /* the same, what changed last first */
	uint32_t ooo_len;
	struct tcp_sack_block dsack; /* to be told once (RFC 2883) */

	/* Delayed ACKs (tcp_ack.c). */
	uint32_t ack_delay_ns; /* how long an answer may take */
	uint64_t late_ack_ns;  /* when the last ACK left that waited in vain */
	uint64_t text_ns;      /* when text came in order last, or 0 */
	uint8_t quick_acks;    /* so many segments will not wait for long */
	bool late_ack : 1;     /* the last ACK was such */
	bool answered : 1;     /* text of ours left since text_ns */
	bool dsack_due : 1;    /* dsack is still to be told */

	/* What a path takes (tcp_pmtu.c). */
	bool may_fragment : 1; /* too little: no DF */
	bool pmtu_proven : 1;  /* a full segment has arrived */
	uint16_t mss_max; /* without options, as both ends and our link allow */
	uint16_t pmtu;    /* 0: not known to be smaller */
	uint16_t maxseg;  /* the user's limit of both directions, or 0 */
	uint64_t pmtu_forget_ns; /* 0: there is nothing to forget */

	/* Timers and round trips (RFC 6298, tcp_timer.c). */
	struct timer timer;          /* for the first of due_ns */
	uint64_t due_ns[TCP_TIMERS]; /* TCP_NEVER: not armed */
	uint64_t srtt_ns, rttvar_ns, rto_ns;
	uint64_t rtt_start_ns;  /* 0: no segment is being timed */
	uint64_t rexmt_from_ns; /* when the timeout was started, and ends */
	uint64_t rto_at_ns;
	uint32_t rtt_seq;
	uint8_t backoff;
	bool overriding : 1; /* it is for what is held back, nothing is out */
	bool probing : 1;    /* a tail loss probe will be sent before */

	/* A peer without word (tcp_timer.c, tcp_keep.c). */
	uint8_t silent_tries;     /* since silent_since_ns */
	uint8_t keep_probes;      /* unanswered */
	uint64_t silent_since_ns; /* 0: the peer answers */
	uint64_t heard_ns;        /* the last acceptable segment */
	uint64_t user_timeout_ns; /* R2 as the user wants it; 0: ours */
	int soft_error;           /* what ICMP said since heard_ns, or 0 */

	/* Congestion control. */
	uint32_t cwnd, ssthresh;
	struct tcp_reduced reduced;
	uint32_t reductions[TCP_CC_EVENTS]; /* by reason */
	uint32_t pace_ahead; /* bytes, at last_sent_ns (tcp_pace.c) */
	uint64_t last_sent_ns;
	uint64_t cc_seen_ns; /* up to here the algorithm knows of time */
	const struct tcp_cc_ops *cc;
	union tcp_cc_state cc_state;
	struct tcp_hystart hystart;

	/* Explicit congestion notification (RFC 3168), tcp_ecn.c. */
	bool ecn_asked : 1, ecn_ok : 1;
	bool ecn_quiet : 1; /* a SYN without it was sent: no ECT */
	bool ecn_echo : 1;  /* CE came: ECE goes until CWR comes */
	bool ecn_hold : 1;  /* nothing may leave before the timer expires */
	bool ecn_seen : 1;  /* the peer's text came as ECN-capable */

	/* Loss recovery. */
	uint8_t recovery; /* enum tcp_recovery */
	uint8_t frto;     /* enum tcp_frto */
	/* RFC 8985 7.1: a tail loss probe is out; it was sent before. */
	bool tlp_out : 1, tlp_again : 1;
	uint32_t tlp_end;
	struct tcp_sent_map sent; /* [snd_una, snd_nxt), but for the SYN */
	uint32_t recover;         /* snd_nxt when it began; RFC 6582 */
	uint32_t timeout_una;     /* the segment of the last timeout */
	/* Without SACK (or records): duplicate ACKs, and bytes that so left the
	 * network. */
	uint32_t dup_acks, dup_bytes;
	/* Proportional rate reduction, RFC 9937 section 6. */
	uint32_t prr_delivered, prr_out, recover_fs;
	uint32_t undone;     /* of the reductions */
	uint32_t flight_max; /* since a round trip was measured last */
	struct tcp_undo undo;
	struct tcp_rack rack;

	/* What the application drains (tcp_tune.c).  Not more than two windows
	 * in a round trip, so 32 bits do. */
	uint64_t drained_since_ns;
	uint32_t drained, drained_before;
	uint32_t rcv_extra; /* beyond the socket's rcvbuf */
	uint32_t snd_want;  /* size of the send buffer, if above sndbuf */

	struct rate_limit challenges; /* tcp_challenge.c */
	struct tcp_stats stats;
};

/* Contiguous text right of rcv_nxt. */
struct tcp_run {
	struct list node, changed_node;
	uint32_t start, end; /* of data */
	bool fin;            /* a FIN follows data */
	struct byteq data;
};

/* What remains of a connection in TIME-WAIT. */
struct tcp_tw {
	struct list hash_node, age_node;
	struct tcp_tuple t;
	uint32_t snd_nxt, rcv_nxt;
	bool ts_ok; /* as the connection's, and the next three */
	uint32_t ts_recent, ts_offset;
	uint64_t ts_recent_age_ns;
	uint64_t expires_ns;
};

/* What an acknowledgment said. */
struct tcp_ack {
	uint32_t acked;      /* SND.UNA moves by so much */
	uint32_t delivered;  /* RFC 9937 DeliveredData */
	uint32_t prior_pipe; /* tcp_pipe before it */
	bool dup;            /* RFC 5681 section 2 */
	bool lost;           /* it shows that something was lost */
	bool partial;        /* without SACK: it shows the next gap */
	bool dsack;          /* RFC 2883: something arrived twice */
	uint32_t dsack_start, dsack_end;
	bool original; /* what a timeout took for lost came without
	                * retransmission
	                */
	bool ece;      /* the network is congested */
};

/* A parsed segment. */
struct tcp_seg {
	struct pkt *p; /* [data] once parsed */
	struct tcp_tuple t;
	uint32_t seq, ack, wnd;
	uint32_t len;    /* SEG.LEN: data, SYN and FIN */
	uint16_t urgent; /* SEG.UP, the field */
	uint8_t flags;
	struct tcp_options opt; /* those of a SYN are absent in others */
	enum drop_reason why;   /* DROP_COUNT: not dropped */
};

#define TCP_MSS_DEFAULT 536    /* RFC 9293 3.7.1, MUST-15 */
#define TCP_MSS_MIN     64     /* a smaller offer is taken as this */
#define TCP_WINDOW_MAX  65535u /* not scaled */

#define TCP_RTO_INITIAL_NS   (1 * NS_PER_S) /* RFC 6298 2.1 */
#define TCP_RTO_AFTER_SYN_NS (3 * NS_PER_S) /* RFC 6298 5.7 */
/* Deviation: RFC 6298 2.4 says 1 s SHOULD be the least; as most stacks today
 * we take 200 ms, which still exceeds delayed ACKs. */
#define TCP_RTO_MIN_NS (200 * NS_PER_MS)
#define TCP_RTO_MAX_NS (60 * NS_PER_S) /* RFC 6298 2.5 */
/* RFC 9293 3.8.3: give up after R2; at least 100 s, and 3 minutes for SYN. */
#define TCP_R2_NS           (185 * NS_PER_S)
#define TCP_R2_TRIES        6
#define TCP_R1_TRIES        3                /* SHLD-10 */
#define TCP_R2_PASSIVE_NS   (60 * NS_PER_S)  /* a SYN that nobody confirms */
#define TCP_DELACK_NS       (40 * NS_PER_MS) /* RFC 9293 3.8.6.3: < 0.5 s */
#define TCP_DELACK_QUICK_NS (2 * NS_PER_MS)
/* RFC 9293 3.8.6.2.1: a partial segment is held back for 0.1 to 1 s. */
#define TCP_OVERRIDE_NS   (200 * NS_PER_MS)
#define TCP_FIN_WAIT_2_NS (60 * NS_PER_S) /* of an orphan */
#define TCP_OOO_MAX       1024            /* runs of text before its turn */
#define TCP_CWND_MAX      (4u << 20)

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/* Our TSval at this time (RFC 7323 5.4). */
static inline uint32_t tcp_ts_at(const struct tcp_conn *c, uint64_t ns)
{
	return (uint32_t)(ns / NS_PER_MS) + c->ts_offset;
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* --- tcp.c: tables and ends ---------------------------------------------- */

/* fn may end the connection that it is given, and no other. */
void tcp_for_each(const struct stack *st,
    void (*fn)(struct tcp_conn *c, void *ctx), void *ctx);

/* A connection in state CLOSED that segments can find, or NULL. */
struct tcp_conn *tcp_conn_create(struct stack *st, const struct tcp_tuple *t);
struct tcp_conn *tcp_conn_find(struct stack *st, const struct tcp_tuple *t);
struct tcp_tw *tcp_tw_find(struct stack *st, const struct tcp_tuple *t);

/* A segment for a connection in TIME-WAIT. */
void tcp_tw_rx(struct stack *st, struct tcp_tw *w, struct tcp_seg *s);

/* The connection ends: no segment finds it, no timer runs, queued data goes.
 * error (negative, or 0) is told to the socket.  Frees it when nobody owns it:
 * the caller may not use c afterwards. */
void tcp_conn_end(struct tcp_conn *c, int error);

/* As tcp_conn_end, into TIME-WAIT (RFC 9293 3.6.1). */
void tcp_conn_time_wait(struct tcp_conn *c);

/* Frees an ended connection when its owner lets go. */
void tcp_conn_free(struct tcp_conn *c);

uint32_t tcp_choose_isn(struct stack *st, const struct tcp_tuple *t);

static inline bool tcp_is_orphan(const struct tcp_conn *c)
{
	return !c->sock && !c->listener;
}

/* Whether the state's connection is set up on both sides. */
static inline bool tcp_is_synchronized(const struct tcp_conn *c)
{
	return c->state >= TCP_ESTABLISHED;
}

/* --- tcp_in.c: RFC 9293 3.10.7 ------------------------------------------- */

/* A segment for a connection, in any state but TIME-WAIT. */
void tcp_conn_rx(struct tcp_conn *c, struct tcp_seg *s);
/* One for nobody (3.10.7.1): reset. */
void tcp_closed_rx(struct stack *st, struct tcp_seg *s);
/* All that the peer's SYN says. */
void tcp_their_syn(struct tcp_conn *c, const struct tcp_seg *s);

/* --- tcp_orphan.c --------------------------------------------------------- */

/* c's user has gone; c, or an older one, may end here. */
void tcp_orphan_add(struct tcp_conn *c);
/* c is about to end. */
void tcp_orphan_leave(struct tcp_conn *c);
/* Makes room for others; false when there is no orphan. */
bool tcp_orphan_reset_oldest(struct stack *st);
/* bytes of the send queue were acknowledged. */
void tcp_drop_acked(struct tcp_conn *c, uint32_t bytes);

/* --- tcp_listen.c: RFC 9293 3.10.7.2 -------------------------------------- */

/* isn_after: the new connection's ISN comes after it; NULL: no matter. */
void tcp_listen_rx(
    struct sock *listener, struct tcp_seg *s, const uint32_t *isn_after);
/* Whether s acknowledges a cookie that the SYN of c, half open, was answered
 * with before there was room for c: then c has ended, and s is the listener's.
 */
bool tcp_listen_prefers_cookie(struct tcp_conn *c, const struct tcp_seg *s);

/* --- tcp_agree.c --------------------------------------------------------- */

/* Chooses what our SYN will say; the owner of c is known. */
void tcp_offer(struct tcp_conn *c);
/* The options of the peer's SYN are here. */
void tcp_agree(struct tcp_conn *c, const struct tcp_options *theirs);
/* Adds to *o (MSS is set) what our SYN or SYN-ACK says now. */
void tcp_syn_options(const struct tcp_conn *c, struct tcp_options *o);

/* --- tcp_ts.c ------------------------------------------------------------ */

uint32_t tcp_ts_offset(const struct stack *st, const struct tcp_tuple *t);
/* Adds timestamps of now. */
void tcp_ts_option(struct tcp_options *o, uint32_t offset, uint32_t recent);
/* PAWS: whether val is older than TS.Recent, and that is still good. */
bool tcp_ts_is_old(uint32_t recent, uint64_t age_ns, uint32_t val);
void tcp_ts_set_recent(struct tcp_conn *c, uint32_t val);
/* An acceptable segment: TS.Recent may move. */
void tcp_ts_note(struct tcp_conn *c, const struct tcp_seg *s);
/* s moves SND.UNA (soon): its echo may be a sample of the round trip. */
void tcp_ts_sample(
    struct tcp_conn *c, const struct tcp_seg *s, const struct tcp_ack *a);

/* --- tcp_ooo.c ----------------------------------------------------------- */

/* Keeps text that lies right of rcv_nxt (within the window), and its FIN.
 * Borrows s.  False when not all of it found room. */
bool tcp_ooo_keep(struct tcp_conn *c, const struct tcp_seg *s);
/* Moves the first run to the receive queue when rcv_nxt has reached it; *fin:
 * a FIN follows it.  False when there is none. */
bool tcp_ooo_take(struct tcp_conn *c, bool *fin);
void tcp_ooo_drop(struct tcp_conn *c);
/* [start, end) came once more: the next ACK says so. */
void tcp_note_duplicate(struct tcp_conn *c, uint32_t start, uint32_t end);
/* As that, of what text from rcv_nxt to end has in common with the first run.
 */
void tcp_ooo_overlap(struct tcp_conn *c, uint32_t end);
/* How many SACK blocks a segment has to say now; adds them. */
uint8_t tcp_sack_count(const struct tcp_conn *c);
void tcp_sack_option(const struct tcp_conn *c, struct tcp_options *o);

/* --- tcp_ack.c ----------------------------------------------------------- */

void tcp_ack_init(struct tcp_conn *c);
/* Text came in order, len bytes: acknowledges it, now or later. */
void tcp_ack_text(struct tcp_conn *c, uint32_t len);
/* Something was lost or came out of order: ACKs are quick for a while. */
void tcp_ack_quickly(struct tcp_conn *c);
/* Text of ours leaves, which carries an ACK. */
void tcp_ack_answered(struct tcp_conn *c);
/* Whether ACKs are quick now. */
bool tcp_ack_is_quick(const struct tcp_conn *c);

/* --- tcp_urg.c ----------------------------------------------------------- */

/* 3.10.7.4, sixth: the URG bit of an acceptable segment. */
void tcp_urgent_step(struct tcp_conn *c, const struct tcp_seg *s);
/* The peer's FIN: nothing urgent comes behind it. */
void tcp_urgent_fin(struct tcp_conn *c);
/* Whether urgent bytes remain to be read. */
bool tcp_urgent_pending(const struct tcp_conn *c);
/* Whether the last of them is read next. */
bool tcp_urgent_at_mark(const struct tcp_conn *c);
/* How much of len one read may take. */
uint32_t tcp_urgent_limit(const struct tcp_conn *c, uint32_t len);
/* The user has read. */
void tcp_urgent_read(struct tcp_conn *c);
/* Whether a segment that starts at seq has the pointer, and what it says. */
bool tcp_urgent_sending(const struct tcp_conn *c, uint32_t seq);
uint16_t tcp_urgent_field(const struct tcp_conn *c, uint32_t seq);
/* snd_una moved. */
void tcp_urgent_acked(struct tcp_conn *c);
/* All that is queued is urgent: sends what can be, and the pointer. */
void tcp_urgent_output(struct tcp_conn *c);

/* --- tcp_tune.c ---------------------------------------------------------- */

/* How much may wait to be read (shared with what is on its way), and the
 * largest that this may become. */
uint32_t tcp_rcvbuf(const struct tcp_conn *c);
uint32_t tcp_rcvbuf_max(const struct tcp_conn *c);
/* How much may wait to be acknowledged; c has a socket. */
uint32_t tcp_sndbuf(const struct tcp_conn *c);
/* The application took bytes out of the receive queue. */
void tcp_tune_drained(struct tcp_conn *c, uint32_t bytes);
/* An ACK made progress: the send buffer may grow.  Whoever calls it tells a
 * user who could not write. */
void tcp_tune_acked(struct tcp_conn *c);
/* Gives back what the receive buffer grew by. */
void tcp_tune_end(struct tcp_conn *c);

/* --- tcp_hystart.c -------------------------------------------------------- */

void tcp_hystart_init(struct tcp_conn *c);
/* r has arrived: a round trip. */
void tcp_hystart_sample(struct tcp_conn *c, const struct tcp_sent *r);
/* Bytes were acknowledged in the first slow start; grow: cwnd may. */
void tcp_hystart_acked(struct tcp_conn *c, uint32_t acked, bool grow);

/* --- tcp_pace.c ----------------------------------------------------------- */

/* Whether round trips are long enough for pacing. */
bool tcp_pace_active(const struct tcp_conn *c);
/* Whether a segment may leave now; else TCP_TIMER_PACE tells when. */
bool tcp_pace_allows(struct tcp_conn *c);
/* Text leaves; before last_sent_ns is now. */
void tcp_pace_sent(struct tcp_conn *c, uint32_t bytes);

/* --- tcp_ecn.c ----------------------------------------------------------- */

/* What our SYN or SYN-ACK says of ECN now: TCP_ECE, TCP_CWR. */
uint8_t tcp_ecn_syn_flags(struct tcp_conn *c);
/* The peer's SYN or SYN-ACK is here. */
void tcp_ecn_agree(struct tcp_conn *c, const struct tcp_seg *s);
/* p is about to leave; fresh: with new text, not as a probe.  Sets its ECN
 * field, returns flags to add. */
uint8_t tcp_ecn_sent(struct tcp_conn *c, struct pkt *p, bool fresh);
/* An ACK: reduces the window when it says that the network is congested, and
 * returns whether it does. */
bool tcp_ecn_ack(
    struct tcp_conn *c, const struct tcp_seg *s, uint32_t prior_pipe);
/* An acceptable segment, its text trimmed to the window. */
void tcp_ecn_rx(struct tcp_conn *c, const struct tcp_seg *s);

/* --- tcp_out.c ----------------------------------------------------------- */

/* Text that fits a segment sent now: mss, less what further options take (RFC
 * 6691).  Congestion control counts in mss. */
uint32_t tcp_eff_mss(const struct tcp_conn *c);

/* Sends what may be sent now: data, FIN, or an ACK that is due.  force: a small
 * segment too.  Sees to it that a timer runs while something is left. */
void tcp_output(struct tcp_conn *c);
void tcp_output_forced(struct tcp_conn *c);

/* What a link with this MTU lets the peer send. */
uint16_t tcp_our_mss(const struct tcp_conn *c, uint32_t mtu);
void tcp_send_syn(struct tcp_conn *c); /* SYN, or SYN-ACK when SYN-RECEIVED */
/* The same with these options, and MSS; no timer knows of it. */
void tcp_send_syn_with(struct tcp_conn *c, struct tcp_options *opt);
void tcp_send_ack(struct tcp_conn *c);
void tcp_send_rst(struct tcp_conn *c);
/* An ACK that a stranger could provoke: limited (RFC 5961 section 7). */
void tcp_send_challenge_ack(struct tcp_conn *c);
/* A tail loss probe: a new segment, or the last one again (RFC 8985 7.3). */
void tcp_send_tlp(struct tcp_conn *c);
/* A segment that the peer has to answer (RFC 9293 3.8.4). */
void tcp_send_keepalive(struct tcp_conn *c);
/* One byte beyond a closed window (RFC 9293 3.8.6.1). */
void tcp_send_probe(struct tcp_conn *c);
/* A segment that belongs to no connection. */
void tcp_send_bare(struct stack *st, const struct tcp_tuple *t, uint32_t seq,
    uint32_t ack, uint8_t flags);
/* The last ACK of a connection in TIME-WAIT, again. */
void tcp_send_tw_ack(struct stack *st, const struct tcp_tw *w);
/* The window that may be told now; moves rcv_adv (RFC 9293 3.8.6.2.2). */
uint32_t tcp_update_window(struct tcp_conn *c);
/* Bytes that the right edge could move by. */
uint32_t tcp_window_gain(const struct tcp_conn *c);

/* --- tcp_challenge.c ------------------------------------------------------ */

/* Whether another challenge ACK may be sent (RFC 5961 section 7). */
bool tcp_challenge_allowed(struct tcp_conn *c);
/* The same for an ACK in TIME-WAIT. */
bool tcp_tw_ack_allowed(struct stack *st);

/* --- tcp_pmtu.c ----------------------------------------------------------- */

/* Sets mss from all that bounds it. */
void tcp_pmtu_set_mss(struct tcp_conn *c);
/* An ICMP error says that a segment in flight was too big. */
void tcp_pmtu_too_big(struct tcp_conn *c, const struct icmp_error *e);
/* ack arrived; before the send map learns of it. */
void tcp_pmtu_note_ack(struct tcp_conn *c, uint32_t ack);
/* The retransmission timer expired; before anything is sent again. */
void tcp_pmtu_timeout(struct tcp_conn *c);
/* Before sending: a larger segment may be tried after a while. */
void tcp_pmtu_age(struct tcp_conn *c);

/* --- tcp_timer.c --------------------------------------------------------- */

#define TCP_NEVER UINT64_MAX

void tcp_timers_init(struct tcp_conn *c);
/* Arms one, or arms it anew. */
void tcp_timer_arm(struct tcp_conn *c, enum tcp_timer t, uint64_t at_ns);
void tcp_timer_disarm(struct tcp_conn *c, enum tcp_timer t);
/* Disarms all: c ends. */
void tcp_timers_stop(struct tcp_conn *c);

static inline bool tcp_timer_armed(const struct tcp_conn *c, enum tcp_timer t)
{
	return c->due_ns[t] != TCP_NEVER;
}

/* The timeout, backed off (RFC 6298 5.5). */
uint64_t tcp_current_rto_ns(const struct tcp_conn *c);
/* Runs the retransmission timer when it does not and something is out or
 * waits. */
void tcp_timer_ensure(struct tcp_conn *c);
/* An ACK made progress: RFC 6298 5.2, 5.3. */
void tcp_timer_progress(struct tcp_conn *c);
/* Forgets all backing off. */
void tcp_timer_restart(struct tcp_conn *c);
/* The segment that is being timed was acknowledged. */
void tcp_rtt_sample(struct tcp_conn *c);
/* A round trip took so long (RFC 6298 section 2). */
void tcp_rtt_sample_ns(struct tcp_conn *c, uint64_t rtt_ns);

/* Whether something is out or waits to be sent. */
bool tcp_something_waits(const struct tcp_conn *c);

/* --- tcp_keep.c ---------------------------------------------------------- */

void tcp_keep_init(struct tcp_conn *c);
void tcp_keep_expired(struct tcp_conn *c);
/* The peer gave a sign of life. */
void tcp_keep_heard(struct tcp_conn *c);
/* The socket's options changed, or c got its socket or its state. */
void tcp_keep_update(struct tcp_conn *c);

/* --- tcp_recover.c -------------------------------------------------------- */

/* What is believed to be on its way (RFC 6675 "pipe"). */
uint32_t tcp_pipe(const struct tcp_conn *c);
/* The send map learns of an ACK; fills in a. */
void tcp_recover_note_ack(
    struct tcp_conn *c, const struct tcp_seg *s, struct tcp_ack *a);
/* Then, with SND.UNA moved: what was lost, and the windows. */
void tcp_recover_ack(
    struct tcp_conn *c, const struct tcp_seg *s, struct tcp_ack *a);
/* The retransmission timer expired with something out. */
void tcp_recover_timeout(struct tcp_conn *c);
/* A window that was closed is open: what was sent beyond it was not taken. */
void tcp_recover_window_opened(struct tcp_conn *c);
/* Up to end was sent again. */
void tcp_recover_sent_again(struct tcp_conn *c, uint32_t seq, uint32_t end);
/* TCP_TIMER_REO expired: RACK looks again. */
void tcp_recover_reordered(struct tcp_conn *c);

/* --- tcp_rack.c: RFC 8985 ------------------------------------------------- */

/* A round trip of a segment that was sent once. */
void tcp_rack_rtt(struct tcp_conn *c, uint64_t rtt_ns);
/* s says that r has arrived (6.2, steps 1 to 3). */
void tcp_rack_delivered(
    struct tcp_conn *c, const struct tcp_seg *s, const struct tcp_sent *r);
/* s held a D-SACK; a recovery ended (step 4). */
void tcp_rack_dsack(struct tcp_conn *c);
void tcp_rack_recovered(struct tcp_conn *c);
/* Loses what it is time to (step 5); true when something was.  Sees to
 * TCP_TIMER_REO. */
bool tcp_rack_detect(struct tcp_conn *c);
/* Whether a tail loss probe is to be sent, so long after the last sending. */
bool tcp_tlp_allowed(const struct tcp_conn *c);
uint64_t tcp_tlp_pto_ns(const struct tcp_conn *c);
/* An ACK while one may be out: true when it repaired a loss. */
bool tcp_tlp_ack(
    struct tcp_conn *c, const struct tcp_seg *s, struct tcp_ack *a);

/* --- tcp_sock.c ---------------------------------------------------------- */

/* The peer's handshake is complete: to the listener, or to connect. */
void tcp_sock_established(struct tcp_conn *c);
void tcp_sock_readable(struct tcp_conn *c);
/* Whether the user could write; a rise is told with tcp_sock_writable. */
bool tcp_sock_can_write(const struct tcp_conn *c);
void tcp_sock_writable(struct tcp_conn *c);
struct sock *tcp_listener_find(
    const struct stack *st, uint32_t ip, uint16_t port);

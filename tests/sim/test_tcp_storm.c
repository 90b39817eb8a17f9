/* SPDX-License-Identifier: MIT */
/*
 * Anything in any order: users that call whatever they like, segments whose
 * numbers lie near those of the connection they hit, a card that is full or
 * gone, time that jumps.  After each step everything that must always hold is
 * looked at; at the end nothing may be left in a pool.
 *
 * A failure names its seed and step; SEEDS below are few, for each run.
 */
#include "tests/support/net_fixture.h"

#include "net/arp.h"
#include "net/sock_internal.h"
#include "net/tcp_internal.h"

#define SEEDS 60
#define STEPS 2500
#define USERS 14

#define TOLD                                                                   \
	(SOCK_READABLE | SOCK_WRITABLE | SOCK_ERROR | SOCK_PEER_SHUT |         \
	    SOCK_HANGUP)

/* A program's socket, and what it knows of its state. */
struct user {
	struct sock *s;
	struct wait_entry wait;
	uint32_t seen;  /* events when it last looked */
	uint32_t woken; /* and those it was told of since */
};

static struct user user[USERS];
static uint8_t file[40000], buffer[70000];
static struct random rng;
static unsigned long seed, step;
static struct tcp_conn *target; /* some connection, or NULL */
static unsigned conns;

static uint32_t below(uint32_t n)
{
	return random_below(&rng, n);
}

static bool one_in(uint32_t n)
{
	return below(n) == 0;
}

/* --- What must always hold ----------------------------------------------- */

static void hold(bool good, const char *what, const struct tcp_conn *c)
{
	if (good)
		return;
	if (c)
		print_message("state %u una %u nxt %u sendq %u rcv %u "
		              "adv %u wnd %u ooo %u\n",
		    c->state, c->snd_una - c->iss, c->snd_nxt - c->iss,
		    c->sendq.len, c->rcv_nxt - c->irs, c->rcv_adv - c->irs,
		    c->snd_wnd, c->ooo_len);
	fail_msg("seed %lu, step %lu: %s", seed, step, what);
}

static void check_numbers(const struct tcp_conn *c)
{
	hold(c->state != TCP_CLOSED && c->state != TCP_TIME_WAIT,
	    "an ended connection can be found", c);
	hold(seq_le(c->snd_una, c->snd_nxt), "SND.UNA <= SND.NXT", c);
	hold(c->state <= TCP_SYN_RECEIVED || c->fin_acked ||
	         c->snd_nxt - c->snd_una <= c->sendq.len + c->fin_queued,
	    "nothing was sent that is not there", c);
	hold(c->state < TCP_SYN_RECEIVED ||
	         c->rcv_adv - c->rcv_nxt <= (65535u << c->rcv_wscale) + 1,
	    "the window's edge is right of RCV.NXT", c);
}

static void check_timers(const struct tcp_conn *c)
{
	bool waits = c->snd_nxt != c->snd_una || c->sendq.len ||
	             (c->fin_queued && !c->fin_acked);

	hold(!waits || tcp_timer_armed(c, TCP_TIMER_REXMT),
	    "a timer runs for it", c);
	hold(c->state != TCP_FIN_WAIT_2 || !tcp_is_orphan(c) ||
	         tcp_timer_armed(c, TCP_TIMER_REXMT),
	    "an orphan ends some time", c);
	hold(!tcp_is_synchronized(c) || c->rcv_nxt == c->last_ack_sent ||
	         c->ack_now || tcp_timer_armed(c, TCP_TIMER_DELACK),
	    "what came will be acknowledged", c);
}

static void check_out_of_order(const struct tcp_conn *c)
{
	uint32_t n = 0, last = 0;
	struct list *l;

	list_for_each(l, &c->ooo)
	{
		const struct tcp_run *r = container_of(l, struct tcp_run, node);

		hold(n == 0 || seq_lt(last, r->start), "runs do not touch", c);
		hold(
		    r->end - r->start == r->data.len && (r->fin || r->data.len),
		    "a run is what it says", c);
		last = r->end;
		n++;
	}
	hold(n == c->ooo_len, "runs are counted", c);
}

static void check_conn(struct tcp_conn *c)
{
	check_numbers(c);
	check_timers(c);
	check_out_of_order(c);
	if (one_in(++conns))
		target = c;
}

static uint32_t length(const struct list *head)
{
	const struct list *l;
	uint32_t n = 0;

	list_for_each(l, head)
	{
		n++;
	}
	return n;
}

/* Every bit that rose since the program looked was told. */
static void check_user(struct user *u)
{
	uint32_t now = sock_events(u->s);

	hold(
	    !(now & ~u->seen & ~u->woken & TOLD), "a rise is told", u->s->conn);
	if (u->s->listening)
		hold(u->s->syn_len == length(&u->s->syn_queue) &&
		         u->s->accept_len == length(&u->s->accept_queue),
		    "a listener counts", NULL);
	u->seen = now;
	u->woken = 0;
}

static void check_all(void)
{
	struct list *l;

	target = NULL;
	conns = 0;
	for (uint32_t i = 0; i <= fx.st.tcp.bucket_mask; i++)
		list_for_each(l, &fx.st.tcp.conn_buckets[i])
		{
			check_conn(container_of(l, struct tcp_conn, hash_node));
		}
	for (int i = 0; i < USERS; i++)
		if (user[i].s)
			check_user(&user[i]);
	fx_check_ledger();
}

/* --- Users --------------------------------------------------------------- */

static bool told(struct wait_entry *e, uint32_t events)
{
	container_of(e, struct user, wait)->woken |= events;
	return false;
}

static void look(struct user *u)
{
	u->seen = sock_events(u->s);
	u->woken = 0;
}

static void begin(struct user *u)
{
	u->wait = (struct wait_entry){ .wake = told };
	waitq_add(sock_waitq(u->s), &u->wait);
	look(u);
}

static void end(struct user *u)
{
	waitq_remove(&u->wait);
	sock_close(u->s);
	u->s = NULL;
}

static struct user *find_user(bool with_socket)
{
	for (int i = 0; i < 2 * USERS; i++) {
		struct user *u = &user[below(USERS)];

		if (!u->s != with_socket)
			return u;
	}
	return NULL;
}

static struct user *make_socket(void)
{
	struct user *u = find_user(false);

	if (!u || sock_create(&fx.st, SOCK_TYPE_TCP, &u->s))
		return NULL;
	begin(u);
	return u;
}

static void listen_somewhere(void)
{
	const struct sock_addr a = { one_in(3) ? FX_IP : 0,
		(uint16_t)(80 + below(2)) };
	struct user *u = make_socket();

	if (!u)
		return;
	sock_set_opt(u->s, SOCK_OPT_REUSEADDR, (int)below(2));
	sock_bind(u->s, &a);
	sock_listen(u->s, 1 + (int)below(4));
	look(u);
}

/* To the peer, beyond the gateway, to nobody, or to ourselves. */
static void connect_somewhere(void)
{
	static const uint32_t ips[] = { FX_PEER, FX_FAR, 0x0a000055, FX_IP,
		IP_ADDR_LOOPBACK };
	const uint32_t ip = ips[below(5)];
	const struct sock_addr local = { 0, (uint16_t)(5000 + below(2)) };
	const struct sock_addr peer = { ip,
		(uint16_t)(ip == FX_PEER || ip == FX_FAR ? 1000 + below(3)
		                                         : 80 + below(2)) };
	struct user *u = make_socket();

	if (!u)
		return;
	if (one_in(2))
		sock_bind(u->s, &local);
	sock_connect(u->s, &peer);
	look(u);
}

static void accept_one(struct user *listener)
{
	struct user *u = find_user(false);

	if (u && !sock_accept(listener->s, &u->s, NULL))
		begin(u);
	else if (u)
		u->s = NULL;
}

static void set_option(struct user *u)
{
	static const enum sock_opt sizes[] = { SOCK_OPT_SNDBUF,
		SOCK_OPT_RCVBUF };

	if (one_in(3))
		sock_set_opt(u->s, SOCK_OPT_LINGER, (int)below(2) - 1);
	else if (one_in(2))
		sock_set_opt(u->s, SOCK_OPT_NODELAY, (int)below(2));
	else
		sock_set_opt(u->s, sizes[below(2)], 1 + (int)below(200000));
}

static void send_something(struct user *u)
{
	int flags = one_in(4) ? SOCK_MORE : 0;
	uint32_t at = below(30000);

	if (one_in(3))
		sock_send_ref(
		    u->s, file + at, 1 + below(sizeof(file) - at), flags);
	else
		sock_send(u->s, buffer, 1 + below(one_in(3) ? 60000 : 3000),
		    flags, NULL);
}

static void use_socket(struct user *u)
{
	uint32_t what = below(12);

	if (what < 2)
		accept_one(u);
	else if (what < 5)
		send_something(u);
	else if (what < 8)
		sock_recv(u->s, buffer, 1 + below(one_in(2) ? 100 : 70000),
		    one_in(5) ? SOCK_PEEK : 0, NULL);
	else if (what < 9)
		set_option(u);
	else if (what < 10)
		sock_shutdown(u->s, (enum sock_shut)below(3));
	else if (what < 11 && u->s->conn)
		sock_connect(u->s, &u->s->peer);
	else
		end(u);
	if (u->s)
		look(u);
}

static void user_step(void)
{
	struct user *u = find_user(true);

	if (!u || one_in(7))
		(one_in(2) ? listen_somewhere : connect_somewhere)();
	else
		use_socket(u);
}

/* --- Segments ------------------------------------------------------------ */

static uint32_t near(uint32_t x)
{
	return x + below(2) * below(3000) - below(2) * below(3000);
}

static void aim_at_handshake(struct seg *s, const struct tcp_conn *c)
{
	bool active = c->state == TCP_SYN_SENT;

	if (!one_in(3))
		s->flags = active ? (one_in(4) ? S : SA) : (one_in(5) ? SA : A);
	s->seq = active      ? below(UINT32_MAX)
	         : one_in(4) ? c->irs
	                     : near(c->rcv_nxt);
	s->ack = one_in(5) ? near(c->snd_nxt) : c->snd_nxt;
	s->len = one_in(2) ? 0 : s->len;
}

static void aim_at_stream(struct seg *s, const struct tcp_conn *c)
{
	s->seq = one_in(10) ? near(c->rcv_adv) : c->rcv_nxt;
	if (one_in(3))
		s->seq = near(c->rcv_nxt);
	s->ack = one_in(8) ? near(c->snd_una) : c->snd_nxt;
	if (one_in(2))
		s->ack = c->snd_una + below(c->snd_nxt - c->snd_una + 1);
	if (s->flags & (R | S) && !one_in(6))
		s->flags = A;
}

static void aim_at_nobody(struct seg *s)
{
	s->src_ip = one_in(3) ? FX_FAR : FX_PEER;
	s->src_port = (uint16_t)(2000 + below(4));
	s->dst_port = (uint16_t)(80 + below(2));
	s->seq = below(UINT32_MAX);
	s->ack = below(UINT32_MAX);
	if (!one_in(4)) {
		s->flags = S;
		s->len = 0;
	}
}

static void aim(struct seg *s, const struct tcp_conn *c)
{
	s->src_ip = c->t.peer.ip;
	s->src_port = c->t.peer.port;
	s->dst_ip = c->t.local.ip;
	s->dst_port = c->t.local.port;
	if (c->state <= TCP_SYN_RECEIVED)
		aim_at_handshake(s, c);
	else
		aim_at_stream(s, c);
}

static void segment_step(void)
{
	static const uint8_t flags[] = { A, A, A, A, A, A, PA, PA, FA, FPA, S,
		SA, R, RA, S | F, 0, S | R, F, P };
	static const uint16_t lens[] = { 0, 0, 0, 0, 1, 100, 536, 1456 };
	static const int32_t windows[] = { ZERO_WND, 1, 100, 1460, 5000, 65535,
		65535, 65535 };
	struct seg s = { .raw = true,
		.flags = flags[below(sizeof(flags))],
		.len = lens[below(8)],
		.wnd = windows[below(8)] };

	if (one_in(20))
		s.flags = (uint8_t)below(64);
	if (target && !one_in(12))
		aim(&s, target);
	else
		aim_at_nobody(&s);
	if (s.flags & S && !one_in(3))
		s.mss = (uint16_t)(1 + below(one_in(2) ? 65535 : 1500));
	inject_seg(s);
}

/* --- The world ----------------------------------------------------------- */

static void change_address(void)
{
	const struct ip_config none = { 0 }, old = fx.dev.ip;

	ip_set_config(&fx.dev, &none);
	fx_run_ms(below(3000));
	ip_set_config(&fx.dev, &old);
}

static void world_step(void)
{
	uint32_t what = below(300);

	if (what < 25)
		fx.card_full = !fx.card_full;
	else if (what < 50)
		fx.keeps_frames = !fx.keeps_frames;
	else if (what < 75)
		fx_run_ms(below(5000));
	else if (what < 78)
		fx_run_ms(below(200000));
	else if (what < 80)
		netdev_set_link(&fx.dev, false);
	else if (what < 100)
		netdev_set_link(&fx.dev, true);
	else if (what < 101)
		change_address();
	else if (what < 104)
		arp_flush(&fx.dev);
	else
		fx_run_ms(below(60));
	if (!fx.card_full)
		fx_card_done();
}

static void one_step(void)
{
	uint32_t what = below(10);

	if (what < 3)
		user_step();
	else if (what < 9)
		segment_step();
	else
		world_step();
	fx_forget_frames();
	check_all();
}

/* Large pools, small ones, and hardly any. */
static struct stack_limits limits_of(unsigned long n)
{
	struct stack_limits l = fx_limits;

	if (n % 3 == 0)
		l.packets = l.chunks = 1000;
	if (n % 3 == 2) {
		l.packets = 40;
		l.chunks = 20;
	}
	return l;
}

static void run_seed(void)
{
	const struct stack_limits l = limits_of(seed);

	memset(&rng, 0, sizeof(rng));
	random_add(&rng, &seed, sizeof(seed), 128);
	memset(user, 0, sizeof(user));
	target = NULL;
	fx_setup_limits(&l);
	for (step = 0; step < STEPS; step++)
		one_step();
	for (int i = 0; i < USERS; i++)
		if (user[i].s)
			end(&user[i]);
	netdev_set_link(&fx.dev, true);
	fx_forget_frames();
	fx_teardown(NULL);
}

static void anything_in_any_order_leaves_nothing_behind(void **state)
{
	for (seed = 1; seed <= SEEDS; seed++)
		run_seed();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anything_in_any_order_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

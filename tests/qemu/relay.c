/* SPDX-License-Identifier: MIT */
/*
 * A cable that impairs, between two descriptors that carry one frame each call:
 * taps, or datagram sockets.  Each direction has a thread, a queue in order of
 * arrival on the other side, and a generator of its own, so that a seed repeats
 * a run as far as time does.
 *
 *     relay SEED END END    END: FD, or FD:PATH (unix datagrams to PATH)
 *
 * A line on standard input replaces all settings: `loss=0.01 delay=5`; rates
 * are of frames, from 0 to 1.  Its end ends the relay, which then says what
 * happened to the frames of each direction.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 2048
#define S_TO_NS   1e9
#define MS_TO_NS  1e6
#define IDLE_NS   200000000ull

enum setting {
	LOSS,
	DOUBLE,
	DAMAGE,
	LATE, /* the rate of frames that come LATE_MS later than others */
	LATE_MS,
	DELAY, /* milliseconds */
	MBIT,  /* per second, 0: no limit */
	QUEUE, /* bytes that wait for their turn; more are lost */
	SETTINGS
};

static const char *const names[SETTINGS] = { "loss", "double", "damage", "late",
	"late_ms", "delay", "mbit", "queue" };
static double settings[SETTINGS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int ending;

struct end {
	int fd;
	struct sockaddr_un to; /* unix datagrams, when it has a path */
};

struct frame {
	struct frame *next;
	uint64_t due_ns;
	size_t len;
	uint8_t bytes[FRAME_MAX];
};

struct direction {
	struct end *from, *to;
	uint64_t random;
	double set[SETTINGS];
	struct frame *first;
	uint64_t free_ns; /* when the wire has sent all that it has */
	unsigned frames, lost, full, late, doubled, damaged;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* xorshift64* */
static uint64_t next_random(struct direction *d)
{
	d->random ^= d->random >> 12;
	d->random ^= d->random << 25;
	d->random ^= d->random >> 27;
	return d->random * 0x2545f4914f6cdd1dull;
}

static int happens(struct direction *d, enum setting rate)
{
	return (next_random(d) >> 11) * 0x1p-53 < d->set[rate];
}

/* Behind those that are due at the same time. */
static void enqueue(struct direction *d, const struct frame *f, uint64_t due)
{
	struct frame **at = &d->first, *copy = malloc(sizeof(*copy));

	memcpy(copy, f, sizeof(*copy));
	copy->due_ns = due;
	while (*at && (*at)->due_ns <= due)
		at = &(*at)->next;
	copy->next = *at;
	*at = copy;
}

/* The time when the last bit of it left the wire; 0: no room. */
static uint64_t transmit(struct direction *d, size_t len)
{
	double ns_per_byte;
	uint64_t t = now();

	if (d->set[MBIT] == 0)
		return t;
	ns_per_byte = 8e3 / d->set[MBIT];
	if (d->free_ns < t)
		d->free_ns = t;
	if (d->set[QUEUE] > 0 &&
	    (double)(d->free_ns - t) > d->set[QUEUE] * ns_per_byte)
		return 0;
	d->free_ns += (uint64_t)((double)(len + 24) * ns_per_byte);
	return d->free_ns;
}

static void accept_frame(struct direction *d, struct frame *f)
{
	uint64_t due = transmit(d, f->len);

	d->frames++;
	if (due == 0) {
		d->full++;
		return;
	}
	if (happens(d, LOSS)) {
		d->lost++;
		return;
	}
	if (happens(d, DAMAGE) && f->len > 40) {
		f->bytes[14 + next_random(d) % (f->len - 14)] ^=
		    1 << next_random(d) % 8;
		d->damaged++;
	}
	due += (uint64_t)(d->set[DELAY] * MS_TO_NS);
	if (happens(d, LATE)) {
		due += (uint64_t)(d->set[LATE_MS] * MS_TO_NS);
		d->late++;
	}
	enqueue(d, f, due);
	if (happens(d, DOUBLE)) {
		enqueue(d, f, due);
		d->doubled++;
	}
}

/* Waits while the other side is busy; one that is not there loses frames. */
static void deliver(struct end *to, const struct frame *f)
{
	if (to->to.sun_path[0])
		(void)!sendto(to->fd, f->bytes, f->len, 0,
		    (struct sockaddr *)&to->to, sizeof(to->to));
	else
		(void)!write(to->fd, f->bytes, f->len);
}

static uint64_t deliver_due(struct direction *d)
{
	struct frame *f;

	while ((f = d->first) && f->due_ns <= now()) {
		deliver(d->to, f);
		d->first = f->next;
		free(f);
	}
	return f ? f->due_ns : now() + IDLE_NS;
}

static void *relay(void *arg)
{
	struct direction *d = arg;
	struct pollfd p = { .fd = d->from->fd, .events = POLLIN };
	struct frame f;
	ssize_t n;

	prctl(PR_SET_TIMERSLACK, 1);
	while (!ending) {
		uint64_t wake = deliver_due(d), t = now();
		uint64_t wait = wake > t ? wake - t : 0;
		struct timespec ts = { wait / 1000000000, wait % 1000000000 };

		if (ppoll(&p, 1, &ts, NULL) <= 0)
			continue;
		n = read(d->from->fd, f.bytes, sizeof(f.bytes));
		if (n <= 0)
			continue;
		f.len = (size_t)n;
		pthread_mutex_lock(&lock);
		memcpy(d->set, settings, sizeof(settings));
		pthread_mutex_unlock(&lock);
		accept_frame(d, &f);
	}
	return NULL;
}

static int change(char *line)
{
	double wanted[SETTINGS] = { 0 };
	char *word, *value;
	int i;

	for (word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
		value = strchr(word, '=');
		for (i = 0; value && i < SETTINGS; i++)
			if (strncmp(word, names[i], value - word) == 0 &&
			    names[i][value - word] == '\0')
				break;
		if (!value || i == SETTINGS)
			return -1;
		wanted[i] = atof(value + 1);
	}
	pthread_mutex_lock(&lock);
	memcpy(settings, wanted, sizeof(settings));
	pthread_mutex_unlock(&lock);
	return 0;
}

static struct end parse_end(char *arg)
{
	struct end e = { .fd = atoi(arg), .to.sun_family = AF_UNIX };
	char *path = strchr(arg, ':');

	if (path)
		strncpy(e.to.sun_path, path + 1, sizeof(e.to.sun_path) - 1);
	return e;
}

int main(int argc, char **argv)
{
	struct end ends[2];
	struct direction d[2] = { 0 };
	pthread_t threads[2];
	char line[256];
	int i, n;

	if (argc != 4)
		return 2;
	for (i = 0; i < 2; i++)
		ends[i] = parse_end(argv[2 + i]);
	for (i = 0; i < 2; i++) {
		d[i].from = &ends[i];
		d[i].to = &ends[!i];
		d[i].random = strtoull(argv[1], NULL, 10) * 2 + i + 1;
		for (n = 0; n < 16; n++)
			next_random(&d[i]);
		pthread_create(&threads[i], NULL, relay, &d[i]);
	}
	while (fgets(line, sizeof(line), stdin)) {
		puts(change(line) == 0 ? "ok" : "what?");
		fflush(stdout);
	}
	ending = 1;
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		printf("%u frames, %u lost, %u full, %u late, %u doubled, "
		       "%u damaged\n",
		    d[i].frames, d[i].lost, d[i].full, d[i].late, d[i].doubled,
		    d[i].damaged);
	}
	return 0;
}

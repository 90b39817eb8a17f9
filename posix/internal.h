/* SPDX-License-Identifier: MIT */
/*
 * What the files of posix/ share: the environment, and open files.
 *
 * A descriptor is a number in the environment's table; it names an open file
 * (struct ofile), which is a socket, an epoll, a file of the stick or a stream
 * of the log.  The table holds one reference and so does every call that may
 * wait; the last one to go releases what is below.  So a thread that waits in a
 * call never looks at its number again, and closing it is safe: close marks the
 * open file, wakes whoever waits, and they return -EBADF.
 *
 * Inside posix/ a failure is a negative error number; the outermost function
 * turns it into -1 and errno by posix_result.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include "lib/errno.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/pool.h"
#include "net/sock.h"
#include "posix/heap.h"
#include "posix/posix.h"
#include "sched/thread.h"
#include "sched/wait.h"

struct epoll;
struct file;
struct ofile;
struct stat;

/* What each kind of open file does; NULL where it cannot. */
struct ofile_ops {
	ptrdiff_t (*read)(struct ofile *f, void *buf, size_t len);
	ptrdiff_t (*write)(struct ofile *f, const void *buf, size_t len);
	/* Present EPOLL* events, and the queue that is woken when they rise;
	 * kinds without them are always ready. */
	uint32_t (*events)(const struct ofile *f);
	struct waitq *(*waitq)(const struct ofile *f);
	void (*stat)(const struct ofile *f, struct stat *out);
	/* Gives up what is below; the last reference is gone. */
	void (*release)(struct ofile *f);
};

struct ofile_socket {
	struct sock *sock;
	enum sock_type type;
	uint64_t rcv_timeout_ns, snd_timeout_ns; /* 0: none */
};

struct ofile_file {
	const struct file *entry; /* NULL for a generated text */
	const uint8_t *data;
	void *text; /* of a generated file: ours to free */
	size_t len, pos;
};

struct ofile {
	const struct ofile_ops *ops;
	struct posix_env *env;
	uint32_t refs;
	bool closed, nonblock;
	struct list watches; /* struct epoll_item */
	union {
		struct ofile_socket socket;
		struct ofile_file file;
		struct epoll *epoll;
		struct rl_file *log;
	};
};

/* A stream of the log collects a line. */
struct rl_file {
	enum log_level level;
	size_t len;
	char line[LOG_LINE_BYTES - 64];
};

struct posix_proc {
	const char *name;
	posix_proc_gen *gen;
	void *ctx;
};

struct posix_env {
	struct posix_config config;
	struct ofile **fds;
	uint64_t *fds_free; /* bitmap: 1 is free */
	uint32_t fds_hint;  /* no word below this one has a free bit */
	struct pool ofiles, watches, epolls;
	struct heap heap;
	struct rl_file out, err;
	struct posix_proc proc[POSIX_PROCS_MAX];
	uint32_t proc_count;
	bool wall_known;
	int64_t wall_epoch_ns;
	char inet_text[16]; /* of inet_ntoa */
	uint32_t calls;     /* since the environment was made */
};

extern const struct ofile_ops socket_ops;
extern const struct ofile_ops epoll_ops;
extern const struct ofile_ops file_ops;
extern const struct ofile_ops log_ops;

static inline struct posix_env *posix_env(void)
{
	return thread_env();
}

/* The first step of every call that a program may repeat for ever.  It is a
 * scheduling point; now and then other threads get the CPU too, or a program
 * that always finds something to do would keep it. */
void posix_enter(void);

/* The last step of every call: -1 and errno for a failure. */
static inline ptrdiff_t posix_result(ptrdiff_t rc)
{
	if (rc >= 0)
		return rc;
	*thread_errno() = (int)-rc;
	return -1;
}

/* --- fd.c ---------------------------------------------------------------- */

/* Makes an open file with one reference and a number for it.  Returns the
 * number, -EMFILE or -ENFILE; the caller fills *out. */
int fd_open(const struct ofile_ops *ops, struct ofile **out);

/* Takes back what fd_open made, before anybody saw it. */
void fd_abandon(int fd);

/* Takes a reference for the time of a call.  NULL: no such descriptor. */
struct ofile *fd_get(int fd);
void ofile_put(struct ofile *f);

/* As fd_get and right kind: 0, -EBADF, or `wrong` for another kind. */
int fd_get_kind(
    int fd, const struct ofile_ops *ops, int wrong, struct ofile **out);

/* Present events; a kind that does not wait is readable and writable. */
uint32_t ofile_events(const struct ofile *f);

/* Waits for a change.  0, -EBADF when the file was closed meanwhile, or
 * -EAGAIN when the deadline passed. */
int ofile_wait(struct ofile *f, bool exclusive, uint64_t deadline_ns);

/* The moment that lies so far ahead, WAIT_FOREVER at most; and that of a
 * timeout, where 0 is none. */
uint64_t posix_after(uint64_t wait_ns);
uint64_t posix_deadline(uint64_t timeout_ns);

/* --- between files ------------------------------------------------------- */

/* epoll.c: takes a file that is being closed off every epoll. */
void epoll_forget(struct ofile *f);
size_t epoll_object_bytes(void);
size_t epoll_item_bytes(void);

/* socket.c: sends on a TCP socket, by reference when the bytes live for ever,
 * and waits as the socket's mode says.  Returns bytes taken or an error. */
ptrdiff_t socket_send_file(
    struct ofile *f, const uint8_t *data, size_t len, bool immortal);

/* socket.c: as write, of one piece of several; more: another follows. */
ptrdiff_t socket_send_piece(
    struct ofile *f, const void *data, size_t len, bool more);

/* stdio.c: adds bytes to a stream of the log. */
void log_stream_write(struct rl_file *f, const char *s, size_t len);

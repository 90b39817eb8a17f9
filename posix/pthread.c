/* SPDX-License-Identifier: MIT */
/* Threads of applications: the cooperative ones of sched/. */
#include <pthread.h>
#include <stdlib.h>

#include "posix/internal.h"

struct start {
	void *(*fn)(void *);
	void *arg;
};

static void run(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	s.fn(s.arg);
}

int pthread_create(
    pthread_t *out, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	struct start *s;
	struct thread *t;

	if (attr)
		return EINVAL;
	s = malloc(sizeof(*s));
	if (!s)
		return EAGAIN;
	*s = (struct start){ fn, arg };
	t = thread_create(thread_name(thread_self()), run, s);
	if (!t) {
		free(s);
		return EAGAIN;
	}
	if (out)
		*out = (pthread_t)t;
	return 0;
}

int pthread_detach(pthread_t thread)
{
	return 0;
}

pthread_t pthread_self(void)
{
	return (pthread_t)thread_self();
}

int pthread_equal(pthread_t a, pthread_t b)
{
	return a == b;
}

void pthread_exit(void *result)
{
	thread_exit();
}

void exit(int status)
{
	if (status != 0)
		log_warn("%s: ended with status %d", thread_name(thread_self()),
		    status);
	thread_exit();
}

void abort(void)
{
	log_error("%s: aborted", thread_name(thread_self()));
	thread_exit();
}

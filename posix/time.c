/* SPDX-License-Identifier: MIT */
/*
 * Clocks and the calendar.  Days are counted with years that begin in March,
 * so that the leap day is the last of its year.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "posix/internal.h"

#include "lib/fmt.h"
#include "sched/timer.h"

#define SECONDS_PER_DAY 86400

/* Days from 1 March of year 0 to 1 January 1970. */
#define DAYS_TO_1970   719468
#define DAYS_PER_400_Y 146097
#define DAYS_PER_100_Y 36524
#define DAYS_PER_4_Y   1461

/* --- Clocks -------------------------------------------------------------- */

static void to_timespec(uint64_t ns, struct timespec *out)
{
	out->tv_sec = (time_t)(ns / NS_PER_S);
	out->tv_nsec = (long)(ns % NS_PER_S);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	struct posix_env *env = posix_env();
	uint64_t now_ns = env->config.clock_ns();

	if (clock == CLOCK_MONOTONIC) {
		to_timespec(now_ns, out);
		return 0;
	}
	if (clock != CLOCK_REALTIME || !env->wall_known)
		return (int)posix_result(-EINVAL);
	to_timespec((uint64_t)env->wall_epoch_ns + now_ns, out);
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -1;
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *tv, void *tz)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -1;
	tv->tv_sec = now.tv_sec;
	tv->tv_usec = now.tv_nsec / 1000;
	return 0;
}

/* --- Sleeping ------------------------------------------------------------ */

static void sleep_ns(uint64_t ns)
{
	uint64_t now_ns = posix_env()->config.clock_ns();

	if (ns > WAIT_FOREVER - now_ns)
		ns = WAIT_FOREVER - now_ns;
	thread_sleep_until(now_ns + ns);
}

int nanosleep(const struct timespec *want, struct timespec *left)
{
	if (want->tv_sec < 0 || want->tv_nsec < 0 ||
	    want->tv_nsec >= (long)NS_PER_S)
		return (int)posix_result(-EINVAL);
	sleep_ns((uint64_t)want->tv_sec * NS_PER_S + (uint64_t)want->tv_nsec);
	if (left)
		*left = (struct timespec){ 0 };
	return 0;
}

unsigned sleep(unsigned seconds)
{
	sleep_ns(seconds * NS_PER_S);
	return 0;
}

int usleep(unsigned microseconds)
{
	sleep_ns(microseconds * NS_PER_US);
	return 0;
}

int sched_yield(void)
{
	thread_yield();
	return 0;
}

/* --- Calendar ------------------------------------------------------------ */

static bool is_leap(long year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Division that rounds down, for times before 1970. */
static long floor_div(long a, long b)
{
	return a / b - (a % b < 0);
}

static void set_date(long days, struct tm *out)
{
	static const short before_month[12] = { 0, 31, 59, 90, 120, 151, 181,
		212, 243, 273, 304, 334 };
	long era = floor_div(days + DAYS_TO_1970, DAYS_PER_400_Y);
	long day = days + DAYS_TO_1970 - era * DAYS_PER_400_Y;
	/* The last day of 4, 100 and 400 years is the leap day of its year. */
	long y = (day - day / (DAYS_PER_4_Y - 1) + day / DAYS_PER_100_Y -
	             day / (DAYS_PER_400_Y - 1)) /
	         365;
	long in_year = day - (365 * y + y / 4 - y / 100);
	/* March to July and August to December repeat 31 30 31 30 31. */
	long month = (5 * in_year + 2) / 153;
	long year = era * 400 + y + (month >= 10);

	out->tm_mday = (int)(in_year - (153 * month + 2) / 5 + 1);
	out->tm_mon = (int)(month < 10 ? month + 2 : month - 10);
	out->tm_year = (int)(year - 1900);
	out->tm_yday = before_month[out->tm_mon] + out->tm_mday - 1 +
	               (out->tm_mon > 1 && is_leap(year));
}

struct tm *gmtime_r(const time_t *t, struct tm *out)
{
	long days = floor_div(*t, SECONDS_PER_DAY);
	long left = *t - days * SECONDS_PER_DAY;

	memset(out, 0, sizeof(*out));
	set_date(days, out);
	out->tm_hour = (int)(left / 3600);
	out->tm_min = (int)(left / 60 % 60);
	out->tm_sec = (int)(left % 60);
	/* 1 January 1970 was a Thursday. */
	out->tm_wday = (int)(days + 4 - floor_div(days + 4, 7) * 7);
	out->tm_zone = "GMT";
	return out;
}

static void add_char(struct text *t, char c)
{
	if (t->len + 1 < t->size)
		t->buf[t->len++] = c;
	else
		t->truncated = true;
}

/* At least `width` digits. */
static void add_number(struct text *t, int v, int width)
{
	unsigned left = v < 0 ? 0 - (unsigned)v : (unsigned)v, unit = 1;

	if (v < 0)
		add_char(t, '-');
	for (; left / unit > 9 || width > 1; width--)
		unit *= 10;
	for (; unit > 0; unit /= 10)
		add_char(t, (char)('0' + left / unit % 10));
}

/* Three numbers of a date or of a time. */
static void add_three(
    struct text *t, char between, int first, int second, int third)
{
	add_number(t, first, 2);
	add_char(t, between);
	add_number(t, second, 2);
	add_char(t, between);
	add_number(t, third, 2);
}

static void add_field(struct text *t, char field, const struct tm *tm)
{
	static const char day_names[] = "SunMonTueWedThuFriSat";
	static const char month_names[] =
	    "JanFebMarAprMayJunJulAugSepOctNovDec";

	switch (field) {
	case 'a':
		fmt_add_run(t, &day_names[3 * tm->tm_wday], 3);
		break;
	case 'b':
		fmt_add_run(t, &month_names[3 * tm->tm_mon], 3);
		break;
	case 'd':
		add_number(t, tm->tm_mday, 2);
		break;
	case 'e':
		if (tm->tm_mday < 10)
			add_char(t, ' ');
		add_number(t, tm->tm_mday, 1);
		break;
	case 'F':
		add_three(
		    t, '-', tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday);
		break;
	case 'H':
		add_number(t, tm->tm_hour, 2);
		break;
	case 'j':
		add_number(t, tm->tm_yday + 1, 3);
		break;
	case 'm':
		add_number(t, tm->tm_mon + 1, 2);
		break;
	case 'M':
		add_number(t, tm->tm_min, 2);
		break;
	case 'S':
		add_number(t, tm->tm_sec, 2);
		break;
	case 'T':
		add_three(t, ':', tm->tm_hour, tm->tm_min, tm->tm_sec);
		break;
	case 'y':
		add_number(t, tm->tm_year % 100, 2);
		break;
	case 'Y':
		add_number(t, tm->tm_year + 1900, 1);
		break;
	case 'Z':
		/* None where a program filled tm by hand. */
		for (const char *c = tm->tm_zone; c && *c; c++)
			add_char(t, *c);
		break;
	default:
		add_char(t, field);
	}
}

size_t strftime(char *buf, size_t size, const char *fmt, const struct tm *tm)
{
	struct text t = { .buf = buf, .size = size };

	for (; *fmt; fmt++) {
		if (fmt[0] != '%')
			add_char(&t, fmt[0]);
		else if (fmt[1])
			add_field(&t, *++fmt, tm);
	}
	if (size > 0)
		buf[t.len] = '\0';
	return t.truncated ? 0 : t.len;
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* An epoll, in which the timer stands without a context. */
#include "wakeup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

enum { EVENTS_AT_ONCE = 16 };

void close_wakeup(struct wakeup *wakeup)
{
	if (wakeup->epoll >= 0)
		close(wakeup->epoll);
	if (wakeup->timer >= 0)
		close(wakeup->timer);
	wakeup->epoll = wakeup->timer = -1;
}

static bool fail_to_open(struct wakeup *wakeup)
{
	int error = errno;
	close_wakeup(wakeup);
	errno = error;
	return false;
}

static bool open_descriptors(struct wakeup *wakeup)
{
	wakeup->epoll = epoll_create1(EPOLL_CLOEXEC);
	wakeup->timer = timerfd_create(OUR_CLOCK, TFD_CLOEXEC | TFD_NONBLOCK);
	wakeup->timer_at = INT64_MAX;
	return (wakeup->epoll >= 0 && wakeup->timer >= 0) || fail_to_open(wakeup);
}

static bool watch(const struct wakeup *wakeup, int fd, struct context *context)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = context };
	return epoll_ctl(wakeup->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool open_wakeup(struct wakeup *wakeup)
{
	return open_descriptors(wakeup) && (watch(wakeup, wakeup->timer, NULL) || fail_to_open(wakeup));
}

bool renew_wakeup(struct wakeup *wakeup)
{
	struct wakeup renewed;
	if (!open_descriptors(&renewed))
		return false;
	dup3(renewed.epoll, wakeup->epoll, O_CLOEXEC);
	dup3(renewed.timer, wakeup->timer, O_CLOEXEC);
	close_wakeup(&renewed);
	wakeup->timer_at = INT64_MAX;
	return watch(wakeup, wakeup->timer, NULL);
}

bool watch_context(struct wakeup *wakeup, struct context *context)
{
	return watch(wakeup, context_fd(context), context);
}

/* By hand: closing does not unwatch what a forked child still holds open. */
void unwatch_context(struct wakeup *wakeup, struct context *context)
{
	epoll_ctl(wakeup->epoll, EPOLL_CTL_DEL, context_fd(context), NULL);
}

void process_watched(struct wakeup *wakeup)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(wakeup->epoll, events, EVENTS_AT_ONCE, 0);
	for (int i = 0; i < count; i++)
		if (events[i].data.ptr != NULL)
			process_context(events[i].data.ptr);
}

/* A timer that is due too early is left alone: setting it costs a system call, and waking once for nothing less. */
void set_wakeup(struct wakeup *wakeup, int64_t when)
{
	bool is_due = wakeup->timer_at != INT64_MAX && wakeup->timer_at <= monotonic_ms();
	if (when == wakeup->timer_at || (when > wakeup->timer_at && !is_due))
		return;
	struct itimerspec time = { .it_value = { 0, 0 } };
	if (when != INT64_MAX)
		time.it_value = (struct timespec){ .tv_sec = when / 1000, .tv_nsec = when % 1000 * 1000000 };
	timerfd_settime(wakeup->timer, TFD_TIMER_ABSTIME, &time, NULL);
	wakeup->timer_at = when;
}

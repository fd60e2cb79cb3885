/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* An epoll, in which the timer stands without a context. */
#include "wakeup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

enum { EVENTS_AT_ONCE = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list wakeups; /* of this process, of all threads. Under the lock */

static void close_descriptors(struct wakeup *wakeup)
{
	int error = errno;
	if (wakeup->epoll >= 0)
		close(wakeup->epoll);
	if (wakeup->timer >= 0)
		close(wakeup->timer);
	wakeup->epoll = wakeup->timer = -1;
	errno = error;
}

static bool watch(const struct wakeup *wakeup, int fd, struct context *context)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = context };
	return epoll_ctl(wakeup->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_descriptors(struct wakeup *wakeup)
{
	wakeup->epoll = epoll_create1(EPOLL_CLOEXEC);
	wakeup->timer = timerfd_create(OUR_CLOCK, TFD_CLOEXEC | TFD_NONBLOCK);
	wakeup->timer_at = INT64_MAX;
	if (wakeup->epoll >= 0 && wakeup->timer >= 0)
		return true;
	close_descriptors(wakeup);
	return false;
}

/* What is behind the numbers is the parent's too, and its timer is not ours to set. Only system calls: other threads may have held any lock. */
static void renew_descriptors(struct wakeup *wakeup)
{
	struct wakeup renewed;
	wakeup->is_parents = !open_descriptors(&renewed);
	if (wakeup->is_parents)
		return;
	dup3(renewed.epoll, wakeup->epoll, O_CLOEXEC);
	dup3(renewed.timer, wakeup->timer, O_CLOEXEC);
	close_descriptors(&renewed);
	watch(wakeup, wakeup->timer, NULL);
	wakeup->renewals++;
	wakeup->timer_at = INT64_MAX;
	set_wakeup(wakeup, 1);
}

static struct wakeup *wakeup_at(struct list_item *item)
{
	return (struct wakeup *)((char *)item - offsetof(struct wakeup, in_process));
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void)
{
	for (struct list_item *item = wakeups.first; item != NULL; item = item->next) {
		struct wakeup *wakeup = wakeup_at(item);
		wakeup->forks++;
		renew_descriptors(wakeup);
	}
	after_fork();
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

bool open_wakeup(struct wakeup *wakeup)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, watch_forks);

	*wakeup = (struct wakeup){ .epoll = -1 };
	if (!open_descriptors(wakeup))
		return false;
	if (!watch(wakeup, wakeup->timer, NULL)) {
		close_descriptors(wakeup);
		return false;
	}
	pthread_mutex_lock(&lock);
	append_item(&wakeups, &wakeup->in_process);
	pthread_mutex_unlock(&lock);
	return true;
}

void close_wakeup(struct wakeup *wakeup)
{
	pthread_mutex_lock(&lock);
	remove_item(&wakeups, &wakeup->in_process);
	pthread_mutex_unlock(&lock);
	close_descriptors(wakeup);
}

bool has_descriptors(struct wakeup *wakeup)
{
	if (wakeup->is_parents)
		renew_descriptors(wakeup);
	return !wakeup->is_parents;
}

bool watch_context(struct wakeup *wakeup, struct context *context)
{
	errno = EMFILE;
	return !wakeup->is_parents && watch(wakeup, context_fd(context), context);
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
	if (wakeup->is_parents)
		return;
	bool is_due = wakeup->timer_at != INT64_MAX && wakeup->timer_at <= monotonic_ms();
	if (when == wakeup->timer_at || (when > wakeup->timer_at && !is_due))
		return;
	struct itimerspec time = { .it_value = { 0, 0 } };
	if (when != INT64_MAX)
		time.it_value = (struct timespec){ .tv_sec = when / 1000, .tv_nsec = when % 1000 * 1000000 };
	timerfd_settime(wakeup->timer, TFD_TIMER_ABSTIME, &time, NULL);
	wakeup->timer_at = when;
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The two tables of functions that libunbound's pluggable event API asks for (event_api.h), over epoll and a heap of timeouts. */
#include "event_loop.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "event_api.h"

enum {
	READY_AT_ONCE = 16,    /* each may be a millisecond of crypto, and new questions wait behind them */
	TIMEOUTS_AT_ONCE = 64, /* most of them only send a question */
	PATIENCE = 1000000,    /* microseconds: an answer may lie ready so long, behind others, before its timeout asks again */
	IO_BITS = UB_EV_READ | UB_EV_WRITE
};

struct event_loop {
	struct ub_event_base base; /* first: libunbound hands it back as the loop */
	struct heap timeouts;      /* in microseconds */
	struct heap immediate;     /* timeouts of none at all: libunbound sets one before it sends */
	uint64_t order;            /* of the timeout set last */
	size_t event_count;        /* both heaps have room for all of them: a timeout that could not be set would leave libunbound waiting */
	bool is_short;             /* an event could not be made */
	int epoll;                 /* owned */
	struct hold (*look)(void *data, int fd); /* before libunbound reads; NULL: nobody does */
	void *looker;
	struct heap held; /* events that are not watched for a while */
	int ready_count;  /* of ready, while its callbacks run */
	struct epoll_event ready[READY_AT_ONCE];
};

struct event {
	struct ub_event base;     /* first */
	struct heap_item timeout; /* in the loop's heap while it runs */
	struct event_loop *loop;  /* not owned */
	event_callback callback;
	void *data;
	int64_t interval; /* microseconds, of the timeout; -1: none */
	int fd;           /* -1: a timer */
	short bits;
	bool watched;           /* by epoll */
	struct heap_item held;  /* in the loop's heap while libunbound does not read it */
	const void *held_until; /* the last one's; NULL: it was not held since something was read */
};

static struct event *as_event(struct ub_event *event)
{
	return (struct event *)event;
}

static struct event *timed_event(struct heap_item *item)
{
	return (struct event *)((char *)item - offsetof(struct event, timeout));
}

static bool start_timeout(struct event *event)
{
	take_item(&event->timeout);
	event->timeout.deadline = monotonic_us() + event->interval;
	event->timeout.order = ++event->loop->order;
	return push_item(event->interval == 0 ? &event->loop->immediate : &event->loop->timeouts, &event->timeout);
}

static uint32_t epoll_bits(short bits)
{
	return ((bits & UB_EV_READ) != 0 ? EPOLLIN : 0u) | ((bits & UB_EV_WRITE) != 0 ? EPOLLOUT : 0u);
}

static bool watch(struct event *event)
{
	if (event->fd < 0 || (event->bits & IO_BITS) == 0)
		return true;
	struct epoll_event watched = { .events = epoll_bits(event->bits), .data.ptr = event };
	event->watched = epoll_ctl(event->loop->epoll, EPOLL_CTL_ADD, event->fd, &watched) == 0;
	return event->watched;
}

static void unwatch(struct event *event)
{
	if (!event->watched)
		return;
	event->watched = false;
	epoll_ctl(event->loop->epoll, EPOLL_CTL_DEL, event->fd, NULL);
	for (int i = 0; i < event->loop->ready_count; i++)
		if (event->loop->ready[i].data.ptr == event)
			event->loop->ready[i].events = 0; /* its callback must not run any more */
}

/* What libunbound calls on an event; 0 is success. */

static int event_del(struct ub_event *base)
{
	unwatch(as_event(base));
	take_item(&as_event(base)->held);
	take_item(&as_event(base)->timeout);
	return 0;
}

static int event_add(struct ub_event *base, struct timeval *timeout)
{
	struct event *event = as_event(base);
	event_del(base);
	event->held_until = NULL;
	event->interval = timeout != NULL ? timeout->tv_sec * INT64_C(1000000) + timeout->tv_usec : -1;
	if (timeout != NULL && !start_timeout(event))
		return -1;
	if (watch(event))
		return 0;
	take_item(&event->timeout);
	return -1;
}

static void event_add_bits(struct ub_event *event, short bits)
{
	as_event(event)->bits |= bits;
}

static void event_del_bits(struct ub_event *event, short bits)
{
	as_event(event)->bits &= (short)~bits;
}

static void event_set_fd(struct ub_event *event, int fd)
{
	as_event(event)->fd = fd;
}

static void event_free(struct ub_event *event)
{
	event_del(event);
	as_event(event)->loop->event_count--;
	free(event);
}

static int event_add_timer(struct ub_event *base, struct ub_event_base *loop, event_callback callback, void *data, struct timeval *timeout)
{
	struct event *event = as_event(base);
	(void)loop; /* it never changes */
	event->callback = callback;
	event->data = data;
	return event_add(base, timeout);
}

static int event_add_signal(struct ub_event *event, struct timeval *timeout)
{
	(void)event, (void)timeout;
	return -1;
}

static int event_del_signal(struct ub_event *event)
{
	(void)event;
	return -1;
}

static void event_unregister(struct ub_event *event)
{
	(void)event;
}

static void event_would_block(struct ub_event *event, int bits)
{
	(void)event, (void)bits;
}

static struct ub_event_vmt event_functions = {
	.add_bits = event_add_bits,
	.del_bits = event_del_bits,
	.set_fd = event_set_fd,
	.free = event_free,
	.add = event_add,
	.del = event_del,
	.add_timer = event_add_timer,
	.del_timer = event_del,
	.add_signal = event_add_signal,
	.del_signal = event_del_signal,
	.winsock_unregister_wsaevent = event_unregister,
	.winsock_tcp_wouldblock = event_would_block,
};

/* What libunbound calls on the loop. It runs and ends it only in its other modes. */

static struct ub_event *loop_new_event(struct ub_event_base *base, int fd, short bits, event_callback callback, void *data)
{
	struct event_loop *loop = (struct event_loop *)base;
	struct event *event = calloc(1, sizeof(*event));
	size_t count = loop->event_count + 1;
	if (event == NULL || !reserve_items(&loop->timeouts, count) || !reserve_items(&loop->immediate, count) || !reserve_items(&loop->held, count)) {
		free(event);
		loop->is_short = true;
		return NULL;
	}
	loop->event_count++;
	event->base = (struct ub_event){ .magic = UB_EVENT_MAGIC, .vmt = &event_functions };
	event->loop = loop;
	event->callback = callback;
	event->data = data;
	event->interval = -1;
	event->fd = fd;
	event->bits = bits;
	return &event->base;
}

static struct ub_event *loop_new_signal(struct ub_event_base *base, int number, event_callback callback, void *data)
{
	(void)base, (void)number, (void)callback, (void)data;
	return NULL;
}

static struct ub_event *loop_register(struct ub_event_base *base, void *wsaevent, event_callback callback, void *data)
{
	(void)base, (void)wsaevent, (void)callback, (void)data;
	return NULL;
}

static void loop_free(struct ub_event_base *base)
{
	(void)base;
}

static int loop_dispatch(struct ub_event_base *base)
{
	(void)base;
	return -1;
}

static int loop_exit(struct ub_event_base *base, struct timeval *after)
{
	(void)base, (void)after;
	return 0;
}

static struct ub_event_base_vmt loop_functions = {
	.free = loop_free,
	.dispatch = loop_dispatch,
	.loopexit = loop_exit,
	.new_event = loop_new_event,
	.new_signal = loop_new_signal,
	.winsock_register_wsaevent = loop_register,
};

/* Ours */

struct event_loop *create_event_loop(int wake)
{
	struct epoll_event watched = { .events = EPOLLIN, .data.ptr = NULL };
	struct event_loop *loop = calloc(1, sizeof(*loop));
	if (loop == NULL)
		return NULL;
	loop->base = (struct ub_event_base){ .magic = UB_EVENT_MAGIC, .vmt = &loop_functions };
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, wake, &watched) == 0)
		return loop;
	int error = errno;
	delete_event_loop(loop);
	errno = error;
	return NULL;
}

void delete_event_loop(struct event_loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->epoll >= 0)
		close(loop->epoll);
	free_heap(&loop->timeouts);
	free_heap(&loop->immediate);
	free_heap(&loop->held);
	free(loop);
}

struct ub_event_base *loop_base(struct event_loop *loop)
{
	return &loop->base;
}

/* Milliseconds for epoll_wait. */
static int waiting_time(const struct event_loop *loop)
{
	const struct heap_item *first = top_item(&loop->timeouts), *held = top_item(&loop->held);
	if (top_item(&loop->immediate) != NULL)
		return 0;
	if (first == NULL || (held != NULL && held->deadline < first->deadline))
		first = held;
	if (first == NULL)
		return -1;
	int64_t left = (first->deadline - monotonic_us() + 999) / 1000;
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static short ready_bits(const struct event *event, uint32_t ready)
{
	short bits = 0;
	if ((ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		bits |= UB_EV_READ;
	if ((ready & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
		bits |= UB_EV_WRITE;
	return bits & event->bits;
}

/* An event without UB_EV_PERSIST runs once; the timeout of the others starts anew. */
static void run_event(struct event *event, short bits)
{
	if ((event->bits & UB_EV_PERSIST) == 0)
		event_del(&event->base);
	else if (event->interval >= 0)
		(void)start_timeout(event); /* it was in the heap a moment ago: there is room */
	event->held_until = NULL;
	event->callback(event->fd, bits, event->data);
}

void watch_reads(struct event_loop *loop, struct hold (*look)(void *data, int fd), void *data)
{
	loop->look = look;
	loop->looker = data;
}

static void hold_event(struct event *event, const struct hold *hold)
{
	if (event->held_until == NULL)
		event->held.deadline = hold->until_time;
	event->held_until = hold->until;
	if (event->held.deadline > monotonic_us() && push_item(&event->loop->held, &event->held))
		unwatch(event);
}

static void release_event(struct event *event)
{
	take_item(&event->held);
	(void)watch(event);
}

static struct event *held_event(struct heap_item *item)
{
	return (struct event *)((char *)item - offsetof(struct event, held));
}

void release_held(struct event_loop *loop, const void *until)
{
	for (size_t i = 0; i < loop->held.count;)
		if (held_event(loop->held.items[i])->held_until != until) {
			i++;
		} else {
			release_event(held_event(loop->held.items[i]));
			i = 0; /* the others have moved */
		}
}

static void release_due(struct event_loop *loop, int64_t due)
{
	for (struct heap_item *first; (first = top_item(&loop->held)) != NULL && first->deadline <= due;)
		release_event(held_event(first));
}

/* All of them first: what is seen need not wait until the answers before it are validated. */
static void look_at_ready(struct event_loop *loop)
{
	for (int i = 0; i < loop->ready_count && loop->look != NULL; i++) {
		struct event *event = loop->ready[i].data.ptr;
		if (event == NULL || (ready_bits(event, loop->ready[i].events) & UB_EV_READ) == 0)
			continue;
		struct hold hold = loop->look(loop->looker, event->fd);
		if (hold.until != NULL)
			hold_event(event, &hold);
	}
}

static void run_ready(struct event_loop *loop)
{
	for (int i = 0; i < loop->ready_count; i++) {
		struct event *event = loop->ready[i].data.ptr;
		if (event != NULL && loop->ready[i].events != 0) /* NULL: the one that wakes */
			run_event(event, ready_bits(event, loop->ready[i].events));
	}
	loop->ready_count = 0;
}

static void run_timeouts(struct heap *timeouts, int64_t due)
{
	for (int i = 0; i < TIMEOUTS_AT_ONCE; i++) {
		struct heap_item *first = top_item(timeouts);
		if (first == NULL || first->deadline > due)
			return;
		struct event *event = timed_event(first);
		take_item(first);
		run_event(event, UB_EV_TIMEOUT);
	}
}

void wait_for_events(struct event_loop *loop, bool wait)
{
	int count = epoll_wait(loop->epoll, loop->ready, READY_AT_ONCE, wait ? waiting_time(loop) : 0);
	loop->ready_count = count < 0 ? 0 : count;
}

void run_events(struct event_loop *loop)
{
	bool more = loop->ready_count == READY_AT_ONCE;
	look_at_ready(loop);
	run_ready(loop);
	int64_t now = monotonic_us();
	release_due(loop, now);
	run_timeouts(&loop->immediate, now);
	run_timeouts(&loop->timeouts, more ? now - PATIENCE : now);
}

bool take_shortage(struct event_loop *loop)
{
	bool was_short = loop->is_short;
	loop->is_short = false;
	return was_short;
}

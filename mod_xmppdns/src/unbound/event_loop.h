/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The event loop that libunbound runs on in a thread of ours: descriptors (epoll) and timeouts. One thread's. */
#ifndef XMPPDNS_EVENT_LOOP_H
#define XMPPDNS_EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_loop;
struct ub_event_base;

/* wake: a descriptor, not owned, that ends the waiting when it is readable. NULL with errno. */
struct event_loop *create_event_loop(int wake);
void delete_event_loop(struct event_loop *loop); /* its events must be freed before; NULL is allowed */

/* What libunbound's ub_ctx_create_ub_event takes. Borrowed from loop. */
struct ub_event_base *loop_base(struct event_loop *loop);

/* For what libunbound does not read a descriptor yet. */
struct hold {
	const void *until;  /* release_held of it; NULL: it reads now */
	int64_t until_time; /* of monotonic_us: then it reads in any case */
};

/* look(data, fd) is called with each descriptor that libunbound is about to read, which still has all there is to read: perhaps again while it is held, for
 * which the first time counts. */
void watch_reads(struct event_loop *loop, struct hold (*look)(void *data, int fd), void *data);
void release_held(struct event_loop *loop, const void *until); /* they are looked at again */

/* Finds out what is ready. wait: waits for it, until something is due or wake is readable. */
void wait_for_events(struct event_loop *loop, bool wait);
/* Runs the callbacks of what was found ready, and of what is due: a bounded number. After each wait_for_events. */
void run_events(struct event_loop *loop);

/* Whether an event could not be made for want of memory since this was asked last: libunbound does not say so. */
bool take_shortage(struct event_loop *loop);

#endif

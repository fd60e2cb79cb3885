/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The descriptor that is readable when something is to be done: an epoll over contexts, with one timer. */
#ifndef XMPPDNS_WAKEUP_H
#define XMPPDNS_WAKEUP_H

#include "unbound/context.h"

struct wakeup {
	int epoll, timer; /* owned; -1: none */
	int64_t timer_at; /* of monotonic_ms; when the timer is due. INT64_MAX: never */
};

bool open_wakeup(struct wakeup *wakeup); /* false with errno, and with nothing to close */
void close_wakeup(struct wakeup *wakeup);

/* For the child of a fork, which shares what is behind the descriptors with its parent: the same numbers for new ones, which watch nothing and
 * are never due. False with errno: nothing changed. */
bool renew_wakeup(struct wakeup *wakeup);

bool watch_context(struct wakeup *wakeup, struct context *context); /* false with errno */
void unwatch_context(struct wakeup *wakeup, struct context *context);
void process_watched(struct wakeup *wakeup); /* process_context for those with answers, some at a time. Never blocks */

/* Readable from that time of monotonic_ms on; INT64_MAX: not for the time's sake. */
void set_wakeup(struct wakeup *wakeup, int64_t when);

#endif

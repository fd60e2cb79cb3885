/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The descriptor that is readable when something is to be done: an epoll over contexts, with one timer. */
#ifndef XMPPDNS_WAKEUP_H
#define XMPPDNS_WAKEUP_H

#include "base/list.h"
#include "unbound/context.h"

struct wakeup {
	int epoll, timer;  /* owned; the outside watches epoll */
	unsigned forks;    /* whose child we are, since it was opened */
	unsigned renewals; /* of those that have put new descriptors behind the same numbers, which watch nothing, and are due at once */
	/* private */
	struct list_item in_process; /* of all of the process */
	int64_t timer_at;            /* of monotonic_ms; when the timer is due. INT64_MAX: never */
	bool is_parents;             /* there were no descriptors for the child: it has to leave those alone */
};

/* It must stay where it is. False with errno, and with nothing to close. */
bool open_wakeup(struct wakeup *wakeup);
void close_wakeup(struct wakeup *wakeup);

/* Whether there were descriptors for the child of a fork, or are now. Until then nothing is watched, nor due. */
bool has_descriptors(struct wakeup *wakeup);

bool watch_context(struct wakeup *wakeup, struct context *context); /* false with errno */
void unwatch_context(struct wakeup *wakeup, struct context *context);
void process_watched(struct wakeup *wakeup); /* process_context for those with answers, some at a time. Never blocks */

/* Readable from that time of monotonic_ms on; INT64_MAX: not for the time's sake. */
void set_wakeup(struct wakeup *wakeup, int64_t when);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What libunbound has once for the whole process: contexts are made and ended one at a time, and its log is kept away from stderr. */
#ifndef XMPPDNS_LIBRARY_H
#define XMPPDNS_LIBRARY_H

#include <signal.h>
#include <stdbool.h>

struct event_loop;
struct ub_ctx;

/* Threads inherit the blocked signals: none of the server's may land in one of ours, nor in one that libunbound makes. */
void block_signals(sigset_t *signals); /* what was blocked before: for pthread_sigmask(SIG_SETMASK) */

/* Around whatever makes a ub_ctx, makes it ready for questions, or ends it. patient: in a thread of ours, for which nobody stands still; of these
 * one at a time is before somebody who does. */
struct library_hold {
	sigset_t signals;
	bool patient;
};
void lock_library(struct library_hold *hold, bool patient);
void unlock_library(const struct library_hold *hold);

/* Around a fork, in both processes. */
void hold_library(void);
void let_library_go(void);

/* From here on under the lock. */

/* For the loop, or for calls that wait when it is NULL. NULL without memory or descriptors. */
struct ub_ctx *create_library(struct event_loop *loop);
void delete_library(struct ub_ctx *ub); /* NULL is allowed */

/* Makes it read its configuration and become ready for questions, with nothing sent: one of enum ub_ctx_err. loop: as it was made with. */
int prepare_library(struct ub_ctx *ub, const struct event_loop *loop);

void set_verbosity(int level); /* for the whole process, from the next ub_ctx on */

/* Not under the lock. */

/* Whether libunbound can do DNS over TLS; the first time it takes some milliseconds. */
bool has_tls(void); /* under the lock */
bool libunbound_has_tls(void);

#endif

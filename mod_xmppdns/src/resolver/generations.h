/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The generation of contexts that is asked now, with those before it until their last questions have ended: made anew from what the settings name,
 * when that has changed or when asking fails. */
#ifndef XMPPDNS_GENERATIONS_H
#define XMPPDNS_GENERATIONS_H

#include "generation.h"

enum { NOTICE_SIZE = 1024 };

struct generations {
	struct wakeup *wakeup;          /* not owned; where the contexts are watched */
	struct settings *settings;      /* a reference */
	struct upstream_config *config; /* owned */
	struct generation *current;     /* owned; NULL when it could not be made */
	struct generation *retired;     /* owned list: their last questions are still out */
	uint64_t number;                /* of the latest */
	uint64_t trust;                 /* from 1: another number when something else is believed than before */
	uint64_t rebuilds, rebuilds_denied;
	/* private */
	struct text_list notices;    /* not taken yet */
	struct file_mark resolvconf; /* as it was read last */
	int64_t watched_at;          /* of monotonic_ms; when resolv.conf was last looked at */
	int64_t wall_clock_lead;     /* when it was last looked at */
	enum lost_udp lost_udp;      /* by the servers that are in use */
	int64_t lost_at;             /* of monotonic_ms; when that was learnt */
	int64_t rebuilt_at;          /* of monotonic_ms; when a failure last rebuilt it. INT64_MIN: never */
};

/* The first one, with which libunbound accepts the settings, or not: false with a message, and close_generations is the caller's all the same.
 * A reference to settings is taken. */
bool open_generations(struct generations *generations, struct settings *settings, struct wakeup *wakeup, struct problem *problem);
void close_generations(struct generations *generations, bool forked); /* forked: see delete_context */

/* For the child of a fork: the parent's go, questions and all, and one of ours begins. False without memory: there is none then. */
bool renew_generations(struct generations *generations);

/* The latest one's context for that use, made now if it is not there; repeated attempts of one question differ in nth. shard: any
 * number, which spreads them over threads. NULL with a message. */
struct context *latest_context(struct generations *generations, enum role role, unsigned nth, unsigned shard, struct problem *problem);

/* A new one, from settings read anew, or from other settings (NULL: the same). False with a message: nothing changed. */
bool rebuild_generations(struct generations *generations, struct settings *settings, struct problem *problem);

/* The same after a failure of what the one of that number was asked. True also when another has followed it meanwhile; false when there was such
 * a rebuild a short while ago, or it failed. */
bool rebuild_after_failure(struct generations *generations, uint64_t number);

/* These answers get lost over UDP, as is known now: from now on small ones are asked for, or none over UDP, for an hour or until other servers are in
 * use. There is a new one then. */
void ask_for_less(struct generations *generations, enum lost_udp lost);

/* Called before each question: a look at resolv.conf costs a microsecond, and no more than one a second. */
void watch_resolvconf(struct generations *generations);

/* Called before answers are believed: once the wall clock has been set, forwards or back, there is a new one, and a new trust. libunbound counts TTLs
 * by that clock, and which signatures are good. Costs no system call. */
void watch_wall_clock(struct generations *generations);

/* Ends the generations before with no questions any more, and contexts of the latest for which there is no use any more. */
void end_unused(struct generations *generations);
int64_t next_unused(const struct generations *generations); /* when there may be another such context, of monotonic_ms; INT64_MAX: never */

void notify_owner(struct generations *generations, const char *text); /* without memory, or among too many, it is not heard of */
/* What the owner should hear of, the oldest first. False when there is nothing. */
bool take_generations_notice(struct generations *generations, char text[NOTICE_SIZE]);

/* What a packet says that the latest one's contexts are about to be told, see take_glimpse. The caller's; NULL: there is no more. */
struct answer *take_generations_glimpse(struct generations *generations);

size_t count_contexts(const struct generations *generations);

#endif

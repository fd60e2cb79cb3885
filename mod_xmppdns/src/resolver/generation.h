/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The contexts that were made from one reading of the settings: one for each role, made when first needed. */
#ifndef XMPPDNS_GENERATION_H
#define XMPPDNS_GENERATION_H

#include "unbound/context.h"
#include "wakeup.h"

struct generation_slot {
	enum role role;
	unsigned nth;            /* repeated attempts of one lookup take different contexts */
	unsigned shard;          /* below settings->threads */
	int64_t used_at;         /* of monotonic_ms */
	struct context *context; /* owned */
};

struct generation {
	uint64_t number;
	struct settings *settings;      /* a reference */
	struct upstream_config *config; /* borrowed from generations; not looked at once retired */
	struct generation_slot *slots;  /* owned */
	size_t count, room;
	struct generation *next; /* in the list of retired ones */
};

/* Takes a reference to settings. NULL without memory. */
struct generation *create_generation(struct settings *settings, struct upstream_config *config, uint64_t number);
/* wakeup: where its contexts are watched. forked: see delete_context. generation may be NULL. */
void delete_generation(struct generation *generation, struct wakeup *wakeup, bool forked);

/* Makes the first one now, with which libunbound accepts settings and config, or not: false with its message, and without memory, descriptors or
 * threads. Takes some milliseconds. */
bool prepare_generation(struct generation *generation, struct wakeup *wakeup, struct problem *problem);

/* Its context for that use, made now if it is not there. There are four for repetitions: after these the first has its turn again. wakeup: where a
 * new one is watched. NULL with a message. */
struct context *use_context(
	struct generation *generation, enum role role, unsigned nth, unsigned shard, struct wakeup *wakeup, struct problem *problem);

/* Ends those for later attempts that nobody has needed for a minute: each has a thread, and megabytes. */
void end_idle_contexts(struct generation *generation, struct wakeup *wakeup);
int64_t next_idle(const struct generation *generation); /* when that has something to do, of monotonic_ms; INT64_MAX: never */

unsigned generation_in_flight(const struct generation *generation);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Lookups that wait for answers: identical ones share a question, which waits its turn, is asked, moves on after each attempt, and completes them. */
#ifndef XMPPDNS_LOOKUPS_H
#define XMPPDNS_LOOKUPS_H

#include "generations.h"
#include "known.h"
#include "pending.h"
#include "trial.h"

struct lookup; /* one caller's wait for one answer */

#define NOBODY UINT32_MAX /* an owner who does not want to hear of the end */

struct lookup_counters {
	uint64_t lookups;            /* started by callers, cached ones included */
	uint64_t outcomes[OUTCOMES]; /* how they ended */
	uint64_t secure, insecure;   /* of the answered */
	uint64_t shared;             /* joined an identical question under way */
	uint64_t stale;              /* answered from expired data */
	uint64_t attempts, retries, tcp_attempts, probes, probe_verdicts;
};

struct lookups {
	struct generations *generations; /* not owned; whose contexts are asked */
	struct cache *cache;             /* not owned; what has been learnt goes there */
	struct lookup_counters counters;
	/* private */
	struct pending_table table;
	struct turns turns;       /* of pendings: those that are asked have the places */
	struct heap waiting;      /* pendings by when they are given up without being asked */
	struct heap asked;        /* pendings by the deadline of their attempt */
	struct pending *answered; /* answers that libunbound's callbacks left */
	struct lookup *completed, **completed_end;
	uint64_t ended, taken; /* lookups that were in the list of completed ones, and that are not any more */
	uint64_t order;        /* of the last pending */
	uint64_t generation;   /* whose failures the cache remembers */
	uint64_t trust;        /* whose verdicts it has */
	bool is_held;
	struct trial trial;
	int64_t look_at;     /* of monotonic_ms; when a trial may be worth while next, if something is asked */
	size_t looked_up_to; /* which of asked was looked at last */
};

/* The same without zeros, but for shard. */
struct lookup_options complete_options(const struct generations *generations, const struct lookup_options *options);

/* Which of the contexts that share the work is asked for what that name (canonical) needs: each knows what it was asked. 1 and up. */
unsigned shard_of(const struct lookups *lookups, const char *name);

void open_lookups(struct lookups *lookups, struct generations *generations, struct cache *cache);
/* Frees it, with every lookup in it. Before it, cancel_all and take_completed for whoever wants to hear of the end. */
void close_lookups(struct lookups *lookups);

/* A lookup of what is not known; options: complete. owner is the caller's number for it. NULL without memory. */
struct lookup *add_lookup(struct lookups *lookups, const char *qname, uint16_t qtype, const struct lookup_options *options, uint32_t owner);
/* The same for NOBODY: it is freed once complete. Without memory nothing is asked. */
void add_lookup_for_nobody(struct lookups *lookups, const char *qname, uint16_t qtype, const struct lookup_options *options);
/* One that is complete already. NULL without memory. */
struct lookup *add_completed(struct lookups *lookups, const struct known_answer *known, const struct lookup_options *options, uint32_t owner);
void count_known(struct lookups *lookups, const struct known_answer *known); /* one that needed no struct lookup */

/* Completes it as canceled, unless it is complete already. */
void cancel(struct lookups *lookups, struct lookup *lookup);
void cancel_all(struct lookups *lookups);

/* Held: nothing is asked, for what is wanted may be learnt in another way. Afterwards what is NOBODY's is only asked for who still waits for names there. */
void hold_questions(struct lookups *lookups, bool held);
/* Completes those who wait for it to be asked. */
void learn_answer(struct lookups *lookups, struct answer *answer);

/* After process_context of all of them: does what is due. Afterwards take_completed until it gives NULL. */
void advance_lookups(struct lookups *lookups);
int64_t next_due(const struct lookups *lookups); /* when advance_lookups or take_completed has something to do, of monotonic_ms; INT64_MAX: never */

/* What a new generation brings with it: remembered failures go, max_lookups may be another. With a new trust all that is known goes, and everything is asked again, also what
 * is complete and not taken yet. */
void follow_generation(struct lookups *lookups);

/* For the child of a fork: the parent has been asked, so that everything waits to be asked again. */
void forget_asked(struct lookups *lookups);

/* The next one that is complete, in order of completion, or NULL. It is the caller's now: free_lookup. */
struct lookup *take_completed(struct lookups *lookups);
void free_lookup(struct lookup *lookup);
uint32_t lookup_owner(const struct lookup *lookup);
struct known_answer lookup_result(const struct lookup *lookup); /* answer is NULL only when memory ran out; borrowed from the lookup */

#endif

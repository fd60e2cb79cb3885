/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The contexts of one generation, the answer cache and the lookups, behind one pollable descriptor. Belongs to one thread. */
#ifndef XMPPDNS_RESOLVER_H
#define XMPPDNS_RESOLVER_H

#include "dns/answer.h"
#include "cache.h"
#include "settings/settings.h"
#include "settings/upstream.h"

struct resolver;
struct lookup; /* one caller's wait for one answer */

struct lookup_options {
	unsigned attempts; /* 0: the settings' */
	double timeout;    /* seconds an attempt; 0: the settings' */
	bool automatic;    /* the automatic thread-local resolver: may rebuild itself */
	bool require_secure, allow_insecure_denial;
};

struct resolver_counters {
	uint64_t lookups;            /* started by callers, cached ones included */
	uint64_t outcomes[OUTCOMES]; /* how they ended */
	uint64_t secure, insecure;   /* of the answered */
	uint64_t shared;             /* joined an identical question under way */
	uint64_t stale;              /* answered from expired data */
	uint64_t attempts, retries, tcp_attempts, probes, probe_verdicts, rebuilds, rebuilds_denied;
	uint64_t waiting, in_flight, contexts, generation; /* now */
	struct cache_counters cache;
};

/* settings: a reference is taken. Its first context is made now, so that what libunbound refuses is refused here: NULL with a message. */
struct resolver *create_resolver(struct settings *settings, struct problem *problem);

/* Frees it, with every lookup in it. Before it, cancel_lookups and take_lookup for whoever wants to hear of the end. */
void delete_resolver(struct resolver *resolver);

int resolver_fd(const struct resolver *resolver); /* readable when process_resolver or take_lookup has something to do */

/* What is remembered, at once. */
struct known_answer {
	const struct answer *answer; /* borrowed until the next call on this resolver; NULL: not known */
	enum outcome outcome;        /* the answer's, or OUTCOME_INSECURE where options want it secure */
	uint32_t ttl;                /* seconds left */
	bool stale;                  /* expired, and asking anew failed a moment ago (RFC 8767) */
};

/* Looks into the cache only. */
struct known_answer peek_answer(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options);

/* The same for a caller that will use what it gets: counted as a lookup when something is known. */
struct known_answer use_known_answer(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options);

/* Starts a lookup of what is not known; owner is the caller's number for it. NULL without memory. */
struct lookup *start_lookup(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options, uint32_t owner);

/* A lookup that ends with what is known, in the list of completed ones: for a caller who must not be answered at once. NULL without memory. */
struct lookup *queue_known_answer(struct resolver *resolver, const struct known_answer *known, uint32_t owner);

/* Ends a lookup as canceled: it waits in the list of completed ones like any other, unless it is there already. */
void cancel_lookup(struct resolver *resolver, struct lookup *lookup);
void cancel_lookups(struct resolver *resolver); /* all that are not complete */

/* Does what is due: answers, deadlines, queued questions. Never blocks. Afterwards take_lookup until it gives NULL, or rest_resolver. */
void process_resolver(struct resolver *resolver);

/* For who leaves completed lookups untaken: the descriptor stays readable for them. */
void rest_resolver(struct resolver *resolver);

/* Makes the descriptor readable at that time of monotonic_ms, for process_resolver to be called; INT64_MAX: never. It goes off once. */
void set_alarm(struct resolver *resolver, int64_t when);

/* The next lookup that is complete, in order of completion, or NULL. It is the caller's now: free_lookup. */
struct lookup *take_lookup(struct resolver *resolver);
bool has_completed(const struct resolver *resolver);
void free_lookup(struct lookup *lookup);

uint32_t lookup_owner(const struct lookup *lookup);
struct known_answer lookup_result(const struct lookup *lookup); /* answer is NULL only when memory ran out; borrowed from the lookup */

/* A new generation of contexts, from settings read anew, or from other settings (NULL: the same). Cached answers stay, remembered failures go,
 * running lookups finish where they are or move on with their next attempt. False with a message: the old generation stays.
 * Takes some milliseconds when libunbound has to be asked about the settings: when they, or files that it reads, differ from the ones in use. */
bool rebuild_resolver(struct resolver *resolver, struct settings *settings, struct problem *problem);

/* What its owner should hear of, the oldest first: resolv.conf was changed, or cannot be used. False when there is nothing. */
enum { NOTICE_SIZE = 1024 };
bool take_notice(struct resolver *resolver, char text[NOTICE_SIZE]);

struct cache *resolver_cache(struct resolver *resolver);
struct settings *resolver_settings(struct resolver *resolver);
const struct upstream_config *resolver_upstream(const struct resolver *resolver);
void read_resolver_counters(const struct resolver *resolver, struct resolver_counters *counters);

int64_t monotonic_ms(void);

#endif

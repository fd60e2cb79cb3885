/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Answers lookups out of its cache or from libunbound, behind one pollable descriptor. Belongs to one thread. */
#ifndef XMPPDNS_RESOLVER_H
#define XMPPDNS_RESOLVER_H

#include "base/clock.h"
#include "keeper.h"

struct resolver;

struct resolver_counters {
	struct lookup_counters lookups;
	uint64_t waiting, in_flight; /* now */
	uint64_t rebuilds, rebuilds_denied;
	uint64_t contexts, generation; /* now */
	uint64_t trust;                /* now: another number since something else is believed than before */
	uint64_t learnt;               /* answers from before the start, out of cache_file */
	struct cache_counters cache;
};

/* settings: a reference is taken. Its first context is made now, so that what libunbound refuses is refused here: NULL with a message. */
struct resolver *create_resolver(struct settings *settings, struct problem *problem);

/* Frees it, with every lookup in it, and writes what is known, as write_answers. Before it, cancel_lookups and take_lookup for whoever wants to hear of the end. */
void delete_resolver(struct resolver *resolver);

int resolver_fd(const struct resolver *resolver); /* readable when process_resolver or take_lookup has something to do */

/* How many forks have put another descriptor under the same number, which whoever watches it by number alone (epoll) has to watch anew. */
unsigned resolver_forks(struct resolver *resolver);

/* What is remembered, at once: the answer is borrowed until the next call on this resolver. */

/* Looks into the cache only. */
struct known_answer peek_answer(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options);

/* The same for a caller that will use what it gets: counted as a lookup when something is known. */
struct known_answer use_known_answer(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options);

/* Forgets every type of that name, or all for NULL. */
void flush_answers(struct resolver *resolver, const char *qname);

/* Writes what is known to the file that the settings name, if they do, and waits until it is on the disk. False with a message. */
bool write_answers(struct resolver *resolver, struct problem *problem);

/* Starts a lookup of what is not known; owner is the caller's number for it. NULL without memory. */
struct lookup *start_lookup(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options, uint32_t owner);

/* Asks for it so that libunbound knows it, whatever the cache does: not where asking failed a moment ago. Nobody hears of the end. */
void ask_for_nobody(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options);

/* For the options of lookups that are for that name; see lookups.h. */
unsigned resolver_shard(const struct resolver *resolver, const char *name);

/* A lookup that ends with what is known, in the list of completed ones: for a caller who must not be answered at once. NULL without memory. */
struct lookup *queue_known_answer(struct resolver *resolver, const struct known_answer *known, const struct lookup_options *options, uint32_t owner);

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

/* What a packet says about a lookup that wants a glimpse, or about another one for SRV, before it is validated: it may be forged, is never secure, and nothing
 * keeps it. The caller's, who releases it; NULL: there is no more. After process_resolver. */
struct answer *take_resolver_glimpse(struct resolver *resolver);

/* A new generation of contexts, from settings read anew, or from other settings (NULL: the same). Cached answers stay, remembered failures go,
 * running lookups finish where they are or move on with their next attempt: unless what is believed has changed (trust anchors, dnssec, stubs, hosts,
 * options). Then nothing of what was known stays, and all lookups begin again, also those that wait to be taken. False with a message: the old
 * generation stays.
 * Takes some milliseconds when libunbound has to be asked about the settings: when they, or files that it reads, differ from the ones in use. */
bool rebuild_resolver(struct resolver *resolver, struct settings *settings, struct problem *problem);

/* What its owner should hear of, the oldest first: resolv.conf was changed, or cannot be used. False when there is nothing. */
bool take_notice(struct resolver *resolver, char text[NOTICE_SIZE]);

struct cache *resolver_cache(struct resolver *resolver);
struct settings *resolver_settings(struct resolver *resolver);
const struct upstream_config *resolver_upstream(const struct resolver *resolver);
uint64_t resolver_trust(struct resolver *resolver); /* the counters', after a look at the wall clock */
void read_resolver_counters(const struct resolver *resolver, struct resolver_counters *counters);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* An answer as its asker may use it: fresh or stale, secure enough or not. */
#ifndef XMPPDNS_KNOWN_H
#define XMPPDNS_KNOWN_H

#include "cache.h"

enum { STALE_TTL = 30 /* seconds, of a stale answer (RFC 8767, 4) */ };

struct known_answer {
	const struct answer *answer; /* borrowed; NULL: not known */
	enum outcome outcome;        /* the answer's, or OUTCOME_INSECURE where its asker wants it secure */
	uint32_t ttl;                /* seconds left */
	bool stale;                  /* expired, and asking anew failed a moment ago (RFC 8767) */
};

/* What its asker wants. */
struct lookup_options {
	unsigned attempts; /* 0: the settings' */
	double timeout;    /* seconds an attempt; 0: the settings' */
	bool automatic;    /* the automatic thread-local resolver: may rebuild itself */
	bool pressing;     /* a connection waits for it: what is silent over UDP is tried over TCP before the attempt's deadline */
	unsigned shard;    /* whose contexts are asked, as shard_of says of the name that it is for; 0: of its own */
	bool glimpse;      /* for SRV: what a packet says of it before it is validated is of use, too */
	bool require_secure, allow_insecure_denial;
};

/* How a lookup ends with that answer (S66); NULL: OUTCOME_SYSTEM. */
enum outcome judge_answer(const struct answer *answer, const struct lookup_options *options);

/* Whether an expired answer is better than that end. */
bool may_be_served_stale(enum outcome outcome);

/* Looks into the cache. now: of monotonic_ms. The answer is borrowed until the next call on this cache. */
struct known_answer find_known(struct cache *cache, const char *qname, uint16_t qtype, const struct lookup_options *options, int64_t now);

#endif

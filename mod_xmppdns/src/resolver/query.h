/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The attempts of one lookup: what the seed calls repeated_query (S10-S38), as a decision after each attempt. Knows no libunbound. */
#ifndef XMPPDNS_QUERY_H
#define XMPPDNS_QUERY_H

#include <stdbool.h>

#include "dns/answer.h"

/* How to ask next. */
enum query_step {
	QUERY_ASK,   /* an attempt, over TCP when query->tcp */
	QUERY_PROBE, /* the same question to a context that does not insist on validation, over TCP when query->tcp */
	QUERY_DONE   /* query->outcome says how the whole ended */
};

struct query {
	unsigned attempts;     /* allowed, at least 1 */
	unsigned attempt;      /* the one being made, from 1 */
	unsigned tcp_attempts; /* attempts over TCP so far, this one included: each takes a context of its own, so that no error cache answers */
	unsigned probes;       /* so far, this one included; likewise */
	bool automatic;        /* the automatic thread-local resolver: the first failure rebuilds it */
	bool validates;        /* libunbound does so, for every name: then only what it calls bogus itself is */
	bool tcp;
	bool met_silence;    /* over UDP */
	bool probe_answered; /* first witness of bogus data, where libunbound does not validate; the second is a further failure */
	bool met_bogus;      /* libunbound's verdict, for which a forwarder that refuses EDNS once is enough: the next one is believed */
	enum query_step step;
	enum outcome outcome; /* once QUERY_DONE */
};

/* Before its first attempt: step is QUERY_ASK, over UDP. */
struct query start_query(unsigned attempts, bool automatic, bool validates);

/* The probe's answer has been validated, or need not be: it is one like an attempt's. Call next_step then. */
void accept_probe(struct query *query);

/* Moves on after the attempt or probe ended so (OUTCOME_TIMEOUT: its own deadline passed); gives the new step. *rebuild: whether the resolver
 * should be rebuilt before it; when that cannot be, call deny_rebuild. */
enum query_step next_step(struct query *query, enum outcome ended, bool *rebuild);

/* There is no rebuild now: what follows goes over TCP instead. */
void deny_rebuild(struct query *query);

#endif

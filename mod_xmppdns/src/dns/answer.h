/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* One lookup's end: the records, or the reason why there are none. Immutable and shared by reference count (one thread). */
#ifndef XMPPDNS_ANSWER_H
#define XMPPDNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum outcome {
	OUTCOME_ANSWERED, /* data, NXDOMAIN or no data */
	OUTCOME_TIMEOUT,
	OUTCOME_BOGUS,
	OUTCOME_SERVFAIL,
	OUTCOME_INSECURE,
	OUTCOME_CANCELED,
	OUTCOME_NAME,
	OUTCOME_SYSTEM,
	OUTCOMES /* how many there are */
};

/* The error's code in Lua: "timeout", "bogus", ...; "answered" for OUTCOME_ANSWERED. Static. */
const char *outcome_code(enum outcome outcome);

struct record {
	const uint8_t *rdata; /* inside the answer */
	size_t size;          /* bytes; 0 is legal */
};

struct answer {
	/* private */ unsigned references;
	enum outcome outcome;
	uint16_t qtype, qclass;
	uint16_t rcode;
	bool secure; /* every RRset validated, or its absence proven */
	bool nxdomain;
	bool is_signed;        /* of a glimpse: there are signatures, good or bad ones */
	uint16_t attempts;     /* made for it */
	uint32_t ttl;          /* seconds, as received */
	const char *qname;     /* canonical text, see name.h */
	const char *canonname; /* where a CNAME chain ended, canonical text; NULL without a chain */
	const char *reason;    /* of the failure, for a person; NULL when answered */
	size_t size;           /* bytes of memory that it takes, malloc's own included */
	size_t record_count;
	struct record records[];
};

/* What an answer is made from; all borrowed and copied. */
struct answer_source {
	enum outcome outcome;
	uint16_t qtype, qclass, rcode, attempts;
	bool secure, nxdomain;
	uint32_t ttl;
	const char *qname, *canonname, *reason;
	size_t record_count;
	const uint8_t *const *rdata; /* record_count pointers; may be NULL when there is none */
	const int *sizes;            /* bytes of each */
};

/* A new answer with one reference, the caller's; NULL without memory, and for a negative size. */
struct answer *create_answer(const struct answer_source *source);
struct answer *hold_answer(struct answer *answer); /* one more reference; gives answer */
void release_answer(struct answer *answer);        /* gives one back; NULL is allowed */

#endif

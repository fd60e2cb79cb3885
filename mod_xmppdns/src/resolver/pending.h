/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Questions under way, found by what they ask, so that identical lookups share one. */
#ifndef XMPPDNS_PENDING_H
#define XMPPDNS_PENDING_H

#include "unbound/context.h"
#include "base/heap.h"
#include "query.h"
#include "base/table.h"
#include "base/turns.h"

struct lookup;
struct lookups;

/* What makes two lookups one question. */
struct pending_key {
	const char *qname; /* canonical text */
	uint16_t qtype;
	uint16_t attempts;
	uint32_t timeout; /* milliseconds an attempt */
	bool automatic;
	unsigned shard; /* whose contexts are asked */
};

struct pending {
	struct heap_item item;         /* first: in the heap of those waiting to be asked, or of those asked */
	struct lookups *owner;         /* not owned */
	struct table_item by_key;      /* in the table */
	struct turn turn;              /* while it waits to be asked or is asked */
	struct pending *next_answered; /* in the list of those whose answer has come */
	struct lookup *waiters;        /* who waits for it */
	struct answer *answer;         /* owned, between its coming and the next step */
	struct query query;
	struct context_question question;
	uint64_t generation;       /* number of the one that was asked; 0: none yet */
	bool pressing;             /* one of its lookups is */
	bool wants_glimpse;        /* one of its lookups does */
	bool missed_turn;          /* it waited to be asked until it was too late */
	int64_t started, deadline; /* milliseconds; the deadline is for the whole */
	struct pending_key key;    /* qname: below */
	char qname[];
};

struct pending_table {
	struct table by_key; /* the pendings in it are not owned */
	uint64_t seed[2];    /* names come from strangers */
};

void open_pending_table(struct pending_table *table);
void free_pending_table(struct pending_table *table);

struct pending *find_pending(const struct pending_table *table, const struct pending_key *key);
/* One that asks for that, in whatever way, and has not been asked yet; NULL when there is none. */
struct pending *find_unasked(const struct pending_table *table, const char *qname, uint16_t qtype);
/* A new one, in the table, in no heap; NULL without memory. */
struct pending *add_pending(struct pending_table *table, const struct pending_key *key);
/* Out of the table, and freed with the answer that it may hold. It must be in no heap, with nothing asked. */
void remove_pending(struct pending_table *table, struct pending *pending);
/* The first in a bucket from that one on, or NULL; *bucket moves on to where it is. The table may be changed between the calls. */
struct pending *any_pending(const struct pending_table *table, size_t *bucket);
struct pending *next_pending(const struct pending *pending); /* in its bucket, or NULL */

#endif

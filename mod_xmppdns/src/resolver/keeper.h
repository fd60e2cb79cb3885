/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What is known, kept in a file for the next process: read at the start, written every ten minutes and at the end. A thread of its own reads and
 * writes; what is to be done with a cache in the resolver's is done in slices. */
#ifndef XMPPDNS_KEEPER_H
#define XMPPDNS_KEEPER_H

#include "lookups.h"
#include "snapshot.h"

struct errand;
struct kept_file;

struct keeper {
	struct lookups *lookups; /* not owned; which knows the cache and the generations */
	uint64_t learnt;         /* answers out of the file */
	/* private */
	char *path; /* owned; NULL: nothing is kept */
	enum { KEEPER_RESTS, KEEPER_READS, KEEPER_LEARNS, KEEPER_COLLECTS, KEEPER_WRITES } state;
	int64_t due;            /* of monotonic_ms: when there is something to do; INT64_MAX: never */
	int64_t hold_ends;      /* likewise: when lookups wait for the thread no longer */
	struct kept_file *file; /* owned; the thread's while there is an errand */
	struct errand *errand;  /* owned; NULL: none is under way */
	struct wire answers;    /* in the file, still to be learnt */
	int64_t age;            /* milliseconds: of these */
	size_t place;           /* in the cache, from where answers are still to be collected */
	int64_t began;          /* of monotonic_ms: when collecting, or learning, did */
	uint64_t ended;         /* of the lookups, by the end of learning; 0 before that */
	uint64_t trust;         /* under which it did */
	uint64_t changes;       /* the cache's, as it is in the file */
	uint64_t collected;     /* likewise, as it was when collecting began */
	bool has_failed;        /* to write; it is said once */
	bool hurries;           /* to write again */
};

/* Begins to read the file that the settings name: until it has been learnt, or the disk has needed more than a second, lookups are held. Without memory it keeps nothing. */
void open_keeper(struct keeper *keeper, struct lookups *lookups);

/* Writes what has changed, and waits until it is on the disk. forked: for the child of a fork, whose thread and file are its parent's. */
void close_keeper(struct keeper *keeper, bool forked);

/* After follow_generation. Does a little of what is due. */
void advance_keeper(struct keeper *keeper);
int64_t next_kept(const struct keeper *keeper); /* when that has something to do, of monotonic_ms; INT64_MAX: never */

/* From now on as the settings in use have it. A file that they name only now is not read. */
void follow_settings(struct keeper *keeper);

/* What was known is not to be known any more, nor in the file, soon. */
void write_soon(struct keeper *keeper);

/* At once, in this thread. False with a message. Nothing happens where nothing is kept, or nothing has changed. */
bool write_now(struct keeper *keeper, struct problem *problem);

/* For the child of a fork: what was under way is the parent's. */
void forget_kept(struct keeper *keeper);

#endif

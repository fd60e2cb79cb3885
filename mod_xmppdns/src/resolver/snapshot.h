/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Answers as bytes for another process, which come with what they rest on, when that was, and a checksum. Failures are none of them. */
#ifndef XMPPDNS_SNAPSHOT_H
#define XMPPDNS_SNAPSHOT_H

#include "base/clock.h"
#include "base/sha256.h"
#include "dns/answer.h"
#include "dns/rdata.h"

/* All zero: empty. */
struct snapshot {
	uint8_t *bytes; /* owned */
	size_t size, room;
};

struct snapshot_head {
	uint8_t fingerprint[SHA256_SIZE]; /* of what the verdicts rest on */
	int64_t written_at;               /* milliseconds since 1970 */
	int64_t wall_clock_lead;          /* then */
	char boot[BOOT_SIZE];             /* of read_boot */
};

/* Each gives false without memory, and free_snapshot is the caller's all the same. An answer that the form has no room for is left out.
 * expected: bytes, for which room is made at once: moving megabytes takes long. left: milliseconds, from written_at on. */
bool begin_snapshot(struct snapshot *snapshot, const struct snapshot_head *head, size_t expected);
bool add_to_snapshot(struct snapshot *snapshot, const struct answer *answer, int64_t left);
bool end_snapshot(struct snapshot *snapshot); /* now its bytes are whole */
void free_snapshot(struct snapshot *snapshot);

/* NULL when the bytes are a whole snapshot, of well-formed answers: then *head has been read, and *answers is for read_kept_answer. Else why not, for a
 * person. Static. Takes as long as reading all of it. */
const char *check_snapshot(const uint8_t *bytes, size_t size, struct snapshot_head *head, struct wire *answers);

/* The next one of a snapshot that has been checked, with one reference, the caller's; its ttl is what is left of it, rounded up. age: milliseconds
 * since it was written; *left: milliseconds from now on, below 1 for one that has expired. NULL at the end, when the wire is complete, and
 * without memory. */
struct answer *read_kept_answer(struct wire *answers, int64_t age, int64_t *left);

#endif

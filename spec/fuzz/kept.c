/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A file of kept answers that anybody may have written. What is accepted can be read to its end, and is the same when it is written again. The first
 * byte says what goes around the others: nothing, a checksum, or a head too. */
#include <stdlib.h>
#include <string.h>

#include "resolver/snapshot.h"
#include "fuzz.h"

enum { MOST = 1 << 16, TAKEN_AT_MOST = 1 << 15 };

static size_t put_head(uint8_t *bytes)
{
	struct snapshot snapshot = { .bytes = NULL };
	struct snapshot_head head = { .written_at = 1, .wall_clock_lead = -1 };
	EXPECT(begin_snapshot(&snapshot, &head, 0));
	size_t size = snapshot.size;
	memcpy(bytes, snapshot.bytes, size);
	free_snapshot(&snapshot);
	return size;
}

/* Gives its size. */
static size_t make_file(struct input *input, uint8_t file[MOST])
{
	unsigned how = take_byte(input) % 4;
	size_t head = how < 2 ? 0 : put_head(file), size = (size_t)(input->end - input->at);
	if (size > TAKEN_AT_MOST)
		size = TAKEN_AT_MOST;
	memcpy(file + head, input->at, size);
	size += head;
	if (how == 0)
		return size;
	sha256(file, size, file + size);
	return size + SHA256_SIZE;
}

static void compare(const struct answer *a, const struct answer *b)
{
	EXPECT(a->qtype == b->qtype && a->rcode == b->rcode && a->secure == b->secure && a->nxdomain == b->nxdomain && a->attempts == b->attempts);
	EXPECT(a->ttl == b->ttl && a->record_count == b->record_count && strcmp(a->qname, b->qname) == 0);
	EXPECT((a->canonname == NULL) == (b->canonname == NULL) && (a->canonname == NULL || strcmp(a->canonname, b->canonname) == 0));
	for (size_t i = 0; i < a->record_count; i++)
		EXPECT(a->records[i].size == b->records[i].size && memcmp(a->records[i].rdata, b->records[i].rdata, a->records[i].size) == 0);
}

/* Reads them all, and writes them. */
static void copy_answers(struct wire answers, struct snapshot *copy)
{
	int64_t left;
	for (struct answer *answer; (answer = read_kept_answer(&answers, 0, &left)) != NULL; release_answer(answer)) {
		EXPECT(left > 0 && answer->ttl > 0 && (int64_t)answer->ttl * 1000 >= left && answer->outcome == OUTCOME_ANSWERED);
		EXPECT(add_to_snapshot(copy, answer, left));
	}
	EXPECT(wire_complete(&answers));
}

static void compare_answers(struct wire answers, struct wire copies)
{
	int64_t left, copied;
	for (struct answer *answer; (answer = read_kept_answer(&answers, 0, &left)) != NULL; release_answer(answer)) {
		struct answer *copy = read_kept_answer(&copies, 0, &copied);
		EXPECT(copy != NULL && left == copied);
		compare(answer, copy);
		release_answer(copy);
	}
	EXPECT(wire_complete(&copies));
}

/* What has too many records, or none of the time, is left out. */
static void refuse(struct snapshot *copy, struct wire answers)
{
	int64_t left;
	size_t size = copy->size;
	struct answer *answer = read_kept_answer(&answers, INT64_C(1) << 40, &left);
	if (answer == NULL)
		return;
	EXPECT(left < 0 && answer->ttl == 0);
	EXPECT(add_to_snapshot(copy, answer, left) && add_to_snapshot(copy, answer, INT64_C(1) << 40) && copy->size == size);
	release_answer(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t room[MOST];
	struct input input = open_input(data, size);
	struct snapshot_head head, copied_head;
	struct wire answers, copies;
	size_t file_size = make_file(&input, room);
	uint8_t *file = malloc(file_size + (file_size == 0)); /* exactly as long as it is, for sanitizers */
	memcpy(file, room, file_size);
	if (check_snapshot(file, file_size, &head, &answers) == NULL) {
		struct snapshot copy = { .bytes = NULL };
		EXPECT(begin_snapshot(&copy, &head, 0));
		copy_answers(answers, &copy);
		refuse(&copy, answers);
		EXPECT(end_snapshot(&copy));
		EXPECT(check_snapshot(copy.bytes, copy.size, &copied_head, &copies) == NULL);
		EXPECT(memcmp(head.fingerprint, copied_head.fingerprint, SHA256_SIZE) == 0 && memcmp(head.boot, copied_head.boot, BOOT_SIZE) == 0);
		EXPECT(head.written_at == copied_head.written_at && head.wall_clock_lead == copied_head.wall_clock_lead);
		compare_answers(answers, copies);
		free_snapshot(&copy);
	}
	free(file);
	return 0;
}

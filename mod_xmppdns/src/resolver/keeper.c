/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Between the cache and its file. */
#include "keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/errand.h"
#include "base/file.h"
#include "dns/type.h"
#include "unbound/likeness.h"

enum {
	INTERVAL = 10 * 60 * 1000, /* ms: from one writing to the next */
	SOON = 1000,               /* ms */
	PATIENCE = 1000,           /* ms: that lookups are held; a disk needs less, and a server that is asked no more */
	SLICE = 500,               /* us: that the resolver's thread works at once */
	PAUSE = 5,                 /* ms: between slices for which nobody waits */
	LOOK_WHILE_HELD = 1,       /* ms: between two looks at the thread */
	LOOK = 50,
	DRIFT = 1000 /* ms and one of so many: by which clocks that nobody sets may differ */
};

/* What the thread has to do, and what came of it. */
struct kept_file {
	char *path; /* owned */
	size_t most;
	struct snapshot snapshot;
	struct snapshot_head head;
	struct wire answers; /* in it */
	int error;           /* of errno; 0: it was read, or written */
	const char *flaw;    /* of what was read; NULL: none */
};

static struct generations *generations_of(const struct keeper *keeper)
{
	return keeper->lookups->generations;
}

static void delete_file(struct keeper *keeper)
{
	if (keeper->file == NULL)
		return;
	free_snapshot(&keeper->file->snapshot);
	free(keeper->file->path);
	free(keeper->file);
	keeper->file = NULL;
}

static bool create_file(struct keeper *keeper)
{
	keeper->file = calloc(1, sizeof(*keeper->file));
	if (keeper->file != NULL)
		keeper->file->path = strdup(keeper->path);
	if (keeper->file != NULL && keeper->file->path != NULL)
		return true;
	delete_file(keeper);
	return false;
}

static void rest(struct keeper *keeper)
{
	delete_file(keeper);
	keeper->state = KEEPER_RESTS;
	keeper->due = keeper->path == NULL ? INT64_MAX : monotonic_ms() + (keeper->hurries ? SOON : INTERVAL);
	keeper->hurries = false;
	hold_questions(keeper->lookups, false);
}

/* The owner should know why, with the setting's name. */
static void notify(struct keeper *keeper, const char *text)
{
	char notice[NOTICE_SIZE];
	snprintf(notice, sizeof(notice), "cache_file = \"%.200s\": %s", keeper->path, text);
	notify_owner(generations_of(keeper), notice);
}

static struct snapshot_head head_of_now(const struct keeper *keeper)
{
	struct snapshot_head head = { .wall_clock_lead = wall_clock_lead() };
	head.written_at = monotonic_ms() + head.wall_clock_lead;
	fingerprint_setup(generations_of(keeper)->settings, generations_of(keeper)->config, head.fingerprint);
	read_boot(head.boot);
	return head;
}

/* Reading */

static void read_kept_file(void *data)
{
	struct kept_file *file = data;
	file->snapshot.bytes = (uint8_t *)read_private_file(file->path, file->most, &file->snapshot.size);
	file->error = file->snapshot.bytes == NULL ? errno : 0;
	if (file->error == 0)
		file->flaw = check_snapshot(file->snapshot.bytes, file->snapshot.size, &file->head, &file->answers);
}

static bool start_reading(struct keeper *keeper)
{
	if (!create_file(keeper))
		return false;
	keeper->file->most = generations_of(keeper)->settings->cache_size + 4096; /* what a cache has takes less in a file */
	keeper->errand = start_errand(read_kept_file, keeper->file);
	return keeper->errand != NULL;
}

/* Within one start of the machine the two clocks go together, unless somebody sets the one. */
static bool was_clock_set(const struct snapshot_head *then, const struct snapshot_head *now)
{
	static const char unknown[BOOT_SIZE];
	int64_t step = now->wall_clock_lead - then->wall_clock_lead, age = now->written_at - then->written_at;
	bool same_boot = memcmp(then->boot, now->boot, BOOT_SIZE) == 0 && memcmp(then->boot, unknown, BOOT_SIZE) != 0;
	int64_t most = DRIFT + age / DRIFT;
	return same_boot && (step > most || step < -most);
}

/* Why nothing in the file may be believed; NULL: it may. */
static const char *judge_file(const struct kept_file *file, const struct snapshot_head *now)
{
	if (file->error == EPERM)
		return "is not this user's alone";
	if (file->error != 0)
		return strerror(file->error);
	if (file->flaw != NULL)
		return file->flaw;
	if (file->head.written_at > now->written_at)
		return "comes from the future: the clock was set back";
	if (was_clock_set(&file->head, now))
		return "comes from before the clock was set";
	if (memcmp(file->head.fingerprint, now->fingerprint, SHA256_SIZE) != 0)
		return "comes from other settings, trust anchors or another libunbound";
	return NULL;
}

static void begin_learning(struct keeper *keeper)
{
	char text[256];
	struct snapshot_head now = head_of_now(keeper);
	const char *problem = judge_file(keeper->file, &now);
	if (problem == NULL && keeper->trust == generations_of(keeper)->trust) {
		keeper->state = KEEPER_LEARNS;
		keeper->answers = keeper->file->answers;
		keeper->age = now.written_at - keeper->file->head.written_at;
		keeper->began = monotonic_ms();
		return;
	}
	if (problem != NULL && keeper->file->error != ENOENT) {
		snprintf(text, sizeof(text), "%s, and is ignored", problem);
		notify(keeper, text);
	}
	rest(keeper);
}

static void look_for_file(struct keeper *keeper, int64_t now)
{
	bool is_held = now < keeper->hold_ends;
	keeper->due = now + (is_held ? LOOK_WHILE_HELD : LOOK);
	if (is_done(keeper->errand)) {
		end_errand(keeper->errand, false);
		keeper->errand = NULL;
		begin_learning(keeper);
	} else {
		hold_questions(keeper->lookups, is_held);
	}
}

/* False at the end. */
static bool learn_one(struct keeper *keeper)
{
	int64_t left, now = monotonic_ms();
	struct answer *answer = read_kept_answer(&keeper->answers, keeper->age + now - keeper->began, &left);
	if (answer == NULL)
		return false; /* or memory ran out: the rest is asked for when it is wanted */
	if (left > 0) {
		restore_answer(keeper->lookups->cache, answer, left, now);
		learn_answer(keeper->lookups, answer);
		keeper->learnt++;
	}
	release_answer(answer);
	return true;
}

/* Who waited for what was learnt may drop what else he waits for, and want more that is known: until all of them have been told nothing is asked. */
static void end_learning(struct keeper *keeper, int64_t now)
{
	struct lookups *lookups = keeper->lookups;
	if (keeper->ended == 0)
		keeper->ended = lookups->ended;
	if (lookups->is_held && lookups->taken < keeper->ended)
		keeper->due = now + LOOK_WHILE_HELD;
	else
		rest(keeper);
}

static void learn(struct keeper *keeper, int64_t now)
{
	int64_t end = monotonic_us() + SLICE;
	if (keeper->trust != generations_of(keeper)->trust) {
		rest(keeper);
		return;
	}
	do
		for (int i = 0; i < 8; i++)
			if (!learn_one(keeper)) {
				end_learning(keeper, now);
				return;
			}
	while (monotonic_us() < end);
}

/* Writing */

static void write_kept_file(void *data)
{
	struct kept_file *file = data;
	bool written = end_snapshot(&file->snapshot) && publish_private_file(file->path, (char *)file->snapshot.bytes, file->snapshot.size);
	file->error = written ? 0 : errno;
	free_snapshot(&file->snapshot); /* here, for giving back much memory takes long */
}

/* error: of errno, 0 for none. Another process that writes the file knows as much as we do. */
static void note_end_of_writing(struct keeper *keeper, int error)
{
	char text[256];
	if (error == EAGAIN)
		return;
	if (error == 0)
		keeper->changes = keeper->collected;
	else if (!keeper->has_failed) {
		snprintf(text, sizeof(text), "cannot be written, so what is known ends with this process: %s", strerror(error));
		notify(keeper, text);
	}
	keeper->has_failed = error != 0;
}

static void fail_to_write(struct keeper *keeper)
{
	note_end_of_writing(keeper, ENOMEM);
	rest(keeper);
}

static bool begin_collecting(struct keeper *keeper)
{
	struct cache_counters counters;
	struct snapshot_head head = head_of_now(keeper);
	read_cache_counters(keeper->lookups->cache, &counters); /* in a file they take less */
	if (!create_file(keeper) || !begin_snapshot(&keeper->file->snapshot, &head, counters.bytes))
		return false;
	keeper->state = KEEPER_COLLECTS;
	keeper->place = 0;
	keeper->began = keeper->due = monotonic_ms();
	keeper->trust = generations_of(keeper)->trust;
	keeper->collected = cache_changes(keeper->lookups->cache);
	return true;
}

struct collection {
	struct snapshot *snapshot;
	int64_t later; /* milliseconds: than the snapshot's time */
	bool failed;
};

/* Keys are libunbound's to know: what is learnt ends the questions that make it know them. */
static void collect_answer(void *context, const struct answer *answer, int64_t left)
{
	struct collection *collection = context;
	if (answer->qtype == TYPE_DS || answer->qtype == TYPE_DNSKEY)
		return;
	collection->failed |= !add_to_snapshot(collection->snapshot, answer, left + collection->later);
}

/* Until that time of monotonic_us. *failed: memory ran out. Whether there is more. */
static bool collect_until(struct keeper *keeper, int64_t end, bool *failed)
{
	int64_t now = monotonic_ms();
	struct collection collection = { .snapshot = &keeper->file->snapshot, .later = now - keeper->began };
	bool has_more = true;
	do
		for (int i = 0; i < 16 && has_more; i++)
			has_more = walk_on(keeper->lookups->cache, &keeper->place, now, collect_answer, &collection);
	while (has_more && !collection.failed && monotonic_us() < end);
	*failed = collection.failed;
	return has_more && !collection.failed;
}

static void collect(struct keeper *keeper, int64_t now)
{
	bool failed;
	keeper->due = now + PAUSE;
	if (keeper->trust != generations_of(keeper)->trust) { /* what was collected does not count any more, and what is known by now is little */
		rest(keeper);
		return;
	}
	if (collect_until(keeper, monotonic_us() + SLICE, &failed))
		return;
	keeper->errand = failed ? NULL : start_errand(write_kept_file, keeper->file);
	if (keeper->errand == NULL)
		fail_to_write(keeper);
	else
		keeper->state = KEEPER_WRITES;
}

/* Waits for it. */
static void end_writing(struct keeper *keeper)
{
	end_errand(keeper->errand, false);
	keeper->errand = NULL;
	note_end_of_writing(keeper, keeper->file->error);
	rest(keeper);
}

static void wake(struct keeper *keeper)
{
	if (keeper->changes == cache_changes(keeper->lookups->cache))
		rest(keeper);
	else if (!begin_collecting(keeper))
		fail_to_write(keeper);
}

/* What is in the file and has not been learnt yet would else be lost. */
static void finish_reading(struct keeper *keeper)
{
	if (keeper->state == KEEPER_READS) {
		end_errand(keeper->errand, false);
		keeper->errand = NULL;
		begin_learning(keeper);
	}
	while (keeper->state == KEEPER_LEARNS && keeper->trust == generations_of(keeper)->trust && learn_one(keeper))
		;
}

/* 0, or errno. */
static int collect_and_write(struct keeper *keeper)
{
	bool failed = !begin_collecting(keeper);
	while (!failed && collect_until(keeper, INT64_MAX, &failed))
		;
	if (failed)
		return ENOMEM;
	write_kept_file(keeper->file);
	if (keeper->file->error == 0)
		keeper->changes = keeper->collected;
	return keeper->file->error;
}

bool write_now(struct keeper *keeper, struct problem *problem)
{
	if (keeper->state == KEEPER_WRITES)
		end_writing(keeper);
	if (keeper->path == NULL || keeper->changes == cache_changes(keeper->lookups->cache))
		return true;
	finish_reading(keeper);
	rest(keeper);
	int error = collect_and_write(keeper);
	rest(keeper);
	return error == 0 || report_problem(problem, kind_of_errno(error), "cache_file = \"%.200s\": %s", keeper->path, strerror(error));
}

/* Coming and going */

void open_keeper(struct keeper *keeper, struct lookups *lookups)
{
	*keeper = (struct keeper){ .lookups = lookups, .due = INT64_MAX };
	follow_settings(keeper);
	if (keeper->path == NULL || access(keeper->path, F_OK) == -1)
		return;
	keeper->state = KEEPER_READS;
	keeper->due = monotonic_ms();
	keeper->hold_ends = keeper->due + PATIENCE;
	keeper->trust = generations_of(keeper)->trust;
	hold_questions(lookups, true);
	if (!start_reading(keeper))
		rest(keeper);
}

void close_keeper(struct keeper *keeper, bool forked)
{
	struct problem problem;
	if (!forked)
		write_now(keeper, &problem); /* there is nobody left to hear of it */
	end_errand(keeper->errand, forked);
	delete_file(keeper);
	free(keeper->path);
}

void advance_keeper(struct keeper *keeper)
{
	if (keeper->path == NULL)
		return;
	int64_t now = monotonic_ms();
	if (now < keeper->due)
		return;
	switch (keeper->state) {
	case KEEPER_RESTS: wake(keeper); break;
	case KEEPER_READS: look_for_file(keeper, now); break;
	case KEEPER_LEARNS: learn(keeper, now); break;
	case KEEPER_COLLECTS: collect(keeper, now); break;
	case KEEPER_WRITES:
		keeper->due = now + LOOK;
		if (is_done(keeper->errand))
			end_writing(keeper);
	}
}

int64_t next_kept(const struct keeper *keeper)
{
	return keeper->due;
}

void follow_settings(struct keeper *keeper)
{
	const char *path = generations_of(keeper)->settings->cache_file;
	bool is_same = path == NULL ? keeper->path == NULL : keeper->path != NULL && strcmp(path, keeper->path) == 0;
	if (is_same)
		return;
	end_errand(keeper->errand, false);
	keeper->errand = NULL;
	free(keeper->path);
	keeper->path = path == NULL ? NULL : strdup(path);
	keeper->changes = 0;
	keeper->has_failed = false;
	rest(keeper);
}

void write_soon(struct keeper *keeper)
{
	keeper->hurries = true;
	if (keeper->state == KEEPER_READS)
		keeper->trust = 0; /* it is not learnt then */
	else if (keeper->state != KEEPER_WRITES)
		rest(keeper);
}

void forget_kept(struct keeper *keeper)
{
	end_errand(keeper->errand, true);
	keeper->errand = NULL;
	rest(keeper);
}

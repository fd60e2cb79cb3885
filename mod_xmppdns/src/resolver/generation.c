/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Contexts by role, in the order in which they were needed. There are few: a list is enough. */
#include "generation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
	REPETITIONS = 4, /* by the fifth attempt the first one's error cache has forgotten the question, or says what four others said */
	IDLE = 60 * 1000 /* ms */
};

struct generation *create_generation(struct settings *settings, struct upstream_config *config, uint64_t number)
{
	struct generation *generation = calloc(1, sizeof(*generation));
	if (generation == NULL)
		return NULL;
	generation->number = number;
	generation->settings = hold_settings(settings);
	generation->config = config;
	return generation;
}

static void end_context(struct context *context, struct wakeup *wakeup, bool forked)
{
	if (!forked)
		unwatch_context(wakeup, context);
	delete_context(context, forked);
}

void delete_generation(struct generation *generation, struct wakeup *wakeup, bool forked)
{
	if (generation == NULL)
		return;
	for (size_t i = 0; i < generation->count; i++)
		end_context(generation->slots[i].context, wakeup, forked);
	free(generation->slots);
	release_settings(generation->settings);
	free(generation);
}

static struct generation_slot *new_slot(struct generation *generation)
{
	if (generation->count == generation->room) {
		size_t room = generation->room > 0 ? 2 * generation->room : 4;
		struct generation_slot *slots = realloc(generation->slots, room * sizeof(*slots));
		if (slots == NULL)
			return NULL;
		generation->slots = slots;
		generation->room = room;
	}
	return &generation->slots[generation->count];
}

static struct context *make_context(
	struct generation *generation, const struct generation_slot *use, enum set_up when, struct wakeup *wakeup, struct problem *problem)
{
	struct generation_slot *slot = new_slot(generation);
	if (slot == NULL) {
		report_memory(problem);
		return NULL;
	}
	struct context *context = create_context(generation->settings, generation->config, use->role, when, problem);
	if (context == NULL)
		return NULL;
	if (!watch_context(wakeup, context)) {
		report_problem(problem, PROBLEM_SYSTEM, "cannot watch libunbound's descriptor: %s", strerror(errno));
		delete_context(context, false);
		return NULL;
	}
	*slot = *use;
	slot->context = context;
	generation->count++;
	return context;
}

struct context *use_context(
	struct generation *generation, enum role role, unsigned nth, unsigned shard, struct wakeup *wakeup, struct problem *problem)
{
	struct generation_slot use = { .role = role, .nth = nth % REPETITIONS, .shard = shard, .used_at = monotonic_ms() };
	for (size_t i = 0; i < generation->count; i++) {
		struct generation_slot *slot = &generation->slots[i];
		if (slot->role != role || slot->nth != use.nth || slot->shard != shard)
			continue;
		slot->used_at = use.used_at;
		return slot->context;
	}
	return make_context(generation, &use, SET_UP_LATER, wakeup, problem);
}

/* The first attempts' contexts stay, with what they know. */
static bool may_idle(const struct generation_slot *slot)
{
	return (slot->role != ROLE_UDP || slot->nth > 0) && context_in_flight(slot->context) == 0;
}

void end_idle_contexts(struct generation *generation, struct wakeup *wakeup)
{
	int64_t now = monotonic_ms();
	for (size_t i = generation->count; i-- > 0;) {
		struct generation_slot *slot = &generation->slots[i];
		if (!may_idle(slot) || slot->used_at + IDLE > now)
			continue;
		end_context(slot->context, wakeup, false);
		*slot = generation->slots[--generation->count];
	}
}

int64_t next_idle(const struct generation *generation)
{
	int64_t due = INT64_MAX;
	for (size_t i = 0; i < generation->count; i++) {
		const struct generation_slot *slot = &generation->slots[i];
		if (may_idle(slot) && slot->used_at + IDLE < due)
			due = slot->used_at + IDLE;
	}
	return due;
}

bool prepare_generation(struct generation *generation, struct wakeup *wakeup, struct problem *problem)
{
	/* without validation only the probe has the anchors */
	if (generation->settings->dnssec == POLICY_OFF && !try_context(generation->settings, generation->config, problem))
		return false;
	return make_context(generation, &(struct generation_slot){ .role = ROLE_UDP }, SET_UP_NOW, wakeup, problem) != NULL;
}

unsigned generation_in_flight(const struct generation *generation)
{
	unsigned sum = 0;
	for (size_t i = 0; i < generation->count; i++)
		sum += context_in_flight(generation->slots[i].context);
	return sum;
}

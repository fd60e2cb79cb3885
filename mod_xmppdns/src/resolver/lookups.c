/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* libunbound's callbacks only leave their answers in a list: everything else happens outside its frames, in advance_lookups. */
#include "lookups.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "cure.h"
#include "dns/name.h"
#include "silence.h"

enum {
	DEADLINES_AT_ONCE = 1000, /* in one call of advance_lookups: it must not hold its caller */
	LOOK_INTERVAL = 250       /* ms between two looks for a silent question */
};

struct lookup {
	struct lookup *next;
	struct lookup **link;       /* what points at us in the pending's list; NULL once complete */
	struct pending *pending;    /* not owned; NULL once complete */
	struct known_answer result; /* once complete; holds a reference to its answer */
	struct lookup_options options;
	uint32_t owner;
};

struct lookup_options complete_options(const struct generations *generations, const struct lookup_options *options)
{
	const struct settings *settings = generations->settings;
	const struct upstream_config *config = generations->config;
	struct lookup_options complete = *options;
	if (complete.attempts == 0)
		complete.attempts = settings->attempts;
	if (complete.attempts == 0)
		complete.attempts = config->attempts;
	if (complete.attempts == 0)
		complete.attempts = options->automatic ? 3 : 2; /* S31 */
	if (complete.timeout <= 0)
		complete.timeout = timeout_in_use(settings, config);
	complete.require_secure |= settings->dnssec == POLICY_REQUIRED;
	return complete;
}

void open_lookups(struct lookups *lookups, struct generations *generations, struct cache *cache)
{
	*lookups = (struct lookups){ .generations = generations, .cache = cache, .generation = generations->number, .trust = generations->trust };
	lookups->completed_end = &lookups->completed;
	open_pending_table(&lookups->table);
	open_turns(&lookups->turns, generations->settings->max_lookups);
}

void close_lookups(struct lookups *lookups)
{
	cancel_all(lookups);
	drop_trial(&lookups->trial);
	for (struct lookup *lookup; (lookup = take_completed(lookups)) != NULL;)
		free_lookup(lookup);
	free_pending_table(&lookups->table);
	free_heap(&lookups->waiting);
	free_heap(&lookups->asked);
	close_turns(&lookups->turns);
}

/* Completing */

/* times: 1, or -1 for one that does not count after all */
static void count_result(struct lookups *lookups, const struct known_answer *known, int times)
{
	struct lookup_counters *counters = &lookups->counters;
	counters->outcomes[known->outcome] += times;
	if (known->outcome == OUTCOME_ANSWERED && known->answer != NULL)
		*(known->answer->secure ? &counters->secure : &counters->insecure) += times;
	counters->stale += known->stale ? times : 0;
}

void count_known(struct lookups *lookups, const struct known_answer *known)
{
	lookups->counters.lookups++;
	count_result(lookups, known, 1);
}

static void append_completed(struct lookups *lookups, struct lookup *lookup)
{
	lookup->next = NULL;
	lookup->link = NULL;
	lookup->pending = NULL;
	*lookups->completed_end = lookup;
	lookups->completed_end = &lookup->next;
	lookups->ended++;
}

static void complete_lookup(struct lookups *lookups, struct lookup *lookup, struct answer *answer, enum outcome outcome, bool stale)
{
	lookup->result = (struct known_answer){
		.answer = answer != NULL ? hold_answer(answer) : NULL,
		.outcome = outcome,
		.ttl = stale         ? STALE_TTL
			: answer != NULL ? answer->ttl
							 : 0,
		.stale = stale,
	};
	count_result(lookups, &lookup->result, 1);
	if (lookup->owner == NOBODY)
		free_lookup(lookup);
	else
		append_completed(lookups, lookup);
}

/* It does not wait any more, nor is it asked. */
static void leave_queues(struct pending *pending)
{
	take_item(&pending->item);
	leave_turn(&pending->owner->turns, &pending->turn);
}

/* Gives answer's reference away to its lookups. */
static void end_pending(struct lookups *lookups, struct pending *pending, struct answer *answer, bool stale)
{
	leave_queues(pending);
	while (pending->waiters != NULL) {
		struct lookup *lookup = pending->waiters;
		pending->waiters = lookup->next;
		complete_lookup(lookups, lookup, answer, judge_answer(answer, &lookup->options), stale);
	}
	release_answer(answer);
	remove_pending(&lookups->table, pending);
}

static struct answer *create_failure(const struct pending *pending, enum outcome outcome, const char *reason)
{
	struct answer_source source = {
		.outcome = outcome,
		.qtype = pending->key.qtype,
		.qclass = 1,
		.rcode = 2,
		.attempts = (uint16_t)pending->query.attempt,
		.qname = pending->qname,
		.reason = reason,
	};
	return create_answer(&source);
}

unsigned shard_of(const struct lookups *lookups, const char *name)
{
	return 1 + (unsigned)(hash_name(lookups->table.seed, name, strlen(name), 0) % lookups->generations->settings->threads);
}

static struct pending_key key_of(const struct lookups *lookups, const char *qname, uint16_t qtype, const struct lookup_options *options)
{
	return (struct pending_key){
		.qname = qname,
		.qtype = qtype,
		.attempts = (uint16_t)options->attempts,
		.timeout = options->timeout * 1000 < 1 ? 1 : (uint32_t)(options->timeout * 1000),
		.automatic = options->automatic,
		.shard = options->shard != 0 ? options->shard : shard_of(lookups, qname),
	};
}

/* Whether its failure is one of the name, which whoever asks next would meet: not that of an asker who gives up early, nor of our own queue. */
static bool is_worth_remembering(const struct lookups *lookups, const struct pending *pending)
{
	struct lookup_options usual = complete_options(lookups->generations, &(struct lookup_options){ .automatic = pending->key.automatic });
	struct pending_key patient = key_of(lookups, pending->qname, pending->key.qtype, &usual);
	return !pending->missed_turn && pending->key.attempts >= patient.attempts && pending->key.timeout >= patient.timeout;
}

static void fail_pending(struct lookups *lookups, struct pending *pending, enum outcome outcome, const char *reason)
{
	char text[CURE_SIZE];
	int64_t now = monotonic_ms();
	if (outcome == OUTCOME_BOGUS) {
		add_cure(text, reason, pending->qname, lookups->generations->settings, lookups->cache, now);
		reason = text;
	}
	struct answer *failure = create_failure(pending, outcome, reason);
	if (failure != NULL && is_worth_remembering(lookups, pending))
		put_answer(lookups->cache, failure, now);
	struct answer *stale = may_be_served_stale(outcome) ? find_stale(lookups->cache, pending->qname, pending->key.qtype, now) : NULL;
	if (stale != NULL) {
		release_answer(failure);
		end_pending(lookups, pending, hold_answer(stale), true);
	} else {
		end_pending(lookups, pending, failure, false);
	}
}

static void fail_after_deadlines(struct lookups *lookups, struct pending *pending)
{
	char reason[128];
	if (pending->generation == 0)
		snprintf(reason, sizeof(reason), "too many lookups: it was not asked within %g s", (double)(monotonic_ms() - pending->started) / 1000);
	else
		snprintf(reason, sizeof(reason), "no answer within %g s", (double)(monotonic_ms() - pending->started) / 1000);
	fail_pending(lookups, pending, OUTCOME_TIMEOUT, reason);
}

/* Asking */

static enum role role_of(const struct query *query)
{
	if (query->step == QUERY_PROBE)
		return query->tcp ? ROLE_PROBE_TCP : ROLE_PROBE_UDP;
	return query->tcp ? ROLE_TCP : ROLE_UDP;
}

/* Which of the role's contexts: no attempt meets one that already failed at this question. */
static unsigned repetition_of(const struct query *query)
{
	if (query->step == QUERY_PROBE)
		return query->probes - 1;
	return query->tcp ? query->tcp_attempts - 1 : 0;
}

static void on_answer(void *asker, struct answer *answer)
{
	struct pending *pending = asker;
	struct lookups *lookups = pending->owner;
	pending->answer = answer;
	pending->next_answered = lookups->answered;
	lookups->answered = pending;
	leave_queues(pending);
}

static void count_attempt(struct lookups *lookups, const struct query *query)
{
	struct lookup_counters *counters = &lookups->counters;
	if (query->step == QUERY_PROBE) {
		counters->probes++;
		return;
	}
	counters->attempts++;
	counters->retries += query->attempt > 1;
	counters->tcp_attempts += query->tcp;
}

static bool send_question(struct lookups *lookups, struct pending *pending, struct context *context)
{
	take_item(&pending->item);
	take_place(&lookups->turns, &pending->turn);
	pending->item.deadline = monotonic_ms() + pending->key.timeout;
	if (lookups->asked.count == 0)
		lookups->look_at = monotonic_ms() + SILENCE;
	if (!push_item(&lookups->asked, &pending->item))
		return false;
	pending->generation = lookups->generations->number;
	if (!ask_context(context, pending->qname, pending->key.qtype, pending->wants_glimpse, &pending->question, on_answer, pending))
		return false;
	count_attempt(lookups, &pending->query);
	return true;
}

/* Afterwards it is asked, or has failed. */
static void ask_pending(struct lookups *lookups, struct pending *pending)
{
	struct problem problem;
	struct context *context =
		latest_context(lookups->generations, role_of(&pending->query), repetition_of(&pending->query), pending->key.shard, &problem);
	if (context == NULL)
		fail_pending(lookups, pending, OUTCOME_SYSTEM, problem.text);
	else if (!send_question(lookups, pending, context))
		fail_pending(lookups, pending, OUTCOME_SYSTEM, "out of memory");
}

static struct pending *pending_of(struct turn *turn)
{
	return (struct pending *)((char *)turn - offsetof(struct pending, turn));
}

static void ask_waiting(struct lookups *lookups)
{
	for (struct turn *turn; (turn = next_turn(&lookups->turns)) != NULL;)
		ask_pending(lookups, pending_of(turn));
}

/* Behind others of its zone, as in a context: whoever owns one that is silent waits for himself. */
static void wait_to_be_asked(struct lookups *lookups, struct pending *pending)
{
	bool is_first = pending->generation == 0; /* what follows gets its turn even when the whole has taken long: a probe, an attempt after a pause */
	pending->item.deadline = is_first ? pending->deadline : monotonic_ms() + pending->key.timeout;
	if (!push_item(&lookups->waiting, &pending->item)
		|| !wait_for_turn(&lookups->turns, &pending->turn, last_labels(pending->qname, 2), last_labels(pending->qname, 3), pending->item.deadline))
		fail_pending(lookups, pending, OUTCOME_SYSTEM, "out of memory");
}

void forget_asked(struct lookups *lookups)
{
	drop_trial(&lookups->trial);
	while (lookups->asked.count > 0) {
		struct pending *pending = (struct pending *)top_item(&lookups->asked);
		leave_queues(pending);
		pending->question = (struct context_question){ .flight = NULL };
		wait_to_be_asked(lookups, pending);
	}
}

static void open_places(struct lookups *lookups)
{
	set_places(&lookups->turns, lookups->is_held ? 0 : lookups->generations->settings->max_lookups);
}

static bool is_for_nobody(const struct pending *pending)
{
	const struct lookup *waiter = pending->waiters;
	while (waiter != NULL && waiter->owner == NOBODY)
		waiter = waiter->next;
	return waiter == NULL;
}

/* Whether somebody waits for an answer about a name in that zone. */
static bool is_wanted(const struct lookups *lookups, const char *zone)
{
	size_t bucket = 0;
	for (const struct pending *pending; (pending = any_pending(&lookups->table, &bucket)) != NULL; bucket++)
		for (; pending != NULL; pending = next_pending(pending))
			if (!is_for_nobody(pending) && is_in_zone(pending->qname, zone))
				return true;
	return false;
}

/* What was to be known for others that have been learnt meanwhile. */
static void drop_if_unwanted(struct lookups *lookups, struct pending *pending)
{
	if (pending->generation != 0 || !is_for_nobody(pending) || is_wanted(lookups, pending->qname))
		return;
	for (struct lookup *waiter = pending->waiters, *next; waiter != NULL; waiter = next) {
		next = waiter->next;
		cancel(lookups, waiter); /* with the last one the question goes */
	}
}

/* visit may end the one that it gets. */
static void visit_pendings(struct lookups *lookups, void (*visit)(struct lookups *lookups, struct pending *pending))
{
	size_t bucket = 0;
	for (struct pending *pending; (pending = any_pending(&lookups->table, &bucket)) != NULL; bucket++)
		for (struct pending *next; pending != NULL; pending = next) {
			next = next_pending(pending);
			visit(lookups, pending);
		}
}

void hold_questions(struct lookups *lookups, bool held)
{
	if (held == lookups->is_held)
		return;
	if (!held)
		visit_pendings(lookups, drop_if_unwanted);
	lookups->is_held = held;
	open_places(lookups);
	ask_waiting(lookups);
}

void learn_answer(struct lookups *lookups, struct answer *answer)
{
	for (struct pending *pending; (pending = find_unasked(&lookups->table, answer->qname, answer->qtype)) != NULL;)
		end_pending(lookups, pending, hold_answer(answer), false);
}

/* Questions */

static void join_pending(struct pending *pending, struct lookup *lookup)
{
	lookup->pending = pending;
	lookup->next = pending->waiters;
	lookup->link = &pending->waiters;
	if (lookup->next != NULL)
		lookup->next->link = &lookup->next;
	pending->waiters = lookup;
	pending->pressing |= lookup->options.pressing;
	pending->wants_glimpse |= lookup->options.glimpse;
}

/* Also again, from its first attempt on. */
static void begin_pending(struct pending *pending)
{
	const struct pending_key *key = &pending->key;
	const struct generations *generations = pending->owner->generations;
	pending->query = start_query(key->attempts, key->automatic, validates_all(generations->settings, generations->config));
	pending->generation = 0;
	pending->missed_turn = false;
	pending->started = monotonic_ms();
	pending->deadline = pending->started + (int64_t)key->attempts * key->timeout;
}

static struct pending *new_pending(struct lookups *lookups, const struct pending_key *key)
{
	struct pending *pending = add_pending(&lookups->table, key);
	if (pending == NULL)
		return NULL;
	pending->owner = lookups;
	pending->item.order = ++lookups->order;
	begin_pending(pending);
	return pending;
}

/* Joins the question for it that is under way; else there is a new one, which waits to be asked. False without memory. */
static bool find_question(struct lookups *lookups, struct lookup *lookup, const char *qname, uint16_t qtype)
{
	struct pending_key key = key_of(lookups, qname, qtype, &lookup->options);
	struct pending *pending = find_pending(&lookups->table, &key);
	bool is_shared = pending != NULL;
	if (!is_shared)
		pending = new_pending(lookups, &key);
	if (pending == NULL)
		return false;
	lookups->counters.shared += is_shared;
	join_pending(pending, lookup);
	if (!is_shared)
		wait_to_be_asked(lookups, pending);
	return true;
}

/* A new trust */

static void restart_pending(struct lookups *lookups, struct pending *pending)
{
	leave_queues(pending);
	drop_question(&pending->question);
	release_answer(pending->answer);
	pending->answer = NULL;
	begin_pending(pending);
	wait_to_be_asked(lookups, pending);
}

static void restart_pendings(struct lookups *lookups)
{
	lookups->answered = NULL;
	visit_pendings(lookups, restart_pending);
}

static void restart_lookup(struct lookups *lookups, struct lookup *lookup)
{
	struct known_answer result = lookup->result;
	if (result.answer == NULL || result.outcome == OUTCOME_CANCELED) {
		append_completed(lookups, lookup);
		return;
	}
	count_result(lookups, &result, -1);
	lookup->result = (struct known_answer){ .answer = NULL };
	if (!find_question(lookups, lookup, result.answer->qname, result.answer->qtype))
		complete_lookup(lookups, lookup, NULL, OUTCOME_SYSTEM, false);
	release_answer((struct answer *)result.answer);
}

static void restart_completed(struct lookups *lookups)
{
	struct lookup *completed = lookups->completed;
	lookups->completed = NULL;
	lookups->completed_end = &lookups->completed;
	for (struct lookup *next; completed != NULL; completed = next) {
		next = completed->next;
		restart_lookup(lookups, completed);
	}
}

void follow_generation(struct lookups *lookups)
{
	if (lookups->generation == lookups->generations->number)
		return;
	lookups->generation = lookups->generations->number;
	flush_failures(lookups->cache);
	open_places(lookups);
	if (lookups->trust != lookups->generations->trust) {
		lookups->trust = lookups->generations->trust;
		flush_cache(lookups->cache);
		restart_pendings(lookups);
		restart_completed(lookups);
	}
	ask_waiting(lookups);
}

/* Moving on */

/* Ends it with the answer that the last attempt gave, or with the failure that the whole is. Takes answer. */
static void finish_pending(struct lookups *lookups, struct pending *pending, struct answer *answer)
{
	enum outcome outcome = pending->query.outcome;
	if (answer != NULL && answer->outcome == OUTCOME_ANSWERED && outcome == OUTCOME_ANSWERED) {
		answer->attempts = (uint16_t)pending->query.attempt; /* nobody else has it yet */
		put_answer(lookups->cache, answer, monotonic_ms());
		end_pending(lookups, pending, answer, false);
		return;
	}
	if (outcome == OUTCOME_TIMEOUT)
		fail_after_deadlines(lookups, pending);
	else if (answer != NULL && answer->outcome == outcome)
		fail_pending(lookups, pending, outcome, answer->reason);
	else if (outcome == OUTCOME_BOGUS)
		fail_pending(lookups, pending, outcome, "the name server answers only without validation: most likely DNSSEC validation failed there");
	else if (outcome == OUTCOME_SERVFAIL)
		fail_pending(lookups, pending, outcome, "there is an answer, but what validates it cannot be asked for");
	else
		fail_pending(lookups, pending, outcome, "out of memory");
	release_answer(answer);
}

/* Whether the probe's answer ends it as an attempt's would: it is validated; or it need not be, and the server refuses what it finds forged itself. */
static bool is_good_probe(const struct lookups *lookups, const struct pending *pending, struct answer *answer)
{
	if (!is_insecure_by_setting(lookups->generations->settings, pending->qname))
		return pending->query.validates && answer->secure;
	answer->secure = false; /* nobody else has it yet */
	return true;
}

/* Where no connection waits for it, that is not asked before. */
static void try_if_silent(struct lookups *lookups, const struct pending *pending)
{
	struct generations *generations = lookups->generations;
	if (was_silent(pending, generations->settings) && may_begin_trial(&lookups->trial, generations, monotonic_ms()))
		begin_trial(&lookups->trial, generations, pending->qname, pending->key.qtype);
}

static void advance_pending(struct lookups *lookups, struct pending *pending, enum outcome ended)
{
	struct answer *answer = pending->answer;
	bool rebuild;
	pending->answer = NULL;
	if (pending->query.step == QUERY_PROBE && ended == OUTCOME_ANSWERED && is_good_probe(lookups, pending, answer))
		accept_probe(&pending->query);
	bool was_probe = pending->query.step == QUERY_PROBE;
	enum query_step step = next_step(&pending->query, ended, &rebuild);
	lookups->counters.probe_verdicts += was_probe && (ended == OUTCOME_ANSWERED || ended == OUTCOME_SERVFAIL);
	if (rebuild && !rebuild_after_failure(lookups->generations, pending->generation))
		deny_rebuild(&pending->query);
	bool is_believed = lookups->trust == lookups->generations->trust;
	follow_generation(lookups);
	if (step == QUERY_DONE && is_believed) {
		try_if_silent(lookups, pending);
		finish_pending(lookups, pending, answer);
		return;
	}
	release_answer(answer);
	if (is_believed)
		wait_to_be_asked(lookups, pending); /* else it has been restarted */
}

static void advance_answered(struct lookups *lookups)
{
	while (lookups->answered != NULL) {
		struct pending *pending = lookups->answered;
		lookups->answered = pending->next_answered;
		advance_pending(lookups, pending, pending->answer != NULL ? pending->answer->outcome : OUTCOME_SYSTEM);
	}
}

static void pass_deadlines(struct lookups *lookups)
{
	int64_t now = monotonic_ms();
	for (int i = 0; i < DEADLINES_AT_ONCE; i++) {
		struct pending *asked = (struct pending *)top_item(&lookups->asked);
		struct pending *waiting = (struct pending *)top_item(&lookups->waiting);
		if (asked != NULL && asked->item.deadline <= now) {
			leave_queues(asked);
			asked->missed_turn |= !is_with_library(&asked->question);
			drop_question(&asked->question);
			advance_pending(lookups, asked, OUTCOME_TIMEOUT);
		} else if (waiting != NULL && waiting->item.deadline <= now) {
			waiting->missed_turn = true;
			fail_after_deadlines(lookups, waiting);
		} else {
			return;
		}
	}
}

/* Whether the way to the servers loses answers */

static void look_for_silence(struct lookups *lookups, int64_t now)
{
	const struct settings *settings = lookups->generations->settings;
	lookups->look_at = now + LOOK_INTERVAL;
	const struct pending *silent = find_silent(&lookups->asked, settings, &lookups->looked_up_to, now);
	if (silent != NULL)
		begin_trial(&lookups->trial, lookups->generations, silent->qname, silent->key.qtype);
}

static bool was_asked_before(const struct lookups *lookups, const struct pending *pending)
{
	return pending->question.flight != NULL && !pending->query.tcp && pending->generation != lookups->generations->number;
}

/* What the generation before may have lost. */
static void ask_again(struct lookups *lookups, struct pending *pending)
{
	if (!was_asked_before(lookups, pending))
		return;
	leave_queues(pending);
	drop_question(&pending->question);
	wait_to_be_asked(lookups, pending);
}

static void try_another_way(struct lookups *lookups)
{
	struct generations *generations = lookups->generations;
	enum lost_udp known = generations->config->lost_udp, lost = advance_trial(&lookups->trial, generations);
	int64_t now = monotonic_ms();
	if (lost != LOST_NOTHING) {
		ask_for_less(generations, lost);
		follow_generation(lookups);
		if (known != generations->config->lost_udp)
			visit_pendings(lookups, ask_again);
	} else if (lookups->asked.count > 0 && now >= lookups->look_at && may_begin_trial(&lookups->trial, generations, now)) {
		look_for_silence(lookups, now);
	}
}

static int64_t next_trial(const struct lookups *lookups)
{
	int64_t next = next_of_trial(&lookups->trial);
	if (next != INT64_MAX || lookups->asked.count == 0 || !may_begin_trial(&lookups->trial, lookups->generations, INT64_MAX))
		return next;
	return lookups->look_at > lookups->trial.due ? lookups->look_at : lookups->trial.due;
}

void advance_lookups(struct lookups *lookups)
{
	advance_answered(lookups);
	pass_deadlines(lookups);
	try_another_way(lookups);
	ask_waiting(lookups);
}

int64_t next_due(const struct lookups *lookups)
{
	if (lookups->completed != NULL || lookups->answered != NULL)
		return 1; /* long past: it stays due */
	const struct heap_item *waiting = top_item(&lookups->waiting), *asked = top_item(&lookups->asked);
	int64_t due = next_trial(lookups);
	if (waiting != NULL && waiting->deadline < due)
		due = waiting->deadline;
	if (asked != NULL && asked->deadline < due)
		due = asked->deadline;
	return due;
}

/* Coming and going */

static struct lookup *new_lookup(const struct lookup_options *options, uint32_t owner)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL)
		return NULL;
	lookup->options = *options;
	lookup->owner = owner;
	return lookup;
}

static void leave_pending(struct lookup *lookup)
{
	*lookup->link = lookup->next;
	if (lookup->next != NULL)
		lookup->next->link = lookup->link;
}

/* False without memory, and then it is freed. */
static bool begin_lookup(struct lookups *lookups, struct lookup *lookup, const char *qname, uint16_t qtype)
{
	if (!find_question(lookups, lookup, qname, qtype)) {
		free(lookup);
		return false;
	}
	lookups->counters.lookups++;
	ask_waiting(lookups);
	return true;
}

struct lookup *add_lookup(struct lookups *lookups, const char *qname, uint16_t qtype, const struct lookup_options *options, uint32_t owner)
{
	struct lookup *lookup = new_lookup(options, owner);
	return lookup != NULL && begin_lookup(lookups, lookup, qname, qtype) ? lookup : NULL;
}

void add_lookup_for_nobody(struct lookups *lookups, const char *qname, uint16_t qtype, const struct lookup_options *options)
{
	struct lookup *lookup = new_lookup(options, NOBODY);
	if (lookup != NULL)
		begin_lookup(lookups, lookup, qname, qtype);
}

struct lookup *add_completed(struct lookups *lookups, const struct known_answer *known, const struct lookup_options *options, uint32_t owner)
{
	struct lookup *lookup = new_lookup(options, owner);
	if (lookup == NULL)
		return NULL;
	lookup->result = *known;
	hold_answer((struct answer *)known->answer);
	append_completed(lookups, lookup);
	return lookup;
}

void cancel(struct lookups *lookups, struct lookup *lookup)
{
	struct pending *pending = lookup->pending;
	if (pending == NULL)
		return;
	leave_pending(lookup);
	struct answer *canceled = create_failure(pending, OUTCOME_CANCELED, "canceled");
	complete_lookup(lookups, lookup, canceled, OUTCOME_CANCELED, false); /* also without memory for the answer */
	release_answer(canceled);
	if (pending->waiters == NULL) {
		drop_question(&pending->question);
		end_pending(lookups, pending, NULL, false);
		ask_waiting(lookups);
	}
}

void cancel_all(struct lookups *lookups)
{
	size_t bucket = 0;
	set_places(&lookups->turns, 0); /* none is asked when another is canceled */
	for (struct pending *pending; (pending = any_pending(&lookups->table, &bucket)) != NULL;)
		cancel(lookups, pending->waiters);
	open_places(lookups);
}

struct lookup *take_completed(struct lookups *lookups)
{
	struct lookup *lookup = lookups->completed;
	if (lookup == NULL)
		return NULL;
	lookups->completed = lookup->next;
	lookups->taken++;
	if (lookups->completed == NULL)
		lookups->completed_end = &lookups->completed;
	return lookup;
}

void free_lookup(struct lookup *lookup)
{
	release_answer((struct answer *)lookup->result.answer);
	free(lookup);
}

uint32_t lookup_owner(const struct lookup *lookup)
{
	return lookup->owner;
}

struct known_answer lookup_result(const struct lookup *lookup)
{
	return lookup->result;
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Puts together what answers lookups: the cache before the question, its file, generations of contexts behind it, and one descriptor for all that is due. */
#include "resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURE_TTL = 5 /* seconds (RFC 9520); libunbound remembers a failure as long */ };

struct resolver {
	struct wakeup wakeup;
	struct generations generations;
	struct cache *cache; /* owned */
	struct lookups lookups;
	struct keeper keeper;
	int64_t alarm_at; /* of monotonic_ms; the outside's own. INT64_MAX: never */
	unsigned forks;   /* the wakeup's, when the contexts were made */
};

static bool is_forked(const struct resolver *resolver)
{
	return resolver->forks != resolver->wakeup.forks;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void set_timer(struct resolver *resolver)
{
	int64_t due = earlier(next_due(&resolver->lookups), next_unused(&resolver->generations));
	set_wakeup(&resolver->wakeup, earlier(due, earlier(resolver->alarm_at, next_kept(&resolver->keeper))));
}

/* Making and ending */

static struct cache_limits limits_of(const struct settings *settings)
{
	return (struct cache_limits){
		.bytes = settings->cache_size,
		.min_ttl = settings->min_ttl,
		.max_ttl = settings->max_ttl,
		.stale_ttl = settings->stale_ttl,
		.failure_ttl = FAILURE_TTL,
	};
}

static bool open_parts(struct resolver *resolver, struct settings *settings, struct problem *problem)
{
	if (!open_wakeup(&resolver->wakeup)) {
		report_problem(problem, PROBLEM_SYSTEM, "cannot open a descriptor: %s", strerror(errno));
		return false;
	}
	struct cache_limits limits = limits_of(settings);
	resolver->cache = create_cache(&limits);
	if (resolver->cache == NULL)
		report_memory(problem);
	else if (open_generations(&resolver->generations, settings, &resolver->wakeup, problem))
		return true;
	else
		close_generations(&resolver->generations, false);
	delete_cache(resolver->cache);
	close_wakeup(&resolver->wakeup);
	return false;
}

struct resolver *create_resolver(struct settings *settings, struct problem *problem)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	if (resolver == NULL) {
		report_memory(problem);
		return NULL;
	}
	resolver->alarm_at = INT64_MAX;
	if (!open_parts(resolver, settings, problem)) {
		free(resolver);
		return NULL;
	}
	open_lookups(&resolver->lookups, &resolver->generations, resolver->cache);
	open_keeper(&resolver->keeper, &resolver->lookups);
	set_timer(resolver);
	return resolver;
}

void delete_resolver(struct resolver *resolver)
{
	close_keeper(&resolver->keeper, is_forked(resolver));
	close_lookups(&resolver->lookups);
	close_generations(&resolver->generations, is_forked(resolver));
	delete_cache(resolver->cache);
	close_wakeup(&resolver->wakeup);
	free(resolver);
}

/* The child of a fork has no threads of its parent's: what was asked is asked again. The parent's contexts go at once, also where there are no descriptors
 * for others yet: they are not ours to end, and know who has asked them, who may end before. */
static void recover_after_fork(struct resolver *resolver)
{
	if (!is_forked(resolver))
		return;
	forget_asked(&resolver->lookups);
	if (!renew_generations(&resolver->generations) || !has_descriptors(&resolver->wakeup))
		return; /* it is tried again */
	resolver->forks = resolver->wakeup.forks;
	follow_generation(&resolver->lookups);
	forget_kept(&resolver->keeper);
}

/* Before something is believed, be it an answer that has just come or one that is known. In the child of a fork only what has been made anew is ours. */
static void watch_clock(struct resolver *resolver)
{
	uint64_t before = resolver->generations.number;
	if (is_forked(resolver))
		return;
	watch_wall_clock(&resolver->generations);
	follow_generation(&resolver->lookups);
	if (resolver->generations.number != before)
		set_timer(resolver);
}

/* The descriptor */

int resolver_fd(const struct resolver *resolver)
{
	return resolver->wakeup.epoll;
}

unsigned resolver_forks(struct resolver *resolver)
{
	has_descriptors(&resolver->wakeup);
	return resolver->wakeup.renewals;
}

void set_alarm(struct resolver *resolver, int64_t when)
{
	resolver->alarm_at = when;
	set_timer(resolver);
}

void process_resolver(struct resolver *resolver)
{
	recover_after_fork(resolver);
	if (!is_forked(resolver)) /* else there is nothing of ours to be watched */
		process_watched(&resolver->wakeup);
	watch_clock(resolver); /* after the answers came, and before one is looked at */
	if (!is_forked(resolver))
		advance_keeper(&resolver->keeper);
	advance_lookups(&resolver->lookups);
	if (resolver->alarm_at <= monotonic_ms())
		resolver->alarm_at = INT64_MAX;
	if (!is_forked(resolver)) /* else they are the parent's */
		end_unused(&resolver->generations);
	if (!has_completed(resolver)) /* else when they are taken, or by rest_resolver: most often nothing has to be set then */
		set_timer(resolver);
}

void rest_resolver(struct resolver *resolver)
{
	set_timer(resolver);
}

/* Generations */

bool rebuild_resolver(struct resolver *resolver, struct settings *settings, struct problem *problem)
{
	recover_after_fork(resolver);
	if (is_forked(resolver))
		return report_problem(problem, PROBLEM_SYSTEM, "out of memory or descriptors after fork");
	if (!rebuild_generations(&resolver->generations, settings, problem))
		return false;
	struct cache_limits limits = limits_of(resolver->generations.settings);
	limit_cache(resolver->cache, &limits, monotonic_ms());
	follow_generation(&resolver->lookups);
	follow_settings(&resolver->keeper);
	set_timer(resolver);
	return true;
}

bool take_notice(struct resolver *resolver, char text[NOTICE_SIZE])
{
	return take_generations_notice(&resolver->generations, text);
}

/* What is known */

struct known_answer peek_answer(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options)
{
	watch_clock(resolver);
	struct lookup_options effective = complete_options(&resolver->generations, options);
	return find_known(resolver->cache, qname, qtype, &effective, monotonic_ms());
}

struct known_answer use_known_answer(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options)
{
	struct known_answer known = peek_answer(resolver, qname, qtype, options);
	if (known.answer != NULL)
		count_known(&resolver->lookups, &known);
	return known;
}

void flush_answers(struct resolver *resolver, const char *qname)
{
	if (qname == NULL)
		flush_cache(resolver->cache);
	else
		flush_name(resolver->cache, qname);
	write_soon(&resolver->keeper);
	set_timer(resolver);
}

bool write_answers(struct resolver *resolver, struct problem *problem)
{
	recover_after_fork(resolver);
	if (is_forked(resolver))
		return report_problem(problem, PROBLEM_SYSTEM, "out of memory or descriptors after fork");
	watch_clock(resolver);
	bool written = write_now(&resolver->keeper, problem);
	set_timer(resolver);
	return written;
}

/* Lookups */

/* Before a lookup: whom to ask, and what to believe. */
static void look_around(struct resolver *resolver)
{
	recover_after_fork(resolver);
	watch_resolvconf(&resolver->generations);
	watch_clock(resolver);
}

struct lookup *start_lookup(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options, uint32_t owner)
{
	look_around(resolver);
	struct lookup_options effective = complete_options(&resolver->generations, options);
	struct lookup *lookup = add_lookup(&resolver->lookups, qname, qtype, &effective, owner);
	if (lookup != NULL)
		set_timer(resolver);
	return lookup;
}

void ask_for_nobody(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options)
{
	look_around(resolver);
	struct lookup_options effective = complete_options(&resolver->generations, options);
	struct known_answer known = find_known(resolver->cache, qname, qtype, &effective, monotonic_ms());
	if (known.answer != NULL && known.answer->outcome != OUTCOME_ANSWERED)
		return;
	add_lookup_for_nobody(&resolver->lookups, qname, qtype, &effective);
	set_timer(resolver);
}

unsigned resolver_shard(const struct resolver *resolver, const char *name)
{
	return shard_of(&resolver->lookups, name);
}

struct lookup *queue_known_answer(struct resolver *resolver, const struct known_answer *known, const struct lookup_options *options, uint32_t owner)
{
	struct lookup_options effective = complete_options(&resolver->generations, options);
	struct lookup *lookup = add_completed(&resolver->lookups, known, &effective, owner);
	if (lookup != NULL)
		set_timer(resolver);
	return lookup;
}

void cancel_lookup(struct resolver *resolver, struct lookup *lookup)
{
	recover_after_fork(resolver);
	cancel(&resolver->lookups, lookup);
	set_timer(resolver);
}

void cancel_lookups(struct resolver *resolver)
{
	cancel_all(&resolver->lookups);
	set_timer(resolver);
}

struct lookup *take_lookup(struct resolver *resolver)
{
	struct lookup *lookup = take_completed(&resolver->lookups);
	if (lookup != NULL && !has_completed(resolver))
		set_timer(resolver);
	return lookup;
}

bool has_completed(const struct resolver *resolver)
{
	return resolver->lookups.completed != NULL;
}

struct answer *take_resolver_glimpse(struct resolver *resolver)
{
	return take_generations_glimpse(&resolver->generations);
}

/* Looking in */

struct cache *resolver_cache(struct resolver *resolver)
{
	return resolver->cache;
}

struct settings *resolver_settings(struct resolver *resolver)
{
	return resolver->generations.settings;
}

const struct upstream_config *resolver_upstream(const struct resolver *resolver)
{
	return resolver->generations.config;
}

uint64_t resolver_trust(struct resolver *resolver)
{
	watch_clock(resolver);
	return resolver->generations.trust;
}

void read_resolver_counters(const struct resolver *resolver, struct resolver_counters *counters)
{
	const struct lookups *lookups = &resolver->lookups;
	const struct generations *generations = &resolver->generations;
	*counters = (struct resolver_counters){
		.lookups = lookups->counters,
		.waiting = lookups->waiting.count,
		.in_flight = lookups->asked.count,
		.rebuilds = generations->rebuilds,
		.rebuilds_denied = generations->rebuilds_denied,
		.contexts = count_contexts(generations),
		.generation = generations->current != NULL ? generations->number : 0,
		.trust = generations->trust,
		.learnt = resolver->keeper.learnt,
	};
	read_cache_counters(resolver->cache, &counters->cache);
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Lookups wait, are asked, move on after each attempt, and complete; the descriptor is an epoll over the contexts and one timer.
 * libunbound's callbacks only leave their answers in a list: everything else happens outside its frames, in process_resolver. */
#include "resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "generation.h"
#include "pending.h"

enum {
	EVENTS_AT_ONCE = 16,
	DEADLINES_AT_ONCE = 1000, /* in one call of process_resolver: it must not hold its caller */
	FAILURE_TTL = 5,          /* seconds (RFC 9520); libunbound remembers a failure as long */
	STALE_TTL = 30,           /* seconds, of a stale answer (RFC 8767, 4) */
	WATCH_INTERVAL = 1000,    /* milliseconds between two looks at resolv.conf */
	NOTICES_AT_MOST = 20
};

struct lookup {
	struct lookup *next;
	struct lookup **link;       /* what points at us in the pending's list; NULL once complete */
	struct pending *pending;    /* not owned; NULL once complete */
	struct known_answer result; /* once complete; holds a reference to its answer */
	uint32_t owner;
	bool require_secure, allow_insecure_denial;
};

struct resolver {
	struct settings *settings;      /* a reference */
	struct upstream_config *config; /* owned */
	struct generation *generation;  /* owned; NULL when it could not be made */
	struct generation *retired;     /* owned list: their last questions are still out */
	struct cache *cache;            /* owned */
	struct pending_table table;
	struct heap waiting;      /* pendings by when they are given up without being asked */
	struct heap asked;        /* pendings by the deadline of their attempt */
	struct pending *answered; /* answers that libunbound's callbacks left */
	struct lookup *completed, **completed_end;
	struct resolver_counters counters;
	struct text_list notices;    /* not taken yet */
	struct file_mark resolvconf; /* as it was read last */
	bool is_tried;               /* libunbound accepted settings and config as they are */
	int64_t watched_at;          /* ms; when it was last looked at */
	int64_t rebuilt_at;          /* ms; when a failing lookup last rebuilt it */
	int64_t alarm_at;            /* ms; the outside's own; INT64_MAX: never */
	int64_t timer_at;            /* ms; when the timer is due, INT64_MAX: never */
	uint64_t order;              /* of the last pending */
	int epoll, timer;            /* owned; -1: none */
	unsigned forks;              /* forks that this process had seen when its contexts were made */
};

static atomic_uint forks_seen; /* by this process and its ancestors */

static void count_fork(void)
{
	atomic_fetch_add(&forks_seen, 1);
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, count_fork);
}

int64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static uint32_t seconds_to_ms(double seconds)
{
	return seconds * 1000 < 1 ? 1 : (uint32_t)(seconds * 1000);
}

/* The descriptor */

static bool open_descriptors(int *epoll, int *timer)
{
	*epoll = epoll_create1(EPOLL_CLOEXEC);
	*timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	if (*epoll >= 0 && *timer >= 0 && epoll_ctl(*epoll, EPOLL_CTL_ADD, *timer, &event) == 0)
		return true;
	int error = errno;
	if (*epoll >= 0)
		close(*epoll);
	if (*timer >= 0)
		close(*timer);
	*epoll = *timer = -1;
	errno = error;
	return false;
}

static int64_t next_deadline(const struct resolver *resolver)
{
	if (resolver->completed != NULL || resolver->answered != NULL)
		return 1; /* long past: the descriptor stays readable */
	const struct heap_item *waiting = top_item(&resolver->waiting), *asked = top_item(&resolver->asked);
	int64_t deadline = resolver->alarm_at;
	if (waiting != NULL && waiting->deadline < deadline)
		deadline = waiting->deadline;
	if (asked != NULL && asked->deadline < deadline)
		deadline = asked->deadline;
	return deadline;
}

/* A timer that is due too early is left alone: setting it costs a system call, and waking once for nothing less. */
static void set_timer(struct resolver *resolver)
{
	int64_t deadline = next_deadline(resolver);
	bool is_due = resolver->timer_at != INT64_MAX && resolver->timer_at <= monotonic_ms();
	if (deadline == resolver->timer_at || (deadline > resolver->timer_at && !is_due))
		return;
	struct itimerspec when = { .it_value = { 0, 0 } };
	if (deadline != INT64_MAX)
		when.it_value = (struct timespec){ .tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000 };
	timerfd_settime(resolver->timer, TFD_TIMER_ABSTIME, &when, NULL);
	resolver->timer_at = deadline;
}

/* Making and ending */

static struct cache *create_resolver_cache(const struct settings *settings)
{
	struct cache_limits limits = {
		.bytes = settings->cache_size,
		.min_ttl = settings->min_ttl,
		.max_ttl = settings->max_ttl,
		.stale_ttl = settings->stale_ttl,
		.failure_ttl = FAILURE_TTL,
	};
	return create_cache(&limits);
}

static bool fill_resolver(struct resolver *resolver, struct settings *settings, struct problem *problem)
{
	resolver->settings = hold_settings(settings);
	resolver->watched_at = monotonic_ms();
	resolver->resolvconf = mark_resolvconf(settings);
	resolver->config = read_upstream(settings, problem);
	if (resolver->config == NULL)
		return false;
	report_memory(problem);
	resolver->cache = create_resolver_cache(settings);
	resolver->generation = create_generation(settings, resolver->config, 1);
	if (resolver->cache == NULL || resolver->generation == NULL)
		return false;
	if (!open_descriptors(&resolver->epoll, &resolver->timer)) {
		return report_problem(problem, PROBLEM_SYSTEM, "cannot open a descriptor: %s", strerror(errno));
	}
	resolver->is_tried = prepare_generation(resolver->generation, resolver->epoll, problem);
	return resolver->is_tried;
}

struct resolver *create_resolver(struct settings *settings, struct problem *problem)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, watch_forks);

	struct resolver *resolver = calloc(1, sizeof(*resolver));
	if (resolver == NULL) {
		report_memory(problem);
		return NULL;
	}
	resolver->epoll = resolver->timer = -1;
	resolver->alarm_at = resolver->timer_at = INT64_MAX;
	resolver->rebuilt_at = INT64_MIN;
	resolver->completed_end = &resolver->completed;
	resolver->forks = atomic_load(&forks_seen);
	open_pending_table(&resolver->table);
	if (fill_resolver(resolver, settings, problem))
		return resolver;
	delete_resolver(resolver);
	return NULL;
}

static bool is_forked(const struct resolver *resolver)
{
	return resolver->forks != atomic_load(&forks_seen);
}

static void delete_generations(struct resolver *resolver, bool forked)
{
	while (resolver->retired != NULL) {
		struct generation *generation = resolver->retired;
		resolver->retired = generation->next;
		delete_generation(generation, resolver->epoll, forked);
	}
	delete_generation(resolver->generation, resolver->epoll, forked);
	resolver->generation = NULL;
}

void delete_resolver(struct resolver *resolver)
{
	cancel_lookups(resolver);
	for (struct lookup *lookup; (lookup = take_lookup(resolver)) != NULL;)
		free_lookup(lookup);
	delete_generations(resolver, is_forked(resolver));
	free_pending_table(&resolver->table);
	free_heap(&resolver->waiting);
	free_heap(&resolver->asked);
	delete_cache(resolver->cache);
	free_text_list(&resolver->notices);
	release_upstream(resolver->config);
	release_settings(resolver->settings);
	if (resolver->epoll >= 0)
		close(resolver->epoll);
	if (resolver->timer >= 0)
		close(resolver->timer);
	free(resolver);
}

int resolver_fd(const struct resolver *resolver)
{
	return resolver->epoll;
}

/* What is known */

static struct lookup_options effective_options(const struct resolver *resolver, const struct lookup_options *options)
{
	struct lookup_options effective = *options;
	if (effective.attempts == 0)
		effective.attempts = resolver->settings->attempts;
	if (effective.attempts == 0)
		effective.attempts = resolver->config->attempts;
	if (effective.attempts == 0)
		effective.attempts = options->automatic ? 3 : 2; /* S31 */
	if (effective.timeout <= 0)
		effective.timeout = timeout_in_use(resolver->settings, resolver->config);
	effective.require_secure |= resolver->settings->dnssec == POLICY_REQUIRED;
	return effective;
}

static enum outcome judge_answer(const struct answer *answer, bool require_secure, bool allow_insecure_denial)
{
	if (answer == NULL)
		return OUTCOME_SYSTEM;
	if (answer->outcome != OUTCOME_ANSWERED || answer->secure || !require_secure)
		return answer->outcome;
	return answer->record_count == 0 && allow_insecure_denial ? OUTCOME_ANSWERED : OUTCOME_INSECURE; /* S66 */
}

static bool may_be_served_stale(enum outcome outcome)
{
	return outcome == OUTCOME_TIMEOUT || outcome == OUTCOME_SERVFAIL;
}

struct known_answer peek_answer(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options)
{
	struct known_answer known = { .answer = NULL };
	int64_t now = monotonic_ms();
	const struct answer *answer = find_answer(resolver->cache, qname, qtype, now, &known.ttl);
	if (answer != NULL && may_be_served_stale(answer->outcome)) {
		const struct answer *stale = find_stale(resolver->cache, qname, qtype, now);
		known.stale = stale != NULL;
		answer = stale != NULL ? stale : find_answer(resolver->cache, qname, qtype, now, &known.ttl);
		known.ttl = known.stale ? STALE_TTL : known.ttl;
	}
	if (answer == NULL)
		return known;
	struct lookup_options effective = effective_options(resolver, options);
	known.answer = answer;
	known.outcome = judge_answer(answer, effective.require_secure, effective.allow_insecure_denial);
	return known;
}

static void count_result(struct resolver *resolver, const struct known_answer *known)
{
	struct resolver_counters *counters = &resolver->counters;
	counters->outcomes[known->outcome]++;
	if (known->outcome == OUTCOME_ANSWERED)
		*(known->answer->secure ? &counters->secure : &counters->insecure) += 1;
	if (known->stale)
		counters->stale++;
}

struct known_answer use_known_answer(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options)
{
	struct known_answer known = peek_answer(resolver, qname, qtype, options);
	if (known.answer != NULL) {
		resolver->counters.lookups++;
		count_result(resolver, &known);
	}
	return known;
}

/* Completing */

static void append_completed(struct resolver *resolver, struct lookup *lookup)
{
	lookup->next = NULL;
	lookup->link = NULL;
	lookup->pending = NULL;
	*resolver->completed_end = lookup;
	resolver->completed_end = &lookup->next;
}

static void complete_lookup(struct resolver *resolver, struct lookup *lookup, struct answer *answer, bool stale)
{
	lookup->result = (struct known_answer){
		.answer = answer != NULL ? hold_answer(answer) : NULL,
		.outcome = judge_answer(answer, lookup->require_secure, lookup->allow_insecure_denial),
		.ttl = stale         ? STALE_TTL
			: answer != NULL ? answer->ttl
							 : 0,
		.stale = stale,
	};
	count_result(resolver, &lookup->result);
	append_completed(resolver, lookup);
}

/* Gives answer's reference away to its lookups. */
static void end_pending(struct resolver *resolver, struct pending *pending, struct answer *answer, bool stale)
{
	take_item(&pending->item);
	while (pending->lookups != NULL) {
		struct lookup *lookup = pending->lookups;
		pending->lookups = lookup->next;
		complete_lookup(resolver, lookup, answer, stale);
	}
	release_answer(answer);
	remove_pending(&resolver->table, pending);
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

static void fail_pending(struct resolver *resolver, struct pending *pending, enum outcome outcome, const char *reason)
{
	struct answer *failure = create_failure(pending, outcome, reason);
	int64_t now = monotonic_ms();
	if (failure != NULL)
		put_answer(resolver->cache, failure, now);
	struct answer *stale = may_be_served_stale(outcome) ? find_stale(resolver->cache, pending->qname, pending->key.qtype, now) : NULL;
	if (stale != NULL) {
		release_answer(failure);
		end_pending(resolver, pending, hold_answer(stale), true);
	} else {
		end_pending(resolver, pending, failure, false);
	}
}

static void fail_after_deadlines(struct resolver *resolver, struct pending *pending)
{
	char reason[128];
	if (pending->generation == 0)
		snprintf(reason, sizeof(reason), "too many lookups: it was not asked within %g s", (double)(monotonic_ms() - pending->started) / 1000);
	else
		snprintf(reason, sizeof(reason), "no answer within %g s", (double)(monotonic_ms() - pending->started) / 1000);
	fail_pending(resolver, pending, OUTCOME_TIMEOUT, reason);
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
	struct resolver *resolver = pending->resolver;
	pending->answer = answer;
	pending->next_answered = resolver->answered;
	resolver->answered = pending;
	take_item(&pending->item);
}

static void count_attempt(struct resolver *resolver, const struct query *query)
{
	struct resolver_counters *counters = &resolver->counters;
	if (query->step == QUERY_PROBE) {
		counters->probes++;
		return;
	}
	counters->attempts++;
	counters->retries += query->attempt > 1;
	counters->tcp_attempts += query->tcp;
}

static bool send_question(struct resolver *resolver, struct pending *pending, struct context *context)
{
	take_item(&pending->item);
	pending->item.deadline = monotonic_ms() + pending->key.timeout;
	if (!push_item(&resolver->asked, &pending->item))
		return false;
	pending->generation = resolver->generation->number;
	if (!ask_context(context, pending->qname, pending->key.qtype, &pending->question, on_answer, pending))
		return false;
	count_attempt(resolver, &pending->query);
	return true;
}

/* Afterwards it is asked, or has failed. */
static void ask_pending(struct resolver *resolver, struct pending *pending)
{
	struct problem problem = { .text = "no contexts after fork" };
	struct context *context = NULL;
	unsigned shard = (unsigned)(pending->by_key.hash % resolver->settings->threads);
	if (resolver->generation != NULL)
		context = use_context(resolver->generation, role_of(&pending->query), repetition_of(&pending->query), shard, resolver->epoll, &problem);
	if (context == NULL)
		fail_pending(resolver, pending, OUTCOME_SYSTEM, problem.text);
	else if (!send_question(resolver, pending, context))
		fail_pending(resolver, pending, OUTCOME_SYSTEM, "out of memory");
}

static void ask_waiting(struct resolver *resolver)
{
	while (resolver->asked.count < resolver->settings->max_lookups) {
		struct pending *pending = (struct pending *)top_item(&resolver->waiting);
		if (pending == NULL)
			return;
		ask_pending(resolver, pending);
	}
}

static void wait_to_be_asked(struct resolver *resolver, struct pending *pending)
{
	bool is_first = pending->generation == 0; /* what follows gets its turn even when the whole has taken long: a probe, an attempt after a pause */
	pending->item.deadline = is_first ? pending->deadline : monotonic_ms() + pending->key.timeout;
	if (!push_item(&resolver->waiting, &pending->item))
		fail_pending(resolver, pending, OUTCOME_SYSTEM, "out of memory");
}

/* Rebuilding */

static void add_notice(struct resolver *resolver, const char *format, const char *path, const char *text)
{
	char notice[NOTICE_SIZE];
	snprintf(notice, sizeof(notice), format, path, text);
	if (resolver->notices.count < NOTICES_AT_MOST)
		add_text(&resolver->notices, notice); /* without memory it is not heard of */
}

bool take_notice(struct resolver *resolver, char text[NOTICE_SIZE])
{
	struct text_list *notices = &resolver->notices;
	if (notices->count == 0)
		return false;
	snprintf(text, NOTICE_SIZE, "%s", notices->items[0]);
	free(notices->items[0]);
	notices->count--;
	memmove(notices->items, notices->items + 1, notices->count * sizeof(notices->items[0]));
	return true;
}

static void end_retired(struct resolver *resolver)
{
	struct generation **link = &resolver->retired;
	while (*link != NULL) {
		struct generation *generation = *link;
		if (generation_in_flight(generation) > 0) {
			link = &generation->next;
			continue;
		}
		*link = generation->next;
		delete_generation(generation, resolver->epoll, false);
	}
}

/* NULL with a message. */
static struct generation *next_generation(
	const struct resolver *resolver, struct settings *settings, struct upstream_config *config, struct problem *problem)
{
	uint64_t number = resolver->generation != NULL ? resolver->generation->number + 1 : resolver->counters.rebuilds + 2;
	report_memory(problem);
	return create_generation(settings, config, number);
}

/* Takes generation and config, which may be the one that is in use. */
static void start_generation(struct resolver *resolver, struct generation *generation, struct settings *settings, struct upstream_config *config)
{
	if (resolver->generation != NULL) {
		resolver->generation->next = resolver->retired;
		resolver->retired = resolver->generation;
	}
	resolver->generation = generation;
	if (config != resolver->config)
		release_upstream(resolver->config);
	resolver->config = config;
	hold_settings(settings);
	release_settings(resolver->settings);
	resolver->settings = settings;
	resolver->counters.rebuilds++;
	flush_failures(resolver->cache);
	end_retired(resolver);
}

/* A server list that has become empty or unreadable is no reason to lose the servers that we have. */
static struct upstream_config *reread_upstream(struct resolver *resolver)
{
	struct problem problem;
	const char *path = resolvconf_path(resolver->settings);
	struct upstream_config *config = read_upstream(resolver->settings, &problem);
	if (config != NULL && (!config->resolvconf_failed || resolver->config->resolvconf_failed))
		return config;
	add_notice(resolver, "%s: no name server can be read from it, so the old ones stay in use (%s)", path, config != NULL ? "empty" : problem.text);
	release_upstream(config);
	return resolver->config;
}

static bool rebuild_from_same(struct resolver *resolver, struct problem *problem)
{
	resolver->watched_at = monotonic_ms();
	resolver->resolvconf = mark_resolvconf(resolver->settings); /* before reading: a change after it is another change */
	struct upstream_config *config = reread_upstream(resolver);
	struct generation *generation = next_generation(resolver, resolver->settings, config, problem);
	if (generation == NULL) {
		if (config != resolver->config)
			release_upstream(config);
		return false;
	}
	resolver->is_tried = resolver->is_tried && tries_alike(resolver->settings, config, resolver->settings, resolver->config);
	start_generation(resolver, generation, resolver->settings, config);
	return true;
}

/* Settings that differ in nothing that libunbound has a say in have been accepted: asking it again would hold the server. */
static bool is_accepted(struct resolver *resolver, struct generation *generation, struct problem *problem)
{
	return (resolver->is_tried && tries_alike(generation->settings, generation->config, resolver->settings, resolver->config))
		|| prepare_generation(generation, resolver->epoll, problem);
}

static bool rebuild_from_other(struct resolver *resolver, struct settings *settings, struct problem *problem)
{
	struct file_mark mark = mark_resolvconf(settings);
	struct upstream_config *config = read_upstream(settings, problem);
	if (config == NULL)
		return false;
	struct generation *generation = next_generation(resolver, settings, config, problem);
	if (generation == NULL || !is_accepted(resolver, generation, problem)) {
		delete_generation(generation, resolver->epoll, false);
		release_upstream(config);
		return false;
	}
	resolver->is_tried = true;
	start_generation(resolver, generation, settings, config);
	resolver->watched_at = monotonic_ms();
	resolver->resolvconf = mark;
	return true;
}

/* Moving on */

static bool rebuild_after_failure(struct resolver *resolver, const struct pending *pending)
{
	struct problem problem;
	if (resolver->generation == NULL || pending->generation != resolver->generation->number)
		return true; /* another lookup has had it done */
	int64_t now = monotonic_ms();
	bool is_too_soon = resolver->rebuilt_at != INT64_MIN && now - resolver->rebuilt_at < (int64_t)(resolver->settings->reconfigure_interval * 1000);
	if (is_too_soon || !rebuild_resolver(resolver, NULL, &problem)) {
		resolver->counters.rebuilds_denied++;
		return false;
	}
	resolver->rebuilt_at = now;
	return true;
}

/* Ends it with the answer that the last attempt gave, or with the failure that the whole is. Takes answer. */
static void finish_pending(struct resolver *resolver, struct pending *pending, struct answer *answer)
{
	enum outcome outcome = pending->query.outcome;
	if (answer != NULL && answer->outcome == OUTCOME_ANSWERED && outcome == OUTCOME_ANSWERED) {
		answer->attempts = (uint16_t)pending->query.attempt; /* nobody else has it yet */
		put_answer(resolver->cache, answer, monotonic_ms());
		end_pending(resolver, pending, answer, false);
		return;
	}
	if (outcome == OUTCOME_TIMEOUT)
		fail_after_deadlines(resolver, pending);
	else if (answer != NULL && answer->outcome == outcome)
		fail_pending(resolver, pending, outcome, answer->reason);
	else if (outcome == OUTCOME_BOGUS)
		fail_pending(resolver, pending, outcome, "the name server answers only without validation: most likely DNSSEC validation failed there");
	else
		fail_pending(resolver, pending, outcome, "out of memory");
	release_answer(answer);
}

static void advance_pending(struct resolver *resolver, struct pending *pending, enum outcome ended)
{
	struct answer *answer = pending->answer;
	bool rebuild, was_probe = pending->query.step == QUERY_PROBE;
	pending->answer = NULL;
	enum query_step step = next_step(&pending->query, ended, &rebuild);
	resolver->counters.probe_verdicts += was_probe && (ended == OUTCOME_ANSWERED || ended == OUTCOME_SERVFAIL);
	if (rebuild && !rebuild_after_failure(resolver, pending))
		deny_rebuild(&pending->query);
	if (step == QUERY_DONE) {
		finish_pending(resolver, pending, answer);
		return;
	}
	release_answer(answer);
	wait_to_be_asked(resolver, pending);
}

static void advance_answered(struct resolver *resolver)
{
	while (resolver->answered != NULL) {
		struct pending *pending = resolver->answered;
		resolver->answered = pending->next_answered;
		advance_pending(resolver, pending, pending->answer != NULL ? pending->answer->outcome : OUTCOME_SYSTEM);
	}
}

static void pass_deadlines(struct resolver *resolver)
{
	int64_t now = monotonic_ms();
	for (int i = 0; i < DEADLINES_AT_ONCE; i++) {
		struct pending *asked = (struct pending *)top_item(&resolver->asked);
		struct pending *waiting = (struct pending *)top_item(&resolver->waiting);
		if (asked != NULL && asked->item.deadline <= now) {
			take_item(&asked->item);
			drop_question(&asked->question);
			advance_pending(resolver, asked, OUTCOME_TIMEOUT);
		} else if (waiting != NULL && waiting->item.deadline <= now) {
			fail_after_deadlines(resolver, waiting);
		} else {
			return;
		}
	}
}

static void process_contexts(struct resolver *resolver)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(resolver->epoll, events, EVENTS_AT_ONCE, 0);
	for (int i = 0; i < count; i++)
		if (events[i].data.ptr != NULL)
			process_context(events[i].data.ptr);
}

/* The child of a fork has no threads of its parent's, and shares its descriptors: it starts anew on the same descriptor numbers. */
static void recover_after_fork(struct resolver *resolver)
{
	int epoll, timer;
	unsigned forks = atomic_load(&forks_seen);
	while (resolver->asked.count > 0) {
		struct pending *pending = (struct pending *)top_item(&resolver->asked);
		take_item(&pending->item);
		pending->question = (struct context_question){ .flight = NULL };
		wait_to_be_asked(resolver, pending);
	}
	uint64_t number = resolver->generation != NULL ? resolver->generation->number : resolver->counters.rebuilds;
	delete_generations(resolver, true);
	if (!open_descriptors(&epoll, &timer))
		return;
	dup3(epoll, resolver->epoll, O_CLOEXEC);
	close(epoll);
	dup3(timer, resolver->timer, O_CLOEXEC);
	close(timer);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	epoll_ctl(resolver->epoll, EPOLL_CTL_ADD, resolver->timer, &event);
	resolver->timer_at = INT64_MAX;
	resolver->generation = create_generation(resolver->settings, resolver->config, number + 1);
	if (resolver->generation != NULL)
		resolver->forks = forks; /* else it is tried again */
}

void process_resolver(struct resolver *resolver)
{
	if (is_forked(resolver))
		recover_after_fork(resolver);
	if (!is_forked(resolver)) /* else the descriptor is still the parent's */
		process_contexts(resolver);
	advance_answered(resolver);
	pass_deadlines(resolver);
	if (resolver->alarm_at <= monotonic_ms())
		resolver->alarm_at = INT64_MAX;
	ask_waiting(resolver);
	end_retired(resolver);
	if (resolver->completed == NULL) /* else when they are taken, or by rest_resolver: most often nothing has to be set then */
		set_timer(resolver);
}

void rest_resolver(struct resolver *resolver)
{
	set_timer(resolver);
}

bool rebuild_resolver(struct resolver *resolver, struct settings *settings, struct problem *problem)
{
	if (is_forked(resolver))
		recover_after_fork(resolver);
	if (!is_forked(resolver))
		return settings == NULL ? rebuild_from_same(resolver, problem) : rebuild_from_other(resolver, settings, problem);
	return report_problem(problem, PROBLEM_SYSTEM, "out of memory or descriptors after fork");
}

/* Called before each question: a look at the file costs a microsecond, and no more than one a second. */
static void watch_resolvconf(struct resolver *resolver)
{
	struct problem problem;
	int64_t now = monotonic_ms();
	if (!resolver->settings->use_resolvconf || now - resolver->watched_at < WATCH_INTERVAL)
		return;
	resolver->watched_at = now;
	struct file_mark mark = mark_resolvconf(resolver->settings);
	if (same_mark(&mark, &resolver->resolvconf))
		return;
	const struct upstream_config *before = resolver->config;
	if (!rebuild_from_same(resolver, &problem))
		add_notice(resolver, "%s was changed, but: %s", resolvconf_path(resolver->settings), problem.text);
	else if (resolver->config != before)
		add_notice(resolver, "%s was changed: asking %s now", resolvconf_path(resolver->settings),
			resolver->config->recursive ? "from the root" : resolver->config->servers.items[0]);
}

/* Lookups */

static struct lookup *new_lookup(uint32_t owner)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	if (lookup != NULL)
		lookup->owner = owner;
	return lookup;
}

static void join_pending(struct pending *pending, struct lookup *lookup)
{
	lookup->pending = pending;
	lookup->next = pending->lookups;
	lookup->link = &pending->lookups;
	if (lookup->next != NULL)
		lookup->next->link = &lookup->next;
	pending->lookups = lookup;
}

static void leave_pending(struct lookup *lookup)
{
	*lookup->link = lookup->next;
	if (lookup->next != NULL)
		lookup->next->link = lookup->link;
}

static struct pending *start_pending(struct resolver *resolver, const struct pending_key *key)
{
	struct pending *pending = add_pending(&resolver->table, key);
	if (pending == NULL)
		return NULL;
	pending->resolver = resolver;
	pending->query = start_query(key->attempts, key->automatic);
	pending->started = monotonic_ms();
	pending->deadline = pending->started + (int64_t)key->attempts * key->timeout;
	pending->item.order = ++resolver->order;
	return pending;
}

struct lookup *start_lookup(struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options, uint32_t owner)
{
	if (is_forked(resolver))
		recover_after_fork(resolver);
	watch_resolvconf(resolver);
	struct lookup_options effective = effective_options(resolver, options);
	struct pending_key key = {
		.qname = qname,
		.qtype = qtype,
		.attempts = (uint16_t)effective.attempts,
		.timeout = seconds_to_ms(effective.timeout),
		.automatic = effective.automatic,
	};
	struct lookup *lookup = new_lookup(owner);
	struct pending *pending = find_pending(&resolver->table, &key);
	bool is_shared = pending != NULL;
	if (lookup != NULL && !is_shared)
		pending = start_pending(resolver, &key);
	if (lookup == NULL || pending == NULL) {
		free(lookup);
		return NULL;
	}
	lookup->require_secure = effective.require_secure;
	lookup->allow_insecure_denial = effective.allow_insecure_denial;
	resolver->counters.lookups++;
	resolver->counters.shared += is_shared;
	join_pending(pending, lookup);
	if (!is_shared) {
		wait_to_be_asked(resolver, pending);
		ask_waiting(resolver);
	}
	set_timer(resolver);
	return lookup;
}

struct lookup *queue_known_answer(struct resolver *resolver, const struct known_answer *known, uint32_t owner)
{
	struct lookup *lookup = new_lookup(owner);
	if (lookup == NULL)
		return NULL;
	lookup->result = *known;
	hold_answer((struct answer *)known->answer);
	append_completed(resolver, lookup);
	set_timer(resolver);
	return lookup;
}

void cancel_lookup(struct resolver *resolver, struct lookup *lookup)
{
	struct pending *pending = lookup->pending;
	if (pending == NULL)
		return;
	if (is_forked(resolver))
		recover_after_fork(resolver);
	leave_pending(lookup);
	struct answer *canceled = create_failure(pending, OUTCOME_CANCELED, "canceled");
	complete_lookup(resolver, lookup, canceled, false);
	lookup->result.outcome = OUTCOME_CANCELED; /* also without memory for the answer */
	release_answer(canceled);
	if (pending->lookups == NULL) {
		drop_question(&pending->question);
		end_pending(resolver, pending, NULL, false);
		ask_waiting(resolver);
	}
	set_timer(resolver);
}

void cancel_lookups(struct resolver *resolver)
{
	size_t bucket = 0;
	for (struct pending *pending; (pending = any_pending(&resolver->table, &bucket)) != NULL;)
		cancel_lookup(resolver, pending->lookups);
}

struct lookup *take_lookup(struct resolver *resolver)
{
	struct lookup *lookup = resolver->completed;
	if (lookup == NULL)
		return NULL;
	resolver->completed = lookup->next;
	if (resolver->completed == NULL) {
		resolver->completed_end = &resolver->completed;
		set_timer(resolver);
	}
	return lookup;
}

bool has_completed(const struct resolver *resolver)
{
	return resolver->completed != NULL;
}

void set_alarm(struct resolver *resolver, int64_t when)
{
	resolver->alarm_at = when;
	set_timer(resolver);
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

struct cache *resolver_cache(struct resolver *resolver)
{
	return resolver->cache;
}

struct settings *resolver_settings(struct resolver *resolver)
{
	return resolver->settings;
}

const struct upstream_config *resolver_upstream(const struct resolver *resolver)
{
	return resolver->config;
}

void read_resolver_counters(const struct resolver *resolver, struct resolver_counters *counters)
{
	*counters = resolver->counters;
	counters->waiting = resolver->waiting.count;
	counters->in_flight = resolver->asked.count;
	counters->generation = resolver->generation != NULL ? resolver->generation->number : 0;
	counters->contexts = resolver->generation != NULL ? resolver->generation->count : 0;
	for (const struct generation *retired = resolver->retired; retired != NULL; retired = retired->next)
		counters->contexts += retired->count;
	read_cache_counters(resolver->cache, &counters->cache);
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Generations follow each other; files are read anew for each. */
#include "generations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "unbound/likeness.h"

enum {
	WATCH_INTERVAL = 1000, /* milliseconds between two looks at resolv.conf */
	NOTICES_AT_MOST = 20,
	LESSON = 60 * 60 * 1000, /* milliseconds after which UDP is tried again */
	STEP = 1000              /* milliseconds by which a wall clock that is not set, but runs fast or slowly, never differs between two looks */
};

bool open_generations(struct generations *generations, struct settings *settings, struct wakeup *wakeup, struct problem *problem)
{
	*generations = (struct generations){ .wakeup = wakeup, .settings = hold_settings(settings), .number = 1, .trust = 1, .rebuilt_at = INT64_MIN };
	generations->watched_at = monotonic_ms();
	generations->wall_clock_lead = wall_clock_lead();
	generations->resolvconf = mark_resolvconf(settings);
	generations->config = read_upstream(settings, problem);
	if (generations->config == NULL)
		return false;
	generations->current = create_generation(settings, generations->config, generations->number);
	if (generations->current == NULL)
		return report_memory(problem);
	return prepare_generation(generations->current, wakeup, problem);
}

static void delete_all(struct generations *generations, bool forked)
{
	while (generations->retired != NULL) {
		struct generation *generation = generations->retired;
		generations->retired = generation->next;
		delete_generation(generation, generations->wakeup, forked);
	}
	delete_generation(generations->current, generations->wakeup, forked);
	generations->current = NULL;
}

void close_generations(struct generations *generations, bool forked)
{
	delete_all(generations, forked);
	free_text_list(&generations->notices);
	release_upstream(generations->config);
	release_settings(generations->settings);
}

bool renew_generations(struct generations *generations)
{
	delete_all(generations, true);
	generations->current = create_generation(generations->settings, generations->config, ++generations->number);
	return generations->current != NULL;
}

struct context *latest_context(struct generations *generations, enum role role, unsigned nth, unsigned shard, struct problem *problem)
{
	bool is_usual = nth == 0 && (role == ROLE_UDP || role == ROLE_TCP); /* else one thread is enough */
	if (generations->current != NULL)
		return use_context(generations->current, role, nth, is_usual ? shard % generations->settings->threads : 0, generations->wakeup, problem);
	report_problem(problem, PROBLEM_SYSTEM, "no contexts after fork");
	return NULL;
}

/* Notices */

static void add_notice(struct generations *generations, const char *format, const char *path, const char *text)
{
	char notice[NOTICE_SIZE];
	snprintf(notice, sizeof(notice), format, path, text);
	if (generations->notices.count < NOTICES_AT_MOST)
		add_text(&generations->notices, notice); /* without memory it is not heard of */
}

void notify_owner(struct generations *generations, const char *text)
{
	add_notice(generations, "%s%s", text, "");
}

bool take_generations_notice(struct generations *generations, char text[NOTICE_SIZE])
{
	struct text_list *notices = &generations->notices;
	if (notices->count == 0)
		return false;
	snprintf(text, NOTICE_SIZE, "%s", notices->items[0]);
	free(notices->items[0]);
	notices->count--;
	memmove(notices->items, notices->items + 1, notices->count * sizeof(notices->items[0]));
	return true;
}

/* One follows another */

static void end_retired(struct generations *generations)
{
	struct generation **link = &generations->retired;
	while (*link != NULL) {
		struct generation *generation = *link;
		if (generation_in_flight(generation) > 0) {
			link = &generation->next;
			continue;
		}
		*link = generation->next;
		delete_generation(generation, generations->wakeup, false);
	}
}

void end_unused(struct generations *generations)
{
	end_retired(generations);
	if (generations->current != NULL)
		end_idle_contexts(generations->current, generations->wakeup);
}

int64_t next_unused(const struct generations *generations)
{
	return generations->current != NULL ? next_idle(generations->current) : INT64_MAX;
}

/* NULL with a message. */
static struct generation *create_next(
	const struct generations *generations, struct settings *settings, struct upstream_config *config, struct problem *problem)
{
	report_memory(problem);
	return create_generation(settings, config, generations->number + 1);
}

/* Whether what one lets us believe of an answer, the other does too. Who is asked makes no difference: that changes with the network. */
static bool believe_alike(const struct settings *settings, const struct upstream_config *config, const struct settings *other_settings,
	const struct upstream_config *other_config)
{
	return settings->dnssec == other_settings->dnssec && tries_alike(settings, config, other_settings, other_config);
}

/* Takes generation and config. */
static void start_generation(
	struct generations *generations, struct generation *generation, struct settings *settings, struct upstream_config *config)
{
	if (generations->current != NULL) {
		generations->current->next = generations->retired;
		generations->retired = generations->current;
	}
	generations->current = generation;
	generations->number = generation->number;
	generations->trust += !believe_alike(settings, config, generations->settings, generations->config);
	release_upstream(generations->config);
	generations->config = config;
	hold_settings(settings);
	release_settings(generations->settings);
	generations->settings = settings;
	generations->rebuilds++;
	end_retired(generations);
}

/* Once, not at each rebuild while it lasts. */
static void report_kept(struct generations *generations, const struct upstream_config *config)
{
	for (size_t i = 0; i < config->kept.count; i++)
		if (!has_text(&generations->config->kept, config->kept.items[i]))
			add_notice(generations, "%s%s", config->kept.items[i], "");
}

/* What differs in nothing that libunbound has a say in is accepted like what is in use: asking it again would hold the server. */
static bool is_accepted(struct generations *generations, struct generation *generation, struct problem *problem)
{
	return tries_alike(generation->settings, generation->config, generations->settings, generations->config)
		|| prepare_generation(generation, generations->wakeup, problem);
}

/* Takes config. */
static bool rebuild(struct generations *generations, struct settings *settings, struct upstream_config *config, struct problem *problem)
{
	struct generation *generation = create_next(generations, settings, config, problem);
	if (generation != NULL && is_accepted(generations, generation, problem)) {
		start_generation(generations, generation, settings, config);
		return true;
	}
	delete_generation(generation, generations->wakeup, false);
	release_upstream(config);
	return false;
}

static bool has_other_servers(const struct upstream_config *config, const struct upstream_config *before)
{
	for (size_t i = 0; i < config->servers.count; i++)
		if (!has_text(&before->servers, config->servers.items[i]))
			return true;
	return config->servers.count != before->servers.count;
}

static bool rebuild_from_same(struct generations *generations, struct problem *problem)
{
	generations->watched_at = monotonic_ms();
	generations->resolvconf = mark_resolvconf(generations->settings); /* before reading: a change after it is another change */
	struct upstream_config *config = refresh_upstream(generations->settings, generations->config, problem);
	if (config == NULL)
		return false;
	if (has_other_servers(config, generations->config))
		generations->lost_udp = LOST_NOTHING;
	config->lost_udp = generations->lost_udp;
	report_kept(generations, config);
	return rebuild(generations, generations->settings, config, problem);
}

static bool rebuild_from_other(struct generations *generations, struct settings *settings, struct problem *problem)
{
	struct file_mark mark = mark_resolvconf(settings);
	struct upstream_config *config = read_upstream(settings, problem);
	if (config == NULL)
		return false;
	if (!keep_followed(config, settings, generations->config)) {
		release_upstream(config);
		return report_memory(problem);
	}
	report_kept(generations, config);
	if (!rebuild(generations, settings, config, problem))
		return false;
	generations->watched_at = monotonic_ms();
	generations->resolvconf = mark;
	generations->lost_udp = LOST_NOTHING;
	return true;
}

bool rebuild_generations(struct generations *generations, struct settings *settings, struct problem *problem)
{
	return settings == NULL ? rebuild_from_same(generations, problem) : rebuild_from_other(generations, settings, problem);
}

static bool was_rebuilt_lately(const struct generations *generations, int64_t now)
{
	return generations->rebuilt_at != INT64_MIN && now - generations->rebuilt_at < (int64_t)(generations->settings->reconfigure_interval * 1000);
}

bool rebuild_after_failure(struct generations *generations, uint64_t number)
{
	struct problem problem;
	if (generations->current == NULL || number != generations->number)
		return true; /* another failure has had it done */
	int64_t now = monotonic_ms();
	bool may_rebuild = !was_rebuilt_lately(generations, now);
	if (may_rebuild)
		generations->rebuilt_at = now;
	if (may_rebuild && rebuild_from_same(generations, &problem))
		return true;
	if (may_rebuild)
		add_notice(generations, "what is in use stays in use: %s%s", problem.text, "");
	generations->rebuilds_denied++;
	return false;
}

static const char *describe_servers(const struct generations *generations, char text[NOTICE_SIZE / 2])
{
	size_t used = 0;
	const struct text_list *servers = &generations->config->servers;
	text[0] = '\0';
	for (size_t i = 0; i < servers->count && used < NOTICE_SIZE / 2; i++)
		used += (size_t)snprintf(text + used, NOTICE_SIZE / 2 - used, "%s%s", i > 0 ? ", " : "", servers->items[i]);
	return text;
}

void ask_for_less(struct generations *generations, enum lost_udp lost)
{
	struct problem problem;
	char servers[NOTICE_SIZE / 2];
	generations->lost_udp = lost;
	generations->lost_at = monotonic_ms();
	if (!rebuild_from_same(generations, &problem) || generations->lost_udp != lost)
		return; /* the next one who meets it has it done; other servers are in use by now */
	add_notice(generations, "%s: what is not answered over UDP is answered over TCP: %s", describe_servers(generations, servers),
		lost == LOST_LARGE ? "asking for at most 512 bytes over UDP now, and over TCP for more; does a firewall stop large or fragmented answers?"
						   : "asking over TCP now; does a firewall stop UDP?");
}

/* What was mended meanwhile is used again. */
static void forget_lesson(struct generations *generations, int64_t now)
{
	struct problem problem;
	if (generations->lost_udp == LOST_NOTHING || now - generations->lost_at < LESSON)
		return;
	generations->lost_udp = LOST_NOTHING;
	if (!rebuild_from_same(generations, &problem))
		generations->lost_udp = generations->config->lost_udp;
}

void watch_resolvconf(struct generations *generations)
{
	struct problem problem;
	int64_t now = monotonic_ms();
	const char *path = resolvconf_path(generations->settings);
	forget_lesson(generations, now);
	if (!generations->settings->use_resolvconf || now - generations->watched_at < WATCH_INTERVAL)
		return;
	generations->watched_at = now;
	struct file_mark mark = mark_resolvconf(generations->settings);
	if (same_mark(&mark, &generations->resolvconf))
		return;
	if (!rebuild_from_same(generations, &problem))
		add_notice(generations, "%s was changed, but: %s", path, problem.text);
	else if (generations->config->kept.count == 0)
		add_notice(generations, "%s was changed: asking %s now", path,
			generations->config->recursive ? "from the root" : generations->config->servers.items[0]);
}

void watch_wall_clock(struct generations *generations)
{
	struct problem problem;
	char seconds[32];
	int64_t lead = wall_clock_lead(), step = lead - generations->wall_clock_lead;
	if (step > -STEP && step < STEP) {
		generations->wall_clock_lead = lead;
		return;
	}
	if (!rebuild_from_same(generations, &problem))
		return; /* it is tried again */
	generations->wall_clock_lead = lead;
	generations->trust++;
	snprintf(seconds, sizeof(seconds), "%+.0f", (double)step / 1000);
	add_notice(generations, "the %s was set by %s s: what was known is asked again", "system's clock", seconds);
}

struct answer *take_generations_glimpse(struct generations *generations)
{
	struct answer *glimpse = NULL;
	for (size_t i = 0; generations->current != NULL && glimpse == NULL && i < generations->current->count; i++)
		glimpse = take_glimpse(generations->current->slots[i].context);
	return glimpse;
}

size_t count_contexts(const struct generations *generations)
{
	size_t sum = generations->current != NULL ? generations->current->count : 0;
	for (const struct generation *retired = generations->retired; retired != NULL; retired = retired->next)
		sum += retired->count;
	return sum;
}

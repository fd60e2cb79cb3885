/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Looks at some of them at a time. */
#include "silence.h"

#include "dns/name.h"

enum { LOOKED_AT_ONCE = 100 };

static bool is_in_zones(const char *qname, const struct named_text_list *servers)
{
	for (size_t i = 0; i < servers->count; i++)
		if (is_in_zone(qname, servers->items[i].name))
			return true;
	return false;
}

static bool has_own_servers(const struct pending *pending, const struct settings *settings)
{
	return is_in_zones(pending->qname, &settings->stub) || is_in_zones(pending->qname, &settings->forward_zones);
}

static bool is_silent(const struct pending *pending, const struct settings *settings, int64_t now)
{
	int64_t asked_at = pending->item.deadline - pending->key.timeout;
	return pending->pressing && !pending->query.tcp && now - asked_at >= SILENCE && is_with_library(&pending->question)
		&& !has_own_servers(pending, settings);
}

bool was_silent(const struct pending *pending, const struct settings *settings)
{
	return pending->query.met_silence && pending->query.tcp && pending->query.outcome == OUTCOME_ANSWERED && !has_own_servers(pending, settings);
}

const struct pending *find_silent(const struct heap *asked, const struct settings *settings, size_t *place, int64_t now)
{
	for (size_t i = 0; i < asked->count && i < LOOKED_AT_ONCE; i++) {
		*place = (*place + 1) % asked->count;
		const struct pending *pending = (const struct pending *)asked->items[*place];
		if (is_silent(pending, settings, now))
			return pending;
	}
	return NULL;
}

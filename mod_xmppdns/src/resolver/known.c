/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Judges answers. */
#include "known.h"

enum outcome judge_answer(const struct answer *answer, const struct lookup_options *options)
{
	if (answer == NULL)
		return OUTCOME_SYSTEM;
	if (answer->outcome != OUTCOME_ANSWERED || answer->secure || !options->require_secure)
		return answer->outcome;
	return answer->record_count == 0 && options->allow_insecure_denial ? OUTCOME_ANSWERED : OUTCOME_INSECURE;
}

bool may_be_served_stale(enum outcome outcome)
{
	return outcome == OUTCOME_TIMEOUT || outcome == OUTCOME_SERVFAIL;
}

struct known_answer find_known(struct cache *cache, const char *qname, uint16_t qtype, const struct lookup_options *options, int64_t now)
{
	struct known_answer known = { .answer = NULL };
	const struct answer *answer = find_answer(cache, qname, qtype, now, &known.ttl);
	if (answer != NULL && may_be_served_stale(answer->outcome)) {
		const struct answer *stale = find_stale(cache, qname, qtype, now);
		known.stale = stale != NULL;
		answer = stale != NULL ? stale : find_answer(cache, qname, qtype, now, &known.ttl);
		known.ttl = known.stale ? STALE_TTL : known.ttl;
	}
	if (answer == NULL)
		return known;
	known.answer = answer;
	known.outcome = judge_answer(answer, options);
	return known;
}

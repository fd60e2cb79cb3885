/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The seed's repeated_query, one decision at a time; design, section 3, has the table. */
#include "query.h"

struct query start_query(unsigned attempts, bool automatic, bool validates)
{
	return (struct query){ .attempts = attempts, .attempt = 1, .automatic = automatic, .validates = validates, .step = QUERY_ASK };
}

static enum query_step finish(struct query *query, enum outcome outcome)
{
	query->outcome = outcome;
	return query->step = QUERY_DONE;
}

static enum query_step ask_again(struct query *query)
{
	query->attempt++;
	if (query->tcp)
		query->tcp_attempts++;
	return query->step = QUERY_ASK;
}

static enum query_step probe(struct query *query)
{
	query->probes++;
	return query->step = QUERY_PROBE;
}

static bool is_first_of_automatic(const struct query *query)
{
	return query->automatic && query->attempt == 1;
}

static bool has_attempt_left(const struct query *query)
{
	return query->attempt < query->attempts;
}

/* After a probe that answered, when a further attempt ends as failed, or none is left. Where libunbound validates it would have found the forgery:
 * then what failed was the way to the keys. */
static enum query_step finish_probed(struct query *query, enum outcome failed)
{
	return finish(query, query->validates ? failed : OUTCOME_BOGUS);
}

static enum query_step after_deadline(struct query *query, bool *rebuild)
{
	query->met_silence |= !query->tcp;
	*rebuild = is_first_of_automatic(query); /* also when no attempt is left: later lookups profit (S36) */
	if (!has_attempt_left(query))
		return query->probe_answered ? finish_probed(query, OUTCOME_TIMEOUT) : finish(query, OUTCOME_TIMEOUT);
	query->tcp = !*rebuild;
	return ask_again(query);
}

static enum query_step after_refusal(struct query *query, bool *rebuild)
{
	if (query->probe_answered)
		return finish_probed(query, OUTCOME_SERVFAIL);
	if (!is_first_of_automatic(query) || !has_attempt_left(query))
		return probe(query);
	*rebuild = true;
	return ask_again(query);
}

static enum query_step after_bogus(struct query *query, bool *rebuild)
{
	bool is_second = query->met_bogus || query->probe_answered;
	query->met_bogus = true;
	if (is_second || !has_attempt_left(query))
		return finish(query, OUTCOME_BOGUS);
	*rebuild = is_first_of_automatic(query);
	query->tcp |= !*rebuild;
	return ask_again(query);
}

static enum query_step after_probe(struct query *query, enum outcome ended, bool *rebuild)
{
	if (ended == OUTCOME_TIMEOUT)
		return after_deadline(query, rebuild);
	if (ended != OUTCOME_ANSWERED)
		return finish(query, ended);
	query->probe_answered = true;
	if (!has_attempt_left(query))
		return finish_probed(query, OUTCOME_SERVFAIL);
	query->tcp = true;
	return ask_again(query);
}

void accept_probe(struct query *query)
{
	query->step = QUERY_ASK;
}

enum query_step next_step(struct query *query, enum outcome ended, bool *rebuild)
{
	*rebuild = false;
	if (query->step == QUERY_PROBE)
		return after_probe(query, ended, rebuild);
	switch (ended) {
	case OUTCOME_TIMEOUT: return after_deadline(query, rebuild);
	case OUTCOME_SERVFAIL: return after_refusal(query, rebuild);
	case OUTCOME_BOGUS: return after_bogus(query, rebuild);
	default: return finish(query, ended);
	}
}

void deny_rebuild(struct query *query)
{
	if (query->step != QUERY_ASK)
		return;
	query->tcp = true;
	query->tcp_attempts++;
}

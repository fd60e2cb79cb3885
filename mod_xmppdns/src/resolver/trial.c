/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Two questions, one after the other, and a small one beside both. */
#include "trial.h"

#include <string.h>

#include "base/clock.h"
#include "dns/type.h"

enum {
	OF_TRIALS = 3,         /* which of a role's contexts: no lookup's attempts get so far */
	TCP_PATIENCE = 2000,   /* ms */
	UDP_PATIENCE = 800,    /* ms, beside twice what TCP took: for a packet that is lost and sent again */
	PAUSE = 1000,          /* ms after one whose zone is silent over TCP, too */
	LONG_PAUSE = 10 * 1000 /* after one that has found UDP as good as TCP */
};

bool may_begin_trial(const struct trial *trial, const struct generations *generations, int64_t now)
{
	return trial->stage == TRIAL_NONE && now >= trial->due && may_lose_udp(generations->settings, generations->config);
}

static void end_trial(struct trial *trial, int64_t pause)
{
	drop_question(&trial->question);
	drop_question(&trial->small);
	trial->stage = TRIAL_NONE;
	trial->due = monotonic_ms() + pause;
}

void drop_trial(struct trial *trial)
{
	end_trial(trial, PAUSE);
}

static void on_answer(void *asker, struct answer *answer)
{
	struct trial *trial = asker;
	trial->answered = true;
	trial->useful = answer != NULL && answer->outcome == OUTCOME_ANSWERED;
	release_answer(answer);
}

static void on_small_answer(void *asker, struct answer *answer)
{
	struct trial *trial = asker;
	trial->brings_small = true;
	release_answer(answer);
}

static void ask(struct trial *trial, struct generations *generations, enum trial_stage stage, int64_t patience)
{
	struct problem problem;
	struct context *context = latest_context(generations, stage == TRIAL_TCP ? ROLE_TCP : ROLE_UDP, OF_TRIALS, 0, &problem);
	trial->stage = stage;
	trial->answered = false;
	trial->started = monotonic_ms();
	trial->due = trial->started + patience;
	if (context == NULL || !ask_context(context, trial->qname, trial->qtype, false, &trial->question, on_answer, trial))
		end_trial(trial, PAUSE);
}

static void ask_for_small(struct trial *trial, struct generations *generations)
{
	struct problem problem;
	struct context *context = latest_context(generations, ROLE_BARE_UDP, OF_TRIALS, 0, &problem);
	/* where it cannot be asked, nothing is said against it */
	trial->brings_small = context == NULL || !ask_context(context, ".", TYPE_SOA, false, &trial->small, on_small_answer, trial);
}

void begin_trial(struct trial *trial, struct generations *generations, const char *qname, uint16_t qtype)
{
	memcpy(trial->qname, qname, strlen(qname) + 1);
	trial->qtype = qtype;
	trial->known = generations->config->lost_udp;
	ask(trial, generations, TRIAL_TCP, TCP_PATIENCE);
	if (trial->stage == TRIAL_TCP && trial->known == LOST_NOTHING)
		ask_for_small(trial, generations);
}

static bool has_failed(const struct trial *trial, const struct generations *generations)
{
	return trial->known != generations->config->lost_udp || (trial->answered && !trial->useful) || (trial->stage == TRIAL_TCP && !trial->answered);
}

enum lost_udp advance_trial(struct trial *trial, struct generations *generations)
{
	int64_t now = monotonic_ms();
	if (trial->stage == TRIAL_NONE || (!trial->answered && now < trial->due))
		return LOST_NOTHING;
	if (has_failed(trial, generations)) {
		end_trial(trial, PAUSE);
	} else if (trial->stage == TRIAL_TCP) {
		ask(trial, generations, TRIAL_UDP, UDP_PATIENCE + 2 * (now - trial->started));
	} else if (trial->answered) {
		end_trial(trial, LONG_PAUSE);
	} else {
		end_trial(trial, 0);
		return trial->known == LOST_NOTHING && trial->brings_small ? LOST_LARGE : LOST_ALL;
	}
	return LOST_NOTHING;
}

int64_t next_of_trial(const struct trial *trial)
{
	if (trial->stage == TRIAL_NONE)
		return INT64_MAX;
	return trial->answered ? 1 : trial->due;
}

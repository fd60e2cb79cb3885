/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The cache under random operations, against a model that is a plain array. With room for all, both give the same; with little room the cache may
 * have forgotten, but never gives what the model does not, and never takes more than its bytes. */
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "resolver/cache.h"
#include "fuzz.h"
#include "dns/rdata.h"

enum { NAMES = 200, TYPES = 3, KEYS = NAMES * TYPES, MOST_RECORDS = 4 };

static const uint16_t TYPE_NUMBERS[TYPES] = { TYPE_A, TYPE_SRV, TYPE_TLSA };

static bool has_entropy;

/* The same hashes in every run, and the way without entropy too. */
ssize_t getrandom(void *buffer, size_t size, unsigned flags)
{
	(void)flags;
	memset(buffer, 42, size);
	return has_entropy ? (ssize_t)size : -1;
}

struct kept {
	uint32_t serial; /* of the answer, 0: none */
	int64_t expires;
	bool may_be_stale; /* as far as the answer goes */
};

struct model {
	struct cache_limits limits;
	struct kept answers[KEYS], failures[KEYS];
	bool has_room;
	uint32_t serial;
	int64_t now;
};

static const char *name_of(unsigned key, char name[32])
{
	snprintf(name, 32, "n%u.example", key / TYPES);
	return name;
}

/* The serial stands in the answer's attempts, of which there are enough. */
static struct answer *make_answer(struct model *model, struct input *input, unsigned key)
{
	static const uint8_t BYTES[256] = { 0 };
	const uint8_t *rdata[MOST_RECORDS] = { BYTES, BYTES, BYTES, BYTES };
	unsigned flags = take_byte(input);
	int length = (int)take_byte(input);
	int sizes[MOST_RECORDS] = { length, length, length, length };
	char name[32];
	struct answer_source source = {
		.outcome = (flags & 7) == 7 ? (enum outcome)(take_byte(input) % OUTCOMES) : OUTCOME_ANSWERED,
		.qtype = TYPE_NUMBERS[key % TYPES],
		.qclass = 1,
		.attempts = (uint16_t)++model->serial,
		.secure = (flags & 8) != 0,
		.nxdomain = (flags & 48) == 48,
		.ttl = take_byte(input),
		.qname = name_of(key, name),
		.canonname = flags & 64 ? "canon.example" : NULL,
		.reason = flags & 128 ? "a reason" : NULL,
		.record_count = (flags & 48) == 48 ? 0 : flags >> 4 & 3,
		.rdata = rdata,
		.sizes = sizes,
	};
	return create_answer(&source);
}

static uint32_t clamp(const struct cache_limits *limits, uint32_t ttl)
{
	ttl = ttl < limits->min_ttl ? limits->min_ttl : ttl;
	return ttl > limits->max_ttl ? limits->max_ttl : ttl;
}

static bool is_remembered(enum outcome outcome)
{
	return outcome == OUTCOME_TIMEOUT || outcome == OUTCOME_BOGUS || outcome == OUTCOME_SERVFAIL;
}

static void model_put(struct model *model, unsigned key, const struct answer *answer)
{
	struct kept kept = {
		.serial = answer->attempts,
		.may_be_stale = !answer->secure && answer->record_count > 0 && answer->qtype != TYPE_TLSA,
	};
	if (answer->outcome != OUTCOME_ANSWERED) {
		if (!is_remembered(answer->outcome) || model->limits.failure_ttl == 0)
			return;
		kept.expires = model->now + (int64_t)model->limits.failure_ttl * 1000;
		model->failures[key] = kept;
		return;
	}
	uint32_t ttl = answer->ttl == 0 ? 0 : clamp(&model->limits, answer->ttl);
	kept.expires = model->now + (int64_t)ttl * 1000;
	model->answers[key] = ttl == 0 ? (struct kept){ .serial = 0 } : kept;
	model->failures[key].serial = 0;
}

static const struct kept *model_find(const struct model *model, unsigned key)
{
	const struct kept *answer = &model->answers[key], *failure = &model->failures[key];
	if (answer->serial != 0 && model->now < answer->expires)
		return answer;
	return failure->serial != 0 && model->now < failure->expires ? failure : NULL;
}

static const struct kept *model_find_stale(const struct model *model, unsigned key)
{
	const struct kept *answer = &model->answers[key];
	bool in_time = model->now >= answer->expires && model->now < answer->expires + (int64_t)model->limits.stale_ttl * 1000;
	return answer->serial != 0 && answer->may_be_stale && in_time ? answer : NULL;
}

static void compare(const struct model *model, const struct answer *found, const struct kept *expected)
{
	if (!model->has_room && found != NULL && found->outcome != OUTCOME_ANSWERED)
		return; /* the answer beside which it stood is forgotten, or a later failure was too large */
	if (found != NULL)
		EXPECT(expected != NULL && found->attempts == (uint16_t)expected->serial);
	else if (model->has_room)
		EXPECT(expected == NULL);
}

static void find(const struct model *model, struct cache *cache, unsigned key)
{
	char name[32];
	uint32_t ttl = 0;
	const struct kept *expected = model_find(model, key);
	struct answer *found = find_answer(cache, name_of(key, name), TYPE_NUMBERS[key % TYPES], model->now, &ttl);
	compare(model, found, expected);
	if (found != NULL && expected != NULL && found->attempts == (uint16_t)expected->serial)
		EXPECT(ttl == (uint32_t)((expected->expires - model->now + 999) / 1000));
}

static void find_old(const struct model *model, struct cache *cache, unsigned key)
{
	char name[32];
	compare(model, find_stale(cache, name_of(key, name), TYPE_NUMBERS[key % TYPES], model->now), model_find_stale(model, key));
}

static void put(struct model *model, struct cache *cache, struct input *input, unsigned key)
{
	struct answer *answer = make_answer(model, input, key);
	uint64_t changes = cache_changes(cache);
	put_answer(cache, answer, model->now);
	EXPECT((cache_changes(cache) != changes) == (answer->outcome == OUTCOME_ANSWERED));
	model_put(model, key, answer);
	release_answer(answer);
}

/* One that was there before: nothing happens where there is a fresh one. With little room that may have been forgotten. */
static void put_back(struct model *model, struct cache *cache, struct input *input, unsigned key)
{
	struct answer *answer = make_answer(model, input, key);
	int64_t left = (int64_t)take_byte(input) * 1000, longest = (int64_t)model->limits.max_ttl * 1000;
	bool is_known = model->answers[key].serial != 0 && model->now < model->answers[key].expires;
	if (answer->outcome == OUTCOME_ANSWERED && (model->has_room || !is_known)) {
		restore_answer(cache, answer, left, model->now);
		left = left > longest ? longest : left;
		if (left > 0 && !is_known) {
			model_put(model, key, answer);
			model->answers[key].serial = answer->attempts;
			model->answers[key].expires = model->now + left;
			model->answers[key].may_be_stale = !answer->secure && answer->record_count > 0 && answer->qtype != TYPE_TLSA;
		}
	}
	release_answer(answer);
}

static void put_many(struct model *model, struct cache *cache, struct input *input, unsigned key)
{
	for (unsigned count = take_byte(input); count > 0; count--) {
		struct input same = *input;
		put(model, cache, &same, (key + count) % KEYS);
	}
}

/* Answers live on, but no longer than that from now. */
static void limit_lives(struct model *model, struct cache *cache, uint32_t max_ttl)
{
	int64_t longest = model->now + (int64_t)max_ttl * 1000;
	for (unsigned key = 0; key < KEYS && max_ttl < model->limits.max_ttl; key++)
		if (model->answers[key].expires > longest)
			model->answers[key].expires = longest;
	model->limits.max_ttl = max_ttl;
	limit_cache(cache, &model->limits, model->now);
}

static void forget(struct model *model, struct cache *cache, unsigned key)
{
	char name[32];
	flush_name(cache, name_of(key, name));
	for (unsigned i = key / TYPES * TYPES; i < key / TYPES * TYPES + TYPES; i++)
		model->answers[i].serial = model->failures[i].serial = 0;
}

static void forget_failures(struct model *model, struct cache *cache)
{
	flush_failures(cache);
	memset(model->failures, 0, sizeof(model->failures));
}

static void forget_all(struct model *model, struct cache *cache)
{
	flush_cache(cache);
	memset(model->answers, 0, sizeof(model->answers));
	forget_failures(model, cache);
}

struct visit {
	unsigned count, most;
};

static bool count_visit(void *context, const struct answer *answer, uint32_t ttl)
{
	struct visit *visit = context;
	EXPECT(answer != NULL && ttl > 0);
	return ++visit->count < visit->most;
}

static void walk(const struct model *model, const struct cache *cache, unsigned most)
{
	struct visit visit = { .most = most == 0 ? KEYS + 1 : most };
	unsigned expected = 0;
	walk_cache(cache, model->now, count_visit, &visit);
	for (unsigned key = 0; key < KEYS; key++)
		expected += model_find(model, key) != NULL;
	if (model->has_room && most == 0)
		EXPECT(visit.count == expected);
}

static void count_answer(void *context, const struct answer *answer, int64_t left)
{
	EXPECT(answer->outcome == OUTCOME_ANSWERED && left > 0);
	++*(unsigned *)context;
}

static void walk_answers(const struct model *model, const struct cache *cache)
{
	unsigned count = 0, expected = 0;
	size_t place = 0;
	while (walk_on(cache, &place, model->now, count_answer, &count))
		;
	for (unsigned key = 0; key < KEYS; key++)
		expected += model->answers[key].serial != 0 && model->now < model->answers[key].expires;
	EXPECT(model->has_room ? count == expected : count <= expected);
}

static void operate(struct model *model, struct cache *cache, struct input *input)
{
	unsigned operation = take_byte(input), key = take_word(input) % KEYS;
	switch (operation % 16) {
	case 0: model->now += take_word(input) * 50; break;
	case 1: forget(model, cache, key); break;
	case 2: find_old(model, cache, key); break;
	case 3:
		walk(model, cache, take_byte(input));
		walk_answers(model, cache);
		break;
	case 4: (key == 0 ? forget_all : forget_failures)(model, cache); break;
	case 5:
		if (operation < 64) /* seldom: it is slow */
			put_many(model, cache, input, key);
		break;
	case 6:
	case 7:
	case 8:
	case 9: find(model, cache, key); break;
	case 10: put_back(model, cache, input, key); break;
	case 11: limit_lives(model, cache, take_byte(input)); break;
	default: put(model, cache, input, key);
	}
}

static void check_bytes(const struct model *model, const struct cache *cache)
{
	struct cache_counters counters;
	read_cache_counters(cache, &counters);
	EXPECT(counters.entries <= KEYS);
	EXPECT(counters.entries == 0 || counters.bytes <= model->limits.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = open_input(data, size);
	unsigned room = take_byte(&input);
	struct model model = {
		.limits = {
			.bytes = room % 2 == 0 ? 1 << 24 : take_word(&input),
			.min_ttl = take_byte(&input) % 32,
			.max_ttl = take_byte(&input),
			.stale_ttl = take_byte(&input),
			.failure_ttl = take_byte(&input) % 8,
		},
		.has_room = room % 2 == 0,
	};
	has_entropy = room % 4 < 2;
	struct cache *cache = create_cache(&model.limits);
	while (input.at < input.end) {
		operate(&model, cache, &input);
		check_bytes(&model, cache);
	}
	for (unsigned key = 0; key < KEYS; key++)
		find(&model, cache, key);
	delete_cache(cache);
	return 0;
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* An answer in one block of memory: the struct, its records, their bytes, its texts. */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"

static const char *const outcome_codes[OUTCOMES] = {
	[OUTCOME_ANSWERED] = "answered",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_BOGUS] = "bogus",
	[OUTCOME_SERVFAIL] = "servfail",
	[OUTCOME_INSECURE] = "insecure",
	[OUTCOME_CANCELED] = "canceled",
	[OUTCOME_NAME] = "name",
	[OUTCOME_SYSTEM] = "system",
};

const char *outcome_code(enum outcome outcome)
{
	return outcome_codes[outcome];
}

static size_t text_bytes(const char *text)
{
	return text == NULL ? 0 : strlen(text) + 1;
}

/* 0 when a record's size is negative. */
static size_t block_bytes(const struct answer_source *source)
{
	size_t bytes = sizeof(struct answer) + source->record_count * sizeof(struct record);
	for (size_t i = 0; i < source->record_count; i++) {
		if (source->sizes[i] < 0)
			return 0;
		bytes += (size_t)source->sizes[i];
	}
	return bytes + text_bytes(source->qname) + text_bytes(source->canonname) + text_bytes(source->reason);
}

/* Copies to *at and moves it on; gives where the copy begins. */
static void *copy_bytes(char **at, const void *bytes, size_t size)
{
	char *copy = *at;
	if (size > 0)
		memcpy(copy, bytes, size);
	*at += size;
	return copy;
}

static const char *copy_text(char **at, const char *text)
{
	return text == NULL ? NULL : copy_bytes(at, text, strlen(text) + 1);
}

struct answer *create_answer(const struct answer_source *source)
{
	size_t bytes = block_bytes(source);
	struct answer *answer = bytes == 0 ? NULL : malloc(bytes);
	if (answer == NULL)
		return NULL;
	char *at = (char *)&answer->records[source->record_count];
	*answer = (struct answer){
		.references = 1,
		.outcome = source->outcome,
		.qtype = source->qtype,
		.qclass = source->qclass,
		.rcode = source->rcode,
		.secure = source->secure,
		.nxdomain = source->nxdomain,
		.attempts = source->attempts,
		.ttl = source->ttl,
		.qname = copy_text(&at, source->qname),
		.canonname = copy_text(&at, source->canonname),
		.reason = copy_text(&at, source->reason),
		.size = allocation_size(bytes),
		.record_count = source->record_count,
	};
	for (size_t i = 0; i < source->record_count; i++) {
		size_t size = (size_t)source->sizes[i];
		answer->records[i] = (struct record){ .rdata = copy_bytes(&at, source->rdata[i], size), .size = size };
	}
	return answer;
}

struct answer *hold_answer(struct answer *answer)
{
	answer->references++;
	return answer;
}

void release_answer(struct answer *answer)
{
	if (answer != NULL && --answer->references == 0)
		free(answer);
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The questions for keys (DS, DNSKEY) that libunbound has been asked and has not answered: what is to be validated with them had better wait, for libunbound
 * asks for a key once more when an answer overtakes it. */
#ifndef XMPPDNS_KEYS_H
#define XMPPDNS_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct key {
	struct list_item item; /* first */
	const char *zone;      /* canonical; its asker's */
	uint16_t qtype;
	int64_t asked_at; /* of monotonic_us */
};

/* All zero: none. */
struct keys {
	struct list list;
};

/* zone: canonical, as long as the key is noted. Nothing happens for other types, and without memory. */
void note_key(struct keys *keys, const char *zone, uint16_t qtype);
/* The one that note_key got with that very zone, taken out, or NULL; the caller frees it. */
struct key *take_key(struct keys *keys, const char *zone);
void free_keys(struct keys *keys);

/* One that an answer to that question is validated with; NULL: none is missing. is_signed: whether it has signatures, for the lack of which the DS
 * above it account. */
const struct key *find_missing_key(const struct keys *keys, const char *qname, uint16_t qtype, bool is_signed);

#endif

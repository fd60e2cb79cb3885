/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A list: those of a hundred plans are some hundreds. */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dns/name.h"
#include "dns/type.h"

void note_key(struct keys *keys, const char *zone, uint16_t qtype)
{
	struct key *key = qtype == TYPE_DS || qtype == TYPE_DNSKEY ? calloc(1, sizeof(*key)) : NULL;
	if (key == NULL)
		return;
	key->zone = zone;
	key->qtype = qtype;
	key->asked_at = monotonic_us();
	append_item(&keys->list, &key->item);
}

struct key *take_key(struct keys *keys, const char *zone)
{
	struct key *key = (struct key *)keys->list.first;
	while (key != NULL && key->zone != zone)
		key = (struct key *)key->item.next;
	if (key != NULL)
		remove_item(&keys->list, &key->item);
	return key;
}

void free_keys(struct keys *keys)
{
	for (struct list_item *item = keys->list.first, *next; item != NULL; item = next) {
		next = item->next;
		free(item);
	}
	keys->list = (struct list){ .first = NULL };
}

/* A zone's DS are its parent's, and its keys are validated with them. */
static bool is_needed(const struct key *key, const char *qname, uint16_t qtype, bool is_signed)
{
	if (!is_in_zone(qname, key->zone) || (key->qtype == TYPE_DNSKEY && !is_signed))
		return false;
	if (strcmp(qname, key->zone) != 0)
		return true;
	return qtype != TYPE_DS && (qtype != TYPE_DNSKEY || key->qtype == TYPE_DS);
}

const struct key *find_missing_key(const struct keys *keys, const char *qname, uint16_t qtype, bool is_signed)
{
	const struct key *key = (const struct key *)keys->list.first;
	while (key != NULL && !is_needed(key, qname, qtype, is_signed))
		key = (const struct key *)key->item.next;
	return key;
}

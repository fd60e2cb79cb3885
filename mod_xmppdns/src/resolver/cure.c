/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Reads libunbound's reason for what it calls bogus. */
#include "cure.h"

#include <stdio.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rdata.h"

enum { LABEL_SIZE = 64 /* with NUL */ };

/* The zone of its own servers that the name is in; NULL: none. */
static const char *find_own_zone(const struct named_text_list *servers, const char *qname)
{
	const char *closest = NULL;
	for (size_t i = 0; i < servers->count; i++) {
		const char *zone = servers->items[i].name;
		if (strcmp(zone, ".") != 0 && is_in_zone(qname, zone) && (closest == NULL || strlen(zone) > strlen(closest)))
			closest = zone;
	}
	return closest;
}

/* The name between the two, which has one label. */
static bool read_top(const char *reason, const char *before, const char *behind, char top[LABEL_SIZE])
{
	const char *name = strstr(reason, before);
	if (name == NULL)
		return false;
	name += strlen(before);
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
	if (size == 0 || size >= LABEL_SIZE || strncmp(name + size, behind, strlen(behind)) != 0)
		return false;
	snprintf(top, LABEL_SIZE, "%.*s", (int)size, name);
	return true;
}

static bool lacks_proof(const char *reason)
{
	static const char *const LACKS[] = { "no DNSSEC records", "no NSEC3 records", "no signatures over NSEC", "no DS" };
	for (size_t i = 0; i < sizeof(LACKS) / sizeof(LACKS[0]); i++)
		if (strstr(reason, LACKS[i]) != NULL)
			return true;
	return false;
}

/* "... : no DNSSEC records from 192.0.2.1 for DS lan. while building chain of trust" to "lan": the server has lan by itself, or denies it without what
 * would let libunbound go on without it. The second form is what is remembered of that. Not where a signature is wrong, nor below a top-level domain. */
static bool read_unproven_top(const char *reason, char top[LABEL_SIZE])
{
	return lacks_proof(reason)
		&& (read_top(reason, " for DS ", ". while building chain of trust", top)
			|| read_top(reason, "key for validation ", ". is marked as invalid", top));
}

/* Whether something was proven to be there: who breaks its chain now is not its owner. */
static bool is_known(struct cache *cache, const char *zone, int64_t now)
{
	static const uint16_t TYPES[] = { TYPE_DS, TYPE_DNSKEY };
	uint32_t ttl;
	for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		const struct answer *answer = find_answer(cache, zone, TYPES[i], now, &ttl);
		if (answer != NULL && answer->secure && answer->record_count > 0)
			return true;
	}
	return false;
}

void add_cure(char text[CURE_SIZE], const char *reason, const char *qname, const struct settings *settings, struct cache *cache, int64_t now)
{
	char top[LABEL_SIZE];
	const char *stub = find_own_zone(&settings->stub, qname), *zone = find_own_zone(&settings->forward_zones, qname);
	if (zone == NULL || (stub != NULL && strlen(stub) > strlen(zone)))
		zone = stub;
	if (zone == NULL && read_unproven_top(reason, top) && !is_known(cache, top, now))
		zone = top;
	if (zone == NULL || is_insecure_by_setting(settings, zone))
		snprintf(text, CURE_SIZE, "%s", reason);
	else
		snprintf(text, CURE_SIZE, "%.1024s; if this zone is yours and unsigned: insecure = { \"%.256s\" }", reason, zone);
}

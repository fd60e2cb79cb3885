/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Found by hash: an answer of 64 KB may have thousands of records, and whoever sends it chooses them. */
#include "record_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "layout.h"
#include "name.h"

bool open_record_set(struct record_set *set, uint16_t type, size_t most)
{
	size_t places = 2;
	while (places < 2 * most)
		places *= 2;
	void *room = calloc(1, places * sizeof(*set->places) + most * (sizeof(*set->rdata) + sizeof(*set->sizes)));
	*set = (struct record_set){ .type = type, .mask = places - 1, .rdata = room };
	if (room == NULL)
		return false;
	set->sizes = (int *)(set->rdata + most);
	set->places = (uint32_t *)(set->sizes + most);
	random_seed(set->seed);
	return true;
}

void close_record_set(struct record_set *set)
{
	free(set->rdata);
	*set = (struct record_set){ .rdata = NULL };
}

static uint64_t hash_bytes(uint64_t seed[2], const uint8_t *bytes, size_t size)
{
	return hash_name(seed, (const char *)bytes, size, 0);
}

/* Of what two records have in common that differ in their names' case only. */
static uint64_t hash_rdata(const struct record_set *set, struct span rdata, struct span names)
{
	uint8_t lower[MOST_NAMES * NAME_WIRE_SIZE];
	uint64_t seed[2] = { set->seed[0], set->seed[1] };
	if (names.size == 0)
		return hash_bytes(seed, rdata.bytes, rdata.size);
	for (size_t i = 0; i < names.size; i++)
		lower[i] = lower_case(names.bytes[i]);
	seed[0] ^= hash_bytes(seed, lower, names.size);
	seed[0] ^= hash_bytes(seed, rdata.bytes, (size_t)(names.bytes - rdata.bytes));
	const uint8_t *rest = names.bytes + names.size;
	return hash_bytes(seed, rest, (size_t)(rdata.bytes + rdata.size - rest));
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}

/* Whether the rdata at that index is the same one. */
static bool is_same(const struct record_set *set, size_t index, struct span rdata, struct span names)
{
	struct span there = { set->rdata[index], (size_t)set->sizes[index] };
	if (there.size != rdata.size)
		return false;
	if (names.size == 0)
		return same_bytes(there.bytes, rdata.bytes, rdata.size);
	struct span names_there = names_in(set->type, there);
	size_t before = (size_t)(names.bytes - rdata.bytes), behind = before + names.size;
	return names_there.size == names.size && (size_t)(names_there.bytes - there.bytes) == before && same_bytes(there.bytes, rdata.bytes, before)
		&& same_names(names_there.bytes, names.bytes, names.size) && same_bytes(there.bytes + behind, rdata.bytes + behind, rdata.size - behind);
}

bool add_record(struct record_set *set, struct span rdata, struct span names)
{
	size_t place = (size_t)hash_rdata(set, rdata, names) & set->mask;
	for (; set->places[place] != 0; place = (place + 1) & set->mask)
		if (is_same(set, set->places[place] - 1, rdata, names))
			return false;
	set->rdata[set->count] = rdata.bytes;
	set->sizes[set->count] = (int)rdata.size;
	set->places[place] = (uint32_t)++set->count;
	return true;
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Records of one type, each once, in their order (RFC 2181, 5). */
#ifndef XMPPDNS_RECORD_SET_H
#define XMPPDNS_RECORD_SET_H

#include "rdata.h"

struct record_set {
	uint16_t type;
	size_t count;          /* of rdata and sizes */
	const uint8_t **rdata; /* not owned, what it points at */
	int *sizes;
	/* private */
	uint32_t *places; /* by hash: a record's index and one more; 0 for none */
	size_t mask;      /* of the hash, for places */
	uint64_t seed[2];
};

/* Room for that many records, 0 included; false without memory, and then there is nothing to close. */
bool open_record_set(struct record_set *set, uint16_t type, size_t most);
void close_record_set(struct record_set *set);

/* Well-formed data of the set's type, which must outlive it; names: where it has them, see names_in. Nothing happens when it is there already, its names
 * in whatever case (RFC 4343). Whether it was added. */
bool add_record(struct record_set *set, struct span rdata, struct span names);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Where the data of a record type has domain names. */
#ifndef XMPPDNS_LAYOUT_H
#define XMPPDNS_LAYOUT_H

#include "rdata.h"

/* After so many bytes, and so many character-strings, so many names; then anything. */
struct layout {
	uint8_t type, before, strings, names;
	bool may_be_compressed; /* RFC 3597, 4 */
};

enum { MOST_NAMES = 2 }; /* in one record */

const struct layout *find_layout(uint16_t type); /* NULL for a type without names, or none that we know. Static */

/* What stands before the names; truncates the wire when it is cut off there. */
struct span read_before_names(struct wire *wire, const struct layout *layout);

/* The names, one after the other, in uncompressed data of that type; empty where it has none, or is malformed. Borrows rdata. */
struct span names_in(uint16_t type, struct span rdata);

#endif

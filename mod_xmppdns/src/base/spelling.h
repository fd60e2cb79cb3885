/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* How far a word is from another one: for "did you mean". */
#ifndef XMPPDNS_SPELLING_H
#define XMPPDNS_SPELLING_H

/* How many letters have to be put in, taken out or replaced to make b of a; UINT_MAX where b has more than 32 bytes. */
unsigned edit_distance(const char *a, const char *b);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Trust anchors: DS or DNSKEY records, each on a line. */
#ifndef XMPPDNS_ANCHORS_H
#define XMPPDNS_ANCHORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"
#include "base/text_list.h"

/* Which records count of those with an RFC 5011 state behind them (";;state=2", as libunbound writes it); others count without one.
 * A missing key is one that was valid, and was not among the zone's keys when these were asked for last. */
enum anchor_states { VALID_KEYS, VALID_OR_MISSING_KEYS };

/* Adds the anchors in the text of a zone file, each in one form ("example.org. IN DS 4711 13 2 0A1B..."), and none twice. Revoked keys, those of
 * other states and other records are left out. False with a message that names the first DS or DNSKEY record that cannot be one, or without memory;
 * the list is undefined then. */
bool parse_anchors(const char *text, size_t size, enum anchor_states states, struct text_list *anchors, struct problem *problem);

/* The same for a file, which must hold an anchor. False with a message that names the path only where the machine ran short, the list then as it was; *is_empty: because the
 * file is not there or holds no anchor. */
bool read_anchors(const char *path, enum anchor_states states, struct text_list *anchors, bool *is_empty, struct problem *problem);

/* What is trusted where nothing is configured: the root's keys as IANA publishes them together with those in the files in which systems keep them.
 * sources gets where they come from, for a person. False with a message without memory, or descriptors to read the files. */
bool add_default_anchors(struct text_list *anchors, struct text_list *sources, struct problem *problem);

/* Adds the lines that are of none of the zones for which anchors has a line. False without memory. */
bool add_anchors_of_other_zones(struct text_list *anchors, const struct text_list *lines);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Trust anchors: DS or DNSKEY records, each on a line. */
#ifndef XMPPDNS_ANCHORS_H
#define XMPPDNS_ANCHORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"
#include "base/text_list.h"

/* Whether the line looks like a DS or DNSKEY record; libunbound has the last word. */
bool is_anchor_line(const char *line, size_t size);

/* Whether the file can be read and holds a DS or DNSKEY record. False with a message that does not repeat the path. */
bool check_anchor_file(const char *path, struct problem *problem);

/* The first of the files in which systems keep the root's anchor that holds one; static, or NULL. */
const char *find_root_key_file(void);

/* The root's keys, as IANA publishes them; false without memory. */
bool add_iana_anchors(struct text_list *anchors);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What the operator can do about an answer that fails validation. */
#ifndef XMPPDNS_CURE_H
#define XMPPDNS_CURE_H

#include "cache.h"
#include "settings/settings.h"

enum { CURE_SIZE = 1536 };

/* The reason, and behind it the setting by which a zone is reached that is the operator's own and not signed, where it looks like one: it has servers of its
 * own, or nothing is known of its top-level domain but that nobody proves whether there is one. qname: canonical. */
void add_cure(char text[CURE_SIZE], const char *reason, const char *qname, const struct settings *settings, struct cache *cache, int64_t now);

#endif

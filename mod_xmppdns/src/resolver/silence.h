/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Which of the questions under way UDP leaves unanswered. */
#ifndef XMPPDNS_SILENCE_H
#define XMPPDNS_SILENCE_H

#include "pending.h"
#include "settings/settings.h"

enum { SILENCE = 1000 /* ms without an answer, after which a question may be tried another way */ };

/* One of the asked ones, of those for which a connection waits, or NULL; *place, where it is, goes on from call to call, for the zone of one may be
 * silent itself. Not below a zone with servers of its own: these say nothing about the others. now: of monotonic_ms. */
const struct pending *find_silent(const struct heap *asked, const struct settings *settings, size_t *place, int64_t now);

#endif

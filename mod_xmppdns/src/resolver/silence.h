/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Which questions UDP leaves unanswered. None below a zone with servers of its own: these say nothing about the others. */
#ifndef XMPPDNS_SILENCE_H
#define XMPPDNS_SILENCE_H

#include "pending.h"
#include "settings/settings.h"

enum { SILENCE = 700 /* ms without an answer, after which a question may be tried another way */ };

/* Whether that one has been answered over TCP, and not over UDP. */
bool was_silent(const struct pending *pending, const struct settings *settings);

/* One of the asked ones, of those for which a connection waits, or NULL; *place, where it is, goes on from call to call, for the zone of one may be
 * silent itself. now: of monotonic_ms. */
const struct pending *find_silent(const struct heap *asked, const struct settings *settings, size_t *place, int64_t now);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Why libunbound calls an answer bogus, as its text tells. */
#ifndef XMPPDNS_REASON_H
#define XMPPDNS_REASON_H

#include <stdbool.h>

/* Whether that is for want of an answer to a question of its own for keys (DNSKEY, DS): then nobody has forged anything. An answer without them is
 * another matter: somebody gave it. */
bool is_want_of_answer(const char *reason);

#endif

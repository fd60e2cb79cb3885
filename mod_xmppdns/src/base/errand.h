/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* One piece of work in a thread of its own, for what would make a server wait: reading and writing files. */
#ifndef XMPPDNS_ERRAND_H
#define XMPPDNS_ERRAND_H

#include <stdbool.h>

struct errand;

/* Runs run(data) with all signals blocked. data is the thread's until is_done. NULL with errno: nothing runs. */
struct errand *start_errand(void (*run)(void *data), void *data);

bool is_done(const struct errand *errand);

/* Waits for its end, and frees it; NULL is allowed. forked: for the child of a fork, which does not have its thread: data is the child's again, as it was then. */
void end_errand(struct errand *errand, bool forked);

#endif

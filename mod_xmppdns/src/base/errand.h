/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Work in a thread of ours, for what would make a server wait: reading and writing files. */
#ifndef XMPPDNS_ERRAND_H
#define XMPPDNS_ERRAND_H

#include <pthread.h>
#include <stdbool.h>

/* A thread with the stack that libunbound needs, which is 2 MB, as unbound gives its own: the C library's default may be 128 KB, on which libunbound crashes. An
 * error number. */
int create_thread(pthread_t *thread, void *(*run)(void *data), void *data);

struct errand;

/* Runs run(data) with all signals blocked. data is the thread's until is_done. NULL with errno: nothing runs. */
struct errand *start_errand(void (*run)(void *data), void *data);

bool is_done(const struct errand *errand);

/* Waits for its end, and frees it; NULL is allowed. forked: for the child of a fork, which does not have its thread: data is the child's again, as it was then. */
void end_errand(struct errand *errand, bool forked);

#endif

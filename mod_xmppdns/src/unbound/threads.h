/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Our threads: started, ended without waiting, joined later; through a fork and the process's exit. */
#ifndef XMPPDNS_THREADS_H
#define XMPPDNS_THREADS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/mailbox.h"

enum ending {
	THREAD_LIVES,
	THREAD_DELETED, /* nobody else knows its owner any longer */
	THREAD_EXITS    /* so does the process, and whoever has the owner keeps it */
};

/* First in its owner, which malloc gave. Private but for run and bell. */
struct thread {
	void (*run)(struct thread *thread); /* returns soon after the bell has rung and has_to_end says so */
	struct mailbox *bell;               /* what wakes it; the owner's */
	_Atomic enum ending ending;
	/* under the lock of threads */
	struct thread *next;
	pthread_t id;
	bool ended; /* it does nothing any more */
};

/* Before everything else here, as often as one likes. */
void watch_process(void);
/* After the first ub_ctx, as often as one likes: what is to run at exit runs in reverse order, and OpenSSL, which libunbound then started, must
 * outlive our threads. */
void watch_exit(void);

/* Runs thread->run, with all signals blocked. False with errno. */
bool start_thread(struct thread *thread);
/* Does not wait. Once run has returned, free gives back the owner: what it holds, run has freed. */
void end_thread(struct thread *thread);

/* In the thread, around whatever it does with libunbound: a fork waits for the end of it. The child would else find locks of libunbound and of
 * the C library's streams taken by a thread that it does not have. */
void begin_work(void);
void end_work(void);

/* In the thread: whether it has to return, and once it is about to, whether nobody else knows its owner. */
bool has_to_end(const struct thread *thread);
bool is_deleted(const struct thread *thread);

void join_ended_threads(void);   /* frees the owners of those that have ended: never waits */
void join_deleted_threads(void); /* waits for all that were deleted */

#endif

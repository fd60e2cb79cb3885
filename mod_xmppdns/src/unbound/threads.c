/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A list of those that have not been joined. */
#include "threads.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/errand.h"
#include "library.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread *threads;

/* Held together by all threads that work, alone by whoever forks; and whoever waits to fork comes before those that begin to work. */
#ifdef PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#define WORK_INITIALIZER PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#else
#define WORK_INITIALIZER PTHREAD_RWLOCK_INITIALIZER
#endif
static pthread_rwlock_t work = WORK_INITIALIZER;

void begin_work(void)
{
	pthread_rwlock_rdlock(&work);
}

void end_work(void)
{
	pthread_rwlock_unlock(&work);
}

static void before_fork(void)
{
	pthread_rwlock_wrlock(&work); /* first: who works may be waiting for the library */
	hold_library();
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
	let_library_go();
	pthread_rwlock_unlock(&work);
}

/* None of the parent's threads is here, nor those that wait to work. */
static void after_fork_in_child(void)
{
	threads = NULL;
	pthread_mutex_unlock(&lock);
	let_library_go();
	work = (pthread_rwlock_t)WORK_INITIALIZER;
}

/* Under the lock. */
static void tell(struct thread *thread, enum ending ending)
{
	atomic_store(&thread->ending, ending);
	ring_mailbox(thread->bell);
}

/* When the process exits, while what libunbound uses is still there. */
static void end_threads(void)
{
	pthread_mutex_lock(&lock);
	struct thread *thread = threads;
	threads = NULL;
	for (struct thread *each = thread; each != NULL; each = each->next)
		if (!has_to_end(each))
			tell(each, THREAD_EXITS);
	pthread_mutex_unlock(&lock);
	while (thread != NULL) {
		struct thread *next = thread->next;
		pthread_join(thread->id, NULL);
		if (atomic_load(&thread->ending) == THREAD_DELETED)
			free(thread);
		thread = next;
	}
}

/* At exit: also for when our code is unloaded. */
static void register_handlers(void)
{
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
	atexit(end_threads);
}

static void register_exit(void)
{
	atexit(end_threads);
}

void watch_process(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, register_handlers);
}

void watch_exit(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, register_exit);
}

static void *run_thread(void *data)
{
	struct thread *thread = data;
	thread->run(thread);
	pthread_mutex_lock(&lock);
	thread->ended = true;
	pthread_mutex_unlock(&lock);
	return NULL;
}

bool start_thread(struct thread *thread)
{
	sigset_t signals;
	block_signals(&signals);
	pthread_mutex_lock(&lock);
	int error = create_thread(&thread->id, run_thread, thread);
	if (error == 0) {
		thread->next = threads;
		threads = thread;
	}
	pthread_mutex_unlock(&lock);
	pthread_sigmask(SIG_SETMASK, &signals, NULL);
	errno = error;
	return error == 0;
}

void end_thread(struct thread *thread)
{
	pthread_mutex_lock(&lock);
	tell(thread, THREAD_DELETED);
	pthread_mutex_unlock(&lock);
	join_ended_threads();
}

bool has_to_end(const struct thread *thread)
{
	return atomic_load(&thread->ending) != THREAD_LIVES;
}

bool is_deleted(const struct thread *thread)
{
	pthread_mutex_lock(&lock); /* whoever tells us may have the bell still in its hand */
	bool deleted = atomic_load(&thread->ending) == THREAD_DELETED;
	pthread_mutex_unlock(&lock);
	return deleted;
}

void join_ended_threads(void)
{
	struct thread **link = &threads;
	pthread_mutex_lock(&lock);
	while (*link != NULL) {
		struct thread *thread = *link;
		if (!thread->ended) {
			link = &thread->next;
			continue;
		}
		*link = thread->next;
		pthread_join(thread->id, NULL); /* it is past everything but the unlocking */
		free(thread);
	}
	pthread_mutex_unlock(&lock);
}

/* One of those that are deleted, out of the list, or NULL. */
static struct thread *take_deleted(void)
{
	struct thread **link = &threads, *taken;
	pthread_mutex_lock(&lock);
	while (*link != NULL && atomic_load(&(*link)->ending) != THREAD_DELETED)
		link = &(*link)->next;
	taken = *link;
	if (taken != NULL)
		*link = taken->next;
	pthread_mutex_unlock(&lock);
	return taken;
}

void join_deleted_threads(void)
{
	for (struct thread *thread; (thread = take_deleted()) != NULL; free(thread))
		pthread_join(thread->id, NULL);
}

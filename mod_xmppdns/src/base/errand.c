/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A thread that is joined. Where the process exits without that, it ends in the middle of its work. */
#include "errand.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

struct errand {
	void (*run)(void *data);
	void *data; /* not owned */
	pthread_t thread;
	atomic_bool done;
};

enum { STACK_SIZE = 2 * 1024 * 1024 };

int create_thread(pthread_t *thread, void *(*run)(void *data), void *data)
{
	pthread_attr_t attributes;
	int error = pthread_attr_init(&attributes);
	if (error != 0)
		return error;
	error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (error == 0)
		error = pthread_create(thread, &attributes, run, data);
	pthread_attr_destroy(&attributes);
	return error;
}

static void *run_errand(void *argument)
{
	struct errand *errand = argument;
	errand->run(errand->data);
	atomic_store(&errand->done, true);
	return NULL;
}

struct errand *start_errand(void (*run)(void *data), void *data)
{
	sigset_t all, before;
	struct errand *errand = malloc(sizeof(*errand));
	if (errand == NULL)
		return NULL;
	errand->run = run;
	errand->data = data;
	atomic_init(&errand->done, false);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int error = create_thread(&errand->thread, run_errand, errand);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		return errand;
	free(errand);
	errno = error;
	return NULL;
}

bool is_done(const struct errand *errand)
{
	return atomic_load(&errand->done);
}

void end_errand(struct errand *errand, bool forked)
{
	if (errand == NULL)
		return;
	if (!forked)
		pthread_join(errand->thread, NULL);
	free(errand);
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* One lock for all of libunbound, and one ub_ctx that keeps its log ours. */
#include "library.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dns/rdata.h"
#include "event_api.h"
#include "event_loop.h"
#include "log.h"

enum {
	CLASS_IN = 1,
	DESCRIPTORS_TO_START = 20 /* libunbound 1.17 keeps 7 */
};

/* A name with an empty label: refused as soon as libunbound is ready for questions, whatever its settings, and never asked. */
static const char NO_NAME[] = "..";

/* libunbound's log and several of its tables are process-wide, and creating two contexts at the same moment is a race in every release. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t line =
	PTHREAD_MUTEX_INITIALIZER; /* of the patient ones: its first stands at the lock. Not held during a fork: they work then */

/* libunbound has one log for the process. The end of any ub_ctx silences it, and the next one to be made would then turn it to stderr for a
 * moment: one that is never asked, and never deleted, keeps it ours. */
static struct ub_ctx *log_keeper;
static int verbosity; /* which each new ub_ctx sets for the whole process, to nothing at first: what the last context of ours was set up with */

void block_signals(sigset_t *signals)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, signals);
}

void lock_library(struct library_hold *hold, bool patient)
{
	hold->patient = patient;
	block_signals(&hold->signals);
	if (patient)
		pthread_mutex_lock(&line);
	pthread_mutex_lock(&lock);
}

void unlock_library(const struct library_hold *hold)
{
	pthread_mutex_unlock(&lock);
	if (hold->patient)
		pthread_mutex_unlock(&line);
	pthread_sigmask(SIG_SETMASK, &hold->signals, NULL);
}

void hold_library(void)
{
	pthread_mutex_lock(&lock);
	lock_log();
}

void let_library_go(void)
{
	unlock_log();
	pthread_mutex_unlock(&lock);
}

static void keep_log(void)
{
	if (log_keeper == NULL)
		log_keeper = ub_ctx_create_ub_event(NULL);
	if (log_keeper == NULL)
		return;
	ub_ctx_debuglevel(log_keeper, verbosity);
	ub_ctx_debugout(log_keeper, open_log());
}

void set_verbosity(int level)
{
	verbosity = level;
}

/* Without descriptors libunbound ends the process while it is being set up. */
static bool has_descriptors(void)
{
	int opened[DESCRIPTORS_TO_START], count = 0;
	while (count < DESCRIPTORS_TO_START && (opened[count] = eventfd(0, EFD_CLOEXEC)) != -1)
		count++;
	for (int i = 0; i < count; i++)
		close(opened[i]);
	return count == DESCRIPTORS_TO_START;
}

struct ub_ctx *create_library(struct event_loop *loop)
{
	if (!has_descriptors())
		return NULL;
	keep_log();
	struct ub_ctx *ub = loop != NULL ? ub_ctx_create_ub_event(loop_base(loop)) : ub_ctx_create();
	if (ub != NULL)
		ub_ctx_debugout(ub, open_log()); /* before its own "logfile" */
	return ub;
}

void delete_library(struct ub_ctx *ub)
{
	ub_ctx_delete(ub);
	keep_log();
}

static void on_no_answer(void *data, int rcode, void *packet, int size, int security, char *why_bogus, int was_ratelimited)
{
	(void)data, (void)rcode, (void)packet, (void)size, (void)security, (void)why_bogus, (void)was_ratelimited;
}

int prepare_library(struct ub_ctx *ub, const struct event_loop *loop)
{
	struct ub_result *result = NULL;
	int error =
		loop != NULL ? ub_resolve_event(ub, NO_NAME, TYPE_A, CLASS_IN, NULL, on_no_answer, NULL) : ub_resolve(ub, NO_NAME, TYPE_A, CLASS_IN, &result);
	ub_resolve_free(result);
	return error == UB_SYNTAX ? UB_NOERROR : error;
}

static bool starts_with(const char *option, const char *value)
{
	struct listener listener;
	struct ub_ctx *ub = create_library(NULL);
	if (ub == NULL)
		return false;
	start_listening(&listener); /* nobody else is to hear why not */
	(void)ub_ctx_set_option(ub, option, value);
	bool starts = prepare_library(ub, NULL) == UB_NOERROR;
	(void)stop_listening(&listener);
	free(listener.text);
	delete_library(ub);
	return starts;
}

/* No call tells. Without TLS, libunbound to 1.22 at least cannot start with tls-upstream; a later one starts, and never opens the certificate
 * bundle, so that one which does not exist does not stop it. */
bool has_tls(void)
{
	static bool present;
	present = present || (starts_with("tls-upstream:", "yes") && !starts_with("tls-cert-bundle:", "/nonexistent/xmppdns"));
	return present;
}

bool libunbound_has_tls(void)
{
	struct library_hold hold;
	lock_library(&hold, false);
	bool present = has_tls();
	unlock_library(&hold);
	return present;
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Configures a ub_ctx for its role, and runs it in a thread of ours, which gets questions through one mailbox and answers through another. */
#include "context.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <unbound.h>
#include <unbound-event.h>

#include "event_loop.h"
#include "log.h"
#include "base/mailbox.h"
#include "dns/packet.h"
#include "dns/rdata.h"

enum {
	MOST_WORKING = 2000, /* questions that libunbound has at a time, dropped ones included: each takes it some 10 KB */
	ASKED_AT_ONCE = 16,  /* then answers have their turn: few unfinished questions stay in the processor's caches */
	LEAST_SWEEP = 1000,
	SECURITY_BOGUS = 1, /* as ub_resolve_event's callback says it */
	SECURITY_SECURE = 2,
	FEWEST_PORTS = 16,
	MOST_PORTS = 1024,
	CLASS_IN = 1,
	RCODE_NOERROR = 0,
	RCODE_SERVFAIL = 2,
	SMALL_CACHE = 4 * 1024 * 1024,
	DESCRIPTORS_TO_START = 20, /* libunbound 1.17 keeps 7 */
	VALUE_SIZE = 32
};

/* One question on its way: from the server to the context's thread, from there to libunbound, and back with its answer. A dropped one
 * goes the same way, for libunbound answers it all the same. (ub_cancel would only hide the answer, and with it the moment from which
 * libunbound has forgotten the question.) */
struct context_flight {
	/* the server's */
	struct context_flight *previous, *next; /* among the context's */
	struct context_question *question;      /* not owned; NULL when dropped */
	on_context_answer on_answer;
	void *asker;
	/* handed over and back */
	struct mail mail;
	struct answer *answer; /* owned; NULL until it is known */
	/* both sides' */
	struct context *context;
	atomic_bool dropped;
	uint16_t qtype;
	char qname[];
};

enum ending {
	CONTEXT_LIVES,
	CONTEXT_DELETED, /* the server knows it no longer: all of it is the thread's, but for the struct */
	CONTEXT_EXITS    /* so does the process */
};

struct context {
	/* the server's */
	struct context_flight *flights; /* owned; a list */
	unsigned in_flight;
	/* both sides' */
	struct settings *settings;      /* a reference */
	struct upstream_config *config; /* a reference */
	enum role role;
	struct mailbox asked, answered; /* flights */
	_Atomic enum ending ending;
	/* the thread's */
	struct event_loop *loop;             /* owned */
	struct ub_ctx *ub;                   /* owned; NULL until the first question, and when libunbound refuses the settings */
	bool closing;                        /* libunbound is being ended: what its callbacks say is of no interest */
	struct mail *waiting, **waiting_end; /* flights that libunbound has not been asked yet */
	unsigned waiting_count, sweep_at;
	unsigned working_count; /* flights that libunbound has been asked */
	/* under the lock of contexts */
	struct context *next;
	pthread_t thread;
	bool ended; /* the thread does nothing any more */
};

struct option {
	const char *name, *value;
};

/* What the library's own defaults (no logging, val-log-level 2, one slab, localhost may be asked, no minimal responses, no serve-expired,
 * EDNS of 1232 bytes) leave to us. Unknown ones are skipped: libunbound's versions differ. */
static const struct option DEFAULT_OPTIONS[] = {
	{ "module-config:", "validator iterator" },
	{ "infra-host-ttl:", "5" }, /* too short to give a silent server up: after an outage the next question sends a packet */
	{ "val-bogus-ttl:", "1" },  /* our own cache remembers failures, and a verdict from this one comes without its reason */
	{ "trust-anchor-signaling:", "no" },
	{ "outgoing-num-tcp:", "32" },
};

/* libunbound's log and several of its tables are process-wide, and creating two contexts at the same moment is a race in every release. */
static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

/* Those whose threads have not been joined. */
static pthread_mutex_t contexts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct context *contexts;

static void before_fork(void)
{
	pthread_mutex_lock(&library);
	pthread_mutex_lock(&contexts_lock);
	lock_log();
}

static void after_fork(void)
{
	unlock_log();
	pthread_mutex_unlock(&contexts_lock);
	pthread_mutex_unlock(&library);
}

/* None of the parent's threads is here. */
static void after_fork_in_child(void)
{
	contexts = NULL;
	after_fork();
}

static void end_contexts(void);

/* Before the first thread: also for when our code is unloaded. */
static void watch_process(void)
{
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
	atexit(end_contexts);
}

/* After the first ub_ctx, too: what is registered last runs first, and OpenSSL, which libunbound then started, must outlive our threads. */
static void watch_exit(void)
{
	atexit(end_contexts);
}

/* Threads inherit the blocked signals: none of the server's signals may land in one of ours, nor in one that libunbound makes. */
static void block_signals(sigset_t *signals)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, signals);
}

static void lock_library(sigset_t *signals)
{
	block_signals(signals);
	pthread_mutex_lock(&library);
}

static void unlock_library(const sigset_t *signals)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, watch_exit);
	pthread_mutex_unlock(&library);
	pthread_sigmask(SIG_SETMASK, signals, NULL);
}

/* libunbound has one log for the process. The end of any ub_ctx silences it, and the next one to be made would then turn it to stderr for a
 * moment: one that is never asked, and never deleted, keeps it ours. Under the lock; away from the user's own log. */
static struct ub_ctx *log_keeper;
static bool is_users_log;
static int verbosity; /* which each new ub_ctx sets for the whole process, to nothing at first: what the last context of ours was set up with */

static void keep_log(void)
{
	if (log_keeper == NULL)
		log_keeper = ub_ctx_create_ub_event(NULL);
	if (log_keeper == NULL)
		return;
	ub_ctx_debuglevel(log_keeper, verbosity);
	if (!is_users_log)
		ub_ctx_debugout(log_keeper, open_log());
}

static void keep_verbosity(const struct settings *settings)
{
	verbosity = 0;
	for (size_t i = 0; i < settings->options.count; i++)
		if (strcmp(settings->options.items[i].name, "verbosity:") == 0)
			verbosity = (int)strtol(settings->options.items[i].value, NULL, 10); /* libunbound has accepted it */
}

/* libunbound closes the log that was in use before it opens the user's: that must not be ours. */
static void give_up_log(void)
{
	if (log_keeper != NULL)
		ub_ctx_debugout(log_keeper, NULL);
	is_users_log = true;
}

/* NULL is allowed. Under the lock. */
static void delete_library(struct ub_ctx *ub)
{
	ub_ctx_delete(ub);
	keep_log();
}

/* What libunbound logs while it is being set up: its error codes alone say too little. */
struct listener {
	FILE *stream; /* NULL: does not listen */
	char *text;   /* complete once the stream is closed */
	size_t size;
};

/* Whether the user wants libunbound to log to a place of its own. */
static bool has_own_log(const struct settings *settings)
{
	for (size_t i = 0; i < settings->options.count; i++) {
		const char *name = settings->options.items[i].name;
		if (strcmp(name, "logfile:") == 0 || strcmp(name, "use-syslog:") == 0)
			return true;
	}
	return false;
}

static void start_listening(struct listener *listener, struct ub_ctx *ub, const struct settings *settings)
{
	*listener = (struct listener){ .stream = NULL };
	if (has_own_log(settings)) {
		give_up_log();
		return;
	}
	listener->stream = open_memstream(&listener->text, &listener->size);
	ub_ctx_debugout(ub, listener->stream); /* NULL: silent */
}

/* From now on libunbound's lines go where everybody may take them. */
static void stop_listening(struct listener *listener, struct ub_ctx *ub)
{
	if (listener->stream == NULL)
		return;
	ub_ctx_debugout(ub, open_log());
	fclose(listener->stream);
	listener->stream = NULL;
}

/* Puts what libunbound logged behind the message: the part behind "error: " of its first error, else that of its first line. */
static void append_log(const struct listener *listener, struct problem *problem)
{
	if (listener->text == NULL || listener->size == 0)
		return;
	const char *error = strstr(listener->text, "] error: "); /* a verbose one has said other things before */
	const char *start = error != NULL ? error + 2 : listener->text;
	size_t line = strcspn(start, "\n");
	for (size_t i = 0; i + 1 < line; i++)
		if (start[i] == ':' && start[i + 1] == ' ') { /* "[time] libunbound[pid:thread] error: text" */
			start += i + 2;
			line -= i + 2;
			break;
		}
	size_t used = strlen(problem->text);
	snprintf(problem->text + used, sizeof(problem->text) - used, " (%.*s)", (int)(line > 300 ? 300 : line), start);
}

static bool accepted(int error, const char *key, const char *value, struct problem *problem)
{
	if (error != UB_NOERROR)
		report_problem(problem, PROBLEM_CONFIG, "%s = \"%.200s\": libunbound says: %s", key, value, ub_strerror(error));
	return error == UB_NOERROR;
}

static void set_our_option(struct ub_ctx *ub, const char *name, const char *value)
{
	(void)ub_ctx_set_option(ub, name, value); /* a version that does not know it has to do without */
}

static void set_our_number(struct ub_ctx *ub, const char *name, size_t number)
{
	char value[VALUE_SIZE];
	snprintf(value, sizeof(value), "%zu", number);
	set_our_option(ub, name, value);
}

/* Each question under way upstream takes a descriptor. */
static size_t count_ports(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur / 8 < FEWEST_PORTS)
		return FEWEST_PORTS;
	return limit.rlim_cur / 8 > MOST_PORTS ? MOST_PORTS : (size_t)limit.rlim_cur / 8;
}

static size_t at_least(size_t size, size_t least)
{
	return size < least ? least : size;
}

static void set_sizes(struct ub_ctx *ub, const struct settings *settings, enum role role)
{
	size_t size = role == ROLE_UDP ? settings->cache_size : SMALL_CACHE;                                       /* the others are asked seldom */
	size_t queries = count_ports(), ports = role == ROLE_UDP ? queries : at_least(queries / 16, FEWEST_PORTS); /* each takes time to make */
	set_our_number(ub, "rrset-cache-size:", at_least(size / 2, SMALL_CACHE));
	set_our_number(ub, "msg-cache-size:", at_least(size / 4, SMALL_CACHE));
	set_our_number(ub, "key-cache-size:", at_least(size / 4, SMALL_CACHE));
	set_our_number(ub, "neg-cache-size:", at_least(size / 16, SMALL_CACHE / 4));
	set_our_number(ub, "outgoing-range:", ports);
	set_our_number(ub, "num-queries-per-thread:", queries);
	set_our_number(ub, "cache-max-ttl:", at_least(settings->max_ttl, 1)); /* nothing can be resolved with 0 */
}

static void set_role(struct ub_ctx *ub, enum role role)
{
	if (role == ROLE_TCP || role == ROLE_PROBE_TCP)
		set_our_option(ub, "tcp-upstream:", "yes");
	if (role == ROLE_PROBE_UDP || role == ROLE_PROBE_TCP)
		set_our_option(ub, "val-permissive-mode:", "yes");
}

static bool set_servers(struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, struct problem *problem)
{
	for (size_t i = 0; i < config->servers.count; i++)
		if (!accepted(ub_ctx_set_fwd(ub, config->servers.items[i]), "forward", config->servers.items[i], problem))
			return false;
	for (size_t i = 0; i < settings->stub.count; i++)
		if (!accepted(
				ub_ctx_set_stub(ub, settings->stub.items[i].name, settings->stub.items[i].value, 0), "stub", settings->stub.items[i].value, problem))
			return false;
	return settings->roothints == NULL
		|| accepted(ub_ctx_set_option(ub, "root-hints:", settings->roothints), "roothints", settings->roothints, problem);
}

static bool set_tls(struct ub_ctx *ub, const struct settings *settings, struct problem *problem)
{
	if (!settings->tls)
		return true;
	if (settings->tls_ca == NULL)
		set_our_option(ub, "tls-system-cert:", "yes");
	return accepted(ub_ctx_set_tls(ub, 1), "tls", "true", problem)
		&& (settings->tls_ca == NULL || accepted(ub_ctx_set_option(ub, "tls-cert-bundle:", settings->tls_ca), "tls_ca", settings->tls_ca, problem));
}

static bool set_anchors(
	struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, enum role role, struct problem *problem)
{
	if (settings->dnssec == POLICY_OFF && (role == ROLE_UDP || role == ROLE_TCP))
		return true;
	for (size_t i = 0; i < config->anchors.count; i++)
		if (!accepted(ub_ctx_add_ta(ub, config->anchors.items[i]), "trusted", config->anchors.items[i], problem))
			return false;
	return (config->anchor_file == NULL || accepted(ub_ctx_add_ta_file(ub, config->anchor_file), "trustfile", config->anchor_file, problem))
		&& (config->autotrust_file == NULL || accepted(ub_ctx_add_ta_autr(ub, config->autotrust_file), "autotrust", config->autotrust_file, problem));
}

static bool set_hosts(struct ub_ctx *ub, const struct upstream_config *config, struct problem *problem)
{
	for (size_t i = 0; i < config->hosts.count; i++)
		if (!accepted(ub_ctx_set_option(ub, "local-data:", config->hosts.items[i]), "hosts line", config->hosts.items[i], problem))
			return false;
	return true;
}

static bool set_raw_options(struct ub_ctx *ub, const struct settings *settings, struct problem *problem)
{
	for (size_t i = 0; i < settings->options.count; i++) {
		const struct named_text *option = &settings->options.items[i];
		if (ub_ctx_set_option(ub, option->name, option->value) != UB_NOERROR) {
			return report_problem(problem, PROBLEM_CONFIG, "options[\"%s\"] = \"%.200s\": libunbound %s has no such option, or refuses the value",
				option->name, option->value, ub_version());
		}
	}
	return true;
}

static bool configure(
	struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, enum role role, struct problem *problem)
{
	for (size_t i = 0; i < sizeof(DEFAULT_OPTIONS) / sizeof(DEFAULT_OPTIONS[0]); i++)
		set_our_option(ub, DEFAULT_OPTIONS[i].name, DEFAULT_OPTIONS[i].value);
	set_sizes(ub, settings, role);
	set_role(ub, role);
	return set_servers(ub, settings, config, problem) && set_tls(ub, settings, problem) && set_anchors(ub, settings, config, role, problem)
		&& set_hosts(ub, config, problem) && set_raw_options(ub, settings, problem);
}

static bool has_tls(void);

/* Under the lock. Configures ub, which may be NULL, and gives it; NULL with a message, ub deleted. The listener's text is the caller's. */
static struct ub_ctx *open_library(struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, enum role role,
	struct listener *listener, struct problem *problem)
{
	*listener = (struct listener){ .stream = NULL };
	if (ub == NULL) {
		report_problem(problem, PROBLEM_SYSTEM, "out of memory or descriptors: libunbound cannot make a context");
		return NULL;
	}
	if (settings->tls && !has_tls()) {
		report_problem(problem, PROBLEM_CONFIG, "tls = true: this libunbound (%s) is built without OpenSSL and has no DNS over TLS", ub_version());
		delete_library(ub);
		return NULL;
	}
	start_listening(listener, ub, settings);
	if (configure(ub, settings, config, role, problem))
		return ub;
	stop_listening(listener, ub);
	delete_library(ub);
	return NULL;
}

/* libunbound reads anchors, hints, hosts and options with its first question; error is how that went. Whether it can be used. */
static bool judge_start(struct ub_ctx *ub, int error, const struct upstream_config *config, struct listener *listener, struct problem *problem)
{
	stop_listening(listener, ub);
	/* an anchor of an algorithm that libunbound lacks is dropped with a warning, and everything below it is then unsigned */
	bool ignored = listener->text != NULL && strstr(listener->text, "anchor is ignored") != NULL;
	if (error == UB_NOERROR && !ignored)
		return true;
	report_problem(problem, PROBLEM_CONFIG, "libunbound cannot start with these settings (trust anchors: %s): %s",
		config->anchor_source == NULL ? "none" : config->anchor_source, ignored ? "unusable trust anchor" : ub_strerror(error));
	append_log(listener, problem);
	return false;
}

/* A name with an empty label: refused as soon as libunbound is ready for questions, whatever its settings, and never asked. */
static const char NO_NAME[] = "..";

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

/* For the loop, or for calls that wait when it is NULL. NULL without memory or descriptors. */
static struct ub_ctx *create_library(struct event_loop *loop)
{
	if (!has_descriptors())
		return NULL;
	keep_log();
	return loop != NULL ? ub_ctx_create_ub_event(loop_base(loop)) : ub_ctx_create();
}

/* libunbound becomes ready for questions, without its thread. */
static int rehearse(struct ub_ctx *ub)
{
	struct ub_result *result = NULL;
	int error = ub_resolve(ub, NO_NAME, TYPE_A, CLASS_IN, &result);
	ub_resolve_free(result);
	return error == UB_SYNTAX ? UB_NOERROR : error;
}

bool try_context(const struct settings *settings, const struct upstream_config *config, struct problem *problem)
{
	sigset_t signals;
	struct listener listener;
	lock_library(&signals);
	/* the probe always has the anchors, and no option depends on the role */
	struct ub_ctx *ub = open_library(create_library(NULL), settings, config, ROLE_PROBE_UDP, &listener, problem);
	bool usable = ub != NULL && judge_start(ub, rehearse(ub), config, &listener, problem);
	delete_library(ub);
	unlock_library(&signals);
	free(listener.text);
	return usable;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_texts(const struct text_list *a, const struct text_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool same_named_texts(const struct named_text_list *a, const struct named_text_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].name, b->items[i].name) != 0 || strcmp(a->items[i].value, b->items[i].value) != 0)
			return false;
	return true;
}

static bool same_marks(const struct upstream_config *a, const struct upstream_config *b)
{
	for (int i = 0; i < MARKED_FILES; i++)
		if (!same_mark(&a->marks[i], &b->marks[i]))
			return false;
	return true;
}

/* Of what configure hands over, all but addresses of servers: those we have checked, and they change with the network. */
bool tries_alike(const struct settings *settings, const struct upstream_config *config, const struct settings *other_settings,
	const struct upstream_config *other_config)
{
	return settings->tls == other_settings->tls && same_text(settings->tls_ca, other_settings->tls_ca)
		&& same_text(settings->roothints, other_settings->roothints) && same_named_texts(&settings->stub, &other_settings->stub)
		&& same_named_texts(&settings->options, &other_settings->options) && same_texts(&config->hosts, &other_config->hosts)
		&& same_texts(&config->anchors, &other_config->anchors) && same_text(config->anchor_file, other_config->anchor_file)
		&& same_text(config->autotrust_file, other_config->autotrust_file) && same_marks(config, other_config);
}

const char *libunbound_version(void)
{
	return ub_version();
}

static bool starts_with(const char *option, const char *value)
{
	struct ub_ctx *ub = create_library(NULL);
	if (ub == NULL)
		return false;
	ub_ctx_debugout(ub, NULL);
	set_our_option(ub, option, value);
	bool starts = rehearse(ub) == UB_NOERROR;
	delete_library(ub);
	return starts;
}

/* Under the lock. No call tells. Without TLS, libunbound to 1.22 at least cannot start with tls-upstream; a later one starts, and never opens
 * the certificate bundle, so that one which does not exist does not stop it. */
static bool has_tls(void)
{
	static bool present;
	present = present || (starts_with("tls-upstream:", "yes") && !starts_with("tls-cert-bundle:", "/nonexistent/xmppdns"));
	return present;
}

bool libunbound_has_tls(void)
{
	sigset_t signals;
	lock_library(&signals);
	bool present = has_tls();
	unlock_library(&signals);
	return present;
}

/* In the context's thread */

/* The flight goes back to the server; the thread does not know it any more. */
static void return_flight(struct context_flight *flight)
{
	post_mail(&flight->context->answered, &flight->mail);
}

static struct context_flight *mailed_flight(struct mail *mail)
{
	return (struct context_flight *)((char *)mail - offsetof(struct context_flight, mail));
}

static struct answer *create_bogus(const struct context_flight *flight, const char *reason)
{
	return create_answer(&(struct answer_source){ .outcome = OUTCOME_BOGUS,
		.qtype = flight->qtype,
		.qclass = CLASS_IN,
		.qname = flight->qname,
		.reason = reason != NULL ? reason : "DNSSEC validation failed" });
}

static struct answer *create_system_failure(const struct context_flight *flight, const char *reason)
{
	return create_answer(
		&(struct answer_source){ .outcome = OUTCOME_SYSTEM, .qtype = flight->qtype, .qclass = CLASS_IN, .qname = flight->qname, .reason = reason });
}

/* libunbound's own error. */
static struct answer *convert_error(const struct context_flight *flight, int error)
{
	char reason[128];
	snprintf(reason, sizeof(reason), "libunbound: %s", ub_strerror(error));
	struct answer *answer = create_system_failure(flight, reason);
	if (answer != NULL && error == UB_SYNTAX)
		answer->outcome = OUTCOME_NAME;
	return answer;
}

static struct answer *create_too_large(const struct context_flight *flight, int size)
{
	char reason[128];
	snprintf(
		reason, sizeof(reason), "the answer is too large: %d bytes, and max_answer_size is %u", size, flight->context->settings->max_answer_size);
	return create_answer(
		&(struct answer_source){ .outcome = OUTCOME_SERVFAIL, .qtype = flight->qtype, .qclass = CLASS_IN, .qname = flight->qname, .reason = reason });
}

static void on_unbound_answer(void *data, int rcode, void *packet, int size, int security, char *why_bogus, int was_ratelimited)
{
	struct context_flight *flight = data;
	(void)was_ratelimited;
	if (flight->context->closing)
		return;
	flight->context->working_count--;
	if (!atomic_load_explicit(&flight->dropped, memory_order_relaxed)) {
		if (security == SECURITY_BOGUS)
			flight->answer = create_bogus(flight, why_bogus);
		else if (rcode != RCODE_NOERROR || packet == NULL || size < 0)
			flight->answer = create_rcode_failure(flight->qname, flight->qtype, (uint16_t)(rcode != RCODE_NOERROR ? rcode : RCODE_SERVFAIL));
		else if ((size_t)size > flight->context->settings->max_answer_size)
			flight->answer = create_too_large(flight, size);
		else
			flight->answer = create_packet_answer(packet, (size_t)size, flight->qname, flight->qtype, security == SECURITY_SECURE);
	}
	return_flight(flight);
}

/* libunbound becomes ready for questions: in the context's thread, or before that runs. False with a message. */
static bool start_library(struct context *context, struct problem *problem)
{
	sigset_t signals;
	struct listener listener;
	lock_library(&signals);
	struct ub_ctx *ub = open_library(create_library(context->loop), context->settings, context->config, context->role, &listener, problem);
	if (ub != NULL) {
		int error = ub_resolve_event(ub, NO_NAME, TYPE_A, CLASS_IN, NULL, on_unbound_answer, NULL);
		if (judge_start(ub, error == UB_SYNTAX ? UB_NOERROR : error, context->config, &listener, problem)) {
			context->ub = ub;
			keep_verbosity(context->settings);
		} else {
			delete_library(ub);
		}
		if (take_shortage(context->loop) && context->ub == NULL)
			report_memory(problem);
	}
	unlock_library(&signals);
	free(listener.text);
	return context->ub != NULL;
}

static void ask_library(struct context *context, struct context_flight *flight)
{
	context->working_count++;
	/* a known answer comes before it returns */
	int error = ub_resolve_event(context->ub, flight->qname, flight->qtype, CLASS_IN, flight, on_unbound_answer, NULL);
	if (error == UB_NOERROR)
		return;
	context->working_count--;
	flight->answer = convert_error(flight, error);
	return_flight(flight);
}

static void add_waiting(struct context *context, struct mail *mail)
{
	mail->next = NULL;
	*context->waiting_end = mail;
	context->waiting_end = &mail->next;
	context->waiting_count++;
}

static struct context_flight *take_waiting(struct context *context)
{
	struct mail *mail = context->waiting;
	if (mail == NULL)
		return NULL;
	context->waiting = mail->next;
	if (context->waiting == NULL)
		context->waiting_end = &context->waiting;
	context->waiting_count--;
	return mailed_flight(mail);
}

static bool is_dropped(const struct context_flight *flight)
{
	return atomic_load_explicit(&flight->dropped, memory_order_relaxed);
}

/* While libunbound takes no more, dropped questions would pile up. */
static void sweep_waiting(struct context *context)
{
	for (unsigned left = context->waiting_count; left > 0; left--) {
		struct context_flight *flight = take_waiting(context);
		if (is_dropped(flight))
			return_flight(flight);
		else
			add_waiting(context, &flight->mail);
	}
	context->sweep_at = 2 * context->waiting_count + LEAST_SWEEP;
}

static void take_questions(struct context *context)
{
	for (struct mail *mail = take_mail(&context->asked), *next; mail != NULL; mail = next) {
		next = mail->next;
		add_waiting(context, mail);
	}
	if (context->waiting_count >= context->sweep_at)
		sweep_waiting(context);
}

/* Settings that libunbound refuses are tried again with the next question: the reason may be gone. */
static void fail_waiting(struct context *context, const char *problem)
{
	for (struct context_flight *flight; (flight = take_waiting(context)) != NULL;) {
		flight->answer = create_system_failure(flight, problem);
		return_flight(flight);
	}
}

static bool can_ask(const struct context *context)
{
	return context->waiting != NULL && context->working_count < MOST_WORKING;
}

static void ask_waiting(struct context *context)
{
	struct problem problem;
	if (context->waiting != NULL && context->ub == NULL && !start_library(context, &problem))
		fail_waiting(context, problem.text);
	for (int i = 0; i < ASKED_AT_ONCE && can_ask(context); i++) {
		struct context_flight *flight = take_waiting(context);
		if (is_dropped(flight))
			return_flight(flight);
		else
			ask_library(context, flight);
	}
}

static void stop_library(struct context *context)
{
	sigset_t signals;
	context->closing = true;
	lock_library(&signals);
	delete_library(context->ub);
	unlock_library(&signals);
	delete_event_loop(context->loop);
}

static void free_flights(struct context *context)
{
	while (context->flights != NULL) {
		struct context_flight *flight = context->flights;
		context->flights = flight->next;
		release_answer(flight->answer);
		free(flight);
	}
}

/* What both sides have; only one of them is left. */
static void close_context(struct context *context)
{
	free_flights(context);
	close_mailbox(&context->asked);
	close_mailbox(&context->answered);
	release_settings(context->settings);
	release_upstream(context->config);
}

static void *run_context(void *data)
{
	struct context *context = data;
	while (atomic_load(&context->ending) == CONTEXT_LIVES) {
		run_events(context->loop, !can_ask(context));
		take_questions(context);
		ask_waiting(context);
	}
	stop_library(context);
	pthread_mutex_lock(&contexts_lock); /* end_thread may have the bell still in its hand */
	bool deleted = atomic_load(&context->ending) == CONTEXT_DELETED;
	pthread_mutex_unlock(&contexts_lock);
	if (deleted)
		close_context(context);
	pthread_mutex_lock(&contexts_lock);
	context->ended = true;
	pthread_mutex_unlock(&contexts_lock);
	return NULL;
}

/* Threads */

static bool start_thread(struct context *context)
{
	sigset_t signals;
	block_signals(&signals);
	pthread_mutex_lock(&contexts_lock);
	int error = pthread_create(&context->thread, NULL, run_context, context);
	if (error == 0) {
		context->next = contexts;
		contexts = context;
	}
	pthread_mutex_unlock(&contexts_lock);
	pthread_sigmask(SIG_SETMASK, &signals, NULL);
	errno = error;
	return error == 0;
}

/* Under the lock of contexts. Does not wait. */
static void end_thread(struct context *context, enum ending ending)
{
	atomic_store(&context->ending, ending);
	ring_mailbox(&context->asked);
}

/* Frees what is left of deleted contexts whose threads have ended. */
static void join_ended(void)
{
	struct context **link = &contexts;
	pthread_mutex_lock(&contexts_lock);
	while (*link != NULL) {
		struct context *context = *link;
		if (!context->ended) {
			link = &context->next;
			continue;
		}
		*link = context->next;
		pthread_join(context->thread, NULL); /* it is past everything but the unlocking */
		free(context);
	}
	pthread_mutex_unlock(&contexts_lock);
}

/* One of those that are deleted, out of the list, or NULL. */
static struct context *take_deleted(void)
{
	struct context **link = &contexts, *taken;
	pthread_mutex_lock(&contexts_lock);
	while (*link != NULL && atomic_load(&(*link)->ending) != CONTEXT_DELETED)
		link = &(*link)->next;
	taken = *link;
	if (taken != NULL)
		*link = taken->next;
	pthread_mutex_unlock(&contexts_lock);
	return taken;
}

void join_deleted_contexts(void)
{
	for (struct context *context; (context = take_deleted()) != NULL; free(context))
		pthread_join(context->thread, NULL);
}

/* When the process exits, while what libunbound uses is still there. Whoever has a context then keeps it. */
static void end_contexts(void)
{
	pthread_mutex_lock(&contexts_lock);
	struct context *context = contexts;
	contexts = NULL;
	for (struct context *each = context; each != NULL; each = each->next)
		if (atomic_load(&each->ending) == CONTEXT_LIVES)
			end_thread(each, CONTEXT_EXITS);
	pthread_mutex_unlock(&contexts_lock);
	while (context != NULL) {
		struct context *next = context->next;
		pthread_join(context->thread, NULL);
		if (atomic_load(&context->ending) == CONTEXT_DELETED)
			free(context);
		context = next;
	}
}

/* In the server's thread */

static void unlink_flight(struct context_flight *flight)
{
	if (flight->previous != NULL)
		flight->previous->next = flight->next;
	else
		flight->context->flights = flight->next;
	if (flight->next != NULL)
		flight->next->previous = flight->previous;
}

static void link_flight(struct context *context, struct context_flight *flight)
{
	flight->context = context;
	flight->next = context->flights;
	if (flight->next != NULL)
		flight->next->previous = flight;
	context->flights = flight;
}

/* The question is no longer under way. */
static void detach_question(struct context_flight *flight)
{
	if (flight->question == NULL)
		return;
	*flight->question = (struct context_question){ .flight = NULL };
	flight->question = NULL;
	flight->context->in_flight--;
}

static bool open_descriptors(struct context *context)
{
	context->asked.fd = context->answered.fd = -1;
	if (!open_mailbox(&context->asked) || !open_mailbox(&context->answered))
		return false;
	context->loop = create_event_loop(context->asked.fd);
	return context->loop != NULL;
}

static bool open_context(struct context *context, enum set_up when, struct problem *problem)
{
	context->waiting_end = &context->waiting;
	context->sweep_at = LEAST_SWEEP;
	bool is_open = open_descriptors(context);
	if (is_open && when == SET_UP_NOW && !start_library(context, problem))
		return false;
	if (is_open && start_thread(context))
		return true;
	return report_problem(problem, PROBLEM_SYSTEM, "cannot start a thread for libunbound: %s", strerror(errno));
}

struct context *create_context(struct settings *settings, struct upstream_config *config, enum role role, enum set_up when, struct problem *problem)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, watch_process);

	join_ended();
	struct context *context = calloc(1, sizeof(*context));
	if (context == NULL) {
		report_memory(problem);
		return NULL;
	}
	context->settings = hold_settings(settings);
	context->config = hold_upstream(config);
	context->role = role;
	if (open_context(context, when, problem))
		return context;
	stop_library(context);
	close_context(context);
	free(context);
	return NULL;
}

void delete_context(struct context *context, bool forked)
{
	if (context == NULL)
		return;
	for (struct context_flight *flight = context->flights; flight != NULL; flight = flight->next)
		detach_question(flight);
	if (forked) { /* libunbound, its loop and its answers stay as the thread that is not here left them */
		for (struct context_flight *flight = context->flights; flight != NULL; flight = flight->next)
			flight->answer = NULL;
		close_context(context);
		free(context);
		return;
	}
	pthread_mutex_lock(&contexts_lock);
	end_thread(context, CONTEXT_DELETED);
	pthread_mutex_unlock(&contexts_lock);
	join_ended();
}

int context_fd(const struct context *context)
{
	return context->answered.fd;
}

unsigned context_in_flight(const struct context *context)
{
	return context->in_flight;
}

bool ask_context(
	struct context *context, const char *qname, uint16_t qtype, struct context_question *question, on_context_answer on_answer, void *asker)
{
	size_t size = strlen(qname) + 1;
	struct context_flight *flight = calloc(1, sizeof(*flight) + size);
	*question = (struct context_question){ .flight = flight };
	if (flight == NULL)
		return false;
	flight->question = question;
	flight->on_answer = on_answer;
	flight->asker = asker;
	flight->qtype = qtype;
	memcpy(flight->qname, qname, size);
	link_flight(context, flight);
	context->in_flight++;
	post_mail(&context->asked, &flight->mail);
	return true;
}

void drop_question(struct context_question *question)
{
	struct context_flight *flight = question->flight;
	if (flight == NULL)
		return;
	detach_question(flight);
	atomic_store_explicit(&flight->dropped, true, memory_order_relaxed);
}

static void deliver(struct context_flight *flight)
{
	bool wanted = flight->question != NULL;
	on_context_answer on_answer = flight->on_answer;
	void *asker = flight->asker;
	struct answer *answer = flight->answer;
	detach_question(flight);
	unlink_flight(flight);
	free(flight);
	if (wanted)
		on_answer(asker, answer);
	else
		release_answer(answer);
}

void process_context(struct context *context)
{
	for (struct mail *mail = take_mail(&context->answered), *next; mail != NULL; mail = next) {
		next = mail->next;
		deliver(mailed_flight(mail));
	}
}

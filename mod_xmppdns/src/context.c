/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Configures a ub_ctx for its role, asks it, and turns what it says into answers. */
#include "context.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <unbound.h>

#include "name.h"
#include "rdata.h"

enum {
	MOST_FLIGHTS = 1000, /* dropped ones included: what a storm of cancelled lookups may leave to libunbound */
	FEWEST_PORTS = 16,
	MOST_PORTS = 1024,
	CLASS_IN = 1,
	RCODE_NOERROR = 0,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_REFUSED = 5,
	SMALL_CACHE = 4 * 1024 * 1024,
	DESCRIPTORS_TO_START = 20, /* libunbound 1.17 keeps 7 */
	VALUE_SIZE = 32
};

/* One question given to libunbound. It outlives a dropped question: libunbound answers it all the same. (ub_cancel would only hide the answer,
 * and with it the moment from which the flight's memory is free.) */
struct context_flight {
	struct context *context;                /* not owned */
	struct context_flight *previous, *next; /* among the context's */
	struct context_question *question;      /* not owned; NULL when dropped */
	on_context_answer on_answer;
	void *asker;
	uint64_t order; /* of asking */
	uint16_t qtype;
	bool fence;
	char qname[];
};

struct context {
	struct ub_ctx *ub;              /* owned */
	struct context_flight *flights; /* owned; a list, the last asked first */
	unsigned flight_count, in_flight;
	uint64_t asked; /* order of the last question */
	uint64_t read;  /* libunbound has read every question up to this order */
	bool fenced;    /* a fence is under way */
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
static pthread_once_t fork_watch = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
	pthread_mutex_lock(&library);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&library);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

/* Threads inherit the blocked signals: none of the server's signals may land in libunbound's thread. */
static void lock_library(sigset_t *signals)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, signals);
	pthread_once(&fork_watch, watch_forks);
	pthread_mutex_lock(&library);
}

static void unlock_library(const sigset_t *signals)
{
	pthread_mutex_unlock(&library);
	pthread_sigmask(SIG_SETMASK, signals, NULL);
}

/* What libunbound logs while it is being set up: its error codes alone say too little. */
struct listener {
	FILE *stream; /* NULL: does not listen */
	char *text;   /* complete once the stream is closed */
	size_t size;
};

static bool wants_log(const struct settings *settings)
{
	for (size_t i = 0; i < settings->options.count; i++) {
		const char *name = settings->options.items[i].name;
		if (strcmp(name, "logfile:") == 0 || strcmp(name, "use-syslog:") == 0 || strcmp(name, "verbosity:") == 0)
			return true;
	}
	return false;
}

static void start_listening(struct listener *listener, struct ub_ctx *ub, const struct settings *settings)
{
	*listener = (struct listener){ .stream = NULL };
	if (wants_log(settings))
		return;
	listener->stream = open_memstream(&listener->text, &listener->size);
	ub_ctx_debugout(ub, listener->stream); /* NULL: silent */
}

/* From now on libunbound is silent. */
static void stop_listening(struct listener *listener, struct ub_ctx *ub)
{
	if (listener->stream == NULL)
		return;
	ub_ctx_debugout(ub, NULL);
	fclose(listener->stream);
	listener->stream = NULL;
}

/* Puts what libunbound logged behind the message: the part behind "error: " or "warning: " of its first line. */
static void append_log(const struct listener *listener, char problem[SETTINGS_PROBLEM_SIZE])
{
	if (listener->text == NULL || listener->size == 0)
		return;
	const char *start = listener->text;
	size_t line = strcspn(start, "\n");
	for (size_t i = 0; i + 1 < line; i++)
		if (start[i] == ':' && start[i + 1] == ' ') { /* "[time] libunbound[pid:thread] error: text" */
			start += i + 2;
			line -= i + 2;
			break;
		}
	size_t used = strlen(problem);
	snprintf(problem + used, SETTINGS_PROBLEM_SIZE - used, " (%.*s)", (int)(line > 300 ? 300 : line), start);
}

static bool accepted(int error, const char *key, const char *value, char problem[SETTINGS_PROBLEM_SIZE])
{
	if (error != UB_NOERROR)
		snprintf(problem, SETTINGS_PROBLEM_SIZE, "%s = \"%.200s\": libunbound says: %s", key, value, ub_strerror(error));
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
	size_t size = role == ROLE_UDP ? settings->cache_size : SMALL_CACHE; /* the others are asked seldom */
	size_t ports = count_ports();
	set_our_number(ub, "rrset-cache-size:", at_least(size / 2, SMALL_CACHE));
	set_our_number(ub, "msg-cache-size:", at_least(size / 4, SMALL_CACHE));
	set_our_number(ub, "key-cache-size:", at_least(size / 4, SMALL_CACHE));
	set_our_number(ub, "neg-cache-size:", at_least(size / 16, SMALL_CACHE / 4));
	set_our_number(ub, "outgoing-range:", ports);
	set_our_number(ub, "num-queries-per-thread:", ports);
	set_our_number(ub, "cache-max-ttl:", at_least(settings->max_ttl, 1)); /* nothing can be resolved with 0 */
}

static void set_role(struct ub_ctx *ub, enum role role)
{
	if (role == ROLE_TCP || role == ROLE_PROBE_TCP)
		set_our_option(ub, "tcp-upstream:", "yes");
	if (role == ROLE_PROBE_UDP || role == ROLE_PROBE_TCP)
		set_our_option(ub, "val-permissive-mode:", "yes");
}

static bool set_servers(struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, char problem[SETTINGS_PROBLEM_SIZE])
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

static bool set_tls(struct ub_ctx *ub, const struct settings *settings, char problem[SETTINGS_PROBLEM_SIZE])
{
	if (!settings->tls)
		return true;
	if (settings->tls_ca == NULL)
		set_our_option(ub, "tls-system-cert:", "yes");
	return accepted(ub_ctx_set_tls(ub, 1), "tls", "true", problem)
		&& (settings->tls_ca == NULL || accepted(ub_ctx_set_option(ub, "tls-cert-bundle:", settings->tls_ca), "tls_ca", settings->tls_ca, problem));
}

static bool set_anchors(
	struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, enum role role, char problem[SETTINGS_PROBLEM_SIZE])
{
	if (settings->dnssec == POLICY_OFF && (role == ROLE_UDP || role == ROLE_TCP))
		return true;
	for (size_t i = 0; i < config->anchors.count; i++)
		if (!accepted(ub_ctx_add_ta(ub, config->anchors.items[i]), "trusted", config->anchors.items[i], problem))
			return false;
	return (config->anchor_file == NULL || accepted(ub_ctx_add_ta_file(ub, config->anchor_file), "trustfile", config->anchor_file, problem))
		&& (config->autotrust_file == NULL || accepted(ub_ctx_add_ta_autr(ub, config->autotrust_file), "autotrust", config->autotrust_file, problem));
}

static bool set_hosts(struct ub_ctx *ub, const struct upstream_config *config, char problem[SETTINGS_PROBLEM_SIZE])
{
	for (size_t i = 0; i < config->hosts.count; i++)
		if (!accepted(ub_ctx_set_option(ub, "local-data:", config->hosts.items[i]), "hosts line", config->hosts.items[i], problem))
			return false;
	return true;
}

static bool set_raw_options(struct ub_ctx *ub, const struct settings *settings, char problem[SETTINGS_PROBLEM_SIZE])
{
	for (size_t i = 0; i < settings->options.count; i++) {
		const struct named_text *option = &settings->options.items[i];
		if (ub_ctx_set_option(ub, option->name, option->value) != UB_NOERROR) {
			snprintf(problem, SETTINGS_PROBLEM_SIZE, "options[\"%s\"] = \"%.200s\": libunbound %s has no such option, or refuses the value",
				option->name, option->value, ub_version());
			return false;
		}
	}
	return true;
}

static bool configure(
	struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, enum role role, char problem[SETTINGS_PROBLEM_SIZE])
{
	for (size_t i = 0; i < sizeof(DEFAULT_OPTIONS) / sizeof(DEFAULT_OPTIONS[0]); i++)
		set_our_option(ub, DEFAULT_OPTIONS[i].name, DEFAULT_OPTIONS[i].value);
	set_sizes(ub, settings, role);
	set_role(ub, role);
	return accepted(ub_ctx_async(ub, 1), "thread mode", "yes", problem) && set_servers(ub, settings, config, problem)
		&& set_tls(ub, settings, problem) && set_anchors(ub, settings, config, role, problem) && set_hosts(ub, config, problem)
		&& set_raw_options(ub, settings, problem);
}

/* Without descriptors libevent ends the process while libunbound sets it up, and without a thread libunbound waits for it forever. */
static bool has_descriptors(void)
{
	int opened[DESCRIPTORS_TO_START], count = 0;
	while (count < DESCRIPTORS_TO_START && (opened[count] = eventfd(0, EFD_CLOEXEC)) != -1)
		count++;
	for (int i = 0; i < count; i++)
		close(opened[i]);
	return count == DESCRIPTORS_TO_START;
}

static void *do_nothing(void *argument)
{
	return argument;
}

static bool has_thread(void)
{
	pthread_t thread;
	return pthread_create(&thread, NULL, do_nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static struct ub_ctx *create_library(void)
{
	return has_descriptors() && has_thread() ? ub_ctx_create() : NULL;
}

/* Under the lock. NULL with a message. The listener is the caller's to close, with close_listener. */
static struct ub_ctx *open_library(const struct settings *settings, const struct upstream_config *config, enum role role, struct listener *listener,
	char problem[SETTINGS_PROBLEM_SIZE])
{
	*listener = (struct listener){ .stream = NULL };
	struct ub_ctx *ub = create_library();
	if (ub == NULL) {
		snprintf(problem, SETTINGS_PROBLEM_SIZE, "out of memory, descriptors or threads: libunbound cannot make a context");
		return NULL;
	}
	start_listening(listener, ub, settings);
	if (configure(ub, settings, config, role, problem))
		return ub;
	stop_listening(listener, ub);
	ub_ctx_delete(ub);
	return NULL;
}

/* libunbound reads anchors, hints, hosts and options with its first question; error is how that went. Whether it can be used. */
static bool judge_start(
	struct ub_ctx *ub, int error, const struct upstream_config *config, struct listener *listener, char problem[SETTINGS_PROBLEM_SIZE])
{
	stop_listening(listener, ub);
	/* an anchor of an algorithm that libunbound lacks is dropped with a warning, and everything below it is then unsigned */
	bool ignored = listener->text != NULL && strstr(listener->text, "anchor is ignored") != NULL;
	if (error == UB_NOERROR && !ignored)
		return true;
	snprintf(problem, SETTINGS_PROBLEM_SIZE, "libunbound cannot start with these settings (trust anchors: %s): %s",
		config->anchor_source == NULL ? "none" : config->anchor_source, ignored ? "unusable trust anchor" : ub_strerror(error));
	append_log(listener, problem);
	return false;
}

/* A name with an empty label: refused as soon as libunbound is ready for questions, whatever its settings, and never asked. */
static const char NO_NAME[] = "..";

/* libunbound becomes ready for questions, without its thread. */
static int rehearse(struct ub_ctx *ub)
{
	struct ub_result *result = NULL;
	int error = ub_resolve(ub, NO_NAME, TYPE_A, CLASS_IN, &result);
	ub_resolve_free(result);
	return error == UB_SYNTAX ? UB_NOERROR : error;
}

bool try_context(const struct settings *settings, const struct upstream_config *config, char problem[SETTINGS_PROBLEM_SIZE])
{
	sigset_t signals;
	struct listener listener;
	lock_library(&signals);
	/* the probe always has the anchors, and no option depends on the role */
	struct ub_ctx *ub = open_library(settings, config, ROLE_PROBE_UDP, &listener, problem);
	bool usable = ub != NULL && judge_start(ub, rehearse(ub), config, &listener, problem);
	ub_ctx_delete(ub);
	unlock_library(&signals);
	free(listener.text);
	return usable;
}

const char *libunbound_version(void)
{
	return ub_version();
}

static bool starts_with(const char *option, const char *value)
{
	struct ub_ctx *ub = create_library();
	if (ub == NULL)
		return false;
	ub_ctx_debugout(ub, NULL);
	set_our_option(ub, option, value);
	bool starts = rehearse(ub) == UB_NOERROR;
	ub_ctx_delete(ub);
	return starts;
}

bool libunbound_has_tls(void)
{
	sigset_t signals;
	lock_library(&signals);
	/* No call tells. Without TLS, libunbound to 1.22 at least cannot start with tls-upstream; a later one starts, and never opens the
	 * certificate bundle, so that one which does not exist does not stop it. */
	bool present = starts_with("tls-upstream:", "yes") && !starts_with("tls-cert-bundle:", "/nonexistent/xmppdns");
	unlock_library(&signals);
	return present;
}

static void unlink_flight(struct context_flight *flight)
{
	struct context *context = flight->context;
	if (flight->previous != NULL)
		flight->previous->next = flight->next;
	else
		context->flights = flight->next;
	if (flight->next != NULL)
		flight->next->previous = flight->previous;
	context->flight_count--;
}

/* The question is no longer under way. */
static void detach_question(struct context_flight *flight)
{
	if (flight->question == NULL)
		return;
	*flight->question = (struct context_question){ .context = NULL };
	flight->question = NULL;
	flight->context->in_flight--;
}

static const char *rcode_name(int rcode, char buffer[VALUE_SIZE])
{
	if (rcode == RCODE_SERVFAIL)
		return "SERVFAIL";
	if (rcode == RCODE_REFUSED)
		return "REFUSED";
	snprintf(buffer, VALUE_SIZE, "rcode %d", rcode);
	return buffer;
}

/* libunbound rewrites an answer, which may outgrow 64 KiB: then it comes without data, and only the TC bit tells it from a denial. */
static bool is_cut_off(const struct ub_result *result)
{
	const unsigned char *packet = result->answer_packet;
	return !result->havedata && packet != NULL && result->answer_len > 2 && (packet[2] & 0x02) != 0;
}

/* Sets outcome and reason; buffer is for the reason. */
static void judge_result(const struct ub_result *result, struct answer_source *source, char *buffer, size_t size)
{
	char name[VALUE_SIZE];
	source->outcome = OUTCOME_ANSWERED;
	if (result->bogus) {
		source->outcome = OUTCOME_BOGUS;
		source->reason = result->why_bogus != NULL ? result->why_bogus : "DNSSEC validation failed";
	} else if (result->rcode != RCODE_NOERROR && result->rcode != RCODE_NXDOMAIN) {
		source->outcome = OUTCOME_SERVFAIL;
		snprintf(buffer, size, "name server failure: %s", rcode_name(result->rcode, name));
		source->reason = buffer;
	} else if (is_cut_off(result)) {
		source->outcome = OUTCOME_SERVFAIL;
		source->reason = "the answer is too large";
	}
}

/* The records that are well-formed, into rdata and sizes; how many there are. */
static size_t choose_records(const struct ub_result *result, uint16_t qtype, const uint8_t **rdata, int *sizes)
{
	size_t count = 0;
	for (size_t i = 0; result->data[i] != NULL; i++) {
		const uint8_t *bytes = (const uint8_t *)result->data[i];
		if (!check_rdata(qtype, bytes, (size_t)result->len[i]))
			continue;
		rdata[count] = bytes;
		sizes[count++] = result->len[i];
	}
	return count;
}

static size_t count_records(const struct ub_result *result)
{
	size_t count = 0;
	while (result->havedata && result->data != NULL && result->data[count] != NULL)
		count++;
	return count;
}

/* Fills in the records and makes the answer. */
static struct answer *answer_with_records(const struct ub_result *result, struct answer_source *source)
{
	size_t count = count_records(result);
	if (source->outcome != OUTCOME_ANSWERED || count == 0)
		return create_answer(source);
	const uint8_t **rdata = calloc(count, sizeof(*rdata));
	int *sizes = calloc(count, sizeof(*sizes));
	struct answer *answer = NULL;
	if (rdata != NULL && sizes != NULL) {
		source->record_count = choose_records(result, source->qtype, rdata, sizes);
		source->rdata = rdata;
		source->sizes = sizes;
		if (source->record_count == 0) {
			source->outcome = OUTCOME_SERVFAIL;
			source->reason = "malformed record data";
		}
		answer = create_answer(source);
	}
	free(rdata);
	free(sizes);
	return answer;
}

static struct answer *convert_result(const struct ub_result *result, uint16_t qtype)
{
	char reason[64], canonname[NAME_TEXT_SIZE];
	size_t size;
	struct answer_source source = {
		.qtype = qtype,
		.qclass = CLASS_IN,
		.rcode = (uint16_t)result->rcode,
		.secure = result->secure && !result->bogus,
		.nxdomain = result->rcode == RCODE_NXDOMAIN,
		.ttl = result->ttl > 0 ? (uint32_t)result->ttl : 0,
		.qname = result->qname,
	};
	judge_result(result, &source, reason, sizeof(reason));
	if (source.outcome != OUTCOME_ANSWERED)
		source.secure = source.nxdomain = false;
	if (result->canonname != NULL && canonical_name(result->canonname, strlen(result->canonname), canonname, &size) == NAME_OK
		&& strcmp(canonname, result->qname) != 0)
		source.canonname = canonname;
	return answer_with_records(result, &source);
}

/* Without a result: libunbound's own error. */
static struct answer *convert_error(int error, const char *qname, uint16_t qtype)
{
	char reason[128];
	snprintf(reason, sizeof(reason), "libunbound: %s", ub_strerror(error));
	return create_answer(&(struct answer_source){
		.outcome = error == UB_SYNTAX ? OUTCOME_NAME : OUTCOME_SYSTEM, .qtype = qtype, .qclass = CLASS_IN, .qname = qname, .reason = reason });
}

static bool may_be_unread(const struct context_flight *flight)
{
	return flight->order > flight->context->read;
}

static void on_unbound_answer(void *data, int error, struct ub_result *result);

static void link_flight(struct context *context, struct context_flight *flight)
{
	flight->context = context;
	flight->order = ++context->asked;
	flight->next = context->flights;
	if (flight->next != NULL)
		flight->next->previous = flight;
	context->flights = flight;
	context->flight_count++;
}

/* A flight that libunbound has been asked for, or NULL with libunbound's error. */
static struct context_flight *launch(struct context *context, const char *qname, uint16_t qtype, int *error)
{
	size_t size = strlen(qname) + 1;
	struct context_flight *flight = calloc(1, sizeof(*flight) + size);
	*error = UB_NOMEM;
	if (flight == NULL)
		return NULL;
	flight->qtype = qtype;
	memcpy(flight->qname, qname, size);
	link_flight(context, flight);
	*error = ub_resolve_async(context->ub, qname, qtype, CLASS_IN, flight, on_unbound_answer, NULL);
	if (*error == UB_NOERROR)
		return flight;
	if (*error != UB_PIPE) { /* after that one libunbound still knows the flight */
		unlink_flight(flight);
		free(flight);
	}
	return NULL;
}

/* libunbound's thread refuses it as soon as it has read it: everything asked before has then been read too. */
static int send_fence(struct context *context)
{
	int error;
	struct context_flight *flight = launch(context, NO_NAME, TYPE_A, &error);
	if (flight != NULL)
		context->fenced = flight->fence = true;
	return error;
}

static void on_fence(struct context *context)
{
	context->fenced = false;
	for (const struct context_flight *flight = context->flights; flight != NULL && may_be_unread(flight); flight = flight->next)
		if (flight->question == NULL) {
			(void)send_fence(context); /* dropped since; without memory its answer will tell */
			return;
		}
}

static void on_unbound_answer(void *data, int error, struct ub_result *result)
{
	struct context_flight *flight = data;
	struct context *context = flight->context;
	struct answer *answer = NULL;
	bool wanted = flight->question != NULL, fence = flight->fence;
	if (flight->order > context->read)
		context->read = flight->order; /* libunbound reads in the order of asking */
	if (wanted)
		answer = result != NULL ? convert_result(result, flight->qtype) : convert_error(error, flight->qname, flight->qtype);
	ub_resolve_free(result);
	detach_question(flight);
	unlink_flight(flight);
	on_context_answer on_answer = flight->on_answer;
	void *asker = flight->asker;
	free(flight);
	if (fence)
		on_fence(context);
	if (wanted)
		on_answer(asker, answer);
}

static void free_flights(struct context *context)
{
	for (struct context_flight *flight = context->flights, *next; flight != NULL; flight = next) {
		next = flight->next;
		detach_question(flight);
		free(flight);
	}
	context->flights = NULL;
}

struct context *create_context(
	const struct settings *settings, const struct upstream_config *config, enum role role, char problem[SETTINGS_PROBLEM_SIZE])
{
	sigset_t signals;
	struct listener listener;
	struct context *context = calloc(1, sizeof(*context));
	if (context == NULL) {
		snprintf(problem, SETTINGS_PROBLEM_SIZE, "out of memory");
		return NULL;
	}
	lock_library(&signals);
	context->ub = open_library(settings, config, role, &listener, problem);
	bool started = context->ub != NULL && judge_start(context->ub, send_fence(context), config, &listener, problem); /* makes its thread */
	if (!started)
		ub_ctx_delete(context->ub);
	unlock_library(&signals);
	free(listener.text);
	if (!started) {
		free_flights(context);
		free(context);
		return NULL;
	}
	return context;
}

void delete_context(struct context *context, bool forked)
{
	sigset_t signals;
	if (context == NULL)
		return;
	if (!forked) { /* in a child, ub_ctx_delete would take the parent's sockets out of the epoll set that both share */
		lock_library(&signals);
		ub_ctx_delete(context->ub);
		unlock_library(&signals);
	}
	free_flights(context);
	free(context);
}

int context_fd(const struct context *context)
{
	return ub_fd(context->ub);
}

unsigned context_in_flight(const struct context *context)
{
	return context->in_flight;
}

unsigned context_load(const struct context *context)
{
	unsigned load = 0;
	for (const struct context_flight *flight = context->flights; flight != NULL; flight = flight->next)
		load += flight->question != NULL || may_be_unread(flight);
	return context->flight_count >= MOST_FLIGHTS && load < CONTEXT_MAX_IN_FLIGHT ? CONTEXT_MAX_IN_FLIGHT : load;
}

bool ask_context(
	struct context *context, const char *qname, uint16_t qtype, struct context_question *question, on_context_answer on_answer, void *asker)
{
	int error;
	*question = (struct context_question){ .context = NULL };
	if (context_load(context) >= CONTEXT_MAX_IN_FLIGHT)
		return false;
	struct context_flight *flight = launch(context, qname, qtype, &error);
	if (flight == NULL)
		return false;
	flight->question = question;
	flight->on_answer = on_answer;
	flight->asker = asker;
	*question = (struct context_question){ .context = context, .flight = flight };
	context->in_flight++;
	return true;
}

void drop_question(struct context_question *question)
{
	struct context_flight *flight = question->flight;
	if (flight == NULL)
		return;
	detach_question(flight);
	if (may_be_unread(flight) && !flight->context->fenced)
		(void)send_fence(flight->context); /* without memory its answer will tell */
}

/* libunbound's thread is gone: no answer will come any more. The flights stay, for libunbound still knows them. */
static void fail_questions(struct context *context, int error)
{
	for (struct context_flight *flight = context->flights; flight != NULL; flight = flight->next) {
		if (flight->question == NULL)
			continue;
		detach_question(flight);
		flight->on_answer(flight->asker, convert_error(error, flight->qname, flight->qtype));
	}
}

void process_context(struct context *context)
{
	int error = ub_process(context->ub);
	if (error != UB_NOERROR)
		fail_questions(context, error);
}

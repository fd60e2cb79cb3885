/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Hands settings over to a ub_ctx one kind after the other, and listens to what libunbound says. */
#include "setup.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <unbound.h>

#include "dns/name.h"
#include "library.h"
#include "log.h"
#include "zones.h"

enum { FEWEST_PORTS = 16, MOST_PORTS = 1024, CONNECTIONS = 128, CACHE = 2 * 1024 * 1024, VALUE_SIZE = 32 };

struct option {
	const char *name, *value;
};

/* What the library's own defaults (no logging, val-log-level 2, one slab, localhost may be asked, no minimal responses, no serve-expired,
 * EDNS of 1232 bytes) leave to us. Unknown ones are skipped: libunbound's versions differ. */
static const struct option DEFAULT_OPTIONS[] = {
	{ "module-config:", "validator iterator" },
	{ "infra-host-ttl:", "5" }, /* seconds: what a server is like is found out anew so often */
	{ "val-bogus-ttl:", "1" },  /* our own cache remembers failures, and a verdict from this one comes without its reason */
	{ "trust-anchor-signaling:", "no" },
};

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

/* Whether it was this machine that ran short. */
static enum problem_kind kind_of_error(int error)
{
	return error == UB_NOMEM || error == UB_SOCKET || error == UB_PIPE ? PROBLEM_SYSTEM : PROBLEM_CONFIG;
}

static bool accepted(int error, const char *key, const char *value, struct problem *problem)
{
	if (error != UB_NOERROR)
		report_problem(problem, kind_of_error(error), "%s = \"%.200s\": libunbound says: %s", key, value, ub_strerror(error));
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
static uint32_t count_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur / 8 < FEWEST_PORTS)
		return FEWEST_PORTS;
	return limit.rlim_cur / 8 > MOST_PORTS ? MOST_PORTS : (uint32_t)limit.rlim_cur / 8;
}

/* Each takes time to make, and those other than the first role's are asked seldom. */
static uint32_t count_ports(enum role role)
{
	uint32_t ports = role == ROLE_UDP ? count_descriptors() : count_descriptors() / 16;
	return ports < FEWEST_PORTS ? FEWEST_PORTS : ports;
}

/* The last one given, as libunbound takes it; NULL: none. */
static const char *find_option(const struct settings *settings, const char *name)
{
	const char *value = NULL;
	for (size_t i = 0; i < settings->options.count; i++)
		if (strcmp(settings->options.items[i].name, name) == 0)
			value = settings->options.items[i].value;
	return value;
}

static bool is_over_tcp(const struct settings *settings, const struct upstream_config *config, enum role role)
{
	const char *given = find_option(settings, "tcp-upstream:");
	return config->use_vc || config->lost_udp == LOST_ALL || role == ROLE_TCP || role == ROLE_PROBE_TCP
		|| (given != NULL && strcmp(given, "yes") == 0);
}

/* Enough for what one domain is asked for at once. libunbound keeps 64 KB for each, in every context, and a forwarder may have a process for each. */
static uint32_t count_connections(const struct settings *settings)
{
	const char *given = find_option(settings, "outgoing-num-tcp:");
	uint32_t most = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : CONNECTIONS;
	return most < count_descriptors() ? most : count_descriptors();
}

/* Over TLS many share a connection. Over TCP each has its own, and where none is left libunbound ends that of another: half of them, for some wait
 * for their server to end them. */
uint32_t most_questions(const struct settings *settings, const struct upstream_config *config, enum role role)
{
	uint32_t connections = count_connections(settings);
	if (is_over_tcp(settings, config, role) && !settings->tls)
		return connections > 3 ? connections / 2 : 1;
	return role == ROLE_PROBE_UDP ? count_ports(role) : count_descriptors();
}

/* Answers are in our own cache, as long as their TTL says: libunbound's only have to hold what those under way need, which is less than a megabyte
 * with all the plans that begin side by side. */
static void set_sizes(struct ub_ctx *ub, const struct settings *settings, enum role role)
{
	set_our_number(ub, "rrset-cache-size:", CACHE);
	set_our_number(ub, "msg-cache-size:", CACHE);
	set_our_number(ub, "key-cache-size:", CACHE);
	set_our_number(ub, "neg-cache-size:", CACHE / 4);
	set_our_number(ub, "outgoing-range:", count_ports(role));
	set_our_number(ub, "num-queries-per-thread:", count_descriptors());
	set_our_number(ub, "cache-max-ttl:", settings->max_ttl > 0 ? settings->max_ttl : 1); /* nothing can be resolved with 0 */
}

/* Not every server goes on after its first answer over TCP: what libunbound has asked it meanwhile is lost, and looks like a zone without keys. */
static void set_connections(struct ub_ctx *ub, const struct settings *settings)
{
	set_our_number(ub, "outgoing-num-tcp:", count_connections(settings));
	if (!settings->tls)
		set_our_option(ub, "max-reuse-tcp-queries:", "1");
}

static void set_role(struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, enum role role)
{
	if (config->lost_udp == LOST_LARGE)
		set_our_option(ub, "edns-buffer-size:", "512"); /* larger ones are truncated then, and come over TCP */
	if (is_over_tcp(settings, config, role))
		set_our_option(ub, "tcp-upstream:", "yes");
	if (role == ROLE_PROBE_UDP || role == ROLE_PROBE_TCP)
		set_our_option(ub, "val-permissive-mode:", "yes");
}

static bool set_servers(struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, struct problem *problem)
{
	for (size_t i = 0; i < config->servers.count && !settings->tls; i++)
		if (!accepted(ub_ctx_set_fwd(ub, config->servers.items[i]), "forward", config->servers.items[i], problem))
			return false;
	for (size_t i = 0; i < config->roothints.count; i++) /* as a stub that is primed, which is what libunbound makes of a file of hints */
		if (!accepted(ub_ctx_set_stub(ub, ".", config->roothints.items[i], 1), "roothints", config->roothints.items[i], problem))
			return false;
	return set_zones(ub, settings, config, problem);
}

static bool set_tls(struct ub_ctx *ub, const struct settings *settings, struct problem *problem)
{
	if (!needs_tls(settings))
		return true;
	if (settings->tls_ca == NULL)
		set_our_option(ub, "tls-system-cert:", "yes");
	return settings->tls_ca == NULL || accepted(ub_ctx_set_option(ub, "tls-cert-bundle:", settings->tls_ca), "tls_ca", settings->tls_ca, problem);
}

/* One in an insecure zone would make what is below it secure again. */
static bool is_void_anchor(const struct settings *settings, const char *line)
{
	char zone[NAME_TEXT_SIZE];
	size_t size;
	return canonical_name(line, strcspn(line, " "), zone, &size) == NAME_OK && is_insecure_by_setting(settings, zone);
}

static bool set_anchors(
	struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, enum role role, struct problem *problem)
{
	if (role == ROLE_BARE_UDP || (settings->dnssec == POLICY_OFF && (role == ROLE_UDP || role == ROLE_TCP)))
		return true;
	for (size_t i = 0; i < config->anchors.count; i++)
		if (!is_void_anchor(settings, config->anchors.items[i])
			&& !accepted(ub_ctx_add_ta(ub, config->anchors.items[i]), "trusted", config->anchors.items[i], problem))
			return false;
	return true;
}

/* Not for a probe, which gives what fails validation anyway: as long as libunbound has something to validate, it tells a server not to. */
static bool set_insecure(struct ub_ctx *ub, const struct settings *settings, enum role role, struct problem *problem)
{
	if (role == ROLE_PROBE_UDP || role == ROLE_PROBE_TCP)
		return true;
	for (size_t i = 0; i < settings->insecure.count; i++)
		if (!accepted(ub_ctx_set_option(ub, "domain-insecure:", settings->insecure.items[i]), "insecure", settings->insecure.items[i], problem))
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
	set_connections(ub, settings);
	set_role(ub, settings, config, role);
	return set_servers(ub, settings, config, problem) && set_tls(ub, settings, problem) && set_anchors(ub, settings, config, role, problem)
		&& set_insecure(ub, settings, role, problem) && set_raw_options(ub, settings, problem);
}

/* Under the lock. Not configured. NULL with a message. */
static struct ub_ctx *open_library(struct event_loop *loop, const struct settings *settings, struct problem *problem)
{
	if (needs_tls(settings) && !has_tls()) {
		report_problem(problem, PROBLEM_CONFIG, "%s: this libunbound (%s) is built without OpenSSL and has no DNS over TLS",
			settings->tls ? "tls = true" : "forward_zones with a #tls-name", ub_version());
		return NULL;
	}
	struct ub_ctx *ub = create_library(loop);
	if (ub == NULL)
		report_problem(problem, PROBLEM_SYSTEM, "out of memory or descriptors: libunbound cannot make a context");
	return ub;
}

/* Under the lock. Whether libunbound is ready for questions with the first so many of the options. */
static bool starts_with_options(const struct settings *settings, const struct upstream_config *config, enum role role, size_t count)
{
	struct problem problem;
	struct listener listener;
	struct settings fewer = *settings;
	fewer.options.count = count;
	struct ub_ctx *ub = create_library(NULL);
	if (ub == NULL)
		return false;
	start_listening(&listener); /* nobody is to hear it once more */
	bool starts = configure(ub, &fewer, config, role, &problem) && prepare_library(ub, NULL) == UB_NOERROR;
	(void)stop_listening(&listener);
	free(listener.text);
	delete_library(ub);
	return starts;
}

/* Under the lock. The first option with which libunbound does not start any more; NULL: without any it does not either. */
static const struct named_text *find_refused_option(const struct settings *settings, const struct upstream_config *config, enum role role)
{
	size_t count = settings->options.count;
	if (count == 0 || !starts_with_options(settings, config, role, 0))
		return NULL;
	for (size_t i = 1; i < count; i++)
		if (!starts_with_options(settings, config, role, i))
			return &settings->options.items[i - 1];
	return &settings->options.items[count - 1];
}

static bool report_start(
	int error, const struct named_text *option, const struct upstream_config *config, const struct listener *listener, struct problem *problem)
{
	const char *why = error == UB_NOERROR ? "unusable trust anchor" : ub_strerror(error);
	enum problem_kind kind = error == UB_NOERROR ? PROBLEM_CONFIG : kind_of_error(error);
	if (option != NULL)
		report_problem(problem, kind, "options[\"%s\"] = \"%.100s\": libunbound cannot start with it: %s", option->name, option->value, why);
	else
		report_problem(problem, kind, "libunbound cannot start with these settings (trust anchors: %s): %s",
			config->anchor_source == NULL ? "none" : config->anchor_source, why);
	append_log(listener, problem);
	return false;
}

/* Under the lock. libunbound reads anchors, hints and options with its first question; error is how that went. Whether it can be used. */
static bool judge_start(int error, const struct settings *settings, const struct upstream_config *config, enum role role,
	const struct listener *listener, struct problem *problem)
{
	/* an anchor of an algorithm that libunbound lacks is dropped with a warning, and everything below it is then unsigned */
	bool ignored = listener->text != NULL && strstr(listener->text, "anchor is ignored") != NULL;
	if (error == UB_NOERROR && !ignored)
		return true;
	const struct named_text *option =
		error == UB_NOERROR || kind_of_error(error) == PROBLEM_SYSTEM ? NULL : find_refused_option(settings, config, role);
	return report_start(ignored ? UB_NOERROR : error, option, config, listener, problem);
}

/* Under the lock. What it logs goes into the problem: its error codes alone say too little. */
static bool start_library(struct ub_ctx *ub, struct event_loop *loop, const struct settings *settings, const struct upstream_config *config,
	enum role role, struct problem *problem)
{
	struct listener listener;
	start_listening(&listener);
	bool is_configured = configure(ub, settings, config, role, problem);
	int error = is_configured ? prepare_library(ub, loop) : UB_NOERROR;
	bool has_heard_all = stop_listening(&listener); /* else it might have ignored an anchor */
	bool starts = is_configured && judge_start(error, settings, config, role, &listener, problem) && (has_heard_all || report_memory(problem));
	free(listener.text);
	return starts;
}

/* Not under the lock: a long file takes a second, and of each context the lines are its own. All in one zone that lets other names through: a zone
 * for each name takes more memory, and long to end. */
static bool add_hosts(struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, struct problem *problem)
{
	if (config->hosts.count > 0 && find_option(settings, "local-zone:") == NULL)
		(void)ub_ctx_zone_add(ub, ".", "transparent");
	for (size_t i = 0; i < config->hosts.count; i++)
		if (!accepted(ub_ctx_data_add(ub, config->hosts.items[i]), "hosts line", config->hosts.items[i], problem))
			return false;
	return true;
}

static void keep_log_options(const struct settings *settings)
{
	const char *level = find_option(settings, "verbosity:"), *path = find_option(settings, "logfile:"),
			   *syslog = find_option(settings, "use-syslog:");
	bool to_syslog = syslog != NULL && strcmp(syslog, "yes") == 0;
	set_verbosity(level != NULL ? (int)strtol(level, NULL, 10) : 0); /* libunbound has accepted it */
	send_log(to_syslog || path == NULL || path[0] == '\0' ? NULL : path, to_syslog);
}

void end_library(struct ub_ctx *ub, bool patient)
{
	struct library_hold hold;
	if (ub == NULL)
		return;
	lock_library(&hold, patient);
	delete_library(ub);
	unlock_library(&hold);
}

struct ub_ctx *set_up_library(struct event_loop *loop, bool patient, const struct settings *settings, const struct upstream_config *config,
	enum role role, struct problem *problem)
{
	struct library_hold hold;
	lock_library(&hold, patient);
	struct ub_ctx *ub = open_library(loop, settings, problem);
	bool starts = ub != NULL && start_library(ub, loop, settings, config, role, problem);
	if (starts && loop != NULL)
		keep_log_options(settings);
	unlock_library(&hold);
	if (starts && add_hosts(ub, settings, config, problem))
		return ub;
	end_library(ub, patient);
	return NULL;
}

bool try_context(const struct settings *settings, const struct upstream_config *config, struct problem *problem)
{
	/* the probe always has the anchors, and what depends on the role has been checked before */
	struct ub_ctx *ub = set_up_library(NULL, false, settings, config, ROLE_PROBE_UDP, problem);
	end_library(ub, false);
	return ub != NULL;
}

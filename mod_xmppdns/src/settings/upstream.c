/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Puts together what the settings mean on this machine. */
#include "upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "anchors.h"
#include "raw_option.h"
#include "system_files.h"

double timeout_in_use(const struct settings *settings, const struct upstream_config *config)
{
	if (settings->timeout > 0)
		return settings->timeout;
	return config != NULL && config->timeout > 0 ? config->timeout : DEFAULT_TIMEOUT;
}

bool may_lose_udp(const struct settings *settings, const struct upstream_config *config)
{
	if (find_named_text(&settings->options, "edns-buffer-size:") != NULL || find_named_text(&settings->options, "tcp-upstream:") != NULL)
		return false;
	return !config->recursive && !settings->tls && !config->use_vc && config->lost_udp != LOST_ALL;
}

bool validates_all(const struct settings *settings, const struct upstream_config *config)
{
	for (size_t i = 0; i < settings->options.count; i++)
		if (skips_validation(settings->options.items[i].name, settings->options.items[i].value))
			return false;
	for (size_t i = 0; i < config->anchors.count; i++)
		if (strncmp(config->anchors.items[i], ". ", 2) == 0)
			return settings->dnssec != POLICY_OFF;
	return false;
}

const char *resolvconf_path(const struct settings *settings)
{
	return settings->resolvconf != NULL ? settings->resolvconf : "/etc/resolv.conf";
}

struct file_mark mark_resolvconf(const struct settings *settings)
{
	return mark_file(settings->use_resolvconf ? resolvconf_path(settings) : NULL);
}

/* False with a message where there is no server in the file. */
static bool read_resolvconf(struct upstream_config *config, const char *path, struct problem *why)
{
	size_t size, before = config->servers.count;
	char *text = read_file(path, &size);
	if (text == NULL)
		return report_resolvconf(why, path);
	struct resolvconf_options options = { .timeout = 0 };
	bool parsed = parse_resolvconf(text, size, &config->servers, &options, &config->warnings);
	free(text);
	config->timeout = options.timeout;
	config->attempts = options.attempts;
	config->use_vc = options.use_vc;
	if (!parsed)
		return report_memory(why);
	return config->servers.count > before || report_problem(why, PROBLEM_CONFIG, size == 0 ? "empty" : "no usable nameserver in it");
}

static bool pass_on(const struct problem *why, struct problem *problem)
{
	*problem = *why;
	return false;
}

/* What is wrong with the file that a setting names. */
static bool refuse_file(const char *key, const char *path, const struct problem *why, struct problem *problem)
{
	if (why->kind == PROBLEM_SYSTEM)
		return pass_on(why, problem);
	return report_problem(problem, PROBLEM_CONFIG, "%s = \"%.200s\": %.200s", key, path, why->text);
}

static bool add_forwarders(struct upstream_config *config, const struct settings *settings, struct problem *problem)
{
	char complete[2 * ADDRESS_SIZE];
	for (size_t i = 0; i < settings->forward.count; i++) {
		complete_address(settings->forward.items[i], settings->tls, complete);
		if (!add_text(&config->servers, complete))
			return report_memory(problem);
	}
	return true;
}

/* why: what is wrong with resolv.conf, where it was to be read and gave no server. A shortage says nothing about the servers: asking from the root
 * instead would go around a firewall's, or a TLS forwarder's, back. */
static bool gather_servers(struct upstream_config *config, const struct settings *settings, struct problem *why, struct problem *problem)
{
	const char *path = resolvconf_path(settings);
	if (!add_forwarders(config, settings, why))
		return pass_on(why, problem);
	config->resolvconf_failed = settings->use_resolvconf && !read_resolvconf(config, path, why);
	if (config->resolvconf_failed && why->kind == PROBLEM_SYSTEM)
		return pass_on(why, problem);
	config->recursive = config->servers.count == 0;
	if (config->recursive && settings->upstream == UPSTREAM_FORWARD)
		return report_problem(problem, PROBLEM_CONFIG, "upstream = \"forward\" has no server: %s: %.200s", path, why->text);
	if (!config->resolvconf_failed)
		return true;
	return add_formatted_text(&config->warnings, "%s: %s%s", path, why->text, config->recursive ? ": asking from the root instead" : "")
		|| report_memory(problem);
}

static bool add_configured_anchors(struct text_list *anchors, const struct settings *settings, struct problem *problem)
{
	struct problem why;
	bool is_empty;
	for (size_t i = 0; i < settings->trusted.count; i++) {
		const char *line = settings->trusted.items[i];
		if (!parse_anchors(line, strlen(line), VALID_OR_MISSING_KEYS, anchors, problem))
			return false;
	}
	if (settings->trustfile == NULL || read_anchors(settings->trustfile, VALID_OR_MISSING_KEYS, anchors, &is_empty, &why))
		return true;
	return refuse_file("trustfile", settings->trustfile, &why, problem);
}

static bool gather_fixed_anchors(struct upstream_config *config, const struct settings *settings, struct text_list *sources, struct problem *problem)
{
	if (settings->trusted.count == 0 && settings->trustfile == NULL)
		return add_default_anchors(&config->anchors, sources, problem);
	return add_configured_anchors(&config->anchors, settings, problem)
		&& (add_text(sources, settings->trusted.count > 0 ? "settings" : settings->trustfile) || report_memory(problem));
}

/* Whether the keys that are followed have not been written down yet: there is no file, or none is in it. (libunbound has left empty ones behind when
 * a disk was full.) Not so where we have had them from there. */
static bool begins_to_follow(const struct settings *settings, const struct upstream_config *before, bool is_empty)
{
	return is_empty && is_in_folder(settings->autotrust) && (before == NULL || strcmp(before->anchor_source, settings->autotrust) != 0);
}

/* Such keys take the place of their zone's other anchors, which are what following begins with. */
static bool follow_anchors(struct upstream_config *config, const struct settings *settings, const struct upstream_config *before,
	struct text_list *sources, struct problem *problem)
{
	const char *path = settings->autotrust;
	struct text_list followed = { .count = 0 };
	struct problem why;
	bool is_empty;
	if (read_anchors(path, VALID_OR_MISSING_KEYS, &followed, &is_empty, &why)) {
		bool added = add_anchors_of_other_zones(&followed, &config->anchors) && add_text(sources, path);
		free_text_list(&config->anchors);
		config->anchors = followed;
		return added || report_memory(problem);
	}
	if (!begins_to_follow(settings, before, is_empty))
		return refuse_file("autotrust", path, &why, problem);
	return add_formatted_text(&config->warnings, "autotrust = \"%.200s\": %.200s: it begins with the other anchors", path, why.text)
		|| report_memory(problem);
}

/* Joins the sources. NULL without memory. */
static char *describe_sources(const struct text_list *sources)
{
	size_t size = 1;
	for (size_t i = 0; i < sources->count; i++)
		size += strlen(sources->items[i]) + 2;
	char *text = calloc(1, size);
	for (size_t i = 0; i < sources->count && text != NULL; i++) {
		strcat(text, i == 0 ? "" : ", ");
		strcat(text, sources->items[i]);
	}
	return text;
}

static bool gather_anchors(
	struct upstream_config *config, const struct settings *settings, const struct upstream_config *before, struct problem *problem)
{
	struct text_list fixed = { .count = 0 }, followed = { .count = 0 };
	bool gathered = gather_fixed_anchors(config, settings, &fixed, problem)
		&& (settings->autotrust == NULL || follow_anchors(config, settings, before, &followed, problem));
	if (gathered) {
		config->anchor_source = describe_sources(followed.count > 0 ? &followed : &fixed);
		gathered = config->anchor_source != NULL || report_memory(problem);
	}
	free_text_list(&fixed);
	free_text_list(&followed);
	return gathered;
}

/* Without hosts it goes on, with a warning. */
static bool gather_hosts(struct upstream_config *config, const struct settings *settings, struct problem *problem)
{
	const char *path = settings->hoststxt == NULL ? "/etc/hosts" : settings->hoststxt;
	size_t size;
	if (!settings->use_hoststxt)
		return true;
	char *text = read_file(path, &size);
	if (text == NULL)
		return report_file(problem, path, true);
	bool parsed = parse_hosts(text, size, &config->hosts, &config->warnings);
	free(text);
	return parsed || report_memory(problem);
}

static bool gather_roothints(struct upstream_config *config, const struct settings *settings, struct problem *problem)
{
	struct problem why;
	const char *path = settings->roothints;
	size_t size;
	char *text = path == NULL ? NULL : read_file(path, &size);
	if (path != NULL && text == NULL) {
		report_file(&why, path, false);
		return refuse_file("roothints", path, &why, problem);
	}
	bool parsed = text == NULL || has_root_stub(settings) || parse_roothints(text, size, &config->roothints);
	free(text);
	if (!parsed)
		return report_memory(problem);
	return path == NULL || has_root_stub(settings) || config->roothints.count > 0
		|| report_problem(problem, PROBLEM_CONFIG, "roothints = \"%.200s\": holds no address of a server", path);
}

/* libunbound reads it itself, and without it authenticates nobody: that it is there now is all that can be said. */
static bool check_tls_ca(struct upstream_config *config, const struct settings *settings, struct problem *problem)
{
	static const char MARK[] = "-----BEGIN ";
	struct problem why;
	const char *path = settings->tls_ca;
	size_t size;
	if (path == NULL)
		return true;
	config->marks[MARK_OF_TLS_CA] = mark_file(path);
	char *text = read_file(path, &size);
	if (text == NULL) {
		report_file(&why, path, false);
		return refuse_file("tls_ca", path, &why, problem);
	}
	bool found = memmem(text, size, MARK, sizeof(MARK) - 1) != NULL;
	free(text);
	return found || report_problem(problem, PROBLEM_CONFIG, "tls_ca = \"%.200s\": holds no certificate", path);
}

/* What stays as it was before, and why */

static bool copy_texts(struct text_list *list, const struct text_list *before)
{
	free_text_list(list);
	*list = (struct text_list){ .count = 0 };
	for (size_t i = 0; i < before->count; i++)
		if (!add_text(list, before->items[i]))
			return false;
	return true;
}

static bool keep_servers(struct upstream_config *config, const struct upstream_config *before, const char *path, const char *why)
{
	config->recursive = before->recursive;
	config->resolvconf_failed = before->resolvconf_failed;
	config->timeout = before->timeout;
	config->attempts = before->attempts;
	config->use_vc = before->use_vc;
	return copy_texts(&config->servers, &before->servers)
		&& add_formatted_text(&config->kept, "%s: no name server can be read from it, so the old ones stay in use (%s)", path, why);
}

static bool keep_anchors(struct upstream_config *config, const struct upstream_config *before, const char *why)
{
	free(config->anchor_source);
	config->anchor_source = strdup(before->anchor_source);
	return config->anchor_source != NULL && copy_texts(&config->anchors, &before->anchors)
		&& add_formatted_text(&config->kept, "%s: the trust anchors from before stay in use", why);
}

static bool is_source(const struct upstream_config *config, const char *path)
{
	return path != NULL && strcmp(config->anchor_source, path) == 0;
}

bool keep_followed(struct upstream_config *config, const struct settings *settings, const struct upstream_config *before)
{
	struct text_list followed = { .count = 0 };
	if (!is_source(before, settings->autotrust) || is_source(config, settings->autotrust))
		return true;
	bool added = true;
	for (size_t i = 0; i < before->anchors.count && added; i++)
		if (strncmp(before->anchors.items[i], ". ", 2) == 0)
			added = add_text(&followed, before->anchors.items[i]);
	added = added && add_anchors_of_other_zones(&followed, &config->anchors);
	free_text_list(&config->anchors);
	config->anchors = followed;
	free(config->anchor_source);
	config->anchor_source = strdup(settings->autotrust);
	return added && config->anchor_source != NULL
		&& add_formatted_text(
			&config->kept, "autotrust = \"%.200s\": it holds no key: the root's keys from before stay trusted", settings->autotrust);
}

static bool keep_texts(struct text_list *list, const struct text_list *before, struct upstream_config *config, const char *why)
{
	return copy_texts(list, before) && add_formatted_text(&config->kept, "%s: what was in it before stays in use", why);
}

static bool read_servers(
	struct upstream_config *config, const struct settings *settings, const struct upstream_config *before, struct problem *problem)
{
	struct problem why = { .text = "not read" };
	bool gathered = gather_servers(config, settings, &why, problem);
	if (before == NULL || (gathered && (!config->resolvconf_failed || before->resolvconf_failed)))
		return gathered;
	return keep_servers(config, before, resolvconf_path(settings), why.text) || report_memory(problem);
}

static bool read_trust(struct upstream_config *config, const struct settings *settings, const struct upstream_config *before, struct problem *problem)
{
	if (!gather_anchors(config, settings, before, problem) && (before == NULL || !keep_anchors(config, before, problem->text)))
		return false;
	return gather_roothints(config, settings, problem)
		|| (before != NULL && keep_texts(&config->roothints, &before->roothints, config, problem->text));
}

static bool read_hosts(struct upstream_config *config, const struct settings *settings, const struct upstream_config *before, struct problem *problem)
{
	if (gather_hosts(config, settings, problem))
		return true;
	if (before != NULL && before->hosts.count > 0)
		return keep_texts(&config->hosts, &before->hosts, config, problem->text) || report_memory(problem);
	return problem->kind != PROBLEM_SYSTEM
		&& (add_formatted_text(&config->warnings, "%s: no hosts are read", problem->text) || report_memory(problem));
}

struct upstream_config *refresh_upstream(const struct settings *settings, const struct upstream_config *before, struct problem *problem)
{
	struct upstream_config *config = calloc(1, sizeof(*config));
	if (config == NULL) {
		report_memory(problem);
		return NULL;
	}
	config->references = 1;
	if (read_servers(config, settings, before, problem) && read_trust(config, settings, before, problem)
		&& read_hosts(config, settings, before, problem) && check_tls_ca(config, settings, problem))
		return config;
	release_upstream(config);
	return NULL;
}

struct upstream_config *read_upstream(const struct settings *settings, struct problem *problem)
{
	return refresh_upstream(settings, NULL, problem);
}

struct upstream_config *hold_upstream(struct upstream_config *config)
{
	__atomic_add_fetch(&config->references, 1, __ATOMIC_RELAXED);
	return config;
}

void release_upstream(struct upstream_config *config)
{
	if (config == NULL || __atomic_sub_fetch(&config->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free_text_list(&config->servers);
	free_text_list(&config->hosts);
	free_text_list(&config->anchors);
	free_text_list(&config->roothints);
	free_text_list(&config->warnings);
	free_text_list(&config->kept);
	free(config->anchor_source);
	free(config);
}

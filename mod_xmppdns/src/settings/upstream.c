/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Puts together what the settings mean on this machine. */
#include "upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "anchors.h"
#include "system_files.h"

/* The address with its port written out: without a TLS name libunbound takes 53, and our forwarders over TLS listen on 853. */
static bool add_server(struct upstream_config *config, const char *address, unsigned port)
{
	const char *tls_name = strchr(address, '#');
	int size = tls_name == NULL ? (int)strlen(address) : (int)(tls_name - address);
	if (strchr(address, '@') != NULL)
		return add_text(&config->servers, address);
	return add_formatted_text(&config->servers, "%.*s@%u%s", size, address, port, tls_name == NULL ? "" : tls_name);
}

double timeout_in_use(const struct settings *settings, const struct upstream_config *config)
{
	if (settings->timeout > 0)
		return settings->timeout;
	return config != NULL && config->timeout > 0 ? config->timeout : DEFAULT_TIMEOUT;
}

const char *resolvconf_path(const struct settings *settings)
{
	return settings->resolvconf != NULL ? settings->resolvconf : "/etc/resolv.conf";
}

struct file_mark mark_resolvconf(const struct settings *settings)
{
	return mark_file(settings->use_resolvconf ? resolvconf_path(settings) : NULL);
}

/* Why there is no server from the file goes to *why; NULL when there is one. False without memory. */
static bool read_resolvconf(struct upstream_config *config, const char *path, const char **why)
{
	size_t size, before = config->servers.count;
	char *text = read_file(path, &size);
	*why = NULL;
	if (text == NULL) {
		*why = strerror(errno);
		return true;
	}
	struct resolvconf_options options = { .timeout = 0 };
	bool parsed = parse_resolvconf(text, size, &config->servers, &options, &config->warnings);
	config->timeout = options.timeout;
	config->attempts = options.attempts;
	free(text);
	if (parsed && config->servers.count == before)
		*why = "no usable nameserver in it";
	return parsed;
}

static bool read_hosts(struct upstream_config *config, const char *path)
{
	size_t size;
	char *text = read_file(path, &size);
	if (text == NULL)
		return add_formatted_text(&config->warnings, "%s: %s: no hosts are read", path, strerror(errno));
	bool parsed = parse_hosts(text, size, &config->hosts, &config->warnings);
	free(text);
	return parsed;
}

/* False with a message. */
static bool gather_servers(struct upstream_config *config, const struct settings *settings, struct problem *problem)
{
	const char *path = resolvconf_path(settings);
	const char *why = NULL;
	report_memory(problem);
	for (size_t i = 0; i < settings->forward.count; i++)
		if (!add_server(config, settings->forward.items[i], settings->tls ? 853 : 53))
			return false;
	if (settings->use_resolvconf && !read_resolvconf(config, path, &why))
		return false;
	config->resolvconf_failed = why != NULL;
	config->recursive = config->servers.count == 0;
	if (config->recursive && settings->upstream == UPSTREAM_FORWARD) {
		return report_problem(problem, PROBLEM_CONFIG, "upstream = \"forward\" has no server: %s: %s", path, why == NULL ? "not read" : why);
	}
	if (why == NULL)
		return true;
	return add_formatted_text(&config->warnings, "%s: %s%s", path, why, config->recursive ? ": asking from the root instead" : "");
}

static bool copy_path(char **target, const char *path)
{
	*target = path == NULL ? NULL : strdup(path);
	return path == NULL || *target != NULL;
}

static bool gather_default_anchors(struct upstream_config *config)
{
	const char *path = find_root_key_file();
	config->anchor_source = path != NULL ? path : "built in";
	return path != NULL ? copy_path(&config->anchor_file, path) : add_iana_anchors(&config->anchors);
}

static bool gather_anchors(struct upstream_config *config, const struct settings *settings)
{
	if (settings->trusted.count == 0 && settings->trustfile == NULL && settings->autotrust == NULL)
		return gather_default_anchors(config);
	for (size_t i = 0; i < settings->trusted.count; i++)
		if (!add_text(&config->anchors, settings->trusted.items[i]))
			return false;
	if (!copy_path(&config->anchor_file, settings->trustfile) || !copy_path(&config->autotrust_file, settings->autotrust))
		return false;
	config->anchor_source = "settings";
	if (settings->trusted.count == 0)
		config->anchor_source = config->anchor_file != NULL ? config->anchor_file : config->autotrust_file;
	return true;
}

static void mark_files(struct upstream_config *config, const struct settings *settings)
{
	config->marks[MARK_OF_ANCHORS] = mark_file(config->anchor_file);
	config->marks[MARK_OF_ROOTHINTS] = mark_file(settings->roothints);
	config->marks[MARK_OF_TLS_CA] = mark_file(settings->tls_ca);
}

struct upstream_config *read_upstream(const struct settings *settings, struct problem *problem)
{
	struct upstream_config *config = calloc(1, sizeof(*config));
	if (config == NULL) {
		report_memory(problem);
		return NULL;
	}
	config->references = 1;
	const char *hosts = settings->hoststxt == NULL ? "/etc/hosts" : settings->hoststxt;
	if (!gather_servers(config, settings, problem) || !gather_anchors(config, settings) || (settings->use_hoststxt && !read_hosts(config, hosts))) {
		release_upstream(config);
		return NULL;
	}
	mark_files(config, settings);
	return config;
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
	free_text_list(&config->warnings);
	free(config->anchor_file);
	free(config->autotrust_file);
	free(config);
}

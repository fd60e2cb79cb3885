/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Stubs go by a call of their own; for forward zones libunbound has none, only the text of its configuration file, which it gets from a descriptor. */
#include "zones.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <unbound.h>

#include "settings/address.h"

enum { PATH_SIZE = 32, LINE_SIZE = 1100 /* a name with what is beside it */ };

static bool set_stubs(struct ub_ctx *ub, const struct settings *settings, struct problem *problem)
{
	for (size_t i = 0; i < settings->stub.count; i++) {
		const struct named_text *server = &settings->stub.items[i];
		int error = ub_ctx_set_stub(ub, server->name, server->value, 0);
		if (error != UB_NOERROR)
			return report_problem(problem, error == UB_NOMEM ? PROBLEM_SYSTEM : PROBLEM_CONFIG, "stub[\"%.200s\"] = \"%.200s\": libunbound says: %s",
				server->name, server->value, ub_strerror(error));
	}
	return true;
}

/* What libunbound has built in for a name, or for one above it (RFC 6303, "test.", "home.arpa."), would answer in the place of its servers. The longest
 * name counts: the rest of such a zone stays as it is. */
static void open_zones(struct ub_ctx *ub, const struct named_text_list *servers)
{
	char line[LINE_SIZE];
	for (size_t i = 0; i < servers->count; i++) {
		if (strcmp(servers->items[i].name, ".") == 0)
			continue;
		snprintf(line, sizeof(line), "%s. transparent", servers->items[i].name);
		(void)ub_ctx_set_option(ub, "local-zone:", line);      /* a name too long for it is in no such zone */
		(void)ub_ctx_set_option(ub, "aggressive-nsec:", "no"); /* what the zones above prove is about other names than those of its own servers */
	}
}

/* The configuration's text */

static void write_zone(FILE *file, const char *zone, bool tls)
{
	fprintf(file, "forward-zone:\n\tname: \"%s\"\n\tforward-tls-upstream: %s\n", zone, tls ? "yes" : "no");
}

static void write_servers(FILE *file, const struct settings *settings, const char *zone, bool tls)
{
	char address[2 * ADDRESS_SIZE];
	for (size_t i = 0; i < settings->forward_zones.count; i++) {
		if (strcmp(settings->forward_zones.items[i].name, zone) != 0)
			continue;
		complete_address(settings->forward_zones.items[i].value, tls, address);
		fprintf(file, "\tforward-addr: \"%s\"\n", address);
	}
}

static bool is_first_of_zone(const struct named_text_list *servers, size_t place)
{
	for (size_t i = 0; i < place; i++)
		if (strcmp(servers->items[i].name, servers->items[place].name) == 0)
			return false;
	return true;
}

static void write_forward_zones(FILE *file, const struct settings *settings, const struct upstream_config *config)
{
	for (size_t i = 0; i < settings->forward_zones.count; i++) {
		const char *zone = settings->forward_zones.items[i].name;
		if (!is_first_of_zone(&settings->forward_zones, i))
			continue;
		bool tls = is_zone_over_tls(settings, zone);
		write_zone(file, zone, tls);
		write_servers(file, settings, zone, tls);
	}
	if (settings->tls) /* by a zone of theirs, for ub_ctx_set_tls would have the servers of all other zones speak TLS too */
		write_zone(file, ".", true);
	for (size_t i = 0; i < config->servers.count && settings->tls; i++)
		fprintf(file, "\tforward-addr: \"%s\"\n", config->servers.items[i]);
}

static bool report_error(struct problem *problem)
{
	return report_problem(
		problem, kind_of_errno(errno), "forward_zones: their configuration cannot be handed to libunbound (by /proc/self/fd): %s", strerror(errno));
}

/* Takes file, whose descriptor has the path. */
static bool hand_over(struct ub_ctx *ub, FILE *file, const char *path, struct problem *problem)
{
	bool is_there = fflush(file) == 0 && !ferror(file) && access(path, R_OK) == 0;
	if (!is_there)
		report_error(problem);
	int error = is_there ? ub_ctx_config(ub, path) : UB_NOERROR;
	if (error != UB_NOERROR)
		report_problem(
			problem, PROBLEM_SYSTEM, "forward_zones: libunbound says: %s", ub_strerror(error)); /* the text is right: memory, or descriptors */
	fclose(file);
	return is_there && error == UB_NOERROR;
}

static bool set_forward_zones(struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, struct problem *problem)
{
	char path[PATH_SIZE];
	if (settings->forward_zones.count == 0 && !settings->tls)
		return true;
	int fd = memfd_create("xmppdns", MFD_CLOEXEC);
	FILE *file = fd != -1 ? fdopen(fd, "w") : NULL;
	if (file == NULL) {
		report_error(problem);
		if (fd != -1)
			close(fd);
		return false;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	write_forward_zones(file, settings, config);
	return hand_over(ub, file, path, problem);
}

bool set_zones(struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, struct problem *problem)
{
	open_zones(ub, &settings->stub);
	open_zones(ub, &settings->forward_zones);
	return set_stubs(ub, settings, problem) && set_forward_zones(ub, settings, config, problem);
}

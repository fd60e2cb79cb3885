/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What each setting accepts, its default, and what settings mean together. */
#include "settings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "anchors.h"
#include "raw_option.h"
#include "system_files.h"
#include "base/spelling.h"
#include "dns/name.h"

/* Every default that is not false, empty or none. resolvconf's depends on other keys: fill_resolvconf. */
static const struct settings DEFAULTS = {
	.references = 1,
	.upstream = UPSTREAM_AUTO,
	.dnssec = POLICY_OPPORTUNISTIC,
	.dane = POLICY_OPPORTUNISTIC,
	.attempts = 0,
	.timeout = 0,
	.plan_timeout = 30,
	.reconfigure_interval = 10,
	.cache_size = 64 * 1024 * 1024,
	.min_ttl = 0,
	.max_ttl = 86400,
	.stale_ttl = 86400,
	.max_lookups = 1000,
	.max_endpoints = 32,
	.max_answer_size = UINT16_MAX, /* DNS has no larger ones */
	.threads = 1,
};

static const char *const POLICY_NAMES[] = { "off", "opportunistic", "required", NULL };
static const char *const UPSTREAM_NAMES[] = { "auto", "forward", "recursive", NULL };

enum { SHOWN_SIZE = 128 /* what a message shows of a value, with NUL */ };

struct setting;
typedef bool (*set_function)(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem);

struct setting {
	const char *key;
	set_function set;
	size_t offset; /* of the field in struct settings */
	double least, most;
	const char *const *choices;
	const char *of_root; /* what is expected where the zone is the root */
};

const char *policy_name(enum policy policy)
{
	return POLICY_NAMES[policy];
}

const char *upstream_name(enum upstream upstream)
{
	return UPSTREAM_NAMES[upstream];
}

struct settings *create_settings(void)
{
	struct settings *settings = malloc(sizeof(*settings));
	if (settings != NULL)
		*settings = DEFAULTS;
	return settings;
}

struct settings *hold_settings(struct settings *settings)
{
	__atomic_add_fetch(&settings->references, 1, __ATOMIC_RELAXED);
	return settings;
}

void release_settings(struct settings *settings)
{
	if (settings == NULL || __atomic_sub_fetch(&settings->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free(settings->resolvconf);
	free(settings->hoststxt);
	free_text_list(&settings->forward);
	free_named_text_list(&settings->stub);
	free_named_text_list(&settings->forward_zones);
	free(settings->roothints);
	free(settings->tls_ca);
	free_text_list(&settings->trusted);
	free_text_list(&settings->insecure);
	free(settings->trustfile);
	free(settings->autotrust);
	free(settings->cache_file);
	free_named_text_list(&settings->options);
	free(settings);
}

/* As much of the text as a message has room for, on one line. */
static const char *show(const char *text, char shown[SHOWN_SIZE])
{
	size_t size = strnlen(text, SHOWN_SIZE - 1);
	for (size_t i = 0; i < size; i++)
		shown[i] = (unsigned char)text[i] < ' ' || text[i] == 127 ? '?' : text[i];
	shown[size] = '\0';
	return shown;
}

/* The beginning of a message: key, name if it has one, value, expectation. */
static bool refuse(const struct setting *setting, const char *name, const struct setting_value *value, const char *expected, struct problem *problem)
{
	char text[SHOWN_SIZE], place[SHOWN_SIZE + 64], shown[SHOWN_SIZE + 16];
	if (name == NULL)
		snprintf(place, sizeof(place), "%s", setting->key);
	else
		snprintf(place, sizeof(place), "%s[\"%s\"]", setting->key, show(name, text));
	if (value->kind == SETTING_TEXT)
		snprintf(shown, sizeof(shown), "\"%s\"", show(value->text, text));
	else if (value->kind == SETTING_NUMBER)
		snprintf(shown, sizeof(shown), "%.14g", isnan(value->number) ? NAN : value->number); /* a NaN's sign says nothing */
	else if (value->kind == SETTING_OTHER)
		snprintf(shown, sizeof(shown), "a %s", show(value->text, text));
	else
		snprintf(shown, sizeof(shown), "%s", value->flag ? "true" : "false");
	return report_problem(problem, PROBLEM_CONFIG, "%s = %s: expected %s", place, shown, expected);
}

static void *field(const struct setting *setting, struct settings *settings)
{
	return (char *)settings + setting->offset;
}

static bool set_choice(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	char expected[128] = "one of";
	for (int i = 0; setting->choices[i] != NULL; i++) {
		if (value->kind == SETTING_TEXT && strcmp(value->text, setting->choices[i]) == 0) {
			*(int *)field(setting, settings) = i; /* the enums have no negative value and the size of an int */
			return true;
		}
		size_t used = strlen(expected);
		snprintf(expected + used, sizeof(expected) - used, " \"%s\"", setting->choices[i]);
	}
	return refuse(setting, name, value, expected, problem);
}

static bool set_number(
	const struct setting *setting, const char *name, const struct setting_value *value, bool whole, double *number, struct problem *problem)
{
	/* written so that a NaN fails */
	if (value->kind == SETTING_NUMBER && value->number >= setting->least && value->number <= setting->most
		&& (!whole || floor(value->number) == value->number)) {
		*number = value->number;
		return true;
	}
	char expected[128];
	snprintf(expected, sizeof(expected), "a %snumber from %.14g to %.14g", whole ? "whole " : "", setting->least, setting->most);
	return refuse(setting, name, value, expected, problem);
}

static bool set_seconds(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	return set_number(setting, name, value, false, field(setting, settings), problem);
}

static bool set_count(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	double number = 0;
	if (!set_number(setting, name, value, true, &number, problem))
		return false;
	*(uint32_t *)field(setting, settings) = (uint32_t)number;
	return true;
}

static bool set_bytes(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	double number = 0;
	if (!set_number(setting, name, value, true, &number, problem))
		return false;
	*(size_t *)field(setting, settings) = (size_t)number;
	return true;
}

static bool set_flag(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	if (value->kind != SETTING_FLAG)
		return refuse(setting, name, value, "true or false", problem);
	*(bool *)field(setting, settings) = value->flag;
	return true;
}

static bool ignore(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	(void)settings;
	return value->kind == SETTING_FLAG || refuse(setting, name, value, "true or false", problem);
}

/* text is copied into *target, in place of what was there; NULL clears it. */
static bool replace_text(char **target, const char *text, struct problem *problem)
{
	char *copy = text == NULL ? NULL : strdup(text);
	if (copy == NULL && text != NULL)
		return report_memory(problem);
	free(*target);
	*target = copy;
	return true;
}

static bool set_path(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	if (value->kind != SETTING_TEXT || value->text[0] == '\0')
		return refuse(setting, name, value, "a file's path", problem);
	return replace_text(field(setting, settings), value->text, problem);
}

/* true, a path, or false. */
static bool set_system_file(
	const struct setting *setting, const char *name, const struct setting_value *value, bool *use, char **path, struct problem *problem)
{
	bool path_given = value->kind == SETTING_TEXT && value->text[0] != '\0';
	if (!path_given && value->kind != SETTING_FLAG)
		return refuse(setting, name, value, "true, false or a file's path", problem);
	if (!replace_text(path, path_given ? value->text : NULL, problem))
		return false;
	*use = path_given || value->flag;
	return true;
}

static bool set_resolvconf(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	if (!set_system_file(setting, name, value, &settings->use_resolvconf, &settings->resolvconf, problem))
		return false;
	settings->resolvconf_given = true;
	return true;
}

static bool set_hoststxt(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	return set_system_file(setting, name, value, &settings->use_hoststxt, &settings->hoststxt, problem);
}

static bool add_forward(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	if (value->kind != SETTING_TEXT || !is_server_address(value->text, true))
		return refuse(setting, name, value, "an IP address, \"addr[@port][#tls-name]\", or a list of them", problem);
	return add_text(&settings->forward, value->text) || report_memory(problem);
}

static bool add_stub(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	char zone[NAME_TEXT_SIZE];
	size_t size;
	if (name == NULL)
		return refuse(setting, name, value, "a table from zones to addresses", problem);
	if (canonical_name(name, strlen(name), zone, &size) != NAME_OK)
		return refuse(setting, name, value, "a zone's name as its key", problem);
	if (value->kind != SETTING_TEXT || !is_server_address(value->text, false))
		return refuse(setting, name, value, "an IP address, \"addr[@port]\", or a list of them", problem);
	return add_named_text(&settings->stub, zone, value->text) || report_memory(problem);
}

static bool add_trusted(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	struct text_list anchors = { .count = 0 };
	struct problem reason = { .kind = PROBLEM_CONFIG };
	bool usable = value->kind == SETTING_TEXT && strchr(value->text, '\n') == NULL
		&& parse_anchors(value->text, strlen(value->text), VALID_OR_MISSING_KEYS, &anchors, &reason) && anchors.count == 1;
	free_text_list(&anchors);
	if (reason.kind == PROBLEM_SYSTEM)
		return report_memory(problem);
	if (!usable)
		return refuse(setting, name, value, "a DS or DNSKEY record on one line, or a list of them", problem);
	return add_text(&settings->trusted, value->text) || report_memory(problem);
}

/* By what is seen of a zone's name that is none; wrong: what name_to_ascii says of it. NULL: nothing is. */
static const char *expected_of_zone(const struct setting *setting, const char *text, enum name_problem wrong)
{
	if (strchr(text, '*') != NULL)
		return "no wildcard: what is below the zone is meant too";
	if (strpbrk(text, " ,;\t\n") != NULL)
		return "one zone's name in each text: { \"lan\", \"corp.example\" }";
	if (strcmp(text, ".") == 0)
		return setting->of_root;
	return wrong != NAME_OK ? "a zone's name, such as \"corp.example\"" : NULL;
}

/* The zone's name, below the root, as people write it, to its canonical text. */
static bool read_zone(const struct setting *setting, const char *name, const struct setting_value *value, const char *text, char zone[NAME_TEXT_SIZE],
	struct problem *problem)
{
	size_t size;
	enum name_problem wrong = name_to_ascii(text, strlen(text), zone, &size);
	if (wrong == NAME_MEMORY)
		return report_memory(problem);
	const char *expected = expected_of_zone(setting, text, wrong);
	return expected == NULL || refuse(setting, name, value, expected, problem);
}

static bool add_insecure(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	char zone[NAME_TEXT_SIZE];
	if (value->kind != SETTING_TEXT)
		return refuse(setting, name, value, "a zone's name, or a list of them", problem);
	if (!read_zone(setting, name, value, value->text, zone, problem))
		return false;
	return has_text(&settings->insecure, zone) || add_text(&settings->insecure, zone) || report_memory(problem);
}

static bool add_forward_zone(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	char zone[NAME_TEXT_SIZE];
	if (name == NULL)
		return refuse(setting, name, value, "a table from zones to addresses", problem);
	if (!read_zone(setting, name, value, name, zone, problem))
		return false;
	if (value->kind != SETTING_TEXT || !is_server_address(value->text, true))
		return refuse(setting, name, value, "an IP address, \"addr[@port][#tls-name]\", or a list of them", problem);
	return add_named_text(&settings->forward_zones, zone, value->text) || report_memory(problem);
}

static bool add_option(
	const struct setting *setting, struct settings *settings, const char *name, const struct setting_value *value, struct problem *problem)
{
	char option[OPTION_NAME_SIZE], number[32];
	if (name == NULL)
		return refuse(setting, name, value, "a table from libunbound's option names to values", problem);
	if (!read_option_name(name, option))
		return refuse(setting, name, value, "the name of one of libunbound's options as its key", problem);
	if (value->kind == SETTING_OTHER)
		return refuse(setting, name, value, "text, a number, true or false", problem);
	if (value->kind == SETTING_NUMBER && (!isfinite(value->number) || fabs(value->number) > 1e15))
		return refuse(setting, name, value, "a finite number", problem);
	snprintf(number, sizeof(number), "%.15g", value->number);
	const char *flag = value->flag ? "yes" : "no";
	const char *text = value->kind == SETTING_TEXT ? value->text : value->kind == SETTING_NUMBER ? number : flag;
	const char *expected = expected_by_option(option, text);
	if (expected != NULL)
		return refuse(setting, name, value, expected, problem);
	return add_named_text(&settings->options, option, text) || report_memory(problem);
}

#define AT(member) offsetof(struct settings, member)

static const struct setting SETTINGS[] = {
	{ .key = "async", .set = ignore },
	{ .key = "attempts", .set = set_count, .offset = AT(attempts), .least = 1, .most = 10 },
	{ .key = "autotrust", .set = set_path, .offset = AT(autotrust) },
	{ .key = "cache_file", .set = set_path, .offset = AT(cache_file) },
	{ .key = "cache_size", .set = set_bytes, .offset = AT(cache_size), .least = 0, .most = 1024.0 * 1024 * 1024 },
	{ .key = "dane", .set = set_choice, .offset = AT(dane), .choices = POLICY_NAMES },
	{ .key = "dnssec", .set = set_choice, .offset = AT(dnssec), .choices = POLICY_NAMES },
	{ .key = "forward", .set = add_forward },
	{ .key = "forward_zones", .set = add_forward_zone, .of_root = "a zone below the root: the setting forward is for all names" },
	{ .key = "hoststxt", .set = set_hoststxt },
	{ .key = "insecure", .set = add_insecure, .of_root = "a zone below the root: dnssec = \"off\" switches all validation off" },
	{ .key = "max_answer_size", .set = set_count, .offset = AT(max_answer_size), .least = 512, .most = UINT16_MAX },
	{ .key = "max_endpoints", .set = set_count, .offset = AT(max_endpoints), .least = 1, .most = 1000 },
	{ .key = "max_lookups", .set = set_count, .offset = AT(max_lookups), .least = 1, .most = 100000 },
	{ .key = "max_ttl", .set = set_count, .offset = AT(max_ttl), .least = 0, .most = 604800 },
	{ .key = "min_ttl", .set = set_count, .offset = AT(min_ttl), .least = 0, .most = 86400 },
	{ .key = "options", .set = add_option },
	{ .key = "plan_timeout", .set = set_seconds, .offset = AT(plan_timeout), .least = 0.001, .most = 3600 },
	{ .key = "reconfigure_interval", .set = set_seconds, .offset = AT(reconfigure_interval), .least = 0, .most = 86400 },
	{ .key = "resolvconf", .set = set_resolvconf },
	{ .key = "roothints", .set = set_path, .offset = AT(roothints) },
	{ .key = "stale_ttl", .set = set_count, .offset = AT(stale_ttl), .least = 0, .most = 604800 },
	{ .key = "stub", .set = add_stub },
	{ .key = "threads", .set = set_count, .offset = AT(threads), .least = 1, .most = 64 },
	{ .key = "timeout", .set = set_seconds, .offset = AT(timeout), .least = 0.001, .most = 300 },
	{ .key = "tls", .set = set_flag, .offset = AT(tls) },
	{ .key = "tls_ca", .set = set_path, .offset = AT(tls_ca) },
	{ .key = "trusted", .set = add_trusted },
	{ .key = "trustfile", .set = set_path, .offset = AT(trustfile) },
	{ .key = "upstream", .set = set_choice, .offset = AT(upstream), .choices = UPSTREAM_NAMES },
};

enum { SETTING_COUNT = sizeof(SETTINGS) / sizeof(SETTINGS[0]) };

static const char *closest_key(const char *key)
{
	const char *closest = NULL;
	unsigned distance = 3; /* further away is no typing error */
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		unsigned candidate = edit_distance(SETTINGS[i].key, key);
		if (candidate < distance) {
			distance = candidate;
			closest = SETTINGS[i].key;
		}
	}
	return closest;
}

bool set_setting(struct settings *settings, const char *key, const char *name, const struct setting_value *value, struct problem *problem)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(key, SETTINGS[i].key) == 0)
			return SETTINGS[i].set(&SETTINGS[i], settings, name, value, problem);
	char shown[SHOWN_SIZE];
	const char *closest = closest_key(key);
	if (closest != NULL)
		return report_problem(problem, PROBLEM_CONFIG, "unknown setting \"%s\": did you mean \"%s\"?", key, closest);
	return report_problem(problem, PROBLEM_CONFIG, "unknown setting \"%s\"", show(key, shown));
}

bool is_insecure_by_setting(const struct settings *settings, const char *qname)
{
	for (size_t i = 0; i < settings->insecure.count; i++)
		if (is_in_zone(qname, settings->insecure.items[i]))
			return true;
	return false;
}

bool is_zone_over_tls(const struct settings *settings, const char *zone)
{
	const char *server = find_named_text(&settings->forward_zones, zone);
	return server != NULL && strchr(server, '#') != NULL; /* like its others: check_zones */
}

bool needs_tls(const struct settings *settings)
{
	for (size_t i = 0; i < settings->forward_zones.count; i++)
		if (is_zone_over_tls(settings, settings->forward_zones.items[i].name))
			return true;
	return settings->tls;
}

bool has_root_stub(const struct settings *settings)
{
	return find_named_text(&settings->stub, ".") != NULL;
}

/* The system's servers are used unless the settings say where else answers come from. */
static void fill_resolvconf(struct settings *settings)
{
	if (!settings->resolvconf_given)
		settings->use_resolvconf =
			settings->forward.count == 0 && settings->roothints == NULL && settings->upstream != UPSTREAM_RECURSIVE && !has_root_stub(settings);
}

static bool check_upstream(const struct settings *settings, struct problem *problem)
{
	bool forwards = settings->forward.count > 0 || settings->use_resolvconf;
	if (settings->upstream == UPSTREAM_RECURSIVE && forwards) {
		return report_problem(problem, PROBLEM_CONFIG, "upstream = \"recursive\" goes with neither forward nor resolvconf");
	}
	if (settings->upstream == UPSTREAM_FORWARD && !forwards) {
		return report_problem(problem, PROBLEM_CONFIG, "upstream = \"forward\" needs forward or resolvconf");
	}
	if (settings->min_ttl > settings->max_ttl) {
		return report_problem(
			problem, PROBLEM_CONFIG, "min_ttl = %u: expected at most max_ttl, which is %u", (unsigned)settings->min_ttl, (unsigned)settings->max_ttl);
	}
	return true;
}

static bool check_tls(const struct settings *settings, struct problem *problem)
{
	for (size_t i = 0; i < settings->forward.count && !settings->tls; i++)
		if (strchr(settings->forward.items[i], '#') != NULL) {
			return report_problem(problem, PROBLEM_CONFIG, "forward = \"%.200s\": a TLS name needs tls = true", settings->forward.items[i]);
		}
	if (settings->tls_ca != NULL && !needs_tls(settings)) {
		return report_problem(problem, PROBLEM_CONFIG, "tls_ca = \"%.200s\": needs tls = true", settings->tls_ca);
	}
	if (settings->tls && (settings->forward.count == 0 || settings->use_resolvconf)) {
		return report_problem(problem, PROBLEM_CONFIG, "tls = true: needs forward, and no resolvconf: only named servers are asked over TLS");
	}
	return true;
}

static bool check_zones(const struct settings *settings, struct problem *problem)
{
	for (size_t i = 0; i < settings->forward_zones.count; i++) {
		const struct named_text *server = &settings->forward_zones.items[i];
		if (find_named_text(&settings->stub, server->name) != NULL)
			return report_problem(problem, PROBLEM_CONFIG, "forward_zones[\"%s\"]: stub has that zone too", server->name);
		if ((strchr(server->value, '#') != NULL) != is_zone_over_tls(settings, server->name))
			return report_problem(
				problem, PROBLEM_CONFIG, "forward_zones[\"%s\"]: either all of its servers have a #tls-name, or none", server->name);
	}
	return true;
}

static bool check_policies(const struct settings *settings, struct problem *problem)
{
	if (settings->dane == POLICY_REQUIRED && settings->dnssec == POLICY_OFF) {
		return report_problem(problem, PROBLEM_CONFIG, "dane = \"required\" does not go with dnssec = \"off\"");
	}
	if (settings->dnssec != POLICY_REQUIRED && settings->dane != POLICY_REQUIRED)
		return true;
	const char *key = settings->dnssec == POLICY_REQUIRED ? "dnssec" : "dane";
	for (size_t i = 0; i < settings->options.count; i++) {
		const struct named_text *option = &settings->options.items[i];
		if (drops_validation(option->name, option->value)) {
			return report_problem(problem, PROBLEM_CONFIG, "options[\"%s\"] = \"%.100s\" switches validation off, and %s is \"required\"",
				option->name, option->value, key);
		}
	}
	return true;
}

static bool check_readable(const char *key, const char *path, struct problem *problem)
{
	if (path == NULL || access(path, R_OK) == 0)
		return true;
	return report_problem(problem, kind_of_errno(errno), "%s = \"%.200s\": %s", key, path, strerror(errno));
}

static bool check_resolvconf(const char *path, struct problem *problem)
{
	struct problem why;
	if (path == NULL || access(path, R_OK) == 0 || report_resolvconf(&why, path))
		return true;
	return report_problem(problem, why.kind, "resolvconf = \"%.200s\": %.200s", path, why.text);
}

static bool check_files(const struct settings *settings, struct problem *problem)
{
	return check_resolvconf(settings->resolvconf, problem) && check_readable("hoststxt", settings->hoststxt, problem);
}

bool check_settings(struct settings *settings, struct problem *problem)
{
	fill_resolvconf(settings);
	return check_upstream(settings, problem) && check_policies(settings, problem) && check_zones(settings, problem) && check_tls(settings, problem)
		&& check_files(settings, problem);
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What is known about libunbound's own options before it is asked. */
#include "raw_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool read_option_name(const char *name, char option[OPTION_NAME_SIZE])
{
	size_t size = strlen(name);
	if (size > 0 && name[size - 1] == ':')
		size--;
	if (size == 0 || size > 60 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != size)
		return false;
	snprintf(option, OPTION_NAME_SIZE, "%.*s:", (int)size, name);
	return true;
}

/* libunbound ends the whole process when it cannot read this option's value. */
static bool is_fetch_policy(const char *text)
{
	const char *at = text + strspn(text, " ");
	while (*at != '\0') {
		at += *at == '-';
		size_t digits = strspn(at, "0123456789");
		if (digits == 0 || digits > 9)
			return false;
		at += digits;
		at += strspn(at, " ");
	}
	return text[0] != '\0';
}

/* With a module that libunbound does not have, or in a wrong order, it crashes. */
static bool is_module_list(const char *text)
{
	static const char *const LISTS[] = { "iterator", "validator iterator", "dns64 iterator", "dns64 validator iterator" };
	for (size_t i = 0; i < sizeof(LISTS) / sizeof(LISTS[0]); i++)
		if (strcmp(text, LISTS[i]) == 0)
			return true;
	return false;
}

static bool is_number_between(const char *text, unsigned long least, unsigned long most)
{
	if (text[0] == '\0' || strlen(text) > 9 || strspn(text, "0123456789") != strlen(text))
		return false;
	unsigned long number = strtoul(text, NULL, 10);
	return number >= least && number <= most;
}

struct expectation {
	const char *option, *expected;
};

/* What the settings say, and we check, no option says past them. */
static const struct expectation OURS[] = {
	{ "auto-trust-anchor-file:", "the setting autotrust instead of this option" },
	{ "dlv-anchor-file:", "the setting trustfile instead of this option" },
	{ "dlv-anchor:", "the setting trusted instead of this option" },
	{ "domain-insecure:", "the setting insecure instead of this option" },
	{ "root-hints:", "the setting roothints instead of this option" },
	{ "ssl-cert-bundle:", "the setting tls_ca instead of this option" },
	{ "ssl-upstream:", "the setting tls instead of this option" },
	{ "tls-cert-bundle:", "the setting tls_ca instead of this option" },
	{ "tls-upstream:", "the setting tls instead of this option" },
	{ "trust-anchor-file:", "the setting trustfile instead of this option" },
	{ "trust-anchor:", "the setting trusted instead of this option" },
	{ "trusted-keys-file:", "the setting trustfile instead of this option" },
	{ "unwanted-reply-threshold:", "another option: libunbound can end the process over this one (CVE-2026-44621)" },
};

const char *expected_by_option(const char *option, const char *text)
{
	for (size_t i = 0; i < sizeof(OURS) / sizeof(OURS[0]); i++)
		if (strcmp(option, OURS[i].option) == 0)
			return OURS[i].expected;
	if (strcmp(option, "module-config:") == 0 && !is_module_list(text))
		return "\"validator iterator\", or \"iterator\", or \"dns64\" before either";
	if (strcmp(option, "target-fetch-policy:") == 0 && !is_fetch_policy(text))
		return "whole numbers with spaces between them";
	if (strcmp(option, "msg-buffer-size:") == 0 && !is_number_between(text, 4096, 1048576))
		return "a whole number from 4096 to 1048576";
	if (strcmp(option, "outgoing-range:") == 0 && !is_number_between(text, 1, 32768))
		return "a whole number from 1 to 32768";
	if (strcmp(option, "outgoing-num-tcp:") == 0 && !is_number_between(text, 0, 1024))
		return "a whole number from 0 to 1024";
	return NULL;
}

/* Those by which what is validated depends on another time, on other keys, or on less of the proof, or is believed beyond its time; what they are by
 * default does no harm. */
static const struct expectation HARMLESS[] = {
	{ "add-holddown:", "2592000" },
	{ "del-holddown:", "2592000" },
	{ "disable-edns-do:", "no" },
	{ "harden-dnssec-stripped:", "yes" },
	{ "permit-small-holddown:", "no" },
	{ "serve-expired:", "no" },
	{ "serve-original-ttl:", "no" },
	{ "val-nsec3-keysize-iterations:", "1024 150 2048 150 4096 150" },
	{ "val-override-date:", "0" },
	{ "val-sig-skew-max:", "86400" },
	{ "val-sig-skew-min:", "3600" },
};

bool skips_validation(const char *option, const char *value)
{
	if (strcmp(option, "val-permissive-mode:") == 0)
		return strcmp(value, "no") != 0;
	return strcmp(option, "module-config:") == 0 && strstr(value, "validator") == NULL;
}

bool drops_validation(const char *option, const char *value)
{
	for (size_t i = 0; i < sizeof(HARMLESS) / sizeof(HARMLESS[0]); i++)
		if (strcmp(option, HARMLESS[i].option) == 0)
			return strcmp(value, HARMLESS[i].expected) != 0;
	return skips_validation(option, value);
}

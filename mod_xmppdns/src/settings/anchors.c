/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Where trust anchors come from: lines, files, and the root's keys as IANA publishes them. */
#include "anchors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

/* Where systems keep the root's trust anchor; the first that holds one is used when the settings name none. */
static const char *const ROOT_KEY_FILES[] = {
	"/var/lib/unbound/root.key",
	"/usr/share/dns/root.key",
	"/usr/share/dnssec-root/trusted-key.key",
	"/etc/unbound/root.key",
};

/* The root zone's key signing keys 20326 (until 2027-01-11) and 38696 (since 2026-10-11), as IANA publishes them. */
static const char *const IANA_ANCHORS[] = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

enum { COUNT_OF_KEY_FILES = sizeof(ROOT_KEY_FILES) / sizeof(ROOT_KEY_FILES[0]), COUNT_OF_ANCHORS = sizeof(IANA_ANCHORS) / sizeof(IANA_ANCHORS[0]) };

bool is_anchor_line(const char *line, size_t size)
{
	static const char *const SPACE = " \t\r";
	char buffer[4096];
	const char *comment = memchr(line, ';', size);
	if (comment != NULL)
		size = (size_t)(comment - line);
	if (size >= sizeof(buffer) || memchr(line, '\0', size) != NULL)
		return false;
	memcpy(buffer, line, size);
	buffer[size] = '\0';
	char *rest = NULL;
	bool owner = true; /* the first word names the zone, unless the line starts with a space */
	for (char *word = strtok_r(buffer, SPACE, &rest); word != NULL; word = strtok_r(NULL, SPACE, &rest)) {
		if (!owner && (strcasecmp(word, "DS") == 0 || strcasecmp(word, "DNSKEY") == 0))
			return true;
		owner = false;
	}
	return false;
}

bool check_anchor_file(const char *path, struct problem *problem)
{
	size_t size;
	bool found = false;
	char *text = read_file(path, &size);
	if (text == NULL) {
		return report_problem(problem, kind_of_errno(errno), "%s", strerror(errno));
	}
	const char *end = text + size;
	for (const char *at = text; at < end && !found;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t line = (size_t)((newline == NULL ? end : newline) - at);
		found = is_anchor_line(at, line);
		at += line + (newline != NULL);
	}
	free(text);
	if (!found)
		report_problem(problem, PROBLEM_CONFIG, "holds no DS or DNSKEY record");
	return found;
}

const char *find_root_key_file(void)
{
	struct problem reason;
	for (size_t i = 0; i < COUNT_OF_KEY_FILES; i++)
		if (check_anchor_file(ROOT_KEY_FILES[i], &reason))
			return ROOT_KEY_FILES[i];
	return NULL;
}

bool add_iana_anchors(struct text_list *anchors)
{
	for (size_t i = 0; i < COUNT_OF_ANCHORS; i++)
		if (!add_text(anchors, IANA_ANCHORS[i]))
			return false;
	return true;
}

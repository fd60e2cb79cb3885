/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Refuses a libunbound that is too old or lacks its event API. */
#include "release.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/problem.h"
#include "event_api.h"

const char *libunbound_version(void)
{
	return ub_version();
}

static bool is_recent(const char *version)
{
	char *dot;
	unsigned long major = strtoul(version, &dot, 10);
	unsigned long minor = *dot == '.' ? strtoul(dot + 1, NULL, 10) : 0;
	return major > NEEDED_MAJOR || (major == NEEDED_MAJOR && minor >= NEEDED_MINOR);
}

/* The name of a function that is not there, or NULL. */
static const char *find_lacking(void)
{
	if (ub_ctx_create_ub_event == NULL)
		return "ub_ctx_create_ub_event";
	return ub_resolve_event == NULL ? "ub_resolve_event" : NULL;
}

bool check_release(struct problem *problem)
{
	const char *version = libunbound_version(), *lacking = find_lacking();
	if (!is_recent(version))
		return report_problem(
			problem, PROBLEM_SYSTEM, "mod_xmppdns needs libunbound %d.%d or newer, and found %s", NEEDED_MAJOR, NEEDED_MINOR, version);
	if (lacking != NULL)
		return report_problem(problem, PROBLEM_SYSTEM, "mod_xmppdns needs libunbound %d.%d or newer with its event API, and found %s without %s",
			NEEDED_MAJOR, NEEDED_MINOR, version, lacking);
	return true;
}

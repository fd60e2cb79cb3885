/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Fills in problems. */
#include "problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool report_problem(struct problem *problem, enum problem_kind kind, const char *format, ...)
{
	va_list arguments;
	*problem = (struct problem){ .kind = kind };
	va_start(arguments, format);
	vsnprintf(problem->text, sizeof(problem->text), format, arguments);
	va_end(arguments);
	return false;
}

bool report_memory(struct problem *problem)
{
	return report_problem(problem, PROBLEM_SYSTEM, "out of memory");
}

bool report_file(struct problem *problem, const char *path, bool with_path)
{
	enum problem_kind kind = kind_of_errno(errno);
	if (errno == ENOMEM)
		return report_memory(problem);
	if (with_path || kind == PROBLEM_SYSTEM)
		return report_problem(problem, kind, "%s: %s", path, strerror(errno));
	return report_problem(problem, kind, "%s", strerror(errno));
}

enum problem_kind kind_of_errno(int error)
{
	switch (error) {
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOSPC:
	case EAGAIN: return PROBLEM_SYSTEM;
	default: return PROBLEM_CONFIG;
	}
}

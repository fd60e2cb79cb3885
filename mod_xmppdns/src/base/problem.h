/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Why something could not be done: a sentence for the operator with its kind. */
#ifndef XMPPDNS_PROBLEM_H
#define XMPPDNS_PROBLEM_H

#include <stdbool.h>

enum { PROBLEM_SIZE = 512 };

enum problem_kind {
	PROBLEM_CONFIG, /* the settings are wrong, or what they name */
	PROBLEM_SYSTEM  /* this machine ran short of memory, descriptors or threads: nothing is said against the settings */
};

struct problem {
	enum problem_kind kind;
	char text[PROBLEM_SIZE]; /* one line, cut where it is too long */
};

/* Each fills in *problem and gives false, so that it can be returned. */
__attribute__((format(printf, 3, 4))) bool report_problem(struct problem *problem, enum problem_kind kind, const char *format, ...);
bool report_memory(struct problem *problem);

/* Why a file could not be read, by errno: with its path where the machine ran short, and where asked for. */
bool report_file(struct problem *problem, const char *path, bool with_path);

/* What errno says of a file or another thing of the operator's: a shortage is the system's, all else the configuration's. */
enum problem_kind kind_of_errno(int error);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* libunbound's log, of which there is one for the whole process: its last lines, until somebody takes them. For any thread. */
#ifndef XMPPDNS_LOG_H
#define XMPPDNS_LOG_H

#include <stdbool.h>
#include <stdio.h>

enum { LOG_LINE_SIZE = 512, LOG_LINES = 200 /* more push the oldest out */ };

/* The stream for ub_ctx_debugout, made once and never closed; NULL without memory: then libunbound is silent. */
FILE *open_log(void);

/* The oldest line, without its end, cut where it is too long. False when there is none. */
bool take_log_line(char line[LOG_LINE_SIZE]);

/* Around a fork, so that the child finds it in order. */
void lock_log(void);
void unlock_log(void);

#endif

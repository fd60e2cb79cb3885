/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* libunbound's log, of which there is one for the whole process. Its lines go to whoever listens in the thread that logs, else where the operator
 * wants them, else the last of them are kept until somebody takes them. For any thread. */
#ifndef XMPPDNS_LOG_H
#define XMPPDNS_LOG_H

#include <stdbool.h>
#include <stdio.h>

enum { LOG_LINE_SIZE = 512, LOG_LINES = 200 /* more push the oldest out */ };

/* The stream for ub_ctx_debugout, made once and never closed; NULL without memory: then libunbound is silent. */
FILE *open_log(void);

/* The oldest line, without its end, cut where it is too long. False when there is none. */
bool take_log_line(char line[LOG_LINE_SIZE]);

struct listener {
	char *text; /* once it listens no more: owned, NULL without memory */
	size_t size;
	/* private */ FILE *stream;
};

/* In between it gets all lines of this thread. It must stay where it is until then. Stopping is false when memory ran out: lines may be missing. */
void start_listening(struct listener *listener);
bool stop_listening(struct listener *listener);

/* Where the operator wants libunbound to log: the end of a file, or syslog. Neither: lines are kept. A file that cannot be opened is told to whoever
 * takes lines. */
void send_log(const char *path, bool to_syslog);

/* Around a fork, so that the child finds it in order. */
void lock_log(void);
void unlock_log(void);

#endif

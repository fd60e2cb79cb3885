/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A stream whose writes end in a ring of lines. */
#include "log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[LOG_LINES][LOG_LINE_SIZE]; /* from first on; the last of them is being written */
static unsigned first;
static size_t written;    /* bytes of the line that is being written */
static atomic_uint count; /* of lines that are complete */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static FILE *stream;

void lock_log(void)
{
	pthread_mutex_lock(&lock);
}

void unlock_log(void)
{
	pthread_mutex_unlock(&lock);
}

static void end_line(void)
{
	lines[(first + count) % LOG_LINES][written] = '\0';
	written = 0;
	if (atomic_load(&count) == LOG_LINES - 1)
		first = (first + 1) % LOG_LINES;
	else
		atomic_fetch_add(&count, 1);
}

static ssize_t write_log(void *cookie, const char *text, size_t size)
{
	(void)cookie;
	lock_log();
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n')
			end_line();
		else if (written < LOG_LINE_SIZE - 1)
			lines[(first + count) % LOG_LINES][written++] = text[i];
	}
	unlock_log();
	return (ssize_t)size;
}

static void open_stream(void)
{
	stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_log });
	if (stream != NULL)
		setvbuf(stream, NULL, _IOLBF, BUFSIZ);
}

FILE *open_log(void)
{
	pthread_once(&once, open_stream);
	return stream;
}

bool take_log_line(char line[LOG_LINE_SIZE])
{
	if (atomic_load(&count) == 0) /* most often: no lock for it */
		return false;
	lock_log();
	bool has_line = atomic_load(&count) > 0;
	if (has_line) {
		memcpy(line, lines[first], LOG_LINE_SIZE);
		first = (first + 1) % LOG_LINES;
		atomic_fetch_sub(&count, 1);
	}
	unlock_log();
	return has_line;
}

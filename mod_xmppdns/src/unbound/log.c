/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A stream whose writes end with a listener, in a file, or in a ring of lines. libunbound's own "logfile" would be closed and silenced by the end of
 * any context, and nobody could listen beside it. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>
#include <syslog.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[LOG_LINES][LOG_LINE_SIZE]; /* from first on; the last of them is being written */
static unsigned first;
static size_t written;    /* bytes of the line that is being written */
static atomic_uint count; /* of lines that are complete */
static int file = -1;     /* the operator's; owned */
static bool is_syslog;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static FILE *stream;
static _Thread_local struct listener *listening; /* not owned */

void lock_log(void)
{
	pthread_mutex_lock(&lock);
}

void unlock_log(void)
{
	pthread_mutex_unlock(&lock);
}

static int priority_of(const char *line)
{
	if (strstr(line, "] error: ") != NULL)
		return LOG_ERR;
	if (strstr(line, "] warning: ") != NULL)
		return LOG_WARNING;
	return strstr(line, "] debug: ") != NULL ? LOG_DEBUG : LOG_INFO;
}

static void write_syslog(const char *line)
{
	const char *without_time = strstr(line, "libunbound[");
	syslog(LOG_DAEMON | priority_of(line), "%s", without_time != NULL ? without_time : line);
}

static void keep_line(void)
{
	if (atomic_load(&count) == LOG_LINES - 1)
		first = (first + 1) % LOG_LINES;
	else
		atomic_fetch_add(&count, 1);
}

static void end_line(void)
{
	char *line = lines[(first + count) % LOG_LINES];
	line[written] = '\0';
	written = 0;
	if (is_syslog)
		write_syslog(line);
	else
		keep_line();
}

static void add_to_lines(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n')
			end_line();
		else if (written < LOG_LINE_SIZE - 1)
			lines[(first + count) % LOG_LINES][written++] = text[i];
	}
}

static void add_to_file(const char *text, size_t size)
{
	ssize_t ignored = write(file, text, size); /* a full disk is nobody's business here */
	(void)ignored;
}

static ssize_t write_log(void *cookie, const char *text, size_t size)
{
	(void)cookie;
	if (listening != NULL) {
		if (listening->stream != NULL)
			fwrite(text, 1, size, listening->stream);
		return (ssize_t)size;
	}
	lock_log();
	if (file >= 0)
		add_to_file(text, size);
	else
		add_to_lines(text, size);
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

void start_listening(struct listener *listener)
{
	*listener = (struct listener){ .text = NULL };
	listener->stream = open_memstream(&listener->text, &listener->size);
	listening = listener;
}

bool stop_listening(struct listener *listener)
{
	listening = NULL;
	if (listener->stream == NULL)
		return false;
	bool is_complete = ferror(listener->stream) == 0;
	is_complete = fclose(listener->stream) == 0 && is_complete;
	listener->stream = NULL;
	return is_complete;
}

void send_log(const char *path, bool to_syslog)
{
	char problem[LOG_LINE_SIZE];
	int opened = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
	int size = path == NULL || opened >= 0 ? 0 : snprintf(problem, sizeof(problem), "logfile %.300s: %s\n", path, strerror(errno));
	lock_log();
	if (file >= 0)
		close(file);
	file = opened;
	is_syslog = to_syslog;
	add_to_lines(problem, (size_t)size);
	unlock_log();
}

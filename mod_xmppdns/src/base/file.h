/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A file of the operator's: read whole, or looked at for a change. */
#ifndef XMPPDNS_FILE_H
#define XMPPDNS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a file looks like at this moment, by which a change is noticed; all zero when it is not there. */
struct file_mark {
	uint64_t device, inode;
	int64_t size, seconds, nanoseconds; /* bytes; time of the last change of its data */
};

/* The whole file, malloced, *size bytes; NULL with errno. Regular files and devices only: a pipe could make us wait; at most 16 MB. */
char *read_file(const char *path, size_t *size);

struct file_mark mark_file(const char *path); /* path may be NULL: all zero */
bool same_mark(const struct file_mark *a, const struct file_mark *b);

#endif

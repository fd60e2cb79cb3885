/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A file of the operator's, or of our own: read whole, replaced whole, or looked at for a change. */
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

/* Puts text in the place of the file, so that at any moment, whatever fails or is killed, the old one or the new one is there, whole, and on the disk
 * before true is returned. It is written to path.new first, of which there is one however many processes do this; a remnant of it does no harm.
 * False with errno, EAGAIN while another one is writing: the file is as it was. */
bool publish_file(const char *path, const char *text, size_t size);

/* The same for a file that is this user's alone: nobody else can read it, or write what another process of ours then believes.
 * The first gives NULL with errno: EPERM where the file is another user's, or others may write it, EFBIG where it has as many as most bytes. It
 * follows no link at the end of path. */
char *read_private_file(const char *path, size_t most, size_t *size);
bool publish_private_file(const char *path, const char *text, size_t size);

bool is_in_folder(const char *path); /* whether the folder is there in which the file is, or would be */

struct file_mark mark_file(const char *path); /* path may be NULL: all zero */
bool same_mark(const struct file_mark *a, const struct file_mark *b);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Files of the operator's, which may be anything. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 16 * 1024 * 1024 };

char *read_file(const char *path, size_t *size)
{
	struct stat status;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return NULL;
	*size = 0;
	if (fstat(fd, &status) == -1)
		goto failed;
	errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
	if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
		goto failed;
	for (size_t room = 0;;) {
		if (*size == room) {
			room = room == 0 ? 4096 : 2 * room;
			errno = EFBIG;
			char *more = room > MOST_BYTES ? NULL : realloc(text, room);
			if (more == NULL)
				goto failed;
			text = more;
		}
		ssize_t got = read(fd, text + *size, room - *size);
		if (got == 0)
			break;
		if (got == -1 && errno != EINTR)
			goto failed;
		*size += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	return text;
failed:;
	int error = errno;
	free(text);
	close(fd);
	errno = error;
	return NULL;
}

struct file_mark mark_file(const char *path)
{
	struct stat status;
	if (path == NULL || stat(path, &status) == -1)
		return (struct file_mark){ .inode = 0 };
	return (struct file_mark){ .device = status.st_dev,
		.inode = status.st_ino,
		.size = status.st_size,
		.seconds = status.st_mtim.tv_sec,
		.nanoseconds = status.st_mtim.tv_nsec };
}

bool same_mark(const struct file_mark *a, const struct file_mark *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size && a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

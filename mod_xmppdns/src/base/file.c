/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Files of the operator's, which may be anything. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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
			errno = room > MOST_BYTES ? EFBIG : ENOMEM;
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

/* malloced; NULL without memory */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

bool is_in_folder(const char *path)
{
	struct stat status;
	char *folder = folder_of(path);
	bool found = folder != NULL && stat(folder, &status) == 0 && S_ISDIR(status.st_mode);
	free(folder);
	return found;
}

static bool close_failed(int fd)
{
	int error = errno;
	close(fd);
	errno = error;
	return false;
}

/* Whether that descriptor is of the file that has this name now: whoever had the lock before us has renamed it. */
static bool is_still(int fd, const char *path)
{
	struct stat ours, named;
	return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/* The descriptor of the file to write to, ours alone; -1 with errno. */
static int open_locked(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (fd == -1)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_still(fd, path))
		return fd;
	errno = EAGAIN;
	close_failed(fd);
	return -1;
}

static bool write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, text, size);
		if (written == -1 && errno != EINTR)
			return false;
		text += written > 0 ? written : 0;
		size -= written > 0 ? (size_t)written : 0;
	}
	return true;
}

static bool replace_file(int fd, const char *temporary, const char *path, const char *text, size_t size)
{
	return ftruncate(fd, 0) == 0 && write_all(fd, text, size) && fsync(fd) == 0 && rename(temporary, path) == 0;
}

/* The rename, too, has to be on the disk. A file system that cannot do this for a folder has to do without. */
static void sync_folder(const char *path)
{
	char *folder = folder_of(path);
	int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1) {
		fsync(fd);
		close(fd);
	}
	free(folder);
}

bool publish_file(const char *path, const char *text, size_t size)
{
	char *temporary = NULL;
	if (asprintf(&temporary, "%s.new", path) == -1)
		return false;
	int fd = open_locked(temporary);
	bool published = fd != -1 && replace_file(fd, temporary, path, text, size);
	free(temporary);
	if (!published)
		return fd != -1 && close_failed(fd);
	sync_folder(path);
	close(fd);
	return true;
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

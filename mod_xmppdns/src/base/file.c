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

/* All that is left to read, NULL with errno. */
static char *read_all(int fd, size_t most, size_t *size)
{
	char *text = NULL;
	*size = 0;
	for (size_t room = 0;;) {
		if (*size == room) {
			room = room == 0 ? 4096 : 2 * room;
			room = room > most ? most : room;
			errno = *size == most ? EFBIG : ENOMEM;
			char *more = *size == most ? NULL : realloc(text, room);
			if (more == NULL)
				break;
			text = more;
		}
		ssize_t got = read(fd, text + *size, room - *size);
		if (got == 0)
			return text;
		if (got == -1 && errno != EINTR)
			break;
		*size += got > 0 ? (size_t)got : 0;
	}
	free(text);
	return NULL;
}

/* An error number, 0: it may be read. */
static int refuse_any(const struct stat *status)
{
	if (S_ISREG(status->st_mode) || S_ISCHR(status->st_mode))
		return 0;
	return S_ISDIR(status->st_mode) ? EISDIR : EINVAL;
}

static int refuse_foreign(const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		return refuse_any(status) == 0 ? EINVAL : refuse_any(status);
	return status->st_uid != geteuid() || (status->st_mode & (S_IWGRP | S_IWOTH)) != 0 ? EPERM : 0;
}

static char *read_unless(int (*refuse)(const struct stat *status), const char *path, int flags, size_t most, size_t *size)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags);
	if (fd == -1)
		return NULL;
	int error = fstat(fd, &status) == -1 ? errno : refuse(&status);
	char *text = error == 0 ? read_all(fd, most, size) : NULL;
	if (error == 0)
		error = errno;
	close(fd);
	errno = error;
	return text;
}

char *read_file(const char *path, size_t *size)
{
	return read_unless(refuse_any, path, 0, MOST_BYTES, size);
}

char *read_private_file(const char *path, size_t most, size_t *size)
{
	return read_unless(refuse_foreign, path, O_NOFOLLOW, most, size);
}

/* malloced; NULL without memory */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = strdup(slash == NULL ? "." : path);
	if (folder != NULL && slash != NULL)
		folder[slash == path ? 1 : slash - path] = '\0';
	return folder;
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
static int open_locked(const char *path, mode_t mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
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

/* A remnant may be somebody else's, who would write, or read what is private, when we have put something into it. */
static bool is_ours_alone(int fd, bool is_private)
{
	struct stat status;
	if ((is_private && fchmod(fd, S_IRUSR | S_IWUSR) == -1) || fstat(fd, &status) == -1)
		return false;
	errno = EPERM;
	return status.st_uid == geteuid() && status.st_nlink == 1;
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

/* What could not be written whole is no use, and takes room on a disk that may be full. */
static bool discard(int fd)
{
	int error = errno;
	if (ftruncate(fd, 0) == -1)
		error = errno;
	errno = error;
	return close_failed(fd);
}

static bool publish(const char *path, const char *text, size_t size, bool is_private)
{
	static const char suffix[] = ".new";
	char *temporary = malloc(strlen(path) + sizeof(suffix));
	if (temporary == NULL)
		return false;
	strcat(strcpy(temporary, path), suffix);
	int fd = open_locked(temporary, is_private ? 0600 : 0644);
	bool may_write = fd != -1 && is_ours_alone(fd, is_private);
	bool published = may_write && replace_file(fd, temporary, path, text, size);
	free(temporary);
	if (!published)
		return fd != -1 && (may_write ? discard(fd) : close_failed(fd));
	sync_folder(path);
	close(fd);
	return true;
}

bool publish_file(const char *path, const char *text, size_t size)
{
	return publish(path, text, size, false);
}

bool publish_private_file(const char *path, const char *text, size_t size)
{
	return publish(path, text, size, true);
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

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The time, as the kernel counts it. */
#include "clock.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int64_t read_us(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

int64_t monotonic_us(void)
{
	return read_us(OUR_CLOCK);
}

int64_t monotonic_ms(void)
{
	return monotonic_us() / 1000;
}

int64_t wall_clock_lead(void)
{
	return (read_us(CLOCK_REALTIME) - monotonic_us()) / 1000;
}

void read_boot(char boot[BOOT_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd == -1 || read(fd, boot, BOOT_SIZE) != BOOT_SIZE)
		memset(boot, 0, BOOT_SIZE);
	if (fd != -1)
		close(fd);
}

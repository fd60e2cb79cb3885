/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The time, as the kernel counts it. */
#include "clock.h"

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

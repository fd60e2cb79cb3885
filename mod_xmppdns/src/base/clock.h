/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The clock of all that ends with time here: TTLs, memories of failure, deadlines. It counts while the machine sleeps, and nobody sets it. */
#ifndef XMPPDNS_CLOCK_H
#define XMPPDNS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define OUR_CLOCK CLOCK_BOOTTIME

int64_t monotonic_ms(void); /* never goes back */
int64_t monotonic_us(void); /* the same in microseconds */

/* How many milliseconds the wall clock, by which libunbound counts, is ahead of it: another number once somebody has set the wall clock. */
int64_t wall_clock_lead(void);

enum { BOOT_SIZE = 36 };

/* Which start of the machine this is; zeros where the kernel does not say. */
void read_boot(char boot[BOOT_SIZE]);

#endif

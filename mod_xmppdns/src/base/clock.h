/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The clock of all that ends with time here: TTLs, memories of failure, deadlines. */
#ifndef XMPPDNS_CLOCK_H
#define XMPPDNS_CLOCK_H

#include <stdint.h>

int64_t monotonic_ms(void); /* milliseconds; never goes back */

#endif

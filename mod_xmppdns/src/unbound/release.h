/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Which release of libunbound is there, and whether it will do. .ci/libunbound asks the same of the one that is built with. */
#ifndef XMPPDNS_RELEASE_H
#define XMPPDNS_RELEASE_H

#include <stdbool.h>

/* The oldest one: UB_NOERROR, and callbacks that are told of rate limits. */
#define NEEDED_MAJOR 1
#define NEEDED_MINOR 14

struct problem;

/* Of the one that is loaded: "1.17.1". */
const char *libunbound_version(void);

/* False, with one sentence that names the version found and the one needed, when the one that is loaded is too old or lacks its event API. */
bool check_release(struct problem *problem);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* An option of libunbound's own, handed over by its name: which of them must not reach it, which switch validation off. */
#ifndef XMPPDNS_RAW_OPTION_H
#define XMPPDNS_RAW_OPTION_H

#include <stdbool.h>

enum { OPTION_NAME_SIZE = 64 /* with colon and NUL */ };

/* "name" or "name:" to "name:". False when it is no option's name. */
bool read_option_name(const char *name, char option[OPTION_NAME_SIZE]);

/* What is expected of the few options for which a setting of ours is there, or over which libunbound ends or crashes the process, or takes all its
 * memory; NULL when it may try the value.
 * option: with its colon, here and below. */
const char *expected_by_option(const char *option, const char *text);

/* Whether it makes libunbound hand out data that it has not validated, or that has failed. */
bool skips_validation(const char *option, const char *value);

/* Whether by it less is proven than usual: that, or validation by another time, with other keys, with less proof, or past its end. */
bool drops_validation(const char *option, const char *value);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Whether libunbound is told the same as before. */
#ifndef XMPPDNS_LIKENESS_H
#define XMPPDNS_LIKENESS_H

#include "base/sha256.h"
#include "settings/settings.h"
#include "settings/upstream.h"

/* Whether nothing that libunbound has a say in differs between the two: it then accepts both, or none. */
bool tries_alike(const struct settings *settings, const struct upstream_config *config, const struct settings *other_settings,
	const struct upstream_config *other_config);

/* By what another process knows whether its libunbound would come to the same verdicts: the same one, with the same policy, and alike. */
void fingerprint_setup(const struct settings *settings, const struct upstream_config *config, uint8_t fingerprint[SHA256_SIZE]);

#endif

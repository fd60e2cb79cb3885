/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The order in which SRV targets are tried (RFC 2782), with the random draws left to the caller. */
#ifndef XMPPDNS_SRV_H
#define XMPPDNS_SRV_H

#include <stddef.h>
#include <stdint.h>

struct srv_choice {
	uint16_t priority, weight;
	uint32_t index; /* the caller's: which record this is; each its own */
};

/* An ordering in progress over the caller's array, which it sorts and permutes in place; owns nothing. Private. */
struct srv_order {
	struct srv_choice *choices;
	size_t count;
	size_t next;        /* choices before it have been handed out */
	size_t group_end;   /* end of the priority that is being drawn from */
	uint64_t weight;    /* sum of the weights left in the group */
	size_t first, last; /* the next pick is one of first..last-1 */
};

/* Sorts choices by priority, weight and index, and starts at the lowest priority. count may be 0. */
struct srv_order open_srv_order(struct srv_choice *choices, size_t count);

/* One pick takes up to two draws: by weight (RFC 2782), then evenly among those of the weight drawn, whose arrangement RFC 2782 leaves open
 * (the seed keeps it, so that it never shuffles a group of zeros, S68). A group of one weight takes only the second.
 * While this is not 0, the caller draws an integer from 0 to it, both included, and gives it to apply_srv_draw. 0: pick_srv. */
uint64_t srv_draw_limit(const struct srv_order *order);
void apply_srv_draw(struct srv_order *order, uint64_t draw);

/* Hands out the next choice, or NULL after the last; it stays where it is. Only while srv_draw_limit is 0. */
const struct srv_choice *pick_srv(struct srv_order *order);

#endif

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* SRV ordering: choices and draws from the input. Each choice comes once, priorities ascend, and a pick takes at most two draws. */
#include <stdbool.h>

#include "fuzz.h"
#include "dns/srv.h"

enum { MOST = 200 };

static uint64_t draw(struct input *input, uint64_t limit)
{
	uint64_t number = (uint64_t)take_word(input) << 16 | take_word(input);
	return limit == UINT64_MAX ? number : number % (limit + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = open_input(data, size);
	struct srv_choice choices[MOST];
	bool seen[MOST] = { false };
	size_t count = take_byte(&input) % MOST;
	for (size_t i = 0; i < count; i++)
		choices[i] = (struct srv_choice){ .priority = (uint16_t)take_word(&input), .weight = (uint16_t)take_word(&input), .index = (uint32_t)i };

	struct srv_order order = open_srv_order(choices, count);
	unsigned priority = 0;
	for (size_t i = 0; i < count; i++) {
		int draws = 0;
		for (uint64_t limit; (limit = srv_draw_limit(&order)) > 0; draws++)
			apply_srv_draw(&order, draw(&input, limit));
		const struct srv_choice *choice = pick_srv(&order);
		EXPECT(draws <= 2);
		EXPECT(choice != NULL && choice->index < count && !seen[choice->index]);
		EXPECT(choice->priority >= priority);
		priority = choice->priority;
		seen[choice->index] = true;
	}
	EXPECT(srv_draw_limit(&order) == 0 && pick_srv(&order) == NULL);
	return 0;
}

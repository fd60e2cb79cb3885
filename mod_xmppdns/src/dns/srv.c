/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* RFC 2782: the lowest priority first; inside it, by chance and weight. */
#include "srv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int compare_choices(const void *left, const void *right)
{
	const struct srv_choice *a = left, *b = right;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight < b->weight ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

static void open_group(struct srv_order *order)
{
	order->group_end = order->next;
	order->weight = 0;
	while (order->group_end < order->count && order->choices[order->group_end].priority == order->choices[order->next].priority)
		order->weight += order->choices[order->group_end++].weight;
}

static void await_pick(struct srv_order *order)
{
	if (order->next == order->group_end)
		open_group(order);
	order->first = order->next;
	order->last = order->group_end;
}

struct srv_order open_srv_order(struct srv_choice *choices, size_t count)
{
	struct srv_order order = { .choices = choices, .count = count };
	if (count > 1)
		qsort(choices, count, sizeof(*choices), compare_choices);
	await_pick(&order);
	return order;
}

static bool is_one_weight(const struct srv_order *order) /* sorted, so its ends tell */
{
	return order->choices[order->first].weight == order->choices[order->last - 1].weight;
}

uint64_t srv_draw_limit(const struct srv_order *order)
{
	if (order->last - order->first <= 1)
		return 0;
	return is_one_weight(order) ? order->last - order->first - 1 : order->weight;
}

/* The first whose running sum reaches the draw stands for all of its weight: which of them comes first in the list is another draw. */
static void narrow_to_weight(struct srv_order *order, uint64_t draw)
{
	const struct srv_choice *choices = order->choices;
	size_t hit = order->first;
	for (uint64_t sum = choices[hit].weight; sum < draw; sum += choices[hit].weight)
		hit++;

	size_t first = hit, last = hit + 1;
	while (first > order->first && choices[first - 1].weight == choices[hit].weight)
		first--;
	while (last < order->last && choices[last].weight == choices[hit].weight)
		last++;
	order->first = first;
	order->last = last;
}

void apply_srv_draw(struct srv_order *order, uint64_t draw)
{
	if (!is_one_weight(order)) {
		narrow_to_weight(order, draw);
	} else {
		order->first += (size_t)draw;
		order->last = order->first + 1;
	}
}

const struct srv_choice *pick_srv(struct srv_order *order)
{
	if (order->next == order->count)
		return NULL;
	struct srv_choice picked = order->choices[order->first];
	struct srv_choice *front = &order->choices[order->next];
	memmove(front + 1, front, (order->first - order->next) * sizeof(*front)); /* what is left stays sorted */
	*front = picked;
	order->weight -= picked.weight;
	order->next++;
	await_pick(order);
	return front;
}

/* By shared use and size. docs/explanation/layers.md says why; this is what is computed.
 *
 * A path is updated when it or anything it reaches is. Each path is as likely to be the origin of
 * an update (weight 1), and each path of the app as likely as all others together. Joining two sets
 * of paths costs, in bytes times weight: the first's size for every origin that updates only the
 * second, and the other way round. At first each path is a layer. The two that are cheapest to join
 * are joined, over and over, while there are more layers than allowed or while a layer less is worth
 * it: joining costs at most WORTH bytes per update. Layers of the app are joined only where they
 * must be. Of equal costs the pair with the first path wins, in the order of names. */
#include "split.h"

#include <stdlib.h>

#define WORTH UINT64_C(16384)
#define SMALLEST UINT64_C(4096)

struct set {
	uint64_t *origins;
	uint64_t weight; /* of the origins */
	uint64_t bytes;
	int is_app;
	int is_joined; /* to another one */
	size_t best; /* the later set that is cheapest to join; none: itself */
	uint64_t cost;
};

struct sets {
	struct set *set;
	size_t count, words;
	const uint64_t *apps;
	uint64_t app_weight;
	uint64_t allowance; /* bytes times weight */
};

/* why: a size that is a little different after an update must not lead to other layers. */
static uint64_t round_up(uint64_t bytes)
{
	uint64_t size = SMALLEST;
	while (size < bytes)
		size *= 2;
	return size;
}

static uint64_t weight_of_both(const struct sets *sets, const uint64_t *one, const uint64_t *other)
{
	uint64_t weight = 0;
	for (size_t word = 0; word < sets->words; word++) {
		uint64_t both = one[word] & other[word];
		if (!both)
			continue;
		uint64_t apps = both & sets->apps[word];
		weight += __builtin_popcountll(both ^ apps);
		weight += sets->app_weight * __builtin_popcountll(apps);
	}
	return weight;
}

/* Bytes times weight; `ceiling` where it is known not to be less. */
static uint64_t cost_of(const struct sets *sets, const struct set *a, const struct set *b,
                        uint64_t ceiling)
{
	uint64_t extra = a->is_app || b->is_app ? sets->allowance + 1 : 0;
	uint64_t least = a->weight > b->weight ? (a->weight - b->weight) * b->bytes
	                                       : (b->weight - a->weight) * a->bytes;
	if (least + extra >= ceiling)
		return ceiling;
	uint64_t both = weight_of_both(sets, a->origins, b->origins);
	return (b->weight - both) * a->bytes + (a->weight - both) * b->bytes + extra;
}

static void find_best(struct sets *sets, size_t index)
{
	struct set *own = &sets->set[index];
	own->best = index;
	own->cost = UINT64_MAX;
	for (size_t other = index + 1; other < sets->count; other++) {
		if (sets->set[other].is_joined)
			continue;
		uint64_t cost = cost_of(sets, own, &sets->set[other], own->cost);
		if (cost < own->cost) {
			own->cost = cost;
			own->best = other;
		}
	}
}

static void join(struct sets *sets, size_t into, size_t gone)
{
	struct set *kept = &sets->set[into], *joined = &sets->set[gone];
	kept->weight += joined->weight - weight_of_both(sets, kept->origins, joined->origins);
	for (size_t word = 0; word < sets->words; word++)
		kept->origins[word] |= joined->origins[word];
	kept->bytes += joined->bytes;
	kept->is_app |= joined->is_app;
	joined->is_joined = 1;
	for (size_t i = 0; i < gone; i++) {
		struct set *set = &sets->set[i];
		if (set->is_joined)
			continue;
		if (i == into || set->best == into || set->best == gone) {
			find_best(sets, i);
		} else if (i < into) {
			uint64_t cost = cost_of(sets, set, kept, set->cost + 1);
			if (cost < set->cost || (cost == set->cost && into < set->best)) {
				set->cost = cost;
				set->best = into;
			}
		}
	}
}

static struct sets make_sets(struct closure *closure)
{
	size_t count = closure->count, apps = 0;
	uint64_t *app_set = need(calloc(closure->words, sizeof *app_set));
	for (size_t i = 0; i < count; i++)
		if (closure->paths[i].is_app) {
			app_set[i / 64] |= UINT64_C(1) << i % 64;
			apps++;
		}
	struct sets sets = {
		.set = need(calloc(count + 1, sizeof(struct set))),
		.count = count,
		.words = closure->words,
		.apps = app_set,
		.app_weight = count > apps ? count - apps : 1,
	};
	sets.allowance = WORTH * (count - apps + apps * sets.app_weight);
	for (size_t i = 0; i < count; i++) {
		struct set *set = &sets.set[i];
		set->origins = closure->paths[i].reaches;
		set->weight = weight_of_both(&sets, set->origins, set->origins);
		set->bytes = round_up(closure->paths[i].bytes);
		set->is_app = closure->paths[i].is_app;
	}
	for (size_t i = 0; i < count; i++)
		find_best(&sets, i);
	return sets;
}

static const struct set *ranked;

/* Layers that change less often first, the app last: what others need lies below them. */
static int by_change(const void *a, const void *b)
{
	size_t one = *(const size_t *)a, other = *(const size_t *)b;
	const struct set *first = &ranked[one], *second = &ranked[other];
	if (first->is_app != second->is_app)
		return first->is_app - second->is_app;
	if (first->weight != second->weight)
		return first->weight < second->weight ? -1 : 1;
	return one < other ? -1 : one > other;
}

struct layers split_auto(struct closure *closure, size_t limit)
{
	struct sets sets = make_sets(closure);
	size_t count = closure->count, left = count;
	size_t *home = need(calloc(count + 1, sizeof *home));
	for (size_t i = 0; i < count; i++)
		home[i] = i;
	while (left > 1) {
		size_t first = 0;
		for (size_t i = 0; i < count; i++)
			if (!sets.set[i].is_joined && sets.set[i].cost < sets.set[first].cost)
				first = i;
		if (left <= limit && sets.set[first].cost > sets.allowance)
			break;
		size_t second = sets.set[first].best;
		join(&sets, first, second);
		for (size_t i = 0; i < count; i++)
			if (home[i] == second)
				home[i] = first;
		left--;
	}
	size_t *order = need(calloc(count + 1, sizeof *order)), place = 0;
	for (size_t i = 0; i < count; i++)
		if (!sets.set[i].is_joined)
			order[place++] = i;
	ranked = sets.set;
	qsort(order, left, sizeof *order, by_change);
	struct layers layers = { .layer = need(calloc(count + 1, sizeof(size_t))), .count = left };
	for (size_t rank = 0; rank < left; rank++)
		for (size_t i = 0; i < count; i++)
			if (home[i] == order[rank])
				layers.layer[i] = rank;
	return layers;
}

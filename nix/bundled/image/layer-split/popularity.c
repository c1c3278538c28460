/* By popularity: the paths that most others need, directly or not, get a layer each, and those that
 * are left share the last one. The order is total: the app last, referrers descending, path. */
#include "split.h"

#include <stdlib.h>
#include <string.h>

struct place {
	const struct path *path;
	size_t index;
	size_t referrers;
};

static int before(const void *a, const void *b)
{
	const struct place *one = a, *other = b;
	if (one->path->is_app != other->path->is_app)
		return one->path->is_app - other->path->is_app;
	if (one->referrers != other->referrers)
		return one->referrers > other->referrers ? -1 : 1;
	return strcmp(one->path->text, other->path->text);
}

struct layers split_popularity(struct closure *closure, size_t limit)
{
	size_t count = closure->count;
	struct place *places = need(calloc(count + 1, sizeof *places));
	for (size_t i = 0; i < count; i++) {
		places[i].path = &closure->paths[i];
		places[i].index = i;
		for (size_t from = 0; from < count; from++)
			places[i].referrers += from != i && has(closure->paths[from].reaches, i);
	}
	qsort(places, count, sizeof *places, before);
	struct layers layers = { .layer = need(calloc(count + 1, sizeof(size_t))) };
	for (size_t rank = 0; rank < count; rank++)
		layers.layer[places[rank].index] = rank < limit ? rank : limit - 1;
	layers.count = count < limit ? count : limit;
	free(places);
	return layers;
}

/* What the parts of layer-split share. */
#ifndef SPLIT_H
#define SPLIT_H

#include <stddef.h>
#include <stdint.h>

/* Prints a message and ends the program. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *need(void *memory);

/* One store path. `reaches` is a set of indices, itself among them; see `has`. */
struct path {
	char *text;
	const char *name; /* without folder and hash */
	size_t *references;
	size_t reference_count;
	uint64_t bytes;
	uint64_t *reaches;
	int is_app;
};

/* A closure, its paths in the order of names, then of paths. */
struct closure {
	struct path *paths;
	size_t count;
	size_t words; /* of one set of indices */
};

/* Layers as found: `layer[i]` is the place of path i, from 0 to `count` - 1. */
struct layers {
	size_t *layer;
	size_t count;
};

static inline int has(const uint64_t *set, size_t index)
{
	return set[index / 64] >> (index % 64) & 1;
}

/* graph.c: reads exported graphs one after the other; leaves out the paths of `excluded`. */
struct closure read_closure(const char *file, const char *excluded, const char *apps);

/* size.c */
uint64_t measure(const char *path);
void read_sizes(struct closure *closure, const char *file);

/* auto.c, popularity.c */
struct layers split_auto(struct closure *closure, size_t limit);
struct layers split_popularity(struct closure *closure, size_t limit);

#endif

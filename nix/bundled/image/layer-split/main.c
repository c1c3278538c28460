/* layer-split STRATEGY LIMIT GRAPH EXCLUDED APPS [SIZES]
 *
 * Puts each store path of a closure into one of at most LIMIT layers, and prints the layers as a
 * JSON list of lists. STRATEGY: auto, popularity or single. GRAPH: as Nix exports it. EXCLUDED: paths
 * that no layer is to have, parted by spaces. APPS: the paths of the app, which the last layers hold.
 * SIZES: a file of sizes, see size.c; without it the paths are measured where they lie. */
#include "split.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *format, ...)
{
	va_list values;
	va_start(values, format);
	fputs("error: ", stderr);
	vfprintf(stderr, format, values);
	fputc('\n', stderr);
	va_end(values);
	exit(1);
}

void *need(void *memory)
{
	if (!memory)
		die("out of memory");
	return memory;
}

static size_t parse_limit(const char *text)
{
	char *end;
	errno = 0;
	long limit = strtol(text, &end, 10);
	if (errno || !*text || *end)
		die("'%s' is not a number of layers", text);
	if (limit < 1)
		die("an image needs at least 2 layers: one for store paths, one for the rest");
	return (size_t)limit;
}

static struct layers split(struct closure *closure, const char *strategy, size_t limit)
{
	if (!strcmp(strategy, "auto"))
		return split_auto(closure, limit);
	if (!strcmp(strategy, "popularity"))
		return split_popularity(closure, limit);
	if (!strcmp(strategy, "single"))
		return split_popularity(closure, 1);
	die("unknown strategy '%s'; these are known: auto, popularity, single", strategy);
}

static void print_layers(const struct closure *closure, const struct layers *layers)
{
	fputs("[", stdout);
	for (size_t layer = 0; layer < layers->count; layer++) {
		fputs(layer ? ", [" : "[", stdout);
		int is_first = 1;
		for (size_t i = 0; i < closure->count; i++)
			if (layers->layer[i] == layer) {
				printf("%s\"%s\"", is_first ? "" : ", ", closure->paths[i].text);
				is_first = 0;
			}
		fputs("]", stdout);
	}
	puts("]");
	if (fclose(stdout))
		die("can't write: %s", strerror(errno));
}

int main(int count, char **arguments)
{
	if (count != 6 && count != 7)
		die("usage: layer-split STRATEGY LIMIT GRAPH EXCLUDED APPS [SIZES]");
	size_t limit = parse_limit(arguments[2]);
	struct closure closure = read_closure(arguments[3], arguments[4], arguments[5]);
	if (count == 7)
		read_sizes(&closure, arguments[6]);
	else if (!strcmp(arguments[1], "auto"))
		for (size_t i = 0; i < closure.count; i++)
			closure.paths[i].bytes = measure(closure.paths[i].text);
	struct layers layers = split(&closure, arguments[1], limit);
	print_layers(&closure, &layers);
	return 0;
}

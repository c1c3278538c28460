/* Graphs as Nix exports them: path, deriver, number of references, references; over and over. */
#include "split.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lines {
	FILE *file;
	const char *name;
	char *line;
	size_t room;
};

static char *next_line(struct lines *lines)
{
	ssize_t length = getline(&lines->line, &lines->room, lines->file);
	if (length < 0)
		return NULL;
	if (length && lines->line[length - 1] == '\n')
		lines->line[length - 1] = '\0';
	return lines->line;
}

static char *expect_line(struct lines *lines)
{
	char *line = next_line(lines);
	if (!line)
		die("%s ends within a path's references", lines->name);
	return line;
}

/* Whether `path` is one of the words of `list`, which spaces part. */
static int is_word(const char *path, const char *list)
{
	size_t length = strlen(path);
	for (const char *at = list; (at = strstr(at, path)); at += length)
		if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return 1;
	return 0;
}

static const char *name_of(const char *path)
{
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	const char *dash = strchr(base, '-');
	return dash ? dash + 1 : base;
}

/* why by name first: a new hash of the same package then changes no order, so no layer. */
static int order(const void *a, const void *b)
{
	const struct path *one = a, *other = b;
	int by_name = strcmp(one->name, other->name);
	return by_name ? by_name : strcmp(one->text, other->text);
}

static int by_text(const void *a, const void *b)
{
	const struct path *const *one = a, *const *other = b;
	return strcmp((*one)->text, (*other)->text);
}

static struct path *find(struct path **sorted, size_t count, const char *text)
{
	struct path wanted = { .text = (char *)text }, *key = &wanted;
	struct path **found = bsearch(&key, sorted, count, sizeof *sorted, by_text);
	return found ? *found : NULL;
}

static struct path **sort_by_text(struct closure *closure)
{
	struct path **sorted = need(calloc(closure->count + 1, sizeof *sorted));
	for (size_t i = 0; i < closure->count; i++)
		sorted[i] = &closure->paths[i];
	qsort(sorted, closure->count, sizeof *sorted, by_text);
	return sorted;
}

static void read_paths(struct closure *closure, struct lines *lines, const char *excluded,
                       const char *apps)
{
	size_t room = 0;
	while (next_line(lines)) {
		if (closure->count == room) {
			room = room ? 2 * room : 256;
			closure->paths = need(realloc(closure->paths, room * sizeof *closure->paths));
		}
		struct path path = { .text = need(strdup(lines->line)) };
		path.name = name_of(path.text);
		path.is_app = is_word(path.text, apps);
		if (!is_word(path.text, excluded))
			closure->paths[closure->count++] = path;
		expect_line(lines);
		long count = atol(expect_line(lines));
		while (count-- > 0)
			expect_line(lines);
	}
	qsort(closure->paths, closure->count, sizeof *closure->paths, order);
	size_t kept = 0;
	for (size_t i = 0; i < closure->count; i++)
		if (!kept || strcmp(closure->paths[kept - 1].text, closure->paths[i].text))
			closure->paths[kept++] = closure->paths[i];
	closure->count = kept;
}

static void read_references(struct closure *closure, struct lines *lines, const char *excluded)
{
	struct path **sorted = sort_by_text(closure);
	while (next_line(lines)) {
		struct path *path = find(sorted, closure->count, lines->line);
		expect_line(lines);
		long count = atol(expect_line(lines));
		if (path && !path->references)
			path->references = need(calloc(count + 1, sizeof *path->references));
		int first = path && !path->reference_count;
		while (count-- > 0) {
			char *line = expect_line(lines);
			struct path *reference = find(sorted, closure->count, line);
			if (!reference && !is_word(line, excluded))
				die("%s is referred to and not in %s", line, lines->name);
			if (first && reference)
				path->references[path->reference_count++] = reference - closure->paths;
		}
	}
	free(sorted);
}

static void find_reached(struct closure *closure, size_t from, size_t *stack)
{
	uint64_t *reached = closure->paths[from].reaches;
	size_t height = 0;
	stack[height++] = from;
	reached[from / 64] |= UINT64_C(1) << from % 64;
	while (height) {
		const struct path *path = &closure->paths[stack[--height]];
		for (size_t n = 0; n < path->reference_count; n++) {
			size_t to = path->references[n];
			if (has(reached, to))
				continue;
			reached[to / 64] |= UINT64_C(1) << to % 64;
			stack[height++] = to;
		}
	}
}

struct closure read_closure(const char *file, const char *excluded, const char *apps)
{
	struct closure closure = { 0 };
	struct lines lines = { .file = fopen(file, "r"), .name = file };
	if (!lines.file)
		die("can't read %s: %s", file, strerror(errno));
	read_paths(&closure, &lines, excluded, apps);
	rewind(lines.file);
	read_references(&closure, &lines, excluded);
	fclose(lines.file);
	free(lines.line);

	closure.words = closure.count / 64 + 1;
	uint64_t *sets = need(calloc(closure.words * (closure.count + 1), sizeof *sets));
	size_t *stack = need(calloc(closure.count + 1, sizeof *stack));
	for (size_t i = 0; i < closure.count; i++) {
		closure.paths[i].reaches = sets + i * closure.words;
		find_reached(&closure, i, stack);
	}
	free(stack);
	return closure;
}

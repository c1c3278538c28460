/* Entries: what the description puts into the image itself, with owners and modes. */
#include "layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char DESCRIPTION[] = "the description";

struct entry {
	char *path;
	enum kind kind;
	mode_t mode;
	unsigned long uid, gid;
	char *value; /* the file with the content, or the link's target */
};

static unsigned long parse_number(const char *text, int base, unsigned long limit, const char *path)
{
	char *end;
	errno = 0;
	unsigned long number = strtoul(text, &end, base);
	if (errno || !*text || *end || number > limit)
		die("entry %s: '%s' is not a number up to %lu", path, text, limit);
	return number;
}

/* The next field of a line whose fields stand between tabs. */
static char *next_field(char **rest, const char *line)
{
	if (!*rest)
		die("entry with too few fields: %s", line);
	char *field = *rest;
	char *tab = strchr(field, '\t');
	if (tab)
		*tab = 0;
	*rest = tab ? tab + 1 : NULL;
	return field;
}

static enum kind parse_kind(const char *text, const char *path)
{
	if (!strcmp(text, "directory"))
		return DIRECTORY;
	if (!strcmp(text, "file"))
		return REGULAR;
	if (!strcmp(text, "symlink"))
		return SYMLINK;
	die("entry %s: unknown type '%s'", path, text);
}

/* kind TAB mode TAB uid TAB gid TAB path TAB value */
static struct entry parse_entry(char *line)
{
	struct entry entry = { 0 };
	char *rest = line;
	char *kind = next_field(&rest, line);
	char *mode = next_field(&rest, line);
	char *uid = next_field(&rest, line);
	char *gid = next_field(&rest, line);
	entry.path = next_field(&rest, line);
	entry.value = next_field(&rest, line);
	entry.kind = parse_kind(kind, entry.path);
	entry.mode = parse_number(mode, 8, 07777, entry.path);
	entry.uid = parse_number(uid, 10, 0xfffffffeUL, entry.path);
	entry.gid = parse_number(gid, 10, 0xfffffffeUL, entry.path);
	return entry;
}

struct node *parent_of(struct node *tree, const char *path, char **name)
{
	struct node *folder = tree;
	char *copy = copy_string(path);
	char *component = copy + 1;
	for (char *slash; (slash = strchr(component, '/')); component = slash + 1) {
		*slash = 0;
		struct node *child = find_child(folder, component);
		if (!child)
			add_child(folder, child = new_node(component, DIRECTORY, 0755, DESCRIPTION));
		else if (!is_folder(child))
			die("%s is provided by %s and is no folder, but an entry lies under it: %s", copy,
			    child->provider, path);
		expand_folder(child, copy);
		folder = child;
		*slash = '/';
	}
	*name = component;
	return folder;
}

static void check_path(const char *path)
{
	size_t length = strlen(path);
	if (path[0] != '/' || (length > 1 && path[length - 1] == '/') || strstr(path, "//"))
		die("entry %s: the path must be absolute and plain", path);
	char *padded = join_path(path, "");
	if (strstr(padded, "/./") || strstr(padded, "/../"))
		die("entry %s: the path must have no . and no ..", path);
}

static void describe(struct node *node, const struct entry *entry)
{
	if (node->described)
		die("%s is described twice", entry->path);
	node->described = true;
	node->mode = entry->kind == SYMLINK ? 0777 : entry->mode;
	node->uid = entry->uid;
	node->gid = entry->gid;
	if (entry->kind != DIRECTORY)
		node->target = copy_string(entry->value);
}

static void apply_entry(struct node *tree, const struct entry *entry)
{
	check_path(entry->path);
	if (!strcmp(entry->path, "/")) {
		if (entry->kind != DIRECTORY)
			die("entry /: the root is a directory");
		describe(tree, entry);
		return;
	}
	char *name;
	struct node *folder = parent_of(tree, entry->path, &name);
	struct node *node = find_child(folder, name);
	if (!node) {
		add_child(folder, node = new_node(name, entry->kind, 0, DESCRIPTION));
	} else if (node->described) {
		die("%s is described twice", entry->path);
	} else if (entry->kind != DIRECTORY || !is_folder(node)) {
		die("%s is provided by both %s and %s", entry->path, node->provider, DESCRIPTION);
	} else {
		expand_folder(node, entry->path);
	}
	describe(node, entry);
}

void apply_entries(struct node *tree, FILE *list)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;
	while ((length = getline(&line, &capacity, list)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = 0;
		if (!*line)
			continue;
		struct entry entry = parse_entry(copy_string(line));
		apply_entry(tree, &entry);
	}
	free(line);
}

/* Links of a base image: what packages have below one is put where it leads, so that it stays. */
#include "layer.h"

#include <stdlib.h>
#include <string.h>

/* why: a target has no links above it, so what is moved meets at most the links below its end. */
enum { MOST_ROUNDS = 40 };

struct link {
	char *path;
	char *target; /* a folder of the base, without links above it */
	struct link *next;
};

/* path TAB target */
static struct link *read_links(FILE *list)
{
	struct link *first = NULL, **end = &first;
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;
	while ((length = getline(&line, &capacity, list)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = 0;
		char *tab = strchr(line, '\t');
		if (line[0] != '/' || !tab || tab[1] != '/')
			die("link of the base image: '%s' is not two absolute paths", line);
		*tab = 0;
		struct link *link = allocate(sizeof *link);
		link->path = copy_string(line);
		link->target = copy_string(tab + 1);
		*end = link;
		end = &link->next;
	}
	free(line);
	return first;
}

/* The node at `path` and the folder that holds it; NULL where there is none. */
static struct node *find_node(struct node *tree, const char *path, struct node **parent)
{
	char *copy = copy_string(path);
	struct node *node = tree;
	for (char *name = strtok(copy, "/"); name && node; name = strtok(NULL, "/")) {
		*parent = node;
		node = node->kind == DIRECTORY ? find_child(node, name) : NULL;
	}
	free(copy);
	return node;
}

static void remove_child(struct node *folder, const struct node *child)
{
	for (size_t n = 0; n < folder->count; n++)
		if (folder->children[n] == child) {
			memmove(folder->children + n, folder->children + n + 1,
				(folder->count - n - 1) * sizeof *folder->children);
			folder->count--;
			return;
		}
}

static void move_children(struct node *to, const char *path, struct node *from)
{
	for (size_t n = 0; n < from->count; n++) {
		struct node *child = from->children[n], *there = find_child(to, child->name);
		char *child_path = join_path(strcmp(path, "/") ? path : "", child->name);
		if (!there) {
			add_child(to, child);
		} else if (is_folder(child) && is_folder(there)) {
			expand_folder(child, child_path);
			expand_folder(there, child_path);
			move_children(there, child_path, child);
		} else if (child->kind != SYMLINK || there->kind != SYMLINK ||
			   !same_content(child->target, there->target)) {
			die("%s is provided by both %s and %s: a link of the base image leads there", child_path,
			    there->provider, child->provider);
		}
		free(child_path);
	}
}

/* Whether anything lay below the link. */
static bool follow_link(struct node *tree, const struct link *link)
{
	struct node *parent = NULL, *node = find_node(tree, link->path, &parent);
	if (!node || !parent)
		return false;
	if (!is_folder(node))
		die("%s of %s is no folder, but leads to one in the base image", link->path, node->provider);
	expand_folder(node, link->path);
	remove_child(parent, node);
	char *name, *inside = join_path(strcmp(link->target, "/") ? link->target : "", "");
	move_children(parent_of(tree, inside, &name), link->target, node);
	free(inside);
	return true;
}

void follow_links(struct node *tree, FILE *list)
{
	struct link *links = read_links(list);
	bool moved = true;
	for (int round = 0; moved; round++) {
		if (round == MOST_ROUNDS)
			die("links of the base image lead in a circle");
		moved = false;
		for (const struct link *link = links; link; link = link->next)
			moved |= follow_link(tree, link);
	}
}

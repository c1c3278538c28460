/* layer-tar: writes an image's customisation layer as a tar, from packages and a list of entries. */
#ifndef LAYER_H
#define LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

enum kind { DIRECTORY, REGULAR, SYMLINK };

/* One name in the layer. Children are kept sorted by name, bytewise. */
struct node {
	char *name;
	enum kind kind;
	mode_t mode;
	unsigned long uid, gid;
	char *target;         /* SYMLINK: where it points; REGULAR: the file that holds the content */
	char *folder;         /* SYMLINK that stands for a whole folder of a package: that folder */
	const char *provider; /* who put it there, for messages */
	bool described;       /* by an entry, not only as the parent of one */
	struct node **children;
	size_t count, capacity;
};

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *allocate(size_t size);
char *copy_string(const char *text);
char *join_path(const char *folder, const char *name);

struct node *new_node(const char *name, enum kind kind, mode_t mode, const char *provider);
struct node *find_child(const struct node *folder, const char *name);
void add_child(struct node *folder, struct node *child);

/* Links the files of the package at `root` into the tree (tree.c). */
void merge_package(struct node *tree, const char *root);
/* Copies the files at `root` into the tree, as files. */
void merge_copy(struct node *tree, const char *root, const char *provider);
/* Makes the folder of a node that stands for one of a package a real one. */
void expand_folder(struct node *node, const char *path);
bool is_folder(const struct node *node);
/* Whether two files are equal, and both programs or neither. */
bool same_content(const char *a, const char *b);

/* Whether the layer lies above a base image: folders of packages are real ones then (tree.c). */
extern bool above_base;

/* The folder that holds `path`, made where it is missing; *name is the last component (entries.c). */
struct node *parent_of(struct node *tree, const char *path, char **name);
/* Moves what lies below links of a base image to where those lead (base.c). */
void follow_links(struct node *tree, FILE *list);

/* Reads entries, one a line, and puts them into the tree (entries.c). */
void apply_entries(struct node *tree, FILE *list);

/* Writes the tree (tar.c). */
void write_layer(const struct node *tree, FILE *out, long long mtime);

#endif

/* The tree of the layer: packages merged as links, with every collision an error. */
#include "layer.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool above_base = false;

void die(const char *format, ...)
{
	va_list arguments;
	fputs("error: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void *allocate(size_t size)
{
	void *memory = calloc(1, size ? size : 1);
	if (!memory)
		die("out of memory");
	return memory;
}

char *copy_string(const char *text)
{
	char *copy = allocate(strlen(text) + 1);
	return strcpy(copy, text);
}

char *join_path(const char *folder, const char *name)
{
	char *path = allocate(strlen(folder) + strlen(name) + 2);
	sprintf(path, "%s/%s", folder, name);
	return path;
}

struct node *new_node(const char *name, enum kind kind, mode_t mode, const char *provider)
{
	struct node *node = allocate(sizeof *node);
	node->name = copy_string(name);
	node->kind = kind;
	node->mode = mode;
	node->provider = provider;
	return node;
}

/* The place of `name` among the children; *found says whether it is taken. */
static size_t position(const struct node *folder, const char *name, bool *found)
{
	size_t low = 0, high = folder->count;
	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(folder->children[middle]->name, name);
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct node *find_child(const struct node *folder, const char *name)
{
	bool found;
	size_t at = position(folder, name, &found);
	return found ? folder->children[at] : NULL;
}

void add_child(struct node *folder, struct node *child)
{
	bool found;
	size_t at = position(folder, child->name, &found);
	if (found)
		die("two nodes named %s in one folder", child->name);
	if (folder->count == folder->capacity) {
		folder->capacity = folder->capacity ? 2 * folder->capacity : 8;
		folder->children = realloc(folder->children, folder->capacity * sizeof *folder->children);
		if (!folder->children)
			die("out of memory");
	}
	memmove(folder->children + at + 1, folder->children + at,
		(folder->count - at) * sizeof *folder->children);
	folder->children[at] = child;
	folder->count++;
}

bool is_folder(const struct node *node)
{
	return node->kind == DIRECTORY || node->folder;
}

/* Names of a folder in bytewise order, NULL at the end. */
static char **read_names(const char *path)
{
	struct dirent **found;
	int count = scandir(path, &found, NULL, NULL);
	if (count < 0)
		die("can't read the folder %s: %s", path, strerror(errno));
	char **names = allocate((count + 1) * sizeof *names);
	size_t kept = 0;
	for (int n = 0; n < count; n++) {
		const char *name = found[n]->d_name;
		if (strcmp(name, ".") && strcmp(name, ".."))
			names[kept++] = copy_string(name);
		free(found[n]);
	}
	free(found);
	for (size_t i = 1; i < kept; i++) { /* folders are small, and most are sorted already */
		char *name = names[i];
		size_t j = i;
		for (; j > 0 && strcmp(names[j - 1], name) > 0; j--)
			names[j] = names[j - 1];
		names[j] = name;
	}
	return names;
}

bool same_content(const char *a, const char *b)
{
	struct stat sa, sb;
	if (stat(a, &sa) || stat(b, &sb) || !S_ISREG(sa.st_mode) || !S_ISREG(sb.st_mode))
		return false;
	if (sa.st_size != sb.st_size || (sa.st_mode & 0111) != (sb.st_mode & 0111))
		return false;
	FILE *fa = fopen(a, "rb"), *fb = fopen(b, "rb");
	if (!fa || !fb)
		die("can't read %s: %s", fa ? b : a, strerror(errno));
	bool same = true;
	for (int ca = 0; same && ca != EOF;) {
		ca = getc(fa);
		same = ca == getc(fb);
	}
	fclose(fa);
	fclose(fb);
	return same;
}

/* why: a container runtime mounts or writes files there, and packages own no folder of it alone. */
static bool must_be_real(const char *path)
{
	static const char *const mount_targets[] = { "/etc", "/var", "/run", "/tmp", "/dev", "/proc",
		"/sys", "/home", "/root", "/nix" };
	if (!strchr(path + 1, '/'))
		return true; /* top level */
	for (size_t n = 0; n < sizeof mount_targets / sizeof *mount_targets; n++) {
		size_t length = strlen(mount_targets[n]);
		if (!strncmp(path, mount_targets[n], length) && (path[length] == '/' || !path[length]))
			return true;
	}
	return false;
}

/* A link to a folder above itself would be followed for ever. */
static bool leads_in_circle(const char *source)
{
	char *parent = copy_string(source), real[PATH_MAX + 1], real_parent[PATH_MAX + 1];
	*strrchr(parent, '/') = 0;
	if (!realpath(source, real) || !realpath(parent, real_parent))
		die("can't follow %s: %s", source, strerror(errno));
	free(parent);
	size_t length = strlen(real);
	return !strncmp(real, real_parent, length) && (!real_parent[length] || real_parent[length] == '/');
}

static void refuse_circle(const char *source, const char *path, const char *provider)
{
	if (leads_in_circle(source))
		die("%s of %s leads in a circle: it is a link to %s", path, provider, realpath(source, NULL));
}

static void merge_folder(struct node *node, const char *path, const char *source, const char *provider);

/* Links `source` at `path`; a folder that may be one link becomes one until somebody else needs it. */
static struct node *link_node(const char *name, const char *path, const char *source, const char *provider)
{
	struct stat status;
	bool folder = !stat(source, &status) && S_ISDIR(status.st_mode);
	struct node *node;
	bool real = folder && must_be_real(path);
	if (real)
		refuse_circle(source, path, provider);
	/* why: a link would hide what a base image has in a folder of that name */
	if (real || (folder && above_base && !leads_in_circle(source))) {
		node = new_node(name, DIRECTORY, 0755, provider);
		merge_folder(node, path, source, provider);
		return node;
	}
	node = new_node(name, SYMLINK, 0777, provider);
	node->target = copy_string(source);
	if (folder)
		node->folder = copy_string(source);
	return node;
}

void expand_folder(struct node *node, const char *path)
{
	if (node->kind == DIRECTORY)
		return;
	char *source = node->folder;
	node->kind = DIRECTORY;
	node->mode = 0755;
	node->folder = node->target = NULL;
	merge_folder(node, path, source, node->provider);
}

static void merge_folder(struct node *node, const char *path, const char *source, const char *provider)
{
	char **names = read_names(source);
	for (char **name = names; *name; name++) {
		char *child_path = join_path(strcmp(path, "/") ? path : "", *name);
		char *child_source = join_path(source, *name);
		struct node *child = find_child(node, *name);
		struct stat status;
		bool folder = !stat(child_source, &status) && S_ISDIR(status.st_mode);

		/* what packages tell each other at build time is nothing for an image */
		if (!strcmp(child_path, "/nix-support"))
			continue;
		if (!child) {
			add_child(node, link_node(*name, child_path, child_source, provider));
		} else if (folder && is_folder(child)) {
			/* the same folder through two packages is no collision, and stays one link */
			if (!child->folder || strcmp(child->folder, child_source)) {
				expand_folder(child, child_path);
				refuse_circle(child_source, child_path, provider);
				merge_folder(child, child_path, child_source, provider);
			}
		} else if (child->kind != SYMLINK || !same_content(child->target, child_source)) {
			die("%s is provided by both %s and %s", child_path, child->provider, provider);
		}
	}
}

void merge_package(struct node *tree, const char *root)
{
	struct stat status;
	if (stat(root, &status))
		die("can't read %s: %s", root, strerror(errno));
	if (!S_ISDIR(status.st_mode))
		die("%s is a file: the contents of an image are folders, put single files in by an entry", root);
	merge_folder(tree, "/", root, copy_string(root));
}

static void copy_folder(struct node *tree, const char *path, const char *root, const char *provider)
{
	for (char **name = read_names(root); *name; name++) {
		char *source = join_path(root, *name), *child_path = join_path(path, *name);
		struct stat status;
		if (lstat(source, &status))
			die("can't read %s: %s", source, strerror(errno));
		struct node *child = find_child(tree, *name);
		if (S_ISDIR(status.st_mode)) {
			if (child && !is_folder(child))
				die("%s is provided by both %s and %s", child_path, child->provider, provider);
			if (!child)
				add_child(tree, child = new_node(*name, DIRECTORY, 0755, provider));
			expand_folder(child, child_path);
			child->mode = status.st_mode & 07777;
			copy_folder(child, child_path, source, provider);
			continue;
		}
		if (child)
			die("%s is provided by both %s and %s", child_path, child->provider, provider);
		if (S_ISLNK(status.st_mode)) {
			char target[PATH_MAX + 1];
			ssize_t length = readlink(source, target, PATH_MAX);
			if (length < 0)
				die("can't read the link %s: %s", source, strerror(errno));
			target[length] = 0;
			child = new_node(*name, SYMLINK, 0777, provider);
			child->target = copy_string(target);
		} else if (S_ISREG(status.st_mode)) {
			child = new_node(*name, REGULAR, status.st_mode & 07777, provider);
			child->target = source;
		} else {
			die("%s is neither a file, a folder nor a symlink", source);
		}
		add_child(tree, child);
	}
}

void merge_copy(struct node *tree, const char *root, const char *provider)
{
	copy_folder(tree, "", root, provider);
}

/* layer-tar OUT MTIME ENTRIES [--copy FOLDER] [--base LINKS] PACKAGE...
 *
 * OUT: the tar. MTIME: seconds since the epoch, of every member. ENTRIES: a list as in entries.c.
 * FOLDER: a tree whose files are copied as they are. LINKS: the links to folders that a base image
 * has, as in base.c; without it there is none. PACKAGES: trees whose files are linked. */
#include "layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static long long parse_mtime(const char *text)
{
	char *end;
	errno = 0;
	long long mtime = strtoll(text, &end, 10);
	if (errno || !*text || *end || mtime < 0 || mtime > 077777777777LL)
		die("'%s' is not a time in seconds", text);
	return mtime;
}

static FILE *open_list(const char *path)
{
	FILE *list = fopen(path, "r");
	if (!list)
		die("can't read %s: %s", path, strerror(errno));
	return list;
}

int main(int count, char **arguments)
{
	if (count < 4)
		die("usage: layer-tar OUT MTIME ENTRIES [--copy FOLDER] [--base LINKS] PACKAGE...");
	struct node *tree = new_node("", DIRECTORY, 0755, "the image");
	long long mtime = parse_mtime(arguments[2]);
	const char *copied = NULL, *links = NULL;
	int first = 4;
	for (; first + 1 < count && arguments[first][0] == '-'; first += 2) {
		if (!strcmp(arguments[first], "--copy"))
			copied = arguments[first + 1];
		else if (!strcmp(arguments[first], "--base"))
			links = arguments[first + 1];
		else
			die("unknown option %s", arguments[first]);
	}
	above_base = links != NULL;
	for (int n = first; n < count; n++)
		merge_package(tree, arguments[n]);
	if (copied)
		merge_copy(tree, copied, "extraCommands");

	if (links) {
		FILE *list = open_list(links);
		follow_links(tree, list);
		fclose(list);
	}
	FILE *entries = open_list(arguments[3]);
	apply_entries(tree, entries);
	fclose(entries);

	FILE *out = fopen(arguments[1], "wb");
	if (!out)
		die("can't write %s: %s", arguments[1], strerror(errno));
	write_layer(tree, out, mtime);
	if (fclose(out))
		die("can't write %s: %s", arguments[1], strerror(errno));
	return 0;
}

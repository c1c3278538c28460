/* layer-tar OUT MTIME ENTRIES [--copy FOLDER] PACKAGE...
 *
 * OUT: the tar. MTIME: seconds since the epoch, of every member. ENTRIES: a list as in entries.c.
 * FOLDER: a tree whose files are copied as they are. PACKAGES: trees whose files are linked. */
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

int main(int count, char **arguments)
{
	if (count < 4)
		die("usage: layer-tar OUT MTIME ENTRIES [--copy FOLDER] PACKAGE...");
	struct node *tree = new_node("", DIRECTORY, 0755, "the image");
	long long mtime = parse_mtime(arguments[2]);
	const char *copied = NULL;
	int first = 4;
	if (count > 5 && !strcmp(arguments[4], "--copy")) {
		copied = arguments[5];
		first = 6;
	}
	for (int n = first; n < count; n++)
		merge_package(tree, arguments[n]);
	if (copied)
		merge_copy(tree, copied, "extraCommands");

	FILE *entries = fopen(arguments[3], "r");
	if (!entries)
		die("can't read %s: %s", arguments[3], strerror(errno));
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

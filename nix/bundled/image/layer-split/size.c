/* How many bytes a store path takes in a layer: 512 for each member's header, and the contents of
 * files in whole blocks of 512. It is the same on every file system. */
#include "split.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK UINT64_C(512)

static uint64_t measure_at(int folder, const char *name, const char *whole)
{
	struct stat status;
	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW))
		die("can't look at %s in %s: %s", name, whole, strerror(errno));
	if (S_ISREG(status.st_mode))
		return BLOCK + ((uint64_t)status.st_size + BLOCK - 1) / BLOCK * BLOCK;
	if (!S_ISDIR(status.st_mode))
		return BLOCK;
	int own = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = own < 0 ? NULL : fdopendir(own);
	if (!list)
		die("can't list %s in %s: %s", name, whole, strerror(errno));
	uint64_t bytes = BLOCK;
	struct dirent *entry;
	while (errno = 0, entry = readdir(list))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			bytes += measure_at(own, entry->d_name, whole);
	if (errno)
		die("can't list %s in %s: %s", name, whole, strerror(errno));
	closedir(list);
	return bytes;
}

uint64_t measure(const char *path)
{
	return measure_at(AT_FDCWD, path, path);
}

/* Sizes from a file instead of the disk: lines of bytes, a space and the path. */
void read_sizes(struct closure *closure, const char *file)
{
	FILE *lines = fopen(file, "r");
	if (!lines)
		die("can't read %s: %s", file, strerror(errno));
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	while ((length = getline(&line, &room, lines)) >= 0) {
		if (length && line[length - 1] == '\n')
			line[length - 1] = '\0';
		char *path;
		uint64_t bytes = strtoull(line, &path, 10);
		if (path == line || *path++ != ' ')
			die("%s: '%s' is not a size and a path", file, line);
		for (size_t i = 0; i < closure->count; i++)
			if (!strcmp(closure->paths[i].text, path))
				closure->paths[i].bytes = bytes;
	}
	free(line);
	fclose(lines);
}

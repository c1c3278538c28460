/* The tar: ustar headers, with pax records where ustar has no room.
 * https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html */
#include "layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 512, RECORD = 20 * BLOCK, NAME_SIZE = 100 };
static const unsigned long LARGEST_OCTAL_ID = 07777777;
static const long long LARGEST_OCTAL_SIZE = 077777777777LL;

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], padding[12];
};

struct stream {
	FILE *out;
	long long written, mtime;
};

static void put(struct stream *stream, const void *bytes, size_t size)
{
	if (fwrite(bytes, 1, size, stream->out) != size)
		die("can't write the layer: %s", strerror(errno));
	stream->written += size;
}

static void pad(struct stream *stream, long long unit)
{
	static const char zeros[BLOCK];
	while (stream->written % unit) {
		long long missing = unit - stream->written % unit;
		put(stream, zeros, missing > BLOCK ? BLOCK : missing);
	}
}

static void put_octal(char *field, size_t size, unsigned long long value)
{
	snprintf(field, size, "%0*llo", (int)size - 1, value);
}

static bool fits(const char *text)
{
	if (strlen(text) > NAME_SIZE)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* Appends "<length> <key>=<value>\n", where the length counts its own digits. */
static void add_record(char **records, const char *key, const char *value)
{
	size_t payload = strlen(key) + strlen(value) + 3, length = payload, digits;
	do {
		digits = snprintf(NULL, 0, "%zu", length);
		if (payload + digits == length)
			break;
		length = payload + digits;
	} while (true);
	size_t before = *records ? strlen(*records) : 0;
	char *grown = realloc(*records, before + length + 1);
	if (!grown)
		die("out of memory");
	sprintf(grown + before, "%zu %s=%s\n", length, key, value);
	*records = grown;
}

static void put_header(struct stream *stream, const char *name, char type, mode_t mode,
		       unsigned long uid, unsigned long gid, long long size, const char *link)
{
	struct header header = { 0 };
	_Static_assert(sizeof header == BLOCK, "a tar header is one block");
	memcpy(header.name, name, strnlen(name, sizeof header.name));
	put_octal(header.mode, sizeof header.mode, mode);
	put_octal(header.uid, sizeof header.uid, uid > LARGEST_OCTAL_ID ? 0 : uid);
	put_octal(header.gid, sizeof header.gid, gid > LARGEST_OCTAL_ID ? 0 : gid);
	put_octal(header.size, sizeof header.size, size);
	put_octal(header.mtime, sizeof header.mtime, stream->mtime);
	header.type = type;
	if (link)
		memcpy(header.link, link, strnlen(link, sizeof header.link));
	memcpy(header.magic, "ustar", sizeof header.magic);
	memcpy(header.version, "00", sizeof header.version);
	memset(header.checksum, ' ', sizeof header.checksum);
	unsigned sum = 0;
	for (size_t n = 0; n < sizeof header; n++)
		sum += ((const unsigned char *)&header)[n];
	snprintf(header.checksum, sizeof header.checksum, "%06o", sum);
	header.checksum[7] = ' ';
	put(stream, &header, sizeof header);
}

static void put_member(struct stream *stream, const char *name, char type, const struct node *node,
		       long long size)
{
	char *records = NULL, number[24];
	const char *link = type == '2' ? node->target : NULL;
	if (!fits(name))
		add_record(&records, "path", name);
	if (link && !fits(link))
		add_record(&records, "linkpath", link);
	if (node->uid > LARGEST_OCTAL_ID) {
		snprintf(number, sizeof number, "%lu", node->uid);
		add_record(&records, "uid", number);
	}
	if (node->gid > LARGEST_OCTAL_ID) {
		snprintf(number, sizeof number, "%lu", node->gid);
		add_record(&records, "gid", number);
	}
	if (records) {
		put_header(stream, "././@PaxHeader", 'x', 0644, 0, 0, strlen(records), NULL);
		put(stream, records, strlen(records));
		pad(stream, BLOCK);
		free(records);
	}
	put_header(stream, name, type, node->mode, node->uid, node->gid, size, link);
}

static void put_file(struct stream *stream, const char *name, const struct node *node)
{
	struct stat status;
	FILE *file = fopen(node->target, "rb");
	if (!file || fstat(fileno(file), &status))
		die("entry %s: can't read %s: %s", name + 1, node->target, strerror(errno));
	if (!S_ISREG(status.st_mode))
		die("entry %s: %s is no file", name + 1, node->target);
	if (status.st_size > LARGEST_OCTAL_SIZE)
		die("entry %s: %s is larger than 8 GiB", name + 1, node->target);
	put_member(stream, name, '0', node, status.st_size);

	char buffer[1 << 16];
	long long left = status.st_size;
	while (left > 0) {
		size_t got = fread(buffer, 1, sizeof buffer, file);
		if (!got || (long long)got > left)
			die("entry %s: %s changed while it was read", name + 1, node->target);
		put(stream, buffer, got);
		left -= got;
	}
	fclose(file);
	pad(stream, BLOCK);
}

static void put_tree(struct stream *stream, const struct node *node, const char *path)
{
	char *name;
	switch (node->kind) {
	case REGULAR:
		put_file(stream, path, node);
		break;
	case SYMLINK:
		put_member(stream, path, '2', node, 0);
		break;
	case DIRECTORY:
		name = join_path(path, "");
		put_member(stream, name, '5', node, 0);
		free(name);
		for (size_t n = 0; n < node->count; n++) {
			name = join_path(path, node->children[n]->name);
			put_tree(stream, node->children[n], name);
			free(name);
		}
		break;
	}
}

void write_layer(const struct node *tree, FILE *out, long long mtime)
{
	static const char end[2 * BLOCK];
	struct stream stream = { .out = out, .mtime = mtime };
	put_tree(&stream, tree, ".");
	put(&stream, end, sizeof end);
	pad(&stream, RECORD);
	if (fflush(out))
		die("can't write the layer: %s", strerror(errno));
}

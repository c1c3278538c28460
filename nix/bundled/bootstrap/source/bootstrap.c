/*
 * Makes the first shell and tools of the bundled package set: configures, compiles and installs BusyBox with
 * nothing but zig, where there is no shell and no make. zig itself compiles and starts this program.
 *
 *   bootstrap ZIG TARGET SOURCE HERE OUT
 *
 * ZIG is the compiler, TARGET its name for the platform, SOURCE an unpacked BusyBox tree, HERE the folder of this
 * file, OUT the folder to make (bin/busybox, and a link for each applet). Generated headers go to ./include;
 * nothing else is written in the working folder but what zig keeps in its cache.
 *
 * BusyBox keeps its Kconfig entries and its list of applets in comments of its sources (`//config:`, `//applet:`);
 * its own build collects them with sed and a Kconfig parser, here two small scans do.
 */
#include <dirent.h>
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct words {
	char **list; /* always ends in NULL */
	size_t count;
};

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *pattern, ...)
{
	char *text;
	va_list arguments;

	va_start(arguments, pattern);
	if (vasprintf(&text, pattern, arguments) < 0)
		err(1, "formatting a string");
	va_end(arguments);
	return text;
}

static void push(struct words *words, char *word)
{
	words->list = realloc(words->list, (words->count + 2) * sizeof *words->list);
	if (!words->list)
		err(1, "growing a list");
	words->list[words->count++] = word;
	words->list[words->count] = NULL;
}

static FILE *open_file(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);

	if (!file)
		err(1, "opening %s", path);
	return file;
}

static void close_written(FILE *file, const char *path)
{
	if (ferror(file) | fclose(file))
		err(1, "writing %s", path);
}

/* Reads a line without its line feed into *line; 0 at the end of the file. */
static int read_line(FILE *file, char **line)
{
	size_t room = 0;
	ssize_t length;

	*line = NULL;
	length = getline(line, &room, file);
	if (length > 0 && (*line)[length - 1] == '\n')
		(*line)[length - 1] = 0;
	return length >= 0;
}

/* All words of a file in which `#` starts a comment. A word that ends in `:` is put before those that follow it
 * on its line, with a slash: `libbb: llist time` gives `libbb/llist` and `libbb/time`. */
static struct words read_words(const char *path)
{
	struct words words = {0};
	FILE *file = open_file(path, "r");
	char *line, *word, *rest;

	while (read_line(file, &line)) {
		const char *folder = NULL;

		line[strcspn(line, "#")] = 0;
		for (word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
			size_t length = strlen(word);

			if (word[length - 1] == ':') {
				word[length - 1] = 0;
				folder = word;
			} else
				push(&words, folder ? format("%s/%s", folder, word) : word);
		}
	}
	fclose(file);
	return words;
}

/* The lines of every C and Kconfig file in the folder and the two levels below it, in the order of names. */
static void read_sources(struct words *lines, const char *folder, int levels)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);

	if (count < 0)
		err(1, "listing %s", folder);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		const char *suffix = strrchr(name, '.');
		char *path = format("%s/%s", folder, name), *line;
		struct stat status;

		if (name[0] == '.')
			continue;
		if (lstat(path, &status))
			err(1, "looking at %s", path);
		if (S_ISDIR(status.st_mode) && levels > 0)
			read_sources(lines, path, levels - 1);
		if (!S_ISREG(status.st_mode) || !suffix)
			continue;
		if (!strcmp(suffix, ".c") || !strcmp(name, "Config.src") || !strcmp(name, "Config.in")) {
			FILE *file = open_file(path, "r");

			while (read_line(file, &line))
				push(lines, line);
			fclose(file);
		}
	}
}

/* What follows the prefix in the line; NULL if the line starts otherwise. */
static const char *after(const char *line, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(line, prefix, length) ? NULL : line + length;
}

/* The value that the configuration gives to the symbol: NULL if off, "1" for a bare name. */
static const char *value_of(const struct words *config, const char *symbol, char *seen)
{
	for (size_t i = 0; i < config->count; i++) {
		const char *rest = after(config->list[i], symbol);

		if (rest && (!*rest || *rest == '=')) {
			seen[i] = 1;
			return *rest ? rest + 1 : "1";
		}
	}
	return NULL;
}

/* include/autoconf.h, as BusyBox's Kconfig writes it: four macros for every symbol that is declared. */
static void write_autoconf(const struct words *lines, const struct words *config)
{
	FILE *file = open_file("include/autoconf.h", "w");
	char *seen = calloc(config->count + 1, 1);

	fputs("#define AUTOCONF_TIMESTAMP \"\"\n", file);
	for (size_t i = 0; i < lines->count; i++) {
		const char *line = after(lines->list[i], "//config:");
		const char *symbol = after(line ? line : lines->list[i], "config ");
		const char *value;

		if (!symbol)
			continue;
		value = value_of(config, symbol, seen);
		if (value)
			fprintf(file, "#define CONFIG_%s %s\n", symbol, value);
		fprintf(file, "#define ENABLE_%s %d\n", symbol, value != NULL);
		fprintf(file, "#define IF_%s(...)%s\n", symbol, value ? " __VA_ARGS__" : "");
		fprintf(file, "#define IF_NOT_%s(...)%s\n", symbol, value ? "" : " __VA_ARGS__");
	}
	for (size_t i = 0; i < config->count; i++)
		if (!seen[i])
			errx(1, "busybox.config: this BusyBox has no symbol %s", config->list[i]);
	close_written(file, "include/autoconf.h");
	free(seen);
}

/* include/applets.h: the template with the applets' lines in the place of its line INSERT. */
static void write_applets(const struct words *lines, const char *source)
{
	FILE *template = open_file(format("%s/include/applets.src.h", source), "r");
	FILE *file = open_file("include/applets.h", "w");
	char *line;

	while (read_line(template, &line)) {
		if (strcmp(line, "INSERT")) {
			fprintf(file, "%s\n", line);
			continue;
		}
		for (size_t i = 0; i < lines->count; i++) {
			const char *applet = after(lines->list[i], "//applet:");

			if (applet)
				fprintf(file, "%s\n", applet);
		}
	}
	fclose(template);
	close_written(file, "include/applets.h");
}

static void write_text(const char *path, const char *text)
{
	FILE *file = open_file(path, "w");

	fputs(text, file);
	close_written(file, path);
}

/* Runs a program to its end and stops the build unless it succeeds. Returns what it printed if asked to. */
static FILE *run(char *const *command, int want_output)
{
	FILE *output = want_output ? tmpfile() : NULL;
	int status;
	pid_t child;

	if (want_output && !output)
		err(1, "making a temporary file");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		if (output)
			dup2(fileno(output), 1);
		execv(command[0], command);
		err(127, "starting %s", command[0]);
	}
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "%s %s failed (status %d)", command[0], command[1], status);
	if (output)
		rewind(output);
	return output;
}

/* One link for every applet; the shell and most programs choose theirs by the name they are started under. */
static void link_applets(const char *bin)
{
	char *const command[] = {format("%s/busybox", bin), "--list", NULL};
	FILE *names = run(command, 1);
	char *name;

	while (read_line(names, &name))
		if (strcmp(name, "busybox") && symlink("busybox", format("%s/%s", bin, name)))
			err(1, "linking %s", name);
	fclose(names);
}

static void make_folder(const char *path)
{
	if (mkdir(path, 0755))
		err(1, "making the folder %s", path);
}

static void write_headers(const char *source, const char *here)
{
	struct words lines = {0};
	struct words config = read_words(format("%s/busybox.config", here));

	read_sources(&lines, source, 2);
	make_folder("include");
	write_autoconf(&lines, &config);
	write_applets(&lines, source);
	/* No usage texts, and the portable size of the shared buffer. */
	write_text("include/usage_compressed.h", "");
	write_text("include/common_bufsiz.h",
		"enum { COMMON_BUFSIZE = 1024 };\n"
		"extern char bb_common_bufsiz1[];\n"
		"#define setup_common_bufsiz() ((void)0)\n");
}

/* BusyBox's own program lays out the tables by which it finds an applet. */
static void write_tables(char *zig, char *target, const char *source)
{
	char *const command[] = {zig, "run", "-lc", "-target", target, "-OReleaseSmall", "-fstrip", "-Iinclude",
		format("-I%s/include", source), format("%s/applets/applet_tables.c", source),
		"--", "include/applet_tables.h", "include/NUM_APPLETS.h", NULL};

	run(command, 0);
}

static void compile(char *zig, char *target, const char *source, const char *here, const char *bin)
{
	char *const options[] = {zig, "cc", "-target", target, "-static", "-s", "-g0", "-Os", "-std=gnu99", "-w",
		"-funsigned-char", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-D_GNU_SOURCE", "-DNDEBUG",
		"-D_FILE_OFFSET_BITS=64", "-DBB_VER=\"bootstrap\"", "-DBB_EXTRA_VERSION=\"\"",
		/* Else BusyBox declares variables const that it sets, and clang does not reload them: awk fails on ARM. */
		"-DBB_GLOBAL_CONST=",
		"-Iinclude", format("-I%s/include", source), format("-I%s/libbb", source), "-include", "autoconf.h",
		"-o", format("%s/busybox", bin), format("%s/shell_door.c", here), NULL};
	struct words command = {0}, files = read_words(format("%s/busybox.sources", here));

	for (char *const *option = options; *option; option++)
		push(&command, *option);
	for (size_t i = 0; i < files.count; i++)
		push(&command, format("%s/%s.c", source, files.list[i]));
	run(command.list, 0);
}

int main(int count, char **arguments)
{
	char *zig, *target, *source, *here, *out, *bin;

	if (count != 6)
		errx(2, "usage: bootstrap ZIG TARGET SOURCE HERE OUT");
	zig = arguments[1], target = arguments[2], source = arguments[3], here = arguments[4], out = arguments[5];
	bin = format("%s/bin", out);
	write_headers(source, here);
	write_tables(zig, target, source);
	make_folder(out);
	make_folder(bin);
	compile(zig, target, source, here, bin);
	link_applets(bin);
	return 0;
}

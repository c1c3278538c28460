/*
 * system(), popen() and pclose() for the bootstrap tools. The C library's own start /bin/sh, which Nix's sandbox
 * does not have; these start the shell inside the running program. Only awk's system() and pipes use them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stream {
	FILE *file;
	pid_t child;
	struct stream *next;
} *streams;

static void start_shell(const char *command)
{
	/* By its own name: to execute /proc/self/exe under qemu's user mode would start qemu. */
	char program[PATH_MAX] = "";

	if (readlink("/proc/self/exe", program, sizeof program - 1) > 0)
		execl(program, "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

int system(const char *command)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit;
	pid_t child;
	int status;

	if (!command)
		return 1;
	sigaction(SIGINT, &ignore, &interrupt);
	sigaction(SIGQUIT, &ignore, &quit);
	child = fork();
	if (child == 0) {
		sigaction(SIGINT, &interrupt, NULL);
		sigaction(SIGQUIT, &quit, NULL);
		start_shell(command);
	}
	status = child < 0 ? -1 : wait_for(child);
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGQUIT, &quit, NULL);
	return status;
}

FILE *popen(const char *command, const char *mode)
{
	int reads = mode[0] == 'r', ends[2];
	struct stream *stream = malloc(sizeof *stream);

	if (!stream || pipe2(ends, O_CLOEXEC)) {
		free(stream);
		return NULL;
	}
	stream->child = fork();
	if (stream->child == 0) {
		/* The child's end is number 1 when we read, 0 when we write; dup2 drops close-on-exec. */
		dup2(ends[reads], reads);
		start_shell(command);
	}
	close(ends[reads]);
	stream->file = stream->child < 0 ? NULL : fdopen(ends[!reads], mode);
	if (!stream->file) {
		close(ends[!reads]);
		free(stream);
		return NULL;
	}
	stream->next = streams;
	streams = stream;
	return stream->file;
}

int pclose(FILE *file)
{
	for (struct stream **link = &streams; *link; link = &(*link)->next) {
		struct stream *stream = *link;
		pid_t child = stream->child;

		if (stream->file != file)
			continue;
		*link = stream->next;
		free(stream);
		fclose(file);
		return wait_for(child);
	}
	errno = ECHILD;
	return -1;
}

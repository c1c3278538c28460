/* A program for images under test: each word says one thing about where it runs. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

static void bye(int number) {
  (void)number;
  write(1, "bye\n", 4);
  _exit(5);
}

static int report(void) {
  char cwd[4096], line[256];
  struct utsname name;
  uname(&name);
  printf("uid %d\ngid %d\ncwd %s\nmachine %s\n", getuid(), getgid(), getcwd(cwd, sizeof cwd),
         name.machine);
  gid_t groups[64];
  for (int i = 0, n = getgroups(64, groups); i < n; i++)
    if (groups[i] != getgid()) printf("extra-group %d\n", groups[i]);
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (!strncmp(line, "CapEff:", 7) || !strncmp(line, "NoNewPrivs:", 11)) fputs(line, stdout);
  return 0;
}

static int try_write(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  printf("%s %s\n", path, fd < 0 ? strerrorname_np(errno) : "ok");
  return 0;
}

static int try_bind(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (void *)&to, sizeof to) || listen(listener, 8)) {
    perror("bind");
    return 1;
  }
  puts("listening");
  fflush(stdout);
  for (;;) {
    int peer = accept(listener, NULL, NULL);
    write(peer, "served\n", 7);
    close(peer);
  }
}

/* "/" answers, "/busy" does the third time, "/slow" never; anything else is not found. */
static int serve_http(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int asked = 0, listener = socket(AF_INET, SOCK_STREAM, 0);
  signal(SIGTERM, bye);
  if (bind(listener, (void *)&to, sizeof to) || listen(listener, 8)) return 1;
  for (;;) {
    char request[4096] = "", path[256] = "";
    int peer = accept(listener, NULL, NULL);
    read(peer, request, sizeof request - 1);
    sscanf(request, "GET %255s", path);
    int busy = !strcmp(path, "/busy") && asked++ < 2;
    if (!strcmp(path, "/slow")) continue;
    dprintf(peer, "HTTP/1.1 %s\r\nContent-Length: 3\r\n\r\nhi\n",
            busy ? "503 Busy" : !strcmp(path, "/") || !strcmp(path, "/busy") ? "200 OK" : "404 No");
    close(peer);
  }
}

static int try_connect(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  puts(connect(s, (void *)&to, sizeof to) ? strerrorname_np(errno) : "connected");
  return 0;
}

int main(int count, char **words) {
  const char *what = count > 1 ? words[1] : "report", *with = count > 2 ? words[2] : "";
  if (!strcmp(what, "report")) return report();
  if (!strcmp(what, "args")) {
    for (int i = 0; i < count; i++) printf("<%s>\n", words[i]);
    return 0;
  }
  if (!strcmp(what, "env")) {
    for (char **entry = environ; *entry; entry++) puts(*entry);
    return 0;
  }
  if (!strcmp(what, "write")) {
    for (int i = 2; i < count; i++) try_write(words[i]);
    return 0;
  }
  if (!strcmp(what, "mode")) {
    struct stat found;
    if (stat(with, &found)) printf("%s\n", strerrorname_np(errno));
    else printf("%o\n", found.st_mode & 07777);
    return 0;
  }
  if (!strcmp(what, "read")) {
    int fd = open(with, O_RDONLY);
    puts(fd < 0 ? strerrorname_np(errno) : "ok");
    return 0;
  }
  if (!strcmp(what, "fds")) {
    for (int fd = 3; fd < 256; fd++)
      if (fcntl(fd, F_GETFD) != -1) printf("open %d\n", fd);
    return 0;
  }
  if (!strcmp(what, "exit")) return atoi(with);
  if (!strcmp(what, "kill")) return kill(getpid(), atoi(with));
  if (!strcmp(what, "cat")) {
    char buffer[65536];
    for (ssize_t n; (n = read(0, buffer, sizeof buffer)) > 0;) write(1, buffer, n);
    return 0;
  }
  if (!strcmp(what, "spam")) for (;;) if (write(1, "spam spam spam\n", 15) < 0) return 1;
  if (!strcmp(what, "sleep")) {
    /* A second process too, in a session of its own, as a careless server leaves it. */
    if (fork() == 0) setsid();
    printf("sleeping\n");
    fflush(stdout);
    sleep(3000);
    return 0;
  }
  if (!strcmp(what, "daemon")) {
    if (fork() == 0) {
      setsid();
      sleep(3000);
    }
    puts("gone into the background");
    return 0;
  }
  if (!strcmp(what, "trap")) {
    signal(SIGTERM, bye);
    signal(SIGINT, bye);
    signal(SIGUSR1, bye);
    puts("ready");
    fflush(stdout);
    for (;;) pause();
  }
  if (!strcmp(what, "deaf")) {
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    puts("ready");
    fflush(stdout);
    for (;;) pause();
  }
  if (!strcmp(what, "serve")) return try_bind(atoi(with));
  if (!strcmp(what, "http")) return serve_http(atoi(with));
  if (!strcmp(what, "connect")) return try_connect(atoi(with));
  fprintf(stderr, "probe: what is %s?\n", what);
  return 64;
}

/* A small HTTP/1.1 server: GET and HEAD of "/" and "/healthz", one thread, one poll loop. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CLIENTS = 64, REQUEST_BYTES = 2048, REPLY_BYTES = 1024, IDLE_S = 10 };

struct client {
    size_t used;
    time_t since;
    char request[REQUEST_BYTES];
};

static volatile sig_atomic_t stopping;
static struct pollfd fds[MAX_CLIENTS + 1];
static struct client clients[MAX_CLIENTS + 1];
static int count = 1;

static void on_signal(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static void drop(int i)
{
    close(fds[i].fd);
    count--;
    fds[i] = fds[count];
    clients[i] = clients[count];
}

static void send_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = write(fd, data, length);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return;
        data += sent;
        length -= (size_t)sent;
    }
}

static void reply(int fd, const char *status, const char *body, int with_body)
{
    char text[REPLY_BYTES];
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                          "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                          status, strlen(body), with_body ? body : "");
    if (length > 0 && (size_t)length < sizeof text)
        send_all(fd, text, (size_t)length);
}

static void answer(int fd, const char *request)
{
    char method[8], target[256], body[256];
    struct utsname machine;
    int is_head;

    if (sscanf(request, "%7s %255s", method, target) != 2) {
        reply(fd, "400 Bad Request", "bad request\n", 1);
        return;
    }
    is_head = strcmp(method, "HEAD") == 0;
    if (!is_head && strcmp(method, "GET") != 0) {
        reply(fd, "405 Method Not Allowed", "only GET and HEAD\n", 1);
    } else if (strcmp(target, "/healthz") == 0) {
        reply(fd, "200 OK", "ok\n", !is_head);
    } else if (strcmp(target, "/") == 0) {
        uname(&machine);
        snprintf(body, sizeof body, "hello from %s, user %d\n", machine.machine, (int)getuid());
        reply(fd, "200 OK", body, !is_head);
    } else {
        reply(fd, "404 Not Found", "not found\n", !is_head);
    }
}

/* Reads what is there; 1 when the client is done with, whatever the reason. */
static int serve(int i)
{
    struct client *client = &clients[i];
    ssize_t got = read(fds[i].fd, client->request + client->used,
                       sizeof client->request - 1 - client->used);
    if (got < 0)
        return errno != EINTR && errno != EAGAIN;
    if (got == 0)
        return 1;
    client->used += (size_t)got;
    client->request[client->used] = '\0';
    if (strstr(client->request, "\r\n\r\n")) {
        answer(fds[i].fd, client->request);
        return 1;
    }
    if (client->used == sizeof client->request - 1) {
        reply(fds[i].fd, "431 Request Header Fields Too Large", "too large\n", 1);
        return 1;
    }
    return 0;
}

static void admit(void)
{
    int fd = accept(fds[0].fd, NULL, NULL);
    if (fd < 0)
        return;
    if (count > MAX_CLIENTS) {
        close(fd);
        return;
    }
    fds[count] = (struct pollfd){.fd = fd, .events = POLLIN};
    clients[count] = (struct client){.since = time(NULL)};
    count++;
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 64) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void loop(void)
{
    while (!stopping) {
        int ready = poll(fds, (nfds_t)count, 1000);
        time_t now = time(NULL);
        for (int i = count - 1; i > 0; i--)
            if ((ready > 0 && fds[i].revents && serve(i)) || now - clients[i].since > IDLE_S)
                drop(i);
        if (ready > 0 && (fds[0].revents & POLLIN))
            admit();
    }
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    int port = 8080;

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("http-c " APP_VERSION);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--port") == 0)
        port = atoi(argv[2]);
    else if (argc != 1)
        port = 0;
    if (port < 1 || port > 65535) {
        fprintf(stderr, "usage: http-c [--port 1..65535 | --version]\n");
        return 2;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    fds[0] = (struct pollfd){.fd = listen_on(port), .events = POLLIN};
    if (fds[0].fd < 0) {
        fprintf(stderr, "http-c: port %d: %s\n", port, strerror(errno));
        return 1;
    }
    fprintf(stderr, "http-c: listening on port %d\n", port);
    loop();
    return 0;
}

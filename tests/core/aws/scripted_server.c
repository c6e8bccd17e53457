#include "tests/core/aws/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Reads one request with its body; false at the end of the connection. */
static bool read_request(int fd)
{
    char text[8192];
    size_t length = 0;
    while (length < sizeof(text) - 1) {
        ssize_t got = read(fd, text + length, sizeof(text) - 1 - length);
        if (got <= 0)
            return false;
        length += (size_t)got;
        text[length] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *size = strcasestr(text, "\r\nContent-Length:");
        size_t body = size == NULL ? 0 : strtoul(size + 17, NULL, 10);
        if (end != NULL && length >= (size_t)(end + 4 - text) + body)
            return true;
    }
    return false;
}

static void answer(int fd, const struct step *step)
{
    if (dprintf(fd, "%sContent-Length: %zu\r\n\r\n%s", step->head, strlen(step->body), step->body) <
        0)
        perror("answer");
}

static void drip(int fd, const struct step *step)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    bool heard = dprintf(fd, "%sContent-Length: 100000\r\n\r\n", step->head) > 0;
    while (heard) {
        heard = write(fd, " ", 1) == 1;
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
}

static void reset_connection(int fd, const struct step *step)
{
    const struct linger at_once = {.l_onoff = 1};
    (void)dprintf(fd, "%sContent-Length: 9\r\n\r\n", step->head);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* True if the connection lives on. */
static bool misbehave(int fd, const struct step *step)
{
    switch (step->how) {
    case SILENCE:
        return true;
    case HALF:
        (void)dprintf(fd, "%sContent-Length: %zu\r\n\r\n%s", step->head, 2 * strlen(step->body),
                      step->body);
        return false;
    case DRIP:
        drip(fd, step);
        return false;
    case RESET:
        reset_connection(fd, step);
        return false;
    case BARE:
        (void)dprintf(fd, "%s%s", step->head, step->body);
        return false;
    default:
        return false;
    }
}

/* Serves one connection after the other; the count of requests goes to `report`. */
static void serve(int listener, const struct step *steps, int report)
{
    static const struct step beyond = {"HTTP/1.1 599 Beyond the script\r\n", "", 0};
    int asked = 0;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        while (fd >= 0 && read_request(fd)) {
            const struct step *step = asked < MAX_STEPS ? &steps[asked] : &beyond;
            asked++;
            if (write(report, "x", 1) != 1)
                _exit(1);
            if (step->how == 0) {
                answer(fd, step->head == NULL ? &beyond : step);
            } else if (!misbehave(fd, step)) {
                break;
            }
        }
        (void)close(fd);
    }
}

static int listen_somewhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (const struct sockaddr *)&address, size) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        perror("listen");
        exit(1);
    }
    *port = ntohs(address.sin_port);
    return listener;
}

struct server server_start(const struct step *steps)
{
    struct server server = {0};
    int ends[2];
    int port = 0;
    int listener = listen_somewhere(&port);
    if (pipe(ends) != 0 || (server.pid = fork()) < 0) {
        perror("fork");
        exit(1);
    }
    if (server.pid == 0) {
        (void)close(ends[0]);
        serve(listener, steps, ends[1]);
    }
    (void)close(listener);
    (void)close(ends[1]);
    server.report = ends[0];
    (void)snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%d/", port);
    return server;
}

int server_stop(const struct server *server)
{
    char marks[64];
    int count = 0;
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    for (ssize_t got; (got = read(server->report, marks, sizeof(marks))) > 0;)
        count += (int)got;
    (void)close(server->report);
    return count;
}

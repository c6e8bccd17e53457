#include "core/host/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/host/hold_answer.h"
#include "core/wire.h"

enum { PATIENCE_MS = 5000, KEY_MAX = 64 };

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}
#define CLEANUP_FD CLEANUP(close_fd)

static enum error_code name_socket(const char *key, struct sockaddr_un *address, struct error *err)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    if (key[0] == '\0' || strlen(key) > KEY_MAX || key[strspn(key, plain)] != '\0')
        return error_set(err, ERR_INVALID, "'%.80s' is no key", key);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(address->sun_path, sizeof(address->sun_path), "%s/hold.%s", KEEPER_DIR, key);
    return ERR_NONE;
}

/* Reads until a newline; the rest of what came, if any, is not for us. */
static bool get_line(int fd, char *line, size_t size, int patience_ms)
{
    size_t length = 0;
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    while (length < size && poll(&wanted, 1, patience_ms) == 1) {
        ssize_t got = recv(fd, line + length, size - length, 0);
        if (got <= 0)
            return false;
        char *end = memchr(line + length, '\n', (size_t)got);
        length += (size_t)got;
        if (end != NULL) {
            *end = '\0';
            return true;
        }
    }
    return false;
}

static bool put(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t done = send(fd, text, length, MSG_NOSIGNAL);
        if (done <= 0)
            return false;
        text += done;
        length -= (size_t)done;
    }
    return true;
}

/* Hears one asker; false after "bye". */
static bool hear(struct hold_talk *talk, int listener, struct strbuf *answer)
{
    static char line[WIRE_LINE_MAX];
    CLEANUP_FD int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 || !get_line(fd, line, sizeof(line), PATIENCE_MS))
        return true;
    bool is_last = strcmp(line, "bye") == 0;
    if (is_last) {
        hold_talk_done(talk);
        strbuf_clear(answer);
        strbuf_puts(answer, "ok");
    } else {
        hold_talk_answer(talk, line, answer);
    }
    strbuf_puts(answer, "\n");
    (void)put(fd, strbuf_text(answer), answer->length);
    return !is_last;
}

static void keep(int listener, const char *path)
{
    static struct hold_talk talk;
    struct strbuf answer = {.max_bytes = WIRE_LINE_MAX};
    struct pollfd wanted = {.fd = listener, .events = POLLIN};
    strbuf_reserve(&answer, WIRE_LINE_MAX);
    while (poll(&wanted, 1, HOLD_IDLE_MS) == 1 && hear(&talk, listener, &answer))
        continue;
    hold_talk_done(&talk);
    strbuf_done(&answer);
    (void)unlink(path);
}

/* Away from the command that made it: another session, no output of it held open, no child to wait
 * for. */
static void detach(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)setsid();
    for (int fd = 0; fd < 3; fd++)
        (void)dup2(null, fd);
    if (null > 2)
        (void)close(null);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
}

/* The socket is there before the process is, so that whoever asks next finds it. */
static enum error_code start(const struct sockaddr_un *address, struct error *err)
{
    CLEANUP_FD int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (mkdir(KEEPER_DIR, 0755) != 0 && errno != EEXIST)
        return error_set(err, ERR_SYSTEM, "cannot make '%s': %s", KEEPER_DIR,
                         strerrordesc_np(errno));
    (void)unlink(address->sun_path);
    mode_t usual = umask(0077);
    bool bound = listener >= 0 &&
                 bind(listener, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
                 listen(listener, 4) == 0;
    (void)umask(usual);
    if (!bound) {
        return error_set(err, ERR_SYSTEM, "cannot listen at '%s': %s", address->sun_path,
                         strerrordesc_np(errno));
    }
    pid_t pid = fork();
    if (pid < 0)
        return error_set(err, ERR_SYSTEM, "cannot start a process: %s", strerrordesc_np(errno));
    if (pid > 0)
        return ERR_NONE;
    detach();
    keep(listener, address->sun_path);
    _exit(0);
}

static bool reach(const struct sockaddr_un *address, int *fd)
{
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && connect(*fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return true;
    close_fd(fd);
    *fd = -1;
    return false;
}

enum error_code keeper_ask(const char *key, const char *line, struct strbuf *answer,
                           struct error *err)
{
    static char heard[WIRE_LINE_MAX];
    struct sockaddr_un address;
    CLEANUP_FD int fd = -1;
    TRY(name_socket(key, &address, err));
    if (!reach(&address, &fd)) {
        if (strcmp(line, "bye") == 0) {
            strbuf_puts(answer, "ok\n");
            return ERR_NONE;
        }
        TRY(start(&address, err));
        if (!reach(&address, &fd))
            return error_set(err, ERR_SYSTEM, "cannot reach '%s'", address.sun_path);
    }
    if (!put(fd, line, strlen(line)) || !put(fd, "\n", 1) ||
        !get_line(fd, heard, sizeof(heard), HOLD_IDLE_MS))
        return error_set(err, ERR_SYSTEM, "the keeper of '%s' is gone", address.sun_path);
    strbuf_printf(answer, "%s\n", heard);
    return strbuf_check(answer, err);
}

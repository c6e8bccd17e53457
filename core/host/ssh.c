#include "core/host/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"

enum { END_MS = 2000, SLICE_MS = 20, ARGUMENTS_MAX = 32 };

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";

enum error_code ssh_check(const struct ssh_options *options, struct error *err)
{
    const char *where = options->destination;
    const char *command = options->command;
    char allowed[sizeof(plain) + 8];
    (void)snprintf(allowed, sizeof(allowed), "%s@:", plain);
    if (where[0] == '\0' || where[0] == '-' || where[strspn(where, allowed)] != '\0') {
        return error_set(err, ERR_CONFIG, "host.ssh is '%s', not a host or user@host", where);
    }
    (void)snprintf(allowed, sizeof(allowed), "%s =", plain);
    if (command[0] == '\0' || command[strspn(command, allowed)] != '\0') {
        return error_set(err, ERR_CONFIG,
                         "host.command is '%s': only letters, digits and ' ._/=-' may be in it",
                         command);
    }
    return ERR_NONE;
}

static void list_arguments(const struct ssh *ssh, const char *arguments[ARGUMENTS_MAX])
{
    static const char *const fixed[] = {
        "ssh", "-T", "-x", "-a", "-e", "none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
        "-o", "ServerAliveInterval=3", "-o", "ServerAliveCountMax=3", "-o",
        /* A shared connection would end with somebody else's session. */
        "ControlMaster=no", "-o", "ControlPath=none", "-o", "ClearAllForwardings=yes"};
    size_t count = 0;
    for (; count < sizeof(fixed) / sizeof(fixed[0]); count++)
        arguments[count] = fixed[count];
    if (ssh->options.config_file != NULL && ssh->options.config_file[0] != '\0') {
        arguments[count++] = "-F";
        arguments[count++] = ssh->options.config_file;
    }
    arguments[count++] = "--";
    arguments[count++] = ssh->options.destination;
    arguments[count++] = ssh->options.command;
    arguments[count] = NULL;
}

/* In a session of its own: the operator's Ctrl-C is for us, who then thaw and say goodbye. */
static int spawn(const struct ssh *ssh, const int theirs[3], pid_t *pid)
{
    const char *arguments[ARGUMENTS_MAX];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigset_t none;
    list_arguments(ssh, arguments);
    (void)sigfillset(&defaults);
    (void)sigemptyset(&none);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    for (int fd = 0; fd < 3; fd++)
        (void)posix_spawn_file_actions_adddup2(&actions, theirs[fd], fd);
    (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSIGMASK);
    int failed = posix_spawnp(pid, "ssh", &actions, &attributes,
                              (char *const *)(uintptr_t)arguments, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* Sockets rather than pipes: one that nobody reads any more can be written to without a signal. */
static enum error_code start(struct ssh *ssh, struct error *err)
{
    int pairs[3][2];
    int made = 0;
    while (made < 3 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[made]) == 0)
        made++;
    const int theirs[] = {pairs[0][1], pairs[1][1], pairs[2][1]};
    int failed = made == 3 ? spawn(ssh, theirs, &ssh->pid) : errno;
    for (int i = 0; i < made; i++) {
        (void)close(pairs[i][1]);
        if (failed != 0)
            (void)close(pairs[i][0]);
    }
    if (failed != 0) {
        ssh->pid = 0;
        return error_set(err, ERR_UNREACHABLE, "cannot run 'ssh': %s", strerrordesc_np(failed));
    }
    ssh->to = pairs[0][0];
    ssh->from = pairs[1][0];
    ssh->told = pairs[2][0];
    return ERR_NONE;
}

static bool has_ended(const struct ssh *ssh)
{
    return waitpid(ssh->pid, NULL, WNOHANG) == ssh->pid;
}

/* The end of its input ends the program there and then the client; one that hangs is ended. */
static void end(struct ssh *ssh)
{
    if (ssh->pid == 0)
        return;
    (void)close(ssh->to);
    (void)close(ssh->from);
    int64_t end_us = clock_mono_us() + (int64_t)END_MS * 1000;
    bool ended = has_ended(ssh);
    while (!ended && clock_mono_us() < end_us) {
        (void)poll(NULL, 0, SLICE_MS);
        ended = has_ended(ssh);
    }
    if (!ended) {
        (void)kill(ssh->pid, SIGKILL);
        while (waitpid(ssh->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    (void)close(ssh->told);
    ssh->pid = 0;
}

static void wire_close(void *self)
{
    end(self);
}

/* The last line that ssh wrote about itself, and the end of the session. */
static enum error_code lose(struct ssh *ssh, struct error *err)
{
    char told[512];
    (void)close(ssh->to);
    ssh->to = -1;
    struct pollfd wanted = {.fd = ssh->told, .events = POLLIN};
    (void)poll(&wanted, 1, SLICE_MS);
    ssize_t got = recv(ssh->told, told, sizeof(told) - 1, MSG_DONTWAIT);
    told[got > 0 ? got : 0] = '\0';
    size_t length = strlen(told);
    while (length > 0 && (told[length - 1] == '\n' || told[length - 1] == '\r'))
        told[--length] = '\0';
    const char *last = strrchr(told, '\n');
    last = last == NULL ? told : last + 1;
    (void)error_set(err, ERR_UNREACHABLE, "the session of ssh with '%s' ended%s%s",
                    ssh->options.destination, last[0] == '\0' ? "" : ": ", last);
    end(ssh);
    return ERR_UNREACHABLE;
}

/* Nothing is to be read between two questions: what can be read there is the end. */
static bool is_alive(const struct ssh *ssh)
{
    struct pollfd wanted = {.fd = ssh->from, .events = POLLIN};
    return ssh->pid != 0 && poll(&wanted, 1, 0) == 0;
}

static bool put(const struct ssh *ssh, const char *line)
{
    struct iovec parts[] = {{(void *)(uintptr_t)line, strlen(line)}, {(void *)(uintptr_t) "\n", 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(ssh->to, &message, MSG_NOSIGNAL) == (ssize_t)(parts[0].iov_len + 1);
}

static enum error_code get(struct ssh *ssh, int64_t end_us, struct strbuf *answer,
                           struct error *err)
{
    for (;;) {
        char part[4096];
        int64_t left_us = end_us - clock_mono_us();
        struct pollfd wanted = {.fd = ssh->from, .events = POLLIN};
        if (left_us <= 0) {
            return error_set(err, ERR_TIMEOUT, "host '%s' does not answer in time",
                             ssh->options.destination);
        }
        if (poll(&wanted, 1, (int)(left_us / 1000) + 1) <= 0)
            continue;
        ssize_t got = recv(ssh->from, part, sizeof(part), 0);
        if (got <= 0 && errno != EINTR)
            return lose(ssh, err);
        strbuf_add(answer, part, got > 0 ? (size_t)got : 0);
        TRY(strbuf_check(answer, err));
        if (answer->length > 0 && answer->text[answer->length - 1] == '\n') {
            answer->text[--answer->length] = '\0';
            return ERR_NONE;
        }
    }
}

static enum error_code wire_ask(void *self, const char *line, int64_t limit_ms,
                                struct strbuf *answer, struct error *err)
{
    struct ssh *ssh = self;
    int64_t end_us = clock_mono_us() + limit_ms * 1000;
    if (!is_alive(ssh)) {
        end(ssh);
        TRY(start(ssh, err));
    }
    if (!put(ssh, line))
        return lose(ssh, err);
    enum error_code code = get(ssh, end_us, answer, err);
    if (code == ERR_TIMEOUT)
        end(ssh); /* a late answer would be taken for that of the next question */
    return code;
}

struct wire ssh_wire(struct ssh *ssh)
{
    return (struct wire){.self = ssh, .ask = wire_ask, .close = wire_close};
}

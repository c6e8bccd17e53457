#include "core/host/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_TIMEOUT_MS = 5000, STOP_TIMEOUT_MS = 2000, HIGH_FD = 64 };

static const char *const places[] = {"ebshift-watchdog", "../libexec/ebshift/ebshift-watchdog",
                                     "../lib/ebshift/ebshift-watchdog"};

static enum error_code find_beside(const char *directory, char *path, size_t path_size,
                                   struct error *err)
{
    char tried[PATH_MAX + 64];
    char real[PATH_MAX];
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        (void)snprintf(tried, sizeof(tried), "%s/%s", directory, places[i]);
        if (access(tried, X_OK) == 0 && realpath(tried, real) != NULL) {
            (void)snprintf(path, path_size, "%s", real);
            return ERR_NONE;
        }
    }
    return error_set(err, ERR_QUIESCE, "no watchdog program 'ebshift-watchdog' beside '%s'",
                     directory);
}

enum error_code watchdog_find(const char *configured, char *path, size_t path_size,
                              struct error *err)
{
    if (configured != NULL && configured[0] != '\0') {
        if (configured[0] != '/' || access(configured, X_OK) != 0) {
            return error_set(err, ERR_QUIESCE, "'%s' is not the absolute path of a program",
                             configured);
        }
        (void)snprintf(path, path_size, "%s", configured);
        return ERR_NONE;
    }
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length <= 0) {
        return error_set(err, ERR_QUIESCE, "cannot find our own executable: %s",
                         strerrordesc_np(errno));
    }
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    return find_beside(self, path, path_size, err);
}

/* Copies of the descriptors the child shall get, all above the numbers it shall have, so that
 * putting them in place one after the other cannot overwrite one that is still needed. */
struct handover {
    int fds[1 + WATCHDOG_MOUNTS_MAX];
    size_t count;
};

static void handover_done(struct handover *handover)
{
    for (size_t i = 0; i < handover->count; i++)
        close(handover->fds[i]);
}

static bool handover_add(struct handover *handover, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
    if (copy >= 0)
        handover->fds[handover->count++] = copy;
    return copy >= 0;
}

/* posix_spawn's calls return an errno value; the first one that is not 0 is kept. */
static int describe_child(const struct handover *handover, posix_spawn_file_actions_t *actions,
                          posix_spawnattr_t *attributes)
{
    int failed = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID);
    for (int fd = 0; fd < 3 && failed == 0; fd++)
        failed = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
    for (size_t i = 0; i < handover->count && failed == 0; i++) {
        failed = posix_spawn_file_actions_adddup2(actions, handover->fds[i],
                                                  WATCHDOG_SOCKET_FD + (int)i);
    }
    if (failed == 0) {
        failed = posix_spawn_file_actions_addclosefrom_np(actions, WATCHDOG_SOCKET_FD +
                                                                       (int)handover->count);
    }
    return failed;
}

static int spawn(const struct watchdog_options *options, const struct handover *handover,
                 pid_t *pid)
{
    char program[] = "ebshift-watchdog";
    char limit[24];
    char count[24];
    (void)snprintf(limit, sizeof(limit), "%" PRId64, options->limit_ms);
    (void)snprintf(count, sizeof(count), "%zu", options->mount_count);
    char *argv[] = {program, limit, count, NULL};
    char *envp[] = {NULL};

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int failed = describe_child(handover, &actions, &attributes);
    if (failed == 0)
        failed = posix_spawn(pid, options->program, &actions, &attributes, argv, envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static bool hear(int socket_fd, int timeout_ms, struct watchdog_message *message)
{
    struct pollfd polled = {.fd = socket_fd, .events = POLLIN};
    if (poll(&polled, 1, timeout_ms) != 1)
        return false;
    return recv(socket_fd, message, sizeof(*message), MSG_DONTWAIT) == (ssize_t)sizeof(*message);
}

static bool tell(const struct watchdog *watchdog, enum watchdog_word word, size_t index)
{
    struct watchdog_message message = {.word = (uint8_t)word, .index = (uint8_t)index};
    return send(watchdog->socket_fd, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           (ssize_t)sizeof(message);
}

static void reap(struct watchdog *watchdog)
{
    (void)kill(watchdog->pid, SIGKILL);
    while (waitpid(watchdog->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    close(watchdog->socket_fd);
    *watchdog = (struct watchdog){0};
}

static enum error_code spawn_with(const struct watchdog_options *options, int child_fd, pid_t *pid,
                                  struct error *err)
{
    CLEANUP(handover_done) struct handover handover = {0};
    bool copied = handover_add(&handover, child_fd);
    for (size_t i = 0; i < options->mount_count && copied; i++)
        copied = handover_add(&handover, options->mount_fds[i]);
    if (!copied) {
        return error_set(err, ERR_QUIESCE, "cannot pass descriptors to the watchdog: %s",
                         strerrordesc_np(errno));
    }
    int failed = spawn(options, &handover, pid);
    if (failed != 0) {
        return error_set(err, ERR_QUIESCE, "cannot start watchdog '%s': %s", options->program,
                         strerrordesc_np(failed));
    }
    return ERR_NONE;
}

enum error_code watchdog_start(struct watchdog *watchdog, const struct watchdog_options *options,
                               struct error *err)
{
    int pair[2];
    if (options->mount_count > WATCHDOG_MOUNTS_MAX) {
        return error_set(err, ERR_QUIESCE, "more than %d filesystems to freeze",
                         WATCHDOG_MOUNTS_MAX);
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return error_set(err, ERR_QUIESCE, "cannot make a socket pair: %s", strerrordesc_np(errno));

    struct watchdog started = {.socket_fd = pair[0]};
    enum error_code failed = spawn_with(options, pair[1], &started.pid, err);
    close(pair[1]); /* else the end of the child would never be seen */
    if (failed != ERR_NONE) {
        close(pair[0]);
        return failed;
    }
    struct watchdog_message message = {0};
    if (!hear(started.socket_fd, READY_TIMEOUT_MS, &message) || message.word != WATCHDOG_READY) {
        reap(&started);
        return error_set(err, ERR_QUIESCE, "watchdog '%s' did not get ready", options->program);
    }
    *watchdog = started;
    return ERR_NONE;
}

enum error_code watchdog_announce(const struct watchdog *watchdog, size_t index, struct error *err)
{
    if (watchdog->pid == 0 || !tell(watchdog, WATCHDOG_FREEZING, index))
        return error_set(err, ERR_QUIESCE, "the watchdog is gone");
    return ERR_NONE;
}

void watchdog_retract(const struct watchdog *watchdog, size_t index)
{
    (void)tell(watchdog, WATCHDOG_NOT_OURS, index);
}

void watchdog_stop(struct watchdog *watchdog, bool *fired)
{
    *fired = false;
    if (watchdog->pid == 0)
        return;
    struct watchdog_message message = {0};
    bool answered =
        tell(watchdog, WATCHDOG_DISARM, 0) && hear(watchdog->socket_fd, STOP_TIMEOUT_MS, &message);
    *fired = !answered || message.word != WATCHDOG_CLEAN;
    reap(watchdog);
}

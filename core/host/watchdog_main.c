/* ebshift-watchdog: thaws what its parent froze when the parent is dead, stopped or late.
 *
 * usage: ebshift-watchdog LIMIT_MS MOUNT_COUNT, with the descriptors of watchdog_wire.h.
 * After the ready message it touches no filesystem: all it does is poll, recv, send and FITHAW. */
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/host/watchdog_wire.h"

enum { RETRY_MS = 100 };

struct watch {
    long limit_ms;
    size_t mount_count;
    int timer_fd;
    bool announced[WATCHDOG_MOUNTS_MAX]; /* frozen by the parent, or about to be */
    bool limit_running;
    bool fired;
};

static void start_timer(const struct watch *watch, long first_ms, long again_ms)
{
    struct itimerspec spec = {
        .it_value = {first_ms / 1000, first_ms % 1000 * 1000000},
        .it_interval = {again_ms / 1000, again_ms % 1000 * 1000000},
    };
    (void)timerfd_settime(watch->timer_fd, 0, &spec, NULL);
}

/* In reverse, as the parent would. EINVAL (not frozen) is the normal answer of a repeated pass. */
static void thaw_announced(const struct watch *watch)
{
    for (size_t i = watch->mount_count; i > 0; i--) {
        if (watch->announced[i - 1])
            (void)ioctl(WATCHDOG_FIRST_MOUNT_FD + (int)i - 1, FITHAW, 0);
    }
}

static void say(enum watchdog_word word)
{
    struct watchdog_message message = {.word = (uint8_t)word};
    (void)send(WATCHDOG_SOCKET_FD, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void hear_mount(struct watch *watch, const struct watchdog_message *message)
{
    if (message->index >= watch->mount_count)
        return;
    watch->announced[message->index] = message->word == WATCHDOG_FREEZING;
    if (!watch->limit_running) {
        watch->limit_running = true;
        start_timer(watch, watch->limit_ms, RETRY_MS);
    }
}

/* Returns false when there is nothing left to watch. */
static bool hear(struct watch *watch)
{
    struct watchdog_message message = {0};
    ssize_t got = recv(WATCHDOG_SOCKET_FD, &message, sizeof(message), 0);
    if (got != (ssize_t)sizeof(message)) {
        /* The parent is gone. Its last FIFREEZE has returned by now: the kernel closes the
         * descriptors of a dying process only after its system call ended. */
        thaw_announced(watch);
        return false;
    }
    if (message.word == WATCHDOG_DISARM) {
        say(watch->fired ? WATCHDOG_FIRED : WATCHDOG_CLEAN);
        return false;
    }
    hear_mount(watch, &message);
    return true;
}

/* Keeps thawing after the limit: the parent may be in the middle of freezing its other mounts. */
static void watch_parent(struct watch *watch)
{
    struct pollfd polled[] = {{.fd = WATCHDOG_SOCKET_FD, .events = POLLIN},
                              {.fd = watch->timer_fd, .events = POLLIN}};
    for (;;) {
        if (poll(polled, 2, -1) < 0)
            continue;
        if (polled[1].revents != 0) {
            uint64_t expirations = 0;
            (void)!read(watch->timer_fd, &expirations, sizeof(expirations));
            watch->fired = true;
            thaw_announced(watch);
        }
        if (polled[0].revents != 0 && !hear(watch))
            return;
    }
}

static void ignore_signals(void)
{
    for (int number = 1; number < SIGRTMAX; number++)
        (void)signal(number, SIG_IGN); /* fails for SIGKILL and SIGSTOP, as it must */
    sigset_t none;
    sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* The out-of-memory killer would be the one SIGKILL that comes at the worst moment. */
static void refuse_oom_kill(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, "-1000", strlen("-1000"));
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    struct watch watch = {.limit_ms = strtol(argv[1], NULL, 10),
                          .mount_count = strtoul(argv[2], NULL, 10)};
    if (watch.limit_ms <= 0 || watch.mount_count > WATCHDOG_MOUNTS_MAX)
        return 2;

    ignore_signals();
    refuse_oom_kill();
    watch.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (watch.timer_fd < 0 || chdir("/") != 0 || mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return 1;
    say(WATCHDOG_READY);
    watch_parent(&watch);
    return 0;
}

/* ebshift-watchdog: thaws what its parent froze when the parent is dead, stopped or late.
 *
 * usage: ebshift-watchdog LIMIT_MS MOUNT_COUNT, with the descriptors of watchdog_wire.h.
 * It comes up in a session of its own, leaves the control group of its parent, and locks its memory.
 * After the ready message it touches no filesystem: all it does is poll, recv, send and FITHAW. */
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sched.h>
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

/* In reverse, as the parent would, and each only once: who freezes it next is somebody else. EINVAL
 * (not frozen) leaves it due, because the parent may be about to freeze it. */
static void thaw_announced(struct watch *watch)
{
    for (size_t i = watch->mount_count; i > 0; i--) {
        int fd = WATCHDOG_FIRST_MOUNT_FD + (int)i - 1;
        if (watch->announced[i - 1] && ioctl(fd, FITHAW, 0) == 0)
            watch->announced[i - 1] = false;
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

/* What the kernel does not permit stays undone: the watchdog serves without it. */
static void put_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, text, strlen(text));
    close(fd);
}

/* `systemctl kill`, the end of a login session or a paused container hit every member of a control
 * group. Nobody does that to the root, where systemd lets a stranger be; a container without the
 * right to write here keeps its watchdog, which then shares the fate of the container. */
static void leave_control_group(void)
{
    put_text("/sys/fs/cgroup/cgroup.procs", "0");         /* version 2; "0" is the writer */
    put_text("/sys/fs/cgroup/unified/cgroup.procs", "0"); /* version 2 beside version 1 */
    put_text("/sys/fs/cgroup/systemd/cgroup.procs", "0"); /* version 1: the group systemd kills */
    put_text("/sys/fs/cgroup/freezer/cgroup.procs", "0"); /* version 1: the group that is paused */
}

/* The moment to act is likely one at which the machine has no processor and no memory to spare. */
static void come_first(void)
{
    struct sched_param priority = {.sched_priority = 1};
    (void)sched_setscheduler(0, SCHED_FIFO, &priority);
    put_text("/proc/self/oom_score_adj", "-1000");
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
    leave_control_group();
    come_first();
    watch.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (watch.timer_fd < 0 || chdir("/") != 0 || mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return 1;
    say(WATCHDOG_READY);
    watch_parent(&watch);
    return 0;
}

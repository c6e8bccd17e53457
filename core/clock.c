#include "core/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "model/instant.h"

/* Written by signal handlers only; the one piece of state that a handler may touch. */
static volatile sig_atomic_t stop_signal;

void clock_request_stop(int signal_number)
{
    stop_signal = signal_number;
}

int clock_stop_signal(void)
{
    return stop_signal;
}

enum error_code clock_check_stop(struct error *err)
{
    if (stop_signal == 0)
        return ERR_NONE;
    return error_set(err, ERR_INTERRUPTED, "stopped by signal %d", (int)stop_signal);
}

static int64_t read_clock(clockid_t id, int64_t units_per_second)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now);
    return now.tv_sec * units_per_second + now.tv_nsec / (1000000000 / units_per_second);
}

int64_t clock_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC, 1000000);
}

static int64_t system_now_ms(void *self)
{
    (void)self;
    return read_clock(CLOCK_REALTIME, 1000);
}

/* Sleeps in slices, so that a signal that lands between the check and the sleep costs one slice
 * and not the night. */
static enum error_code system_sleep_until(void *self, int64_t instant_ms, struct error *err)
{
    for (;;) {
        TRY(clock_check_stop(err));
        int64_t left_ms = instant_ms - system_now_ms(self);
        if (left_ms <= 0)
            return ERR_NONE;
        (void)poll(NULL, 0, left_ms < 500 ? (int)left_ms : 500);
    }
}

struct clock clock_system(void)
{
    return (struct clock){.now_ms = system_now_ms, .sleep_until = system_sleep_until};
}

/* Reads one line "now MS" and takes it as the new base. */
static enum error_code take_answer(struct rehearsal_clock *rehearsal, struct error *err)
{
    char line[64];
    size_t length = 0;
    while (length < sizeof(line) - 1) {
        ssize_t got = read(rehearsal->fd, line + length, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set(err, ERR_PROTOCOL, "the rehearsal clock has gone away");
        if (line[length++] == '\n')
            break;
    }
    line[length] = '\0';
    char *end = NULL;
    errno = 0;
    int64_t now_ms = strncmp(line, "now ", 4) == 0 ? strtoll(line + 4, &end, 10) : 0;
    if (end == NULL || *end != '\n' || errno != 0)
        return error_set(err, ERR_PROTOCOL, "the rehearsal clock answered nonsense");
    rehearsal->base_ms = now_ms;
    rehearsal->base_mono_us = clock_mono_us();
    return ERR_NONE;
}

static enum error_code tell(const struct rehearsal_clock *rehearsal, const char *line,
                            struct error *err)
{
    if (send(rehearsal->fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line))
        return ERR_NONE;
    return error_set(err, ERR_PROTOCOL, "the rehearsal clock has gone away");
}

enum error_code rehearsal_clock_open(struct rehearsal_clock *rehearsal, const char *path,
                                     struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(err, ERR_INVALID, "clock socket path '%s' is too long", path);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);

    struct rehearsal_clock opened = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (opened.fd < 0)
        return error_set(err, ERR_SYSTEM, "cannot make a socket: %s", strerrordesc_np(errno));
    enum error_code code = ERR_NONE;
    if (connect(opened.fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        code = error_set(err, ERR_SYSTEM, "cannot reach the rehearsal clock '%s': %s", path,
                         strerrordesc_np(errno));
    }
    if (code == ERR_NONE)
        code = take_answer(&opened, err);
    if (code != ERR_NONE) {
        rehearsal_clock_close(&opened);
        return code;
    }
    *rehearsal = opened;
    return ERR_NONE;
}

void rehearsal_clock_close(struct rehearsal_clock *rehearsal)
{
    if (rehearsal->fd >= 0)
        (void)close(rehearsal->fd);
    rehearsal->fd = -1;
}

/* While this process works the simulation runs in real time, so the time since the last answer
 * can be counted here, without a question. */
static int64_t rehearsal_now_ms(void *self)
{
    const struct rehearsal_clock *rehearsal = self;
    return rehearsal->base_ms + (clock_mono_us() - rehearsal->base_mono_us) / 1000;
}

static enum error_code rehearsal_sleep_until(void *self, int64_t instant_ms, struct error *err)
{
    struct rehearsal_clock *rehearsal = self;
    TRY(clock_check_stop(err));
    if (instant_ms <= rehearsal_now_ms(self))
        return ERR_NONE;

    char line[48];
    (void)snprintf(line, sizeof(line), "sleep_until %" PRId64 "\n", instant_ms);
    TRY(tell(rehearsal, line, err));
    struct pollfd waited = {.fd = rehearsal->fd, .events = POLLIN};
    while (poll(&waited, 1, 500) <= 0) {
        if (stop_signal != 0) {
            TRY(tell(rehearsal, "wake\n", err));
            break;
        }
    }
    TRY(take_answer(rehearsal, err));
    return clock_check_stop(err);
}

struct clock rehearsal_clock(struct rehearsal_clock *rehearsal)
{
    return (struct clock){
        .now_ms = rehearsal_now_ms, .sleep_until = rehearsal_sleep_until, .self = rehearsal};
}

#include "tests/sim/sim_clock.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_SESSIONS 32
#define AWAKE        INT64_MIN

struct session {
    int socket;      /* -1: free slot */
    int64_t wake_us; /* AWAKE, or the simulated time it sleeps until */
    char line[96];
    size_t length;
};

struct sim_clock {
    pthread_mutex_t lock;
    double rate;
    int64_t anchor_real_us;
    int64_t anchor_sim_us;
    struct session sessions[MAX_SESSIONS];

    bool serving;
    pthread_t thread;
    int listener;
    int stop_event;
    char path[108];
};

static int64_t real_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The first wake-up if every open session sleeps; INT64_MAX if none is open; AWAKE otherwise. */
static int64_t first_wake_us(const struct sim_clock *clock)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < MAX_SESSIONS; i++) {
        if (clock->sessions[i].socket >= 0 && clock->sessions[i].wake_us < first)
            first = clock->sessions[i].wake_us;
    }
    return first;
}

/* Time that is due to wake somebody stands still until that is done: no overshoot. */
static int64_t sim_us(const struct sim_clock *clock)
{
    int64_t wake_us = first_wake_us(clock);
    double rate = wake_us == AWAKE ? 1.0 : clock->rate;
    int64_t passed_us = (int64_t)((double)(real_us() - clock->anchor_real_us) * rate);
    int64_t now_us = clock->anchor_sim_us + passed_us;
    if (wake_us != AWAKE && now_us > wake_us)
        now_us = wake_us > clock->anchor_sim_us ? wake_us : clock->anchor_sim_us;
    return now_us;
}

/* To be called before anything that changes the pace. */
static void set_anchor(struct sim_clock *clock)
{
    clock->anchor_sim_us = sim_us(clock);
    clock->anchor_real_us = real_us();
}

enum error_code sim_clock_new(struct sim_clock **clock, int64_t start_ms, double rate,
                              struct error *err)
{
    struct sim_clock *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(err, ERR_NO_MEMORY, "no memory for the clock");
    (void)pthread_mutex_init(&made->lock, NULL);
    made->rate = rate;
    made->anchor_real_us = real_us();
    made->anchor_sim_us = start_ms * 1000;
    made->listener = -1;
    made->stop_event = -1;
    for (size_t i = 0; i < MAX_SESSIONS; i++)
        made->sessions[i].socket = -1;
    *clock = made;
    return ERR_NONE;
}

int64_t sim_clock_now_ms(struct sim_clock *clock)
{
    (void)pthread_mutex_lock(&clock->lock);
    int64_t now_us = sim_us(clock);
    (void)pthread_mutex_unlock(&clock->lock);
    return now_us / 1000;
}

/* Rounded up: a sleeper must never be told an instant before the one it asked for. */
static void say_now(const struct sim_clock *clock, struct session *session)
{
    char text[40];
    int length =
        snprintf(text, sizeof(text), "now %lld\n", (long long)(sim_us(clock) + 999) / 1000);
    (void)send(session->socket, text, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void end_session(struct sim_clock *clock, struct session *session)
{
    set_anchor(clock);
    (void)close(session->socket);
    session->socket = -1;
}

static void accept_session(struct sim_clock *clock)
{
    int socket = accept4(clock->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0)
        return;
    for (size_t i = 0; i < MAX_SESSIONS; i++) {
        if (clock->sessions[i].socket >= 0)
            continue;
        set_anchor(clock);
        clock->sessions[i] = (struct session){.socket = socket, .wake_us = AWAKE};
        say_now(clock, &clock->sessions[i]);
        return;
    }
    (void)close(socket);
}

static void wake_session(struct sim_clock *clock, struct session *session)
{
    set_anchor(clock);
    session->wake_us = AWAKE;
    say_now(clock, session);
}

static void obey_line(struct sim_clock *clock, struct session *session, const char *line)
{
    long long wake_ms = 0;
    if (sscanf(line, "sleep_until %lld", &wake_ms) == 1) { // NOLINT(cert-err34-c)
        set_anchor(clock);
        session->wake_us = wake_ms > INT64_MAX / 1000 ? INT64_MAX : (int64_t)wake_ms * 1000;
        if (session->wake_us <= clock->anchor_sim_us)
            wake_session(clock, session);
    } else if (strcmp(line, "wake") == 0) {
        wake_session(clock, session);
    } else if (strcmp(line, "now") == 0) {
        say_now(clock, session);
    } else {
        end_session(clock, session);
    }
}

/* Splits what came in into lines; a line too long ends the session. */
static void read_session(struct sim_clock *clock, struct session *session)
{
    ssize_t got = recv(session->socket, session->line + session->length,
                       sizeof(session->line) - session->length, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        end_session(clock, session);
        return;
    }
    session->length += (size_t)got;
    char *end;
    while (session->socket >= 0 && (end = memchr(session->line, '\n', session->length)) != NULL) {
        *end = '\0';
        size_t used = (size_t)(end - session->line) + 1;
        obey_line(clock, session, session->line);
        session->length -= used;
        memmove(session->line, session->line + used, session->length);
    }
    if (session->socket >= 0 && session->length == sizeof(session->line))
        end_session(clock, session);
}

static void wake_due_sessions(struct sim_clock *clock)
{
    for (size_t i = 0; i < MAX_SESSIONS; i++) {
        struct session *session = &clock->sessions[i];
        if (session->socket >= 0 && session->wake_us != AWAKE && session->wake_us <= sim_us(clock))
            wake_session(clock, session);
    }
}

/* Real microseconds until the next sleeper is due, or -1 for no sleeper. */
static int64_t real_us_until_wake(const struct sim_clock *clock)
{
    int64_t first = INT64_MAX;
    bool all_sleep = true;
    for (size_t i = 0; i < MAX_SESSIONS; i++) {
        const struct session *session = &clock->sessions[i];
        if (session->socket < 0)
            continue;
        if (session->wake_us == AWAKE) {
            all_sleep = false;
        } else if (session->wake_us < first) {
            first = session->wake_us;
        }
    }
    if (first == INT64_MAX)
        return -1;
    double rate = all_sleep ? clock->rate : 1.0;
    double wait_us = (double)(first - sim_us(clock)) / rate;
    return wait_us < 0 ? 0 : wait_us > 1e12 ? INT64_C(1000000000000) : (int64_t)wait_us + 1;
}

/* One turn: waits for the next line, connection or wake-up. Returns false when told to stop. */
static bool serve_once(struct sim_clock *clock)
{
    struct pollfd fds[MAX_SESSIONS + 2];
    (void)pthread_mutex_lock(&clock->lock);
    for (size_t i = 0; i < MAX_SESSIONS; i++)
        fds[i] = (struct pollfd){.fd = clock->sessions[i].socket, .events = POLLIN};
    fds[MAX_SESSIONS] = (struct pollfd){.fd = clock->listener, .events = POLLIN};
    fds[MAX_SESSIONS + 1] = (struct pollfd){.fd = clock->stop_event, .events = POLLIN};
    int64_t wait_us = real_us_until_wake(clock);
    (void)pthread_mutex_unlock(&clock->lock);

    struct timespec wait = {.tv_sec = (time_t)(wait_us / 1000000),
                            .tv_nsec = (long)(wait_us % 1000000) * 1000};
    int ready = ppoll(fds, MAX_SESSIONS + 2, wait_us < 0 ? NULL : &wait, NULL);

    (void)pthread_mutex_lock(&clock->lock);
    wake_due_sessions(clock);
    for (size_t i = 0; ready > 0 && i < MAX_SESSIONS; i++) {
        if (fds[i].fd >= 0 && fds[i].revents != 0 && clock->sessions[i].socket == fds[i].fd)
            read_session(clock, &clock->sessions[i]);
    }
    if (ready > 0 && fds[MAX_SESSIONS].revents != 0)
        accept_session(clock);
    (void)pthread_mutex_unlock(&clock->lock);
    return !(ready > 0 && fds[MAX_SESSIONS + 1].revents != 0);
}

static void *serve(void *argument)
{
    struct sim_clock *clock = argument;
    while (serve_once(clock))
        continue;
    return NULL;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    (void)unlink(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return -1;
    if (bind(listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, MAX_SESSIONS) != 0) {
        (void)close(listener);
        return -1;
    }
    return listener;
}

enum error_code sim_clock_serve(struct sim_clock *clock, const char *path, struct error *err)
{
    assert(!clock->serving);
    clock->listener = listen_at(path);
    if (clock->listener < 0) {
        return error_set(err, ERR_SYSTEM, "cannot listen at '%s': %s", path,
                         strerrordesc_np(errno));
    }
    (void)snprintf(clock->path, sizeof(clock->path), "%s", path);
    clock->stop_event = eventfd(0, EFD_CLOEXEC);
    if (clock->stop_event < 0 || pthread_create(&clock->thread, NULL, serve, clock) != 0)
        return error_set(err, ERR_SYSTEM, "cannot start the clock's thread");
    clock->serving = true;
    return ERR_NONE;
}

void sim_clock_free(struct sim_clock *clock)
{
    if (clock == NULL)
        return;
    if (clock->serving) {
        (void)eventfd_write(clock->stop_event, 1);
        (void)pthread_join(clock->thread, NULL);
        (void)unlink(clock->path);
    }
    for (size_t i = 0; i < MAX_SESSIONS; i++) {
        if (clock->sessions[i].socket >= 0)
            (void)close(clock->sessions[i].socket);
    }
    if (clock->listener >= 0)
        (void)close(clock->listener);
    if (clock->stop_event >= 0)
        (void)close(clock->stop_event);
    (void)pthread_mutex_destroy(&clock->lock);
    free(clock);
}

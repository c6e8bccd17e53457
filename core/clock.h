/* clock.h: the one clock. Everything in core that needs the time or wants to wait asks a
 * `struct clock`; cli/main.c decides which one: the system's, or a rehearsal clock whose long waits
 * pass quickly. Tests bring their own. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

#include "model/error.h"

struct clock {
    /* Now, in Unix milliseconds UTC. */
    int64_t (*now_ms)(void *self);
    /* Sleeps until an instant, at once if it has passed.
     * Errors: ERR_INTERRUPTED if a stop was asked for meanwhile (clock_request_stop). */
    enum error_code (*sleep_until)(void *self, int64_t instant_ms, struct error *err);
    void *self;
};

/* Now, in Unix milliseconds UTC. */
static inline int64_t clock_now_ms(const struct clock *clock)
{
    return clock->now_ms(clock->self);
}

/* Sleeps until an instant. Errors: ERR_INTERRUPTED. */
MUST_CHECK static inline enum error_code clock_sleep_until(const struct clock *clock,
                                                           int64_t instant_ms, struct error *err)
{
    return clock->sleep_until(clock->self, instant_ms, err);
}

/* Real monotonic microseconds: for the freeze and for round trips, never for dates. */
int64_t clock_mono_us(void);

/* The system's clock. */
struct clock clock_system(void);

/* A clock served on a Unix socket by a simulation: it runs in real time while this process works,
 * and faster while it sleeps. */
struct rehearsal_clock {
    int fd;
    int64_t base_ms;      /* what the server said last */
    int64_t base_mono_us; /* when it said so */
};

/* Connects to the simulation's clock at a socket path; hand back with rehearsal_clock_close().
 * Errors: ERR_SYSTEM, ERR_PROTOCOL. */
MUST_CHECK enum error_code rehearsal_clock_open(struct rehearsal_clock *rehearsal, const char *path,
                                                struct error *err);
void rehearsal_clock_close(struct rehearsal_clock *rehearsal);

/* The clock interface of an open rehearsal clock; borrows it. */
struct clock rehearsal_clock(struct rehearsal_clock *rehearsal);

/* Asks every sleep to end with ERR_INTERRUPTED, now and later. Safe in a signal handler. */
void clock_request_stop(int signal_number);

/* The signal that asked to stop, or 0. */
int clock_stop_signal(void);

/* For what takes long without a sleep. Errors: ERR_INTERRUPTED if a stop was asked for. */
MUST_CHECK enum error_code clock_check_stop(struct error *err);

#endif

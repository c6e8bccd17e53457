/* sim_clock.h: simulated time of cloudsim, and the rehearsal sessions that govern its pace.
 *
 * Time normally runs `rate` times faster than real time. A client may open a session on the socket
 * clock.sock: while any session is open and not asleep, time runs at rate 1, because somebody is
 * working; while all of them sleep it runs fast and stops exactly at the first wake-up. So the long
 * waits of a migration pass quickly and its own work costs what it really costs.
 *
 * Lines from the client: "sleep_until MS", "wake", "now". The server says "now MS" on connect, as
 * the answer to "now" and "wake", and when a sleep is over. Closing the socket ends the session. */
#ifndef TESTS_SIM_SIM_CLOCK_H
#define TESTS_SIM_SIM_CLOCK_H

#include <stdint.h>

#include "model/error.h"

struct sim_clock;

/* Starts a clock at start_ms. Owns: *clock is handed back with sim_clock_free().
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code sim_clock_new(struct sim_clock **clock, int64_t start_ms, double rate,
                                         struct error *err);

/* Ends the sessions and the thread. Accepts NULL. */
void sim_clock_free(struct sim_clock *clock);

/* Simulated now, milliseconds UTC; never goes back. Safe from any thread. */
int64_t sim_clock_now_ms(struct sim_clock *clock);

/* Serves sessions on a unix socket at `path`, replacing a stale one, from a thread of its own.
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code sim_clock_serve(struct sim_clock *clock, const char *path,
                                           struct error *err);

#endif

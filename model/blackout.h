/* blackout.h: when nothing may begin: no round, no cut.
 *
 * A night's batch, somebody else's backup, a day of the calendar. What is under way goes on. */
#ifndef MODEL_BLACKOUT_H
#define MODEL_BLACKOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

#define BLACKOUT_MAX 16

/* From start_ms on, for length_ms. */
struct blackout {
    bool daily;
    int64_t start_ms; /* Unix milliseconds UTC; if daily, milliseconds after midnight UTC */
    int64_t length_ms;
};

/* Zero-initialise: none. */
struct blackouts {
    struct blackout items[BLACKOUT_MAX];
    size_t count;
};

/* Parses blackouts with spaces between: "22:00Z/90m" for every day, or "2026-11-28T00:00Z/6h" and
 * "2026-12-24T12:00Z/2026-12-27T06:00Z" for once. An empty text is none.
 * Errors: ERR_INVALID, quoting the one that is wrong, also if days leave no time at all. */
MUST_CHECK enum error_code blackouts_parse(const char *text, struct blackouts *blackouts,
                                           struct error *err);

/* The first instant from at_ms on that lies in none of them. */
int64_t blackouts_end(const struct blackouts *blackouts, int64_t at_ms);

#endif

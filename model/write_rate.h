/* write_rate.h: what was written to a volume and what will be.
 *
 * The past as measured, in ticks of five minutes; the future as the median of three forecasts (the
 * same time yesterday, a daily rhythm fitted on logarithms, and one on plain means), joined to one
 * curve that can be asked for any interval. Late and partial periods at the end of the measurements
 * are forecast, not believed. */
#ifndef MODEL_WRITE_RATE_H
#define MODEL_WRITE_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/sample.h"
#include "model/write_sums.h"

/* Zero-initialise. Owns the totals; hand back with write_rate_done(). */
struct write_rate {
    bool known;             /* false: nothing was measured, a constant stand-in rate is used */
    bool ops_known;         /* operations were measured; else derived from bytes */
    int64_t first_ms;       /* start of the curve, on a tick */
    int64_t known_until_ms; /* end of the measured part */
    size_t tick_count;
    struct write_total *totals; /* at tick borders, tick_count + 1 of them */
    double known_bytes;         /* total of the measured part */
    double log_noise;           /* scale of the log error of forecast sums over hours */
    size_t day_count;           /* whole days measured */
};

/* Bytes and operations of one interval. */
struct write_amount {
    double bytes;
    double ops;
    double forecast_ratio; /* share of the bytes that lies after the measured part, 0..1 */
};

/* Frees what *rate owns and empties it. Harmless on an empty one. */
void write_rate_done(struct write_rate *rate);
#define CLEANUP_WRITE_RATE CLEANUP(write_rate_done)

/* Builds the curve of *history as known at now_ms; rows that cannot be true go to *aside. *rate is
 * empty on entry and stays so on error.
 * Errors: ERR_NO_MEMORY. */
MUST_CHECK enum error_code write_rate_learn(const struct volume_history *history, int64_t now_ms,
                                            struct write_rate *rate, struct set_aside *aside,
                                            struct error *err);

/* What is written from from_ms to to_ms (Unix milliseconds UTC), measured or forecast; nothing if
 * to_ms is not later. Beyond the curve its mean goes on. */
struct write_amount write_rate_between(const struct write_rate *rate, int64_t from_ms,
                                       int64_t to_ms);

#endif

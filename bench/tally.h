/* tally.h: where outcomes lie in what was told of them, counted.
 *
 * An honest teller has a twentieth below its p05, half below p50, nineteen twentieths below p95 and a
 * tenth in each tenth of its distribution. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stddef.h>

#include "model/forecast.h"

#define TALLY_TENTHS 10

/* Plain data; zero-initialise. */
struct tally {
    size_t told;
    size_t below_p05;
    size_t below_p50;
    size_t below_p95;
    double log_sum; /* of the logs of actual over told median */
    size_t tenths[TALLY_TENTHS];
};

/* Counts one outcome, in the unit of what was told; one that cannot be judged (nothing was told, or
 * one of both is not positive) is left out. */
void tally_add(struct tally *tally, const struct quantiles *told, double actual);

/* Adds what another tally has counted. */
void tally_join(struct tally *tally, const struct tally *more);

#endif

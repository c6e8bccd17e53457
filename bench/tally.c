#include "bench/tally.h"

#include <math.h>

#include "model/calibration.h"

void tally_add(struct tally *tally, const struct quantiles *told, double actual)
{
    struct calibration_outcome outcome = {.told_s = *told, .actual_s = actual, .weight = 1};
    if (!calibration_outcome_is_possible(&outcome))
        return;
    size_t tenth = (size_t)(calibration_outcome_chance(&outcome) * TALLY_TENTHS);
    tally->told++;
    tally->below_p05 += actual < told->p05;
    tally->below_p50 += actual < told->p50;
    tally->below_p95 += actual < told->p95;
    tally->log_sum += log(actual / told->p50);
    tally->tenths[tenth < TALLY_TENTHS ? tenth : TALLY_TENTHS - 1]++;
}

void tally_join(struct tally *tally, const struct tally *more)
{
    tally->told += more->told;
    tally->below_p05 += more->below_p05;
    tally->below_p50 += more->below_p50;
    tally->below_p95 += more->below_p95;
    tally->log_sum += more->log_sum;
    for (size_t i = 0; i < TALLY_TENTHS; i++)
        tally->tenths[i] += more->tenths[i];
}

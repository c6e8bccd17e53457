/* series_cases.h: plays recorded episodes to their end under a policy.
 *
 * An episode has a recorded volume, a past of hourly snapshots, a transfer rate with recorded luck
 * and a tick at which writers stop. The planner is asked where a scorer outside would ask it. */
#ifndef BENCH_SERIES_CASES_H
#define BENCH_SERIES_CASES_H

#include <stddef.h>

#include "model/error.h"

enum series_policy {
    POLICY_PLANNER,
    POLICY_BACK_TO_BACK, /* a round whenever none is in flight */
    POLICY_QEMU, /* the same, as long as constant rates say that it is over before the fence */
};
#define POLICY_COUNT 3

/* Means over the episodes; times in ticks. */
struct series_result {
    double downtime;
    double rounds;
    double cost; /* downtime and the price of the rounds */
    double kept; /* share of episodes within the promise; planner only */
};

/* Zero-initialise. */
struct series_results {
    size_t episode_count;
    struct series_result policies[POLICY_COUNT];
};

/* Plays all of episodes.json of a directory under each policy.
 * Errors: as table.h, trace.h, json.h and episode.h. */
MUST_CHECK enum error_code series_cases_play(const char *directory, struct series_results *results,
                                             struct error *err);

#endif

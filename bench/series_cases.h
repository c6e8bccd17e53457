/* series_cases.h: all recorded episodes of a directory, each under every policy.
 *
 * An episode has a recorded volume, a past of hourly snapshots, a transfer rate with recorded luck
 * and a tick at which writers stop. */
#ifndef BENCH_SERIES_CASES_H
#define BENCH_SERIES_CASES_H

#include <stddef.h>

#include "bench/night.h"
#include "bench/play.h"
#include "model/error.h"

/* Zero-initialise. Sums while nights are added, then means. */
struct series_results {
    size_t episode_count;
    struct series_result policies[POLICY_COUNT];
};

/* Plays *night under each policy and adds what came of it. Errors: as play_night(). */
MUST_CHECK enum error_code series_results_add(struct series_results *results,
                                              const struct night *night, struct error *err);

/* Adds the sums of *other. */
void series_results_join(struct series_results *results, const struct series_results *other);

/* Turns the sums into means. */
void series_results_mean(struct series_results *results);

/* Hands the recorded episodes of a directory to visit(self, ...), one after another.
 * Errors: as table.h, trace.h and json.h, and those of visit. */
MUST_CHECK enum error_code series_cases_each(const char *directory,
                                             enum error_code (*visit)(void *self,
                                                                      const struct night *night,
                                                                      struct error *err),
                                             void *self, struct error *err);

/* Plays all of episodes.json of a directory under each policy; means.
 * Errors: as table.h, trace.h, json.h and episode.h. */
MUST_CHECK enum error_code series_cases_play(const char *directory, struct series_results *results,
                                             struct error *err);

#endif

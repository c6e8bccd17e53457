/* search.h: finds the best candidate among starts, numbers of rounds, gaps and cuts.
 *
 * Plays candidates on one rollout and compares what they cost. The planner's instrument
 * (model/plan.h); reports nothing itself. */
#ifndef MODEL_SEARCH_H
#define MODEL_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/plan.h"
#include "model/rollout.h"
#include "model/series.h"

/* One candidate and what it costs. */
struct choice {
    struct rollout_candidate candidate;
    double screen_s; /* cost_s in the first few draws */
    double cost_s;   /* expected and promised wait and downtime, rounds priced in */
    bool calibrates; /* begins at once because small transfers are a guess so far */
};

/* What the search works with. Borrows everything. */
struct search {
    const struct plan_input *input; /* validated, defaults filled in */
    struct rollout *rollout;
    const struct series *series;
    double *scratch;      /* two doubles per draw */
    double first_start_s; /* when nothing is in flight any more, median; seconds after now */
};

/* Seconds from now to at_ms (Unix milliseconds UTC); negative in the past. */
double search_seconds_until(const struct plan_input *input, int64_t at_ms);

/* The longest downtime that the input allows, in seconds. */
double search_limit_s(const struct plan_input *input);

/* The p-quantile of values[0..count); overwrites the scratch. */
double search_quantile(const struct search *search, const double *values, size_t count, double p);

/* Corrects the downtimes of the first draw_count draws of the last play by the input's calibration.
 * Decisions are made with the draws as they are, only what is told is corrected. */
void search_correct(const struct search *search, size_t draw_count);

/* Chance to miss the window in the first draw_count draws of the last play. */
double search_miss(const struct search *search, size_t draw_count);

/* The best plan for the window: the cut comes as early in it as is good. */
struct choice search_best(const struct search *search);

/* What will come of a choice: its rounds, and those that planning anew after each of them adds. */
struct rollout_candidate search_foreseen(const struct search *search, const struct choice *choice);

/* The plan if the window did not matter: rounds from now on until they are no longer worth it, then
 * the cut. Returns the downtime in seconds that it keeps with the wanted confidence; *ready_s: seconds
 * after now by which the rounds are over, with the same. */
double search_unhurried(const struct search *search, double *ready_s);

/* The latest of the tried starts (seconds after now) from which the rounds of *choice, or fewer,
 * keep the promise; negative if none does. */
double search_latest_start(const struct search *search, const struct choice *choice);

#endif

/* play.h: one night played to its end under a policy.
 *
 * Up to the fence snapshots are made one at a time; then writers stop, a snapshot in flight is
 * waited for, and the final one is made. With a window the fence may come later too, up to its end,
 * but only while nothing is in flight. The planner is asked where a scorer outside would ask it. */
#ifndef BENCH_PLAY_H
#define BENCH_PLAY_H

#include <stddef.h>

#include "bench/night.h"
#include "model/error.h"

enum series_policy {
    POLICY_PLANNER,
    POLICY_BACK_TO_BACK, /* a round whenever none is in flight */
    POLICY_QEMU, /* the same, as long as constant rates say that it is over before the fence */
};
#define POLICY_COUNT 3

/* What came of it, times in ticks; or sums and means of these. */
struct series_result {
    double downtime;
    double rounds;
    double cost; /* downtime and the price of the rounds */
    double kept; /* 1 if within the promise made at the beginning; planner only */
};

/* Where the operator gave a window: the cut is made when a round of a back-to-back series is over. */
enum window_rule {
    WINDOW_FIRST,   /* the first one in the window */
    WINDOW_PLANNER, /* the one that the planner chooses, asked at each */
    /* The first that carries no more blocks than half of the dozen rounds before, as long as two more
     * fit: what a rule could do that knew the blocks, though not the luck. */
    WINDOW_BLOCKS,
    WINDOW_ORACLE, /* the best one, known only afterwards */
};
#define WINDOW_RULE_COUNT 4

/* Plays *night back to back and cuts by each rule in the four hours from its fence on. `kept`: within
 * what the planner promises for the first cut when it stands before it.
 * Errors: as episode_ask(); ERR_NO_MEMORY. */
MUST_CHECK enum error_code play_window(const struct night *night,
                                       struct series_result results[WINDOW_RULE_COUNT],
                                       struct error *err);

/* Plays *night under a policy.
 * Errors: as episode_ask(); ERR_NO_MEMORY. */
MUST_CHECK enum error_code play_night(const struct night *night, enum series_policy policy,
                                      struct series_result *result, struct error *err);

#endif

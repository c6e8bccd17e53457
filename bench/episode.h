/* episode.h: one moment of a recorded series, and the planner's answer to it.
 *
 * The fence stands at a fixed tick; until then snapshots may be made, one at a time. All times are
 * ticks (bench_clock.h), whole or not. */
#ifndef BENCH_EPISODE_H
#define BENCH_EPISODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/sample.h"

/* One snapshot that was made. */
struct episode_round {
    double start; /* of the gap: the snapshot before */
    double end;   /* the snapshot */
    double write_bytes;
    double write_ops;
    double changed_blocks; /* NaN while it is not completed */
    double duration;       /* NaN while it is not completed */
};

/* What is known now. Borrows the arrays. */
struct episode {
    double now;
    double fence;
    double confidence;
    double round_price;
    /* Where positive, the fence is not fixed: it may come so much later, and must come when nothing
     * is in flight, for a final of at most `limit`. */
    double window;
    double limit;
    bool running;
    double running_start;               /* of the snapshot in flight */
    const struct episode_round *rounds; /* oldest first */
    size_t round_count;
    const struct write_sample *writes; /* up to now */
    size_t write_count;
};

struct episode_answer {
    bool has_start; /* false: no further round, which is final */
    double start;   /* of the next round, or when to ask again */
    double promise; /* downtime at the confidence, in ticks */
};

/* Fits the past of *episode and plans the rest.
 * Errors: those of model/fit.h and model/plan.h. */
MUST_CHECK enum error_code episode_ask(const struct episode *episode, struct episode_answer *answer,
                                       struct error *err);

#endif

/* plan.h: the shrinking series that ends inside the operator's window.
 *
 * Decides how many rounds to make, when each starts and when to cut, by playing the rest of the run
 * a few hundred times with the fitted models (same random draws for every candidate, so that
 * differences are real and the same input gives the same plan, byte for byte). Called anew, with
 * the new state, after every finished round and shortly before every start: the first action of the
 * fresh plan, `next`, is what to do. Owns no heap. */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/blackout.h"
#include "model/calibration.h"
#include "model/error.h"
#include "model/fit.h"
#include "model/forecast.h"
#include "model/overhead.h"
#include "model/places.h"
#include "model/series.h"

#define PLAN_MAX_ROUNDS 7

/* One volume of the set, as it stands now, not counting a round in flight. Borrows the model. */
struct plan_member {
    const struct volume_model *model;
    int64_t last_snapshot_ms;    /* newest completed snapshot; 0: none, so the next is full */
    int64_t last_copied_ms;      /* newest one complete at the target; 0: the next copy is full */
    int64_t full_bytes;          /* what a full snapshot or copy carries: blocks ever written */
    int64_t pending_delta_bytes; /* of the round in flight, once known; 0 while it is not */
    /* The newest snapshot in flight that is none of the round's: somebody else's. EBS completes the
     * snapshots of a volume in their order, so that a round waits for it, and builds on it. */
    int64_t foreign_ms;  /* when it began; 0: none */
    int foreign_percent; /* how far it says it is; 0 or less if it does not say */
};

/* What is in flight now: at most one round of the whole set. */
enum plan_phase { PLAN_IDLE, PLAN_SNAPSHOT_PENDING, PLAN_COPY_PENDING };

/* All the planner may know. Zero-initialise and fill; zero takes the default where one is named. */
struct plan_input {
    int64_t now_ms;          /* Unix milliseconds UTC, like every _ms here */
    int64_t window_start_ms; /* the cut (T0) is not before */
    int64_t window_end_ms;   /* service is back not after */
    int64_t max_downtime_ms; /* 0: as long as the window */
    double confidence;       /* wanted chance to keep the window, 0.5..0.999; 0: 0.9 */
    bool copies;             /* each snapshot is copied to the target before it counts */
    int64_t copy_limit_ms;   /* time-based copies are asked to be over by then; 0: standard ones */
    int copy_hops;           /* copies one after the other; read with copy_limit_ms */
    struct places places;    /* where the copies go; borrowed */
    /* Writers stop at window_start_ms whatever is still running: a round in flight then is waited
     * for, which is downtime, and none is begun any more. Otherwise the fence waits for it. */
    bool fixed_fence;
    struct blackouts blackouts; /* no round and no cut begins then */
    const struct plan_member *members;
    size_t member_count;
    enum plan_phase phase;
    int64_t round_started_ms; /* instant of the snapshot in flight; read unless PLAN_IDLE */
    int64_t phase_started_ms; /* when its snapshot or copy call went out; read unless PLAN_IDLE */
    struct overhead overhead; /* our own steps in the downtime; both 0: 90 s and 240 s */
    struct calibration calibration; /* of the downtime that is told; all 0: none */
    double round_price_s;           /* seconds of downtime one more round must save; 0: 30 s */
    uint64_t seed;
    size_t draw_count; /* 0: 256; at most 4096 */
};

/* One round to come (or in flight, then rounds[0]). */
struct plan_round {
    bool full; /* some volume carries every block, as snapshot or as copy */
    bool in_flight;
    int64_t starts_at_ms; /* planned instant of the snapshot; median, after the first round */
    /* Bytes carried, sum over the set: by the copies, without copies by the snapshots. */
    struct quantiles delta_bytes;
    struct quantiles snapshot_s; /* slowest member */
    struct quantiles copy_s;     /* slowest member; all 0 without copies */
    struct quantiles duration_s; /* snapshot and copy: until the next may start */
};

/* The last one, inside the downtime. */
struct plan_final {
    bool full;         /* no round comes before and it carries every block */
    int64_t cut_at_ms; /* planned T0 */
    struct quantiles delta_bytes;
    struct quantiles snapshot_s;
    struct quantiles copy_s;
};

/* What to do first. */
enum plan_action {
    PLAN_START_ROUND, /* at next.at_ms start a round */
    PLAN_CUT,         /* at next.at_ms fence and cut */
    PLAN_WAIT,        /* a round is in flight: plan again when it completes */
    PLAN_NEVER,       /* nothing can fit any more: the window is over or too small */
};

struct plan {
    bool converges; /* the series settles at a final short enough for the window */
    bool fits;      /* the chance to keep the window reaches the wanted confidence */
    /* No transfer so far was nearly as small as the final: the first rounds begin at once, to learn
     * how quick small ones are while there is time. */
    bool calibrates;
    bool prior_only;  /* some volume speaks from priors alone: calibrate before trusting it */
    char reason[240]; /* why it converges and fits, or why not; one line, always filled */
    char remedy[240]; /* what would help; empty if nothing is needed */
    struct {
        enum plan_action action;
        int64_t at_ms; /* not before now_ms */
    } next;
    struct plan_round rounds[PLAN_MAX_ROUNDS];
    size_t round_count;
    /* Rounds that may be expected, those included that planning anew will add; means over the draws.
     * The bytes are all that these and the final carry, by the copies, without copies by the
     * snapshots. What is in flight is in neither. */
    double expected_rounds;
    double expected_bytes;
    struct plan_final final;
    struct quantiles downtime_s;       /* fence to service back, corrected by the calibration */
    struct quantiles drawn_downtime_s; /* the same before that correction */
    double downtime_promise_s;         /* the quantile at the wanted confidence */
    /* That service is back after the window, or the downtime above its maximum. */
    double window_miss_probability;
    const char *point_of_no_return; /* the step, a static string */
    int64_t start_by_ms;     /* latest first start that still keeps the promise; 0 if none does */
    int64_t earliest_cut_ms; /* first good cut if the rounds began now and no window mattered */
    double attainable_s;     /* downtime that could be promised with that cut */
    struct series series;    /* the recursion behind it */
};

/* Makes the plan for *input. A plan that cannot fit is an answer (fits false, reason, remedy), not
 * an error.
 * Errors: ERR_INVALID with the field's name if *input contradicts itself; ERR_NO_MEMORY. */
MUST_CHECK enum error_code plan_make(const struct plan_input *input, struct plan *plan,
                                     struct error *err);

#endif

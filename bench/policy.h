/* policy.h: the ways to move a set of volumes that series-bench compares.
 *
 * All of them see the same world, which is played once for each, and may shut the writers out at any
 * instant from the beginning of the window on. The downtime counts from then until the new volumes are
 * there. */
#ifndef BENCH_POLICY_H
#define BENCH_POLICY_H

#include <stdbool.h>

#include "bench/scene.h"
#include "bench/tally.h"
#include "model/error.h"
#include "model/forecast.h"

/* What came of one world under one policy. */
struct outcome {
    bool done; /* else it gave up, and nothing below is filled */
    double down_s;
    double rounds; /* before the last */
    /* Said by a policy that says anything, seconds: */
    double told_rounds;       /* expected, when it began */
    double promise_s;         /* the downtime at most, with SCENE_CONFIDENCE, before it began */
    struct quantiles first_s; /* the downtime, before it began */
    struct quantiles drawn_s; /* the same before past promises corrected it */
    struct quantiles cut_s;   /* the downtime, when the cut was decided */
    /* Of the incremental rounds, each as told before it began: */
    struct tally round_bytes;
    struct tally round_seconds;
};

/* One way to move. */
struct policy {
    const char *name;
    bool promises;
    /* Plays it to the end. Errors: those of the cloud and of the store. */
    enum error_code (*play)(struct scene *scene, struct outcome *outcome, struct error *err);
};

/* Ours: the engine as it is, from history to volumes. */
MUST_CHECK enum error_code policy_ours(struct scene *scene, struct outcome *outcome,
                                       struct error *err);

/* A round as soon as the last one is over. */
MUST_CHECK enum error_code policy_back_to_back(struct scene *scene, struct outcome *outcome,
                                               struct error *err);
/* A round every hour, or when the last one is over. */
MUST_CHECK enum error_code policy_hourly(struct scene *scene, struct outcome *outcome,
                                         struct error *err);
/* One round at once and no other. */
MUST_CHECK enum error_code policy_once(struct scene *scene, struct outcome *outcome,
                                       struct error *err);
/* QEMU's rule for memory, read for a window: the last round tells a rate of change and a bandwidth;
 * as long as what changed since would be over before the window opens, another round. */
MUST_CHECK enum error_code policy_qemu(struct scene *scene, struct outcome *outcome,
                                       struct error *err);
/* Knows what will change and how fast everything will go, and makes the best of it. */
MUST_CHECK enum error_code policy_oracle(struct scene *scene, struct outcome *outcome,
                                         struct error *err);

#endif

/* scene.h: one simulated world before a move: its clouds, its window, and the round that all policies
 * but our own engine make by hand.
 *
 * Every world has the nature of its seed (tests/sim/nature.h). What belongs to the plan or to the
 * database and not to the cloud comes from the seed too. */
#ifndef BENCH_SCENE_H
#define BENCH_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/engine/path.h"
#include "core/log.h"
#include "tests/sim/fake_cloud.h"

#define SCENE_LEAD_MS    (40 * MS_PER_HOUR)
#define SCENE_WINDOW_MS  (6 * MS_PER_HOUR)
#define SCENE_CONFIDENCE 0.9

/* Must not move in memory while it is open. */
struct scene {
    uint64_t seed;
    struct nature nature;
    struct fake_world fake;
    struct fake_cloud here_self;
    struct fake_cloud there_self;
    struct cloud here;
    struct cloud there;
    struct path path;
    struct clock clock;
    struct log log;
    struct config config;
    bool copies;          /* into another region; else the volumes move to another zone */
    const char *zone;     /* of the new volumes */
    const char *instance; /* that gets them; empty: none does */
    int64_t window_ms;    /* its start */
    /* What holding the database still takes, out of the seed. */
    int64_t fence_ms;
    int64_t checkpoint_ms;
};

/* Makes the world of a seed, with its past. Owns: hand back with scene_close().
 * Errors: ERR_SYSTEM; what fake_world_open() says. */
MUST_CHECK enum error_code scene_open(struct scene *scene, uint64_t seed, struct error *err);
void scene_close(struct scene *scene);

/* What a round by hand came to. */
struct scene_round {
    int64_t started_ms; /* the instant of its cut */
    int64_t ended_ms;   /* its last copy, or snapshot, seen as completed */
    double bytes;       /* that its copies moved, or its snapshots */
};

/* Takes a snapshot of all volumes, waits, copies each, waits. A look every five seconds.
 * Errors: those of the cloud. */
MUST_CHECK enum error_code scene_round(struct scene *scene, struct scene_round *round,
                                       struct error *err);

/* Holds the database still, makes the last round and the volumes from it, attached where the target
 * has an instance; the seconds from the fence until then, as our engine counts them.
 * Errors: those of the cloud. */
MUST_CHECK enum error_code scene_final(struct scene *scene, double *down_s, struct error *err);

#endif

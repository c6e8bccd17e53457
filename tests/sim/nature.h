/* nature.h: what kind of world it is: how fast it carries, how its volumes live, what its past was.
 *
 * Plain data that the physics, the ghosts and the seeded history read. There is one usual nature, that
 * of cloudsim's seeded world, and one for every seed, for those who need worlds as different as real
 * accounts are. The ranges are described in docs/simulator.md; they were fixed before any forecast
 * was scored on them and follow what is publicly known of EBS. */
#ifndef TESTS_SIM_NATURE_H
#define TESTS_SIM_NATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NATURE_VOLUMES_MAX 3

/* How fast snapshots and copies go. */
struct pace {
    double least_mb_per_s; /* a path's own throughput is drawn between these two */
    double most_mb_per_s;
    double floor_mb_per_s; /* and stays between these, whatever drift and noise say */
    double ceiling_mb_per_s;
    double drift;           /* standard deviation of the log of the slow drift of the throughput */
    double noise;           /* the same of one transfer's throughput */
    double snapshot_cost_s; /* median of the fixed cost */
    double copy_cost_s;
    double least_cost_s;
    double cost_spread; /* standard deviation of its log */
    double slow_chance; /* of a slow episode */
    double slow_most;   /* the time is multiplied by 2 to so much */
    /* Transfers of a path that begin within so long share their luck, whatever was called before: two
     * policies meet the same world. 0: each call draws its own in the order of calls, so that a test
     * on a scaled clock, where no instant comes twice, still repeats. */
    int64_t luck_ms;
};

/* How a ghost spends its days. */
struct habits {
    double liveliness; /* touches, as a multiple of the usual ones */
    double warmth;     /* share of the blocks touched hourly to weekly, the same */
    double night;      /* activity at night, of that of an office hour */
    double weekend;
    int64_t shift_min;       /* its office hours are so much later than 8 to 19 UTC */
    int64_t batch_start_min; /* minutes after midnight UTC */
    int64_t batch_length_min;
    double batch_share; /* of the blocks, median */
};

struct nature_volume {
    int64_t size_gib;
    int64_t written_blocks; /* the rest was never written */
    struct habits habits;
};

struct nature {
    struct pace pace;
    struct nature_volume volumes[NATURE_VOLUMES_MAX]; /* one instance has them all */
    size_t volume_count;
    int64_t history_days;
    int64_t every_min; /* between scheduled snapshots; divides a day */
    bool maintained;   /* once a fortnight a series by hand; only beside daily ones */
};

/* The seeded world of cloudsim. */
extern const struct nature nature_usual;

/* The nature that belongs to a seed. */
struct nature nature_of(uint64_t seed);

#endif

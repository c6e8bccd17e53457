/* fleet.h: what the other volumes of an account tell of one volume.
 *
 * A prior of the account's own, learned from volumes that have enough history; where they are too
 * few, the built-in one. A volume is never its own teacher: the caller leaves it out. */
#ifndef MODEL_FLEET_H
#define MODEL_FLEET_H

#include <stddef.h>

#include "model/dirty_fit.h"
#include "model/dirty_prior.h"
#include "model/duration_fit.h"

/* A volume teaches with this many snapshots; so many such volumes make a prior. */
#define FLEET_LEAST_SAMPLES          10
#define FLEET_LEAST_DURATION_VOLUMES 3
#define FLEET_LEAST_DIRTY_VOLUMES    4
/* More volumes than this teach nothing new; later ones are not read. */
#define FLEET_MAX 64

/* What is believed of a volume before its own history speaks. Plain data. */
struct volume_prior {
    struct duration_prior snapshot;
    struct duration_prior copy; /* of a fitted model: what its copies were fitted with */
    struct dirty_prior dirty;
    size_t snapshot_volumes; /* other volumes it was learned from; 0: built in */
    size_t copy_volumes;     /* 0: the volume's own snapshots tell of its copies */
    size_t dirty_volumes;
};

/* The fits of one volume of the account. */
struct fleet_member {
    struct duration_fit snapshot;
    struct duration_fit copy;
    struct dirty_fit dirty;
};

/* The built-in prior. */
struct volume_prior volume_prior_shipped(void);

/* What the members tell of a volume that is none of them. Fits should be made with the built-in
 * prior, or its weight fades. */
struct volume_prior volume_prior_of_fleet(const struct fleet_member *members, size_t count);

/* The mean of the slopes of volumes that learned some, and their scatter together with the doubt
 * about each; the built-in prior counts as two volumes. The intercept stays flat. The built-in prior
 * if no fit learned anything. */
struct dirty_prior dirty_prior_of_fleet(const struct dirty_fit *fits, size_t count);

#endif

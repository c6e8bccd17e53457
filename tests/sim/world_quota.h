/* world_quota.h: what an account may have in a region: snapshots, storage and IOPS of volumes.
 *
 * Codes, names and defaults are those of Service Quotas for 'ebs'; whoever makes something is refused
 * beyond them. Changed values live as long as the process. */
#ifndef TESTS_SIM_WORLD_QUOTA_H
#define TESTS_SIM_WORLD_QUOTA_H

#include <stdbool.h>
#include <stddef.h>

#include "model/error.h"
#include "tests/sim/world.h"

/* One quota of the service. Borrows static texts. */
struct sim_quota {
    const char *code;
    const char *name;
    const char *volume_type; /* NULL: of snapshots */
    bool is_iops;            /* else TiB */
    double standard;
    bool is_applied; /* the service tells an applied value, not only the default */
};

/* The quotas in the order of their listing; NULL after the last. */
const struct sim_quota *world_quota_at(size_t index);

/* NULL for an unknown code. */
const struct sim_quota *world_quota_find(const char *code);

/* What is granted to the caller's account in its region. */
double world_quota_value(const struct world *world, const struct caller *caller,
                         const struct sim_quota *quota);

/* Grants another value; `account` "" means every one. */
void world_quota_set(struct world *world, const char *account, const char *region,
                     const struct sim_quota *quota, double value);

/* The same from words, "REGION:CODE=VALUE". Errors: ERR_INVALID. */
MUST_CHECK enum error_code world_quota_arm(struct world *world, const char *text,
                                           struct error *err);

/* Whether one more volume fits. Refusals: VolumeLimitExceeded, MaxIOPSLimitExceeded. */
bool world_quota_fits_volume(const struct world *world, const struct caller *caller,
                             const char *type, int64_t size_gib, int64_t iops,
                             struct refusal *refusal);

/* Whether so many more snapshots fit. Refusals: SnapshotLimitExceeded. */
bool world_quota_fits_snapshots(const struct world *world, const struct caller *caller,
                                size_t count, struct refusal *refusal);

void world_free_quotas(struct world *world);

#endif

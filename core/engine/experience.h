/* experience.h: what the store has seen beyond one volume.
 *
 * Other volumes of the account make the prior of a volume; finished rounds and runs tell how far
 * promises can be trusted, and how long our own steps take. Read once per look ahead. */
#ifndef CORE_ENGINE_EXPERIENCE_H
#define CORE_ENGINE_EXPERIENCE_H

#include <stddef.h>
#include <stdint.h>

#include "core/cloud.h"
#include "core/config.h"
#include "core/store.h"
#include "model/calibration.h"
#include "model/error.h"
#include "model/fleet.h"
#include "model/overhead.h"

/* Plain data, large: keep it off small stacks. */
struct experience {
    char volume_ids[FLEET_MAX][CLOUD_ID_SIZE];
    struct fleet_member members[FLEET_MAX]; /* fitted with the built-in prior */
    size_t member_count;
    struct calibration calibration; /* of promises for the set in question */
    struct overhead overhead;       /* our own steps inside a downtime */
};

/* Whose experience is wanted. Borrows all. */
struct experience_request {
    struct store *store;
    const char *target_region;   /* copies to there */
    const struct config *config; /* its volumes are the set in question */
    int64_t now_ms;              /* the instant of knowledge, Unix milliseconds UTC */
};

/* Reads and fits the volumes of the store that have enough snapshots, the lately seen ones first,
 * and reads what became of promises.
 * Errors: ERR_STORE, ERR_NO_MEMORY, ERR_INVALID if a volume's numbers cannot be fitted. */
MUST_CHECK enum error_code experience_load(const struct experience_request *request,
                                           struct experience *experience, struct error *err);

/* What all volumes but this one tell of it. */
struct volume_prior experience_prior(const struct experience *experience, const char *volume_id);

#endif

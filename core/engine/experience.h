/* experience.h: what the store has seen beyond one volume.
 *
 * Other volumes of the account make the prior of a volume. Read once per look ahead. */
#ifndef CORE_ENGINE_EXPERIENCE_H
#define CORE_ENGINE_EXPERIENCE_H

#include <stddef.h>
#include <stdint.h>

#include "core/cloud.h"
#include "core/store.h"
#include "model/error.h"
#include "model/fleet.h"

/* Plain data, large: keep it off small stacks. */
struct experience {
    char volume_ids[FLEET_MAX][CLOUD_ID_SIZE];
    struct fleet_member members[FLEET_MAX]; /* fitted with the built-in prior */
    size_t member_count;
};

/* Reads and fits the volumes of the store that have enough snapshots, the lately seen ones first,
 * with their copies to target_region, as known at now_ms (Unix milliseconds UTC).
 * Errors: ERR_STORE, ERR_NO_MEMORY, ERR_INVALID if a volume's numbers cannot be fitted. */
MUST_CHECK enum error_code experience_load(struct store *store, const char *target_region,
                                           int64_t now_ms, struct experience *experience,
                                           struct error *err);

/* What all volumes but this one tell of it. */
struct volume_prior experience_prior(const struct experience *experience, const char *volume_id);

#endif

/* outlook.h: what is known of a set, fitted, and the plan that follows from it.
 *
 * Joins the store's rows, the present state at the service and the wish of the operator into one
 * call of model/plan.h. Used by `plan`, and by a run before each of its decisions. */
#ifndef CORE_ENGINE_OUTLOOK_H
#define CORE_ENGINE_OUTLOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/cloud.h"
#include "core/config.h"
#include "core/engine/experience.h"
#include "core/engine/path.h"
#include "core/log.h"
#include "core/store.h"
#include "model/error.h"
#include "model/fit.h"
#include "model/plan.h"

/* The wish, and where to look. Borrows all. */
struct outlook_request {
    const struct config *config;
    const struct cloud *source;
    const struct path *path; /* from there to the target */
    struct store *store;
    const struct clock *clock;
    const struct log *log;
    int64_t window_start_ms;
    int64_t window_end_ms;
    int64_t max_downtime_ms;
    double confidence;
    int64_t patience_ms; /* how long a call that fails for now is tried again */
};

/* Zero-initialise; hand back with outlook_done(). */
struct outlook {
    struct experience experience;
    struct volume_model models[CLOUD_SET_MAX];
    struct plan_member members[CLOUD_SET_MAX];
    char foreign_ids[CLOUD_SET_MAX][CLOUD_ID_SIZE]; /* what members[i].foreign_ms tells of; or "" */
    size_t member_count;
    struct places places; /* of the hop with the fewest free */
    size_t places_held;   /* by others, now */
    size_t places_hop;    /* that hop */
    struct plan plan;
};

/* Frees what the fits own and empties *outlook. */
void outlook_done(struct outlook *outlook);

/* Looks, fits and plans, for the present instant. It is large: keep it off small stacks.
 * Errors: those of the cloud after retries, ERR_CLOUD for a volume that does not exist, ERR_STORE,
 * ERR_NO_MEMORY, ERR_INVALID for a window that is no window. */
MUST_CHECK enum error_code outlook_make(const struct outlook_request *request,
                                        struct outlook *outlook, struct error *err);

#endif

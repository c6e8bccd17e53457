/* base.h: what the next copy of a hop builds on, or why it would carry everything.
 *
 * EBS builds a copy on the newest one that was ever made of the volume in that account and region,
 * and only if that one is kept, not archived, and all copies there lie under one key. A copy that is
 * gone leaves no trace at the service: that it was there is known from the runs in the store. */
#ifndef CORE_ENGINE_BASE_H
#define CORE_ENGINE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/engine/path.h"
#include "core/log.h"
#include "core/store.h"
#include "model/error.h"
#include "model/lineage.h"

/* Which copies, and who asks. Borrows all. */
struct base_request {
    const struct path *path;
    size_t hop;
    const char *volume_id;
    bool volume_encrypted;
    struct store *store;
    const struct clock *clock;
    const struct log *log;
    int64_t patience_ms;
};

struct base {
    enum lineage_full full; /* LINEAGE_INCREMENTAL: there is one */
    int64_t instant_ms;     /* that it stands for, Unix milliseconds UTC; 0 without one */
};

/* Finds the base of the next copy that the hop makes of the volume. A key that cannot be asked about
 * is not held against a copy.
 * Errors: those of the cloud after retries, ERR_STORE, ERR_NO_MEMORY. */
MUST_CHECK enum error_code base_find(const struct base_request *request, struct base *base,
                                     struct error *err);

#endif

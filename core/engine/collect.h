/* collect.h: reads from the account what its history can teach, into the store.
 *
 * Snapshots with start and completion, the blocks that changed between neighbours and over several
 * of them, copies that ebshift made, and the write rates. What the store knows already is not asked
 * for again. */
#ifndef CORE_ENGINE_COLLECT_H
#define CORE_ENGINE_COLLECT_H

#include "core/clock.h"
#include "core/cloud.h"
#include "core/engine/path.h"
#include "core/log.h"
#include "core/store.h"
#include "model/error.h"

struct collect_request {
    const struct cloud *source;
    const struct path *path; /* where earlier copies may be */
    struct store *store;
    const struct clock *clock;
    const struct log *log;
    size_t max_gaps;     /* newest gaps between snapshots whose blocks are listed */
    int64_t patience_ms; /* how long a call that fails for now is tried again */
};

/* What one volume's collection found. */
struct collect_result {
    size_t snapshots;   /* completed ones at the source */
    size_t gaps_listed; /* newly read from the service */
    size_t gaps_failed; /* could not be listed; the first reason was logged */
    size_t periods;     /* write periods added */
};

/* Collects one volume.
 * Errors: those of the cloud after retries, ERR_STORE. A gap or metric that cannot be read is logged
 * and left out: the model works with less. */
MUST_CHECK enum error_code collect_volume(const struct collect_request *request,
                                          const char *volume_id, struct collect_result *result,
                                          struct error *err);

#endif

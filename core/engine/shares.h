/* shares.h: snapshots lent to the target account, each only as long as its copy needs it. */
#ifndef CORE_ENGINE_SHARES_H
#define CORE_ENGINE_SHARES_H

#include "core/engine/engine.h"
#include "core/engine/path.h"
#include "model/error.h"

/* Shares a snapshot with the target account and waits until that sees it. The copy that it is for
 * must be journalled before: by that shares_take_back() finds it.
 * Errors: those of the cloud, after retries; ERR_TIMEOUT if it never shows there. */
MUST_CHECK enum error_code shares_lend(struct engine *engine, const struct hop *hop,
                                       const char *snapshot_id, struct error *err);

/* Takes back the shares of the present round, or with `all` of every round of the run; a snapshot
 * that is gone is no longer shared. Errors: those of the cloud, after retries. */
MUST_CHECK enum error_code shares_take_back(struct engine *engine, bool all, struct error *err);

#endif

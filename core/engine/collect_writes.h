/* collect_writes.h: how much was written to a volume and when, from CloudWatch, into the store. */
#ifndef CORE_ENGINE_COLLECT_WRITES_H
#define CORE_ENGINE_COLLECT_WRITES_H

#include "core/engine/collect.h"

/* Adds the periods that the store does not know yet. Without metrics the model still has the
 * snapshots: a failure to read them is logged and no error.
 * Errors: ERR_INTERRUPTED, ERR_STORE. */
MUST_CHECK enum error_code collect_writes(const struct collect_request *request,
                                          const char *volume_id, struct collect_result *result,
                                          struct error *err);

#endif

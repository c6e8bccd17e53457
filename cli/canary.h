/* canary.h: canaries from the command line: their store, and what a dead one left. */
#ifndef CLI_CANARY_H
#define CLI_CANARY_H

#include <stdbool.h>

#include "cli/session.h"
#include "core/cloud.h"
#include "core/engine/canary.h"
#include "model/error.h"

/* Sends one in the place of a volume, by the way of the session, which has its clouds open.
 * Errors: as canary_send(); ERR_LOCKED if another canary is on its way. */
MUST_CHECK enum error_code canary_fly(struct session *session, const struct cloud_volume *like,
                                      struct canary_times *times, struct error *err);

/* Removes what a canary left whose process was killed; *removed is its run, "" if there was none.
 * Opens and closes all it needs. Errors: those of the store and of the cloud. */
MUST_CHECK enum error_code canary_tidy(const struct session *session, char removed[RUN_ID_SIZE],
                                       struct error *err);

#endif

/* learn.h: what history, plan and migrate do alike: collect, then look ahead. */
#ifndef CLI_LEARN_H
#define CLI_LEARN_H

#include "cli/session.h"
#include "core/engine/outlook.h"
#include "model/error.h"

/* Gaps between snapshots that are listed per volume on a first look. */
#define LEARN_GAPS 30

/* Opens store and clouds and checks the config. Errors: as session.h. */
MUST_CHECK enum error_code learn_open(struct session *session, struct error *err);

/* Checks at the service that the config's target zone and instance are there. Errors: as target.h. */
MUST_CHECK enum error_code learn_target(struct session *session, struct error *err);

/* Collects the history of every volume of the set into the store, and reads this machine's counters
 * of those that are attached to it.
 * Errors: ERR_CLOUD for a volume that does not exist; those of collect.h. */
MUST_CHECK enum error_code learn_collect(struct session *session, struct error *err);

/* What to ask of the planner for the window of the command line.
 * Errors: ERR_CONFIG without a window, or with one that is over. */
MUST_CHECK enum error_code learn_request(struct session *session, struct outlook_request *request,
                                         struct error *err);

#endif

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

/* Refuses to begin beside a run that is not over. Errors: ERR_STATE naming it; ERR_STORE. */
MUST_CHECK enum error_code learn_no_other(struct session *session, struct error *err);

/* Asks who we are on both sides; the source's account is handed back.
 * Errors: ERR_CONFIG if the target's account is not the one that the config names. */
MUST_CHECK enum error_code learn_accounts(struct session *session, char source_account[16],
                                          struct error *err);

/* Checks at the service that the config's target account is ours, that zone and instance are there,
 * and that the keys on the way will do. Errors: as target.h, keys.h and learn_accounts(). */
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

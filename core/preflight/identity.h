/* identity.h: in whose name ebshift acts on each side, and whether those are the accounts that the
 * config means. */
#ifndef CORE_PREFLIGHT_IDENTITY_H
#define CORE_PREFLIGHT_IDENTITY_H

#include "core/clock.h"
#include "core/cloud.h"
#include "core/config.h"
#include "core/log.h"
#include "model/error.h"

/* Asks one side, with the patience of a prompt. Errors: those of the cloud. */
MUST_CHECK enum error_code identity_ask(const struct cloud *cloud, const struct clock *clock,
                                        const struct log *log, struct cloud_identity *who,
                                        struct error *err);

/* Refuses a target account that is the source's own; true in *other if there is one at all.
 * Errors: ERR_CONFIG. */
MUST_CHECK enum error_code identity_check_source(const struct config *config,
                                                 const struct cloud_identity *source, bool *other,
                                                 struct error *err);

/* Refuses credentials of the target that are not of the account that the config names.
 * Errors: ERR_CONFIG. */
MUST_CHECK enum error_code identity_check_target(const struct config *config,
                                                 const struct cloud_identity *target,
                                                 struct error *err);

#endif

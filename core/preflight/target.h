/* target.h: where the new volumes go, as far as it can be known before the night.
 *
 * A zone or an instance that is not there would stop a migration in the middle of its downtime, so
 * plan and migrate ask first. Changes nothing at the service. */
#ifndef CORE_PREFLIGHT_TARGET_H
#define CORE_PREFLIGHT_TARGET_H

#include "core/clock.h"
#include "core/cloud.h"
#include "core/config.h"
#include "core/log.h"
#include "model/error.h"

/* Who is asked about the target of a config. Borrows all. */
struct target_check {
    const struct config *config;
    const struct cloud *cloud; /* of the target region */
    const struct clock *clock;
    const struct log *log;
};

/* Checks zone and instance, each where the config names it.
 * Errors: ERR_CONFIG if the zone is not in the region, the instance does not exist, has ended or is
 * in another zone; those of the service. */
MUST_CHECK enum error_code target_check(const struct target_check *check, struct error *err);

#endif

/* keys.h: the keys along a path: whether they will do, who lacks what, and grants.
 *
 * EBS judges keys only after it has accepted a call: a copy then ends in error, a volume vanishes.
 * So they are asked about beforehand, and a failure is turned into the right that is missing, on
 * which key, for whom. */
#ifndef CORE_ENGINE_KEYS_H
#define CORE_ENGINE_KEYS_H

#include "core/clock.h"
#include "core/cloud.h"
#include "core/config.h"
#include "core/engine/engine.h"
#include "core/engine/path.h"
#include "core/log.h"
#include "model/error.h"

/* Who asks, and how long. Borrows all. */
struct keys_request {
    const struct path *path;
    const struct cloud *source;
    const struct config *config;
    const struct clock *clock;
    const struct log *log;
    int64_t patience_ms;
};

/* Checks every key that a path needs for the volumes of the config; changes nothing. No key is asked
 * about where nothing is encrypted.
 * Errors: ERR_CONFIG for a key that is missing, or that lies where it cannot be shared; ERR_ACCESS
 * naming the right, the key and who lacks it; ERR_STATE for a key that is not enabled. */
MUST_CHECK enum error_code keys_check(const struct keys_request *request, struct error *err);

/* Says why a copy of a hop failed, if a key is the cause for sure: source_key is the ARN of the key
 * that its source lies under, empty if it is not encrypted. Puts the reason before what *err says.
 * What cannot be asked about is blamed only `again`, when the same has failed before: a copy may
 * have been begun before somebody mended its key.
 * Errors: ERR_ACCESS, ERR_STATE or ERR_CONFIG with the cause; ERR_NONE if none was found. */
enum error_code keys_blame(struct engine *engine, const struct hop *hop, const char *source_key,
                           bool again, struct error *err);

/* Lets the target account read what lies under a key of the source account: asks first, and makes
 * a grant only where needed. The grant is journalled before it is made, for keys_take_back().
 * Errors: ERR_ACCESS naming who lacks what; those of the cloud. */
MUST_CHECK enum error_code keys_lend(struct engine *engine, const struct hop *hop,
                                     const char *key_arn, struct error *err);

/* Takes the run's grants back. Errors: those of the cloud. */
MUST_CHECK enum error_code keys_take_back(struct engine *engine, struct error *err);

#endif

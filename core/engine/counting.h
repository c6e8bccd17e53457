/* counting.h: follows the writes of a set on its own host, ahead of CloudWatch. */
#ifndef CORE_ENGINE_COUNTING_H
#define CORE_ENGINE_COUNTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/counter.h"
#include "core/log.h"
#include "core/store.h"
#include "model/error.h"
#include "model/sample.h"

/* Borrows all. */
struct counting {
    const struct counter *counter; /* NULL: not on the volumes' host, nothing is counted */
    const struct config *config;
    struct store *store;
    const struct clock *clock;
    const struct log *log;
};

/* Reads the counters of every volume of the set that is attached here, into the store.
 * Errors: ERR_STORE. A counter that cannot be read is logged and left out. */
MUST_CHECK enum error_code counting_read(const struct counting *counting, struct error *err);

/* Sleeps until an instant and reads the counters on the way, once per tick of the model (finer ones
 * tell it nothing). Errors: ERR_INTERRUPTED, ERR_STORE. */
MUST_CHECK enum error_code counting_sleep_until(const struct counting *counting, int64_t instant_ms,
                                                struct error *err);

/* Tells whether rows[0..count), oldest first, cover nearly all of the time before now_ms that
 * CloudWatch cannot tell yet. */
bool counting_is_current(const struct write_sample *rows, size_t count, int64_t now_ms);

#endif

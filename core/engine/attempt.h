/* attempt.h: the one place where a failed call is tried again.
 *
 *     struct attempt attempt = attempt_begin(clock, log, "list the snapshots", limit_ms);
 *     do
 *         code = cloud->list_snapshots(cloud->self, &filter, &snapshots, err);
 *     while (attempt_again(&attempt, &code, err));
 */
#ifndef CORE_ENGINE_ATTEMPT_H
#define CORE_ENGINE_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/log.h"
#include "model/error.h"
#include "model/retry.h"

/* How long a running migration tries a call that fails for now, and one that only teaches; somebody
 * who waits at a terminal is told sooner. */
#define PATIENCE_OF_A_RUN_MS    INT64_C(1800000)
#define PATIENCE_TO_LEARN_MS    INT64_C(60000)
#define PATIENCE_AT_A_PROMPT_MS INT64_C(15000)

struct attempt {
    const struct clock *clock;
    const struct log *log;
    const char *what; /* for messages, "list the snapshots" */
    struct retry retry;
    uint64_t random; /* state of the jitter */
};

/* Begins a call that may be tried for limit_ms; borrows all. */
struct attempt attempt_begin(const struct clock *clock, const struct log *log, const char *what,
                             int64_t limit_ms);

/* Begins a call that only teaches: no round of a series waits half an hour for one, as it does for a
 * snapshot. */
struct attempt attempt_to_learn(const struct clock *clock, const struct log *log, const char *what,
                                int64_t limit_ms);

/* After an attempt that ended with *code: false if it succeeded or nothing will mend it, with the
 * failure explained in *err; true after the wait if it shall be sent again. A call that creates
 * something without a client token asks attempt_unsure() first. An interrupted wait ends the loop
 * with *code ERR_INTERRUPTED. */
bool attempt_again(struct attempt *attempt, enum error_code *code, struct error *err);

/* True if after this failure the effect may have happened at the service. */
bool attempt_unsure(enum error_code code);

#endif

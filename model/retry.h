/* retry.h: whether a failed call may be sent again, and after how long.
 *
 * Full jitter: the wait is random between nothing and a bound that doubles per attempt. The caller
 * brings the random number, so that decisions are pure; whether an unsure effect has to be looked up
 * first is the caller's to know. */
#ifndef MODEL_RETRY_H
#define MODEL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/error.h"

/* One call being tried. */
struct retry {
    int attempts;        /* made so far */
    int64_t deadline_ms; /* no attempt begins after this instant, Unix milliseconds UTC */
};

struct retry_decision {
    bool again;
    int64_t wait_ms;
};

/* Decides after a failure; `random01` is uniform in [0, 1). Waits grow from 0.5 s (1 s when
 * throttled, 15 s at a full quota) to 60 s. */
struct retry_decision retry_decide(const struct retry *retry, enum error_code failure,
                                   int64_t now_ms, double random01);

#endif

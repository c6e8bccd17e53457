/* retry.h: whether a failed call may be sent again, and after how long.
 *
 * Full jitter: the wait is random between nothing and a bound that doubles per attempt. The caller
 * brings the random number, so that decisions are pure. */
#ifndef MODEL_RETRY_H
#define MODEL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/error.h"

/* One call being tried. */
struct retry {
    int attempts;         /* made so far */
    int64_t started_ms;   /* of the first attempt */
    int64_t deadline_ms;  /* no attempt begins after this instant */
    bool refreshed_login; /* credentials were read anew already */
};

enum retry_verdict {
    RETRY_GIVE_UP,
    RETRY_AGAIN,     /* nothing happened at the service: send again after the wait */
    RETRY_LOOK_UP,   /* it may have happened: look the tag up after the wait, then decide */
    RETRY_NEW_LOGIN, /* refresh the credentials, then send again */
};

struct retry_decision {
    enum retry_verdict verdict;
    int64_t wait_ms;
};

/* Decides after a failure. `creates` says that the call makes something without a client token;
 * `random01` is uniform in [0, 1). Waits grow from 0.5 s (1 s when throttled, 15 s at a full quota)
 * to 60 s. */
struct retry_decision retry_decide(const struct retry *retry, enum error_code failure, bool creates,
                                   int64_t now_ms, double random01);

#endif

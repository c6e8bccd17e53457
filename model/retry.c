#include "model/retry.h"

/* The longest single wait; a longer one hides that the service is back. */
#define WAIT_MAX_MS INT64_C(60000)

/* First bound of the wait, or -1 for failures that no repeat mends. */
static int64_t first_bound_ms(enum error_code failure)
{
    switch ((int)failure) {
    case ERR_UNREACHABLE:
    case ERR_TRANSIENT:
    case ERR_AMBIGUOUS:
    case ERR_PROTOCOL:
        return 500;
    case ERR_THROTTLED:
        return 1000;
    case ERR_LIMIT:
        return 15000;
    default:
        return -1;
    }
}

static int64_t bound_ms(int64_t first_ms, int attempts)
{
    int64_t bound = first_ms;
    for (int i = 1; i < attempts && bound < WAIT_MAX_MS; i++)
        bound *= 2;
    return bound < WAIT_MAX_MS ? bound : WAIT_MAX_MS;
}

struct retry_decision retry_decide(const struct retry *retry, enum error_code failure,
                                   int64_t now_ms, double random01)
{
    int64_t first_ms = first_bound_ms(failure);
    if (first_ms < 0)
        return (struct retry_decision){.again = false};
    int64_t bound = bound_ms(first_ms, retry->attempts);
    int64_t wait_ms = (int64_t)((double)bound * random01);
    /* A full quota does not empty in a moment, so half of that wait is certain. */
    if (failure == ERR_LIMIT)
        wait_ms = bound / 2 + wait_ms / 2;
    return (struct retry_decision){.again = now_ms + wait_ms <= retry->deadline_ms,
                                   .wait_ms = wait_ms};
}

#include "core/engine/attempt.h"

#include <inttypes.h>

#include "model/instant.h"

struct attempt attempt_begin(const struct clock *clock, const struct log *log, const char *what,
                             int64_t limit_ms)
{
    return (struct attempt){
        .clock = clock,
        .log = log,
        .what = what,
        .retry = {.deadline_ms = clock_now_ms(clock) + limit_ms},
        .random = (uint64_t)clock_mono_us(),
    };
}

struct attempt attempt_to_learn(const struct clock *clock, const struct log *log, const char *what,
                                int64_t limit_ms)
{
    return attempt_begin(clock, log, what,
                         limit_ms < PATIENCE_TO_LEARN_MS ? limit_ms : PATIENCE_TO_LEARN_MS);
}

/* splitmix64: jitter needs spread, not secrecy. */
static double next_random01(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((x ^ (x >> 31)) >> 11) / 9007199254740992.0;
}

bool attempt_again(struct attempt *attempt, enum error_code *code, struct error *err)
{
    if (*code == ERR_NONE)
        return false;
    attempt->retry.attempts++;
    int64_t now_ms = clock_now_ms(attempt->clock);
    struct retry_decision decision =
        retry_decide(&attempt->retry, *code, now_ms, next_random01(&attempt->random));
    if (!decision.again) {
        (void)error_prefix(err, "cannot %s", attempt->what);
        return false;
    }
    char wait[DURATION_TEXT_SIZE];
    log_event(attempt->log, LOG_DEBUG, now_ms, "%s: %s; again in %s", attempt->what, err->message,
              duration_text(decision.wait_ms, wait));
    enum error_code slept = clock_sleep_until(attempt->clock, now_ms + decision.wait_ms, err);
    if (slept != ERR_NONE)
        *code = slept;
    return slept == ERR_NONE;
}

bool attempt_unsure(enum error_code code)
{
    /* Memory may have run out over the answer. */
    return code == ERR_AMBIGUOUS || code == ERR_PROTOCOL || code == ERR_NO_MEMORY;
}

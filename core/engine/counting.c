#include "core/engine/counting.h"

#include <sys/param.h>

#include "model/instant.h"

/* The model's. */
#define TICK_MS (5 * MS_PER_MINUTE)
/* What CloudWatch holds back, and the share of it that must be counted. */
#define LATE_MS        (10 * MS_PER_MINUTE)
#define LEAST_COVERAGE 0.9

static enum error_code read_volume(const struct counting *counting, const char *volume_id,
                                   struct error *err)
{
    struct counter_reading reading;
    int64_t now_ms = clock_now_ms(counting->clock);
    enum error_code code =
        counting->counter->read(counting->counter->self, volume_id, &reading, err);
    if (code == ERR_NONE)
        return store_put_reading(counting->store, volume_id, now_ms, &reading, err);
    log_event(counting->log, LOG_DEBUG, now_ms, "%s", err->message);
    return ERR_NONE;
}

enum error_code counting_read(const struct counting *counting, struct error *err)
{
    if (counting->counter == NULL)
        return ERR_NONE;
    for (size_t i = 0; i < counting->config->volume_count; i++)
        TRY(read_volume(counting, counting->config->volumes[i], err));
    return ERR_NONE;
}

enum error_code counting_sleep_until(const struct counting *counting, int64_t instant_ms,
                                     struct error *err)
{
    if (counting->counter == NULL)
        return clock_sleep_until(counting->clock, instant_ms, err);
    int64_t tick_ms = (clock_now_ms(counting->clock) / TICK_MS + 1) * TICK_MS;
    for (; tick_ms < instant_ms; tick_ms += TICK_MS) {
        TRY(clock_sleep_until(counting->clock, tick_ms, err));
        TRY(counting_read(counting, err));
    }
    return clock_sleep_until(counting->clock, instant_ms, err);
}

bool counting_is_current(const struct write_sample *rows, size_t count, int64_t now_ms)
{
    int64_t since_ms = now_ms - LATE_MS;
    int64_t covered_ms = 0;
    for (size_t i = count; i-- > 0 && rows[i].start_ms + rows[i].length_ms > since_ms;) {
        int64_t end_ms = MIN(rows[i].start_ms + rows[i].length_ms, now_ms);
        covered_ms += end_ms - MAX(rows[i].start_ms, since_ms);
    }
    return (double)covered_ms >= LEAST_COVERAGE * (double)LATE_MS;
}

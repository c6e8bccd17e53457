#include "core/engine/collect_writes.h"

#include <math.h>
#include <stdlib.h>

#include "core/engine/attempt.h"
#include "model/instant.h"

/* CloudWatch keeps 5-minute periods for 63 days. */
#define PERIOD_S       300
#define METRIC_KEEP_MS (62 * MS_PER_DAY)
/* The newest periods may still change. */
#define METRIC_LAG_MS (10 * MS_PER_MINUTE)

static enum error_code get_metric(const struct collect_request *request,
                                  const struct cloud_metric_request *wanted,
                                  struct cloud_metric *metric, struct error *err)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt = attempt_to_learn(request->clock, request->log,
                                              "read the write metrics", request->patience_ms);
    do {
        cloud_metric_done(metric);
        code = request->source->get_metric(request->source->self, wanted, metric, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

/* The operations of the period that starts at an instant, -1 if unknown; both series ascend. */
static int64_t ops_at(const struct cloud_metric *ops, size_t *cursor, int64_t start_ms)
{
    while (*cursor < ops->count && ops->points[*cursor].start_ms < start_ms)
        (*cursor)++;
    if (*cursor == ops->count || ops->points[*cursor].start_ms != start_ms)
        return -1;
    return llround(ops->points[*cursor].sum);
}

static enum error_code store_metric(const struct collect_request *request, const char *volume_id,
                                    const struct cloud_metric *bytes,
                                    const struct cloud_metric *ops, struct error *err)
{
    if (bytes->count == 0)
        return ERR_NONE;
    struct write_sample *rows = calloc(bytes->count, sizeof(*rows));
    if (rows == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu periods", bytes->count);
    size_t cursor = 0;
    for (size_t i = 0; i < bytes->count; i++) {
        rows[i] = (struct write_sample){
            .start_ms = bytes->points[i].start_ms,
            .length_ms = PERIOD_S * MS_PER_SECOND,
            .bytes = llround(bytes->points[i].sum),
            .ops = ops_at(ops, &cursor, bytes->points[i].start_ms),
        };
    }
    enum error_code code = store_put_writes(request->store, volume_id, rows, bytes->count, err);
    free(rows);
    return code;
}

static enum error_code read_writes(const struct collect_request *request, const char *volume_id,
                                   struct collect_result *result, struct error *err)
{
    CLEANUP_CLOUD_METRIC struct cloud_metric bytes = {0};
    CLEANUP_CLOUD_METRIC struct cloud_metric ops = {0};
    const int64_t period_ms = PERIOD_S * MS_PER_SECOND;
    int64_t start_ms = 0;
    int64_t end_ms = (clock_now_ms(request->clock) - METRIC_LAG_MS) / period_ms * period_ms;
    TRY(store_writes_end(request->store, volume_id, &start_ms, err));
    if (start_ms < end_ms - METRIC_KEEP_MS)
        start_ms = end_ms - METRIC_KEEP_MS;
    if (start_ms >= end_ms)
        return ERR_NONE;
    struct cloud_metric_request wanted = {
        .volume_id = volume_id,
        .name = "VolumeWriteBytes",
        .start_ms = start_ms,
        .end_ms = end_ms,
        .period_s = PERIOD_S,
    };
    TRY(get_metric(request, &wanted, &bytes, err));
    wanted.name = "VolumeWriteOps";
    TRY(get_metric(request, &wanted, &ops, err));
    result->periods = bytes.count;
    return store_metric(request, volume_id, &bytes, &ops, err);
}

enum error_code collect_writes(const struct collect_request *request, const char *volume_id,
                               struct collect_result *result, struct error *err)
{
    enum error_code code = read_writes(request, volume_id, result, err);
    if (code == ERR_NONE || code == ERR_INTERRUPTED || code == ERR_STORE)
        return code;
    log_event(request->log, LOG_WARN, clock_now_ms(request->clock), "%s", err->message);
    return ERR_NONE;
}

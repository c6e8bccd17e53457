#include "core/engine/collect.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/block_map.h"
#include "core/engine/engine.h"
#include "core/engine/listing.h"
#include "model/instant.h"

/* Unions reach over at most so many neighbouring gaps. */
#define MERGE_MAX 24
/* CloudWatch keeps 5-minute periods for 63 days. */
#define PERIOD_S       300
#define METRIC_KEEP_MS (62 * MS_PER_DAY)
/* The newest periods may still change. */
#define METRIC_LAG_MS (10 * MS_PER_MINUTE)

static int by_start(const void *left, const void *right)
{
    int64_t a = ((const struct cloud_snapshot *)left)->started_ms;
    int64_t b = ((const struct cloud_snapshot *)right)->started_ms;
    return (a > b) - (a < b);
}

static enum error_code list(const struct collect_request *request, const struct cloud *cloud,
                            const struct cloud_snapshot_filter *filter,
                            struct cloud_snapshots *snapshots, struct error *err)
{
    struct listing listing = {
        .cloud = cloud,
        .clock = request->clock,
        .log = request->log,
        .what = "list the snapshots",
        .patience_ms = request->patience_ms,
    };
    TRY(listing_snapshots(&listing, filter, snapshots, err));
    if (snapshots->count > 0)
        qsort(snapshots->items, snapshots->count, sizeof(*snapshots->items), by_start);
    return ERR_NONE;
}

/* Keeps the completed ones and the pending ones, in their order. */
static void drop_useless(struct cloud_snapshots *snapshots)
{
    size_t kept = 0;
    for (size_t i = 0; i < snapshots->count; i++) {
        struct cloud_snapshot *snapshot = &snapshots->items[i];
        bool useful = snapshot->state == CLOUD_SNAPSHOT_COMPLETED ||
                      snapshot->state == CLOUD_SNAPSHOT_PENDING;
        if (!useful) {
            cloud_tags_done(&snapshot->tags);
            continue;
        }
        snapshots->items[kept++] = *snapshot;
    }
    snapshots->count = kept;
}

/* ---- what changed between snapshots ---- */

/* The bytes that changed between two instants, -1 if no row says so. */
static int64_t known_change(const struct volume_rows *rows, int64_t start_ms, int64_t end_ms)
{
    for (size_t i = 0; i < rows->dirty_count; i++) {
        if (rows->dirties[i].start_ms == start_ms && rows->dirties[i].end_ms == end_ms)
            return rows->dirties[i].changed_bytes;
    }
    return -1;
}

/* What only teaches may fail for now: no round of a series waits half an hour for it, as it does for
 * a snapshot. */
static struct attempt begin_to_learn(const struct collect_request *request, const char *what)
{
    int64_t patience_ms = request->patience_ms;
    if (patience_ms > PATIENCE_TO_LEARN_MS)
        patience_ms = PATIENCE_TO_LEARN_MS;
    return attempt_begin(request->clock, request->log, what, patience_ms);
}

static enum error_code list_blocks(const struct collect_request *request, const char *first_id,
                                   const char *second_id, struct block_map *map, struct error *err)
{
    struct cloud_block_sink sink = block_map_sink(map);
    enum error_code code = ERR_NONE;
    struct attempt attempt = begin_to_learn(request, "list changed blocks");
    do {
        code = request->source->list_changed_blocks(request->source->self, first_id, second_id,
                                                    &sink, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

static struct dirty_sample dirty_row(const struct cloud_snapshot *from,
                                     const struct cloud_snapshot *to, int64_t bytes,
                                     unsigned merged)
{
    struct dirty_sample row = {
        .start_ms = from->started_ms,
        .end_ms = to->started_ms,
        .changed_bytes = bytes,
        .merged_count = merged,
    };
    (void)snprintf(row.id, sizeof(row.id), "%.23s", to->id);
    return row;
}

/* The maps of neighbouring gaps, newest last; gap i lies between snapshots i and i + 1. */
struct gaps {
    const struct cloud_snapshot *snapshots;
    struct block_map *maps; /* heap */
    bool *listed;           /* heap; false where the service could not tell */
    bool is_away;           /* the service: it failed for now, and for longer than we wait */
    size_t count;
};

static void gaps_done(struct gaps *gaps)
{
    for (size_t i = 0; i < gaps->count; i++)
        block_map_done(&gaps->maps[i]);
    free(gaps->maps);
    free(gaps->listed);
    *gaps = (struct gaps){0};
}

/* Stores the unions that end with the gap `last`: what a longer wait would have changed. */
static enum error_code store_unions(const struct collect_request *request, const char *volume_id,
                                    const struct gaps *gaps, size_t last, struct error *err)
{
    struct dirty_sample rows[MERGE_MAX];
    struct block_map sum = {0};
    enum error_code code = ERR_NONE;
    size_t count = 0;
    for (size_t gap = last + 1; code == ERR_NONE && gap-- > 0 && count < MERGE_MAX;) {
        if (!gaps->listed[gap])
            break;
        code = block_map_add(&sum, &gaps->maps[gap], err);
        rows[count++] = dirty_row(&gaps->snapshots[gap], &gaps->snapshots[last + 1],
                                  block_map_bytes(&sum), (unsigned)(last - gap + 1));
    }
    block_map_done(&sum);
    TRY(code);
    return store_put_dirties(request->store, volume_id, rows, count, err);
}

static enum error_code list_gap(const struct collect_request *request, struct gaps *gaps,
                                size_t gap, struct collect_result *result, struct error *err)
{
    enum error_code code = list_blocks(request, gaps->snapshots[gap].id,
                                       gaps->snapshots[gap + 1].id, &gaps->maps[gap], err);
    if (code == ERR_INTERRUPTED || code == ERR_NO_MEMORY)
        return code;
    gaps->listed[gap] = code == ERR_NONE;
    gaps->is_away = code == ERR_TRANSIENT || code == ERR_UNREACHABLE || code == ERR_AMBIGUOUS;
    result->gaps_listed += code == ERR_NONE;
    result->gaps_failed += code != ERR_NONE;
    if (code != ERR_NONE)
        log_event(request->log, LOG_WARN, clock_now_ms(request->clock), "%s", err->message);
    return ERR_NONE;
}

static enum error_code read_gaps(const struct collect_request *request, const char *volume_id,
                                 struct gaps *gaps, struct collect_result *result,
                                 struct error *err)
{
    for (size_t gap = 0; gap < gaps->count && !gaps->is_away; gap++) {
        TRY(list_gap(request, gaps, gap, result, err));
        TRY(store_unions(request, volume_id, gaps, gap, err));
    }
    return ERR_NONE;
}

/* Lists the gaps from the first unknown one on; the gaps before a known one teach nothing new. */
static enum error_code collect_gaps(const struct collect_request *request, const char *volume_id,
                                    const struct cloud_snapshots *snapshots,
                                    const struct volume_rows *known, struct collect_result *result,
                                    struct error *err)
{
    size_t completed = 0;
    while (completed < snapshots->count &&
           snapshots->items[completed].state == CLOUD_SNAPSHOT_COMPLETED)
        completed++;
    size_t first = completed > request->max_gaps + 1 ? completed - request->max_gaps - 1 : 0;
    while (first + 1 < completed && known_change(known, snapshots->items[first].started_ms,
                                                 snapshots->items[first + 1].started_ms) >= 0)
        first++;
    if (first + 1 >= completed)
        return ERR_NONE;

    size_t count = completed - first - 1;
    struct gaps gaps = {.snapshots = snapshots->items + first,
                        .maps = calloc(count, sizeof(*gaps.maps)),
                        .listed = calloc(count, sizeof(*gaps.listed)),
                        .count = count};
    if (gaps.maps == NULL || gaps.listed == NULL) {
        gaps.count = 0;
        gaps_done(&gaps);
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu gaps", count);
    }
    log_event(request->log, count > 2 ? LOG_INFO : LOG_DEBUG, clock_now_ms(request->clock),
              "listing the changed blocks of %zu gaps of '%s'", count, volume_id);
    enum error_code code = read_gaps(request, volume_id, &gaps, result, err);
    gaps_done(&gaps);
    return code;
}

/* ---- how long snapshots and copies took ---- */

static struct store_duration duration_row(const struct cloud_snapshot *snapshot, int64_t now_ms)
{
    bool pending = snapshot->state == CLOUD_SNAPSHOT_PENDING;
    struct store_duration row = {
        .sample =
            {
                .pending = pending,
                .started_ms = snapshot->started_ms,
                .duration_ms = (pending ? now_ms : snapshot->completed_ms) - snapshot->started_ms,
                .delta_bytes = -1,
            },
    };
    (void)snprintf(row.sample.id, sizeof(row.sample.id), "%.23s", snapshot->id);
    return row;
}

static bool has_duration(const struct cloud_snapshot *snapshot)
{
    return snapshot->state == CLOUD_SNAPSHOT_PENDING || snapshot->completed_ms > 0;
}

/* The oldest snapshot that is left carried a difference to one that is gone, or everything: only of
 * our own rounds do we know. */
static enum error_code fill_oldest(const struct collect_request *request,
                                   const struct cloud_snapshot *snapshot,
                                   struct duration_sample *sample, struct error *err)
{
    bool full = false;
    TRY(store_had_full_round(request->store, snapshot->started_ms, &full, err));
    if (full && snapshot->full_bytes > 0) {
        sample->full = true;
        sample->delta_bytes = (int64_t)snapshot->full_bytes;
    }
    return ERR_NONE;
}

static enum error_code collect_snapshot_durations(const struct collect_request *request,
                                                  const char *volume_id,
                                                  const struct cloud_snapshots *snapshots,
                                                  const struct volume_rows *known,
                                                  struct error *err)
{
    int64_t now_ms = clock_now_ms(request->clock);
    for (size_t i = 0; i < snapshots->count; i++) {
        const struct cloud_snapshot *snapshot = &snapshots->items[i];
        struct store_duration row = duration_row(snapshot, now_ms);
        if (!has_duration(snapshot))
            continue;
        if (i > 0) {
            row.sample.delta_bytes =
                known_change(known, snapshots->items[i - 1].started_ms, snapshot->started_ms);
        } else {
            TRY(fill_oldest(request, snapshot, &row.sample, err));
        }
        TRY(store_put_durations(request->store, volume_id, &row, 1, err));
    }
    return ERR_NONE;
}

/* How long the copies of the earlier hops took that stand for an instant; -1 if one is missing. */
static int64_t earlier_ms(const struct cloud_snapshots *hops, size_t count, int64_t instant_ms)
{
    int64_t sum_ms = 0;
    for (size_t hop = 0; hop < count; hop++) {
        int64_t took_ms = -1;
        for (size_t i = 0; i < hops[hop].count && took_ms < 0; i++) {
            const struct cloud_snapshot *copy = &hops[hop].items[i];
            if (listing_instant(copy) == instant_ms && copy->completed_ms > 0)
                took_ms = copy->completed_ms - copy->started_ms;
        }
        if (took_ms < 0)
            return -1;
        sum_ms += took_ms;
    }
    return sum_ms;
}

/* A copy counts with all its hops: the model knows one transfer between snapshot and target. */
static enum error_code store_copies(const struct collect_request *request, const char *volume_id,
                                    const struct volume_rows *known,
                                    const struct cloud_snapshots *hops, struct error *err)
{
    const struct path *path = request->path;
    const struct cloud_snapshots *copies = &hops[path->count - 1];
    int64_t now_ms = clock_now_ms(request->clock);
    int64_t last_ms = 0;
    for (size_t i = 0; i < copies->count; i++) {
        const struct cloud_snapshot *copy = &copies->items[i];
        int64_t instant_ms = listing_instant(copy);
        int64_t before_ms = earlier_ms(hops, path->count - 1, instant_ms);
        if (instant_ms == 0 || !has_duration(copy) || before_ms < 0)
            continue;
        struct store_duration row = duration_row(copy, now_ms);
        row.sample.kind = TRANSFER_COPY;
        row.sample.duration_ms += before_ms;
        row.sample.full = last_ms == 0;
        row.sample.delta_bytes =
            last_ms == 0 ? (int64_t)copy->full_bytes : known_change(known, last_ms, instant_ms);
        (void)snprintf(row.target_region, sizeof(row.target_region), "%s", path->name);
        TRY(store_put_durations(request->store, volume_id, &row, 1, err));
        last_ms = instant_ms;
    }
    return ERR_NONE;
}

static enum error_code collect_copies(const struct collect_request *request, const char *volume_id,
                                      const struct volume_rows *known, struct error *err)
{
    struct cloud_snapshots hops[PATH_HOPS_MAX] = {0};
    struct cloud_snapshot_filter filter = {.tag_key = TAG_VOLUME, .tag_value = volume_id};
    enum error_code code = ERR_NONE;
    for (size_t i = 0; i < request->path->count && code == ERR_NONE; i++) {
        code = list(request, request->path->hops[i].to, &filter, &hops[i], err);
        drop_useless(&hops[i]);
    }
    if (code == ERR_NONE)
        code = store_copies(request, volume_id, known, hops, err);
    for (size_t i = 0; i < request->path->count; i++)
        cloud_snapshots_done(&hops[i]);
    return code;
}

/* ---- write rates ---- */

static enum error_code get_metric(const struct collect_request *request,
                                  const struct cloud_metric_request *wanted,
                                  struct cloud_metric *metric, struct error *err)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt = begin_to_learn(request, "read the write metrics");
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

static enum error_code collect_writes(const struct collect_request *request, const char *volume_id,
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

/* Without metrics the model still has the snapshots; without the right to read them it says so. */
static enum error_code collect_writes_if_possible(const struct collect_request *request,
                                                  const char *volume_id,
                                                  struct collect_result *result, struct error *err)
{
    enum error_code code = collect_writes(request, volume_id, result, err);
    if (code == ERR_NONE || code == ERR_INTERRUPTED || code == ERR_STORE)
        return code;
    log_event(request->log, LOG_WARN, clock_now_ms(request->clock), "%s", err->message);
    return ERR_NONE;
}

enum error_code collect_volume(const struct collect_request *request, const char *volume_id,
                               struct collect_result *result, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots snapshots = {0};
    CLEANUP_VOLUME_ROWS struct volume_rows known = {0};
    CLEANUP_VOLUME_ROWS struct volume_rows learned = {0};
    struct cloud_snapshot_filter filter = {.volume_id = volume_id};
    const char *region = request->path->name;
    *result = (struct collect_result){0};

    TRY(list(request, request->source, &filter, &snapshots, err));
    drop_useless(&snapshots);
    result->snapshots = snapshots.count;
    TRY(store_get_volume_rows(request->store, volume_id, region, &known, err));
    TRY(collect_gaps(request, volume_id, &snapshots, &known, result, err));
    TRY(store_get_volume_rows(request->store, volume_id, region, &learned, err));
    TRY(collect_snapshot_durations(request, volume_id, &snapshots, &learned, err));
    if (request->path->count > 0)
        TRY(collect_copies(request, volume_id, &learned, err));
    return collect_writes_if_possible(request, volume_id, result, err);
}

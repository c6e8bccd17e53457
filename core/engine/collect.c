#include "core/engine/collect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/block_map.h"
#include "core/engine/collect_writes.h"
#include "core/engine/engine.h"
#include "core/engine/listing.h"
#include "model/instant.h"

/* Unions reach over at most so many neighbouring gaps. */
#define MERGE_MAX 24

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

static enum error_code list_blocks(const struct collect_request *request, const char *first_id,
                                   const char *second_id, struct block_map *map, struct error *err)
{
    struct cloud_block_sink sink = block_map_sink(map);
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_to_learn(request->clock, request->log, "list changed blocks", request->patience_ms);
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
    /* What is wrong with one is mostly wrong with all. */
    if (code != ERR_NONE) {
        log_event(request->log, result->gaps_failed == 1 ? LOG_WARN : LOG_DEBUG,
                  clock_now_ms(request->clock), "%s", err->message);
    }
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

static enum error_code fill_durations(const struct collect_request *request,
                                      const struct cloud_snapshots *snapshots,
                                      const struct volume_rows *known, struct store_duration *rows,
                                      size_t *count, struct error *err)
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
        rows[(*count)++] = row;
    }
    return ERR_NONE;
}

/* Somebody's schedule may have made thousands, so all are written in one transaction. */
static enum error_code collect_snapshot_durations(const struct collect_request *request,
                                                  const char *volume_id,
                                                  const struct cloud_snapshots *snapshots,
                                                  const struct volume_rows *known,
                                                  struct error *err)
{
    size_t count = 0;
    struct store_duration *rows = calloc(snapshots->count + 1, sizeof(*rows));
    if (rows == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu durations", snapshots->count);
    enum error_code code = fill_durations(request, snapshots, known, rows, &count, err);
    if (code == ERR_NONE)
        code = store_put_durations(request->store, volume_id, rows, count, err);
    free(rows);
    return code;
}

/* One hop of the path: the copies that stand there, and those that runs of this store made. */
struct landing {
    struct cloud_snapshots standing;
    struct object *made; /* heap; as they were begun */
    size_t made_count;
};

struct landings {
    struct landing items[PATH_HOPS_MAX];
    size_t count;
};

static void landings_done(struct landings *landings)
{
    for (size_t i = 0; i < landings->count; i++) {
        cloud_snapshots_done(&landings->items[i].standing);
        free(landings->items[i].made);
    }
}

/* The copy of a hop that stands for an instant, NULL if there is none. */
static const struct cloud_snapshot *copy_of(const struct landing *landing, int64_t instant_ms)
{
    for (size_t i = 0; i < landing->standing.count; i++) {
        const struct cloud_snapshot *copy = &landing->standing.items[i];
        if (listing_instant(copy) == instant_ms && has_duration(copy))
            return copy;
    }
    return NULL;
}

/* How long the copies of the earlier hops took that stand for an instant; -1 if one is missing. */
static int64_t earlier_ms(const struct landings *landings, int64_t instant_ms)
{
    int64_t sum_ms = 0;
    for (size_t hop = 0; hop + 1 < landings->count; hop++) {
        const struct cloud_snapshot *copy = copy_of(&landings->items[hop], instant_ms);
        if (copy == NULL || copy->completed_ms == 0)
            return -1;
        sum_ms += copy->completed_ms - copy->started_ms;
    }
    return sum_ms;
}

/* True if the copy made before this one is there no more: then it may be that everything was carried. */
static bool lost_its_base(const struct landing *landing, const struct cloud_snapshot *copy)
{
    const char *before = NULL;
    for (size_t i = 0; i < landing->made_count; i++) {
        const struct object *made = &landing->made[i];
        if (made->started_ms < copy->started_ms && strcmp(made->id, copy->id) != 0)
            before = made->id;
    }
    return before != NULL && !listing_has(&landing->standing, before);
}

static bool is_base_lost(const struct landings *landings, int64_t instant_ms)
{
    for (size_t hop = 0; hop < landings->count; hop++) {
        const struct cloud_snapshot *copy = copy_of(&landings->items[hop], instant_ms);
        if (copy != NULL && lost_its_base(&landings->items[hop], copy))
            return true;
    }
    return false;
}

/* What a copy carried: what changed since the one before it stands for, everything if there is none.
 * If that one is not what it was built on, the plan of its round knew. */
static enum error_code fill_copy(const struct collect_request *request,
                                 const struct volume_rows *known, const struct landings *landings,
                                 const struct cloud_snapshot *copy, int64_t last_ms,
                                 struct duration_sample *sample, struct error *err)
{
    int64_t instant_ms = listing_instant(copy);
    bool lost = is_base_lost(landings, instant_ms);
    sample->full = last_ms == 0;
    if (lost)
        TRY(store_had_full_round(request->store, instant_ms, &sample->full, err));
    if (sample->full)
        sample->delta_bytes = (int64_t)copy->full_bytes;
    else if (!lost)
        sample->delta_bytes = known_change(known, last_ms, instant_ms);
    return ERR_NONE;
}

/* What was learned of a copy when its base still stood is not asked again. */
static bool is_learned(const struct volume_rows *known, const char *id)
{
    for (size_t i = 0; i < known->duration_count; i++) {
        const struct duration_sample *row = &known->durations[i];
        if (row->kind == TRANSFER_COPY && strcmp(row->id, id) == 0)
            return !row->pending && row->delta_bytes >= 0;
    }
    return false;
}

/* A copy counts with all its hops: the model knows one transfer between snapshot and target. */
static enum error_code store_copies(const struct collect_request *request, const char *volume_id,
                                    const struct volume_rows *known,
                                    const struct landings *landings, struct error *err)
{
    const struct cloud_snapshots *copies = &landings->items[landings->count - 1].standing;
    int64_t now_ms = clock_now_ms(request->clock);
    int64_t last_ms = 0;
    for (size_t i = 0; i < copies->count; i++) {
        const struct cloud_snapshot *copy = &copies->items[i];
        int64_t instant_ms = listing_instant(copy);
        int64_t before_ms = earlier_ms(landings, instant_ms);
        if (instant_ms == 0 || !has_duration(copy) || before_ms < 0)
            continue;
        if (!is_learned(known, copy->id)) {
            struct store_duration row = duration_row(copy, now_ms);
            row.sample.kind = TRANSFER_COPY;
            row.sample.duration_ms += before_ms;
            TRY(fill_copy(request, known, landings, copy, last_ms, &row.sample, err));
            (void)snprintf(row.target_region, sizeof(row.target_region), "%s", request->path->name);
            TRY(store_put_durations(request->store, volume_id, &row, 1, err));
        }
        last_ms = instant_ms;
    }
    return ERR_NONE;
}

static enum error_code look_at_hop(const struct collect_request *request, const char *volume_id,
                                   size_t hop, struct landing *landing, struct error *err)
{
    struct cloud_snapshot_filter filter = {.tag_key = TAG_VOLUME, .tag_value = volume_id};
    struct copy_series series = path_series(request->path, hop, volume_id);
    TRY(list(request, request->path->hops[hop].to, &filter, &landing->standing, err));
    drop_useless(&landing->standing);
    return store_get_copies(request->store, &series, &landing->made, &landing->made_count, err);
}

static enum error_code collect_copies(const struct collect_request *request, const char *volume_id,
                                      const struct volume_rows *known, struct error *err)
{
    struct landings landings = {.count = request->path->count};
    enum error_code code = ERR_NONE;
    for (size_t i = 0; i < landings.count && code == ERR_NONE; i++)
        code = look_at_hop(request, volume_id, i, &landings.items[i], err);
    if (code == ERR_NONE)
        code = store_copies(request, volume_id, known, &landings, err);
    landings_done(&landings);
    return code;
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
    return collect_writes(request, volume_id, result, err);
}

#include "core/engine/others.h"

#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "core/engine/attempt.h"
#include "core/engine/listing.h"
#include "core/engine/path.h"
#include "core/engine/poll.h"
#include "model/instant.h"

#define LEAST_WAIT_MS (5 * MS_PER_MINUTE)

/* What a look found. */
struct in_the_way {
    int64_t since_ms; /* 0: nothing */
    char what[240];
};

static enum error_code list_in_flight(const struct engine *engine, const struct cloud *where,
                                      struct cloud_snapshots *seen, struct error *err)
{
    struct cloud_snapshot_filter filter = {.pending = true};
    struct listing listing = {
        .cloud = where,
        .clock = engine->clock,
        .log = engine->log,
        .what = "list what is in flight",
        .patience_ms = PATIENCE_OF_A_RUN_MS,
    };
    return listing_snapshots(&listing, &filter, seen, err);
}

static bool is_of_set(const struct engine *engine, const struct cloud_snapshot *snapshot)
{
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        if (strcmp(engine->config->volumes[i], snapshot->volume_id) == 0)
            return snapshot->state == CLOUD_SNAPSHOT_PENDING;
    }
    return false;
}

static void name_snapshot(const struct cloud_snapshot *other, struct in_the_way *way)
{
    char since[INSTANT_TEXT_SIZE];
    char progress[24] = "";
    if (other->progress_percent >= 0)
        (void)snprintf(progress, sizeof(progress), ", at %d %%", other->progress_percent);
    way->since_ms = other->started_ms;
    (void)snprintf(way->what, sizeof(way->what),
                   "'%s' of volume '%s', which somebody else began at %s%s", other->id,
                   other->volume_id, instant_text(other->started_ms / 1000 * 1000, since),
                   progress);
}

/* The oldest of them is over first. */
static enum error_code look_for_snapshots(const struct engine *engine, struct in_the_way *way,
                                          struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    TRY(list_in_flight(engine, engine->source, &seen, err));
    for (size_t i = 0; i < seen.count; i++) {
        const struct cloud_snapshot *one = &seen.items[i];
        if (is_of_set(engine, one) && (way->since_ms == 0 || one->started_ms < way->since_ms))
            name_snapshot(one, way);
    }
    return ERR_NONE;
}

static enum error_code look_for_copies(const struct engine *engine, size_t hop,
                                       struct in_the_way *way, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    char place[PATH_PLACE_SIZE];
    int64_t held = 0;
    int64_t oldest_ms = INT64_MAX;
    TRY(list_in_flight(engine, engine->path->hops[hop].to, &seen, err));
    for (size_t i = 0; i < seen.count; i++) {
        const struct cloud_snapshot *one = &seen.items[i];
        if (!listing_is_copy_in_flight(one))
            continue;
        held++;
        oldest_ms = MIN(oldest_ms, one->started_ms);
    }
    if (held < engine->config->copies_at_once)
        return ERR_NONE;
    path_place(engine->path, hop, place);
    way->since_ms = oldest_ms;
    (void)snprintf(way->what, sizeof(way->what), "a place for copies into %s: others hold all %lld",
                   place, (long long)engine->config->copies_at_once);
    return ERR_NONE;
}

/* A round that has to queue for its copies costs nobody anything. */
static enum error_code look(const struct engine *engine, struct in_the_way *way, struct error *err)
{
    *way = (struct in_the_way){0};
    TRY(look_for_snapshots(engine, way, err));
    size_t hops = engine->run.state == STATE_CUT_WAIT ? engine->path->count : 0;
    for (size_t hop = 0; hop < hops && way->since_ms == 0; hop++)
        TRY(look_for_copies(engine, hop, way, err));
    return ERR_NONE;
}

enum error_code others_await(struct engine *engine, bool *waited, struct error *err)
{
    struct in_the_way way;
    int64_t begun_ms = clock_now_ms(engine->clock);
    TRY(look(engine, &way, err));
    if (way.since_ms == 0)
        return ERR_NONE;
    *waited = true;
    log_event(engine->log, LOG_INFO, begun_ms, "waiting for %s", way.what);
    int64_t limit_ms = begun_ms + MAX(LEAST_WAIT_MS, (begun_ms - way.since_ms) / 10);
    limit_ms = MIN(limit_ms, engine->run.window_end_ms);
    while (way.since_ms != 0 && clock_now_ms(engine->clock) < limit_ms) {
        TRY(poll_pause(engine, begun_ms, err));
        TRY(look(engine, &way, err));
    }
    return ERR_NONE;
}

void others_blame(const struct engine *engine, const struct outlook *outlook, struct error *err)
{
    char since[INSTANT_TEXT_SIZE];
    for (size_t i = 0; i < outlook->member_count; i++) {
        const struct plan_member *member = &outlook->members[i];
        if (member->foreign_ms == 0)
            continue;
        (void)error_prefix(err, "somebody else's '%s' of volume '%s' is in flight since %s",
                           outlook->foreign_ids[i], engine->config->volumes[i],
                           instant_text(member->foreign_ms / 1000 * 1000, since));
        return;
    }
    if (outlook->places_held > 0 && outlook->places_held >= outlook->places.count) {
        char place[PATH_PLACE_SIZE];
        path_place(engine->path, outlook->places_hop, place);
        (void)error_prefix(err, "others hold all %zu places for copies into %s",
                           outlook->places.count, place);
    }
}

#include "core/engine/outlook.h"

#include <string.h>
#include <sys/param.h>

#include "core/engine/attempt.h"
#include "core/engine/base.h"
#include "core/engine/counting.h"
#include "core/engine/engine.h"
#include "core/engine/listing.h"
#include "model/instant.h"

void outlook_done(struct outlook *outlook)
{
    for (size_t i = 0; i < outlook->member_count; i++)
        volume_model_done(&outlook->models[i]);
    outlook->member_count = 0;
    places_done(&outlook->places);
}

static enum error_code list(const struct outlook_request *request, const struct cloud *cloud,
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
    return listing_snapshots(&listing, filter, snapshots, err);
}

static enum error_code get_volume(const struct outlook_request *request, const char *volume_id,
                                  struct cloud_volumes *volumes, struct error *err)
{
    struct cloud_volume_filter filter = {.ids = &volume_id, .id_count = 1};
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(request->clock, request->log, "describe a volume", request->patience_ms);
    do {
        cloud_volumes_done(volumes);
        code = request->source->list_volumes(request->source->self, &filter, volumes, err);
    } while (attempt_again(&attempt, &code, err));
    if (code == ERR_NOT_FOUND) {
        return error_set(err, ERR_CLOUD, "volume '%s' does not exist in %s", volume_id,
                         request->source->region);
    }
    return code;
}

/* The newest completed snapshot of the volume, whoever took it, is the base of the next; unless a
 * newer one is in flight, which the next has to wait for. */
static void look_at_snapshot(const struct cloud_snapshot *snapshot, struct plan_member *member,
                             char foreign_id[CLOUD_ID_SIZE])
{
    if (snapshot->state == CLOUD_SNAPSHOT_PENDING && snapshot->started_ms > member->foreign_ms) {
        member->foreign_ms = snapshot->started_ms;
        member->foreign_percent = snapshot->progress_percent;
        memcpy(foreign_id, snapshot->id, CLOUD_ID_SIZE);
    }
    if (snapshot->state != CLOUD_SNAPSHOT_COMPLETED ||
        snapshot->started_ms <= member->last_snapshot_ms)
        return;
    member->last_snapshot_ms = snapshot->started_ms;
    if (snapshot->full_bytes > 0)
        member->full_bytes = (int64_t)snapshot->full_bytes;
}

static enum error_code look_at_source(const struct outlook_request *request, const char *volume_id,
                                      struct plan_member *member, char foreign_id[CLOUD_ID_SIZE],
                                      struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots snapshots = {0};
    struct cloud_snapshot_filter filter = {.volume_id = volume_id};
    TRY(list(request, request->source, &filter, &snapshots, err));
    for (size_t i = 0; i < snapshots.count; i++)
        look_at_snapshot(&snapshots.items[i], member, foreign_id);
    return ERR_NONE;
}

/* Who copies into a region now. */
static enum error_code look_at_places(const struct outlook_request *request,
                                      const struct cloud *where, int64_t now_ms,
                                      struct places *places, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots snapshots = {0};
    struct cloud_snapshot_filter filter = {.pending = true};
    TRY(list(request, where, &filter, &snapshots, err));
    for (size_t i = 0; i < snapshots.count; i++) {
        const struct cloud_snapshot *copy = &snapshots.items[i];
        if (listing_is_copy_in_flight(copy))
            TRY(places_book_running(places, copy->started_ms, copy->progress_percent, now_ms, err));
    }
    return ERR_NONE;
}

/* The planner knows one hop: that where the most is in flight. */
static enum error_code look_at_all_places(const struct outlook_request *request,
                                          struct outlook *outlook, struct error *err)
{
    int64_t now_ms = clock_now_ms(request->clock);
    outlook->places.count = (size_t)request->config->copies_at_once;
    for (size_t i = 0; i < request->path->count; i++) {
        CLEANUP_PLACES struct places places = {.count = outlook->places.count};
        const struct cloud *where = request->path->hops[i].to;
        TRY(look_at_places(request, where, now_ms, &places, err));
        size_t held = places_booked(&places, now_ms);
        if (i > 0 && held <= outlook->places_held)
            continue;
        places_done(&outlook->places);
        outlook->places = places;
        outlook->places_held = held;
        outlook->places_hop = i;
        places = (struct places){0};
    }
    return ERR_NONE;
}

/* A first copy is full, and everybody expects that; any other reason is news. */
static void tell_full(const struct outlook_request *request, size_t hop, const char *volume_id,
                      enum lineage_full full)
{
    char place[PATH_PLACE_SIZE];
    if (full == LINEAGE_INCREMENTAL || full == LINEAGE_FULL_FIRST)
        return;
    path_place(request->path, hop, place);
    log_event(request->log, LOG_WARN, clock_now_ms(request->clock),
              "the next copy of volume '%s' to %s is %s", volume_id, place,
              lineage_full_text(full));
}

/* What the target has is what has come the whole way; a hop whose lineage is lost makes the next
 * round full. */
static enum error_code look_at_target(const struct outlook_request *request,
                                      const struct cloud_volume *volume, struct plan_member *member,
                                      struct error *err)
{
    struct base_request wanted = {
        .path = request->path,
        .volume_id = volume->id,
        .volume_encrypted = volume->encrypted,
        .store = request->store,
        .clock = request->clock,
        .log = request->log,
        .patience_ms = request->patience_ms,
    };
    member->last_copied_ms = INT64_MAX;
    for (; wanted.hop < request->path->count; wanted.hop++) {
        struct base base = {0};
        TRY(base_find(&wanted, &base, err));
        tell_full(request, wanted.hop, volume->id, base.full);
        member->last_copied_ms = MIN(member->last_copied_ms, base.instant_ms);
    }
    return ERR_NONE;
}

static enum error_code fit(const struct outlook_request *request,
                           const struct experience *experience, const char *volume_id,
                           uint64_t volume_bytes, struct volume_model *model, struct error *err)
{
    CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
    TRY(store_get_volume_rows(request->store, volume_id, request->path->name, &rows, err));
    struct volume_prior prior = experience_prior(experience, volume_id);
    struct volume_history history = volume_rows_history(&rows, volume_id);
    history.volume_bytes = (int64_t)volume_bytes;
    history.prior = &prior;
    history.copy_hops = (int)request->path->count;
    history.queue = (double)request->config->volume_count - 1;
    int64_t now_ms = clock_now_ms(request->clock);
    history.writes_current = counting_is_current(rows.writes, rows.write_count, now_ms);
    return volume_model_fit(&history, now_ms, model, err);
}

static enum error_code add_member(const struct outlook_request *request, const char *volume_id,
                                  bool copies, struct outlook *outlook, struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    struct volume_model *model = &outlook->models[outlook->member_count];
    struct plan_member *member = &outlook->members[outlook->member_count];
    TRY(get_volume(request, volume_id, &volumes, err));
    *member = (struct plan_member){
        .model = model,
        .full_bytes = (int64_t)volumes.items[0].size_bytes,
    };
    TRY(look_at_source(request, volume_id, member, outlook->foreign_ids[outlook->member_count],
                       err));
    if (copies)
        TRY(look_at_target(request, &volumes.items[0], member, err));
    /* The service's clock may run ahead of ours by a little; the planner knows no future. */
    int64_t now_ms = clock_now_ms(request->clock);
    member->last_snapshot_ms = MIN(member->last_snapshot_ms, now_ms);
    member->last_copied_ms = MIN(member->last_copied_ms, now_ms);
    member->foreign_ms = MIN(member->foreign_ms, now_ms);
    TRY(fit(request, &outlook->experience, volume_id, volumes.items[0].size_bytes, model, err));
    outlook->member_count++;
    return ERR_NONE;
}

enum error_code outlook_make(const struct outlook_request *request, struct outlook *outlook,
                             struct error *err)
{
    bool copies = request->path->count > 0;
    struct experience_request experience = {
        .store = request->store,
        .target_region = request->path->name,
        .config = request->config,
        .now_ms = clock_now_ms(request->clock),
    };
    TRY(experience_load(&experience, &outlook->experience, err));
    for (size_t i = 0; i < request->config->volume_count; i++)
        TRY(add_member(request, request->config->volumes[i], copies, outlook, err));
    TRY(look_at_all_places(request, outlook, err));
    struct plan_input input = {
        .now_ms = clock_now_ms(request->clock),
        .window_start_ms = request->window_start_ms,
        .window_end_ms = request->window_end_ms,
        .max_downtime_ms = request->max_downtime_ms,
        .confidence = request->confidence,
        .copies = copies,
        .copy_limit_ms = copies ? request->config->copy_duration_ms : 0,
        .copy_hops = (int)request->path->count,
        .places = outlook->places,
        .members = outlook->members,
        .member_count = outlook->member_count,
        .phase = PLAN_IDLE,
        .overhead = outlook->experience.overhead,
        .calibration = outlook->experience.calibration,
        .round_price_s = (double)request->config->round_price_ms / MS_PER_SECOND,
        .seed = 1,
    };
    TRY(blackouts_parse(request->config->blackout, &input.blackouts, err));
    return plan_make(&input, &outlook->plan, err);
}

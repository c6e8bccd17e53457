#include "core/engine/outlook.h"

#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "core/engine/attempt.h"
#include "core/engine/counting.h"
#include "core/engine/engine.h"
#include "core/engine/listing.h"
#include "model/instant.h"

void outlook_done(struct outlook *outlook)
{
    for (size_t i = 0; i < outlook->member_count; i++)
        volume_model_done(&outlook->models[i]);
    outlook->member_count = 0;
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

/* The newest completed snapshot of the volume, whoever took it, is the base of the next. */
static enum error_code look_at_source(const struct outlook_request *request, const char *volume_id,
                                      struct plan_member *member, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots snapshots = {0};
    struct cloud_snapshot_filter filter = {.volume_id = volume_id};
    TRY(list(request, request->source, &filter, &snapshots, err));
    for (size_t i = 0; i < snapshots.count; i++) {
        const struct cloud_snapshot *snapshot = &snapshots.items[i];
        if (snapshot->state != CLOUD_SNAPSHOT_COMPLETED ||
            snapshot->started_ms <= member->last_snapshot_ms)
            continue;
        member->last_snapshot_ms = snapshot->started_ms;
        if (snapshot->full_bytes > 0)
            member->full_bytes = (int64_t)snapshot->full_bytes;
    }
    return ERR_NONE;
}

/* The ARN of a hop's key, "" if none is named or it cannot be asked about: then no copy is left out
 * for its key. */
static void key_of_hop(const struct hop *hop, char arn[CLOUD_KEY_SIZE])
{
    struct cloud_key key = {0};
    struct error unused = {0};
    if (hop->key_id[0] != '\0')
        (void)hop->to->get_key(hop->to->self, hop->key_id, &key, &unused);
    (void)snprintf(arn, CLOUD_KEY_SIZE, "%s", key.arn);
}

/* The newest completed copy of a hop, by the tags that ebshift gave it. The next one builds on it,
 * unless it lies under another key. */
static enum error_code newest_copy(const struct outlook_request *request, const struct hop *hop,
                                   const char *volume_id, int64_t *newest_ms, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots copies = {0};
    struct cloud_snapshot_filter filter = {.tag_key = TAG_VOLUME, .tag_value = volume_id};
    char key_arn[CLOUD_KEY_SIZE] = "";
    TRY(list(request, hop->to, &filter, &copies, err));
    for (size_t i = 0; i < copies.count; i++) {
        const struct cloud_snapshot *copy = &copies.items[i];
        int64_t instant_ms = listing_instant(copy);
        if (copy->state != CLOUD_SNAPSHOT_COMPLETED || copy->archived || instant_ms <= *newest_ms)
            continue;
        if (copy->encrypted && key_arn[0] == '\0')
            key_of_hop(hop, key_arn);
        if (key_arn[0] == '\0' || strcmp(copy->key_id, key_arn) == 0)
            *newest_ms = instant_ms;
    }
    return ERR_NONE;
}

/* What the target has is what has come the whole way; a hop whose lineage is lost makes the next
 * round full. */
static enum error_code look_at_target(const struct outlook_request *request, const char *volume_id,
                                      struct plan_member *member, struct error *err)
{
    member->last_copied_ms = INT64_MAX;
    for (size_t i = 0; i < request->path->count; i++) {
        int64_t newest_ms = 0;
        TRY(newest_copy(request, &request->path->hops[i], volume_id, &newest_ms, err));
        member->last_copied_ms = MIN(member->last_copied_ms, newest_ms);
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
    TRY(look_at_source(request, volume_id, member, err));
    if (copies)
        TRY(look_at_target(request, volume_id, member, err));
    /* The service's clock may run ahead of ours by a little; the planner knows no future. */
    int64_t now_ms = clock_now_ms(request->clock);
    member->last_snapshot_ms = MIN(member->last_snapshot_ms, now_ms);
    member->last_copied_ms = MIN(member->last_copied_ms, now_ms);
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
    struct plan_input input = {
        .now_ms = clock_now_ms(request->clock),
        .window_start_ms = request->window_start_ms,
        .window_end_ms = request->window_end_ms,
        .max_downtime_ms = request->max_downtime_ms,
        .confidence = request->confidence,
        .copies = copies,
        .members = outlook->members,
        .member_count = outlook->member_count,
        .phase = PLAN_IDLE,
        .overhead = outlook->experience.overhead,
        .calibration = outlook->experience.calibration,
        .seed = 1,
    };
    return plan_make(&input, &outlook->plan, err);
}

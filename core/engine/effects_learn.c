#include <stdlib.h>
#include <string.h>

#include "core/engine/effects.h"
#include "core/engine/objects.h"
#include "core/engine/path.h"
#include "core/engine/poll.h"
#include "core/engine/set.h"
#include "core/engine/shares.h"
#include "model/instant.h"

/* The bytes that changed in the gap before an instant, -1 if no row tells. */
static int64_t changed_before(const struct volume_rows *rows, int64_t instant_ms)
{
    for (size_t i = 0; i < rows->dirty_count; i++) {
        if (rows->dirties[i].end_ms == instant_ms && rows->dirties[i].merged_count == 1)
            return rows->dirties[i].changed_bytes;
    }
    return -1;
}

/* The bytes that an incremental round carried, over all volumes; -1 if one of them is unknown. */
static enum error_code sum_changed(struct engine *engine, int64_t instant_ms, int64_t *bytes,
                                   struct error *err)
{
    *bytes = 0;
    for (size_t i = 0; i < engine->config->volume_count && *bytes >= 0; i++) {
        CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
        TRY(store_get_volume_rows(engine->store, engine->config->volumes[i], engine->path->name,
                                  &rows, err));
        int64_t changed = changed_before(&rows, instant_ms);
        *bytes = changed < 0 ? -1 : *bytes + changed;
    }
    return ERR_NONE;
}

/* The bytes that a full round carried: every block ever written, as the service counts them. */
static enum error_code sum_full(struct engine *engine, int64_t *bytes, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    TRY(objects_load(engine, &objects, err));
    *bytes = 0;
    for (size_t i = 0; i < engine->config->volume_count && *bytes >= 0; i++) {
        CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
        const struct object *snapshot =
            objects_find(&objects, OBJECT_SNAPSHOT, engine->run.round, engine->config->volumes[i]);
        const char *id = snapshot == NULL ? "" : snapshot->id;
        TRY(poll_snapshots(engine, engine->source, &id, 1, &seen, err));
        bool known = seen.count == 1 && seen.items[0].full_bytes > 0;
        *bytes = known ? *bytes + (int64_t)seen.items[0].full_bytes : -1;
    }
    return ERR_NONE;
}

static void tell_learned(struct engine *engine, const struct round *round)
{
    char took[DURATION_TEXT_SIZE];
    char low[DURATION_TEXT_SIZE];
    char high[DURATION_TEXT_SIZE];
    int64_t end_ms = round->copy_done_ms > 0 ? round->copy_done_ms : round->snapshot_done_ms;
    log_event(engine->log, LOG_INFO, clock_now_ms(engine->clock),
              "round %d took %s (predicted %s to %s)", round->number,
              duration_text(end_ms - round->started_ms, took),
              duration_text((int64_t)(round->duration_s[0] * 1000), low),
              duration_text((int64_t)(round->duration_s[2] * 1000), high));
}

enum error_code effect_learn(struct engine *engine, enum machine_event *event, struct error *err)
{
    (void)event;
    struct round round = {0};
    TRY(shares_take_back(engine, false, err));
    TRY(set_collect(engine, err));
    TRY(set_get_round(engine, engine->run.round, &round, err));
    if (round.full)
        TRY(sum_full(engine, &round.actual_delta_bytes, err));
    else
        TRY(sum_changed(engine, round.started_ms, &round.actual_delta_bytes, err));
    TRY(store_put_round(engine->store, engine->run.id, &round, err));
    if (!round.final)
        tell_learned(engine, &round);
    return ERR_NONE;
}

#include <string.h>

#include "core/engine/effects.h"
#include "core/engine/keys.h"
#include "core/engine/objects.h"
#include "core/engine/removal.h"
#include "core/engine/shares.h"

/* Writers first: service matters more than tidiness. */
static enum error_code lift_fence(struct engine *engine, struct error *err)
{
    CLEANUP_STRBUF struct strbuf record = {.max_bytes = 1 << 20};
    enum error_code code =
        store_get_text(engine->store, engine->run.id, "unfence.sql", &record, err);
    if (code == ERR_NOT_FOUND)
        return ERR_NONE;
    TRY(code);
    if (record.length == 0) /* taken down again when it failed */
        return ERR_NONE;
    if (engine->quiesce == NULL) {
        return error_set(err, ERR_CONFIG,
                         "the fence is up: set postgres.data_directory to lift it");
    }
    TRY(engine->quiesce->unfence(engine->quiesce->self, strbuf_text(&record), err));
    log_event(engine->log, LOG_INFO, clock_now_ms(engine->clock), "writers are let in again");
    return ERR_NONE;
}

enum error_code effect_undo(struct engine *engine, enum machine_event *event, struct error *err)
{
    (void)event;
    CLEANUP_OBJECTS struct objects objects = {0};
    TRY(lift_fence(engine, err));
    TRY(shares_take_back(engine, true, err));
    TRY(keys_take_back(engine, err));
    /* The last call of the run may be seconds old, whenever it was intended; patience is shared. */
    int64_t since_ms = clock_now_ms(engine->clock);
    TRY(objects_load(engine, &objects, err));
    for (size_t i = objects.count; i-- > 0;) {
        if (!engine->keep_snapshots || objects.items[i].kind == OBJECT_VOLUME)
            TRY(removal_object(engine, &objects.items[i], since_ms, err));
    }
    return ERR_NONE;
}

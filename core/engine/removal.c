#include "core/engine/removal.h"

#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/objects.h"
#include "core/engine/poll.h"
#include "model/instant.h"

#define CALL_LIMIT_MS (15 * MS_PER_MINUTE)

typedef enum error_code remove_function(void *self, const char *id, struct error *err);

static enum error_code ask(struct engine *engine, const struct cloud *cloud,
                           remove_function *remove, const char *what, const char *id,
                           struct error *err)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt = attempt_begin(engine->clock, engine->log, what, CALL_LIMIT_MS);
    do {
        code = remove(cloud->self, id, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

static bool may_appear(const struct engine *engine, int64_t made_ms)
{
    return clock_now_ms(engine->clock) < made_ms + VISIBLE_AFTER_MS;
}

enum error_code removal_snapshot(struct engine *engine, const struct cloud *cloud, const char *id,
                                 int64_t made_ms, struct error *err)
{
    int64_t begun_ms = clock_now_ms(engine->clock);
    for (;;) {
        enum error_code code =
            ask(engine, cloud, cloud->delete_snapshot, "delete a snapshot", id, err);
        if (code != ERR_NOT_FOUND)
            return code;
        if (!may_appear(engine, made_ms)) {
            *err = (struct error){0};
            return ERR_NONE;
        }
        TRY(poll_pause(engine, begun_ms, err));
    }
}

/* Whether the volume is where it has to be before the next call. */
typedef bool settled_function(const struct cloud_volume *volume);

static bool is_made(const struct cloud_volume *volume)
{
    return volume->state != CLOUD_VOLUME_CREATING;
}

static bool is_detached(const struct cloud_volume *volume)
{
    return volume->attachment == CLOUD_DETACHED;
}

/* Waits for a volume; *attachment is how it was seen last, *gone that there is none. */
static enum error_code await(struct engine *engine, const char *id, int64_t made_ms,
                             settled_function *settled, enum cloud_attachment_state *attachment,
                             bool *gone, struct error *err)
{
    int64_t begun_ms = clock_now_ms(engine->clock);
    for (;;) {
        CLEANUP_CLOUD_VOLUMES struct cloud_volumes seen = {0};
        TRY(poll_volumes(engine, engine->target, &id, 1, &seen, err));
        *gone = seen.count == 0 ? !may_appear(engine, made_ms)
                                : seen.items[0].state == CLOUD_VOLUME_DELETED ||
                                      seen.items[0].state == CLOUD_VOLUME_DELETING;
        if (*gone || (seen.count > 0 && settled(&seen.items[0]))) {
            *attachment = *gone ? CLOUD_DETACHED : seen.items[0].attachment;
            return ERR_NONE;
        }
        if (clock_now_ms(engine->clock) > begun_ms + CALL_LIMIT_MS) {
            return error_set(err, ERR_TIMEOUT, "volume '%s' stays %s", id,
                             settled == is_made ? "in creation" : "attached: is it mounted?");
        }
        TRY(poll_pause(engine, begun_ms, err));
    }
}

static bool is_leaving(const struct cloud_volume *volume)
{
    return volume->attachment == CLOUD_DETACHED || volume->attachment == CLOUD_DETACHING;
}

/* The answer to an earlier try may have been lost, and the volume be on its way. */
static enum error_code forgive_refusal(struct engine *engine, const char *id, enum error_code code,
                                       struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes seen = {0};
    struct error refusal = *err;
    if (code != ERR_STATE)
        return code;
    TRY(poll_volumes(engine, engine->target, &id, 1, &seen, err));
    if (seen.count == 0 || is_leaving(&seen.items[0]))
        return ERR_NONE;
    *err = refusal;
    return code;
}

/* Detaches unless an earlier process asked for that, and waits until it is true. */
static enum error_code detach(struct engine *engine, const char *id,
                              enum cloud_attachment_state attachment, bool *gone, struct error *err)
{
    enum error_code code = ERR_NONE;
    if (attachment != CLOUD_DETACHING)
        code =
            ask(engine, engine->target, engine->target->detach_volume, "detach a volume", id, err);
    *gone = code == ERR_NOT_FOUND;
    if (*gone)
        return ERR_NONE;
    TRY(forgive_refusal(engine, id, code, err));
    return await(engine, id, 0, is_detached, &attachment, gone, err);
}

enum error_code removal_volume(struct engine *engine, const char *id, int64_t made_ms,
                               struct error *err)
{
    enum cloud_attachment_state attachment = CLOUD_DETACHED;
    bool gone = false;
    TRY(await(engine, id, made_ms, is_made, &attachment, &gone, err));
    if (attachment != CLOUD_DETACHED)
        TRY(detach(engine, id, attachment, &gone, err));
    enum error_code code = gone ? ERR_NOT_FOUND
                                : ask(engine, engine->target, engine->target->delete_volume,
                                      "delete a volume", id, err);
    if (code != ERR_NOT_FOUND)
        return code;
    *err = (struct error){0};
    return ERR_NONE;
}

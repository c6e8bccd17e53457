#include "core/engine/lease.h"

#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "core/engine/attempt.h"
#include "core/engine/set.h"
#include "model/instant.h"

/* A claim outlives its window by so much: a late run is still a run. */
#define GRACE_MS (24 * MS_PER_HOUR)
/* A tag is no reason to hold up a migration for long. */
#define TAG_LIMIT_MS (2 * MS_PER_MINUTE)
/* There once the set carries the claim. */
#define TEXT_CLAIMED "claimed"

struct lease {
    char run_id[RUN_ID_SIZE];
    int64_t until_ms;
};

/* False if the volume carries none, or one that cannot be read. */
static bool read_lease(const struct cloud_volume *volume, struct lease *lease)
{
    static const char between[] = " until ";
    const char *text = cloud_tags_get(&volume->tags, TAG_LEASE);
    const char *mark = text == NULL ? NULL : strstr(text, between);
    if (mark == NULL || (size_t)(mark - text) >= sizeof(lease->run_id))
        return false;
    (void)snprintf(lease->run_id, sizeof(lease->run_id), "%.*s", (int)(mark - text), text);
    return instant_parse(mark + strlen(between), &lease->until_ms, NULL) == ERR_NONE;
}

static bool is_of_other(const struct engine *engine, const struct cloud_volume *volume,
                        struct lease *lease)
{
    return read_lease(volume, lease) && strcmp(lease->run_id, engine->run.id) != 0;
}

/* A claim that ended is history, but not in the place of one that was ours: then somebody has moved
 * the volume meanwhile, or has tried. */
static enum error_code check_volume(const struct engine *engine, const struct cloud_volume *volume,
                                    bool was_ours, struct error *err)
{
    struct lease lease;
    char until[INSTANT_TEXT_SIZE];
    int64_t now_ms = clock_now_ms(engine->clock);
    if (!is_of_other(engine, volume, &lease) || (lease.until_ms <= now_ms && !was_ours))
        return ERR_NONE;
    if (was_ours) {
        (void)error_set(err, ERR_LOCKED,
                        "volume '%s' was taken over by run '%s' of another store: abort this run, "
                        "or take it back with --force",
                        volume->id, lease.run_id);
    } else {
        (void)error_set(err, ERR_LOCKED,
                        "volume '%s' is being moved by run '%s' of another store, until %s at "
                        "most; if that run is dead, --force takes over",
                        volume->id, lease.run_id, instant_text(lease.until_ms, until));
    }
    if (!engine->force)
        return ERR_LOCKED;
    log_event(engine->log, LOG_WARN, now_ms, "%s; taken over", err->message);
    return ERR_NONE;
}

static enum error_code check(struct engine *engine, bool was_ours, struct cloud_volumes *volumes,
                             struct error *err)
{
    TRY(set_volumes(engine, volumes, err));
    for (size_t i = 0; i < volumes->count; i++)
        TRY(check_volume(engine, &volumes->items[i], was_ours, err));
    return ERR_NONE;
}

enum error_code lease_check(struct engine *engine, struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    return check(engine, false, &volumes, err);
}

/* True if the tag is on the volume now; that it cannot be set is only told. */
static bool write_lease(struct engine *engine, const char *volume_id, int64_t until_ms)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    struct error late = {0};
    char until[INSTANT_TEXT_SIZE];
    char value[RUN_ID_SIZE + 8 + INSTANT_TEXT_SIZE];
    (void)snprintf(value, sizeof(value), "%s until %s", engine->run.id,
                   instant_text(until_ms / MS_PER_SECOND * MS_PER_SECOND, until));
    enum error_code code = cloud_tags_set(&tags, TAG_LEASE, value, &late);
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "tag a volume as being moved", TAG_LIMIT_MS);
    do {
        if (code == ERR_NONE)
            code = engine->source->tag(engine->source->self, volume_id, &tags, &late);
    } while (attempt_again(&attempt, &code, &late));
    if (code != ERR_NONE)
        log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock), "%s", late.message);
    return code == ERR_NONE;
}

static int64_t claim_end_ms(const struct engine *engine)
{
    return MAX(engine->run.window_end_ms, clock_now_ms(engine->clock)) + GRACE_MS;
}

/* True if the volume carries this run's claim, and it holds. */
static bool is_claimed(const struct engine *engine, const struct cloud_volume *volume)
{
    struct lease lease;
    return read_lease(volume, &lease) && strcmp(lease.run_id, engine->run.id) == 0 &&
           lease.until_ms > clock_now_ms(engine->clock);
}

/* Whether an earlier lease_take() of this run put its claim on all volumes. */
static bool was_claimed(const struct engine *engine)
{
    CLEANUP_STRBUF struct strbuf unused = {.max_bytes = 1};
    return store_get_text(engine->store, engine->run.id, TEXT_CLAIMED, &unused, NULL) == ERR_NONE;
}

enum error_code lease_take(struct engine *engine, struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    bool was_ours = was_claimed(engine);
    bool is_ours = true;
    TRY(check(engine, was_ours, &volumes, err));
    for (size_t i = 0; i < volumes.count; i++) {
        if (!is_claimed(engine, &volumes.items[i]))
            is_ours = write_lease(engine, volumes.items[i].id, claim_end_ms(engine)) && is_ours;
    }
    if (was_ours || !is_ours)
        return ERR_NONE;
    return store_put_text(engine->store, engine->run.id, TEXT_CLAIMED, "", err);
}

void lease_end(struct engine *engine)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    struct error late = {0};
    if (set_volumes(engine, &volumes, &late) != ERR_NONE) {
        log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock), "%s", late.message);
        return;
    }
    for (size_t i = 0; i < volumes.count; i++) {
        if (is_claimed(engine, &volumes.items[i]))
            (void)write_lease(engine, volumes.items[i].id, clock_now_ms(engine->clock));
    }
}

#include <stdio.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/effects.h"
#include "core/engine/objects.h"
#include "core/engine/set.h"
#include "model/instant.h"

/* How long a cut that the service refuses is tried again. */
#define CUT_LIMIT_MS (10 * MS_PER_MINUTE)

#define TEXT_UNFENCE        "unfence.sql"
#define TEXT_BACKUP_LABEL   "backup_label"
#define TEXT_TABLESPACE_MAP "tablespace_map"
#define TEXT_BACKUP_LSNS    "backup_lsns"

/* The record goes to the store before anything changes, and only once: a second one, made after a
 * crash, would describe the fence itself. An empty one is of a fence that was taken down again. */
static enum error_code record_fence(struct engine *engine, struct strbuf *record, struct error *err)
{
    enum error_code code = store_get_text(engine->store, engine->run.id, TEXT_UNFENCE, record, err);
    if (code != ERR_NOT_FOUND)
        TRY(code);
    if (record->length > 0)
        return ERR_NONE;
    TRY(engine->quiesce->fence_record(engine->quiesce->self, record, err));
    return store_put_text(engine->store, engine->run.id, TEXT_UNFENCE, strbuf_text(record), err);
}

static enum error_code raise_fence(struct engine *engine, struct error *err)
{
    char lsn[LSN_TEXT_SIZE] = "";
    TRY(engine->quiesce->fence(engine->quiesce->self, lsn, err));
    (void)snprintf(engine->run.lsn, sizeof(engine->run.lsn), "%s", lsn);
    log_event(engine->log, LOG_INFO, clock_now_ms(engine->clock),
              "writers are shut out, the WAL stands still at %s", lsn);
    return ERR_NONE;
}

/* Half a fence is the worst of both, no service and no cut. */
static enum error_code take_fence_down(struct engine *engine, const char *record, struct error *err)
{
    TRY(engine->quiesce->unfence(engine->quiesce->self, record, err));
    TRY(store_put_text(engine->store, engine->run.id, TEXT_UNFENCE, "", err));
    engine->run.down_ms = 0;
    log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock),
              "the fence failed and is taken down: writers are let in again");
    return store_save_run(engine->store, &engine->run, clock_now_ms(engine->clock), err);
}

enum error_code effect_fence(struct engine *engine, enum machine_event *event, struct error *err)
{
    (void)event;
    CLEANUP_STRBUF struct strbuf record = {.max_bytes = 1 << 20};
    if (!engine->run.fence)
        return ERR_NONE;
    TRY(record_fence(engine, &record, err));
    if (engine->run.down_ms == 0) {
        /* Written at once: after a crash in here the downtime still counts from now. */
        engine->run.down_ms = clock_now_ms(engine->clock);
        TRY(store_save_run(engine->store, &engine->run, engine->run.down_ms, err));
    }
    enum error_code code = raise_fence(engine, err);
    if (code == ERR_NONE)
        return ERR_NONE;
    struct error late = {0};
    if (take_fence_down(engine, strbuf_text(&record), &late) == ERR_NONE)
        return code;
    return error_prefix(err, "writers may still be shut out (%s)", late.message);
}

/* One try at the cut: everything slow first, then freeze, one request, thaw. */
struct cut_try {
    struct cloud_set_result result;
    int64_t begun_ms;
    int64_t ended_ms;
    bool refused; /* nothing was sent, or the service said no: there is nothing to look for */
};

static enum error_code send_timed(struct engine *engine, const struct objects *objects,
                                  const struct cut *cut, struct cut_try *tried, struct error *err)
{
    tried->begun_ms = clock_now_ms(engine->clock);
    enum error_code code = set_send(engine, objects, cut, &tried->result, err);
    tried->ended_ms = clock_now_ms(engine->clock);
    tried->refused = code != ERR_NONE && !attempt_unsure(code);
    return code;
}

static enum error_code keep_backup(struct engine *engine, const struct quiesce_backup *backup,
                                   struct error *err)
{
    struct store *store = engine->store;
    const char *run_id = engine->run.id;
    char lsns[2 * LSN_TEXT_SIZE + 2];
    (void)snprintf(lsns, sizeof(lsns), "%s %s", backup->start_lsn, backup->stop_lsn);
    TRY(store_put_text(store, run_id, TEXT_BACKUP_LABEL, strbuf_text(&backup->label), err));
    TRY(store_put_text(store, run_id, TEXT_TABLESPACE_MAP, strbuf_text(&backup->tablespace_map),
                       err));
    return store_put_text(store, run_id, TEXT_BACKUP_LSNS, lsns, err);
}

static enum error_code end_backup(struct engine *engine, struct error *err)
{
    CLEANUP_QUIESCE_BACKUP struct quiesce_backup backup = {
        .label = {.max_bytes = 1 << 16},
        .tablespace_map = {.max_bytes = 1 << 20},
    };
    TRY(engine->quiesce->backup_end(engine->quiesce->self, &backup, err));
    if (!backup.archive_waited) {
        log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock),
                  "the WAL up to %s is not archived yet; point-in-time recovery needs it",
                  backup.stop_lsn);
    }
    return keep_backup(engine, &backup, err);
}

/* settle() and the end of backup mode are due whatever happened in between; the first failure is
 * the one to tell, but a filesystem that stays frozen beats all. */
static enum error_code freeze_and_send(struct engine *engine, const struct objects *objects,
                                       struct cut_try *tried, struct error *err)
{
    const struct quiesce *quiesce = engine->quiesce;
    struct error late = {0};
    enum error_code code = quiesce->prepare(quiesce->self, err);
    if (code == ERR_NONE) {
        struct cut cut = quiesce->cut(quiesce->self);
        code = send_timed(engine, objects, &cut, tried, err);
    }
    enum error_code settled = quiesce->settle(quiesce->self, &late);
    if (settled != ERR_NONE) {
        *err = late;
        return settled;
    }
    return code;
}

static enum error_code try_cut(struct engine *engine, const struct objects *objects,
                               struct cut_try *tried, struct error *err)
{
    const struct quiesce *quiesce = engine->quiesce;
    struct error late = {0};
    if (quiesce == NULL)
        return send_timed(engine, objects, NULL, tried, err);
    if (engine->run.backup)
        TRY(quiesce->backup_begin(quiesce->self, engine->run.id, err));
    enum error_code code = freeze_and_send(engine, objects, tried, err);
    if (!engine->run.backup)
        return code;
    enum error_code ended = end_backup(engine, &late);
    if (code != ERR_NONE || ended == ERR_NONE)
        return code;
    *err = late;
    return ended;
}

/* A set that the service made without telling us counts only if its instant lies inside this very
 * freeze; anything else is retired and taken again. No allowance is made for clocks that differ: a cut
 * too many costs seconds, a cut that only looks frozen costs trust. */
static enum error_code adopt_lost_answer(struct engine *engine, struct objects *objects,
                                         struct cut_try *tried, bool *adopted, struct error *err)
{
    const char *token =
        objects_find(objects, OBJECT_SNAPSHOT, engine->run.round, engine->config->volumes[0])
            ->token;
    struct objects_wanted wanted = {
        .token = token,
        .count = engine->config->volume_count,
        .since_ms = tried->ended_ms,
    };
    TRY(objects_look_up(engine, engine->source, &wanted, &tried->result.snapshots, err));
    *adopted = tried->result.snapshots.count == engine->config->volume_count;
    for (size_t i = 0; i < tried->result.snapshots.count; i++) {
        int64_t instant_ms = tried->result.snapshots.items[i].started_ms;
        if (instant_ms < tried->begun_ms || instant_ms > tried->ended_ms)
            *adopted = false;
    }
    return ERR_NONE;
}

static void tell_broken_freeze(const struct engine *engine, const struct quiesce_report *report)
{
    const char *what = NULL;
    if (report->watchdog_fired) {
        what = "the watchdog thawed before the service answered";
    } else if (report->stolen) {
        what = "somebody else thawed before the service answered";
    } else if (report->unseen) {
        what = "the link to the database's machine broke inside the freeze, which is over by now; "
               "since when is not known";
    }
    if (what != NULL) {
        log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock),
                  "%s: the snapshot is as after a crash", what);
    }
}

static void keep_report(struct engine *engine, const struct cut_try *tried)
{
    struct run *run = &engine->run;
    struct quiesce_report report = {0};
    if (engine->quiesce != NULL)
        engine->quiesce->report(engine->quiesce->self, &report);
    run->cut_ms = tried->result.snapshots.items[0].started_ms;
    if (run->down_ms == 0)
        run->down_ms = run->cut_ms;
    run->request_us = tried->result.request_us;
    run->freeze_us = report.freeze_us + report.held_us + report.thaw_us;
    run->flush_us = report.freeze_us;
    run->thaw_us = report.thaw_us;
    run->round_trip_us = report.round_trip_us;
    if (report.lsn[0] != '\0')
        (void)snprintf(run->lsn, sizeof(run->lsn), "%s", report.lsn);
    (void)snprintf(run->consistency, sizeof(run->consistency), "%s",
                   consistency_name(report.consistency));
    tell_broken_freeze(engine, &report);
}

/* Writes the label that was earned onto the snapshots; without the right to tag it is only told. */
static enum error_code label_set(struct engine *engine, const struct cloud_snapshots *snapshots,
                                 struct error *err)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    TRY(cloud_tags_set(&tags, TAG_LABEL, engine->run.consistency, err));
    for (size_t i = 0; i < snapshots->count; i++) {
        struct error refused = {0};
        enum error_code code =
            engine->source->tag(engine->source->self, snapshots->items[i].id, &tags, &refused);
        if (code != ERR_NONE) {
            log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock),
                      "cannot label snapshot '%s': %s", snapshots->items[i].id, refused.message);
        }
    }
    return ERR_NONE;
}

/* A definite refusal made nothing, so nobody has to look for it while the database is down. */
static enum error_code forget_intents(struct engine *engine, struct objects *objects,
                                      struct error *err)
{
    for (size_t i = 0; i < objects->count; i++) {
        struct object *object = &objects->items[i];
        if (object->round == engine->run.round && object->state == OBJECT_INTENDED)
            TRY(objects_move(engine, object, OBJECT_DELETED, err));
    }
    return ERR_NONE;
}

/* One whole attempt, from intent to ids. ERR_AMBIGUOUS means: lost and not adoptable. */
static enum error_code cut_once(struct engine *engine, struct cut_try *tried, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    bool fresh = true;
    TRY(objects_load(engine, &objects, err));
    TRY(set_intend(engine, &objects, &fresh, err));
    enum error_code code = try_cut(engine, &objects, tried, err);
    if (attempt_unsure(code)) {
        bool adopted = false;
        TRY(adopt_lost_answer(engine, &objects, tried, &adopted, err));
        if (!adopted)
            return error_set(err, ERR_AMBIGUOUS, "the answer to the final snapshot was lost");
        code = ERR_NONE;
    }
    /* A set that was made before something else failed keeps its intent: whoever comes next finds
     * it by its token and removes it. */
    if (code != ERR_NONE && tried->refused) {
        struct error late = {0};
        TRY(forget_intents(engine, &objects, &late));
    }
    TRY(code);
    TRY(set_adopt(engine, &objects, &tried->result.snapshots, err));
    keep_report(engine, tried);
    return label_set(engine, &tried->result.snapshots, err);
}

static void tell_cut(const struct engine *engine)
{
    const struct run *run = &engine->run;
    char frozen[DURATION_TEXT_SIZE + 32] = "";
    char between[DURATION_TEXT_SIZE + 48] = "";
    char words[DURATION_TEXT_SIZE];
    if (run->freeze_us > 0) {
        (void)snprintf(frozen, sizeof(frozen), "frozen for %s, of which ",
                       duration_text(run->freeze_us / 1000, words));
    }
    if (run->round_trip_us > 0) {
        (void)snprintf(between, sizeof(between), " and the way to the database %s",
                       duration_text(run->round_trip_us / 1000, words));
    }
    log_event(engine->log, LOG_INFO, clock_now_ms(engine->clock),
              "cut: %sthe request took %s%s; consistency '%s'", frozen,
              duration_text(run->request_us / 1000, words), between, run->consistency);
}

/* Whatever an earlier process left of this cut is retired first: its freeze is over, so nothing it
 * made can count. */
enum error_code effect_cut(struct engine *engine, enum machine_event *event, struct error *err)
{
    (void)event;
    enum error_code code = ERR_NONE;
    int64_t sent_ms = clock_now_ms(engine->clock);
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "take the final snapshot", CUT_LIMIT_MS);
    do {
        struct cut_try tried = {.refused = true};
        TRY(set_retire(engine, sent_ms, err));
        code = cut_once(engine, &tried, err);
        sent_ms = tried.ended_ms;
        cloud_snapshots_done(&tried.result.snapshots);
    } while (attempt_again(&attempt, &code, err));
    TRY(code);
    tell_cut(engine);
    return ERR_NONE;
}

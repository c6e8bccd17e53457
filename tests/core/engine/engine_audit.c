#include "tests/core/engine/engine_audit.h"

#include <stdlib.h>
#include <string.h>

#include "core/engine/engine.h"
#include "model/instant.h"
#include "tests/sim/world_key.h"

/* What lives of the run, by the world. */
struct findings {
    const struct object *objects;
    size_t object_count;
    struct audit_excuse excuse;
    size_t live;
    struct error *err;
};

#define WRONG(err, ...) error_set((err), ERR_STATE, __VA_ARGS__)

static const struct object *claimed(const struct findings *findings, const char *id)
{
    for (size_t i = 0; i < findings->object_count; i++) {
        const struct object *object = &findings->objects[i];
        bool left = findings->excuse.leftovers && object->state == OBJECT_LOST;
        if (strcmp(object->id, id) == 0 && (object->state == OBJECT_READY || left))
            return object;
    }
    return NULL;
}

/* Everything alive must be in the journal as ready, under the token that it carries. */
static enum error_code check_live(struct findings *findings, const char *id,
                                  const struct sim_tags *tags)
{
    const struct object *object = claimed(findings, id);
    const char *token = tags_get(tags, TAG_OP);
    findings->live++;
    if (object == NULL)
        return WRONG(findings->err, "orphan '%s' of '%s'", id, token == NULL ? "?" : token);
    if (token == NULL || strcmp(token, object->token) != 0)
        return WRONG(findings->err, "'%s' is called '%s'", id, token == NULL ? "?" : token);
    return ERR_NONE;
}

static bool is_of_run(const struct sim_tags *tags)
{
    const char *run = tags_get(tags, TAG_RUN);
    return run != NULL && strcmp(run, RIG_RUN) == 0;
}

/* Nothing of the source's account stays lent to another one. */
static enum error_code check_not_lent(struct rig *rig, const struct caller *caller,
                                      struct error *err)
{
    const struct sim_snapshot *snapshot;
    const struct sim_key *key;
    size_t cursor = 0;
    while ((snapshot = world_next_snapshot(rig->world.world, caller, &cursor)) != NULL) {
        if (strcmp(snapshot->account, caller->account) == 0 && snapshot->shared_count > 0)
            return WRONG(err, "snapshot '%s' is still shared", snapshot->id);
    }
    cursor = 0;
    while ((key = world_next_key(rig->world.world, caller, &cursor)) != NULL) {
        if (key->grant_count > 0)
            return WRONG(err, "key '%s' has a grant left", key->alias);
    }
    return ERR_NONE;
}

static enum error_code check_region(struct rig *rig, const char *account, const char *region,
                                    struct findings *findings)
{
    struct caller caller = {0};
    const struct sim_snapshot *snapshot;
    const struct sim_volume *volume;
    size_t cursor = 0;
    memcpy(caller.region, region, strlen(region));
    memcpy(caller.account, account, strlen(account));
    TRY(check_not_lent(rig, &caller, findings->err));
    while ((snapshot = world_next_snapshot(rig->world.world, &caller, &cursor)) != NULL) {
        if (is_of_run(&snapshot->tags))
            TRY(check_live(findings, snapshot->id, &snapshot->tags));
    }
    cursor = 0;
    while ((volume = world_next_volume(rig->world.world, &caller, &cursor)) != NULL) {
        if (is_of_run(&volume->tags))
            TRY(check_live(findings, volume->id, &volume->tags));
    }
    return ERR_NONE;
}

static enum error_code check_places(struct rig *rig, struct findings *findings)
{
    TRY(check_region(rig, RIG_ACCOUNT, "us-east-1", findings));
    TRY(check_region(rig, RIG_ACCOUNT, "eu-west-1", findings));
    if (!rig->options.other_account)
        return ERR_NONE;
    return check_region(rig, RIG_OTHER, "eu-west-1", findings);
}

static size_t count_ready(const struct findings *findings, enum object_kind kind, int round,
                          const char *volume_id)
{
    size_t ready = 0;
    for (size_t i = 0; i < findings->object_count; i++) {
        const struct object *object = &findings->objects[i];
        ready += object->kind == kind && object->state == OBJECT_READY && object->round == round &&
                 strcmp(object->volume_id, volume_id) == 0;
    }
    return ready;
}

/* At most one of each kind in a round, and in the last one exactly one. */
static enum error_code check_rounds(const struct rig *rig, const struct run *run,
                                    const struct findings *findings)
{
    static const char *const names[] = {"snapshots", "copies", "volumes"};
    for (int round = 1; round <= run->round; round++) {
        for (size_t i = 0; i < rig->options.volumes; i++) {
            for (int kind = 0; kind < 3; kind++) {
                size_t ready =
                    count_ready(findings, (enum object_kind)kind, round, rig->config.volumes[i]);
                bool last = round == run->round;
                if (ready > 1 || (last && ready != 1))
                    return WRONG(findings->err, "%zu %s in round %d of %d", ready, names[kind],
                                 round, run->round);
            }
        }
    }
    return ERR_NONE;
}

static const struct object *final_of(const struct run *run, const struct findings *findings,
                                     enum object_kind kind, const char *volume_id)
{
    for (size_t i = 0; i < findings->object_count; i++) {
        const struct object *object = &findings->objects[i];
        if (object->kind == kind && object->state == OBJECT_READY && object->round == run->round &&
            strcmp(object->volume_id, volume_id) == 0)
            return object;
    }
    return NULL;
}

/* The final set is worth what it is called, by the instant that the world gives it. */
static enum error_code check_label(const struct rig *rig, const struct run *run,
                                   const struct object *snapshot, struct error *err)
{
    int64_t at_ms = snapshot->started_ms;
    bool frozen = host_spans_hold(&rig->host.freezes, at_ms);
    bool backup = host_spans_hold(&rig->host.backups, at_ms);
    bool honest = strcmp(run->consistency, "frozen") == 0 ? frozen
                  : strcmp(run->consistency, "backup") == 0
                      ? backup
                      : strcmp(run->consistency, "crash") == 0;
    if (!honest)
        return WRONG(err, "called '%s', but it was %sfrozen and %sin backup mode", run->consistency,
                     frozen ? "" : "not ", backup ? "" : "not ");
    if (rig->options.backup && !backup)
        return WRONG(err, "a backup was asked for, and '%s' is none", snapshot->id);
    if (rig->options.fence && at_ms < rig->host.fenced_ms)
        return WRONG(err, "writers were not shut out at the cut");
    return ERR_NONE;
}

static enum error_code check_final(struct rig *rig, const struct run *run,
                                   const struct findings *findings, const char *volume_id,
                                   struct error *err)
{
    struct caller there = {"", "eu-west-1", ""};
    struct refusal no;
    const struct object *snapshot = final_of(run, findings, OBJECT_SNAPSHOT, volume_id);
    const struct object *copy = final_of(run, findings, OBJECT_COPY, volume_id);
    const struct object *made = final_of(run, findings, OBJECT_VOLUME, volume_id);
    const struct object *relay = final_of(run, findings, OBJECT_RELAY, volume_id);
    const char *instance = rig->options.other_account ? rig->world.names.target_instance_b
                                                      : rig->world.names.target_instance;
    const char *copied = relay == NULL ? copy->from_id : relay->from_id;
    memcpy(there.account, rig_target_account(rig), sizeof(RIG_ACCOUNT));
    const struct sim_volume *volume = world_volume(rig->world.world, &there, made->id, &no);
    if (volume == NULL)
        return WRONG(err, "new volume '%s' is not there", made->id);
    if (relay != NULL && strcmp(copy->from_id, relay->id) != 0)
        return WRONG(err, "the last copy '%s' is not one of the relay", copy->id);
    if (strcmp(copied, snapshot->id) != 0 || strcmp(volume->snapshot_id, copy->id) != 0)
        return WRONG(err, "new volume '%s' was not made from the final snapshot", made->id);
    if (!rig->options.no_instance &&
        (volume->attachment != ATTACHMENT_ATTACHED || strcmp(volume->instance_id, instance) != 0))
        return WRONG(err, "new volume '%s' is not attached", made->id);
    return check_label(rig, run, snapshot, err);
}

static enum error_code check_times(const struct rig *rig, const struct run *run, struct error *err)
{
    bool ordered = run->down_ms > 0 && run->down_ms <= run->cut_ms && run->cut_ms < run->up_ms &&
                   run->up_ms <= run->finished_ms;
    if (rig->options.skew_ms == 0 && !ordered)
        return WRONG(err, "down, cut, up, finished are out of order");
    return ERR_NONE;
}

static enum error_code check_host(const struct rig *rig, bool fenced, struct error *err)
{
    const struct fake_host *host = &rig->host;
    if (host->frozen || host->prepared)
        return WRONG(err, "a filesystem is frozen, or a watchdog left");
    if (host->backup)
        return WRONG(err, "backup mode is on");
    if (host->fenced != fenced)
        return WRONG(err, host->fenced ? "writers are shut out" : "writers are let in");
    return ERR_NONE;
}

static void let_a_day_pass(struct rig *rig)
{
    rig->world.now_ms += MS_PER_DAY;
    world_advance(rig->world.world);
}

static enum error_code look_at_done(struct rig *rig, const struct run *run,
                                    struct findings *findings, struct error *err)
{
    size_t ready = 0;
    TRY(check_places(rig, findings));
    for (size_t i = 0; i < findings->object_count; i++)
        ready += findings->objects[i].state == OBJECT_READY;
    if (findings->live + findings->excuse.deleted < ready)
        return WRONG(err, "%zu objects live, the journal has %zu", findings->live, ready);
    TRY(check_rounds(rig, run, findings));
    for (size_t i = 0; i < rig->options.volumes; i++)
        TRY(check_final(rig, run, findings, rig->config.volumes[i], err));
    TRY(check_times(rig, run, err));
    return check_host(rig, rig->options.fence, err);
}

enum error_code audit_done(struct rig *rig, const struct audit_excuse *excuse, struct error *err)
{
    struct run run;
    if (!rig_read(rig, &run) || run.state != STATE_DONE)
        return WRONG(err, "ended in '%s': %s", machine_name(run.state), run.failure);
    let_a_day_pass(rig);
    struct findings findings = {.err = err};
    struct object *objects = rig_objects(rig, &findings.object_count);
    findings.objects = objects;
    if (excuse != NULL)
        findings.excuse = *excuse;
    enum error_code code = look_at_done(rig, &run, &findings, err);
    free(objects);
    return code;
}

enum error_code audit_gone(struct rig *rig, struct error *err)
{
    struct run run;
    struct findings nothing = {.err = err};
    if (!rig_read(rig, &run) || run.state != STATE_ABORTED)
        return WRONG(err, "ended in '%s': %s", machine_name(run.state), run.failure);
    let_a_day_pass(rig);
    TRY(check_places(rig, &nothing));
    return check_host(rig, false, err);
}

/* What fails at the service after it was accepted, and what cannot be seen yet: never a run that is
 * stuck, never an orphan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/core/engine/engine_audit.h"
#include "tests/core/engine/engine_rig.h"

static struct rig rig;
static struct error err;

static const struct rig_options two_volumes = {.seed = 9, .volumes = 2, .fence = true};

static void set_up(void)
{
    err = (struct error){0};
    rig_init(&rig, &two_volumes);
}

static void tear_down(void)
{
    rig_done(&rig);
}

TestSuite(engine_loss, .init = set_up, .fini = tear_down);

static void expect_run_on(enum error_code want)
{
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), want, "%s", err.message);
}

static void expect_done(const char *why)
{
    cr_assert_eq(audit_done(&rig, NULL, &err), ERR_NONE, "%s: %s", why, err.message);
}

/* Runs until the state is reached, by dying ever later. */
static void run_until(enum machine_state state)
{
    struct run run = {0};
    for (int64_t step = 2; run.state != state; step += 1) {
        enum error_code code;
        tear_down();
        set_up();
        cr_assert(rig_drive_and_die(&rig, RIG_RUN_ON, step, &code, &err), "never '%s'",
                  machine_name(state));
        (void)rig_read(&rig, &run);
    }
}

/* Patience counts by our clock, whatever the service's says. */
Test(engine_loss, a_hidden_object_is_not_lost_to_a_clock_that_runs_ahead)
{
    size_t count;
    rig_done(&rig);
    rig_init(&rig, &(struct rig_options){.seed = 9, .volumes = 2, .skew_ms = 100000});
    rig_arm(&rig, "from 1st call: hide the object for two minutes");
    expect_run_on(ERR_NONE);
    expect_done("our clock ahead");
    struct object *objects = rig_objects(&rig, &count);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(objects[i].state, OBJECT_READY, "%s", objects[i].token);
    free(objects);
}

struct loss_case {
    char script[120];
};

ParameterizedTestParameters(engine_loss, taken_again)
{
    static struct loss_case cases[] = {
        {"at 1st CreateSnapshots: fail the snapshot later"},
        {"at 3rd CreateSnapshots: fail the snapshot later"},
        {"at 1st CreateSnapshots: fail one member later"},
        {"at 2nd to 3rd CreateSnapshots: fail one member later"},
        {"at 1st CopySnapshot: fail the copy later"},
        {"at 4th to 5th CopySnapshot: fail the copy later"},
    };
    return cr_make_param_array(struct loss_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct loss_case *c, engine_loss, taken_again)
{
    rig_arm(&rig, c->script);
    expect_run_on(ERR_NONE);
    expect_done(c->script);
}

/* EC2 takes a volume away again that may not use its key. */
Test(engine_loss, a_volume_that_vanishes_is_named_and_made_anew_by_resume)
{
    rig_arm(&rig, "at 2nd CreateVolume: take the volume away again");
    expect_run_on(ERR_CLOUD);
    cr_expect_not_null(strstr(err.message, "key"), "%s", err.message);
    expect_run_on(ERR_NONE);
    expect_done("a volume vanished");
}

Test(engine_loss, a_copy_that_vanishes_is_taken_again)
{
    run_until(STATE_ROUND_COPIED);
    size_t count;
    struct caller there = {RIG_ACCOUNT, "eu-west-1", ""};
    struct refusal no;
    struct object *objects = rig_objects(&rig, &count);
    cr_assert_eq(objects[count - 1].kind, OBJECT_COPY);
    cr_assert(world_delete_snapshot(rig.world.world, &there, objects[count - 1].id, &no), "%s",
              no.message);
    rig.world.now_ms += 3600000;
    free(objects);
    expect_run_on(ERR_NONE);
    expect_done("a copy vanished");
}

Test(engine_loss, a_run_is_not_resumed_with_another_set)
{
    run_until(STATE_ROUND_COMPLETE);
    rig.config.volume_count = 1;
    cr_expect_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_CONFIG);
    cr_expect_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_CONFIG);
    rig.config.volume_count = 2;
    expect_run_on(ERR_NONE);
    expect_done("with its own set again");
}

Test(engine_loss, a_run_is_not_resumed_with_one_volume_more)
{
    run_until(STATE_ROUND_WAIT);
    (void)snprintf(rig.config.volumes[2], CLOUD_ID_SIZE, "vol-0f93b6a2174ce80d5");
    rig.config.volume_count = 3;
    cr_expect_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_CONFIG);
    cr_expect_not_null(strstr(err.message, "vol-0f93b6a2174ce80d5"), "%s", err.message);
    rig.config.volume_count = 2;
    expect_run_on(ERR_NONE);
    expect_done("with its own set again");
}

struct pruned_case {
    bool other_account;
    enum machine_state state;
    enum object_kind kind;
};

ParameterizedTestParameters(engine_loss, pruned)
{
    static struct pruned_case cases[] = {
        {false, STATE_ROUND_LEARN, OBJECT_COPY}, /* nothing was learned from it yet */
        {false, STATE_PLAN, OBJECT_COPY},
        {true, STATE_PLAN, OBJECT_COPY},
        {true, STATE_PLAN, OBJECT_RELAY}, /* the copies at the target are all there */
    };
    return cr_make_param_array(struct pruned_case, cases, sizeof(cases) / sizeof(cases[0]));
}

/* Deletes the newest of a kind: the one that the next copy would build on. */
static void prune_newest(enum object_kind kind)
{
    struct caller there = {.region = "eu-west-1"};
    struct refusal no;
    size_t count;
    const char *id = "";
    struct object *objects = rig_objects(&rig, &count);
    for (size_t i = 0; i < count; i++)
        id = objects[i].kind == kind ? objects[i].id : id;
    memcpy(there.account, kind == OBJECT_COPY ? rig_target_account(&rig) : RIG_ACCOUNT,
           sizeof(RIG_ACCOUNT));
    cr_assert(world_delete_snapshot(rig.world.world, &there, id, &no), "%s", no.message);
    free(objects);
}

static bool is_round_full(int number)
{
    CLEANUP_STORE struct store *store = NULL;
    struct round *rounds = NULL;
    size_t count = 0;
    bool full = false;
    cr_assert_eq(store_open_readonly(rig.directory, &store, &err), ERR_NONE);
    cr_assert_eq(store_get_rounds(store, RIG_RUN, &rounds, &count, &err), ERR_NONE);
    for (size_t i = 0; i < count; i++)
        full |= rounds[i].number == number && rounds[i].full;
    free(rounds);
    return full;
}

/* True if what was learned of the copies of a round says that they carried everything. */
static bool is_learned_as_full(int number)
{
    CLEANUP_STORE struct store *store = NULL;
    CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
    size_t count;
    bool full = false;
    const char *path = rig.options.other_account ? RIG_OTHER "/eu-west-1+2" : "eu-west-1";
    struct object *objects = rig_objects(&rig, &count);
    cr_assert_eq(store_open_readonly(rig.directory, &store, &err), ERR_NONE);
    for (size_t i = 0; i < count; i++) {
        if (objects[i].kind != OBJECT_COPY || objects[i].round != number)
            continue;
        volume_rows_done(&rows);
        cr_assert_eq(store_get_volume_rows(store, objects[i].volume_id, path, &rows, &err),
                     ERR_NONE);
        for (size_t j = 0; j < rows.duration_count; j++)
            full |= strcmp(rows.durations[j].id, objects[i].id) == 0 && rows.durations[j].full;
    }
    free(objects);
    return full;
}

/* Somebody prunes what the next copy builds on: then a round carries everything, not the downtime. */
ParameterizedTest(struct pruned_case *c, engine_loss, pruned)
{
    struct run run = {0};
    struct audit_excuse excuse = {.deleted = 1};
    struct rig_options options = {
        .seed = 5, .volumes = 2, .fence = true, .other_account = c->other_account};
    for (int64_t step = c->other_account ? 450 : 250; run.state != c->state || run.round != 2;
         step++) {
        enum error_code code;
        tear_down();
        rig_init(&rig, &options);
        cr_assert(rig_drive_and_die(&rig, RIG_RUN_ON, step, &code, &err), "never in round 2");
        (void)rig_read(&rig, &run);
    }
    prune_newest(c->kind);
    expect_run_on(ERR_NONE);
    cr_expect(is_round_full(3), "planned as full");
    cr_expect(is_learned_as_full(3), "and learned from as such");
    cr_assert(rig_read(&rig, &run));
    cr_expect_not(is_round_full(run.round), "the final one is not");
    cr_assert_eq(audit_done(&rig, &excuse, &err), ERR_NONE, "%s", err.message);
}

/* A run of another store, which knows nothing of ours. */
static void claim(const char *until)
{
    struct caller caller = {.account = RIG_ACCOUNT, .region = "us-east-1"};
    struct refusal no;
    struct sim_volume *volume = world_volume(rig.world.world, &caller, rig.config.volumes[1], &no);
    char value[80];
    (void)snprintf(value, sizeof(value), "r-of-another-store until %s", until);
    tags_set(&volume->tags, "ebshift:lease", value);
}

Test(engine_loss, a_run_of_another_store_is_left_alone)
{
    struct run run;
    claim("2099-01-01T00:00:00Z");
    expect_run_on(ERR_LOCKED);
    cr_expect_not_null(strstr(err.message, "r-of-another-store"), "%s", err.message);
    cr_expect_not(rig_read(&rig, &run), "nothing was begun");
    claim("2020-01-01T00:00:00Z");
    expect_run_on(ERR_NONE);
    expect_done("after the other one's claim");
}

Test(engine_loss, of_two_that_begin_at_once_one_gives_way)
{
    run_until(STATE_ROUND_COMPLETE);
    claim("2099-01-01T00:00:00Z");
    expect_run_on(ERR_LOCKED);
    cr_assert_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(audit_gone(&rig, &err), ERR_NONE, "%s", err.message);
}

/* It stood still, stopped or asleep, while another one took over and came to its end. */
Test(engine_loss, a_run_that_was_taken_over_gives_way)
{
    struct run run;
    run_until(STATE_ROUND_WAIT);
    claim("2020-01-01T00:00:00Z");
    expect_run_on(ERR_LOCKED);
    cr_expect_not_null(strstr(err.message, "taken over by run 'r-of-another-store'"), "%s",
                       err.message);
    cr_assert(rig_read(&rig, &run));
    cr_expect_eq(run.down_ms, 0, "nobody is shut out");
    cr_assert_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(audit_gone(&rig, &err), ERR_NONE, "%s", err.message);
}

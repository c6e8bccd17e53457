#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/core/engine/engine_rig.h"

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig);
}

static void tear_down(void)
{
    rig_done(&rig);
}

TestSuite(engine_run, .init = set_up, .fini = tear_down);

Test(engine_run, a_whole_run_ends_in_done_with_the_right_objects)
{
    struct error err = {0};
    struct run run;
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    rig_expect_done(&rig, "undisturbed");
    rig_read(&rig, &run);
    cr_expect_eq(rig.world->fence_records, 1);
    cr_expect_eq(run.request_us, 41337);
    cr_expect_eq(run.freeze_us, 700 + 41800 + 90);
    cr_expect_str_eq(run.lsn, "2B/5C0A1F38");
    cr_expect_eq(rig.world->set_calls, run.round, "one call per round");
    cr_expect_eq(rig.world->copy_calls, 2 * run.round, "one copy per volume and round");
    cr_expect(rig.world->fenced, "a move leaves the old side shut");
}

Test(engine_run, a_finished_run_is_left_alone)
{
    struct error err = {0};
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    int64_t changes = rig.world->changes;
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(rig.world->changes, changes);
    cr_expect_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_STATE, "a done run has no way back");
    rig_expect_done(&rig, "after a refused abort");
}

Test(engine_run, without_a_fence_writers_go_on)
{
    struct error err = {0};
    struct run run;
    rig.fence = false;
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    rig_expect_done(&rig, "no fence");
    rig_read(&rig, &run);
    cr_expect_eq(rig.world->fence_records, 0);
    cr_expect_eq(run.down_ms, run.cut_ms, "down from the cut on where nothing was fenced");
}

Test(engine_run, backup_mode_keeps_its_label)
{
    CLEANUP_STORE struct store *store = NULL;
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 4096};
    struct error err = {0};
    rig.backup = true;
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    rig_expect_done(&rig, "backup mode");
    cr_expect_not(rig.world->backup);
    cr_assert_eq(store_open_readonly(rig.directory, &store, &err), ERR_NONE);
    cr_assert_eq(store_get_text(store, RIG_RUN, "backup_label", &text, &err), ERR_NONE);
    cr_expect_str_eq(strbuf_text(&text), "START WAL LOCATION: 2B/5B000028\n");
}

/* A snapshot exists although the step failed: it must neither be forgotten nor used. */
static void expect_cut_mended(enum error_code failure)
{
    struct error err = {0};
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), failure, "%s", err.message);
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    rig_expect_done(&rig, err.message);
}

Test(engine_run, a_cut_that_did_not_thaw_leaves_no_orphan)
{
    rig.world->settle_fails = ERR_NOT_THAWED;
    expect_cut_mended(ERR_NOT_THAWED);
}

Test(engine_run, a_cut_whose_backup_broke_leaves_no_orphan)
{
    rig.backup = true;
    rig.world->backup_end_fails = ERR_POSTGRES;
    expect_cut_mended(ERR_POSTGRES);
}

Test(engine_run, an_abort_after_a_cut_that_did_not_thaw_leaves_nothing)
{
    struct error err = {0};
    rig.world->settle_fails = ERR_NOT_THAWED;
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NOT_THAWED);
    cr_assert_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_NONE, "%s", err.message);
    rig_expect_gone(&rig, "not thawed");
}

Test(engine_run, a_copy_that_vanishes_is_taken_again)
{
    struct error err = {0};
    /* A run from the start that dies at the first step where both copies exist, found by trying: they
     * have only just begun. */
    for (int64_t step = 1; fake_world_live_snapshots(rig.world, "eu-west-1") < 2; step++) {
        rig_done(&rig);
        rig_init(&rig);
        cr_assert(rig_drive_and_die(&rig, RIG_RUN_ON, step));
    }
    for (size_t i = 0; i < rig.world->snapshot_count; i++) {
        if (strcmp(rig.world->snapshots[i].region, "eu-west-1") == 0) {
            rig.world->snapshots[i].deleted = true;
            break;
        }
    }
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    rig_expect_done(&rig, "a copy vanished");
}

/* Which changing call gets which fault; no more calls than an undisturbed run makes. */
struct fault_case {
    enum world_fault fault;
    int64_t invisible_ms;
    enum error_code want;
    char why[40];
};

ParameterizedTestParameters(engine_run, faults)
{
    static struct fault_case cases[] = {
        {FAULT_LOST_ANSWER, 0, ERR_NONE, "answer lost, seen at once"},
        {FAULT_LOST_ANSWER, 90000, ERR_NONE, "answer lost, seen after 90 s"},
        {FAULT_LOST_REQUEST, 0, ERR_NONE, "request lost"},
        {FAULT_THROTTLED, 0, ERR_NONE, "throttled"},
        {FAULT_LIMIT, 30000, ERR_NONE, "quota full"},
        {FAULT_REFUSED, 0, ERR_ACCESS, "refused once, then resumed"},
        {FAULT_FAILS_LATER, 30000, ERR_NONE, "fails at the service"},
    };
    return cr_make_param_array(struct fault_case, cases, sizeof(cases) / sizeof(cases[0]));
}

static void run_with_fault(const struct fault_case *c, int64_t at)
{
    struct error err = {0};
    rig.world->fault = c->fault;
    rig.world->fault_at = at;
    rig.world->invisible_ms = c->invisible_ms;
    rig.may_lose_round = c->fault == FAULT_FAILS_LATER;
    enum error_code code = rig_drive(&rig, RIG_RUN_ON, &err);
    if (code != ERR_NONE) {
        cr_assert_eq(code, c->want, "%s at call %d: %s", c->why, (int)at, err.message);
        cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    }
    char why[80];
    (void)snprintf(why, sizeof(why), "%s at call %d", c->why, (int)at);
    /* What failed at the service stays in sight of abort; it is no twin. */
    for (size_t i = 0; i < rig.world->snapshot_count; i++)
        rig.world->snapshots[i].deleted |= rig.world->snapshots[i].fails;
    rig_expect_done(&rig, why);
}

ParameterizedTest(struct fault_case *c, engine_run, faults)
{
    struct error err = {0};
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    int64_t changes = rig.world->changes;
    for (int64_t at = 1; at <= changes; at++) {
        rig_done(&rig);
        rig_init(&rig);
        run_with_fault(c, at);
    }
}

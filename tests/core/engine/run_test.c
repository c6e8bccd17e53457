#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "model/instant.h"
#include "tests/core/engine/engine_audit.h"
#include "tests/core/engine/engine_rig.h"

static struct rig rig;
static struct error err;

static const struct rig_options two_volumes = {.seed = 5, .volumes = 2, .fence = true};

static void set_up(void)
{
    err = (struct error){0};
    rig_init(&rig, &two_volumes);
}

static void tear_down(void)
{
    rig_done(&rig);
}

static void set_up_again(const struct rig_options *options)
{
    rig_done(&rig);
    rig_init(&rig, options);
}

TestSuite(engine_run, .init = set_up, .fini = tear_down);

static void expect_run_on(enum error_code want)
{
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), want, "%s", err.message);
}

static void expect_done(const char *why)
{
    cr_assert_eq(audit_done(&rig, NULL, &err), ERR_NONE, "%s: %s", why, err.message);
}

Test(engine_run, a_whole_run_ends_in_done_with_the_right_objects)
{
    struct run run;
    expect_run_on(ERR_NONE);
    expect_done("undisturbed");
    cr_assert(rig_read(&rig, &run));
    cr_expect_geq(run.round, 3, "a series: %d rounds", run.round);
    cr_expect_eq(rig.host.fence_records, 1);
    cr_expect_eq(run.request_us, 40000);
    cr_expect_eq(run.freeze_us, 700 + 40000 + 90);
    cr_expect_str_eq(run.lsn, "2B/5C0A1F38");
    cr_expect_str_eq(run.consistency, "frozen");
    cr_expect(rig.host.fenced, "a move leaves the old side shut");
}

Test(engine_run, a_finished_run_is_left_alone)
{
    expect_run_on(ERR_NONE);
    int64_t calls = rig.world.call_count;
    expect_run_on(ERR_NONE);
    cr_expect_eq(rig.world.call_count, calls);
    cr_expect_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_STATE, "a done run has no way back");
    expect_done("after a refused abort");
}

Test(engine_run, without_a_fence_writers_go_on)
{
    struct run run;
    set_up_again(&(struct rig_options){.seed = 5, .volumes = 1});
    expect_run_on(ERR_NONE);
    expect_done("no fence");
    cr_assert(rig_read(&rig, &run));
    cr_expect_eq(rig.host.fence_records, 0);
    cr_expect_eq(run.down_ms, run.cut_ms, "down from the cut on where nothing was fenced");
}

static const struct rig_options with_backup = {
    .seed = 5, .volumes = 2, .fence = true, .backup = true};

Test(engine_run, backup_mode_keeps_its_label)
{
    CLEANUP_STORE struct store *store = NULL;
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 4096};
    struct run run;
    set_up_again(&with_backup);
    expect_run_on(ERR_NONE);
    expect_done("backup mode");
    cr_assert(rig_read(&rig, &run));
    cr_expect_str_eq(run.consistency, "backup");
    cr_assert_eq(store_open_readonly(rig.directory, &store, &err), ERR_NONE);
    cr_assert_eq(store_get_text(store, RIG_RUN, "backup_label", &text, &err), ERR_NONE);
    cr_expect_str_eq(strbuf_text(&text), "START WAL LOCATION: 2B/5B000028\n");
}

/* A snapshot exists although the step failed: it must neither be forgotten nor used. */
static void expect_cut_mended(enum error_code failure)
{
    expect_run_on(failure);
    expect_run_on(ERR_NONE);
    expect_done("mended");
}

Test(engine_run, a_cut_that_did_not_thaw_leaves_no_orphan)
{
    rig.host.settle_fails = ERR_NOT_THAWED;
    expect_cut_mended(ERR_NOT_THAWED);
}

Test(engine_run, a_cut_whose_backup_broke_leaves_no_orphan)
{
    set_up_again(&with_backup);
    rig.host.backup_end_fails = ERR_POSTGRES;
    expect_cut_mended(ERR_POSTGRES);
}

Test(engine_run, an_abort_after_a_cut_that_did_not_thaw_leaves_nothing)
{
    rig.host.settle_fails = ERR_NOT_THAWED;
    expect_run_on(ERR_NOT_THAWED);
    cr_assert_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(audit_gone(&rig, &err), ERR_NONE, "%s", err.message);
}

Test(engine_run, a_fence_that_fails_is_taken_down_at_once)
{
    struct run run;
    rig.host.fence_fails = ERR_POSTGRES;
    expect_run_on(ERR_POSTGRES);
    cr_expect_str_eq(err.message, "2 sessions do not end");
    cr_expect_not(rig.host.fenced);
    cr_assert(rig_read(&rig, &run));
    cr_expect_eq(run.down_ms, 0, "nobody is shut out");
    expect_run_on(ERR_NONE);
    expect_done("fenced at the second try");
    cr_expect_eq(rig.host.fence_records, 2, "what was before is asked anew");
}

Test(engine_run, a_fence_that_stays_half_up_says_so_and_can_be_aborted)
{
    rig.host.fence_fails = ERR_POSTGRES;
    rig.host.unfence_fails = ERR_POSTGRES;
    expect_run_on(ERR_POSTGRES);
    cr_expect_str_eq(err.message,
                     "writers may still be shut out (no answer): 2 sessions do not end");
    cr_assert_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_NONE, "%s", err.message);
    cr_expect_not(rig.host.fenced);
    cr_assert_eq(audit_gone(&rig, &err), ERR_NONE, "%s", err.message);
}

Test(engine_run, an_answer_after_the_watchdog_thawed_makes_the_set_crash)
{
    struct run run;
    rig_arm(&rig, "from 1st CreateSnapshots: answer after the timeout");
    expect_run_on(ERR_NONE);
    expect_done("thawed by the watchdog");
    cr_assert(rig_read(&rig, &run));
    cr_expect_str_eq(run.consistency, "crash");
}

/* A foreign server showed it: what only teaches must not hold up the night. */
Test(engine_run, a_service_that_cannot_tell_changed_blocks_costs_a_minute)
{
    struct run run;
    rig_arm(&rig, "from 1st ListChangedBlocks: answer 500");
    expect_run_on(ERR_NONE);
    expect_done("without changed blocks");
    cr_assert(rig_read(&rig, &run));
    cr_expect_leq(run.finished_ms - run.up_ms, 5 * MS_PER_MINUTE);
}

/* What strikes once must be ridden out, or be told and then be over with a second process. */
struct fault_case {
    char first_when[20];
    char first[40];
    char second_when[20];
    char second[40];
    enum error_code want;
};

ParameterizedTestParameters(engine_run, fault)
{
    static struct fault_case cases[] = {
        {"at 2nd", "drop answer after effect", "", "", ERR_NONE},
        {"at 2nd", "drop answer before effect", "", "", ERR_NONE},
        {"at 2nd", "answer after the timeout", "", "", ERR_NONE},
        {"at 1st", "drop answer after effect", "at 1st", "hide the object for two minutes",
         ERR_NONE},
        {"at 1st to 4th", "throttle", "", "", ERR_NONE},
        {"at 1st", "answer 500", "at 2nd", "answer 503", ERR_NONE},
        {"at 2nd", "say that the keys expired", "", "", ERR_ACCESS},
        {"at 2nd", "deny", "", "", ERR_ACCESS},
    };
    return cr_make_param_array(struct fault_case, cases, sizeof(cases) / sizeof(cases[0]));
}

static void write_script(const struct fault_case *c, const char *action, char script[256])
{
    int length = snprintf(script, 256, "%s %s: %s\n", c->first_when, action, c->first);
    if (c->second[0] != '\0')
        (void)snprintf(script + length, 256 - (size_t)length, "%s %s: %s\n", c->second_when, action,
                       c->second);
}

ParameterizedTest(struct fault_case *c, engine_run, fault)
{
    static const char *const actions[] = {"CreateSnapshots",   "CopySnapshot",
                                          "CreateVolume",      "AttachVolume",
                                          "DescribeSnapshots", "DescribeVolumes"};
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        char script[256];
        write_script(c, actions[i], script);
        set_up_again(&two_volumes);
        rig_arm(&rig, script);
        enum error_code code = rig_drive(&rig, RIG_RUN_ON, &err);
        cr_assert_eq(code, c->want, "%s: %s", script, err.message);
        if (code != ERR_NONE)
            expect_run_on(ERR_NONE);
        expect_done(script);
    }
}

static void name_database(const char *data_directory)
{
    (void)snprintf(rig.config.data_directory, sizeof(rig.config.data_directory), "%s",
                   data_directory);
}

/* A config that was edited between two processes of a run. */
struct edit_case {
    char data_directory[16];
    size_t volumes;
    char words[32];
};

ParameterizedTestParameters(engine_run, edits)
{
    static struct edit_case cases[] = {
        {"", 2, "named now"},
        {"/srv/other", 2, "'/srv/other' is named now"},
        {"/srv/pg", 1, "is not named"},
    };
    return cr_make_param_array(struct edit_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct edit_case *c, engine_run, edits)
{
    enum error_code code = ERR_NONE;
    name_database("/srv/pg");
    cr_assert(rig_drive_and_die(&rig, RIG_RUN_ON, 60, &code, &err), "it is on its way");
    name_database(c->data_directory);
    rig.config.volume_count = c->volumes;
    expect_run_on(ERR_CONFIG);
    cr_expect_not_null(strstr(err.message, c->words), "%s", err.message);
    name_database("/srv/pg");
    rig.config.volume_count = two_volumes.volumes;
    expect_run_on(ERR_NONE);
    expect_done("after the config is as it was");
}

Test(engine_run, past_the_cut_a_run_needs_no_database)
{
    enum error_code code = ERR_NONE;
    struct run run = {0};
    name_database("/srv/pg");
    while (run.state <= STATE_CUT) {
        cr_assert(rig_drive_and_die(&rig, RIG_RUN_ON, 90, &code, &err));
        cr_assert(rig_read(&rig, &run));
    }
    name_database("");
    expect_run_on(ERR_NONE);
}

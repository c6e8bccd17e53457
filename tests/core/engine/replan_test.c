/* What happens between a plan and the start that it planned: it is made anew before the start, but
 * not for ever, and that is not the end of a run that was accepted. */
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include <criterion/criterion.h>

#include "model/instant.h"
#include "tests/core/engine/engine_audit.h"
#include "tests/core/engine/engine_rig.h"

/* Of the rig's usual run this round is the one that waits. */
#define WAITING_ROUND 3

static struct rig rig;
static struct error err;

static const struct rig_options an_hour = {.seed = 5, .volumes = 2, .fence = true, .metered = true};
static const struct rig_options a_day = {
    .seed = 5, .volumes = 2, .fence = true, .metered = true, .lead_ms = MS_PER_DAY};

/* CloudWatch shows what was written only when the first round is over and the cut is planned. */
static const struct rig_options a_day_unmetered = {
    .seed = 5, .volumes = 2, .fence = true, .lead_ms = MS_PER_DAY};

static void set_up(void)
{
    err = (struct error){0};
    rig_init(&rig, &an_hour);
}

static void tear_down(void)
{
    rig_done(&rig);
}

TestSuite(engine_replan, .init = set_up, .fini = tear_down);

static void set_up_again(const struct rig_options *options)
{
    rig_done(&rig);
    rig_init(&rig, options);
}

/* Processes that end in a state, until the run is there in a round. */
static void drive_to(enum machine_state state, int round)
{
    struct run run = {0};
    cr_assert_eq(rig_drive_to(&rig, state, &err), ERR_NONE, "%s", err.message);
    while (rig_read(&rig, &run) && run.round != round) {
        cr_assert_neq(run.state, STATE_DONE, "never '%s' in round %d", machine_name(state), round);
        cr_assert_eq(rig_drive_to(&rig, STATE_ROUND_LEARN, &err), ERR_NONE, "%s", err.message);
        cr_assert_eq(rig_drive_to(&rig, state, &err), ERR_NONE, "%s", err.message);
    }
    cr_assert_eq(run.state, state);
}

static void expect_done(void)
{
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(audit_done(&rig, NULL, &err), ERR_NONE, "%s", err.message);
}

static struct round read_round(int number)
{
    CLEANUP_STORE struct store *store = NULL;
    struct round *rounds = NULL;
    struct round found = {0};
    size_t count = 0;
    cr_assert_eq(store_open_readonly(rig.directory, &store, &err), ERR_NONE);
    cr_assert_eq(store_get_rounds(store, RIG_RUN, &rounds, &count, &err), ERR_NONE);
    for (size_t i = 0; i < count; i++)
        found = rounds[i].number == number ? rounds[i] : found;
    free(rounds);
    cr_assert_eq(found.number, number, "no round %d", number);
    return found;
}

/* How often the run has planned, and the least time from one plan to the next of the same round. */
static int count_plans(int64_t *least_ms)
{
    CLEANUP_STORE struct store *store = NULL;
    struct journal_step *steps = NULL;
    struct journal_step last = {.round = -1};
    size_t count = 0;
    int plans = 0;
    *least_ms = INT64_MAX;
    cr_assert_eq(store_open_readonly(rig.directory, &store, &err), ERR_NONE);
    cr_assert_eq(store_get_journal(store, RIG_RUN, &steps, &count, &err), ERR_NONE);
    for (size_t i = 0; i < count; i++) {
        if (steps[i].state != STATE_PLAN)
            continue;
        if (last.round == steps[i].round)
            *least_ms = MIN(*least_ms, steps[i].entered_ms - last.entered_ms);
        last = steps[i];
        plans++;
    }
    free(steps);
    return plans;
}

static int count_told(const char *words)
{
    int count = 0;
    for (const char *at = rig.told; (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

static void take_snapshot_of(size_t number)
{
    struct caller caller = {.account = RIG_ACCOUNT, .region = "us-east-1"};
    struct snapshot_request request = {.volume_id = rig.config.volumes[number]};
    struct sim_snapshot *snapshot;
    struct refusal no;
    cr_assert(world_create_snapshot(rig.world.world, &caller, &request, &snapshot, &no), "%s",
              no.message);
}

static void pass(int64_t ms)
{
    rig.world.now_ms += ms;
    world_advance(rig.world.world);
    rig.world.live(&rig);
}

Test(engine_replan, what_was_written_meanwhile_is_known_before_the_round)
{
    drive_to(STATE_ROUND_WAIT, WAITING_ROUND);
    struct round planned = read_round(WAITING_ROUND);
    pass(10 * MS_PER_MINUTE);
    rig_write_batch(&rig);
    expect_done();
    struct round round = read_round(WAITING_ROUND);
    cr_expect_gt((double)round.actual_delta_bytes, planned.delta_bytes[2], "unforeseen");
    cr_expect_lt((double)round.actual_delta_bytes, round.delta_bytes[2], "foreseen after all");
    cr_expect_gt(round.delta_bytes[1], 2 * planned.delta_bytes[1]);
}

Test(engine_replan, a_snapshot_of_somebody_else_makes_ours_shorter)
{
    drive_to(STATE_ROUND_WAIT, WAITING_ROUND);
    pass(30 * MS_PER_MINUTE);
    for (size_t i = 0; i < an_hour.volumes; i++)
        take_snapshot_of(i);
    expect_done();
    struct round with = read_round(WAITING_ROUND);
    set_up_again(&an_hour);
    expect_done();
    struct round without = read_round(WAITING_ROUND);
    cr_expect_lt(with.snapshot_s[1], 0.8 * without.snapshot_s[1], "%g of %g", with.snapshot_s[1],
                 without.snapshot_s[1]);
}

Test(engine_replan, a_plan_that_holds_is_made_anew_once_and_not_told_again)
{
    struct run run;
    int64_t least_ms;
    set_up_again(&a_day);
    expect_done();
    cr_assert(rig_read(&rig, &run));
    int plans = count_plans(&least_ms);
    cr_expect_gt(plans, run.round, "made anew");
    cr_expect_leq(plans, 2 * run.round, "and no more than once: %d for %d rounds", plans,
                  run.round);
    cr_expect_eq(count_told("planned anew"), 0, "%s", rig.told);
}

Test(engine_replan, a_plan_made_near_the_start_is_followed_by_whoever_resumes)
{
    int64_t least_ms;
    drive_to(STATE_ROUND_WAIT, WAITING_ROUND);
    cr_assert_eq(rig_drive_to(&rig, STATE_PLAN, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(rig_drive_to(&rig, STATE_ROUND_WAIT, &err), ERR_NONE, "%s", err.message);
    int plans = count_plans(&least_ms);
    cr_assert_eq(rig_drive_to(&rig, STATE_ROUND_SNAPSHOT, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(count_plans(&least_ms), plans);
    cr_expect_geq(least_ms, 5 * MS_PER_MINUTE);
    expect_done();
}

/* The machine was off when the round should have begun. */
Test(engine_replan, a_start_that_was_missed_is_planned_anew)
{
    int64_t least_ms;
    drive_to(STATE_ROUND_WAIT, WAITING_ROUND);
    int plans = count_plans(&least_ms);
    pass(2 * MS_PER_HOUR);
    expect_done();
    cr_expect_geq(count_plans(&least_ms), plans + 1);
    cr_expect_eq(count_told("planned anew"), 1, "%s", rig.told);
}

/* It was accepted in the morning. Now time may be too short, and nobody is there to be asked. */
Test(engine_replan, a_run_that_was_accepted_goes_on_when_it_is_late)
{
    struct run run;
    set_up_again(&a_day);
    drive_to(STATE_ROUND_WAIT, 1);
    cr_assert(rig_read(&rig, &run));
    double promised_s = run.first_p50_s;
    pass(run.window_end_ms - 75 * MS_PER_MINUTE - rig.world.now_ms);
    expect_done();
    cr_assert(rig_read(&rig, &run));
    cr_expect_eq(run.first_p50_s, promised_s, "what was told first stays");
    cr_expect_eq(count_told("too late for this window"), 1, "%s", rig.told);
}

Test(engine_replan, a_window_that_is_over_still_ends_a_run)
{
    struct run run;
    set_up_again(&a_day);
    drive_to(STATE_ROUND_WAIT, 1);
    cr_assert(rig_read(&rig, &run));
    pass(run.window_end_ms - rig.world.now_ms);
    cr_expect_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_DEADLINE);
}

/* Right after the first round the plan was to cut three hours later; near the cut another round is
 * worth it after all. */
Test(engine_replan, before_a_cut_that_is_far_off_there_is_time_for_another_round)
{
    struct run run;
    set_up_again(&a_day_unmetered);
    expect_done();
    cr_assert(rig_read(&rig, &run));
    cr_expect_eq(count_told(", not the cut at "), 1, "%s", rig.told);
    cr_expect_lt(read_round(2).copy_done_ms, run.window_start_ms, "over by the time of the cut");
}

/* Ours would be completed after theirs, and the database be shut out for as long. */
Test(engine_replan, the_cut_waits_for_what_somebody_else_began)
{
    struct run run;
    cr_assert_eq(rig_drive_to(&rig, STATE_CUT_WAIT, &err), ERR_NONE, "%s", err.message);
    for (int i = 0; i < 4; i++) {
        pass(30 * MS_PER_SECOND);
        take_snapshot_of(0);
    }
    int64_t began_ms = rig.world.now_ms;
    expect_done();
    cr_assert(rig_read(&rig, &run));
    cr_expect_geq(count_told("which somebody else began"), 1, "%s", rig.told);
    cr_expect_gt(run.down_ms, began_ms + MS_PER_MINUTE, "shut out only when they are over");
    struct round final = read_round(run.round);
    double snapshot_s = (double)(final.snapshot_done_ms - final.started_ms) / MS_PER_SECOND;
    cr_expect_lt(snapshot_s, final.snapshot_s[2], "%g s", snapshot_s);
}

/* While no place is free for it, the final copy would be refused, with the database shut out. */
Test(engine_replan, the_cut_waits_for_a_place_for_its_copy)
{
    struct run run;
    struct caller there = {.account = RIG_ACCOUNT, .region = "eu-west-1"};
    enum call_fate fate;
    struct refusal no;
    cr_assert_eq(rig_drive_to(&rig, STATE_CUT_WAIT, &err), ERR_NONE, "%s", err.message);
    pass(30 * MS_PER_SECOND);
    rig_arm(&rig, "foreign-copies:DescribeVolumes");
    cr_assert(world_begin_call(rig.world.world, &there, "DescribeVolumes", &fate, &no));
    int64_t began_ms = rig.world.now_ms;
    expect_done();
    cr_assert(rig_read(&rig, &run));
    cr_expect_geq(count_told("a place for copies into eu-west-1"), 1, "%s", rig.told);
    cr_expect_gt(run.down_ms, began_ms + 5 * MS_PER_MINUTE, "shut out only when there is one");
    struct round final = read_round(run.round);
    cr_expect_lt(final.copy_started_ms - final.snapshot_done_ms, MS_PER_MINUTE);
}

/* What fails at the service after it was accepted, and what cannot be seen yet: never a run that is
 * stuck, never an orphan. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

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

TestSuite(engine_loss, .init = set_up, .fini = tear_down, .timeout = 300);

/* The changing calls of a run up to the first copy are: the set, then one copy per volume. */
enum { CHANGE_SET = 1, CHANGE_COPY = 2 };

/* Between them, by trying, the run learns of the failure and acts on it. */
struct steps {
    int64_t first;
    int64_t last;
};
static const struct steps around_set = {42, 68};
static const struct steps around_copy = {82, 108};

/* Apart from each other in the sweep of a whole run; prime to whatever repeats. */
enum { STRIDE = 19 };

static void expect_resumable(int64_t fault_at, struct steps steps)
{
    bool killed = true;
    for (int64_t step = steps.first; killed && step <= steps.last; step++) {
        struct error err = {0};
        char why[64];
        rig_done(&rig);
        rig_init(&rig);
        rig.may_lose_round = true;
        rig.world->fault = FAULT_FAILS_LATER;
        rig.world->fault_at = fault_at;
        (void)snprintf(why, sizeof(why), "change %d fails, killed at step %d", (int)fault_at,
                       (int)step);
        killed = rig_drive_and_die(&rig, RIG_RUN_ON, step);
        cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s: %s", why, err.message);
        rig_expect_done(&rig, why);
    }
}

Test(engine_loss, a_failed_set_does_not_stick_whenever_the_process_dies)
{
    expect_resumable(CHANGE_SET, around_set);
}

Test(engine_loss, a_failed_copy_does_not_stick_whenever_the_process_dies)
{
    expect_resumable(CHANGE_COPY, around_copy);
}

Test(engine_loss, a_failed_copy_is_taken_away)
{
    struct error err = {0};
    rig.world->fault = FAULT_FAILS_LATER;
    rig.world->fault_at = CHANGE_COPY;
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    rig_expect_done(&rig, "a copy failed");
}

Test(engine_loss, an_abort_waits_for_what_it_cannot_see_yet)
{
    bool over = false;
    for (int64_t step = 2; !over; step += STRIDE) {
        struct error err = {0};
        struct run run;
        char why[64];
        rig_done(&rig);
        rig_init(&rig);
        rig.world->invisible_ms = 100000;
        (void)snprintf(why, sizeof(why), "aborted at step %d", (int)step);
        (void)rig_drive_and_die(&rig, RIG_RUN_ON, step);
        rig_read(&rig, &run);
        over = machine_phase(run.state) == PHASE_OVER;
        if (over)
            continue;
        cr_assert_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_NONE, "%s: %s", why, err.message);
        rig_expect_gone(&rig, why);
    }
}

/* EC2 takes a volume away again that may not use its key. */
Test(engine_loss, a_volume_that_vanishes_is_named_and_made_anew_by_resume)
{
    struct error err = {0};
    struct run run = {0};
    for (int64_t step = 120; run.state != STATE_VOLUMES_READY; step++) {
        rig_done(&rig);
        rig_init(&rig);
        cr_assert(rig_drive_and_die(&rig, RIG_RUN_ON, step));
        rig_read(&rig, &run);
    }
    struct world_volume *last = &rig.world->volumes[rig.world->volume_count - 1];
    last->deleted = true;
    cr_expect_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_CLOUD);
    cr_expect_not_null(strstr(err.message, last->id), "%s", err.message);
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    rig_expect_done(&rig, "a volume vanished");
}

Test(engine_loss, a_run_is_not_resumed_with_another_set)
{
    struct error err = {0};
    int64_t step = 1;
    while (fake_world_live_snapshots(rig.world, "us-east-1") < 2)
        cr_assert(rig_drive_and_die(&rig, RIG_RUN_ON, step++));
    rig.config.volume_count = 1;
    cr_expect_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_CONFIG);
    cr_expect_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_CONFIG);
    rig.config.volume_count = 2;
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s", err.message);
    rig_expect_done(&rig, "with its own set again");
}

/* House law: kill it anywhere. The process ends at every single step of a run; a second one goes on,
 * or aborts, and the world must look as if nothing had happened. */
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "tests/core/engine/engine_rig.h"

/* Objects may be invisible for so long after their creation, which is where twins come from. */
#define INVISIBLE_MS 7000

static struct rig rig;

static void begin(void)
{
    rig_init(&rig);
    rig.backup = true;
    rig.world->invisible_ms = INVISIBLE_MS;
}

Test(engine_kill, resume_after_any_step_is_as_if_nothing_happened, .timeout = 500)
{
    bool killed = true;
    for (int64_t step = 1; killed; step++) {
        struct error err = {0};
        char why[32];
        begin();
        (void)snprintf(why, sizeof(why), "killed at step %d", (int)step);
        killed = rig_drive_and_die(&rig, RIG_RUN_ON, step);
        cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), ERR_NONE, "%s: %s", why, err.message);
        rig_expect_done(&rig, why);
        rig_done(&rig);
    }
}

/* True if the run is past the point of no return, where abort is refused. */
static bool is_over(void)
{
    struct run run;
    rig_read(&rig, &run);
    return machine_phase(run.state) == PHASE_OVER;
}

Test(engine_kill, abort_after_any_step_leaves_nothing, .timeout = 500)
{
    bool over = false;
    for (int64_t step = 2; !over; step++) {
        struct error err = {0};
        char why[32];
        begin();
        (void)snprintf(why, sizeof(why), "killed at step %d", (int)step);
        (void)rig_drive_and_die(&rig, RIG_RUN_ON, step);
        over = is_over();
        enum error_code code = rig_drive(&rig, RIG_ABORT, &err);
        cr_assert_eq(code, over ? ERR_STATE : ERR_NONE, "%s: %s", why, err.message);
        if (!over)
            rig_expect_gone(&rig, why);
        rig_done(&rig);
    }
}

/* A run with everything made, all but handed over. */
static void run_almost_to_the_end(int64_t steps)
{
    begin();
    cr_assert(rig_drive_and_die(&rig, RIG_RUN_ON, steps));
}

Test(engine_kill, an_abort_that_is_killed_can_be_aborted_again, .timeout = 500)
{
    int64_t steps = 1;
    for (bool attached = false; !attached; steps++) {
        run_almost_to_the_end(steps);
        struct run run;
        if (steps > 2) {
            rig_read(&rig, &run);
            attached = run.state == STATE_ATTACHED;
        }
        rig_done(&rig);
    }
    bool killed = true;
    for (int64_t step = 1; killed; step++) {
        struct error err = {0};
        char why[32];
        run_almost_to_the_end(steps - 1);
        (void)snprintf(why, sizeof(why), "abort killed at step %d", (int)step);
        killed = rig_drive_and_die(&rig, RIG_ABORT, step);
        if (killed)
            cr_assert_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_NONE, "%s: %s", why, err.message);
        rig_expect_gone(&rig, why);
        rig_done(&rig);
    }
}

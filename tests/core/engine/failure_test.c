/* Memory is short, or a file cannot be written, at any call of a run and of the store below it: an
 * error, never a wrong success; and then the next process goes on as if nothing had happened. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "tests/core/engine/engine_audit.h"
#include "tests/core/engine/engine_rig.h"
#include "tests/support/nth_failure.h"

static struct rig rig;
static const struct rig_options two_volumes = {
    .seed = 5, .volumes = 2, .fence = true, .backup = true};

static enum error_code run_once(void *self, struct error *err)
{
    (void)self;
    rig_init(&rig, &two_volumes);
    enum error_code code = rig_drive(&rig, RIG_RUN_ON, err);
    int64_t calls = nth_failure_disarm();
    fake_host_bury(&rig.host);
    fake_world_bury(&rig.world);
    char why[80];
    struct error later = {0};
    (void)snprintf(why, sizeof(why), "after %d calls", (int)calls);
    if (code != ERR_NONE)
        cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &later), ERR_NONE, "%s: %s", why, later.message);
    cr_assert_eq(audit_done(&rig, 0, &later), ERR_NONE, "%s: %s", why, later.message);
    rig_done(&rig);
    return code;
}

/* Our own calls are few among SQLite's, so they have a test of their own. */
Test(engine_failure, resume_after_any_failed_call_of_ours, .timeout = 2400)
{
    int failures = nth_failure_everywhere("a run", run_once, NULL, 1, STRIDE_OURS);
    cr_assert_gt(failures, 0);
    (void)fprintf(stderr, "a run failed at %d calls of ours\n", failures);
}

Test(engine_failure, resume_after_any_failed_call_of_the_database, .timeout = 2400)
{
    nth_failure_watch_sqlite();
    int failures = nth_failure_everywhere("a run", run_once, NULL, 1, STRIDE);
    cr_assert_gt(failures, 0);
    (void)fprintf(stderr, "a run failed at %d calls of the database\n", failures);
}

/* The disk of the store fails: its power goes at any write or sync, with any part of what was not
 * synced lost or torn; it is full; a sync is refused. What the store called durable must be there:
 * the next process goes on, or aborts, and the world looks as if nothing had happened. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/core/engine/engine_audit.h"
#include "tests/core/engine/engine_rig.h"
#include "tests/support/power_disk.h"

static struct rig rig;
static struct power_plan plan;

static const char *const names[] = {"ebshift.db", "ebshift.db-wal", "ebshift.db-journal"};

static const struct rig_options two_volumes = {
    .seed = 5, .volumes = 2, .fence = true, .backup = true};

/* The process ends with the power. */
static void die(void *self)
{
    ((struct fake_world *)self)->dead = true;
}

static void set_up(enum power_event event, int64_t at)
{
    rig_init(&rig, &two_volumes);
    plan = (struct power_plan){.event = event, .at = at, .lost = die, .self = &rig.world};
    (void)snprintf(plan.platter, sizeof(plan.platter), "%s.platter", rig.directory);
    cr_assert_eq(mkdir(plan.platter, 0700), 0);
}

static void tear_down(void)
{
    char path[160];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", plan.platter, names[i]);
        (void)unlink(path);
        (void)snprintf(path, sizeof(path), "%s/%s", rig.directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(plan.platter);
    rig_done(&rig);
}

/* One process on the failing disk; false if the power failed. */
static bool drive_on_it(enum error_code *code)
{
    struct error err = {0};
    power_disk_install(&plan);
    *code = rig_drive(&rig, RIG_RUN_ON, &err);
    power_disk_remove();
    bool lost = rig.world.dead;
    if (lost)
        fake_host_bury(&rig.host);
    fake_world_bury(&rig.world);
    return !lost;
}

/* What a machine finds when it is on again: the platter, and the lock or not. */
static void switch_on(void)
{
    char from[160];
    char to[160];
    (void)snprintf(to, sizeof(to), "%s/ebshift.db-shm", rig.directory);
    (void)unlink(to);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(from, sizeof(from), "%s/%s", plan.platter, names[i]);
        (void)snprintf(to, sizeof(to), "%s/%s", rig.directory, names[i]);
        (void)unlink(to);
        (void)rename(from, to);
    }
    (void)snprintf(to, sizeof(to), "%s/lock", rig.directory);
    if (plan.at % 2 == 0)
        (void)unlink(to);
}

/* True if the run got as far as the store, and is past the point where abort is refused. */
static bool is_over(void)
{
    struct run run;
    return rig_read(&rig, &run) && machine_phase(run.state) == PHASE_OVER;
}

static void go_on(enum rig_verb verb)
{
    struct error err = {0};
    char why[48];
    (void)snprintf(why, sizeof(why), "operation %d", (int)plan.at);
    if (verb == RIG_ABORT && is_over())
        verb = RIG_RUN_ON;
    cr_assert_eq(rig_drive(&rig, verb, &err), ERR_NONE, "%s: %s", why, err.message);
    enum error_code wrong =
        verb == RIG_ABORT ? audit_gone(&rig, &err) : audit_done(&rig, NULL, &err);
    cr_assert_eq(wrong, ERR_NONE, "%s: %s", why, err.message);
}

TestSuite(engine_power, .timeout = 800);

Test(engine_power, what_was_durable_survives_the_end_of_power)
{
    int count = 0;
    bool lost = true;
    for (int64_t at = 1; lost; at += STRIDE, count++) {
        enum error_code code;
        set_up(POWER_FAILS, at);
        lost = !drive_on_it(&code);
        cr_assert(lost || code == ERR_NONE, "operation %d: %s", (int)at, error_name(code));
        if (lost)
            switch_on();
        go_on(lost && count % 2 == 1 ? RIG_ABORT : RIG_RUN_ON);
        tear_down();
    }
    (void)fprintf(stderr, "the power failed at %d operations\n", count - 1);
}

/* The error must be the store's; what SQLite can do without, it may do without. */
static void refuse_everywhere(enum power_event event)
{
    int count = 0;
    int told = 0;
    enum error_code code;
    set_up(event, INT64_MAX);
    cr_assert(drive_on_it(&code) && code == ERR_NONE);
    int64_t last = plan.operations;
    tear_down();
    for (int64_t at = 1; at <= last; at += STRIDE, count++) {
        set_up(event, at);
        (void)drive_on_it(&code);
        cr_assert(code == ERR_NONE || code == ERR_STORE, "operation %d: %s", (int)at,
                  error_name(code));
        told += code == ERR_STORE;
        go_on(RIG_RUN_ON);
        tear_down();
    }
    cr_assert_gt(told, count / 2);
    (void)fprintf(stderr, "refused at %d operations, told %d times\n", count, told);
}

Test(engine_power, a_full_disk_is_told_and_loses_nothing)
{
    refuse_everywhere(POWER_DISK_FULL);
}

Test(engine_power, a_refused_sync_is_told_and_loses_nothing)
{
    refuse_everywhere(POWER_SYNC_FAILS);
}

/* The disk of the store fails: its power goes at any write or sync, with any part of what was not
 * synced lost or torn; it is full; a sync is refused. What the store called durable must be there:
 * the next process goes on, or aborts, and the world looks as if nothing had happened. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/core/engine/engine_rig.h"
#include "tests/support/power_disk.h"

static struct rig rig;
static struct power_plan plan;

static const char *const names[] = {"ebshift.db", "ebshift.db-wal", "ebshift.db-journal"};

static void set_up(enum power_event event, int64_t at)
{
    rig_init(&rig);
    plan.event = event;
    plan.at = at;
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

/* One process on the failing disk; its exit status. */
static int drive_on_it(void)
{
    int status = 0;
    *plan.operations = 0;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct error err = {0};
        power_disk_install(&plan);
        _exit((int)rig_drive(&rig, RIG_RUN_ON, &err));
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "the process died: status %x", status);
    fake_world_bury(rig.world);
    return WEXITSTATUS(status);
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
    CLEANUP_STORE struct store *store = NULL;
    struct run run;
    return store_open_readonly(rig.directory, &store, NULL) == ERR_NONE &&
           store_get_run(store, RIG_RUN, &run, NULL) == ERR_NONE &&
           machine_phase(run.state) == PHASE_OVER;
}

static void go_on(enum rig_verb verb)
{
    struct error err = {0};
    char why[48];
    (void)snprintf(why, sizeof(why), "operation %d", (int)plan.at);
    if (verb == RIG_ABORT && is_over())
        verb = RIG_RUN_ON;
    cr_assert_eq(rig_drive(&rig, verb, &err), ERR_NONE, "%s: %s", why, err.message);
    if (verb == RIG_ABORT) {
        rig_expect_gone(&rig, why);
    } else {
        rig_expect_done(&rig, why);
    }
}

static void share_counter(void)
{
    plan.operations = mmap(NULL, sizeof(*plan.operations), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(plan.operations, MAP_FAILED);
}

TestSuite(engine_power, .init = share_counter, .timeout = 800);

Test(engine_power, what_was_durable_survives_the_end_of_power)
{
    int count = 0;
    for (int64_t at = 1, status = POWER_LOST; status == POWER_LOST; at += STRIDE, count++) {
        set_up(POWER_FAILS, at);
        status = drive_on_it();
        cr_assert(status == POWER_LOST || status == ERR_NONE, "operation %d: status %d", (int)at,
                  (int)status);
        if (status == POWER_LOST)
            switch_on();
        go_on(status == POWER_LOST && count % 2 == 1 ? RIG_ABORT : RIG_RUN_ON);
        tear_down();
    }
    (void)fprintf(stderr, "the power failed at %d operations\n", count - 1);
}

/* The error must be the store's; what SQLite can do without, it may do without. */
static void refuse_everywhere(enum power_event event)
{
    int count = 0;
    int told = 0;
    set_up(event, INT64_MAX);
    cr_assert_eq(drive_on_it(), ERR_NONE);
    int64_t last = *plan.operations;
    tear_down();
    for (int64_t at = 1; at <= last; at += STRIDE, count++) {
        set_up(event, at);
        int status = drive_on_it();
        cr_assert(status == ERR_NONE || status == ERR_STORE, "operation %d: status %d", (int)at,
                  status);
        told += status == ERR_STORE;
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

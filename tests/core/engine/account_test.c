/* A run into another account: two copies a round, shares and a grant that must come back, whatever
 * fails in between and wherever the process dies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/core/engine/engine_audit.h"
#include "tests/core/engine/engine_rig.h"
#include "tests/sim/world_key.h"

static struct rig rig;
static struct error err;

static const struct rig_options other_account = {
    .seed = 11, .volumes = 2, .fence = true, .other_account = true};

static void set_up(void)
{
    err = (struct error){0};
    rig_init(&rig, &other_account);
}

static void tear_down(void)
{
    rig_done(&rig);
}

TestSuite(engine_account, .init = set_up, .fini = tear_down);

static void expect_run_on(enum error_code want)
{
    cr_assert_eq(rig_drive(&rig, RIG_RUN_ON, &err), want, "%s", err.message);
}

static void expect_done(const char *why)
{
    cr_assert_eq(audit_done(&rig, 0, &err), ERR_NONE, "%s: %s", why, err.message);
}

Test(engine_account, a_whole_run_goes_by_two_copies_a_round)
{
    struct run run;
    size_t count;
    int relays = 0;
    expect_run_on(ERR_NONE);
    expect_done("undisturbed");
    cr_assert(rig_read(&rig, &run));
    struct object *objects = rig_objects(&rig, &count);
    for (size_t i = 0; i < count; i++)
        relays += objects[i].kind == OBJECT_RELAY;
    free(objects);
    cr_expect_geq(run.round, 2);
    cr_expect_eq(relays, 2 * run.round, "%d relays in %d rounds", relays, run.round);
}

struct trouble_case {
    char script[100];
    enum error_code want;
};

ParameterizedTestParameters(engine_account, trouble)
{
    static struct trouble_case cases[] = {
        {"at 2nd ModifySnapshotAttribute: drop answer after effect", ERR_NONE},
        {"at 1st to 3rd ModifySnapshotAttribute: throttle", ERR_NONE},
        {"at 1st CreateGrant: drop answer after effect", ERR_NONE},
        {"at 1st CreateGrant: drop answer before effect", ERR_NONE},
        {"at 1st RevokeGrant: drop answer after effect", ERR_NONE},
        {"at 1st CopySnapshot: fail the copy later", ERR_NONE},
        {"at 3rd CopySnapshot: fail the copy later", ERR_NONE},
        {"at 3rd CopySnapshot: drop answer after effect", ERR_NONE},
        {"at 3rd CopySnapshot: hide the object for two minutes", ERR_NONE},
        {"at 1st CreateGrant: deny", ERR_ACCESS},
        {"at 1st ModifySnapshotAttribute: deny", ERR_ACCESS},
    };
    return cr_make_param_array(struct trouble_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct trouble_case *c, engine_account, trouble)
{
    rig_arm(&rig, c->script);
    expect_run_on(c->want);
    if (c->want != ERR_NONE)
        expect_run_on(ERR_NONE);
    expect_done(c->script);
}

/* Dies at a step, goes on or gives up, and leaves what it should. */
static void die_and(enum rig_verb verb, int64_t step)
{
    enum error_code code;
    tear_down();
    set_up();
    if (!rig_drive_and_die(&rig, RIG_RUN_ON, step, &code, &err))
        return;
    struct run run;
    if (verb == RIG_ABORT && (!rig_read(&rig, &run) || run.state >= STATE_HAND_OVER))
        return;
    cr_assert_eq(rig_drive(&rig, verb, &err), ERR_NONE, "died at %lld: %s", (long long)step,
                 err.message);
    enum error_code audit = verb == RIG_ABORT ? audit_gone(&rig, &err) : audit_done(&rig, 0, &err);
    cr_assert_eq(audit, ERR_NONE, "died at %lld: %s", (long long)step, err.message);
}

#define STRIDE 97

Test(engine_account, killed_anywhere_it_goes_on)
{
    expect_run_on(ERR_NONE);
    int64_t steps = rig.world.steps;
    for (int64_t step = 2; step < steps; step += STRIDE)
        die_and(RIG_RUN_ON, step);
}

Test(engine_account, killed_anywhere_it_can_be_aborted)
{
    expect_run_on(ERR_NONE);
    int64_t steps = rig.world.steps;
    for (int64_t step = 5; step < steps; step += STRIDE)
        die_and(RIG_ABORT, step);
}

/* The keys of the path, asked about after a copy failed. */
static struct sim_key *key_of(const char *account, const char *region, const char *alias)
{
    struct caller caller = {0};
    memcpy(caller.account, account, strlen(account));
    memcpy(caller.region, region, strlen(region));
    return world_key(rig.world.world, &caller, alias);
}

static void deny(struct sim_key *key, const char *action)
{
    char policy[512];
    struct refusal no;
    (void)snprintf(policy, sizeof(policy),
                   "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"kms:*\","
                   "\"Resource\":\"*\"},{\"Effect\":\"Deny\",\"Principal\":\"" RIG_OTHER "\","
                   "\"Action\":\"%s\",\"Resource\":\"*\"}]}",
                   action);
    cr_assert(world_key_set_policy(rig.world.world, key, policy, &no), "%s", no.message);
}

struct right_case {
    char account[16];
    char alias[16];
    char action[40];
    char want[60];
};

ParameterizedTestParameters(engine_account, missing_right)
{
    static struct right_case cases[] = {
        {RIG_ACCOUNT, "alias/closed", "kms:Decrypt", "lacks kms:Decrypt"},
        {RIG_ACCOUNT, "alias/closed", "kms:ReEncryptFrom", "kms:ReEncryptFrom"},
        {RIG_OTHER, "alias/data", "kms:GenerateDataKeyWithoutPlaintext",
         "lacks kms:GenerateDataKeyWithoutPlaintext"},
        {RIG_OTHER, "alias/data", "kms:DescribeKey", "lacks kms:DescribeKey"},
    };
    return cr_make_param_array(struct right_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct right_case *c, engine_account, missing_right)
{
    struct sim_key *key = key_of(c->account, "eu-west-1", c->alias);
    deny(key, c->action);
    expect_run_on(ERR_ACCESS);
    cr_expect_not_null(strstr(err.message, c->want), "%s", err.message);
    cr_expect(strstr(err.message, key->arn) != NULL || strstr(err.message, key->alias) != NULL,
              "%s", err.message);
    cr_expect_not_null(strstr(err.message, RIG_OTHER), "%s", err.message);
    cr_assert_eq(rig_drive(&rig, RIG_ABORT, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(audit_gone(&rig, &err), ERR_NONE, "%s", err.message);
}

Test(engine_account, a_disabled_key_is_named_and_resume_goes_on)
{
    struct sim_key *key = key_of(RIG_OTHER, "eu-west-1", "alias/data");
    key->state = KEY_DISABLED;
    expect_run_on(ERR_STATE);
    cr_expect_not_null(strstr(err.message, "disabled"), "%s", err.message);
    key->state = KEY_ENABLED;
    expect_run_on(ERR_NONE);
    expect_done("enabled again");
}

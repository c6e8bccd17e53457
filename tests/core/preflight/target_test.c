#include "core/preflight/target.h"

#include <stdio.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/sim/fake_cloud.h"

/* What stands for the id of the instance that the world has in eu-west-1a. */
#define THE_INSTANCE "*"

struct target_case {
    char why[48];
    char zone[CLOUD_ZONE_SIZE];
    char instance[CLOUD_ID_SIZE];
    char fault[48];
    enum error_code want;
};

static void forget(void *self, enum log_level level, int64_t at_ms, const char *message)
{
    (void)self, (void)level, (void)at_ms, (void)message;
}

static enum error_code check(const struct target_case *c, struct fake_world *fake,
                             struct error *err)
{
    struct fake_cloud self;
    struct cloud cloud = fake_cloud_init(&self, fake, "111122223333", "eu-west-1");
    struct clock clock = fake_world_clock(fake);
    struct log log = {.take = forget};
    struct config config;
    config_init(&config);
    (void)snprintf(config.target_region, sizeof(config.target_region), "eu-west-1");
    (void)snprintf(config.target_zone, sizeof(config.target_zone), "%s", c->zone);
    (void)snprintf(config.target_instance, sizeof(config.target_instance), "%s",
                   c->instance[0] == '*' ? fake->names.target_instance : c->instance);
    const struct target_check target = {
        .config = &config, .cloud = &cloud, .clock = &clock, .log = &log};
    return target_check(&target, err);
}

ParameterizedTestParameters(target, cases)
{
    static struct target_case cases[] = {
        {"nothing chosen yet", "", "", "", ERR_NONE},
        {"a zone of the region", "eu-west-1b", "", "", ERR_NONE},
        {"a zone of another region", "us-east-1a", "", "", ERR_CONFIG},
        {"a mistyped zone", "eu-west-1z", "", "", ERR_CONFIG},
        {"the instance in its zone", "eu-west-1a", THE_INSTANCE, "", ERR_NONE},
        {"the instance, zone open", "", THE_INSTANCE, "", ERR_NONE},
        {"the instance, other zone", "eu-west-1b", THE_INSTANCE, "", ERR_CONFIG},
        {"no such instance", "eu-west-1a", "i-0123456789abcdef0", "", ERR_CONFIG},
        {"a hiccup of the service", "eu-west-1a", THE_INSTANCE, "throttle:DescribeInstances",
         ERR_NONE},
        {"a service that stays down", "eu-west-1a", THE_INSTANCE,
         "internal-error:DescribeAvailabilityZonesx*", ERR_TRANSIENT},
    };
    return cr_make_param_array(struct target_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct target_case *c, target, cases)
{
    struct error err = {0};
    CLEANUP_FAKE_WORLD struct fake_world fake;
    cr_assert_eq(fake_world_open(&fake, 5, NULL, &err), ERR_NONE);
    if (c->fault[0] != '\0')
        cr_assert_eq(world_arm_fault(fake.world, c->fault, &err), ERR_NONE, "%s", err.message);
    enum error_code got = check(c, &fake, &err);
    cr_expect_eq(got, c->want, "%s: %s: %s", c->why, error_name(got), err.message);
}

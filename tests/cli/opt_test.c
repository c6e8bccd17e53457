#include "cli/opt.h"

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static struct options options;
static struct error err;

static enum error_code parse(enum verb_bit verb, const char *first, const char *second)
{
    static char kept[2][128]; /* the options borrow the words */
    char *words[] = {kept[0], kept[1]};
    (void)snprintf(kept[0], sizeof(kept[0]), "%s", first);
    (void)snprintf(kept[1], sizeof(kept[1]), "%s", second == NULL ? "" : second);
    options = (struct options){0};
    return opt_parse(verb, second == NULL ? 1 : 2, words, &options, &err);
}

struct setting_case {
    char name[24];
    char key[32];
    char value[40];
    int verbs; /* all that know it */
};

#define SOURCE_VERBS                                                                               \
    (VERB_INIT | VERB_HISTORY | VERB_FORECAST | VERB_PLAN | VERB_STATUS | VERB_MIGRATE |           \
     VERB_RESUME | VERB_ABORT)

ParameterizedTestParameters(opt, settings)
{
    static struct setting_case cases[] = {
        {"--confidence", "plan.confidence", "0.93", VERB_PLAN | VERB_MIGRATE},
        {"--max-downtime", "plan.max_downtime", "20m", VERB_PLAN | VERB_MIGRATE},
        {"--to-region", "target.region", "eu-west-1", SOURCE_VERBS},
        {"--to-zone", "target.zone", "eu-west-1b", SOURCE_VERBS},
        {"--to-instance", "target.instance", "i-04f8e2b6d1a97c35e", SOURCE_VERBS},
        {"--kms-key-id", "target.kms_key_id", "alias/a=b", SOURCE_VERBS},
        {"--region", "source.region", "us-east-1", SOURCE_VERBS},
        {"--instance", "source.instance", "i-0a7d3c5e9b1f42680", SOURCE_VERBS},
        {"--volume", "source.volume", "vol-0f93b6a2", SOURCE_VERBS},
        {"--data-directory", "postgres.data_directory", "/srv/pg", SOURCE_VERBS},
        {"--conninfo", "postgres.conninfo", "host=/run port=5433", SOURCE_VERBS},
        {"--freeze-limit", "freeze.limit", "7s",
         VERB_INIT | VERB_MIGRATE | VERB_RESUME | VERB_ABORT},
        {"--store", "store.directory", "/srv/s", SOURCE_VERBS},
        {"--endpoint-url", "aws.endpoint_url", "http://127.0.0.1:1/?a=b", SOURCE_VERBS},
        {"--profile", "aws.profile", "night", SOURCE_VERBS},
    };
    return cr_make_param_array(struct setting_case, cases, sizeof(cases) / sizeof(cases[0]));
}

static void expect_setting(const struct setting_case *c)
{
    cr_assert_eq(options.setting_count, 1, "%s", c->name);
    cr_expect_str_eq(options.settings[0].key, c->key);
    cr_expect_str_eq(options.settings[0].value, c->value);
    cr_expect_eq(options.operand_count, 0);
}

ParameterizedTest(struct setting_case *c, opt, settings)
{
    struct config config;
    char joined[96];
    config_init(&config);
    cr_expect_eq(config_set(&config, c->key, c->value, &err), ERR_NONE, "a key of the config: %s",
                 err.message);
    (void)snprintf(joined, sizeof(joined), "%s=%s", c->name, c->value);
    for (int verb = VERB_INIT; verb <= (int)VERB_HELP; verb *= 2) {
        enum error_code want = (c->verbs & verb) != 0 ? ERR_NONE : ERR_INVALID;
        cr_assert_eq(parse((enum verb_bit)verb, c->name, c->value), want, "%s of verb %x", c->name,
                     (unsigned)verb);
        if (want == ERR_NONE)
            expect_setting(c);
        cr_assert_eq(parse((enum verb_bit)verb, joined, NULL), want, "%s of verb %x", joined,
                     (unsigned)verb);
        if (want == ERR_NONE)
            expect_setting(c);
    }
    cr_expect_eq(parse(VERB_MIGRATE, c->name, NULL), ERR_INVALID, "without its value");
}

Test(opt, switches_of_migrate)
{
    cr_assert_eq(parse(VERB_MIGRATE, "--no-fence", "--backup-mode"), ERR_NONE);
    cr_expect(options.no_fence && options.backup_mode && !options.force && !options.json);
    cr_assert_eq(parse(VERB_MIGRATE, "--force", "--verbose"), ERR_NONE);
    cr_expect(options.force && options.verbose && !options.no_fence && !options.help);
    cr_assert_eq(parse(VERB_ABORT, "--keep-snapshots", "--help"), ERR_NONE);
    cr_expect(options.keep_snapshots && options.help);
}

Test(opt, forecast_takes_an_instant_and_a_duration)
{
    cr_assert_eq(parse(VERB_FORECAST, "--at", "2026-11-28T02:00:00Z"), ERR_NONE);
    cr_expect_eq(options.at_ms, INT64_C(1795831200000));
    cr_assert_eq(parse(VERB_FORECAST, "--for=90m", NULL), ERR_NONE);
    cr_expect_eq(options.for_ms, 5400000);
    cr_expect_eq(parse(VERB_FORECAST, "--at", "soon"), ERR_INVALID);
    cr_expect_eq(parse(VERB_FORECAST, "--for", "long"), ERR_INVALID);
    cr_expect_eq(parse(VERB_PLAN, "--at", "2026-11-28T02:00:00Z"), ERR_INVALID);
}

Test(opt, output_is_text_or_json)
{
    cr_assert_eq(parse(VERB_STATUS, "--output=json", NULL), ERR_NONE);
    cr_expect(options.json);
    cr_assert_eq(parse(VERB_STATUS, "--output", "text"), ERR_NONE);
    cr_expect_not(options.json);
    cr_expect_eq(parse(VERB_STATUS, "--output", "yaml"), ERR_INVALID);
}

Test(opt, words_that_are_no_options_are_operands)
{
    cr_assert_eq(parse(VERB_THAW, "/srv/data", "/srv/wal"), ERR_NONE);
    cr_assert_eq(options.operand_count, 2);
    cr_expect_str_eq(options.operands[1], "/srv/wal");
}

struct bad_case {
    int verb;
    char word[48];
    char value[48];
    char why[32];
};

ParameterizedTestParameters(opt, bad)
{
    static struct bad_case cases[] = {
        {VERB_PLAN, "--confidense", "0.9", "a typo"},
        {VERB_PLAN, "--conf", "0.9", "an abbreviation"},
        {VERB_PLAN, "--no-fence", "", "of another verb"},
        {VERB_RESUME, "--window", "2026-11-28T02:00Z/4h", "of another verb"},
        {VERB_MIGRATE, "--no-fence=yes", "", "a switch takes no value"},
        {VERB_MIGRATE, "--window", "2026-11-28T02:00Z", "no end"},
        {VERB_MIGRATE, "--window", "2026-11-28T02:00/4h", "no zone"},
        {VERB_MIGRATE, "--window", "2026-11-28T02:00Z/2026-11-28T02:00Z", "empty"},
        {VERB_MIGRATE, "--window", "2026-11-28T02:00Z/0s", "empty"},
        {VERB_MIGRATE, "--window", "2026-11-28T02:00Z/2026-11-27T02:00Z", "backwards"},
        {VERB_MIGRATE, "--window", "2026-11-28T02:00Z/soon", "no time"},
    };
    return cr_make_param_array(struct bad_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct bad_case *c, opt, bad)
{
    enum error_code code = parse((enum verb_bit)c->verb, c->word, c->value);
    cr_expect(code == ERR_INVALID, "%s: %s %s is %s", c->why, c->word, c->value, error_name(code));
    cr_expect_neq(err.message[0], '\0');
}

Test(opt, a_window_ends_at_an_instant_or_after_a_duration)
{
    cr_assert_eq(parse(VERB_PLAN, "--window", "2026-11-28T02:00Z/4h"), ERR_NONE, "%s", err.message);
    cr_expect_eq(options.window_start_ms, INT64_C(1795831200000));
    cr_expect_eq(options.window_end_ms, INT64_C(1795845600000));
    cr_assert_eq(parse(VERB_PLAN, "--window=2026-11-28T03:00+01:00/2026-11-28T06:00Z", NULL),
                 ERR_NONE, "%s", err.message);
    cr_expect_eq(options.window_start_ms, INT64_C(1795831200000));
    cr_expect_eq(options.window_end_ms, INT64_C(1795845600000));
}

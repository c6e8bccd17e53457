#include "core/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static char path[] = "/tmp/ebshift-config-XXXXXX";
static struct config config;
static struct error err;

static void set_up(void)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    config_init(&config);
}

static void tear_down(void)
{
    (void)unlink(path);
}

TestSuite(config, .init = set_up, .fini = tear_down);

static enum error_code read_text(const char *text)
{
    FILE *file = fopen(path, "w");
    (void)fputs(text, file);
    (void)fclose(file);
    return config_read_file(&config, path, &err);
}

/* Every key once, each with a value of its own. */
static const char every_key[] = "[store]\ndirectory = /srv/a\n"
                                "[source]\nregion = us-east-1\ninstance = i-0a7d3c5e9b1f42680\n"
                                "volume = vol-0c41d7e09ab23f586\nvolume = vol-0f93b6a2\n"
                                "[postgres]\ndata_directory = /srv/pg data\n"
                                "conninfo = host=/run/pg port=5433 dbname=app\n"
                                "[target]\nregion = eu-west-1\nzone = eu-west-1b\n"
                                "instance = i-04f8e2b6d1a97c35e\nkms_key_id = alias/x\n"
                                "[plan]\nconfidence = 0.9321\nmax_downtime = 1h30m\n"
                                "blackout = 22:00Z/90m 2026-11-28T00:00Z/6h\n"
                                "round_price = 45s\ncopy_duration = 30m\n"
                                "copies_at_once = 60\n"
                                "[freeze]\nlimit = 7500ms\narchive_limit = 95s\n"
                                "[host]\ndevice_directory = /tmp/by-id\n"
                                "[aws]\nendpoint_url = http://127.0.0.1:4711\nprofile = night\n";

static void expect_every_key(void)
{
    cr_expect_str_eq(config.store, "/srv/a");
    cr_expect_str_eq(config.source_region, "us-east-1");
    cr_expect_str_eq(config.source_instance, "i-0a7d3c5e9b1f42680");
    cr_assert_eq(config.volume_count, 2);
    cr_expect_str_eq(config.volumes[0], "vol-0c41d7e09ab23f586");
    cr_expect_str_eq(config.volumes[1], "vol-0f93b6a2");
    cr_expect_str_eq(config.data_directory, "/srv/pg data");
    cr_expect_str_eq(config.blackout, "22:00Z/90m 2026-11-28T00:00Z/6h");
    cr_expect_str_eq(config.conninfo, "host=/run/pg port=5433 dbname=app");
    cr_expect_str_eq(config.target_region, "eu-west-1");
    cr_expect_str_eq(config.target_zone, "eu-west-1b");
    cr_expect_str_eq(config.target_instance, "i-04f8e2b6d1a97c35e");
    cr_expect_str_eq(config.target_key, "alias/x");
    cr_expect_eq(config.confidence, 0.9321);
    cr_expect_eq(config.max_downtime_ms, 5400000);
    cr_expect_eq(config.round_price_ms, 45000);
    cr_expect_eq(config.copy_duration_ms, 1800000);
    cr_expect_eq(config.copies_at_once, 60);
    cr_expect_eq(config.freeze_limit_ms, 7500);
    cr_expect_eq(config.archive_limit_ms, 95000);
    cr_expect_str_eq(config.device_dir, "/tmp/by-id");
    cr_expect_str_eq(config.endpoint_url, "http://127.0.0.1:4711");
    cr_expect_str_eq(config.profile, "night");
}

Test(config, every_key_of_a_file)
{
    cr_assert_eq(read_text(every_key), ERR_NONE, "%s", err.message);
    expect_every_key();
    cr_expect_eq(config_check(&config, &err), ERR_NONE, "%s", err.message);
}

Test(config, what_is_written_is_read_back)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 1 << 16};
    cr_assert_eq(read_text(every_key), ERR_NONE, "%s", err.message);
    cr_assert_eq(config_write(&config, &text, &err), ERR_NONE, "%s", err.message);
    config_init(&config);
    cr_assert_eq(read_text(strbuf_text(&text)), ERR_NONE, "%s", err.message);
    expect_every_key();
}

/* The longest line there is, with the spaces that we write around the sign and without. */
Test(config, what_could_not_be_read_back_is_not_written)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 1 << 16};
    char lines[300];
    for (int spaces = 0; spaces <= 1; spaces++) {
        const char *sign = spaces == 1 ? " = " : "=";
        int rest = 198 - (int)(strlen("data_directory") + strlen(sign) + 1);
        (void)snprintf(lines, sizeof(lines), "[postgres]\ndata_directory%s/%0*d\n", sign, rest, 7);
        config_init(&config);
        cr_assert_eq(read_text(lines), ERR_NONE, "%s", err.message);
        cr_expect_eq(config_write(&config, &text, &err), spaces == 1 ? ERR_NONE : ERR_CONFIG);
    }
    cr_expect_str_eq(err.message, "postgres.data_directory does not fit a line of 198 characters");
}

Test(config, the_defaults_survive_being_written)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 1 << 16};
    struct config want = config;
    cr_assert_eq(config_write(&config, &text, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(read_text(strbuf_text(&text)), ERR_NONE, "%s", err.message);
    cr_expect_eq(memcmp(&config, &want, sizeof(want)), 0);
}

Test(config, an_indented_line_is_a_key_and_no_continuation)
{
    cr_assert_eq(read_text("[source]\n  region = us-east-1\n\tinstance = i-0a7d3c5e9b1f42680\n"),
                 ERR_NONE, "%s", err.message);
    cr_expect_str_eq(config.source_region, "us-east-1");
    cr_expect_str_eq(config.source_instance, "i-0a7d3c5e9b1f42680");
}

struct bad_case {
    char text[160];
    char want[48]; /* in the message */
};

ParameterizedTestParameters(config, bad)
{
    static struct bad_case cases[] = {
        {"[host]\nquiesce = far\n", ":2: host.quiesce is 'far'"},
        {"[source]\n\nregoin = us-east-1\n", ":3: unknown key 'regoin'"},
        {"[sauce]\nregion = us-east-1\n", ":2: unknown key 'region'"},
        {"region = us-east-1\n", ":1: unknown key"},
        {"[source]\nregion\n", ":2: not a section"},
        {"[source\nregion = x\n", ":1: not a section"},
        {"[source]\nregion\nregoin = x\n", ":2: not a section"},
        {"[source]\nregion = us-east-1 # home\n", ":2: a comment needs a line"},
        {"[plan]\nconfidence = 1.5\n", ":2: plan.confidence"},
        {"[plan]\nconfidence = 0.9x\n", ":2: plan.confidence"},
        {"[plan]\nconfidence = nan\n", ":2: plan.confidence"},
        {"[plan]\nmax_downtime = soon\n", ":2: plan.max_downtime"},
        {"[source]\nregion = a-region-with-a-very-long-name-here\n", ":2: source.region is longer"},
        {"[source]\nvolume = vol-1\n", ":2: 'vol-1'"},
        {"[source]\nvolume = vol-0F93B6A2\n", ":2: 'vol-0F93B6A2'"},
        {"[source]\nvolume = vol-0f93b6a2\nvolume = vol-0f93b6a2\n", ":3: volume"},
    };
    return cr_make_param_array(struct bad_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct bad_case *c, config, bad)
{
    cr_expect_eq(read_text(c->text), ERR_CONFIG, "'%s'", c->text);
    cr_expect_not_null(strstr(err.message, c->want), "'%s' in '%s'", c->want, err.message);
    cr_expect_eq(strncmp(err.message, path, strlen(path)), 0, "%s", err.message);
}

Test(config, a_line_that_does_not_fit_is_refused)
{
    char text[700] = "[postgres]\nconninfo = ";
    memset(text + strlen(text), 'x', 600);
    cr_expect_eq(read_text(text), ERR_CONFIG);
    cr_expect_not_null(strstr(err.message, ":2: the line is longer"), "%s", err.message);
}

Test(config, a_missing_file_is_named)
{
    cr_expect_eq(config_read_file(&config, "/nowhere/ebshift.conf", &err), ERR_CONFIG);
    cr_expect_not_null(strstr(err.message, "'/nowhere/ebshift.conf'"), "%s", err.message);
}

Test(config, a_password_wants_a_private_file)
{
    static const char text[] = "[postgres]\nconninfo = user=a password=b\n";
    cr_assert_eq(read_text(text), ERR_NONE, "mkstemp made it 0600: %s", err.message);
    cr_assert_eq(chmod(path, 0640), 0);
    cr_expect_eq(read_text(text), ERR_CONFIG);
    cr_expect_not_null(strstr(err.message, "chmod 0600"), "%s", err.message);
    cr_expect_null(strstr(err.message, "password=b"), "secrets stay out of messages");
    cr_expect_eq(read_text("[postgres]\nconninfo = postgresql://a:b@h/db\n"), ERR_CONFIG);
    cr_expect_eq(read_text("[postgres]\nconninfo = user=a\n"), ERR_NONE, "%s", err.message);
}

Test(config, the_environment_beats_the_file_and_a_flag_beats_both)
{
    static const char *const environment[] = {"HOME=/root",
                                              "EBSHIFT_TARGET_REGION=eu-west-2",
                                              "EBSHIFT_TARGET_KMS_KEY_ID=alias/y",
                                              "EBSHIFT_SOURCE_VOLUME=vol-00000001 vol-00000002",
                                              "EBSHIFT_LATER=1",
                                              NULL};
    cr_assert_eq(read_text(every_key), ERR_NONE, "%s", err.message);
    cr_assert_eq(config_read_environment(&config, environment, &err), ERR_NONE, "%s", err.message);
    cr_expect_str_eq(config.target_region, "eu-west-2");
    cr_expect_str_eq(config.target_key, "alias/y");
    cr_expect_str_eq(config.target_zone, "eu-west-1b", "the file's, untouched");
    cr_assert_eq(config.volume_count, 2, "replaced, not added to");
    cr_expect_str_eq(config.volumes[1], "vol-00000002");
    cr_assert_eq(config_set(&config, "target.region", "eu-north-1", &err), ERR_NONE);
    cr_expect_str_eq(config.target_region, "eu-north-1");
    cr_assert_eq(config_set(&config, "source.volume", "vol-0000000a", &err), ERR_NONE);
    cr_expect_eq(config.volume_count, 1);
}

Test(config, a_variable_with_a_typo_is_named)
{
    static const char *const typo[] = {"EBSHIFT_TARGET_REGOIN=x", NULL};
    static const char *const bad[] = {"EBSHIFT_PLAN_CONFIDENCE=often", NULL};
    cr_expect_eq(config_read_environment(&config, typo, &err), ERR_CONFIG);
    cr_expect_not_null(strstr(err.message, "EBSHIFT_TARGET_REGOIN"), "%s", err.message);
    cr_expect_eq(config_read_environment(&config, bad, &err), ERR_CONFIG);
    cr_expect_eq(strncmp(err.message, "EBSHIFT_PLAN_CONFIDENCE: ", 25), 0, "%s", err.message);
}

struct account_case {
    char keys[3][24];
    char values[3][64];
    char want[64]; /* empty: all is well */
};

ParameterizedTestParameters(config, account)
{
    static struct account_case cases[] = {
        {{"target.account"}, {"444455556666"}, ""},
        {{"target.account", "target.role"},
         {"444455556666", "arn:aws:iam::444455556666:role/ebshift"},
         ""},
        {{"target.account", "target.role", "target.external_id"},
         {"444455556666", "arn:aws-cn:iam::444455556666:role/a/b", "contract-42"},
         ""},
        {{"target.account"}, {"44445555666"}, "'44445555666', not the 12 digits"},
        {{"target.account"}, {"4444-5555-6666"}, "not the 12 digits"},
        {{"target.account", "target.role"},
         {"444455556666", "arn:aws:iam::111122223333:role/ebshift"},
         "not the ARN of a role of '444455556666'"},
        {{"target.account", "target.role"}, {"444455556666", "ebshift"}, "not the ARN of a role"},
        {{"target.account", "target.external_id"}, {"444455556666", "x"}, "target.role is not"},
        {{"target.role"}, {"arn:aws:iam::444455556666:role/x"}, "target.account is not"},
        {{"via.region"}, {"eu-west-1"}, "via.region is set, and target.account is not"},
        {{"via.kms_key_id"}, {"alias/x"}, "via.kms_key_id is set, and target.account is not"},
    };
    return cr_make_param_array(struct account_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct account_case *c, config, account)
{
    cr_assert_eq(config_set(&config, "source.region", "us-east-1", &err), ERR_NONE);
    cr_assert_eq(config_set(&config, "source.volume", "vol-00000001", &err), ERR_NONE);
    for (size_t i = 0; i < 3 && c->keys[i][0] != '\0'; i++)
        cr_assert_eq(config_set(&config, c->keys[i], c->values[i], &err), ERR_NONE);
    enum error_code want = c->want[0] == '\0' ? ERR_NONE : ERR_CONFIG;
    cr_expect_eq(config_check(&config, &err), want, "%s: %s", c->want, err.message);
    cr_expect_not_null(strstr(err.message, c->want), "%s", err.message);
}

Test(config, what_only_the_whole_can_tell)
{
    cr_expect_eq(config_check(&config, &err), ERR_CONFIG, "no region");
    cr_assert_eq(config_set(&config, "source.region", "us-east-1", &err), ERR_NONE);
    cr_expect_eq(config_check(&config, &err), ERR_CONFIG, "no volume");
    cr_assert_eq(config_set(&config, "source.volume", "vol-00000001", &err), ERR_NONE);
    cr_expect_eq(config_check(&config, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(config_set(&config, "source.volume", "vol-00000001 vol-00000002", &err), ERR_NONE);
    cr_expect_eq(config_check(&config, &err), ERR_CONFIG, "several without an instance");
    cr_assert_eq(config_set(&config, "source.volume", "vol-00000001", &err), ERR_NONE);
    cr_assert_eq(config_set(&config, "freeze.limit", "61s", &err), ERR_NONE);
    cr_expect_eq(config_check(&config, &err), ERR_CONFIG, "a freeze of more than a minute");
    cr_assert_eq(config_set(&config, "freeze.limit", "10s", &err), ERR_NONE);
    cr_assert_eq(config_set(&config, "plan.copy_duration", "20m", &err), ERR_NONE);
    cr_expect_eq(config_check(&config, &err), ERR_CONFIG, "no quarter of an hour");
    cr_assert_eq(config_set(&config, "plan.copy_duration", "48h", &err), ERR_NONE);
    cr_expect_eq(config_check(&config, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(config_set(&config, "plan.round_price", "0s", &err), ERR_NONE);
    cr_expect_eq(config_check(&config, &err), ERR_CONFIG, "rounds without end");
    cr_expect_eq(config_set(&config, "source.volumes", "x", &err), ERR_CONFIG);
    cr_expect_eq(config_set(&config, "volume", "x", &err), ERR_CONFIG);
}

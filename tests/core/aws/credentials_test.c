#include "core/aws/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "core/aws/profile.h"

/* A file that removes itself at the end of the test. */
struct temp_file {
    char path[64];
};

static void temp_file_done(struct temp_file *file)
{
    (void)unlink(file->path);
}

static struct temp_file write_file(const char *text)
{
    struct temp_file file = {"/tmp/ebshift-credentials-XXXXXX"};
    int fd = mkstemp(file.path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    return file;
}

static int64_t fixed_now(void *self)
{
    return *(int64_t *)self;
}

static enum error_code never_sleep(void *self, int64_t instant_ms, struct error *err)
{
    (void)self;
    (void)instant_ms;
    return error_set(err, ERR_STATE, "no sleep in tests");
}

static int64_t now_ms = INT64_C(1786096800000);
static const struct clock test_clock = {fixed_now, never_sleep, &now_ms};

/* Nothing listens there: a test that reached for the network would see ERR_UNREACHABLE. */
static struct credentials_source source_of(const struct aws_env *env, struct http **http)
{
    struct error err = {0};
    cr_assert_eq(http_new("test", NULL, http, &err), ERR_NONE);
    return (struct credentials_source){.http = *http,
                                       .clock = &test_clock,
                                       .env = env,
                                       .endpoints = {.env = env, .url = "http://127.0.0.1:1"},
                                       .region = "us-east-1"};
}

static enum error_code get(const struct aws_env *env, const char *profile, struct credentials *keys,
                           struct error *err)
{
    struct http *http = NULL;
    struct credentials_source source = source_of(env, &http);
    source.profile = profile;
    enum error_code code = credentials_get(&source, false, keys, err);
    http_free(http);
    return code;
}

static const char shared_text[] = "# comment\n"
                                  "[default]\n"
                                  "aws_access_key_id = AKIDDEFAULT\n"
                                  "aws_secret_access_key=s/ecret+default=\n"
                                  "[work]\r\n"
                                  "  aws_access_key_id = NESTED\r\n"
                                  "aws_access_key_id =   AKIDWORK  \r\n"
                                  "aws_secret_access_key = worksecret\r\n"
                                  "aws_session_token = tok==\r\n"
                                  "[half]\n"
                                  "aws_access_key_id = AKIDHALF\n";

static const char config_text[] = "[default]\nregion = eu-west-1\ns3 =\n  region = nested\n"
                                  "[profile work]\nregion = us-west-2\n"
                                  "aws_access_key_id = AKIDFROMCONFIG\n"
                                  "[work]\nregion = wrong-section\n"
                                  "[profile loop]\nrole_arn = arn:aws:iam::1:role/x\n"
                                  "source_profile = loop\n"
                                  "[profile alone]\nrole_arn = arn:aws:iam::1:role/x\n"
                                  "[profile role]\nrole_arn = arn:aws:iam::1:role/x\n"
                                  "source_profile = default\n";

Test(credentials, environment_first)
{
    CLEANUP(temp_file_done) struct temp_file shared = write_file(shared_text);
    const struct aws_env env = {.access_key_id = "AKIDENV",
                                .secret_access_key = "envsecret",
                                .session_token = "envtoken",
                                .credentials_file = shared.path,
                                .config_file = "/nonexistent/config"};
    struct credentials keys = {0};
    struct error err = {0};
    cr_assert_eq(get(&env, NULL, &keys, &err), ERR_NONE, "%s", err.message);
    cr_expect_str_eq(keys.access_key_id, "AKIDENV");
    cr_expect_str_eq(keys.session_token, "envtoken");
    cr_assert_eq(get(&env, "work", &keys, &err), ERR_NONE, "a profile named outranks it");
    cr_expect_str_eq(keys.access_key_id, "AKIDWORK");
}

Test(credentials, shared_file)
{
    CLEANUP(temp_file_done) struct temp_file shared = write_file(shared_text);
    struct aws_env env = {.credentials_file = shared.path, .config_file = "/nonexistent/config"};
    struct credentials keys = {0};
    struct error err = {0};
    cr_assert_eq(get(&env, NULL, &keys, &err), ERR_NONE, "%s", err.message);
    cr_expect_str_eq(keys.access_key_id, "AKIDDEFAULT");
    cr_expect_str_eq(keys.secret_access_key, "s/ecret+default=");
    env.profile = "work";
    cr_assert_eq(get(&env, NULL, &keys, &err), ERR_NONE, "%s", err.message);
    cr_expect_str_eq(keys.access_key_id, "AKIDWORK");
    cr_expect_str_eq(keys.session_token, "tok==");
}

Test(credentials, long_session_token)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 8192};
    strbuf_puts(&text, "[default]\naws_access_key_id=A\naws_secret_access_key=S\n"
                       "aws_session_token=");
    for (int i = 0; i < 1500; i++)
        strbuf_puts(&text, "t");
    CLEANUP(temp_file_done) struct temp_file shared = write_file(strbuf_text(&text));
    const struct aws_env env = {.credentials_file = shared.path, .config_file = "/nonexistent/x"};
    struct credentials keys = {0};
    struct error err = {0};
    cr_assert_eq(get(&env, NULL, &keys, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(strlen(keys.session_token), 1500);
}

Test(credentials, refusals)
{
    CLEANUP(temp_file_done) struct temp_file shared = write_file(shared_text);
    CLEANUP(temp_file_done) struct temp_file config = write_file(config_text);
    const struct aws_env none = {.home = "/nonexistent", .metadata_disabled = "true"};
    const struct aws_env half = {.access_key_id = "A", .home = "/nonexistent"};
    const struct aws_env files = {
        .credentials_file = shared.path, .config_file = config.path, .metadata_disabled = "true"};
    struct credentials keys = {0};
    struct error err = {0};
    cr_expect_eq(get(&none, NULL, &keys, &err), ERR_ACCESS);
    cr_expect_eq(get(&half, NULL, &keys, &err), ERR_CONFIG);
    cr_expect_eq(get(&files, "half", &keys, &err), ERR_CONFIG);
    cr_expect_eq(get(&files, "nobody", &keys, &err), ERR_CONFIG);
    cr_expect_not_null(strstr(err.message, "nobody"));
    cr_expect_eq(get(&files, "loop", &keys, &err), ERR_CONFIG);
    cr_expect_eq(get(&files, "alone", &keys, &err), ERR_CONFIG);
    cr_expect_eq(get(&files, "role", &keys, &err), ERR_UNREACHABLE, "it would ask STS");
    cr_expect_str_eq(keys.access_key_id, "", "outputs stay untouched");
}

Test(credentials, profile_settings)
{
    CLEANUP(temp_file_done) struct temp_file shared = write_file(shared_text);
    CLEANUP(temp_file_done) struct temp_file config = write_file(config_text);
    const struct aws_env env = {.credentials_file = shared.path, .config_file = config.path};
    CLEANUP_PROFILE struct profile profile = {0};
    struct error err = {0};
    cr_assert_eq(profile_read(&env, "work", &profile, &err), ERR_NONE, "%s", err.message);
    cr_expect_str_eq(profile.region, "us-west-2", "'[work]' is no section of a config file");
    cr_expect_str_eq(profile.access_key_id, "AKIDWORK", "the credentials file wins");
    cr_assert_eq(profile_read(&env, "default", &profile, &err), ERR_NONE);
    cr_expect_str_eq(profile.region, "eu-west-1", "nested settings are skipped");
    cr_expect_eq(profile_read(&env, "nobody", &profile, &err), ERR_NOT_FOUND);
}

/* Kept keys of an hour: renewed in the last ten minutes; if that fails they are used to their end. */
Test(credentials, expiry)
{
    const struct aws_env env = {
        .access_key_id = "A", .secret_access_key = "S", .home = "/nonexistent"};
    int64_t began_ms = now_ms;
    struct http *http = NULL;
    struct credentials_source source = source_of(&env, &http);
    struct credentials keys = {0};
    struct error err = {0};
    source.role_arn = "arn:aws:iam::1:role/x";
    source.keys = (struct credentials){.access_key_id = "KEPT", .expires_ms = now_ms + 3600000};
    source.renew_ms = source.keys.expires_ms - 600000;
    now_ms = source.renew_ms - 1;
    cr_expect_eq(credentials_get(&source, false, &keys, &err), ERR_NONE);
    cr_expect_eq(source.renew_ms, began_ms + 3000000, "nothing was asked yet");
    now_ms += 1;
    cr_expect_eq(credentials_get(&source, false, &keys, &err), ERR_NONE, "STS fails, still valid");
    cr_expect_str_eq(keys.access_key_id, "KEPT");
    cr_expect_eq(source.renew_ms, now_ms + 60000, "the next try is not at the next call");
    cr_expect_eq(credentials_get(&source, true, &keys, &err), ERR_UNREACHABLE, "fresh ones");
    now_ms = source.keys.expires_ms;
    cr_expect_eq(credentials_get(&source, false, &keys, &err), ERR_UNREACHABLE);
    now_ms = began_ms;
    credentials_source_done(&source);
    http_free(http);
}

static const char chain_text[] =
    "[default]\nregion = eu-west-1\n"
    "[profile process]\n"
    "credential_process = printf %s "
    "'{\"Version\":1,\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"S\"}'\n"
    "[profile failing]\ncredential_process = false\n"
    "[profile missing]\ncredential_process = no-such-program-anywhere\n"
    "[profile mixed]\naws_secret_access_key = other\n"
    "[profile both]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = process\n"
    "credential_source = Environment\n"
    "[profile odd]\nrole_arn = arn:aws:iam::1:role/x\ncredential_source = Nowhere\n"
    "[profile mfa]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = process\n"
    "mfa_serial = arn:aws:iam::1:mfa/x\n"
    "[profile brief]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = process\n"
    "duration_seconds = 10\n"
    "[profile sso]\nsso_session = corp\n"
    "[profile web]\nrole_arn = arn:aws:iam::1:role/x\nweb_identity_token_file = /nonexistent/t\n"
    "[profile hollow]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n"
    "[profile a]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = b\n"
    "[profile b]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = a\n"
    "[profile \"with space\"]\naws_access_key_id = Q\naws_secret_access_key = S\n";

struct chain_case {
    char profile[16];
    enum error_code want;
    char says[64]; /* the key id, or a part of the message */
};

ParameterizedTestParameters(credentials, chain)
{
    static struct chain_case cases[] = {
        {"process", ERR_NONE, "P"},
        {"with space", ERR_NONE, "Q"},
        {"failing", ERR_ACCESS, "'false': ended with code 1"},
        {"missing", ERR_CONFIG, "'no-such-program-anywhere'"},
        {"mixed", ERR_CONFIG, "no aws_secret_access_key"},
        {"both", ERR_CONFIG, "both source_profile and credential_source"},
        {"odd", ERR_CONFIG, "'Nowhere'"},
        {"mfa", ERR_CONFIG, "mfa_serial"},
        {"brief", ERR_CONFIG, "duration_seconds"},
        {"sso", ERR_CONFIG, "export-credentials"},
        {"web", ERR_SYSTEM, "/nonexistent/t"},
        {"hollow", ERR_CONFIG, "source_profile 'default'"},
        {"a", ERR_CONFIG, "never ends"},
        {"default", ERR_ACCESS, "no AWS credentials in environment, profile 'default'"},
    };
    return cr_make_param_array(struct chain_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct chain_case *c, credentials, chain)
{
    CLEANUP(temp_file_done)
    struct temp_file shared = write_file("[mixed]\naws_access_key_id = M\n");
    CLEANUP(temp_file_done) struct temp_file config = write_file(chain_text);
    const struct aws_env env = {
        .credentials_file = shared.path, .config_file = config.path, .metadata_disabled = "true"};
    struct credentials keys = {0};
    struct error err = {0};
    cr_assert_eq(get(&env, c->profile, &keys, &err), c->want, "%s: %s", c->profile, err.message);
    const char *said = c->want == ERR_NONE ? keys.access_key_id : err.message;
    cr_expect_not_null(strstr(said, c->says), "%s: '%s'", c->profile, said);
}

Test(credentials, services_section)
{
    CLEANUP(temp_file_done)
    struct temp_file config = write_file("[services local]\nec2 =\n  endpoint_url = http://a\n"
                                         "s3 =\n  endpoint_url = http://b\n"
                                         "[profile x]\nec2 =\n  endpoint_url = http://c\n");
    const struct aws_env env = {.credentials_file = "/nonexistent/x", .config_file = config.path};
    char url[PROFILE_URL_SIZE] = "?";
    struct error err = {0};
    cr_assert_eq(profile_service_url(&env, "local", "ec2", url, &err), ERR_NONE);
    cr_expect_str_eq(url, "http://a");
    cr_assert_eq(profile_service_url(&env, "local", "sts", url, &err), ERR_NONE);
    cr_expect_str_eq(url, "");
    cr_expect_eq(profile_service_url(&env, "x", "ec2", url, &err), ERR_NOT_FOUND);
}

/* As an instance may hand them out, or somebody left them in the environment: used, and looked for
 * again, but not at every call. */
Test(credentials, keys_that_have_ended_are_not_fetched_at_every_call)
{
    static const struct aws_env env = {.access_key_id = "AKIDEXAMPLE",
                                       .secret_access_key = "s",
                                       .session_token = "t",
                                       .credential_expiration = "2026-08-07T09:00:00Z"};
    struct http *http = NULL;
    struct credentials_source source = source_of(&env, &http);
    CLEANUP_CREDENTIALS struct credentials keys = {0};
    struct error err = {0};
    now_ms = INT64_C(1786096800000); /* an hour later */
    cr_assert_eq(credentials_get(&source, false, &keys, &err), ERR_NONE, "%s", err.message);
    cr_expect(keys.temporary);
    cr_expect_eq(source.renew_ms, now_ms + 60000);
    credentials_source_done(&source);
    http_free(http);
}

#include "core/aws/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

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
    const struct aws_env none = {.home = "/nonexistent"};
    const struct aws_env half = {.access_key_id = "A", .home = "/nonexistent"};
    const struct aws_env files = {.credentials_file = shared.path, .config_file = config.path};
    struct credentials keys = {0};
    struct error err = {0};
    cr_expect_eq(get(&none, NULL, &keys, &err), ERR_ACCESS);
    cr_expect_eq(get(&half, NULL, &keys, &err), ERR_CONFIG);
    cr_expect_eq(get(&files, "half", &keys, &err), ERR_CONFIG);
    cr_expect_eq(get(&files, "nobody", &keys, &err), ERR_ACCESS);
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

/* Kept temporary keys: 20 minutes are enough, 5 are worth a try, none are an error. */
Test(credentials, expiry)
{
    const struct aws_env env = {
        .access_key_id = "A", .secret_access_key = "S", .home = "/nonexistent"};
    struct http *http = NULL;
    struct credentials_source source = source_of(&env, &http);
    struct credentials keys = {0};
    struct error err = {0};
    source.role_arn = "arn:aws:iam::1:role/x";
    source.keys = (struct credentials){.access_key_id = "KEPT", .expires_ms = now_ms + 1200000};
    cr_expect_eq(credentials_get(&source, false, &keys, &err), ERR_NONE);
    cr_expect_str_eq(keys.access_key_id, "KEPT");
    source.keys.expires_ms = now_ms + 300000;
    cr_expect_eq(credentials_get(&source, false, &keys, &err), ERR_NONE, "STS fails, still valid");
    source.keys.expires_ms = now_ms;
    cr_expect_eq(credentials_get(&source, false, &keys, &err), ERR_UNREACHABLE);
    credentials_source_done(&source);
    http_free(http);
}

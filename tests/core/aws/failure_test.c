/* Memory is short, or a file cannot be opened, at any call: an error, or the whole result. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <libxml/xmlerror.h>
#include <libxml/xmlmemory.h>

#include "core/aws/client.h"
#include "core/aws/cloudwatch.h"
#include "core/aws/ec2_parse.h"
#include "core/aws/ec2_query.h"
#include "core/aws/profile.h"
#include "tests/support/nth_failure.h"

#define ITEM(id)                                                                                   \
    "<item><snapshotId>" id "</snapshotId><volumeId>vol-0aaa</volumeId><startTime>"                \
    "2026-08-07T10:00:00.000Z</startTime><tagSet><item><key>a</key><value>1</value></item><item>"  \
    "<key>b</key><value>2</value></item></tagSet></item>"

static enum error_code read_snapshots(void *self, struct error *err)
{
    static const char text[] = "<DescribeSnapshotsResponse><snapshotSet>" ITEM("snap-01")
        ITEM("snap-02") ITEM("snap-03") "</snapshotSet></DescribeSnapshotsResponse>";
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots found = {0};
    (void)self;
    TRY(xml_parse(&xml, text, sizeof(text) - 1, err));
    TRY(ec2_parse_snapshots(&xml, xml_child(&xml, 0, "snapshotSet"), &found, err));
    cr_assert_eq(found.count, 3);
    for (size_t i = 0; i < found.count; i++) {
        cr_assert_eq(found.items[i].tags.count, 2);
        cr_assert_str_eq(found.items[i].volume_id, "vol-0aaa");
        cr_assert_eq(found.items[i].started_ms, INT64_C(1786096800000));
    }
    return ERR_NONE;
}

static enum error_code read_volumes(void *self, struct error *err)
{
    static const char text[] =
        "<R><volumeSet><item><volumeId>vol-01</volumeId><size>4</size><tagSet><item><key>k</key>"
        "<value>v</value></item></tagSet></item><item><volumeId>vol-02</volumeId></item>"
        "</volumeSet></R>";
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes found = {0};
    (void)self;
    TRY(xml_parse(&xml, text, sizeof(text) - 1, err));
    TRY(ec2_parse_volumes(&xml, xml_child(&xml, 0, "volumeSet"), &found, err));
    cr_assert_eq(found.count, 2);
    cr_assert_str_eq(cloud_tags_get(&found.items[0].tags, "k"), "v");
    return ERR_NONE;
}

static enum error_code read_metric(void *self, struct error *err)
{
    static const char text[] =
        "<R><GetMetricDataResult><MetricDataResults><member><Timestamps><member>"
        "2026-08-07T10:00:00Z</member><member>2026-08-07T10:05:00Z</member></Timestamps><Values>"
        "<member>1.5E9</member><member>2</member></Values></member></MetricDataResults>"
        "</GetMetricDataResult></R>";
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CLOUD_METRIC struct cloud_metric found = {0};
    (void)self;
    TRY(xml_parse(&xml, text, sizeof(text) - 1, err));
    TRY(cloudwatch_parse(&xml, &found, err));
    cr_assert_eq(found.count, 2);
    cr_assert_float_eq(found.points[0].sum, 1.5e9, 1);
    return ERR_NONE;
}

static int64_t fixed_now(void *self)
{
    (void)self;
    return INT64_C(1786096800000);
}

/* Signed and sent to a port that nobody listens on. */
static enum error_code sign_call(void *self, struct error *err)
{
    CLEANUP_FORM struct form form;
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    CLEANUP_CLIENT_SIGNED struct client_signed signed_call = {0};
    const struct clock clock = {.now_ms = fixed_now};
    const struct aws_env env = {0};
    struct credentials_source source = {
        .clock = &clock, .env = &env, .keys = {.access_key_id = "A", .secret_access_key = "S"}};
    struct client client = {.clock = &clock,
                            .source = &source,
                            .endpoints = {.env = &env, .url = "http://127.0.0.1:1"},
                            .region = "us-east-1"};
    (void)self;
    form_init(&form, ENDPOINT_EC2, "CreateSnapshot");
    TRY(cloud_tags_set(&tags, "ebshift:op", "r-1/s1.1", err));
    form_add_tag_specification(&form, "snapshot", &tags);
    TRY(form_check(&form, err));
    const struct client_call call = {
        .service = ENDPOINT_EC2, .action = form.action, .form = &form.text, .creates = true};
    TRY(client_sign(&client, &call, &signed_call, err));
    cr_assert_not_null(strstr(strbuf_text(&form.text), "TagSpecification.1.Tag.1.Value="));
    cr_assert_eq(strbuf_text(&signed_call.authorization)[0], 'A');
    /* The same key, time and form must give the same signature, or a piece is missing. */
    static char first[512];
    if (first[0] == '\0')
        (void)snprintf(first, sizeof(first), "%s", strbuf_text(&signed_call.authorization));
    cr_assert_str_eq(strbuf_text(&signed_call.authorization), first);
    return ERR_NONE;
}

static enum error_code make_pool(void *self, struct error *err)
{
    struct http *http = NULL;
    (void)self;
    TRY(http_new("test", "/nowhere/bundle.pem", &http, err));
    http_free(http);
    return ERR_NONE;
}

static enum error_code read_profile(void *path, struct error *err)
{
    CLEANUP_PROFILE struct profile profile = {0};
    const struct aws_env env = {.credentials_file = path, .config_file = path};
    TRY(profile_read(&env, "night", &profile, err));
    cr_assert_str_eq(profile.access_key_id, "AKIA1");
    cr_assert_str_eq(profile.secret_access_key, "s3");
    return ERR_NONE;
}

static const struct {
    const char *what;
    nth_try *attempt;
} tries[] = {
    {"a list of snapshots", read_snapshots},
    {"a list of volumes", read_volumes},
    {"a metric", read_metric},
    {"a signed call", sign_call},
    {"a pool", make_pool},
};

static void try_all(void)
{
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
        cr_assert_gt(nth_failure_everywhere(tries[i].what, tries[i].attempt, NULL, 1, 1), 0, "%s",
                     tries[i].what);
}

Test(aws_failure, any_call_of_ours)
{
    try_all();
}

/* libxml2 tells a lack of memory to standard error, whatever its reader was told. */
static void be_quiet(void *self, const char *format, ...)
{
    (void)self;
    (void)format;
}

Test(aws_failure, any_request_of_the_xml_reader)
{
    xmlSetGenericErrorFunc(NULL, be_quiet);
    cr_assert_eq(xmlMemSetup(free, nth_malloc, nth_realloc, nth_strdup), 0);
    try_all();
}

Test(aws_failure, a_file_of_keys_that_cannot_be_read)
{
    char path[] = "/tmp/ebshift-profile-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    static const char text[] =
        "[night]\naws_access_key_id = AKIA1\naws_secret_access_key = s3\n[profile night]\n";
    cr_assert_eq(write(fd, text, sizeof(text) - 1), (ssize_t)(sizeof(text) - 1));
    (void)close(fd);
    int failures = nth_failure_everywhere("a profile", read_profile, path, 1, 1);
    (void)unlink(path);
    cr_assert_gt(failures, 0);
}

/* Known answers: the published signing suite, and requests of botocore with a frozen clock. */
#include "core/aws/sigv4.h"

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#define AT_MS INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define FORM  "application/x-www-form-urlencoded; charset=utf-8"
#define TOKEN "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"

static struct sigv4_scope scope_of(const char *region, const char *service)
{
    return (struct sigv4_scope){.access_key_id = "AKIDEXAMPLE",
                                .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                .region = region,
                                .service = service,
                                .at_ms = AT_MS};
}

/* One header-signed request; `extra` are signed headers besides Host and X-Amz-Date. */
struct signed_case {
    const char *why;
    const char *region;
    const char *service;
    const char *method;
    const char *host;
    const char *path;
    const char *query;
    struct http_header extra[4];
    const char *body;
    const char *payload; /* instead of the body's hash */
    const char *signed_names;
    const char *signature;
};

#define PLAIN "content-type;host;x-amz-date"

static const struct signed_case signed_cases[] = {
    {"suite: get-vanilla",
     "us-east-1",
     "service",
     "GET",
     "example.amazonaws.com",
     "/",
     "",
     {{NULL, NULL}},
     "",
     NULL,
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"suite: post-sts-header-before",
     "us-east-1",
     "service",
     "POST",
     "example.amazonaws.com",
     "/",
     "",
     {{"X-Amz-Security-Token",
       "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPf"
       "IeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7"
       "WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm"
       "8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="}},
     "",
     NULL,
     "host;x-amz-date;x-amz-security-token",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {"suite: post-x-www-form-urlencoded, sign_body",
     "us-east-1",
     "service",
     "POST",
     "example.amazonaws.com",
     "/",
     "",
     {{"Content-Type", "application/x-www-form-urlencoded"},
      {"Content-Length", "13"},
      {"X-Amz-Content-SHA256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"}},
     "Param1=value1",
     NULL,
     "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
     "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
    {"DescribeSnapshots",
     "us-west-2",
     "ec2",
     "POST",
     "ec2.us-west-2.amazonaws.com",
     "/",
     "",
     {{"Content-Type", FORM}},
     "Action=DescribeSnapshots&Version=2016-11-15&Filter.1.Name=tag%3Aop-id&Filter.1.Value.1=run+42"
     "&Owner.1=self",
     NULL,
     PLAIN,
     "ce3a16a04336a6e57cab9f670e687e5acb6b65a7e62722da0841bc311eab1437"},
    {"ModifySnapshotAttribute",
     "us-west-2",
     "ec2",
     "POST",
     "ec2.us-west-2.amazonaws.com",
     "/",
     "",
     {{"Content-Type", FORM}},
     "Action=ModifySnapshotAttribute&Version=2016-11-15&SnapshotId=snap-0123456789abcdef0"
     "&Attribute=createVolumePermission&CreateVolumePermission.Add.1.UserId=444455556666",
     NULL,
     PLAIN,
     "c6104ca7f0fa6e8ae71ebd647eac5712c28b3cbf6ce6fae3fc132c49de875f92"},
    {"EnableFastSnapshotRestores",
     "us-west-2",
     "ec2",
     "POST",
     "ec2.us-west-2.amazonaws.com",
     "/",
     "",
     {{"Content-Type", FORM}},
     "Action=EnableFastSnapshotRestores&Version=2016-11-15&AvailabilityZone.1=us-west-2a"
     "&AvailabilityZone.2=us-west-2b&SourceSnapshotId.1=snap-0123456789abcdef0",
     NULL,
     PLAIN,
     "57bb4fb22194150d1e3d22e733678107b293bcc18088e6749726af5262dc692b"},
    {"AssumeRole",
     "us-west-2",
     "sts",
     "POST",
     "sts.us-west-2.amazonaws.com",
     "/",
     "",
     {{"Content-Type", FORM}},
     "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2F"
     "Migrator&RoleSessionName=ebsched-1&ExternalId=x-42&DurationSeconds=3600",
     NULL,
     PLAIN,
     "50a0d0bf7763f3ca274c328910ebeb643ab2e7ccf29dbc81460ffa7520592c7a"},
    {"SSM SendCommand, x-amz-target signed last",
     "us-west-2",
     "ssm",
     "POST",
     "ssm.us-west-2.amazonaws.com",
     "/",
     "",
     {{"X-Amz-Target", "AmazonSSM.SendCommand"}, {"Content-Type", "application/x-amz-json-1.1"}},
     "{\"InstanceIds\": [\"i-0123456789abcdef0\"], \"DocumentName\": \"AWS-RunShellScript\", "
     "\"Parameters\": {\"commands\": [\"fsfreeze -f /pgdata\"]}, \"TimeoutSeconds\": 30}",
     NULL,
     PLAIN ";x-amz-target",
     "5d60ee87639d04b9fe1ea24c73f2791512fd6a6b6e86a35c88060d17a8b13251"},
    {"EBS ListChangedBlocks, token with + / =",
     "us-west-2",
     "ebs",
     "GET",
     "ebs.us-west-2.amazonaws.com",
     "/snapshots/snap-0123456789abcdef0/changedblocks",
     "firstSnapshotId=snap-0fedcba9876543210&maxResults=10000&pageToken=AAAB%2B%2F%3D",
     {{NULL, NULL}},
     "",
     NULL,
     "host;x-amz-date",
     "1cd0568f8eb0515b80906d536e61eb36ea11060851b16314cebc87ed2cf356a0"},
    {"EBS GetSnapshotBlock",
     "us-west-2",
     "ebs",
     "GET",
     "ebs.us-west-2.amazonaws.com",
     "/snapshots/snap-0123456789abcdef0/blocks/7",
     "blockToken=AAAB%2B%2F%3D",
     {{NULL, NULL}},
     "",
     NULL,
     "host;x-amz-date",
     "6f1695d2f0d1c7012b513ce2d0d636869a1d8ddd43c74b1101360235920d7f73"},
    {"EBS PutSnapshotBlock, unsigned payload",
     "us-west-2",
     "ebs",
     "PUT",
     "ebs.us-west-2.amazonaws.com",
     "/snapshots/snap-0123456789abcdef0/blocks/7",
     "",
     {{"x-amz-Data-Length", "524288"},
      {"x-amz-Checksum", "B4VNL+8pega6gWheZgwzLeNtXRjVRpJ9MNqtbX/aFUE="},
      {"x-amz-Checksum-Algorithm", "SHA256"},
      {"x-amz-content-sha256", "UNSIGNED-PAYLOAD"}},
     "",
     "UNSIGNED-PAYLOAD",
     "host;x-amz-checksum;x-amz-checksum-algorithm;x-amz-content-sha256;x-amz-data-length;"
     "x-amz-date",
     "5eeba7ef15f6a83cfe318ba2a69b893a4556274f4515cb6916bcb4c2124e3170"},
    {"EBS CompleteSnapshot",
     "us-west-2",
     "ebs",
     "POST",
     "ebs.us-west-2.amazonaws.com",
     "/snapshots/completion/snap-0123456789abcdef0",
     "",
     {{"x-amz-ChangedBlocksCount", "1"}},
     "",
     NULL,
     "host;x-amz-changedblockscount;x-amz-date",
     "cfffd7fc40929ec491c7c4abaf31ed01a514f0d8e6b001785296574b8a26582d"},
    {"EBS StartSnapshot",
     "us-west-2",
     "ebs",
     "POST",
     "ebs.us-west-2.amazonaws.com",
     "/snapshots",
     "",
     {{"Content-Type", "application/json"}},
     "{\"VolumeSize\": 8, \"ParentSnapshotId\": \"snap-0fedcba9876543210\", \"ClientToken\": "
     "\"tok\"}",
     NULL,
     PLAIN,
     "f386d707812bbf499bc49163385e43d76b16048a8e808274481925e5787634eb"},
    {"DescribeSnapshots with %20 and another order",
     "us-west-2",
     "ec2",
     "POST",
     "ec2.us-west-2.amazonaws.com",
     "/",
     "",
     {{"Content-Type", FORM}},
     "Action=DescribeSnapshots&Filter.1.Name=tag%3Aop-id&Filter.1.Value.1=run%2042&Owner.1=self"
     "&Version=2016-11-15",
     NULL,
     PLAIN,
     "d3f972afe285021f35fd729225ea0de0aa955a44658493123c9b06749f2d0149"},
    {"the same with a session token",
     "us-west-2",
     "ec2",
     "POST",
     "ec2.us-west-2.amazonaws.com",
     "/",
     "",
     {{"Content-Type", FORM}, {"X-Amz-Security-Token", "AQoDYXdzEPT//////////wEXAMPLE=="}},
     "Action=DescribeSnapshots&Filter.1.Name=tag%3Aop-id&Filter.1.Value.1=run%2042&Owner.1=self"
     "&Version=2016-11-15",
     NULL,
     PLAIN ";x-amz-security-token",
     "e0080ecaf64b50c0abf01546380351d1495e504b8ed3508660b16fb27b253b88"},
};
#define SIGNED_COUNT (sizeof(signed_cases) / sizeof(signed_cases[0]))

/* Rows are indexes: parameters must not hold pointers (Criterion runs each in a fresh process). */
ParameterizedTestParameters(sigv4, authorize)
{
    static int rows[SIGNED_COUNT];
    for (size_t i = 0; i < SIGNED_COUNT; i++)
        rows[i] = (int)i;
    return cr_make_param_array(int, rows, SIGNED_COUNT);
}

static size_t collect_headers(const struct signed_case *c, struct http_header headers[8])
{
    size_t count = 0;
    headers[count++] = (struct http_header){"X-Amz-Date", "20150830T123600Z"};
    for (size_t i = 0; i < 4 && c->extra[i].name != NULL; i++)
        headers[count++] = c->extra[i];
    headers[count++] = (struct http_header){"Host", c->host};
    return count;
}

ParameterizedTest(int *row, sigv4, authorize)
{
    const struct signed_case *c = &signed_cases[*row];
    CLEANUP_STRBUF struct strbuf got = {.max_bytes = 4096};
    CLEANUP_STRBUF struct strbuf want = {.max_bytes = 4096};
    struct http_header headers[8];
    unsigned char digest[DIGEST_BYTES];
    char hash[DIGEST_HEX_SIZE];
    struct error err = {0};

    cr_assert_eq(digest_sha256(c->body, strlen(c->body), digest, &err), ERR_NONE);
    digest_hex(digest, hash);
    struct sigv4_request request = {.method = c->method,
                                    .path = c->path,
                                    .query = c->query,
                                    .headers = headers,
                                    .header_count = collect_headers(c, headers),
                                    .payload_sha256 = c->payload == NULL ? hash : c->payload};
    struct sigv4_scope scope = scope_of(c->region, c->service);
    cr_assert_eq(sigv4_authorize(&scope, &request, &got, &err), ERR_NONE, "%s", err.message);

    strbuf_printf(&want,
                  "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/%s/%s/aws4_request, "
                  "SignedHeaders=%s, Signature=%s",
                  c->region, c->service, c->signed_names, c->signature);
    cr_assert_str_eq(strbuf_text(&got), strbuf_text(&want), "%s: %s", c->why, strbuf_text(&got));
}

static void expect_key(const char *region, const char *service, const char *want)
{
    struct sigv4_scope scope = scope_of(region, service);
    unsigned char key[DIGEST_BYTES];
    char hex[DIGEST_HEX_SIZE];
    struct error err = {0};
    cr_assert_eq(sigv4_key(&scope, key, &err), ERR_NONE);
    digest_hex(key, hex);
    cr_expect_str_eq(hex, want, "%s/%s", region, service);
}

Test(sigv4, key)
{
    expect_key("us-east-1", "service",
               "938127b5336810ddb6a5d6af445fcac9e371f9ed418ed386b022aed82901be75");
    expect_key("us-west-2", "ec2",
               "5c3d9777255f1c9995c39debf2ee4b02876c638cb1c8e679003fed0dd6c3d541");
}

Test(sigv4, canonical_hash)
{
    const struct http_header headers[] = {{"Host", "example.amazonaws.com"},
                                          {"X-Amz-Date", "20150830T123600Z"}};
    const struct sigv4_request request = {.method = "GET",
                                          .path = "/",
                                          .query = "",
                                          .headers = headers,
                                          .header_count = 2,
                                          .payload_sha256 = SIGV4_EMPTY_SHA256};
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 4096};
    unsigned char digest[DIGEST_BYTES];
    char hex[DIGEST_HEX_SIZE];
    struct error err = {0};
    cr_assert_eq(sigv4_canonical(&request, &text, &err), ERR_NONE);
    cr_assert_eq(digest_sha256(text.text, text.length, digest, &err), ERR_NONE);
    digest_hex(digest, hex);
    cr_expect_str_eq(hex, "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63");
}

/* Path and query of a canonical request, line 2 and 3. */
struct line_case {
    char why[40];
    char path[64];
    char query[64];
    char want[96];
};

ParameterizedTestParameters(sigv4, canonical_lines)
{
    static struct line_case cases[] = {
        {"empty path", "", "", "/\n\n"},
        {"dot segments", "/a/./b/../c", "", "/a/c\n\n"},
        {"leaving the root", "/../../x", "", "/x\n\n"},
        {"double slash", "//a//b/", "", "/a/b/\n\n"},
        {"ends with a dot segment", "/a/b/..", "", "/a/\n\n"},
        {"encoded once more", "/a%20b", "", "/a%2520b\n\n"},
        {"key is a prefix of another", "/", "a-b=1&a=2", "/\na=2&a-b=1\n"},
        {"equal keys by value", "/", "p=b&p=a&p=", "/\np=&p=a&p=b\n"},
        {"key without value", "/", "x", "/\nx=\n"},
        {"second equals sign", "/", "k=a=b", "/\nk=a%3Db\n"},
        {"lower-case escapes, space", "/", "k=%2f%e1%88%b4&j=~_-.", "/\nj=~_-.&k=%2F%E1%88%B4\n"},
        {"cut escape", "/", "k=%2", "/\nk=%252\n"},
        {"escape at the very end", "/", "k=%2F", "/\nk=%2F\n"},
        {"empty pairs", "/", "&&a=1&", "/\na=1\n"},
    };
    return cr_make_param_array(struct line_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct line_case *c, sigv4, canonical_lines)
{
    const struct http_header headers[] = {{"Host", "h"}};
    const struct sigv4_request request = {.method = "GET",
                                          .path = c->path,
                                          .query = c->query,
                                          .headers = headers,
                                          .header_count = 1,
                                          .payload_sha256 = "p"};
    CLEANUP_STRBUF struct strbuf got = {.max_bytes = 4096};
    CLEANUP_STRBUF struct strbuf want = {.max_bytes = 4096};
    struct error err = {0};
    strbuf_printf(&want, "GET\n%shost:h\n\nhost\np", c->want);
    cr_assert_eq(sigv4_canonical(&request, &got, &err), ERR_NONE);
    cr_assert_str_eq(strbuf_text(&got), strbuf_text(&want), "%s: %s", c->why, strbuf_text(&got));
}

Test(sigv4, canonical_headers_merge_and_sort)
{
    const struct http_header headers[] = {{"X-Amz-Date2", "2"},
                                          {"my-header", " a   b "},
                                          {"X-Amz-Date", "1"},
                                          {"My-Header", "\"c  d\""}};
    const struct sigv4_request request = {.method = "GET",
                                          .path = "/",
                                          .query = "",
                                          .headers = headers,
                                          .header_count = 4,
                                          .payload_sha256 = "p"};
    CLEANUP_STRBUF struct strbuf got = {.max_bytes = 4096};
    struct error err = {0};
    cr_assert_eq(sigv4_canonical(&request, &got, &err), ERR_NONE);
    cr_expect_str_eq(strbuf_text(&got), "GET\n/\n\nmy-header:a b,\"c d\"\nx-amz-date:1\n"
                                        "x-amz-date2:2\n\nmy-header;x-amz-date;x-amz-date2\np");
}

/* Presigned: query in, signature at the end. */
static void presign(const struct sigv4_scope *scope, const char *host, const char *query,
                    struct strbuf *out)
{
    const struct http_header headers[] = {{"Host", host}};
    const struct sigv4_request request = {.method = "GET",
                                          .path = "/",
                                          .query = query,
                                          .headers = headers,
                                          .header_count = 1,
                                          .payload_sha256 = SIGV4_EMPTY_SHA256};
    struct error err = {0};
    cr_assert_eq(sigv4_presign(scope, &request, 3600, out, &err), ERR_NONE, "%s", err.message);
}

Test(sigv4, presign_suite)
{
    CLEANUP_STRBUF struct strbuf got = {.max_bytes = 4096};
    struct sigv4_scope scope = scope_of("us-east-1", "service");
    presign(&scope, "example.amazonaws.com", "", &got);
    cr_expect_not_null(strstr(
        strbuf_text(&got),
        "&X-Amz-Signature=e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d"));
}

Test(sigv4, presign_suite_with_token)
{
    CLEANUP_STRBUF struct strbuf got = {.max_bytes = 4096};
    struct sigv4_scope scope = scope_of("us-east-1", "service");
    scope.session_token = TOKEN;
    presign(&scope, "example.amazonaws.com", "", &got);
    cr_expect_not_null(strstr(strbuf_text(&got), "&X-Amz-Security-Token=" TOKEN));
    cr_expect_not_null(strstr(
        strbuf_text(&got),
        "&X-Amz-Signature=7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c"));
}

#define COPY_QUERY                                                                                 \
    "Action=CopySnapshot&Description=nightly%20copy&DestinationRegion=eu-central-1&Encrypted=true" \
    "&KmsKeyId=arn%3Aaws%3Akms%3Aeu-central-1%3A111122223333%3Akey%2F1234abcd-12ab-34cd-56ef-"     \
    "1234567890ab&SourceRegion=us-west-2&SourceSnapshotId=snap-0123456789abcdef0"                  \
    "&TagSpecification.1.ResourceType=snapshot&TagSpecification.1.Tag.1.Key=op-id"                 \
    "&TagSpecification.1.Tag.1.Value=run-42&Version=2016-11-15"

Test(sigv4, presign_copy_snapshot)
{
    CLEANUP_STRBUF struct strbuf got = {.max_bytes = 4096};
    struct sigv4_scope scope = scope_of("us-west-2", "ec2");
    presign(&scope, "ec2.us-west-2.amazonaws.com", COPY_QUERY, &got);
    cr_expect_str_eq(
        strbuf_text(&got), COPY_QUERY
        "&X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-west-2%2Fec2%2Faws4_request"
        "&X-Amz-Date=20150830T123600Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=398014a3a34c72195aff6bb678bf10e13dce8f8ab23f2d6a67ecf3717de18605");
}

Test(sigv4, date)
{
    char date[SIGV4_DATE_SIZE];
    sigv4_date(AT_MS, date);
    cr_expect_str_eq(date, "20150830T123600Z");
    sigv4_date(INT64_C(1709208000123), date);
    cr_expect_str_eq(date, "20240229T120000Z");
}

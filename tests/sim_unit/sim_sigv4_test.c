#include "tests/sim/sim_sigv4.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* The credentials of AWS's own signature test suite. */
#define KEY_ID "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define STAMP  "20150830T123600Z"

#define FORM "application/x-www-form-urlencoded; charset=utf-8"
#define EC2  "ec2.us-west-2.amazonaws.com"

/* Requests as botocore 1.43 sent them, with the signatures it computed (two are marked as computed
 * by an independent implementation). */
static const struct sent {
    const char *why;
    const char *method;
    const char *path;
    const char *query;
    const char *service;
    const char *headers; /* "name: value" lines besides host and x-amz-date */
    const char *host;
    const char *signed_headers;
    const char *body;
    const char *signature;
} sent[] = {
    {"EC2 DescribeSnapshots", "POST", "/", "", "ec2", "Content-Type: " FORM "\n", EC2,
     "content-type;host;x-amz-date",
     "Action=DescribeSnapshots&Version=2016-11-15&Filter.1.Name=tag%3Aop-id&Filter.1.Value.1=run+42"
     "&Owner.1=self",
     "ce3a16a04336a6e57cab9f670e687e5acb6b65a7e62722da0841bc311eab1437"},
    {"EC2 ModifySnapshotAttribute", "POST", "/", "", "ec2", "Content-Type: " FORM "\n", EC2,
     "content-type;host;x-amz-date",
     "Action=ModifySnapshotAttribute&Version=2016-11-15&SnapshotId=snap-0123456789abcdef0&Attribute="
     "createVolumePermission&CreateVolumePermission.Add.1.UserId=444455556666",
     "c6104ca7f0fa6e8ae71ebd647eac5712c28b3cbf6ce6fae3fc132c49de875f92"},
    {"STS AssumeRole", "POST", "/", "", "sts", "Content-Type: " FORM "\n",
     "sts.us-west-2.amazonaws.com", "content-type;host;x-amz-date",
     "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2F"
     "Migrator&RoleSessionName=ebsched-1&ExternalId=x-42&DurationSeconds=3600",
     "50a0d0bf7763f3ca274c328910ebeb643ab2e7ccf29dbc81460ffa7520592c7a"},
    {"EBS ListChangedBlocks", "GET", "/snapshots/snap-0123456789abcdef0/changedblocks",
     "firstSnapshotId=snap-0fedcba9876543210&maxResults=10000&pageToken=AAAB%2B%2F%3D", "ebs", "",
     "ebs.us-west-2.amazonaws.com", "host;x-amz-date", "",
     "1cd0568f8eb0515b80906d536e61eb36ea11060851b16314cebc87ed2cf356a0"},
    {"EBS GetSnapshotBlock", "GET", "/snapshots/snap-0123456789abcdef0/blocks/7",
     "blockToken=AAAB%2B%2F%3D", "ebs", "", "ebs.us-west-2.amazonaws.com", "host;x-amz-date", "",
     "6f1695d2f0d1c7012b513ce2d0d636869a1d8ddd43c74b1101360235920d7f73"},
    {"EBS CompleteSnapshot, another x-amz header", "POST",
     "/snapshots/completion/snap-0123456789abcdef0", "", "ebs", "x-amz-ChangedBlocksCount: 1\n",
     "ebs.us-west-2.amazonaws.com", "host;x-amz-changedblockscount;x-amz-date", "",
     "cfffd7fc40929ec491c7c4abaf31ed01a514f0d8e6b001785296574b8a26582d"},
    {"SSM SendCommand, JSON body", "POST", "/", "", "ssm",
     "Content-Type: application/x-amz-json-1.1\nX-Amz-Target: AmazonSSM.SendCommand\n",
     "ssm.us-west-2.amazonaws.com", "content-type;host;x-amz-date;x-amz-target",
     "{\"InstanceIds\": [\"i-0123456789abcdef0\"], \"DocumentName\": \"AWS-RunShellScript\", "
     "\"Parameters\": {\"commands\": [\"fsfreeze -f /pgdata\"]}, \"TimeoutSeconds\": 30}",
     "5d60ee87639d04b9fe1ea24c73f2791512fd6a6b6e86a35c88060d17a8b13251"},
    {"%20 in the body (independent)", "POST", "/", "", "ec2", "Content-Type: " FORM "\n", EC2,
     "content-type;host;x-amz-date",
     "Action=DescribeSnapshots&Filter.1.Name=tag%3Aop-id&Filter.1.Value.1=run%2042&Owner.1=self&"
     "Version=2016-11-15",
     "d3f972afe285021f35fd729225ea0de0aa955a44658493123c9b06749f2d0149"},
    {"with a session token (independent)", "POST", "/", "", "ec2",
     "Content-Type: " FORM "\nX-Amz-Security-Token: AQoDYXdzEPT//////////wEXAMPLE==\n", EC2,
     "content-type;host;x-amz-date;x-amz-security-token",
     "Action=DescribeSnapshots&Filter.1.Name=tag%3Aop-id&Filter.1.Value.1=run%2042&Owner.1=self&"
     "Version=2016-11-15",
     "e0080ecaf64b50c0abf01546380351d1495e504b8ed3508660b16fb27b253b88"},
};

/* A request with the memory its headers live in. */
struct built {
    struct sim_request request;
    char text[1024];
    char authorization[512];
};

static void add_header(struct sim_request *request, const char *name, const char *value)
{
    request->headers[request->header_count++] = (struct sim_header){name, value};
}

static void build(const struct sent *row, struct built *built)
{
    struct sim_request *request = &built->request;
    char *rest = built->text;
    *built = (struct built){.request = {.method = row->method,
                                        .path = row->path,
                                        .query = row->query,
                                        .body = row->body,
                                        .body_bytes = strlen(row->body)}};
    snprintf(built->text, sizeof(built->text), "%s", row->headers);
    snprintf(built->authorization, sizeof(built->authorization),
             "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150830/us-west-2/%s/aws4_request, "
             "SignedHeaders=%s, Signature=%s",
             row->service, row->signed_headers, row->signature);
    while (*rest != '\0') {
        char *line = strsep(&rest, "\n");
        char *value = strstr(line, ": ");
        *value = '\0';
        add_header(request, line, value + 2);
    }
    add_header(request, "Host", row->host);
    add_header(request, "X-Amz-Date", STAMP);
    add_header(request, "Authorization", built->authorization);
}

ParameterizedTestParameters(sigv4, known_answer)
{
    static size_t rows[sizeof(sent) / sizeof(sent[0])];
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(size_t *index, sigv4, known_answer)
{
    const struct sent *row = &sent[*index];
    struct built built;
    struct sim_claim claim;
    build(row, &built);

    cr_assert_eq(sim_claim_read(&built.request, &claim), SIM_CLAIM_OK, "%s", row->why);
    cr_expect_str_eq(claim.key_id, KEY_ID);
    cr_expect_str_eq(claim.region, "us-west-2");
    cr_expect_str_eq(claim.service, row->service);
    cr_expect_eq(claim.signed_ms, INT64_C(1440938160000));
    cr_expect_eq(sim_claim_verify(&built.request, &claim, SECRET), SIM_CLAIM_OK, "%s", row->why);
}

ParameterizedTestParameters(sigv4, any_change_is_found)
{
    static size_t rows[sizeof(sent) / sizeof(sent[0])];
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(size_t *index, sigv4, any_change_is_found)
{
    const struct sent *row = &sent[*index];
    struct built built;
    struct sim_claim claim;
    build(row, &built);
    cr_assert_eq(sim_claim_read(&built.request, &claim), SIM_CLAIM_OK);

    cr_expect_eq(sim_claim_verify(&built.request, &claim, SECRET "x"), SIM_CLAIM_SIGNATURE);
    struct sim_request changed = built.request;
    changed.body = "other";
    changed.body_bytes = 5;
    cr_expect_eq(sim_claim_verify(&changed, &claim, SECRET), SIM_CLAIM_SIGNATURE, "body");
    changed = built.request;
    changed.query = "maxResults=1";
    cr_expect_eq(sim_claim_verify(&changed, &claim, SECRET), SIM_CLAIM_SIGNATURE, "query");
    changed = built.request;
    changed.path = "/other";
    cr_expect_eq(sim_claim_verify(&changed, &claim, SECRET), SIM_CLAIM_SIGNATURE, "path");
    snprintf(claim.region, sizeof(claim.region), "us-east-1");
    cr_expect_eq(sim_claim_verify(&built.request, &claim, SECRET), SIM_CLAIM_SIGNATURE, "region");
}

/* The URL botocore puts into CopySnapshot, signed for the source region. */
static const char copy_url[] =
    "https://ec2.us-west-2.amazonaws.com/?Action=CopySnapshot&Description=nightly%20copy&"
    "DestinationRegion=eu-central-1&Encrypted=true&KmsKeyId=arn%3Aaws%3Akms%3Aeu-central-1%3A"
    "111122223333%3Akey%2F1234abcd-12ab-34cd-56ef-1234567890ab&SourceRegion=us-west-2&"
    "SourceSnapshotId=snap-0123456789abcdef0&TagSpecification.1.ResourceType=snapshot&"
    "TagSpecification.1.Tag.1.Key=op-id&TagSpecification.1.Tag.1.Value=run-42&Version=2016-11-15&"
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-west-2%2Fec2%2F"
    "aws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&"
    "X-Amz-Signature=398014a3a34c72195aff6bb678bf10e13dce8f8ab23f2d6a67ecf3717de18605";

Test(sigv4, presigned_copy)
{
    CLEANUP_STRBUF struct strbuf parts = {.max_bytes = 4096};
    struct sim_request request;
    struct sim_claim claim;
    struct error err;

    cr_assert_eq(sim_request_from_url(copy_url, &parts, &request, &err), ERR_NONE);
    cr_assert_eq(sim_claim_read(&request, &claim), SIM_CLAIM_OK);
    cr_expect(claim.presigned);
    cr_expect_eq(claim.expires_s, 3600);
    cr_expect_eq(sim_claim_verify(&request, &claim, SECRET), SIM_CLAIM_OK);
}

Test(sigv4, presigned_parameters_may_come_in_any_order)
{
    CLEANUP_STRBUF struct strbuf parts = {.max_bytes = 4096};
    char url[2048];
    struct sim_request request;
    struct sim_claim claim;
    struct error err;
    /* The same query, rotated: everything up to Description last. */
    const char *description = strstr(copy_url, "Description");
    snprintf(url, sizeof(url), "https://ec2.us-west-2.amazonaws.com/?%s&Action=CopySnapshot",
             description);

    cr_assert_eq(sim_request_from_url(url, &parts, &request, &err), ERR_NONE);
    cr_assert_eq(sim_claim_read(&request, &claim), SIM_CLAIM_OK);
    cr_expect_eq(sim_claim_verify(&request, &claim, SECRET), SIM_CLAIM_OK);
}

/* Value of the signature suite: GET / of example.amazonaws.com, service "service". */
Test(sigv4, presigned_without_parameters)
{
    static const char url[] =
        "https://example.amazonaws.com/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
        "AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z&"
        "X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d";
    CLEANUP_STRBUF struct strbuf parts = {.max_bytes = 4096};
    struct sim_request request;
    struct sim_claim claim;
    struct error err;

    cr_assert_eq(sim_request_from_url(url, &parts, &request, &err), ERR_NONE);
    cr_assert_eq(sim_claim_read(&request, &claim), SIM_CLAIM_OK);
    cr_expect_eq(sim_claim_verify(&request, &claim, SECRET), SIM_CLAIM_OK);
}

Test(sigv4, unsigned_amz_header_is_refused)
{
    struct built built;
    struct sim_claim claim;
    build(&sent[0], &built);
    add_header(&built.request, "x-amz-target", "Other.Action");
    cr_expect_eq(sim_claim_read(&built.request, &claim), SIM_CLAIM_UNSIGNED);
}

/* The hash that is sent is signed as it stands, so it has to be compared with the body apart. */
Test(sigv4, false_payload_hash_is_refused)
{
    struct built built;
    struct sim_claim claim;
    struct sent row = sent[0];
    char headers[256];
    snprintf(headers, sizeof(headers), "Content-Type: " FORM "\nX-Amz-Content-Sha256: %064d\n", 0);
    row.headers = headers;
    row.signed_headers = "content-type;host;x-amz-content-sha256;x-amz-date";
    build(&row, &built);
    cr_assert_eq(sim_claim_read(&built.request, &claim), SIM_CLAIM_OK);
    cr_expect_eq(sim_claim_verify(&built.request, &claim, SECRET), SIM_CLAIM_PAYLOAD);
}

struct broken_case {
    char why[32];
    char authorization[200];
    enum sim_claim_fault want;
};

ParameterizedTestParameters(sigv4, broken_authorization)
{
    static struct broken_case cases[] = {
        {"another algorithm", "Basic dXNlcjpwYXNz", SIM_CLAIM_INCOMPLETE},
        {"no signature",
         "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150830/us-west-2/ec2/aws4_request, "
         "SignedHeaders=host;x-amz-date",
         SIM_CLAIM_INCOMPLETE},
        {"scope too short",
         "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150830/us-west-2/ec2, "
         "SignedHeaders=host;x-amz-date, Signature=00",
         SIM_CLAIM_INCOMPLETE},
        {"another day than the stamp",
         "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150831/us-west-2/ec2/aws4_request, "
         "SignedHeaders=host;x-amz-date, Signature=00",
         SIM_CLAIM_INCOMPLETE},
        {"host not signed",
         "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150830/us-west-2/ec2/aws4_request, "
         "SignedHeaders=x-amz-date, Signature=00",
         SIM_CLAIM_UNSIGNED},
    };
    return cr_make_param_array(struct broken_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct broken_case *c, sigv4, broken_authorization)
{
    struct sim_request request = {.method = "GET", .path = "/", .query = "", .body = ""};
    struct sim_claim claim;
    add_header(&request, "Host", "h");
    add_header(&request, "X-Amz-Date", STAMP);
    add_header(&request, "Authorization", c->authorization);
    cr_expect_eq(sim_claim_read(&request, &claim), c->want, "%s", c->why);
}

Test(sigv4, no_signature_at_all)
{
    struct sim_request request = {.method = "GET", .path = "/", .query = "", .body = ""};
    struct sim_claim claim;
    add_header(&request, "Host", "h");
    cr_expect_eq(sim_claim_read(&request, &claim), SIM_CLAIM_MISSING);
}

#include "tests/sim/sim_door.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* A world in memory and one caller; actions run without HTTP and without a signature. */
struct bench {
    int64_t now_ms;
    struct world *world;
    struct sim_reply reply;
    struct refusal refusal;
};

static int64_t now_of(void *self)
{
    const struct bench *bench = self;
    return bench->now_ms;
}

static void bench_init(struct bench *bench)
{
    struct error err = {0};
    *bench = (struct bench){.now_ms = INT64_C(1790000000123)};
    struct world_options options = {.seed = 7, .time = {.now_ms = now_of, .self = bench}};
    cr_assert_eq(world_open(&bench->world, &options, &err), ERR_NONE, "%s", err.message);
}

static void bench_done(struct bench *bench)
{
    sim_reply_done(&bench->reply);
    world_close(bench->world);
}
#define CLEANUP_BENCH CLEANUP(bench_done)

/* Runs one EC2 call in us-east-1 as account A. The answer stays in bench->reply or, when this
 * returns false, the reason in bench->refusal. Each call gets the buckets refilled. */
static bool run(struct bench *bench, const char *parameters)
{
    CLEANUP_STRBUF struct strbuf body = {.max_bytes = 65536};
    struct world_names names;
    bench->now_ms += 20000;
    world_advance(bench->world);
    world_names(bench->world, &names);
    strbuf_printf(&body, "Version=2016-11-15&%s", parameters);
    struct sim_request request = {.method = "POST",
                                  .path = "/",
                                  .query = "",
                                  .body = strbuf_text(&body),
                                  .body_bytes = body.length};
    sim_reply_done(&bench->reply);
    bench->reply = (struct sim_reply){.body = {.max_bytes = (size_t)1024 * 1024}};
    struct sim_call call = {.world = bench->world,
                            .service = "ec2",
                            .request = &request,
                            .who = names.key_a,
                            .caller = {"111122223333", "us-east-1", ""},
                            .now_ms = bench->now_ms,
                            .reply = &bench->reply,
                            .out = &bench->reply.body};
    bool done = sim_ec2_service.run(&call);
    bench->refusal = call.refusal;
    sim_query_done(&call.query);
    return done;
}

static void must_run(struct bench *bench, const char *parameters)
{
    cr_assert(run(bench, parameters), "%s: %s %s", parameters, bench->refusal.code,
              bench->refusal.message);
}

/* How often a text occurs in the answer. */
static int count(const struct bench *bench, const char *text)
{
    int found = 0;
    const char *at = strbuf_text(&bench->reply.body);
    for (; (at = strstr(at, text)) != NULL; at += strlen(text))
        found++;
    return found;
}

/* Copies what stands in the first element of that name; "" if there is none. */
static void element(const struct bench *bench, const char *name, char *text, size_t size)
{
    char open[64];
    snprintf(open, sizeof(open), "<%s>", name);
    const char *at = strstr(strbuf_text(&bench->reply.body), open);
    size_t length = at == NULL ? 0 : strcspn(at + strlen(open), "<");
    cr_assert_lt(length, size);
    if (at != NULL)
        memcpy(text, at + strlen(open), length);
    text[length] = '\0';
}

/* Volumes of 1 to `n` GiB, tagged n=1 and so on. */
static void make_volumes(struct bench *bench, int n)
{
    char parameters[256];
    for (int i = 1; i <= n; i++) {
        snprintf(parameters, sizeof(parameters),
                 "Action=CreateVolume&Size=%d&AvailabilityZone=us-east-1a&"
                 "TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=n&"
                 "TagSpecification.1.Tag.1.Value=%d",
                 i, i);
        must_run(bench, parameters);
    }
}

struct filter_case {
    char why[40];
    char filters[160];
    int want; /* of the twelve volumes of 1 to 12 GiB, tagged n=1 to n=12 */
};

ParameterizedTestParameters(door, filters)
{
    static struct filter_case cases[] = {
        {"one value", "Filter.1.Name=size&Filter.1.Value.1=3", 1},
        {"values are alternatives",
         "Filter.1.Name=size&Filter.1.Value.1=3&Filter.1.Value.2=5&Filter.1.Value.3=99", 2},
        {"names all hold",
         "Filter.1.Name=size&Filter.1.Value.1=3&Filter.2.Name=tag%3An&Filter.2.Value.1=4", 0},
        {"a star", "Filter.1.Name=tag%3An&Filter.1.Value.1=1*", 4},
        {"a question mark", "Filter.1.Name=tag%3An&Filter.1.Value.1=1%3F", 3},
        {"tag-key", "Filter.1.Name=tag-key&Filter.1.Value.1=n", 12},
        {"a tag nothing has", "Filter.1.Name=tag%3Am&Filter.1.Value.1=*", 0},
        {"zone and no snapshot",
         "Filter.1.Name=availability-zone&Filter.1.Value.1=us-east-1a&Filter.2.Name=tag-key&"
         "Filter.2.Value.1=n",
         12},
        {"not attached",
         "Filter.1.Name=attachment.status&Filter.1.Value.1=attached&"
         "Filter.2.Name=tag-key&Filter.2.Value.1=n",
         0},
    };
    return cr_make_param_array(struct filter_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct filter_case *c, door, filters)
{
    CLEANUP_BENCH struct bench bench;
    char parameters[256];
    bench_init(&bench);
    make_volumes(&bench, 12);
    snprintf(parameters, sizeof(parameters), "Action=DescribeVolumes&%s", c->filters);
    must_run(&bench, parameters);
    cr_expect_eq(count(&bench, "<multiAttachEnabled>"), c->want, "%s: %s", c->why,
                 strbuf_text(&bench.reply.body));
}

Test(door, pages_show_everything_once)
{
    CLEANUP_BENCH struct bench bench;
    char parameters[512];
    char token[256] = "";
    int pages = 0;
    int volumes = 0;
    bench_init(&bench);
    make_volumes(&bench, 12);
    do {
        snprintf(parameters, sizeof(parameters),
                 "Action=DescribeVolumes&Filter.1.Name=tag-key&Filter.1.Value.1=n&MaxResults=5%s",
                 token);
        must_run(&bench, parameters);
        volumes += count(&bench, "<multiAttachEnabled>");
        char next[200];
        element(&bench, "nextToken", next, sizeof(next));
        CLEANUP_STRBUF struct strbuf encoded = {.max_bytes = 1000};
        for (const char *c = next; *c != '\0'; c++)
            strbuf_printf(&encoded, "%%%02X", (unsigned)(unsigned char)*c);
        snprintf(token, sizeof(token), "%s%.240s",
                 next[0] == '\0' ? "" : "&NextToken=", strbuf_text(&encoded));
        pages++;
    } while (token[0] != '\0' && pages < 9);
    cr_expect_eq(pages, 3);
    cr_expect_eq(volumes, 12);
}

struct refused_case {
    char code[40];
    char parameters[200];
};

ParameterizedTestParameters(door, refuses)
{
    static struct refused_case cases[] = {
        {"MissingAction", "Owner.1=self"},
        {"InvalidAction", "Action=DescribeEverything"},
        {"MissingParameter", "Action=CreateSnapshot"},
        {"InvalidVolumeID.Malformed", "Action=CreateSnapshot&VolumeId=vol-xyz"},
        {"InvalidParameterValue", "Action=CreateSnapshot&VolumeId=snap-0123456789abcdef0"},
        {"InvalidVolume.NotFound", "Action=CreateSnapshot&VolumeId=vol-0123456789abcdef0"},
        {"InvalidSnapshot.NotFound", "Action=DeleteSnapshot&SnapshotId=snap-0123456789abcdef0"},
        {"InvalidInstanceID.Malformed", "Action=DescribeInstances&InstanceId.1=vol-01234567"},
        {"UnknownParameter", "Action=DescribeSnapshots&Owners.1=self"},
        {"InvalidParameterValue", "Action=DescribeSnapshots&MaxResults=4"},
        {"InvalidParameterValue", "Action=DescribeSnapshots&MaxResults=many"},
        {"InvalidNextToken", "Action=DescribeSnapshots&MaxResults=5&NextToken=AAAA"},
        {"InvalidParameterValue",
         "Action=DescribeSnapshots&Filter.1.Name=color&Filter.1.Value.1=red"},
        {"InvalidParameterValue", "Action=DescribeSnapshots&Filter.1.Name=status"},
        {"MissingParameter", "Action=CreateVolume&AvailabilityZone=us-east-1a"},
        {"MissingParameter", "Action=CreateVolume&Size=1"},
        {"InvalidParameterCombination", "Action=CreateVolume&Size=1&AvailabilityZone=us-east-1a&"
                                        "AvailabilityZoneId=use1-az1"},
        {"InvalidZone.NotFound", "Action=CreateVolume&Size=1&AvailabilityZone=eu-west-1a"},
        {"InvalidParameterValue", "Action=CreateVolume&Size=0&AvailabilityZone=us-east-1a"},
        {"InvalidParameterValue", "Action=CreateVolume&Size=1&AvailabilityZone=us-east-1a&"
                                  "TagSpecification.1.ResourceType=snapshot&"
                                  "TagSpecification.1.Tag.1.Key=a"},
        {"InvalidParameterValue", "Action=CreateVolume&Size=1&AvailabilityZone=us-east-1a&"
                                  "TagSpecification.1.ResourceType=volume&"
                                  "TagSpecification.1.Tag.1.Key=aws%3Aa"},
        {"DryRunOperation", "Action=CreateVolume&Size=1&AvailabilityZone=us-east-1a&DryRun=true"},
        {"InvalidParameterValue", "Action=DescribeRegions&RegionName.1=mars-1"},
        {"InvalidID", "Action=CreateTags&ResourceId.1=ami-1&Tag.1.Key=a&Tag.1.Value=b"},
        {"InvalidParameterValue", "Action=CopySnapshot&SourceRegion=mars-1&"
                                  "SourceSnapshotId=snap-0123456789abcdef0"},
    };
    return cr_make_param_array(struct refused_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct refused_case *c, door, refuses)
{
    CLEANUP_BENCH struct bench bench;
    bench_init(&bench);
    cr_assert_not(run(&bench, c->parameters), "%s", c->parameters);
    cr_expect_str_eq(bench.refusal.code, c->code, "%s: %s", c->parameters, bench.refusal.message);
}

Test(door, dry_run_changes_nothing)
{
    CLEANUP_BENCH struct bench bench;
    bench_init(&bench);
    cr_assert_not(
        run(&bench, "Action=CreateVolume&Size=77&AvailabilityZone=us-east-1a&DryRun=true"));
    must_run(&bench, "Action=DescribeVolumes&Filter.1.Name=size&Filter.1.Value.1=77");
    cr_expect_eq(count(&bench, "<volumeId>"), 0);
}

/* The service's own check of the tag limit: fifty, whoever set them. */
Test(door, fifty_tags_are_the_limit)
{
    CLEANUP_BENCH struct bench bench;
    char id[32];
    char parameters[160];
    bench_init(&bench);
    make_volumes(&bench, 1);
    element(&bench, "volumeId", id, sizeof(id));
    for (int i = 2; i <= 50; i++) {
        snprintf(parameters, sizeof(parameters),
                 "Action=CreateTags&ResourceId.1=%s&Tag.1.Key=k%d&Tag.1.Value=", id, i);
        must_run(&bench, parameters);
    }
    snprintf(parameters, sizeof(parameters),
             "Action=CreateTags&ResourceId.1=%s&Tag.1.Key=k51&Tag.1.Value=", id);
    cr_assert_not(run(&bench, parameters));
    cr_expect_str_eq(bench.refusal.code, "TagLimitExceeded");
}

struct status_case {
    char code[40];
    unsigned status;
};

ParameterizedTestParameters(door, status)
{
    static struct status_case cases[] = {
        {"InvalidVolume.NotFound", 400}, {"AuthFailure", 401},
        {"UnauthorizedOperation", 403},  {"ResourceNotFoundException", 404},
        {"DryRunOperation", 412},        {"InternalError", 500},
        {"RequestLimitExceeded", 503},
    };
    return cr_make_param_array(struct status_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct status_case *c, door, status)
{
    cr_expect_eq(sim_status_of(c->code), c->status, "%s", c->code);
}

/* Through the front: what is not signed is refused in the shape of the service its path names. */
Test(door, unsigned_requests_are_refused)
{
    CLEANUP_BENCH struct bench bench;
    bench_init(&bench);
    struct clock real = {.now_ms = now_of, .self = &bench};
    struct sim_door door = {.world = bench.world, .real = &real};
    struct sim_request request = {.method = "GET", .path = "/", .query = "", .body = ""};

    bench.reply = (struct sim_reply){.body = {.max_bytes = 4096}};
    sim_door_answer(&door, &request, &bench.reply);
    cr_expect_eq(bench.reply.status, 403);
    cr_expect_eq(count(&bench, "<Code>MissingAuthenticationToken</Code>"), 1);
    sim_reply_done(&bench.reply);
    request.path = "/snapshots/snap-0123456789abcdef0/blocks";
    bench.reply = (struct sim_reply){.body = {.max_bytes = 4096}};
    sim_door_answer(&door, &request, &bench.reply);
    cr_expect_eq(bench.reply.status, 403);
    cr_expect_str_eq(bench.reply.headers[0].name, "Date");
    cr_expect_eq(count(&bench, "{\"Message\":"), 1);
}

/* answer_flow.c: answers with status 200 that are not what was asked for, against a scripted server:
 * none may pass for an empty list, end without an end, or make a second of what a call creates. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/aws/cloudwatch.h"
#include "core/aws/ebs_direct.h"
#include "core/aws/ec2_change.h"
#include "core/aws/ec2_list.h"
#include "core/aws/ssm.h"
#include "core/aws/sts.h"
#include "tests/core/aws/scripted_server.h"

#define PAGE           "<html xmlns=\"http://www.w3.org/1999/xhtml\"><body>Log in!</body></html>"
#define LIST(inside)   "<DescribeSnapshotsResponse>" inside "</DescribeSnapshotsResponse>"
#define ITEM(id)       "<item><snapshotId>" id "</snapshotId><volumeId>vol-0aaa</volumeId></item>"
#define BLOCKS(inside) "{\"BlockSize\": 524288, " inside "}"

enum call { LIST_SNAPSHOTS, COPY, DELETE, METRIC, BLOCK_LIST, COMMAND, IDENTITY };

#define SENT "{\"Command\": {\"CommandId\": \"c-1\", \"Status\": \"Pending\"}}"
#define ENDED(what)                                                                                \
    "{\"Status\": \"" what "\", \"StatusDetails\": \"" what "\", \"ResponseCode\": -1}"
#define SAID(text)                                                                                 \
    "{\"Status\": \"Success\", \"StatusDetails\": \"Success\", \"StandardOutputContent\": \"" text \
    "\"}"

struct scenario {
    const char *name;
    enum call call;
    struct step steps[MAX_STEPS];
    enum error_code want;
    int want_requests;
    int want_found; /* snapshots, points or blocks */
};

static const struct scenario scenarios[] = {
    {"empty list", LIST_SNAPSHOTS, {{OK200, LIST("<snapshotSet/>"), 0}}, ERR_NONE, 1, 0},
    {"unknown elements, another order, optional ones missing",
     LIST_SNAPSHOTS,
     {{OK200,
       LIST(
           "<new><snapshotSet>x</snapshotSet></new><snapshotSet><item><volumeId>vol-0aaa</volumeId>"
           "<soon a=\"b\"><id>1</id></soon><snapshotId>snap-01</snapshotId></item></snapshotSet>"
           "<requestId>r</requestId>"),
       0}},
     ERR_NONE,
     1,
     1},
    {"empty page with a token, then more",
     LIST_SNAPSHOTS,
     {{OK200, LIST("<snapshotSet/><nextToken>t1</nextToken>"), 0},
      {OK200, LIST("<nextToken>t2</nextToken><snapshotSet>" ITEM("snap-01") "</snapshotSet>"), 0},
      {OK200, LIST("<snapshotSet>" ITEM("snap-02") "</snapshotSet><nextToken/>"), 0}},
     ERR_NONE,
     3,
     2},
    {"the same token twice",
     LIST_SNAPSHOTS,
     {{OK200, LIST("<snapshotSet/><nextToken>t1</nextToken>"), 0},
      {OK200, LIST("<snapshotSet>" ITEM("snap-01") "</snapshotSet><nextToken>t1</nextToken>"), 0}},
     ERR_PROTOCOL,
     2,
     0},
    {"a page that tells again what the one before told",
     LIST_SNAPSHOTS,
     {{OK200,
       LIST("<snapshotSet>" ITEM("snap-02")
                ITEM("snap-01") "</snapshotSet><nextToken>t</nextToken>"),
       0},
      {OK200, LIST("<snapshotSet>" ITEM("snap-01") ITEM("snap-03") "</snapshotSet>"), 0}},
     ERR_NONE,
     2,
     3},
    {"nothing at all", LIST_SNAPSHOTS, {{OK200, "", 0}}, ERR_PROTOCOL, 1, 0},
    {"a well-formed page", LIST_SNAPSHOTS, {{OK200, PAGE, 0}}, ERR_PROTOCOL, 1, 0},
    {"JSON", LIST_SNAPSHOTS, {{OK200, "{\"snapshotSet\": []}", 0}}, ERR_PROTOCOL, 1, 0},
    {"cut off", LIST_SNAPSHOTS, {{OK200, "<DescribeSnapshotsResponse><sn", 0}}, ERR_PROTOCOL, 1, 0},
    {"no list in it",
     LIST_SNAPSHOTS,
     {{OK200, LIST("<requestId>r</requestId>"), 0}},
     ERR_PROTOCOL,
     1,
     0},
    {"answer to something else",
     LIST_SNAPSHOTS,
     {{OK200, "<DescribeVolumesResponse><snapshotSet/></DescribeVolumesResponse>", 0}},
     ERR_PROTOCOL,
     1,
     0},
    {"a snapshot without its id",
     LIST_SNAPSHOTS,
     {{OK200, LIST("<snapshotSet><item><volumeId>v</volumeId></item></snapshotSet>"), 0}},
     ERR_PROTOCOL,
     1,
     0},
    {"copy: nothing at all", COPY, {{OK200, "", 0}}, ERR_AMBIGUOUS, 1, 0},
    {"copy: a well-formed page", COPY, {{OK200, PAGE, 0}}, ERR_AMBIGUOUS, 1, 0},
    {"copy: no id",
     COPY,
     {{OK200, "<CopySnapshotResponse><requestId>r</requestId></CopySnapshotResponse>", 0}},
     ERR_AMBIGUOUS,
     1,
     0},
    {"copy: an id beyond all sizes",
     COPY,
     {{OK200,
       "<CopySnapshotResponse><snapshotId>snap-0123456789abcdef0123456789abcdef0123456789abcdef"
       "</snapshotId></CopySnapshotResponse>",
       0}},
     ERR_AMBIGUOUS,
     1,
     0},
    {"delete: nothing at all", DELETE, {{OK200, "", 0}}, ERR_PROTOCOL, 1, 0},
    {"delete: a well-formed page", DELETE, {{OK200, PAGE, 0}}, ERR_PROTOCOL, 1, 0},
    {"metric: a well-formed page", METRIC, {{OK200, PAGE, 0}}, ERR_PROTOCOL, 1, 0},
    {"metric: no result", METRIC, {{OK200, "<GetMetricDataResponse/>", 0}}, ERR_PROTOCOL, 1, 0},
    {"metric: the same token twice",
     METRIC,
     {{OK200,
       "<GetMetricDataResponse><GetMetricDataResult><NextToken>m</NextToken></GetMetricDataResult>"
       "</GetMetricDataResponse>",
       0},
      {OK200,
       "<GetMetricDataResponse><GetMetricDataResult><NextToken>m</NextToken></GetMetricDataResult>"
       "</GetMetricDataResponse>",
       0}},
     ERR_PROTOCOL,
     2,
     0},
    {"blocks: an empty page, then one",
     BLOCK_LIST,
     {{OK200, BLOCKS("\"ChangedBlocks\": [], \"NextToken\": \"b\""), 0},
      {OK200, BLOCKS("\"ChangedBlocks\": [{\"BlockIndex\": 7, \"New\": null}]"), 0}},
     ERR_NONE,
     2,
     1},
    {"blocks: the same token twice",
     BLOCK_LIST,
     {{OK200, BLOCKS("\"ChangedBlocks\": [], \"NextToken\": \"b\""), 0},
      {OK200, BLOCKS("\"ChangedBlocks\": [], \"NextToken\": \"b\""), 0}},
     ERR_PROTOCOL,
     2,
     0},
    {"blocks: not a list of blocks", BLOCK_LIST, {{OK200, "{}", 0}}, ERR_PROTOCOL, 1, 0},
    {"blocks: another JSON", BLOCK_LIST, {{OK200, "[1]", 0}}, ERR_PROTOCOL, 1, 0},
    {"blocks: nothing at all", BLOCK_LIST, {{OK200, "", 0}}, ERR_PROTOCOL, 1, 0},
    {"blocks: indexes fall",
     BLOCK_LIST,
     {{OK200, BLOCKS("\"ChangedBlocks\": [{\"BlockIndex\": 7}, {\"BlockIndex\": 3}]"), 0}},
     ERR_PROTOCOL,
     1,
     0},
    {"command: delayed, then done",
     COMMAND,
     {{OK200, SENT, 0}, {OK200, ENDED("Delayed"), 0}, {OK200, SAID("yes\\n"), 0}},
     ERR_NONE,
     3,
     3},
    {"command: nobody took it",
     COMMAND,
     {{OK200, SENT, 0}, {OK200, ENDED("DeliveryTimedOut"), 0}},
     ERR_UNREACHABLE,
     2,
     0},
    {"command: somebody cancelled it",
     COMMAND,
     {{OK200, SENT, 0}, {OK200, ENDED("Cancelling"), 0}, {OK200, ENDED("Cancelled"), 0}},
     ERR_UNREACHABLE,
     3,
     0},
    {"command: an answer without its end",
     COMMAND,
     {{OK200, SENT, 0}, {OK200, SAID("yes"), 0}},
     ERR_UNREACHABLE,
     2,
     0},
    {"identity: a well-formed page", IDENTITY, {{OK200, PAGE, 0}}, ERR_PROTOCOL, 1, 0},
};

static int64_t fixed_now(void *self)
{
    (void)self;
    return INT64_C(1786096800000); /* 2026-08-07T10:00:00Z */
}

static enum error_code list_snapshots(struct client *client, int *found, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots snapshots = {0};
    const struct cloud_snapshot_filter filter = {.volume_id = "vol-0aaa"};
    enum error_code code = ec2_list_snapshots(client, &filter, &snapshots, err);
    *found = (int)snapshots.count;
    return code;
}

static enum error_code copy_one(struct client *client, struct error *err)
{
    char id[CLOUD_ID_SIZE];
    const struct cloud_copy_request request = {
        .source_region = "us-east-1", .source_snapshot_id = "snap-01", .description = "d"};
    return ec2_copy_snapshot(client, &request, id, err);
}

static enum error_code get_metric(struct client *client, int *found, struct error *err)
{
    CLEANUP_CLOUD_METRIC struct cloud_metric metric = {0};
    const struct cloud_metric_request request = {
        .volume_id = "vol-0aaa", .name = "VolumeWriteBytes", .period_s = 300};
    enum error_code code = cloudwatch_get_metric(client, &request, &metric, err);
    *found = (int)metric.count;
    return code;
}

static enum error_code count_blocks(void *self, const uint64_t *indexes, size_t count,
                                    struct error *err)
{
    int *found = self;
    (void)indexes;
    (void)err;
    *found += (int)count;
    return ERR_NONE;
}

static enum error_code run_command(struct client *client, int *found, struct error *err)
{
    CLEANUP_STRBUF struct strbuf answer = {.max_bytes = 100};
    struct ssm ssm = {.client = client, .instance_id = "i-0aaa", .command = "hold"};
    struct wire wire = ssm_wire(&ssm);
    enum error_code code = wire.ask(wire.self, "hello", 5000, &answer, err);
    *found = (int)answer.length;
    return code;
}

static enum error_code ask(struct client *client, enum call call, int *found, struct error *err)
{
    struct cloud_identity identity;
    const struct cloud_block_sink sink = {.take = count_blocks, .self = found};
    switch (call) {
    case LIST_SNAPSHOTS:
        return list_snapshots(client, found, err);
    case COPY:
        return copy_one(client, err);
    case DELETE:
        return ec2_delete_snapshot(client, "snap-01", err);
    case METRIC:
        return get_metric(client, found, err);
    case BLOCK_LIST:
        return ebs_list_changed_blocks(client, "snap-01", "snap-02", &sink, err);
    case COMMAND:
        return run_command(client, found, err);
    case IDENTITY:
        break;
    }
    return sts_get_identity(client, &identity, err);
}

static bool run(const struct scenario *scenario)
{
    struct server server = server_start(scenario->steps);
    struct http *http = NULL;
    struct error err = {0};
    int found = 0;
    if (http_new("test", NULL, &http, &err) != ERR_NONE)
        return false;
    const struct clock clock = {.now_ms = fixed_now};
    const struct aws_env env = {0};
    struct credentials_source source = {
        .clock = &clock, .env = &env, .keys = {.access_key_id = "A", .secret_access_key = "S"}};
    struct client client = {.http = http,
                            .clock = &clock,
                            .source = &source,
                            .endpoints = {.env = &env, .url = server.url},
                            .region = "us-east-1"};
    enum error_code got = ask(&client, scenario->call, &found, &err);
    int requests = server_stop(&server);
    http_free(http);
    bool ok = got == scenario->want && requests == scenario->want_requests &&
              (got != ERR_NONE || found == scenario->want_found);
    printf("%s %s: %s, %d requests, %d found%s%s\n", ok ? "ok    " : "NOT OK", scenario->name,
           error_name(got), requests, found, err.message[0] != '\0' ? ": " : "", err.message);
    return ok;
}

int main(void)
{
    bool ok = true;
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        ok = run(&scenarios[i]) && ok;
    return ok ? 0 : 1;
}

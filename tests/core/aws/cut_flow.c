/* cut_flow.c: what travels between the hooks of a cut, against a scripted server. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/aws/ec2_cut.h"
#include "tests/core/aws/scripted_server.h"

#define VOLUME                                                                                     \
    "<DescribeVolumesResponse><volumeSet><item><volumeId>vol-0aaa</volumeId></item></volumeSet>"   \
    "</DescribeVolumesResponse>"
#define SNAPSHOT                                                                                   \
    "<CreateSnapshotResponse><snapshotId>snap-0bbb</snapshotId><volumeId>vol-0aaa</volumeId>"      \
    "</CreateSnapshotResponse>"
#define INSTANCE                                                                                                         \
    "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-0</instanceId><rootDeviceName>r" \
    "</rootDeviceName><blockDeviceMapping><item><deviceName>r</deviceName><ebs><volumeId>vol-0r"                         \
    "</volumeId></ebs></item><item><deviceName>a</deviceName><ebs><volumeId>vol-0aaa</volumeId>"                         \
    "</ebs></item><item><deviceName>b</deviceName><ebs><volumeId>vol-0bbb</volumeId></ebs></item>"                       \
    "</blockDeviceMapping></item></instancesSet></item></reservationSet></DescribeInstancesResponse>"
#define OTHER "<item><snapshotId>snap-0b</snapshotId><volumeId>vol-0bbb</volumeId></item>"
#define SET                                                                                        \
    "<CreateSnapshotsResponse><snapshotSet>" OTHER                                                 \
    "<item><snapshotId>snap-0a</snapshotId><volumeId>vol-0aaa</volumeId></item></snapshotSet></CreateSnapshotsResponse>"

struct scenario {
    const char *name;
    size_t volume_count;
    bool begin_fails;
    struct step steps[MAX_STEPS];
    enum error_code want;
    int want_requests;
    int want_ends;
};

static const struct scenario scenarios[] = {
    {"one volume", 1, false, {{OK200, VOLUME, 0}, {OK200, SNAPSHOT, 0}}, ERR_NONE, 2, 1},
    {"two volumes, in the order asked for",
     2,
     false,
     {{OK200, INSTANCE, 0}, {OK200, SET, 0}},
     ERR_NONE,
     2,
     1},
    {"begin fails: nothing is sent", 1, true, {{OK200, VOLUME, 0}}, ERR_QUIESCE, 1, 0},
    {"lost answer", 1, false, {{OK200, VOLUME, 0}, {NULL, NULL, NO_ANSWER}}, ERR_AMBIGUOUS, 2, 1},
    {"answer that cannot be read",
     1,
     false,
     {{OK200, VOLUME, 0}, {OK200, "<R>", 0}},
     ERR_AMBIGUOUS,
     2,
     1},
    {"answer without one of the volumes",
     2,
     false,
     {{OK200, INSTANCE, 0},
      {OK200,
       "<CreateSnapshotsResponse><snapshotSet>" OTHER "</snapshotSet></CreateSnapshotsResponse>",
       0}},
     ERR_AMBIGUOUS,
     2,
     1},
    {"volume is gone: nothing is frozen",
     1,
     false,
     {{"HTTP/1.1 400 Bad\r\n",
       "<Response><Errors><Error><Code>InvalidVolume.NotFound</Code></Error></Errors></Response>",
       0}},
     ERR_NOT_FOUND,
     1,
     0},
};

struct counts {
    bool begin_fails;
    int begins;
    int ends;
};

static enum error_code begin(void *self, struct error *err)
{
    struct counts *counts = self;
    counts->begins++;
    return counts->begin_fails ? error_set(err, ERR_QUIESCE, "cannot freeze") : ERR_NONE;
}

static void end(void *self)
{
    ((struct counts *)self)->ends++;
}

static int64_t fixed_now(void *self)
{
    (void)self;
    return INT64_C(1786096800000);
}

static enum error_code start(const char *url, const struct scenario *scenario,
                             const struct cut *cut, struct cloud_set_result *result,
                             struct error *err)
{
    static const char *const ids[] = {"vol-0aaa", "vol-0bbb"};
    const struct clock clock = {.now_ms = fixed_now};
    const struct aws_env env = {0};
    struct http *http = NULL;
    TRY(http_new("test", NULL, &http, err));
    struct credentials_source source = {
        .clock = &clock, .env = &env, .keys = {.access_key_id = "A", .secret_access_key = "S"}};
    struct client client = {.http = http,
                            .clock = &clock,
                            .source = &source,
                            .endpoints = {.env = &env, .url = url},
                            .region = "us-east-1"};
    const struct cloud_set_request request = {.instance_id = "i-0",
                                              .volume_ids = ids,
                                              .volume_count = scenario->volume_count,
                                              .description = "d",
                                              .cut = cut};
    enum error_code code = ec2_start_snapshot_set(&client, &request, result, err);
    http_free(http);
    return code;
}

static bool is_good_result(const struct scenario *scenario, const struct cloud_set_result *result)
{
    if (scenario->want != ERR_NONE)
        return result->snapshots.count == 0;
    return result->snapshots.count == scenario->volume_count && result->reused_connection &&
           result->request_us > 0 && strcmp(result->snapshots.items[0].volume_id, "vol-0aaa") == 0;
}

static bool run(const struct scenario *scenario)
{
    struct server server = server_start(scenario->steps);
    struct counts counts = {.begin_fails = scenario->begin_fails};
    const struct cut cut = {.begin = begin, .end = end, .self = &counts};
    struct cloud_set_result result = {0};
    struct error err = {0};
    enum error_code code = start(server.url, scenario, &cut, &result, &err);
    int requests = server_stop(&server);
    bool ok = code == scenario->want && requests == scenario->want_requests &&
              counts.ends == scenario->want_ends && counts.begins <= 1 &&
              is_good_result(scenario, &result);
    cloud_snapshots_done(&result.snapshots);
    printf("%s %s: %s, %d requests, %d ends %s\n", ok ? "ok    " : "NOT OK", scenario->name,
           error_name(code), requests, counts.ends, err.message);
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

#include "core/engine/rights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "core/engine/engine.h"
#include "core/engine/rights_ask.h"
#include "tests/sim/fake_cloud.h"

#define A "111122223333"
#define B "444455556666"

/* A move between two fake clouds, seen from above. Must not move in memory. */
struct bench {
    struct fake_world fake;
    struct fake_cloud selves[4];
    struct cloud source;
    struct cloud target;
    struct cloud via_source;
    struct cloud via_target;
    struct config config;
    struct path path;
    struct clock clock;
    struct log log;
    struct cloud_volumes volumes;
    struct rights_request request;
    struct rights rights;
    struct error err;
};

struct move {
    char target[16];
    char via[16];
    bool other_account;
    bool encrypted;
};

static void open_clouds(struct bench *bench, const struct move *move)
{
    const char *account = move->other_account ? B : A;
    const char *via = move->via[0] != '\0' ? move->via : move->target;
    struct fake_world *fake = &bench->fake;
    cr_assert_eq(fake_world_open(fake, 11, &nature_usual, &bench->err), ERR_NONE);
    bench->source = fake_cloud_init(&bench->selves[0], fake, A, "us-east-1");
    bench->target = fake_cloud_init(&bench->selves[1], fake, account, move->target);
    bench->via_source = fake_cloud_init(&bench->selves[2], fake, A, via);
    bench->via_target = fake_cloud_init(&bench->selves[3], fake, account, via);
    bench->clock = fake_world_clock(fake);
}

#define SET(member, text)                                                                          \
    (void)snprintf(bench->config.member, sizeof(bench->config.member), "%s", text)

static void bench_open(struct bench *bench, const struct move *move)
{
    *bench = (struct bench){0};
    open_clouds(bench, move);
    config_init(&bench->config);
    (void)snprintf(bench->config.volumes[0], CLOUD_ID_SIZE, "%.31s", bench->fake.names.volumes);
    bench->config.volume_count = 1;
    SET(target_instance, move->other_account ? bench->fake.names.target_instance_b
                                             : bench->fake.names.target_instance);
    (void)snprintf(bench->config.target_zone, sizeof(bench->config.target_zone), "%.16sa",
                   move->target);
    SET(target_account, move->other_account ? B : "");
    SET(target_role, move->other_account ? bench->fake.names.role_b : "");
    SET(target_key, move->encrypted ? "alias/data" : "");
    SET(via_key, move->encrypted ? "alias/closed" : "");
    const struct path_ends ends = {.source = &bench->source,
                                   .target = &bench->target,
                                   .target_key = bench->config.target_key,
                                   .account_id = bench->config.target_account,
                                   .principal = bench->config.target_role,
                                   .via_source = &bench->via_source,
                                   .via_target = &bench->via_target,
                                   .via_key = bench->config.via_key};
    bench->path = path_make(&ends);
    const char *id = bench->config.volumes[0];
    const struct cloud_volume_filter filter = {.ids = &id, .id_count = 1};
    cr_assert_eq(
        bench->source.list_volumes(bench->source.self, &filter, &bench->volumes, &bench->err),
        ERR_NONE);
    bench->request = (struct rights_request){
        &bench->config, &bench->path, &bench->source, &bench->target, A, &bench->volumes, false};
    cr_assert_eq(rights_list(&bench->request, &bench->rights, &bench->err), ERR_NONE);
}

static void bench_done(struct bench *bench)
{
    rights_done(&bench->rights);
    cloud_volumes_done(&bench->volumes);
    fake_world_close(&bench->fake);
}

/* True if a right is listed that is written "source ec2:CopySnapshot eu-west-1". */
static bool has(const struct rights *rights, const char *text)
{
    for (size_t i = 0; i < rights->count; i++) {
        const struct right *right = &rights->items[i];
        char written[128];
        (void)snprintf(written, sizeof(written), "%s %s %s",
                       right->side == RIGHT_SOURCE ? "source" : "target", right->action,
                       right->region);
        if (strcmp(written, text) == 0)
            return true;
    }
    return false;
}

struct list_case {
    struct move move;
    char yes[10][64];
    char no[6][64];
};

ParameterizedTestParameters(rights, list)
{
    static struct list_case cases[] = {
        {{"us-east-1", "", false, false},
         {"source ec2:CreateSnapshot us-east-1", "target ec2:CreateVolume us-east-1",
          "target ec2:AttachVolume us-east-1"},
         {"target ec2:CopySnapshot us-east-1", "source ec2:CreateSnapshots us-east-1",
          "target kms:DescribeKey us-east-1", "source sts:AssumeRole us-east-1"}},
        {{"eu-west-1", "", false, true},
         {"target ec2:CopySnapshot eu-west-1", "target ec2:CopySnapshot us-east-1",
          "target ec2:DeleteSnapshot eu-west-1", "target kms:ReEncryptTo eu-west-1",
          "target kms:Decrypt eu-west-1"},
         {"source ec2:CopySnapshot us-east-1", "source ec2:ModifySnapshotAttribute us-east-1",
          "source kms:CreateGrant us-east-1", "target ec2:DeleteSnapshot us-east-1"}},
        {{"us-east-1", "", true, true},
         {"source ec2:ModifySnapshotAttribute us-east-1", "source sts:AssumeRole us-east-1",
          "target ec2:CopySnapshot us-east-1", "target ec2:DescribeSnapshots us-east-1"},
         {"source ec2:CopySnapshot us-east-1", "target ec2:ModifySnapshotAttribute us-east-1"}},
        {{"eu-west-1", "", true, true},
         {"source ec2:CopySnapshot eu-west-1", "source ec2:CopySnapshot us-east-1",
          "source ec2:ModifySnapshotAttribute eu-west-1", "source kms:CreateGrant eu-west-1",
          "source kms:RevokeGrant eu-west-1", "target ec2:CopySnapshot eu-west-1",
          "target kms:ReEncryptFrom eu-west-1", "source ec2:DeleteSnapshot eu-west-1"},
         {"source ec2:ModifySnapshotAttribute us-east-1", "target ec2:CopySnapshot us-east-1"}},
        {{"us-east-1", "eu-west-1", true, true},
         {"source ec2:CopySnapshot eu-west-1", "target ec2:CopySnapshot eu-west-1",
          "target ec2:CopySnapshot us-east-1", "target ec2:DeleteSnapshot eu-west-1",
          "target ec2:CreateVolume us-east-1"},
         {"target ec2:CreateVolume eu-west-1"}},
    };
    return cr_make_param_array(struct list_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct list_case *c, rights, list)
{
    CLEANUP(bench_done) struct bench bench;
    bench_open(&bench, &c->move);
    for (size_t i = 0; i < 10 && c->yes[i][0] != '\0'; i++)
        cr_expect(has(&bench.rights, c->yes[i]), "%s is needed", c->yes[i]);
    for (size_t i = 0; i < 6 && c->no[i][0] != '\0'; i++)
        cr_expect_not(has(&bench.rights, c->no[i]), "%s is not needed", c->no[i]);
}

Test(rights, a_watcher_changes_nothing)
{
    CLEANUP(bench_done) struct bench bench;
    CLEANUP_RIGHTS struct rights looks = {0};
    bench_open(&bench, &(struct move){"eu-west-1", "", false, true});
    cr_assert_eq(rights_list_watcher(&bench.request, &looks, &bench.err), ERR_NONE);
    cr_expect(has(&looks, "source ec2:DescribeSnapshots eu-west-1"));
    for (size_t i = 0; i < looks.count; i++) {
        cr_expect(looks.items[i].group == RIGHT_LOOK || looks.items[i].group == RIGHT_READ_BLOCKS ||
                      looks.items[i].group == RIGHT_KEY ||
                      looks.items[i].group == RIGHT_KEY_OF_BLOCKS,
                  "%s", looks.items[i].action);
    }
}

/* Asks about every right; how many answers were of a kind. */
static void ask_all(struct bench *bench, size_t counts[3], const char *denied)
{
    const struct right_asker asker = {&bench->request, &bench->clock, &bench->log, 1000};
    for (size_t i = 0; i < bench->rights.count; i++) {
        const struct right *right = &bench->rights.items[i];
        enum right_verdict verdict = right_ask(&asker, right, &bench->err);
        counts[verdict]++;
        cr_expect_eq(verdict == RIGHT_DENIED, strcmp(right->action, denied) == 0, "%s: %s",
                     right->action, bench->err.message);
        cr_expect(verdict == RIGHT_ALLOWED || bench->err.message[0] != '\0');
    }
}

/* Things of ours in both regions, so that every question finds what it is about. */
static void leave_things(struct bench *bench)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    const char *id = bench->config.volumes[0];
    char volume_id[CLOUD_ID_SIZE];
    struct cloud_set_result set = {0};
    cr_assert_eq(cloud_tags_set(&tags, TAG_RUN, "old", &bench->err), ERR_NONE);
    const struct cloud_set_request request = {.volume_ids = &id, .volume_count = 1, .tags = &tags};
    const struct cloud_volume_request volume = {.zone = bench->config.target_zone,
                                                .type = "gp3",
                                                .size_bytes = UINT64_C(1) << 30,
                                                .tags = &tags};
    cr_assert_eq(bench->source.start_snapshot_set(bench->source.self, &request, &set, &bench->err),
                 ERR_NONE);
    cr_assert_eq(bench->target.create_volume(bench->target.self, &volume, volume_id, &bench->err),
                 ERR_NONE);
    cloud_snapshots_done(&set.snapshots);
}

static size_t count_things(const struct cloud *cloud)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots snapshots = {0};
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    struct error err;
    cr_assert_eq(
        cloud->list_snapshots(cloud->self, &(struct cloud_snapshot_filter){0}, &snapshots, &err),
        ERR_NONE);
    cr_assert_eq(cloud->list_volumes(cloud->self, &(struct cloud_volume_filter){0}, &volumes, &err),
                 ERR_NONE);
    return snapshots.count + volumes.count;
}

Test(rights, asking_changes_nothing)
{
    CLEANUP(bench_done) struct bench bench;
    size_t counts[3] = {0};
    bench_open(&bench, &(struct move){"eu-west-1", "", false, false});
    leave_things(&bench);
    size_t here = count_things(&bench.source);
    size_t there = count_things(&bench.target);
    ask_all(&bench, counts, "");
    cr_expect_gt(counts[RIGHT_ALLOWED], 2 * counts[RIGHT_UNKNOWN]);
    cr_expect_eq(count_things(&bench.source), here);
    cr_expect_eq(count_things(&bench.target), there);
}

Test(rights, a_missing_one_is_denied)
{
    static const char *const scripts[][2] = {
        {"ec2:CreateVolume", "from 1st CreateVolume: deny"},
        {"ec2:DescribeSnapshots", "from 1st DescribeSnapshots: deny"},
        {"kms:DescribeKey", "from 1st DescribeKey: deny"},
    };
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        CLEANUP(bench_done) struct bench bench;
        size_t denied = 0;
        bench_open(&bench, &(struct move){"eu-west-1", "", false, true});
        cr_assert_eq(world_arm_fault(bench.fake.world, scripts[i][1], &bench.err), ERR_NONE);
        const struct right_asker asker = {&bench.request, &bench.clock, &bench.log, 1000};
        for (size_t j = 0; j < bench.rights.count; j++) {
            const struct right *right = &bench.rights.items[j];
            bool is_it = strcmp(right->action, scripts[i][0]) == 0;
            if (is_it && right->group != RIGHT_VOLUME_FROM)
                denied += right_ask(&asker, right, &bench.err) == RIGHT_DENIED;
        }
        cr_expect_gt(denied, 0, "%s", scripts[i][0]);
    }
}

/* ---- things that go while they are asked about ---- */

/* Volumes of ebshift's: one that is being deleted, then two; the first of them is soon gone. */
static bool second_is_gone;

static enum error_code list_going(void *self, const struct cloud_volume_filter *filter,
                                  struct cloud_volumes *volumes, struct error *err)
{
    static const char ids[][CLOUD_ID_SIZE] = {"vol-0a", "vol-0b", "vol-0c"};
    const char *wanted = filter->id_count == 1 ? filter->ids[0] : NULL;
    (void)self;
    volumes->items = calloc(3, sizeof(*volumes->items));
    for (size_t i = 0; i < 3; i++) {
        struct cloud_volume *volume = &volumes->items[volumes->count];
        if ((wanted != NULL && strcmp(wanted, ids[i]) != 0) || (i == 1 && second_is_gone))
            continue;
        volume->state = i == 0 ? CLOUD_VOLUME_DELETING : CLOUD_VOLUME_IN_USE;
        memcpy(volume->id, ids[i], CLOUD_ID_SIZE);
        volumes->count++;
    }
    return volumes->count > 0 ? ERR_NONE : error_set(err, ERR_NOT_FOUND, "not there");
}

/* Without its tags a thing gives no right to anything. */
static enum error_code detach_if_there(void *self, const char *volume_id, struct error *err)
{
    (void)self;
    cr_expect_str_neq(volume_id, "vol-0a");
    second_is_gone = second_is_gone || strcmp(volume_id, "vol-0b") == 0;
    return strcmp(volume_id, "vol-0c") == 0 ? error_set(err, ERR_ASKED, "yes")
                                            : error_set(err, ERR_ACCESS, "no tag, no right");
}

Test(rights, what_was_asked_about_and_is_gone_denies_nothing)
{
    CLEANUP(bench_done) struct bench bench;
    bench_open(&bench, &(struct move){"eu-west-1", "", false, false});
    bench.target.list_volumes = list_going;
    bench.target.detach_volume = detach_if_there;
    const struct right_asker asker = {&bench.request, &bench.clock, &bench.log, 1000};
    for (size_t i = 0; i < bench.rights.count; i++) {
        const struct right *right = &bench.rights.items[i];
        if (right->cloud == &bench.target && strcmp(right->action, "ec2:DetachVolume") == 0)
            cr_expect_eq(right_ask(&asker, right, &bench.err), RIGHT_ALLOWED);
    }
    cr_expect(second_is_gone);
}

#include "tests/sim/fake_cloud.h"

#include <string.h>

#include <criterion/criterion.h>

#include "model/instant.h"

#define ACCOUNT "111122223333"

/* The seeded world seen from both regions. */
struct bench {
    struct fake_world fake;
    struct fake_cloud here_self;
    struct fake_cloud there_self;
    struct cloud here;
    struct cloud there;
    struct clock clock;
    const char *volume_id;
    struct error err;
};

static void bench_open(struct bench *bench, bool seeded)
{
    cr_assert_eq(fake_world_open(&bench->fake, 11, seeded ? &nature_usual : NULL, &bench->err),
                 ERR_NONE);
    bench->here = fake_cloud_init(&bench->here_self, &bench->fake, ACCOUNT, "us-east-1");
    bench->there = fake_cloud_init(&bench->there_self, &bench->fake, ACCOUNT, "eu-west-1");
    bench->clock = fake_world_clock(&bench->fake);
    bench->volume_id = bench->fake.names.volumes;
}

static void bench_done(struct bench *bench)
{
    fake_world_close(&bench->fake);
}

/* Starts a snapshot of the seeded volume and fills its id. */
static enum error_code start(struct bench *bench, char id[CLOUD_ID_SIZE])
{
    struct cloud_set_request request = {.volume_ids = &bench->volume_id, .volume_count = 1};
    struct cloud_set_result result = {0};
    TRY(bench->here.start_snapshot_set(bench->here.self, &request, &result, &bench->err));
    memcpy(id, result.snapshots.items[0].id, CLOUD_ID_SIZE);
    cloud_snapshots_done(&result.snapshots);
    return ERR_NONE;
}

/* Sleeps minute by minute until the snapshot has completed; returns how long it took. */
static int64_t wait_for(struct bench *bench, struct cloud *cloud, const char *id)
{
    int64_t start_ms = clock_now_ms(&bench->clock);
    for (;;) {
        struct cloud_snapshot_filter filter = {.ids = &id, .id_count = 1};
        CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots list = {0};
        cr_assert_eq(cloud->list_snapshots(cloud->self, &filter, &list, &bench->err), ERR_NONE);
        if (list.items[0].state == CLOUD_SNAPSHOT_COMPLETED)
            return list.items[0].completed_ms - start_ms;
        cr_assert_eq(clock_sleep_until(&bench->clock, clock_now_ms(&bench->clock) + MS_PER_MINUTE,
                                       &bench->err),
                     ERR_NONE);
    }
}

static int64_t round_ms(struct bench *bench)
{
    char id[CLOUD_ID_SIZE];
    char copy_id[CLOUD_ID_SIZE];
    cr_assert_eq(start(bench, id), ERR_NONE);
    int64_t took_ms = wait_for(bench, &bench->here, id);
    struct cloud_copy_request request = {.source_region = "us-east-1", .source_snapshot_id = id};
    cr_assert_eq(bench->there.copy_snapshot(bench->there.self, &request, copy_id, &bench->err),
                 ERR_NONE);
    return took_ms + wait_for(bench, &bench->there, copy_id);
}

Test(fake_cloud, a_series_shrinks_from_half_a_day_to_minutes)
{
    CLEANUP(bench_done) struct bench bench;
    bench_open(&bench, true);
    int64_t first_ms = round_ms(&bench);
    int64_t last_ms = first_ms;
    cr_expect_gt(first_ms, 11 * MS_PER_HOUR);
    for (int round = 0; round < 6; round++)
        last_ms = round_ms(&bench);
    cr_expect_lt(last_ms, 30 * MS_PER_MINUTE, "%lld s", (long long)last_ms / 1000);
}

Test(fake_cloud, history_is_there_with_its_changed_blocks)
{
    CLEANUP(bench_done) struct bench bench;
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots list = {0};
    CLEANUP_CLOUD_METRIC struct cloud_metric metric = {0};
    bench_open(&bench, true);
    struct cloud_snapshot_filter filter = {.volume_id = bench.volume_id};
    cr_assert_eq(bench.here.list_snapshots(bench.here.self, &filter, &list, &bench.err), ERR_NONE);
    cr_expect_gt(list.count, 75);
    for (size_t i = 0; i < list.count; i++)
        cr_expect_eq(list.items[i].state, CLOUD_SNAPSHOT_COMPLETED);

    struct cloud_metric_request wanted = {.volume_id = bench.volume_id,
                                          .name = "VolumeWriteBytes",
                                          .start_ms = bench.fake.now_ms - MS_PER_DAY,
                                          .end_ms = bench.fake.now_ms,
                                          .period_s = 300};
    cr_assert_eq(bench.here.get_metric(bench.here.self, &wanted, &metric, &bench.err), ERR_NONE);
    cr_expect_eq(metric.count, 288);
    for (size_t i = 0; i < metric.count; i++)
        cr_expect_gt(metric.points[i].sum, 0);
}

Test(fake_cloud, faults_become_the_errors_of_the_waist)
{
    CLEANUP(bench_done) struct bench bench;
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots before = {0};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots after = {0};
    char id[CLOUD_ID_SIZE];
    char volume_id[CLOUD_ID_SIZE];
    bench_open(&bench, false);
    struct cloud_volume_request blank = {
        .zone = "us-east-1a", .type = "gp3", .size_bytes = UINT64_C(10) << 30};
    cr_assert_eq(bench.here.create_volume(bench.here.self, &blank, volume_id, &bench.err),
                 ERR_NONE);
    bench.volume_id = volume_id;
    bench.fake.now_ms += MS_PER_MINUTE;
    struct cloud_snapshot_filter filter = {.volume_id = bench.volume_id};
    cr_assert_eq(bench.here.list_snapshots(bench.here.self, &filter, &before, &bench.err),
                 ERR_NONE);
    cr_assert_eq(world_arm_fault(bench.fake.world, "throttle:CreateSnapshot", &bench.err),
                 ERR_NONE);
    cr_assert_eq(world_arm_fault(bench.fake.world, "lost-reply:CreateSnapshot@2", &bench.err),
                 ERR_NONE);
    cr_expect_eq(start(&bench, id), ERR_THROTTLED);
    cr_expect_eq(start(&bench, id), ERR_AMBIGUOUS);
    cr_expect_eq(start(&bench, id), ERR_THROTTLED, "fifteen seconds have not passed");
    cr_assert_eq(bench.here.list_snapshots(bench.here.self, &filter, &after, &bench.err), ERR_NONE);
    cr_expect_eq(after.count, before.count + 1, "the lost reply had its effect");
}

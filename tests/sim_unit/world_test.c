#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "model/instant.h"
#include "tests/sim/world_key.h"

#define GIB_FOR_TEST (INT64_C(1) << 30)

/* A world without bytes on a clock that the test moves by hand. */
struct bench {
    int64_t now_ms;
    struct world *world;
    struct caller a;
    struct caller b;
    struct world_names names;
};

static int64_t bench_now_ms(void *self)
{
    return *(int64_t *)self;
}

static void bench_open(struct bench *bench, uint64_t seed, bool seeded)
{
    struct error err;
    *bench = (struct bench){
        .now_ms = INT64_C(1795410000123),
        .a = {"111122223333", "us-east-1", ""},
        .b = {"444455556666", "us-east-1", ""},
    };
    struct world_options options = {
        .seed = seed, .seeded = seeded, .time = {bench_now_ms, &bench->now_ms}};
    cr_assert_eq(world_open(&bench->world, &options, &err), ERR_NONE);
    world_names(bench->world, &bench->names);
}

static void bench_done(struct bench *bench)
{
    world_close(bench->world);
}
#define CLEANUP_BENCH CLEANUP(bench_done)

static void pass(struct bench *bench, int64_t passed_ms)
{
    bench->now_ms += passed_ms;
    world_advance(bench->world);
}

/* As a door does before a verb, so that armed faults strike. */
static void begin(struct bench *bench, const char *action)
{
    enum call_fate fate;
    struct refusal no = {0};
    cr_assert(world_begin_call(bench->world, &bench->a, action, &fate, &no), "%s", no.code);
}

static struct sim_volume *make_volume(struct bench *bench, const char *type, int64_t size_gib)
{
    struct volume_request request = {.zone = "us-east-1a", .type = type, .size_gib = size_gib};
    struct sim_volume *volume = NULL;
    struct refusal no = {0};
    cr_assert(world_create_volume(bench->world, &bench->a, &request, &volume, &no), "%s", no.code);
    pass(bench, MS_PER_MINUTE);
    return volume;
}

static struct sim_volume *attach_volume(struct bench *bench, const char *device)
{
    struct sim_volume *volume = make_volume(bench, "gp3", 100);
    struct refusal no = {0};
    cr_assert(world_attach_volume(
                  bench->world, &bench->a,
                  &(struct attach_request){volume->id, bench->names.instance, device, false},
                  &volume, &no),
              "%s", no.code);
    pass(bench, 5000);
    return volume;
}

static struct sim_snapshot *snap(struct bench *bench, const struct sim_volume *volume)
{
    struct sim_snapshot *snapshot = NULL;
    struct refusal no = {0};
    cr_assert(world_create_snapshot(bench->world, &bench->a,
                                    &(struct snapshot_request){.volume_id = volume->id}, &snapshot,
                                    &no),
              "%s", no.code);
    return snapshot;
}

static struct sim_snapshot *snap_done(struct bench *bench, const struct sim_volume *volume)
{
    struct sim_snapshot *snapshot = snap(bench, volume);
    pass(bench, snapshot->ends_ms - bench->now_ms + MS_PER_MINUTE);
    cr_assert_str_eq(world_snapshot_status(bench->world, snapshot), "completed");
    return snapshot;
}

static bool copy_to(struct bench *bench, const char *region, const struct sim_snapshot *source,
                    const char *key, struct sim_snapshot **copy, struct refusal *no)
{
    struct caller there = bench->a;
    (void)snprintf(there.region, sizeof(there.region), "%s", region);
    struct copy_request request = {.source_region = "us-east-1",
                                   .source_id = source->id,
                                   .encrypted = key != NULL,
                                   .key = key,
                                   .presigned = PRESIGNED_VALID};
    return world_copy_snapshot(bench->world, &there, &request, copy, no);
}

static struct sim_snapshot *copy_done(struct bench *bench, const struct sim_snapshot *source,
                                      const char *key)
{
    struct sim_snapshot *copy = NULL;
    struct refusal no = {0};
    cr_assert(copy_to(bench, "eu-west-1", source, key, &copy, &no), "%s", no.code);
    pass(bench, copy->ends_ms - bench->now_ms + MS_PER_MINUTE);
    return copy;
}

static int64_t moved_blocks(const struct sim_snapshot *snapshot)
{
    return world_snapshot_moved_bytes(snapshot) / SIM_BLOCK_BYTES;
}

Test(world, first_snapshot_is_full_and_later_ones_hold_what_was_touched)
{
    CLEANUP_BENCH struct bench bench;
    bench_open(&bench, 1, false);
    struct sim_volume *volume = make_volume(&bench, "gp3", 100);
    world_touch(bench.world, volume, 0, 3 * GIB_FOR_TEST);
    cr_expect_eq(moved_blocks(snap_done(&bench, volume)), 6144);
    world_touch(bench.world, volume, SIM_BLOCK_BYTES - 1, 2); /* straddles two blocks */
    world_touch(bench.world, volume, 7 * SIM_BLOCK_BYTES, 1);
    struct sim_snapshot *second = snap_done(&bench, volume);
    cr_expect_eq(moved_blocks(second), 3);
    cr_expect_eq(second->full_size_bytes, 6144 * SIM_BLOCK_BYTES);
    cr_expect_eq(moved_blocks(snap_done(&bench, volume)), 0);
}

Test(world, lineage_survives_the_loss_of_intermediate_snapshots_but_not_of_all)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    bench_open(&bench, 1, false);
    struct sim_volume *volume = make_volume(&bench, "gp3", 100);
    world_touch(bench.world, volume, 0, 100 * SIM_BLOCK_BYTES);
    struct sim_snapshot *first = snap_done(&bench, volume);
    world_touch(bench.world, volume, 0, 5 * SIM_BLOCK_BYTES);
    struct sim_snapshot *second = snap_done(&bench, volume);
    cr_assert(world_delete_snapshot(bench.world, &bench.a, second->id, &no));
    world_touch(bench.world, volume, 50 * SIM_BLOCK_BYTES, 2 * SIM_BLOCK_BYTES);
    struct sim_snapshot *third = snap_done(&bench, volume);
    cr_expect_eq(moved_blocks(third), 7, "the deleted one's blocks move again");
    cr_assert(world_delete_snapshot(bench.world, &bench.a, first->id, &no));
    cr_assert(world_delete_snapshot(bench.world, &bench.a, third->id, &no));
    cr_expect_eq(moved_blocks(snap_done(&bench, volume)), 100, "all gone, so full");
}

Test(world, changed_blocks_are_known_between_any_two)
{
    CLEANUP_BENCH struct bench bench;
    CLEANUP_BLOCK_SET struct block_set blocks = {0};
    struct refusal no = {0};
    bench_open(&bench, 1, false);
    struct sim_volume *volume = make_volume(&bench, "gp3", 100);
    world_touch(bench.world, volume, 0, 10 * SIM_BLOCK_BYTES);
    struct sim_snapshot *first = snap_done(&bench, volume);
    world_touch(bench.world, volume, 3 * SIM_BLOCK_BYTES, 1);
    (void)snap_done(&bench, volume);
    world_touch(bench.world, volume, 20 * SIM_BLOCK_BYTES, 1);
    struct sim_snapshot *third = snap_done(&bench, volume);
    cr_assert(world_changed_blocks(bench.world, first, third, &blocks, &no));
    cr_expect_eq(block_set_count(&blocks), 2);
    cr_expect(block_set_has(&blocks, 3) && block_set_has(&blocks, 20));

    struct sim_snapshot *stranger = snap_done(&bench, make_volume(&bench, "gp3", 100));
    cr_expect_not(world_changed_blocks(bench.world, first, stranger, &blocks, &no));
    cr_expect_str_eq(no.code, "UNRELATED_SNAPSHOTS");
}

Test(world, snapshots_of_a_volume_complete_in_order)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        CLEANUP_BENCH struct bench bench;
        bench_open(&bench, seed, false);
        struct sim_volume *volume = make_volume(&bench, "gp3", 1000);
        world_touch(bench.world, volume, 0, 500 * GIB_FOR_TEST);
        struct sim_snapshot *big = snap(&bench, volume);
        pass(&bench, 15 * MS_PER_SECOND);
        struct sim_snapshot *small = snap(&bench, volume);
        cr_expect_gt(small->ends_ms, big->ends_ms, "seed %d", (int)seed);
    }
}

Test(world, a_set_is_one_instant_and_completes_together)
{
    CLEANUP_BENCH struct bench bench;
    struct sim_snapshot *members[SIM_SET_MAX];
    size_t count = 0;
    struct refusal no = {0};
    bench_open(&bench, 3, false);
    struct sim_volume *big = attach_volume(&bench, "/dev/sdf");
    (void)attach_volume(&bench, "/dev/sdg");
    world_touch(bench.world, big, 0, 50 * GIB_FOR_TEST);
    struct set_request request = {.instance_id = bench.names.instance, .exclude_boot = true};
    cr_assert(world_create_snapshot_set(bench.world, &bench.a, &request, members, &count, &no));
    cr_assert_eq(count, 2);
    cr_expect_eq(members[0]->started_ms, members[1]->started_ms);
    cr_expect_eq(members[0]->ends_ms, members[1]->ends_ms);
    cr_expect_geq(members[1]->ends_ms - members[1]->started_ms, 50 * 1000 * 1000 / 55,
                  "the empty one waits for the full one");
}

Test(world, a_failed_member_fails_the_set)
{
    CLEANUP_BENCH struct bench bench;
    struct sim_snapshot *members[SIM_SET_MAX];
    size_t count = 0;
    struct refusal no = {0};
    struct error err;
    bench_open(&bench, 3, false);
    (void)attach_volume(&bench, "/dev/sdf");
    (void)attach_volume(&bench, "/dev/sdg");
    cr_assert_eq(world_arm_fault(bench.world, "snapshot-error", &err), ERR_NONE);
    begin(&bench, "CreateSnapshots");
    struct set_request request = {.instance_id = bench.names.instance, .exclude_boot = true};
    cr_assert(world_create_snapshot_set(bench.world, &bench.a, &request, members, &count, &no));
    pass(&bench, MS_PER_HOUR);
    for (size_t i = 0; i < count; i++) {
        cr_expect_str_eq(world_snapshot_status(bench.world, members[i]), "error");
        cr_expect_neq(members[i]->status_message[0], '\0');
    }
}

struct limit_case {
    char type[12];
    int allowed;
    int64_t size_gib;
};

ParameterizedTestParameters(world, pending_limit)
{
    static struct limit_case cases[] = {
        {"gp3", 5, 1000}, {"io2", 5, 1000}, {"gp2", 5, 1000}, {"st1", 1, 1000}, {"sc1", 1, 1000}};
    return cr_make_param_array(struct limit_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct limit_case *c, world, pending_limit)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct sim_snapshot *snapshot = NULL;
    struct sim_volume *volume = NULL;
    bench_open(&bench, 5, false);
    struct volume_request request = {.zone = "us-east-1a",
                                     .type = c->type,
                                     .size_gib = c->size_gib,
                                     .iops = strcmp(c->type, "io2") == 0 ? 1000 : 0};
    cr_assert(world_create_volume(bench.world, &bench.a, &request, &volume, &no), "%s", no.message);
    pass(&bench, MS_PER_MINUTE);
    world_touch(bench.world, volume, 0, 900 * GIB_FOR_TEST);
    for (int i = 0; i < c->allowed; i++) {
        snapshot = snap(&bench, volume);
        pass(&bench, 16 * MS_PER_SECOND);
    }
    cr_assert(world_delete_snapshot(bench.world, &bench.a, snapshot->id, &no));
    cr_expect_not(world_create_snapshot(bench.world, &bench.a,
                                        &(struct snapshot_request){.volume_id = volume->id},
                                        &snapshot, &no),
                  "a pending one that was deleted still counts");
    cr_expect_str_eq(no.code, "ConcurrentSnapshotLimitExceeded");
}

/* Of the volume's last snapshot, within a quarter of an hour. */
static struct sim_snapshot *copy_in_time(struct bench *bench, const struct sim_snapshot *source,
                                         struct refusal *no)
{
    struct caller there = {"111122223333", "eu-west-1", ""};
    struct sim_snapshot *copy = NULL;
    struct copy_request request = {.source_region = "us-east-1",
                                   .source_id = source->id,
                                   .completion_duration_min = 15,
                                   .presigned = PRESIGNED_VALID};
    return world_copy_snapshot(bench->world, &there, &request, &copy, no) ? copy : NULL;
}

Test(world, time_based_copies_share_two_thousand_mebibytes_a_second)
{
    CLEANUP_BENCH struct bench bench;
    struct sim_snapshot *sources[6];
    struct refusal no = {0};
    bench_open(&bench, 5, false);
    for (size_t i = 0; i < 6; i++) {
        struct sim_volume *volume = make_volume(&bench, "gp3", 500);
        world_touch(bench.world, volume, 0, 395 * GIB_FOR_TEST); /* 450 MiB/s in 15 minutes */
        sources[i] = snap_done(&bench, volume);
    }
    int64_t quarter_ms = 15 * MS_PER_MINUTE;
    for (size_t i = 0; i < 4; i++) {
        struct sim_snapshot *copy = copy_in_time(&bench, sources[i], &no);
        cr_assert_not_null(copy, "%s", no.code);
        cr_expect_leq(copy->ends_ms - bench.now_ms, quarter_ms, "copy %zu has what it needs", i);
    }
    struct sim_snapshot *slow = copy_in_time(&bench, sources[4], &no);
    cr_assert_not_null(slow, "%s", no.code);
    cr_expect_gt(slow->ends_ms - bench.now_ms, quarter_ms, "what is left is not enough: slower");
    cr_expect_null(copy_in_time(&bench, sources[5], &no), "nothing is left");
    cr_expect_str_eq(no.code, "ResourceLimitExceeded");
    pass(&bench, quarter_ms);
    cr_expect_not_null(copy_in_time(&bench, sources[5], &no), "the first ones are done");
}

Test(world, calls_on_one_volume_keep_fifteen_seconds_apart)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct sim_snapshot *snapshot = NULL;
    bench_open(&bench, 5, false);
    struct sim_volume *volume = make_volume(&bench, "gp3", 10);
    (void)snap(&bench, volume);
    pass(&bench, 14999);
    cr_expect_not(world_create_snapshot(bench.world, &bench.a,
                                        &(struct snapshot_request){.volume_id = volume->id},
                                        &snapshot, &no));
    cr_expect_str_eq(no.code, "SnapshotCreationPerVolumeRateExceeded");
    pass(&bench, 1);
    cr_expect_not_null(snap(&bench, volume));
}

Test(world, first_copy_is_full_and_the_next_builds_on_the_newest)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    bench_open(&bench, 7, false);
    struct sim_volume *volume = make_volume(&bench, "gp3", 100);
    world_touch(bench.world, volume, 0, 80 * SIM_BLOCK_BYTES);
    struct sim_snapshot *first = snap_done(&bench, volume);
    world_touch(bench.world, volume, 0, 9 * SIM_BLOCK_BYTES);
    struct sim_snapshot *second = snap_done(&bench, volume);
    cr_expect_eq(moved_blocks(copy_done(&bench, first, NULL)), 80);
    struct sim_snapshot *newest = copy_done(&bench, second, NULL);
    cr_expect_eq(moved_blocks(newest), 9);

    struct caller there = {"111122223333", "eu-west-1", ""};
    cr_assert(world_delete_snapshot(bench.world, &there, newest->id, &no));
    cr_expect_eq(moved_blocks(copy_done(&bench, second, NULL)), 80,
                 "the newest copy is gone, so the older one does not help");
}

Test(world, copies_build_on_each_other_under_one_key_only)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct caller there = {"111122223333", "eu-west-1", ""};
    bench_open(&bench, 7, false);
    struct sim_volume *volume = make_volume(&bench, "gp3", 100);
    world_touch(bench.world, volume, 0, 80 * SIM_BLOCK_BYTES);
    struct sim_snapshot *snapshot = snap_done(&bench, volume);
    struct sim_snapshot *plain = copy_done(&bench, snapshot, NULL);
    cr_expect_eq(moved_blocks(copy_done(&bench, snapshot, "alias/data")), 80, "another key");
    cr_expect_eq(moved_blocks(copy_done(&bench, snapshot, "alias/data")), 80,
                 "the same key again, but there is still a copy under another");
    cr_assert(world_delete_snapshot(bench.world, &there, plain->id, &no));
    cr_expect_eq(moved_blocks(copy_done(&bench, snapshot, "alias/data")), 0, "now one key");
}

Test(world, a_copy_needs_a_completed_source_and_waits_for_the_one_before)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct sim_snapshot *copy = NULL;
    struct sim_snapshot *next = NULL;
    bench_open(&bench, 7, false);
    struct sim_volume *volume = make_volume(&bench, "gp3", 1000);
    world_touch(bench.world, volume, 0, 300 * GIB_FOR_TEST);
    struct sim_snapshot *first = snap(&bench, volume);
    cr_expect_not(copy_to(&bench, "eu-west-1", first, NULL, &copy, &no));
    cr_expect_str_eq(no.code, "IncorrectState");
    pass(&bench, MS_PER_DAY);
    struct sim_snapshot *second = snap_done(&bench, volume);
    cr_assert(copy_to(&bench, "eu-west-1", first, NULL, &copy, &no));
    cr_assert(copy_to(&bench, "eu-west-1", second, NULL, &next, &no));
    cr_expect_eq(moved_blocks(next), 0);
    cr_expect_gt(next->ends_ms, copy->ends_ms);
}

Test(world, twenty_copies_to_one_region_are_the_limit)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct sim_snapshot *copy = NULL;
    bench_open(&bench, 7, false);
    struct sim_snapshot *source = snap_done(&bench, make_volume(&bench, "gp3", 10));
    for (int i = 0; i < 20; i++)
        cr_assert(copy_to(&bench, "eu-west-1", source, NULL, &copy, &no), "copy %d", i);
    cr_expect_not(copy_to(&bench, "eu-west-1", source, NULL, &copy, &no));
    cr_expect_str_eq(no.code, "ResourceLimitExceeded");
    cr_expect(copy_to(&bench, "us-west-2", source, NULL, &copy, &no), "another region is free");
}

Test(world, an_encrypted_source_needs_the_presigned_url_and_a_bad_one_fails_late)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct sim_snapshot *copy = NULL;
    struct sim_volume *volume = NULL;
    struct volume_request blank = {
        .zone = "us-east-1a", .size_gib = 10, .encrypted = true, .key = "alias/data"};
    bench_open(&bench, 9, false);
    cr_assert(world_create_volume(bench.world, &bench.a, &blank, &volume, &no));
    pass(&bench, MS_PER_MINUTE);
    struct sim_snapshot *source = snap_done(&bench, volume);
    cr_expect(source->encrypted);
    cr_expect_str_eq(source->key_arn, volume->key_arn);

    struct caller there = {"111122223333", "eu-west-1", ""};
    struct copy_request request = {.source_region = "us-east-1", .source_id = source->id};
    cr_expect_not(world_copy_snapshot(bench.world, &there, &request, &copy, &no));
    cr_expect_str_eq(no.code, "MissingParameter");
    request.presigned = PRESIGNED_INVALID;
    cr_assert(world_copy_snapshot(bench.world, &there, &request, &copy, &no));
    pass(&bench, MS_PER_HOUR);
    cr_expect_str_eq(world_snapshot_status(bench.world, copy), "error");
    request.presigned = PRESIGNED_VALID;
    cr_assert(world_copy_snapshot(bench.world, &there, &request, &copy, &no));
    const struct sim_key *managed = world_key(bench.world, &there, "alias/aws/ebs");
    cr_expect_str_eq(copy->key_arn, managed->arn, "no key given: the region's default one");
    cr_expect_not(world_share_snapshot(bench.world, &there, copy->id, "444455556666", true, &no),
                  "the managed key cannot be shared");
}

Test(world, shared_snapshots_are_seen_and_give_a_new_lineage)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct sim_volume *theirs = NULL;
    struct sim_snapshot *snapshot = NULL;
    bench_open(&bench, 9, false);
    struct sim_volume *volume = make_volume(&bench, "gp3", 10);
    world_touch(bench.world, volume, 0, 40 * SIM_BLOCK_BYTES);
    struct sim_snapshot *source = snap_done(&bench, volume);
    cr_expect_null(world_snapshot(bench.world, &bench.b, source->id, &no));
    cr_assert(world_share_snapshot(bench.world, &bench.a, source->id, "444455556666", true, &no));
    cr_expect_not_null(world_snapshot(bench.world, &bench.b, source->id, &no));

    struct volume_request request = {.zone = "us-east-1a", .snapshot_id = source->id};
    cr_assert(world_create_volume(bench.world, &bench.b, &request, &theirs, &no), "%s", no.code);
    pass(&bench, MS_PER_MINUTE);
    cr_assert(world_create_snapshot(bench.world, &bench.b,
                                    &(struct snapshot_request){.volume_id = theirs->id}, &snapshot,
                                    &no));
    cr_expect_eq(moved_blocks(snapshot), 40, "from a shared snapshot: full");
    cr_assert(world_create_volume(bench.world, &bench.a, &request, &theirs, &no));
    pass(&bench, MS_PER_MINUTE);
    cr_expect_eq(moved_blocks(snap(&bench, theirs)), 0, "from an own snapshot: goes on");
}

Test(world, progress_starts_empty_never_falls_and_is_100_only_at_the_end)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        CLEANUP_BENCH struct bench bench;
        char text[8];
        int last = -1;
        bench_open(&bench, seed, false);
        struct sim_volume *volume = make_volume(&bench, "gp3", 100);
        world_touch(bench.world, volume, 0, 50 * GIB_FOR_TEST);
        struct sim_snapshot *snapshot = snap(&bench, volume);
        cr_expect_str_empty(world_snapshot_progress(bench.world, snapshot, text));
        while (bench.now_ms < snapshot->ends_ms - MS_PER_SECOND) {
            pass(&bench, MS_PER_SECOND);
            const char *shown = world_snapshot_progress(bench.world, snapshot, text);
            int percent = (int)strtol(shown, NULL, 10);
            cr_assert_geq(percent, last, "seed %d", (int)seed);
            last = percent;
        }
        cr_expect_eq(last, 99, "it dwells at 99");
        pass(&bench, MS_PER_MINUTE);
        cr_expect_str_eq(world_snapshot_progress(bench.world, snapshot, text), "100%");
    }
}

Test(world, the_same_seed_and_calls_give_the_same_world)
{
    int64_t ends_ms[2];
    char ids[2][SIM_ID_SIZE];
    for (size_t i = 0; i < 2; i++) {
        CLEANUP_BENCH struct bench bench;
        bench_open(&bench, 77, false);
        struct sim_volume *volume = make_volume(&bench, "gp3", 100);
        world_touch(bench.world, volume, 0, 5 * GIB_FOR_TEST);
        struct sim_snapshot *snapshot = snap(&bench, volume);
        ends_ms[i] = snapshot->ends_ms;
        memcpy(ids[i], snapshot->id, SIM_ID_SIZE);
    }
    cr_expect_eq(ends_ms[0], ends_ms[1]);
    cr_expect_str_eq(ids[0], ids[1]);
}

Test(world, a_fresh_object_may_be_invisible_for_two_minutes)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct error err;
    bench_open(&bench, 9, false);
    struct sim_volume *volume = make_volume(&bench, "gp3", 10);
    cr_assert_eq(world_arm_fault(bench.world, "invisible:CreateSnapshot", &err), ERR_NONE);
    begin(&bench, "CreateSnapshot");
    struct sim_snapshot *snapshot = snap(&bench, volume);
    cr_expect_null(world_snapshot(bench.world, &bench.a, snapshot->id, &no));
    pass(&bench, 2 * MS_PER_MINUTE);
    cr_expect_not_null(world_snapshot(bench.world, &bench.a, snapshot->id, &no));
}

Test(world, request_tokens_run_out_and_come_back)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    int granted = 0;
    bench_open(&bench, 9, false);
    while (world_take_token(bench.world, &bench.a, "CopySnapshot", false, &no))
        granted++;
    cr_expect_eq(granted, 50);
    cr_expect_str_eq(no.code, "RequestLimitExceeded");
    cr_expect(world_take_token(bench.world, &bench.b, "CopySnapshot", false, &no));
    pass(&bench, 200);
    cr_expect(world_take_token(bench.world, &bench.a, "CopySnapshot", false, &no));
    cr_expect_not(world_take_token(bench.world, &bench.a, "CopySnapshot", false, &no));
}

Test(world, a_bad_key_lets_the_volume_vanish)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct sim_volume *volume = NULL;
    struct volume_request request = {
        .zone = "us-east-1a", .size_gib = 10, .encrypted = true, .key = "alias/none"};
    bench_open(&bench, 9, false);
    cr_assert(world_create_volume(bench.world, &bench.a, &request, &volume, &no));
    cr_expect_str_eq(world_volume_status(bench.world, volume), "creating");
    pass(&bench, MS_PER_MINUTE);
    cr_expect_null(world_volume(bench.world, &bench.a, volume->id, &no));
}

struct refused_case {
    char why[32];
    char zone[16];
    char type[12];
    int64_t size_gib;
    int64_t iops;
    char code[40];
};

ParameterizedTestParameters(world, refused_volume)
{
    static struct refused_case cases[] = {
        {"zone of another region", "eu-west-1a", "gp3", 10, 0, "InvalidZone.NotFound"},
        {"no such type", "us-east-1a", "gp9", 10, 0, "UnknownVolumeType"},
        {"too large", "us-east-1a", "gp2", 16385, 0, "InvalidParameterValue"},
        {"too small", "us-east-1a", "st1", 124, 0, "InvalidParameterValue"},
        {"no size, no snapshot", "us-east-1a", "gp3", 0, 0, "MissingParameter"},
        {"iops where none can be", "us-east-1a", "gp2", 10, 500, "InvalidParameterCombination"},
        {"iops missing", "us-east-1a", "io1", 10, 0, "MissingParameter"},
        {"iops out of range", "us-east-1a", "gp3", 10, 2999, "InvalidParameterValue"},
    };
    return cr_make_param_array(struct refused_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct refused_case *c, world, refused_volume)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct sim_volume *volume = NULL;
    struct volume_request request = {
        .zone = c->zone, .type = c->type, .size_gib = c->size_gib, .iops = c->iops};
    bench_open(&bench, 9, false);
    cr_expect_not(world_create_volume(bench.world, &bench.a, &request, &volume, &no), "%s", c->why);
    cr_expect_str_eq(no.code, c->code, "%s", c->why);
}

Test(world, attaching_is_refused_as_aws_does)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct sim_volume *volume = NULL;
    bench_open(&bench, 9, false);
    struct sim_volume *first = attach_volume(&bench, "/dev/sdf");
    struct sim_volume *second = make_volume(&bench, "gp3", 10);
    cr_expect_not(world_attach_volume(
        bench.world, &bench.a,
        &(struct attach_request){first->id, bench.names.instance, "/dev/sdg", false}, &volume,
        &no));
    cr_expect_str_eq(no.code, "VolumeInUse");
    cr_expect_not(world_attach_volume(
        bench.world, &bench.a,
        &(struct attach_request){second->id, bench.names.instance, "/dev/sdf", false}, &volume,
        &no));
    cr_expect_str_eq(no.code, "InvalidParameterValue");
    cr_expect_not(world_attach_volume(
        bench.world, &bench.a,
        &(struct attach_request){second->id, "i-00000000", "/dev/sdh", false}, &volume, &no));
    cr_expect_str_eq(no.code, "InvalidInstanceID.NotFound");
    cr_expect_not(world_delete_volume(bench.world, &bench.a, first->id, &no));
    cr_expect_str_eq(no.code, "VolumeInUse");
}

Test(world, client_tokens_make_one_volume)
{
    CLEANUP_BENCH struct bench bench;
    struct refusal no = {0};
    struct sim_volume *first = NULL;
    struct sim_volume *second = NULL;
    struct volume_request request = {
        .zone = "us-east-1a", .size_gib = 10, .client_token = "token", .request_hash = "one"};
    bench_open(&bench, 9, false);
    cr_assert(world_create_volume(bench.world, &bench.a, &request, &first, &no));
    cr_assert(world_create_volume(bench.world, &bench.a, &request, &second, &no));
    cr_expect_eq(first, second);
    request.request_hash = "two";
    cr_expect_not(world_create_volume(bench.world, &bench.a, &request, &second, &no));
    cr_expect_str_eq(no.code, "IdempotentParameterMismatch");
}

#include "tests/sim/nature.h"

#include <criterion/criterion.h>

#include "model/instant.h"
#include "tests/sim/fake_cloud.h"
#include "tests/sim/foresight.h"

#define SEEDS 300

/* A small world that is quick to make. */
static struct nature small_nature(void)
{
    struct nature nature = nature_of(7);
    nature.volume_count = 1;
    nature.volumes[0].size_gib = 200;
    nature.volumes[0].written_blocks = 400000;
    nature.history_days = 3;
    nature.every_min = 720;
    return nature;
}

Test(nature, every_seed_makes_a_possible_world)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct nature nature = nature_of(seed);
        cr_assert(nature.volume_count >= 1 && nature.volume_count <= NATURE_VOLUMES_MAX);
        cr_assert(nature.history_days >= 3 && nature.history_days <= 60);
        cr_assert_eq(1440 % nature.every_min, 0);
        for (size_t i = 0; i < nature.volume_count; i++) {
            const struct nature_volume *volume = &nature.volumes[i];
            cr_assert_leq(volume->written_blocks, volume->size_gib * 2048);
            cr_assert_lt(volume->habits.batch_start_min + volume->habits.batch_length_min, 1440);
        }
    }
}

Test(nature, worlds_differ_in_every_respect)
{
    int single = 0;
    int daily = 0;
    int fast = 0;
    int lively = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct nature nature = nature_of(seed);
        single += nature.volume_count == 1;
        daily += nature.every_min == 1440;
        fast += nature.pace.least_mb_per_s > nature_usual.pace.most_mb_per_s;
        lively += nature.volumes[0].habits.liveliness > 1;
    }
    cr_expect(single > SEEDS / 2 && single < SEEDS * 4 / 5, "%d", single);
    cr_expect(daily > SEEDS / 10 && daily < SEEDS / 2, "%d", daily);
    cr_expect(fast > SEEDS / 5 && fast < SEEDS * 4 / 5, "%d", fast);
    cr_expect(lively > SEEDS / 5 && lively < SEEDS * 4 / 5, "%d", lively);
}

/* The one volume of a world. */
static const struct sim_volume *volume_in(struct fake_world *fake)
{
    struct caller caller = {"111122223333", "us-east-1", ""};
    struct refusal refusal;
    return world_volume(fake->world, &caller, fake->names.volumes, &refusal);
}

/* A snapshot at the present instant, finished. */
static const struct sim_snapshot *snap(struct fake_world *fake)
{
    struct caller caller = {"111122223333", "us-east-1", ""};
    struct snapshot_request request = {.volume_id = fake->names.volumes};
    struct sim_snapshot *snapshot = NULL;
    struct refusal refusal;
    world_advance(fake->world);
    cr_assert(world_create_snapshot(fake->world, &caller, &request, &snapshot, &refusal), "%s",
              refusal.code);
    return snapshot;
}

Test(foresight, comes_true)
{
    struct nature nature = small_nature();
    struct fake_world fake;
    struct error err;
    cr_assert_eq(fake_world_open(&fake, 7, &nature, &err), ERR_NONE);
    const struct sim_volume *volume = volume_in(&fake);
    fake.now_ms += 5 * MS_PER_HOUR;
    double bytes = foresee_changes(volume, foresee_base_ms(volume), fake.now_ms);
    struct transfer_law law = foresee_snapshot(fake.world, volume, fake.now_ms);
    const struct sim_snapshot *snapshot = snap(&fake);
    double moved = (double)world_snapshot_moved_bytes(snapshot);
    cr_expect_float_eq(bytes / moved, 1, 0.03, "%.3g foreseen, %.3g moved", bytes, moved);
    cr_expect_float_eq(physics_law_ms(&law, moved),
                       (double)(snapshot->ends_ms - snapshot->started_ms), 1);
    fake_world_close(&fake);
}

Test(nature, luck_belongs_to_time_and_not_to_calls)
{
    struct nature nature = small_nature();
    int64_t took_ms[2];
    for (int calls = 0; calls < 2; calls++) {
        struct fake_world fake;
        struct error err;
        cr_assert_eq(fake_world_open(&fake, 7, &nature, &err), ERR_NONE);
        fake.now_ms += MS_PER_HOUR;
        if (calls > 0)
            (void)snap(&fake);
        fake.now_ms += 4 * MS_PER_HOUR;
        struct transfer_law law = foresee_snapshot(fake.world, volume_in(&fake), fake.now_ms);
        const struct sim_snapshot *snapshot = snap(&fake);
        double moved = (double)world_snapshot_moved_bytes(snapshot);
        took_ms[calls] = snapshot->ends_ms - snapshot->started_ms;
        cr_expect_float_eq(physics_law_ms(&law, moved), (double)took_ms[calls], 1);
        fake_world_close(&fake);
    }
    cr_expect_lt(took_ms[1], took_ms[0], "less had changed since the call in between");
}

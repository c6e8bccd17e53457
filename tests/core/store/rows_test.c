/* Every column comes back as it went in: each member holds a value that no other has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "core/store.h"
#include "core/store/db.h"

#define VOLUME "vol-0c41d7e09ab23f586"

static char dir[] = "/tmp/ebshift-rows-XXXXXX";
static struct store *store;
static struct error err;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE, "%s", err.message);
}

static void tear_down(void)
{
    static const char *const names[] = {"ebshift.db", "ebshift.db-wal", "ebshift.db-shm"};
    store_close(store);
    for (size_t i = 0; i < 3; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

TestSuite(store_rows, .init = set_up, .fini = tear_down);

static struct run full_run(void)
{
    return (struct run){
        .id = "r-20260302-5e1d",
        .state = STATE_FINAL_COPIED,
        .round = 4,
        .created_ms = 1772409607123,
        .finished_ms = 1772409607124,
        .source_region = "us-east-1",
        .source_instance = "i-0a7d3c5e9b1f42680",
        .target_region = "eu-west-1",
        .target_zone = "eu-west-1b",
        .target_instance = "i-04f8e2b6d1a97c35e",
        .target_key = "arn:aws:kms:eu-west-1:111122223333:key/9f0e",
        .fence = true,
        .backup = false,
        .window_start_ms = 1772409607125,
        .window_end_ms = 1772409607126,
        .max_downtime_ms = 1772409607127,
        .confidence = 0.9321,
        .first_p05_s = 101.25,
        .first_p50_s = 102.25,
        .first_p95_s = 103.25,
        .downtime_p05_s = 104.25,
        .downtime_p50_s = 105.25,
        .downtime_p95_s = 106.25,
        .miss_probability = 0.0478,
        .drawn_p05_s = 107.25,
        .drawn_p50_s = 108.25,
        .drawn_p95_s = 109.25,
        .down_ms = 1772409607128,
        .cut_ms = 1772409607129,
        .up_ms = 1772409607130,
        .freeze_us = 42590,
        .request_us = 41337,
        .flush_us = 701,
        .thaw_us = 91,
        .round_trip_us = 523,
        .consistency = "frozen",
        .lsn = "2B/5C0A1F38",
        .failure = "cannot copy a snapshot: it's \"late\"; DROP TABLE run",
    };
}

static void expect_same_wish(const struct run *got, const struct run *want)
{
    cr_expect_str_eq(got->id, want->id);
    cr_expect_str_eq(got->source_region, want->source_region);
    cr_expect_str_eq(got->source_instance, want->source_instance);
    cr_expect_str_eq(got->target_region, want->target_region);
    cr_expect_str_eq(got->target_zone, want->target_zone);
    cr_expect_str_eq(got->target_instance, want->target_instance);
    cr_expect_str_eq(got->target_key, want->target_key);
    cr_expect_eq(got->fence, want->fence);
    cr_expect_eq(got->backup, want->backup);
    cr_expect_eq(got->created_ms, want->created_ms);
    cr_expect_eq(got->window_start_ms, want->window_start_ms);
    cr_expect_eq(got->window_end_ms, want->window_end_ms);
    cr_expect_eq(got->max_downtime_ms, want->max_downtime_ms);
    cr_expect_eq(got->confidence, want->confidence);
}

static void expect_same_course(const struct run *got, const struct run *want)
{
    cr_expect_eq(got->state, want->state);
    cr_expect_eq(got->round, want->round);
    cr_expect_eq(got->finished_ms, want->finished_ms);
    cr_expect_eq(got->first_p05_s, want->first_p05_s);
    cr_expect_eq(got->first_p50_s, want->first_p50_s);
    cr_expect_eq(got->first_p95_s, want->first_p95_s);
    cr_expect_eq(got->downtime_p05_s, want->downtime_p05_s);
    cr_expect_eq(got->downtime_p50_s, want->downtime_p50_s);
    cr_expect_eq(got->downtime_p95_s, want->downtime_p95_s);
    cr_expect_eq(got->miss_probability, want->miss_probability);
    cr_expect_eq(got->drawn_p05_s, want->drawn_p05_s);
    cr_expect_eq(got->drawn_p50_s, want->drawn_p50_s);
    cr_expect_eq(got->drawn_p95_s, want->drawn_p95_s);
    cr_expect_eq(got->down_ms, want->down_ms);
    cr_expect_eq(got->cut_ms, want->cut_ms);
    cr_expect_eq(got->up_ms, want->up_ms);
    cr_expect_eq(got->freeze_us, want->freeze_us);
    cr_expect_eq(got->request_us, want->request_us);
    cr_expect_eq(got->flush_us, want->flush_us);
    cr_expect_eq(got->thaw_us, want->thaw_us);
    cr_expect_eq(got->round_trip_us, want->round_trip_us);
    cr_expect_str_eq(got->consistency, want->consistency);
    cr_expect_str_eq(got->lsn, want->lsn);
    cr_expect_str_eq(got->failure, want->failure);
}

static void add_run(const struct run *run)
{
    cr_assert_eq(store_add_run(store, run, &err), ERR_NONE, "%s", err.message);
}

Test(store_rows, every_member_of_a_run_is_added_and_saved)
{
    struct run run = full_run();
    struct run got;
    add_run(&run);
    cr_assert_eq(store_get_run(store, run.id, &got, &err), ERR_NONE, "%s", err.message);
    expect_same_wish(&got, &run);
    expect_same_course(&got, &run);
    run.fence = false;
    run.backup = true;
    run.round = 5;
    run.state = STATE_ABORTING;
    run.up_ms += 1000;
    run.failure[0] = '\0';
    cr_assert_eq(store_save_run(store, &run, 1772409700001, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_get_run(store, run.id, &got, &err), ERR_NONE, "%s", err.message);
    expect_same_wish(&got, &run);
    expect_same_course(&got, &run);
}

Test(store_rows, no_id_finds_the_newest_run)
{
    struct run run = full_run();
    struct run got;
    cr_expect_eq(store_get_run(store, NULL, &got, &err), ERR_NO_RUN);
    add_run(&run);
    (void)snprintf(run.id, sizeof(run.id), "r-20260301-77aa");
    run.created_ms -= 86400000;
    add_run(&run);
    cr_assert_eq(store_get_run(store, "", &got, &err), ERR_NONE);
    cr_expect_str_eq(got.id, "r-20260302-5e1d", "newest by creation, not by insertion");
    cr_expect_eq(store_get_run(store, "r-nobody", &got, &err), ERR_NO_RUN);
    cr_expect_eq(store_add_run(store, &run, &err), ERR_STORE, "an id is used once");
}

static void save(struct run *run, enum machine_state state, int round, int64_t now_ms)
{
    run->state = state;
    run->round = round;
    cr_assert_eq(store_save_run(store, run, now_ms, &err), ERR_NONE, "%s", err.message);
}

Test(store_rows, the_journal_gets_a_line_only_on_change)
{
    struct run run = full_run();
    struct journal_step *steps = NULL;
    size_t count = 0;
    run.state = STATE_PLAN;
    run.round = 0;
    add_run(&run);
    save(&run, STATE_PLAN, 0, 1772409700001);
    save(&run, STATE_ROUND_WAIT, 1, 1772409700002);
    save(&run, STATE_ROUND_WAIT, 1, 1772409700003);
    save(&run, STATE_PLAN, 1, 1772409700004);
    cr_assert_eq(store_get_journal(store, run.id, &steps, &count, &err), ERR_NONE);
    cr_assert_eq(count, 3, "%zu lines", count);
    cr_expect_eq(steps[0].entered_ms, 1772409607123, "the run's creation");
    cr_expect_eq(steps[1].state, STATE_ROUND_WAIT);
    cr_expect_eq(steps[1].round, 1);
    cr_expect_eq(steps[1].entered_ms, 1772409700002, "the first save, not the repeated one");
    cr_expect_eq(steps[2].state, STATE_PLAN, "a state may come again");
    free(steps);
}

Test(store_rows, a_run_that_was_never_added_cannot_be_saved)
{
    struct run run = full_run();
    cr_expect_eq(store_save_run(store, &run, 1772409700001, &err), ERR_STORE);
}

Test(store_rows, an_unknown_state_is_an_error_and_not_a_guess)
{
    struct run run = full_run();
    struct run got = {.round = 1234};
    add_run(&run);
    cr_assert_eq(db_exec(store, "UPDATE run SET state = 'teleport'", &err), ERR_NONE);
    cr_expect_eq(store_get_run(store, run.id, &got, &err), ERR_STORE);
    cr_expect_eq(got.round, 1234, "the output must stay untouched");
}

static struct round full_round(int number)
{
    return (struct round){
        .number = number,
        .final = number == 3,
        .full = number != 3,
        .delta_bytes = {11.5, 12.5, 13.5},
        .snapshot_s = {21.5, 22.5, 23.5},
        .copy_s = {31.5, 32.5, 33.5},
        .duration_s = {41.5, 42.5, 43.5},
        .planned_ms = 1772409800001,
        .started_ms = 1772409800002,
        .snapshot_done_ms = 1772409800003,
        .copy_started_ms = 1772409800004,
        .copy_done_ms = 1772409800005,
        .actual_delta_bytes = INT64_C(9007199254740993), /* no double can hold it */
    };
}

static void expect_same_round(const struct round *got, const struct round *want)
{
    cr_expect_eq(got->number, want->number);
    cr_expect_eq(got->final, want->final);
    cr_expect_eq(got->full, want->full);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(got->delta_bytes[i], want->delta_bytes[i]);
        cr_expect_eq(got->snapshot_s[i], want->snapshot_s[i]);
        cr_expect_eq(got->copy_s[i], want->copy_s[i]);
        cr_expect_eq(got->duration_s[i], want->duration_s[i]);
    }
    cr_expect_eq(got->planned_ms, want->planned_ms);
    cr_expect_eq(got->started_ms, want->started_ms);
    cr_expect_eq(got->snapshot_done_ms, want->snapshot_done_ms);
    cr_expect_eq(got->copy_started_ms, want->copy_started_ms);
    cr_expect_eq(got->copy_done_ms, want->copy_done_ms);
    cr_expect_eq(got->actual_delta_bytes, want->actual_delta_bytes);
}

Test(store_rows, transfers_that_ran_beside_one_are_counted)
{
    const int64_t t = 1772409600000;
    struct volume_rows rows = {0};
    static const struct {
        const char *volume;
        const char *id;
        int64_t after_ms;
        enum transfer_kind kind;
    } put[] = {
        {VOLUME, "snap-set", 0, TRANSFER_SNAPSHOT},
        {"vol-2", "snap-set2", 0, TRANSFER_SNAPSHOT},     /* a set starts together */
        {"vol-3", "snap-before", -50, TRANSFER_SNAPSHOT}, /* runs already */
        {"vol-4", "snap-over", -100, TRANSFER_SNAPSHOT},  /* just over */
        {"vol-5", "snap-after", 1, TRANSFER_SNAPSHOT},
        {"vol-6", "snap-copy", -50, TRANSFER_COPY}, /* of the other kind */
    };
    for (size_t i = 0; i < sizeof(put) / sizeof(put[0]); i++) {
        struct store_duration row = {.sample = {.kind = put[i].kind,
                                                .started_ms = t + put[i].after_ms,
                                                .duration_ms = 100,
                                                .delta_bytes = 5}};
        (void)snprintf(row.sample.id, sizeof(row.sample.id), "%s", put[i].id);
        cr_assert_eq(store_put_durations(store, put[i].volume, &row, 1, &err), ERR_NONE);
    }
    cr_assert_eq(store_get_volume_rows(store, VOLUME, "eu-west-1", &rows, &err), ERR_NONE);
    cr_assert_eq(rows.duration_count, 1);
    cr_expect_eq(rows.durations[0].queued, 2, "%u", rows.durations[0].queued);
    volume_rows_done(&rows);
}

/* The set of a snapshot is what began and completed with it; copies go each its own way. */
Test(store_rows, the_largest_of_a_set_is_known)
{
    const int64_t t = 1772409600000;
    static const struct {
        const char *volume;
        enum transfer_kind kind;
        int64_t started_ms;
        int64_t duration_ms;
        int64_t bytes;
    } put[] = {
        {VOLUME, TRANSFER_SNAPSHOT, 0, 90000, 5},
        {"vol-2", TRANSFER_SNAPSHOT, 0, 90001, 40},
        {"vol-3", TRANSFER_SNAPSHOT, 0, 90000, 30},
        {"vol-4", TRANSFER_SNAPSHOT, 0, 95000, 99}, /* was over later */
        {"vol-5", TRANSFER_SNAPSHOT, 1, 90000, 99}, /* began later */
        {VOLUME, TRANSFER_COPY, 100000, 70000, 5},
        {"vol-2", TRANSFER_COPY, 100000, 70000, 40},
    };
    struct volume_rows rows = {0};
    for (size_t i = 0; i < sizeof(put) / sizeof(put[0]); i++) {
        struct store_duration row = {.sample = {.kind = put[i].kind,
                                                .started_ms = t + put[i].started_ms,
                                                .duration_ms = put[i].duration_ms,
                                                .delta_bytes = put[i].bytes}};
        (void)snprintf(row.sample.id, sizeof(row.sample.id), "snap-%zu", i);
        cr_assert_eq(store_put_durations(store, put[i].volume, &row, 1, &err), ERR_NONE);
    }
    cr_assert_eq(store_get_volume_rows(store, VOLUME, "eu-west-1", &rows, &err), ERR_NONE);
    cr_assert_eq(rows.duration_count, 2);
    cr_expect_eq(rows.durations[0].set_bytes, 40);
    cr_expect_eq(rows.durations[1].set_bytes, 0, "copies complete one by one");
    volume_rows_done(&rows);
}

Test(store_rows, a_full_round_is_known_by_its_instant)
{
    struct run run = full_run();
    struct round round = full_round(1);
    bool had = true;
    add_run(&run);
    cr_assert_eq(store_put_round(store, run.id, &round, &err), ERR_NONE);
    cr_assert_eq(store_had_full_round(store, round.started_ms, &had, &err), ERR_NONE);
    cr_expect(had);
    cr_assert_eq(store_had_full_round(store, round.started_ms + 1, &had, &err), ERR_NONE);
    cr_expect_not(had);
}

static void count(int64_t at_ms, const char *origin, int64_t bytes, int64_t ops)
{
    struct counter_reading reading = {.bytes = bytes, .ops = ops};
    (void)snprintf(reading.origin, sizeof(reading.origin), "%s", origin);
    cr_assert_eq(store_put_reading(store, VOLUME, at_ms, &reading, &err), ERR_NONE, "%s",
                 err.message);
}

Test(store_rows, what_is_counted_here_follows_what_cloudwatch_told)
{
    const int64_t t = 1772409600000;
    struct volume_rows rows = {0};
    struct write_sample told = {.start_ms = t, .length_ms = 300000, .bytes = 7, .ops = 1};
    cr_assert_eq(store_put_writes(store, VOLUME, &told, 1, &err), ERR_NONE);
    count(t + 100000, "boot a", 1000, 10);
    count(t + 300000, "boot a", 5000, 30); /* CloudWatch tells of that time */
    count(t + 600000, "boot a", 6000, 35);
    count(t + 700000, "boot b", 7000, 40); /* another boot */
    count(t + 800000, "boot b", 100, 2);   /* counts anew */
    count(t + 900000, "boot b", 400, 3);
    count(t + 900000, "boot b", 450, 4);    /* no time has passed */
    count(t + 9900000, "boot b", 9000, 90); /* hours later */
    count(t + 9950000, "boot b", 9000, 90);
    cr_assert_eq(store_get_volume_rows(store, VOLUME, "eu-west-1", &rows, &err), ERR_NONE);
    cr_assert_eq(rows.write_count, 4, "%zu rows", rows.write_count);
    cr_expect_eq(rows.writes[0].bytes, 7);
    cr_expect_eq(rows.writes[1].start_ms, t + 300000);
    cr_expect_eq(rows.writes[1].length_ms, 300000);
    cr_expect_eq(rows.writes[1].bytes, 1000);
    cr_expect_eq(rows.writes[1].ops, 5);
    cr_expect_eq(rows.writes[2].bytes, 300);
    cr_expect_eq(rows.writes[3].start_ms, t + 9900000);
    cr_expect_eq(rows.writes[3].bytes, 0);
    volume_rows_done(&rows);
}

/* A finished run whose downtime was 900 s: cut 10 s after the fence, 300 s of snapshot, 2 s to the
 * copy, 500 s of it; and a round of 400 s before. */
static void add_finished(const char *id, int64_t created_ms, const char *volume_id)
{
    struct run run = full_run();
    struct round round = full_round(1);
    struct object object = {.kind = OBJECT_SNAPSHOT, .round = 1};
    (void)snprintf(run.id, sizeof(run.id), "%s", id);
    (void)snprintf(object.volume_id, sizeof(object.volume_id), "%s", volume_id);
    run.state = STATE_DONE;
    run.created_ms = created_ms;
    run.down_ms = created_ms + 5000000;
    run.up_ms = run.down_ms + 900000;
    add_run(&run);
    round.started_ms = created_ms + 1000;
    round.snapshot_done_ms = round.started_ms + 150000;
    round.copy_started_ms = round.snapshot_done_ms;
    round.copy_done_ms = round.started_ms + 400000;
    cr_assert_eq(store_put_round(store, id, &round, &err), ERR_NONE, "%s", err.message);
    round.number = 3;
    round.final = true;
    round.started_ms = run.down_ms + 10000;
    round.snapshot_done_ms = round.started_ms + 300000;
    round.copy_started_ms = round.snapshot_done_ms + 2000;
    round.copy_done_ms = round.copy_started_ms + 500000;
    cr_assert_eq(store_put_round(store, id, &round, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_add_object(store, id, &object, &err), ERR_NONE, "%s", err.message);
}

Test(store_rows, promises_of_finished_runs_and_rounds_come_beside_what_came_of_them)
{
    struct promise *promises = NULL;
    size_t count = 0;
    struct run young = full_run();
    struct round pending = full_round(1);
    add_finished("r-old", 1772409600000, "vol-other");
    add_finished("r-new", 1772409700000, VOLUME);
    (void)snprintf(young.id, sizeof(young.id), "r-young");
    young.up_ms = 0;
    add_run(&young);
    pending.copy_done_ms = 0;
    cr_assert_eq(store_put_round(store, "r-young", &pending, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_get_promises(store, "vol-one " VOLUME " ", 10, &promises, &count, &err),
                 ERR_NONE, "%s", err.message);
    cr_assert_eq(count, 4, "%zu: what is not over promises nothing yet", count);
    cr_expect_str_eq(promises[0].run_id, "r-new");
    cr_expect(promises[0].series && promises[0].own);
    cr_expect_eq(promises[0].told_s[0], 107.25, "as drawn");
    cr_expect_eq(promises[0].told_s[2], 109.25);
    cr_expect_eq(promises[0].actual_s, 900);
    cr_expect_eq(promises[0].own_steps_s, 100);
    cr_expect(!promises[1].series && promises[1].own);
    cr_expect_eq(promises[1].told_s[1], 42.5);
    cr_expect_eq(promises[1].actual_s, 400);
    cr_expect_eq(promises[1].own_steps_s, -1);
    cr_expect_str_eq(promises[2].run_id, "r-old");
    cr_expect(!promises[2].own && !promises[3].own);
    free(promises);
    cr_assert_eq(store_get_promises(store, "", 1, &promises, &count, &err), ERR_NONE);
    cr_expect_eq(count, 2, "one run");
    free(promises);
}

Test(store_rows, a_round_comes_back_and_is_replaced)
{
    struct run run = full_run();
    struct round third = full_round(3);
    struct round second = full_round(2);
    struct round *rounds = NULL;
    size_t count = 0;
    add_run(&run);
    cr_assert_eq(store_put_round(store, run.id, &third, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_put_round(store, run.id, &second, &err), ERR_NONE, "%s", err.message);
    third.copy_done_ms += 1000;
    cr_assert_eq(store_put_round(store, run.id, &third, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_get_rounds(store, run.id, &rounds, &count, &err), ERR_NONE);
    cr_assert_eq(count, 2, "%zu rounds", count);
    expect_same_round(&rounds[0], &second);
    expect_same_round(&rounds[1], &third);
    free(rounds);
}

static struct object full_object(void)
{
    return (struct object){
        .kind = OBJECT_COPY,
        .state = OBJECT_LOST,
        .round = 6,
        .token = "r-20260302-5e1d/c6.2/0c41d7e09ab23f586",
        .volume_id = VOLUME,
        .from_id = "snap-0d92c6fe1b7a4c358",
        .id = "snap-01e5b8a37f4926dc0",
        .region = "eu-west-1",
        .device = "/dev/sdg",
        .intended_ms = 1772409900001,
        .started_ms = 1772409900002,
        .done_ms = 1772409900003,
    };
}

static void expect_same_object(const struct object *got, const struct object *want)
{
    cr_expect_eq(got->number, want->number);
    cr_expect_eq(got->kind, want->kind);
    cr_expect_eq(got->state, want->state);
    cr_expect_eq(got->round, want->round);
    cr_expect_str_eq(got->token, want->token);
    cr_expect_str_eq(got->volume_id, want->volume_id);
    cr_expect_str_eq(got->from_id, want->from_id);
    cr_expect_str_eq(got->id, want->id);
    cr_expect_str_eq(got->region, want->region);
    cr_expect_str_eq(got->device, want->device);
    cr_expect_eq(got->intended_ms, want->intended_ms);
    cr_expect_eq(got->started_ms, want->started_ms);
    cr_expect_eq(got->done_ms, want->done_ms);
}

Test(store_rows, an_object_is_added_and_saved)
{
    struct run run = full_run();
    struct object object = full_object();
    struct object other = full_object();
    struct object *objects = NULL;
    size_t count = 0;
    add_run(&run);
    cr_assert_eq(store_add_object(store, run.id, &object, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_add_object(store, run.id, &other, &err), ERR_NONE, "%s", err.message);
    cr_expect_lt(object.number, other.number);
    object.kind = OBJECT_VOLUME;
    object.state = OBJECT_READY;
    object.done_ms += 1000;
    (void)snprintf(object.device, sizeof(object.device), "/dev/sdh");
    cr_assert_eq(store_save_object(store, &object, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_get_objects(store, run.id, &objects, &count, &err), ERR_NONE);
    cr_assert_eq(count, 2);
    expect_same_object(&objects[0], &object);
    expect_same_object(&objects[1], &other);
    free(objects);
}

Test(store_rows, what_belongs_to_no_run_is_refused)
{
    struct object object = full_object();
    struct round round = full_round(1);
    cr_expect_eq(store_add_object(store, "r-nobody", &object, &err), ERR_STORE);
    cr_expect_eq(store_put_round(store, "r-nobody", &round, &err), ERR_STORE);
    cr_expect_eq(store_put_text(store, "r-nobody", "unfence.sql", "x", &err), ERR_STORE);
}

Test(store_rows, a_text_is_replaced_and_found)
{
    struct run run = full_run();
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 100};
    add_run(&run);
    cr_expect_eq(store_get_text(store, run.id, "backup_label", &text, &err), ERR_NOT_FOUND);
    cr_assert_eq(store_put_text(store, run.id, "backup_label", "first", &err), ERR_NONE);
    cr_assert_eq(store_put_text(store, run.id, "backup_label", "it's\nsecond", &err), ERR_NONE);
    cr_assert_eq(store_get_text(store, run.id, "backup_label", &text, &err), ERR_NONE);
    cr_expect_str_eq(strbuf_text(&text), "it's\nsecond");
}

Test(store_rows, durations_of_other_targets_stay_apart)
{
    CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
    struct store_duration put[] = {
        {.sample = {"snap-b", TRANSFER_COPY, true, true, 2000, 700, 90000001}, "eu-west-1"},
        {.sample = {"snap-a", TRANSFER_SNAPSHOT, false, false, 1000, 600, -1}, ""},
        {.sample = {"snap-c", TRANSFER_COPY, false, false, 3000, 800, 90000003}, "us-west-2"},
    };
    cr_assert_eq(store_put_durations(store, VOLUME, put, 3, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_get_volume_rows(store, VOLUME, "eu-west-1", &rows, &err), ERR_NONE);
    cr_assert_eq(rows.duration_count, 2, "%zu rows", rows.duration_count);
    cr_expect_str_eq(rows.durations[0].id, "snap-a", "oldest first");
    cr_expect_eq(rows.durations[0].delta_bytes, -1);
    cr_expect_eq(rows.durations[0].duration_ms, 600);
    cr_expect_str_eq(rows.durations[1].id, "snap-b");
    cr_expect_eq(rows.durations[1].kind, TRANSFER_COPY);
    cr_expect(rows.durations[1].full && rows.durations[1].pending);
    cr_expect_eq(rows.durations[1].started_ms, 2000);
    cr_expect_eq(rows.durations[1].delta_bytes, 90000001);
}

Test(store_rows, a_size_once_known_is_not_forgotten)
{
    CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
    struct store_duration row = {
        .sample = {"snap-a", TRANSFER_SNAPSHOT, false, true, 1000, 600, 52428800}, ""};
    cr_assert_eq(store_put_durations(store, VOLUME, &row, 1, &err), ERR_NONE);
    row.sample.delta_bytes = -1;
    row.sample.pending = false;
    row.sample.duration_ms = 777;
    cr_assert_eq(store_put_durations(store, VOLUME, &row, 1, &err), ERR_NONE);
    cr_assert_eq(store_get_volume_rows(store, VOLUME, "", &rows, &err), ERR_NONE);
    cr_assert_eq(rows.duration_count, 1);
    cr_expect_eq(rows.durations[0].delta_bytes, 52428800);
    cr_expect_eq(rows.durations[0].duration_ms, 777);
    cr_expect_not(rows.durations[0].pending);
}

Test(store_rows, dirties_and_writes_come_back_in_order)
{
    CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
    struct dirty_sample dirties[] = {{"snap-2", 1000, 9000, 7340032, 2},
                                     {"snap-1", 500, 1000, 524288, 1}};
    struct write_sample writes[] = {{60000, 30000, 4097, -1}, {0, 60000, 12289, 17}};
    int64_t end_ms = -1;
    cr_assert_eq(store_writes_end(store, VOLUME, &end_ms, &err), ERR_NONE);
    cr_expect_eq(end_ms, 0, "nothing known yet");
    cr_assert_eq(store_put_dirties(store, VOLUME, dirties, 2, &err), ERR_NONE);
    cr_assert_eq(store_put_writes(store, VOLUME, writes, 2, &err), ERR_NONE);
    cr_assert_eq(store_put_writes(store, "vol-ffffffff", writes, 1, &err), ERR_NONE);
    cr_assert_eq(store_writes_end(store, VOLUME, &end_ms, &err), ERR_NONE);
    cr_expect_eq(end_ms, 90000);
    cr_assert_eq(store_get_volume_rows(store, VOLUME, "", &rows, &err), ERR_NONE);
    cr_assert_eq(rows.dirty_count, 2);
    cr_expect_str_eq(rows.dirties[0].id, "snap-1");
    cr_expect_eq(rows.dirties[1].start_ms, 1000);
    cr_expect_eq(rows.dirties[1].changed_bytes, 7340032);
    cr_expect_eq(rows.dirties[1].merged_count, 2);
    cr_assert_eq(rows.write_count, 2, "the other volume's row is not here");
    cr_expect_eq(rows.writes[0].bytes, 12289);
    cr_expect_eq(rows.writes[0].ops, 17);
    cr_expect_eq(rows.writes[1].length_ms, 30000);
}

Test(store_rows, many_rows_cross_every_growth_of_the_array)
{
    struct write_sample put[1000];
    CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
    for (int i = 0; i < 1000; i++)
        put[i] = (struct write_sample){i * INT64_C(300000), 300000, i * INT64_C(7919), i};
    cr_assert_eq(store_put_writes(store, VOLUME, put, 1000, &err), ERR_NONE);
    cr_assert_eq(store_get_volume_rows(store, VOLUME, "", &rows, &err), ERR_NONE);
    cr_assert_eq(rows.write_count, 1000);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(rows.writes[i].bytes, i * INT64_C(7919), "row %d", i);
}

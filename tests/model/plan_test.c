#include "model/plan.h"

#include <math.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>

#include "tests/model/made_history.h"

#define HOUR_MS    INT64_C(3600000)
#define FULL_BYTES INT64_C(2200000000000)

static void no_gsl_abort(void)
{
    gsl_set_error_handler_off();
}

TestSuite(plan, .init = no_gsl_abort);

/* A fitted volume and a question about it, ready to be varied. */
struct stage {
    struct made_history made;
    struct volume_model model;
    struct plan_member member;
    struct plan_input input;
};

static void stage_init(struct stage *stage, unsigned long seed, size_t snapshot_count)
{
    struct error err = {0};
    *stage = (struct stage){0};
    made_history_init(&stage->made, &seed_truth, seed, snapshot_count, 7200, 14, 0);
    cr_assert_eq(volume_model_fit(&stage->made.history, MADE_NOW_MS, &stage->model, &err), ERR_NONE,
                 "%s", err.message);
    stage->member = (struct plan_member){
        .model = &stage->model,
        .last_snapshot_ms = snapshot_count > 0 ? MADE_NOW_MS - 2 * HOUR_MS : 0,
        .full_bytes = FULL_BYTES,
    };
    stage->input = (struct plan_input){
        .now_ms = MADE_NOW_MS,
        .window_start_ms = MADE_NOW_MS + 12 * HOUR_MS,
        .window_end_ms = MADE_NOW_MS + 72 * HOUR_MS,
        .max_downtime_ms = HOUR_MS,
        .copies = true,
        .members = &stage->member,
        .member_count = 1,
        .seed = 5,
    };
}

static void stage_done(struct stage *stage)
{
    volume_model_done(&stage->model);
    made_history_done(&stage->made);
}

static void make(const struct stage *stage, struct plan *plan)
{
    struct error err = {0};
    memset(plan, 0, sizeof(*plan));
    cr_assert_eq(plan_make(&stage->input, plan, &err), ERR_NONE, "%s", err.message);
}

Test(plan, moves_two_terabytes_in_shrinking_rounds)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 31, 40);
    make(&stage, &plan);
    cr_expect(plan.converges && plan.fits, "%s", plan.reason);
    cr_expect_not(plan.prior_only);
    cr_assert_geq(plan.round_count, 2);
    cr_expect(plan.rounds[0].full);
    cr_expect(plan.rounds[0].duration_s.p50 > 9 * 3600 &&
              plan.rounds[0].duration_s.p50 < 20 * 3600);
    for (size_t i = 1; i < plan.round_count; i++) {
        cr_expect_not(plan.rounds[i].full);
        cr_expect_lt(plan.rounds[i].duration_s.p50, plan.rounds[0].duration_s.p50 / 3);
        cr_expect_gt(plan.rounds[i].starts_at_ms, plan.rounds[i - 1].starts_at_ms);
    }
    cr_expect_lt(plan.final.snapshot_s.p50, 1200);
    cr_expect_eq(plan.next.action, PLAN_START_ROUND);
    cr_expect_eq(plan.next.at_ms, plan.rounds[0].starts_at_ms);
    cr_expect_geq(plan.final.cut_at_ms, stage.input.window_start_ms);
    cr_expect_leq(plan.window_miss_probability, 0.1);
    cr_expect(plan.downtime_s.p05 < plan.downtime_s.p50 &&
              plan.downtime_s.p50 < plan.downtime_s.p95);
    stage_done(&stage);
}

/* A full copy costs the same whenever it is made, and may be slow: it begins at once. What follows on it
 * is spaced towards the cut, and is not told as if it had to follow at once. */
Test(plan, a_full_round_begins_at_once_and_the_rest_near_the_cut)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 31, 40);
    stage.input.window_start_ms = MADE_NOW_MS + 72 * HOUR_MS;
    stage.input.window_end_ms = MADE_NOW_MS + 80 * HOUR_MS;
    make(&stage, &plan);
    cr_expect(plan.fits, "%s", plan.reason);
    cr_assert_geq(plan.round_count, 3);
    cr_expect(plan.rounds[0].full && plan.rounds[0].starts_at_ms == MADE_NOW_MS);
    cr_expect_gt(plan.rounds[1].starts_at_ms, MADE_NOW_MS + 36 * HOUR_MS);
    cr_expect_gt(plan.start_by_ms, MADE_NOW_MS + 12 * HOUR_MS);
    cr_expect_lt(plan.start_by_ms, MADE_NOW_MS + 66 * HOUR_MS);
    stage_done(&stage);
}

/* Writers stop whatever runs: a round in flight at the fence is waited for, and that is downtime. */
Test(plan, a_fixed_fence_counts_waiting_as_downtime)
{
    struct stage stage;
    struct plan waits;
    struct plan holds;
    stage_init(&stage, 35, 40);
    stage.input.copies = false;
    stage.input.phase = PLAN_SNAPSHOT_PENDING;
    stage.input.round_started_ms = MADE_NOW_MS - 60000;
    stage.input.phase_started_ms = MADE_NOW_MS - 60000;
    stage.input.window_start_ms = MADE_NOW_MS + 30000;
    make(&stage, &waits);
    stage.input.fixed_fence = true;
    make(&stage, &holds);
    cr_expect_gt(holds.downtime_s.p50, waits.downtime_s.p50 + 30, "%g beside %g",
                 holds.downtime_s.p50, waits.downtime_s.p50);
    cr_expect_leq(holds.round_count, 1, "no round begins behind the fence");
    stage_done(&stage);
}

/* After each round the rest is planned anew, and near the cut that means a round as soon as the last
 * is over: the final is then as small as the gap before it. */
Test(plan, what_is_told_foresees_the_rounds_that_planning_anew_adds)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 36, 40);
    stage.input.copies = false;
    stage.member.last_snapshot_ms = MADE_NOW_MS - HOUR_MS / 2;
    stage.input.window_start_ms = MADE_NOW_MS + 3 * HOUR_MS;
    make(&stage, &plan);
    cr_expect_gt(plan.expected_rounds, 3.5, "%g", plan.expected_rounds);
    struct quantiles settled;
    struct error err = {0};
    int64_t base_ms = stage.input.window_start_ms - llround(5000 * plan.series.round_s);
    cr_assert_eq(forecast_delta(&stage.model, base_ms, stage.input.window_start_ms, &settled, &err),
                 ERR_NONE);
    cr_expect_lt(plan.final.delta_bytes.p50, settled.p50, "a gap of %g s: %g beside %g",
                 5 * plan.series.round_s, plan.final.delta_bytes.p50, settled.p50);
    double sum = plan.final.delta_bytes.p50;
    for (size_t i = 0; i < plan.round_count; i++)
        sum += plan.rounds[i].delta_bytes.p50;
    cr_expect_gt(plan.expected_bytes, 0.8 * sum, "%g beside %g", plan.expected_bytes, sum);
    stage_done(&stage);
}

/* What the service was asked to have done by then is a bound, and no guess any more. */
Test(plan, a_time_based_copy_takes_no_longer_than_asked)
{
    struct stage stage;
    struct plan standard;
    struct plan timed;
    struct error err = {0};
    stage_init(&stage, 33, 40);
    make(&stage, &standard);
    stage.input.copy_limit_ms = 15 * INT64_C(60000);
    stage.input.copy_hops = 1;
    make(&stage, &timed);
    cr_assert(timed.round_count > 0 && standard.round_count > 0);
    cr_expect_gt(standard.rounds[0].copy_s.p50, 8 * 3600);
    cr_expect_float_eq(timed.rounds[0].copy_s.p95, 4500, 1, "2.2 TB at 500 MiB/s, in quarters");
    cr_expect_leq(timed.final.copy_s.p95, 900);
    cr_expect_leq(timed.downtime_promise_s, standard.downtime_promise_s);
    stage.input.copy_limit_ms = 16 * INT64_C(60000);
    cr_expect_eq(plan_make(&stage.input, &timed, &err), ERR_INVALID);
    stage_done(&stage);
}

/* How quick a small transfer is cannot be known from large ones: one made early tells in time. */
Test(plan, begins_at_once_while_small_transfers_are_a_guess)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 34, 40);
    stage.input.copies = false;
    stage.input.window_start_ms = MADE_NOW_MS + 48 * HOUR_MS;
    stage.model.snapshot.least_bytes = 1;
    make(&stage, &plan);
    cr_expect_gt(plan.next.at_ms, MADE_NOW_MS + 12 * HOUR_MS, "known: there is time");
    cr_expect_not(plan.calibrates);
    stage.model.snapshot.least_bytes = 1e15;
    stage.model.snapshot.covariance[1][1] = 1e-6;
    make(&stage, &plan);
    cr_expect_not(plan.calibrates, "none so small, but the line is known all the same");
    stage.model.snapshot.covariance[1][1] = 1;
    make(&stage, &plan);
    cr_expect_eq(plan.next.action, PLAN_START_ROUND);
    cr_expect_eq(plan.next.at_ms, MADE_NOW_MS);
    cr_expect(plan.calibrates);
    stage_done(&stage);
}

Test(plan, same_input_gives_the_same_bytes)
{
    struct stage stage;
    struct plan one;
    struct plan other;
    stage_init(&stage, 32, 20);
    make(&stage, &one);
    make(&stage, &other);
    cr_expect_str_eq(one.reason, other.reason);
    cr_expect_eq(one.downtime_s.p95, other.downtime_s.p95);
    cr_expect_eq(one.final.cut_at_ms, other.final.cut_at_ms);
    cr_assert_eq(one.round_count, other.round_count);
    for (size_t i = 0; i < one.round_count; i++) {
        cr_expect_eq(one.rounds[i].starts_at_ms, other.rounds[i].starts_at_ms);
        cr_expect_eq(one.rounds[i].duration_s.p95, other.rounds[i].duration_s.p95);
    }
    stage.input.seed = 6;
    make(&stage, &other);
    cr_expect_neq(one.downtime_s.p95, other.downtime_s.p95, "the seed must matter");
    stage_done(&stage);
}

/* What past promises teach changes what is told, and never what is done. */
Test(plan, a_calibration_widens_and_moves_the_promise_and_not_the_plan)
{
    struct stage stage;
    struct plan plain;
    struct plan wide;
    struct plan late;
    stage_init(&stage, 33, 20);
    make(&stage, &plain);
    stage.input.calibration.widen = 1.5;
    make(&stage, &wide);
    stage.input.calibration.shift = 1;
    make(&stage, &late);
    cr_expect_eq(plain.downtime_s.p95, plain.drawn_downtime_s.p95,
                 "nothing learned, nothing moved");
    cr_expect_eq(wide.drawn_downtime_s.p95, plain.downtime_s.p95);
    cr_expect_float_eq(wide.downtime_s.p50, plain.downtime_s.p50, 1);
    cr_expect_float_eq(log(wide.downtime_s.p95 / wide.downtime_s.p50),
                       1.5 * log(plain.downtime_s.p95 / plain.downtime_s.p50), 0.05);
    cr_expect_lt(wide.downtime_s.p05, plain.downtime_s.p05);
    cr_expect_gt(wide.downtime_promise_s, plain.downtime_promise_s);
    cr_expect_geq(wide.window_miss_probability, plain.window_miss_probability);
    cr_expect_gt(late.downtime_s.p50, wide.downtime_s.p50);
    cr_expect_eq(late.round_count, plain.round_count);
    cr_expect_eq(late.next.at_ms, plain.next.at_ms);
    stage_done(&stage);
}

Test(plan, a_window_in_the_past_is_never)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 33, 20);
    stage.input.window_start_ms = MADE_NOW_MS - 9 * HOUR_MS;
    stage.input.window_end_ms = MADE_NOW_MS - 2 * HOUR_MS;
    make(&stage, &plan);
    cr_expect_eq(plan.next.action, PLAN_NEVER);
    cr_expect_not(plan.fits);
    cr_expect_not_null(strstr(plan.reason, "the window ended"), "%s", plan.reason);
    stage_done(&stage);
}

Test(plan, a_window_before_the_full_copy_can_be_over_says_when)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 34, 40);
    stage.input.window_start_ms = MADE_NOW_MS + 2 * HOUR_MS;
    stage.input.window_end_ms = MADE_NOW_MS + 5 * HOUR_MS;
    make(&stage, &plan);
    cr_expect_not(plan.fits);
    cr_expect_not_null(strstr(plan.reason, "too late"), "%s", plan.reason);
    cr_expect_not_null(strstr(plan.remedy, "2026-03-"), "%s", plan.remedy);
    cr_expect_gt(plan.earliest_cut_ms, stage.input.window_end_ms);
    stage_done(&stage);
}

Test(plan, a_downtime_below_the_floor_does_not_converge)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 35, 40);
    stage.input.max_downtime_ms = 100000;
    make(&stage, &plan);
    cr_expect_not(plan.converges);
    cr_expect_not(plan.fits);
    cr_expect_str_not_empty(plan.reason);
    cr_expect_str_not_empty(plan.remedy);
    stage_done(&stage);
}

Test(plan, waits_while_a_round_is_in_flight)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 36, 40);
    stage.input.phase = PLAN_COPY_PENDING;
    stage.input.round_started_ms = MADE_NOW_MS - 6 * HOUR_MS;
    stage.input.phase_started_ms = MADE_NOW_MS - 5 * HOUR_MS;
    stage.member.last_snapshot_ms = MADE_NOW_MS - 8 * HOUR_MS;
    make(&stage, &plan);
    cr_expect_eq(plan.next.action, PLAN_WAIT);
    cr_expect_gt(plan.next.at_ms, MADE_NOW_MS);
    cr_expect(plan.rounds[0].in_flight && plan.rounds[0].full);
    double left_s = plan.rounds[0].duration_s.p50;
    cr_expect(left_s > 4 * 3600 && left_s < 14 * 3600, "%g s left", left_s);
    stage_done(&stage);
}

Test(plan, cuts_when_the_base_is_fresh_and_the_window_is_open)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 37, 40);
    stage.input.window_start_ms = MADE_NOW_MS - HOUR_MS;
    stage.member.last_snapshot_ms = MADE_NOW_MS - 400000;
    stage.member.last_copied_ms = MADE_NOW_MS - 400000;
    make(&stage, &plan);
    cr_expect_eq(plan.next.action, PLAN_CUT);
    cr_expect_eq(plan.next.at_ms, MADE_NOW_MS);
    cr_expect(plan.fits, "%s", plan.reason);
    stage_done(&stage);
}

Test(plan, one_more_round_when_the_base_is_old_and_the_window_is_open)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 38, 40);
    stage.input.window_start_ms = MADE_NOW_MS - HOUR_MS;
    stage.member.last_snapshot_ms = MADE_NOW_MS - 14 * HOUR_MS;
    stage.member.last_copied_ms = MADE_NOW_MS - 14 * HOUR_MS;
    make(&stage, &plan);
    cr_expect_eq(plan.next.action, PLAN_START_ROUND);
    cr_expect_eq(plan.next.at_ms, MADE_NOW_MS);
    stage_done(&stage);
}

/* Going on must not cost the promise. */
Test(plan, no_further_round_when_it_would_outlast_the_window)
{
    struct stage stage;
    struct plan plan;
    stage_init(&stage, 38, 40);
    stage.input.window_start_ms = MADE_NOW_MS - HOUR_MS;
    stage.input.window_end_ms = MADE_NOW_MS + 2 * HOUR_MS;
    stage.member.last_snapshot_ms = MADE_NOW_MS - 3 * HOUR_MS;
    stage.member.last_copied_ms = MADE_NOW_MS - 3 * HOUR_MS;
    make(&stage, &plan);
    cr_expect_eq(plan.next.action, PLAN_START_ROUND, "there is time");
    stage.input.window_end_ms = MADE_NOW_MS + HOUR_MS * 3 / 4;
    make(&stage, &plan);
    cr_expect_eq(plan.next.action, PLAN_CUT);
    cr_expect_eq(plan.round_count, 0);
    stage_done(&stage);
}

/* People read it as a schedule: what begins before the cut is over by then, or nearly. */
Test(plan, the_last_round_that_is_told_lies_before_the_cut)
{
    for (unsigned long seed = 60; seed < 110; seed++) {
        struct stage stage;
        struct plan plan;
        stage_init(&stage, seed, 40);
        stage.input.window_start_ms = MADE_NOW_MS + (int64_t)(16 + seed % 24) * HOUR_MS;
        stage.input.window_end_ms = stage.input.window_start_ms + 8 * HOUR_MS;
        stage.input.max_downtime_ms = 0;
        make(&stage, &plan);
        for (size_t i = 1; i < plan.round_count; i++) {
            const struct plan_round *round = &plan.rounds[i];
            double left_s = (double)(plan.final.cut_at_ms - round->starts_at_ms) / 1000;
            cr_expect_geq(left_s, round->duration_s.p50 / 2,
                          "seed %lu, round %zu of %zu: %g s of %g", seed, i + 1, plan.round_count,
                          left_s, round->duration_s.p50);
        }
        stage_done(&stage);
    }
}

/* Two hours around each begin that was planned, and the cut in the middle of the window's first. */
Test(plan, nothing_begins_in_a_blackout)
{
    struct stage stage;
    struct plan free;
    struct plan plan;
    stage_init(&stage, 39, 40);
    make(&stage, &free);
    struct blackouts *blackouts = &stage.input.blackouts;
    for (size_t i = 0; i < free.round_count; i++) {
        blackouts->items[blackouts->count++] = (struct blackout){
            .start_ms = free.rounds[i].starts_at_ms - HOUR_MS / 2, .length_ms = 2 * HOUR_MS};
    }
    blackouts->items[blackouts->count++] =
        (struct blackout){.start_ms = free.final.cut_at_ms - HOUR_MS / 4, .length_ms = HOUR_MS / 2};
    make(&stage, &plan);
    cr_expect_gt(plan.round_count, 0);
    for (size_t i = 0; i < plan.round_count; i++) {
        int64_t at_ms = plan.rounds[i].starts_at_ms;
        cr_expect_eq(blackouts_end(blackouts, at_ms), at_ms, "round %zu", i);
    }
    cr_expect_eq(plan.next.at_ms, plan.rounds[0].starts_at_ms);
    cr_expect_geq(plan.final.cut_at_ms, free.final.cut_at_ms + HOUR_MS / 4);
    stage_done(&stage);
}

/* Otherwise the remedy would name an instant at which nothing may begin either. */
Test(plan, the_earliest_cut_is_in_no_blackout)
{
    struct stage stage;
    struct plan free;
    struct plan plan;
    stage_init(&stage, 39, 40);
    make(&stage, &free);
    stage.input.blackouts = (struct blackouts){
        .items = {{.start_ms = free.earliest_cut_ms - HOUR_MS, .length_ms = 4 * HOUR_MS}},
        .count = 1,
    };
    make(&stage, &plan);
    cr_expect_eq(blackouts_end(&stage.input.blackouts, plan.earliest_cut_ms), plan.earliest_cut_ms);
    stage_done(&stage);
}

Test(plan, a_set_is_as_slow_as_its_slowest_volume)
{
    struct stage stage;
    struct stage slow;
    struct plan one;
    struct plan both;
    stage_init(&stage, 39, 40);
    stage_init(&slow, 40, 40);
    slow.model.snapshot.log_s_per_mib += 1;
    slow.model.copy.log_s_per_mib += 1;
    snprintf(slow.model.volume_id, sizeof(slow.model.volume_id), "vol-slow");
    make(&stage, &one);
    struct plan_member members[] = {stage.member, slow.member};
    stage.input.members = members;
    stage.input.member_count = 2;
    make(&stage, &both);
    cr_expect_gt(both.downtime_s.p50, one.downtime_s.p50);
    cr_expect_eq(both.series.slowest_index, 1);
    stage_done(&slow);
    stage_done(&stage);
}

/* A number of any size and sign, often one of the edges. */
static int64_t any_number(gsl_rng *rng)
{
    static const int64_t edges[] = {0, -1, 1, INT64_MAX, INT64_MIN, MADE_NOW_MS, BLOCK_BYTES};
    if (gsl_rng_uniform(rng) < 0.3)
        return edges[gsl_rng_uniform_int(rng, sizeof(edges) / sizeof(edges[0]))];
    return (int64_t)exp(43 * gsl_rng_uniform(rng));
}

/* Every third row gets one field of any size. */
static void spoil(struct made_history *made)
{
    gsl_rng *rng = made->rng;
    for (size_t i = 0; i < made->history.duration_count; i += 3) {
        struct duration_sample *row = &made->durations[i];
        int64_t *fields[] = {&row->started_ms, &row->duration_ms, &row->delta_bytes};
        *fields[gsl_rng_uniform_int(rng, 3)] = any_number(rng);
        row->full = gsl_rng_uniform(rng) < 0.2;
        row->pending = gsl_rng_uniform(rng) < 0.2;
    }
    for (size_t i = 0; i < made->history.dirty_count; i += 3) {
        struct dirty_sample *row = &made->dirties[i];
        int64_t *fields[] = {&row->start_ms, &row->end_ms, &row->changed_bytes};
        *fields[gsl_rng_uniform_int(rng, 3)] = any_number(rng);
        row->merged_count = (unsigned)any_number(rng);
    }
    for (size_t i = 0; i < made->history.write_count; i += 3) {
        struct write_sample *row = &made->writes[i];
        int64_t *fields[] = {&row->start_ms, &row->length_ms, &row->bytes, &row->ops};
        *fields[gsl_rng_uniform_int(rng, 4)] = any_number(rng);
    }
}

static void expect_finite(const struct quantiles *q, const char *what)
{
    cr_expect(isfinite(q->p05) && isfinite(q->p50) && isfinite(q->p95) && q->p05 >= 0, "%s", what);
}

Test(plan, absurd_rows_never_make_an_absurd_plan)
{
    for (unsigned long seed = 1; seed <= 30; seed++) {
        struct stage stage;
        struct plan plan;
        struct error err = {0};
        stage_init(&stage, 200 + seed, 12);
        spoil(&stage.made);
        volume_model_done(&stage.model);
        cr_assert_eq(volume_model_fit(&stage.made.history, MADE_NOW_MS, &stage.model, &err),
                     ERR_NONE, "%s", err.message);
        cr_expect_gt(stage.model.aside.total_count, 0);
        stage.input.draw_count = 64;
        make(&stage, &plan);
        expect_finite(&plan.downtime_s, "downtime");
        expect_finite(&plan.final.delta_bytes, "delta");
        cr_expect(isfinite(plan.series.round_s) && isfinite(plan.series.amplification));
        cr_expect(plan.window_miss_probability >= 0 && plan.window_miss_probability <= 1);
        cr_expect_geq(plan.next.at_ms, MADE_NOW_MS);
        cr_expect_str_not_empty(plan.reason);
        stage_done(&stage);
    }
}

struct bad_case {
    char why[40];
    int64_t now_ms;
    int64_t window_ms; /* length */
    double confidence;
    double overhead_s;
    int64_t full_bytes;
    int64_t last_ms; /* relative to now */
};

ParameterizedTestParameters(plan, refuses)
{
    static struct bad_case cases[] = {
        {"no instant", 0, HOUR_MS, 0.9, 60, FULL_BYTES, -1},
        {"a window without length", MADE_NOW_MS, 0, 0.9, 60, FULL_BYTES, -1},
        {"confidence of one", MADE_NOW_MS, HOUR_MS, 1.0, 60, FULL_BYTES, -1},
        {"confidence not a number", MADE_NOW_MS, HOUR_MS, (double)NAN, 60, FULL_BYTES, -1},
        {"overhead negative", MADE_NOW_MS, HOUR_MS, 0.9, -60, FULL_BYTES, -1},
        {"overhead endless", MADE_NOW_MS, HOUR_MS, 0.9, (double)INFINITY, FULL_BYTES, -1},
        {"full without a size", MADE_NOW_MS, HOUR_MS, 0.9, 60, 0, -1},
        {"a snapshot from the future", MADE_NOW_MS, HOUR_MS, 0.9, 60, FULL_BYTES, 1000},
    };
    return cr_make_param_array(struct bad_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct bad_case *c, plan, refuses, .init = no_gsl_abort)
{
    struct stage stage;
    struct plan plan = {.round_count = 77};
    struct error err = {0};
    stage_init(&stage, 41, 5);
    stage.input.now_ms = c->now_ms;
    stage.input.window_end_ms = stage.input.window_start_ms + c->window_ms;
    stage.input.confidence = c->confidence;
    stage.input.overhead = (struct overhead){.p50_s = c->overhead_s, .p95_s = c->overhead_s};
    stage.member.full_bytes = c->full_bytes;
    stage.member.last_snapshot_ms = MADE_NOW_MS + c->last_ms;
    cr_expect_eq(plan_make(&stage.input, &plan, &err), ERR_INVALID, "%s", c->why);
    cr_expect_str_not_empty(err.message);
    cr_expect_eq(plan.round_count, 77, "%s: the output must stay untouched", c->why);
    stage_done(&stage);
}

/* Does what plan after plan says, against outcomes of the truth; returns the downtime (s). */
static double live_through(struct stage *stage, struct plan *first)
{
    gsl_rng *rng = stage->made.rng;
    make(stage, first);
    struct plan plan = *first;
    for (int steps = 0; plan.next.action == PLAN_START_ROUND && steps < 20; steps++) {
        int64_t start_ms = plan.next.at_ms;
        int64_t copied_ms = stage->member.last_copied_ms;
        double delta = truth_delta_bytes(
            &seed_truth, (double)(start_ms - stage->member.last_snapshot_ms) / 1000, rng);
        double carried = copied_ms != 0 ? delta : (double)FULL_BYTES;
        double seconds =
            truth_duration_s(&seed_truth, delta, rng) + truth_duration_s(&seed_truth, carried, rng);
        stage->member.last_snapshot_ms = start_ms;
        stage->member.last_copied_ms = start_ms;
        stage->input.now_ms = start_ms + llround(seconds * 1000);
        make(stage, &plan);
    }
    cr_assert_eq(plan.next.action, PLAN_CUT, "%s", plan.reason);
    double gap_s = (double)(plan.next.at_ms - stage->member.last_copied_ms) / 1000;
    double delta = truth_delta_bytes(&seed_truth, gap_s, rng);
    return 90 * exp(gsl_ran_gaussian(rng, 0.5)) + truth_duration_s(&seed_truth, delta, rng) +
           truth_duration_s(&seed_truth, delta, rng);
}

Test(plan, what_happens_lies_in_what_the_first_plan_promised)
{
    size_t inside = 0;
    size_t kept = 0;
    for (unsigned long seed = 1; seed <= 20; seed++) {
        struct stage stage;
        struct plan first;
        stage_init(&stage, 100 + seed, 40);
        stage.input.draw_count = 128;
        double downtime_s = live_through(&stage, &first);
        inside += downtime_s >= first.downtime_s.p05 && downtime_s <= first.downtime_s.p95;
        kept += downtime_s <= first.downtime_promise_s;
        cr_expect_lt(downtime_s, 3600, "seed %lu: %g s", seed, downtime_s);
        stage_done(&stage);
    }
    cr_expect_geq(inside, 16, "%zu of 20", inside);
    cr_expect_geq(kept, 16, "%zu of 20", kept);
}

/* EBS completes the snapshots of a volume in their order: somebody else's that runs is waited for, and
 * is the base of the first round. */
Test(plan, a_snapshot_of_somebody_else_is_waited_for)
{
    struct stage stage;
    struct plan alone;
    struct plan waits;
    struct plan nearly;
    stage_init(&stage, 37, 40);
    stage.input.copies = false;
    stage.member.last_snapshot_ms = 0;
    make(&stage, &alone);
    cr_expect(alone.rounds[0].full);
    stage.member.foreign_ms = MADE_NOW_MS - HOUR_MS;
    make(&stage, &waits);
    cr_assert_gt(waits.round_count, 0);
    cr_expect_not(waits.rounds[0].full, "the other's is the full one");
    cr_expect_gt(waits.rounds[0].starts_at_ms, MADE_NOW_MS + 6 * HOUR_MS);
    cr_expect_eq(waits.next.at_ms, waits.rounds[0].starts_at_ms);
    stage.member.foreign_percent = 90;
    make(&stage, &nearly);
    cr_expect_lt(nearly.rounds[0].starts_at_ms, MADE_NOW_MS + HOUR_MS / 2,
                 "nine tenths in an hour: the rest in minutes");
    stage_done(&stage);
}

/* Twenty copies may be in flight into a region; when others hold them, the copies of the final wait,
 * and that is downtime. */
Test(plan, copies_wait_for_places_that_others_hold)
{
    struct stage stage;
    struct plan free;
    struct plan held;
    struct error err = {0};
    CLEANUP_PLACES struct places places = {.count = 2};
    stage_init(&stage, 38, 40);
    stage.member.last_snapshot_ms = MADE_NOW_MS - HOUR_MS / 2;
    stage.member.last_copied_ms = MADE_NOW_MS - HOUR_MS / 2;
    stage.input.window_start_ms = MADE_NOW_MS + HOUR_MS / 4;
    stage.input.places = places;
    make(&stage, &free);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(places_book(&places, MADE_NOW_MS - HOUR_MS,
                                 stage.input.window_start_ms + 2 * HOUR_MS, &err),
                     ERR_NONE);
    }
    stage.input.places = places;
    make(&stage, &held);
    cr_expect(free.fits, "%s", free.reason);
    cr_expect_gt(held.final.cut_at_ms + (int64_t)(1000 * held.downtime_s.p50),
                 stage.input.window_start_ms + 2 * HOUR_MS);
    stage_done(&stage);
}

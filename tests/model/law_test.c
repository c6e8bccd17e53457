/* What must hold of every forecast, whatever the past: over random pasts of random truths. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>

#include "model/forecast.h"
#include "tests/model/made_history.h"

#define SEEDS   20
#define HOUR_MS INT64_C(3600000)

static void no_gsl_abort(void)
{
    gsl_set_error_handler_off();
}

TestSuite(law, .init = no_gsl_abort);

/* A database of any size and pace. */
static struct truth any_truth(unsigned long seed)
{
    struct truth truth = seed_truth;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    gsl_rng_set(rng, seed);
    truth.fixed_s *= exp(gsl_ran_gaussian(rng, 1));
    truth.bytes_per_s *= exp(gsl_ran_gaussian(rng, 0.7));
    truth.noise = 0.05 + 0.4 * gsl_rng_uniform(rng);
    truth.hot_bytes *= exp(gsl_ran_gaussian(rng, 1.5));
    truth.hot_turn_s *= exp(gsl_ran_gaussian(rng, 1));
    truth.cold_bytes_per_s *= exp(gsl_ran_gaussian(rng, 1.5));
    truth.dirty_noise = 0.05 + 0.3 * gsl_rng_uniform(rng);
    gsl_rng_free(rng);
    return truth;
}

static void make_any(struct made_history *made, unsigned long seed, size_t count)
{
    struct truth truth = any_truth(seed);
    made_history_init(made, &truth, seed, count, 3600, 8, 1);
}

static void fit(const struct volume_history *history, struct volume_model *model)
{
    struct error err = {0};
    cr_assert_eq(volume_model_fit(history, MADE_NOW_MS, model, &err), ERR_NONE, "%s", err.message);
}

static struct forecast ask(const struct volume_model *model, int64_t gap_ms)
{
    struct error err = {0};
    struct forecast forecast = {0};
    int64_t from_ms = MADE_NOW_MS - HOUR_MS;
    cr_assert_eq(forecast_step(model, from_ms, from_ms + gap_ms, &forecast, &err), ERR_NONE);
    return forecast;
}

static bool is_sound(const struct quantiles *q)
{
    return q->p05 > 0 && q->p05 <= q->p50 && q->p50 <= q->p95 && isfinite(q->p95);
}

static double width(const struct quantiles *q)
{
    return log(q->p95 / q->p05);
}

Test(law, more_bytes_never_take_less_and_none_less_than_the_overhead)
{
    static const size_t counts[] = {0, 1, 2, 5, 30};
    for (unsigned long seed = 1; seed <= SEEDS; seed++) {
        struct made_history made;
        CLEANUP_VOLUME_MODEL struct volume_model model = {0};
        make_any(&made, seed, counts[seed % 5]);
        fit(&made.history, &model);
        double before = 0;
        for (double bytes = 0; bytes < 1e14; bytes = bytes * 2 + 1e5) {
            double seconds = exp(duration_fit_log_s(&model.copy, bytes));
            double floor_s = exp(model.copy.log_fixed_s + model.copy.level);
            cr_expect(seconds >= before && seconds >= floor_s * (1 - 1e-12) && isfinite(seconds),
                      "seed %lu: %g bytes in %g s", seed, bytes, seconds);
            before = seconds;
        }
        made_history_done(&made);
    }
}

/* The writes without their daily swing: where the pace falls for hours, the median of a longer gap
 * can come out a few per cent lower than that of a shorter one (docs/model.md). */
static void even_out(struct made_history *made)
{
    for (size_t i = 0; i < made->history.write_count; i++) {
        made->writes[i].bytes = INT64_C(3300000000);
        made->writes[i].ops = 400000;
    }
}

Test(law, at_an_even_pace_a_longer_gap_never_changes_less)
{
    for (unsigned long seed = 1; seed <= SEEDS; seed++) {
        struct made_history made;
        CLEANUP_VOLUME_MODEL struct volume_model model = {0};
        make_any(&made, seed, 3 + seed);
        even_out(&made);
        fit(&made.history, &model);
        struct forecast before = ask(&model, 60000);
        for (int64_t gap_ms = 2 * 60000; gap_ms < 96 * HOUR_MS; gap_ms = gap_ms * 3 / 2) {
            struct forecast now = ask(&model, gap_ms);
            cr_expect(is_sound(&now.delta_bytes) && is_sound(&now.snapshot_s) &&
                      is_sound(&now.copy_s));
            cr_expect_geq(now.delta_bytes.p50, before.delta_bytes.p50 * (1 - 1e-9),
                          "seed %lu, %lld ms: %g after %g", seed, (long long)gap_ms,
                          now.delta_bytes.p50, before.delta_bytes.p50);
            before = now;
        }
        made_history_done(&made);
    }
}

/* The same rows in another order, and all of them twice. */
static struct volume_history shuffled_twice(const struct made_history *made)
{
    struct volume_history history = made->history;
    struct duration_sample *durations = calloc(2 * history.duration_count, sizeof(*durations));
    struct dirty_sample *dirties = calloc(2 * history.dirty_count, sizeof(*dirties));
    struct write_sample *writes = calloc(2 * history.write_count, sizeof(*writes));
    for (size_t i = 0; i < 2 * history.duration_count; i++)
        durations[i] = made->durations[i % history.duration_count];
    for (size_t i = 0; i < 2 * history.dirty_count; i++)
        dirties[i] = made->dirties[i % history.dirty_count];
    for (size_t i = 0; i < 2 * history.write_count; i++)
        writes[i] = made->writes[i % history.write_count];
    gsl_ran_shuffle(made->rng, durations, 2 * history.duration_count, sizeof(*durations));
    gsl_ran_shuffle(made->rng, dirties, 2 * history.dirty_count, sizeof(*dirties));
    gsl_ran_shuffle(made->rng, writes, 2 * history.write_count, sizeof(*writes));
    history.durations = durations;
    history.dirties = dirties;
    history.writes = writes;
    history.duration_count *= 2;
    history.dirty_count *= 2;
    history.write_count *= 2;
    return history;
}

Test(law, order_and_repetition_of_rows_do_not_matter)
{
    for (unsigned long seed = 1; seed <= 6; seed++) {
        struct made_history made;
        CLEANUP_VOLUME_MODEL struct volume_model once = {0};
        CLEANUP_VOLUME_MODEL struct volume_model twice = {0};
        make_any(&made, seed, 12);
        fit(&made.history, &once);
        struct volume_history history = shuffled_twice(&made);
        fit(&history, &twice);
        struct forecast a = ask(&once, 2 * HOUR_MS);
        struct forecast b = ask(&twice, 2 * HOUR_MS);
        cr_expect_float_eq(b.delta_bytes.p95 / a.delta_bytes.p95, 1, 1e-6);
        cr_expect_float_eq(b.snapshot_s.p05 / a.snapshot_s.p05, 1, 1e-6);
        cr_expect_float_eq(b.copy_s.p95 / a.copy_s.p95, 1, 1e-6);
        cr_expect_geq(twice.aside.total_count,
                      once.aside.total_count + made.history.duration_count +
                          made.history.dirty_count + made.history.write_count);
        free((void *)(uintptr_t)history.durations);
        free((void *)(uintptr_t)history.dirties);
        free((void *)(uintptr_t)history.writes);
        made_history_done(&made);
    }
}

/* Seconds stay seconds and bytes bytes: a volume twice as large and as busy changes twice as much,
 * and transfers that all take twice as long are foretold twice as long. */
Test(law, units_are_kept)
{
    for (unsigned long seed = 1; seed <= 10; seed++) {
        struct made_history made;
        CLEANUP_VOLUME_MODEL struct volume_model one = {0};
        CLEANUP_VOLUME_MODEL struct volume_model other = {0};
        make_any(&made, seed, 60);
        fit(&made.history, &one);
        made.history.volume_bytes *= 2;
        for (size_t i = 0; i < made.history.dirty_count; i++)
            made.dirties[i].changed_bytes *= 2;
        for (size_t i = 0; i < made.history.write_count; i++) {
            made.writes[i].bytes *= 2;
            made.writes[i].ops *= 2;
        }
        for (size_t i = 0; i < made.history.duration_count; i++)
            made.durations[i].duration_ms *= 2;
        fit(&made.history, &other);
        double blocks = ask(&other, HOUR_MS).delta_bytes.p50 / ask(&one, HOUR_MS).delta_bytes.p50;
        cr_expect_float_eq(blocks, 2, 0.1, "seed %lu: %g times the bytes", seed, blocks);
        double bytes = (double)made.durations[0].delta_bytes;
        double times = exp(duration_fit_log_s(&other.snapshot, bytes) -
                           duration_fit_log_s(&one.snapshot, bytes));
        cr_expect_float_eq(times, 2, 0.1, "seed %lu: %g times the seconds", seed, times);
        made_history_done(&made);
    }
}

Test(law, more_history_narrows_in_the_mean)
{
    static const size_t counts[] = {1, 4, 12, 40};
    double delta[4] = {0};
    double time[4] = {0};
    for (unsigned long seed = 1; seed <= SEEDS; seed++) {
        for (size_t i = 0; i < 4; i++) {
            struct made_history made;
            CLEANUP_VOLUME_MODEL struct volume_model model = {0};
            make_any(&made, seed, counts[i]);
            fit(&made.history, &model);
            struct forecast forecast = ask(&model, HOUR_MS);
            delta[i] += width(&forecast.delta_bytes) / SEEDS;
            time[i] += width(&forecast.copy_s) / SEEDS;
            made_history_done(&made);
        }
    }
    for (size_t i = 1; i < 4; i++) {
        cr_expect_lt(delta[i], delta[i - 1], "%zu snapshots: %g after %g", counts[i], delta[i],
                     delta[i - 1]);
        cr_expect_lt(time[i], time[i - 1], "%zu snapshots: %g after %g", counts[i], time[i],
                     time[i - 1]);
    }
}

Test(law, an_idle_volume_is_foretold_too)
{
    struct made_history made;
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    make_any(&made, 3, 20);
    for (size_t i = 0; i < made.history.dirty_count; i++)
        made.dirties[i].changed_bytes = 0;
    for (size_t i = 0; i < made.history.write_count; i++)
        made.writes[i].bytes = made.writes[i].ops = 0;
    for (size_t i = 0; i < made.history.duration_count; i++)
        made.durations[i].delta_bytes = 0;
    fit(&made.history, &model);
    for (int64_t gap_ms = 1000; gap_ms < 400 * HOUR_MS; gap_ms *= 10) {
        struct forecast forecast = ask(&model, gap_ms);
        cr_expect(is_sound(&forecast.delta_bytes) && is_sound(&forecast.snapshot_s));
        cr_expect_lt(forecast.delta_bytes.p50, 2e6);
    }
    made_history_done(&made);
}

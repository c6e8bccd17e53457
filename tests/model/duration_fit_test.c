#include "model/duration_fit.h"

#include <math.h>

#include <criterion/criterion.h>
#include <gsl/gsl_errno.h>

#include "tests/model/made_history.h"

static void no_gsl_abort(void)
{
    gsl_set_error_handler_off();
}

TestSuite(duration_fit, .init = no_gsl_abort);

static struct duration_fit learn(const struct volume_history *history, struct set_aside *aside)
{
    struct duration_fit fit = {0};
    struct error err = {0};
    struct duration_source source = {
        .history = history,
        .kind = TRANSFER_SNAPSHOT,
        .now_ms = MADE_NOW_MS,
        .prior = duration_prior_shipped(),
    };
    cr_assert_eq(duration_fit_learn(&source, &fit, aside, &err), ERR_NONE, "%s", err.message);
    return fit;
}

/* Gaps of all lengths, so that both the floor and the rate can be seen. */
static void vary(struct made_history *made, const struct truth *truth)
{
    for (size_t i = 0; i < made->history.duration_count; i++) {
        double bytes = 1e8 * exp(6.0 * gsl_rng_uniform(made->rng));
        made->durations[i].delta_bytes = llround(bytes);
        made->durations[i].duration_ms = llround(1000 * truth_duration_s(truth, bytes, made->rng));
    }
}

Test(duration_fit, finds_floor_and_rate_again_over_seeds)
{
    double floor_error = 0;
    double rate_error = 0;
    for (unsigned long seed = 1; seed <= 20; seed++) {
        struct made_history made;
        struct set_aside aside = {0};
        made_history_init(&made, &seed_truth, seed, 60, 7200, 0, 0);
        vary(&made, &seed_truth);
        struct duration_fit fit = learn(&made.history, &aside);
        floor_error += fit.log_fixed_s - log(seed_truth.fixed_s);
        rate_error += fit.log_s_per_mib - log(1048576 / seed_truth.bytes_per_s);
        made_history_done(&made);
    }
    cr_expect_lt(fabs(floor_error / 20), 0.06, "floor off by %g", floor_error / 20);
    cr_expect_lt(fabs(rate_error / 20), 0.06, "rate off by %g", rate_error / 20);
}

Test(duration_fit, speaks_from_the_prior_without_history)
{
    struct volume_history history = {0};
    struct set_aside aside = {0};
    struct duration_fit fit = learn(&history, &aside);
    cr_expect(fit.prior_only);
    cr_expect_float_eq(exp(duration_fit_log_s(&fit, 0)), 60, 0.1);
    cr_expect_gt(duration_fit_scale(&fit, 1e10), 0.5, "a prior must not sound certain");
}

Test(duration_fit, grows_with_the_delta_and_never_falls_below_the_floor)
{
    struct made_history made;
    struct set_aside aside = {0};
    made_history_init(&made, &seed_truth, 3, 25, 3600, 0, 0);
    struct duration_fit fit = learn(&made.history, &aside);
    double before = exp(fit.log_fixed_s + fit.level);
    cr_expect_float_eq(exp(duration_fit_log_s(&fit, -1)), before, 1e-9);
    for (double bytes = 1; bytes < 1e14; bytes *= 3) {
        double seconds = exp(duration_fit_log_s(&fit, bytes));
        cr_expect_geq(seconds, before);
        before = seconds;
    }
    made_history_done(&made);
}

Test(duration_fit, one_absurdly_slow_snapshot_hardly_moves_it_and_is_named)
{
    struct made_history made;
    struct set_aside aside = {0};
    made_history_init(&made, &seed_truth, 4, 30, 7200, 0, 0);
    vary(&made, &seed_truth);
    struct duration_fit clean = learn(&made.history, &aside);
    cr_assert_eq(aside.total_count, 0);
    made.durations[11].duration_ms *= 12;
    struct duration_fit fit = learn(&made.history, &aside);
    double before = duration_fit_log_s(&clean, 1e10);
    cr_expect_lt(fabs(duration_fit_log_s(&fit, 1e10) - before), 0.12);
    cr_expect_eq(aside.total_count, 1);
    cr_expect_str_eq(aside.rows[0].id, made.durations[11].id);
    cr_expect_eq(aside.rows[0].reason, SET_ASIDE_OUTLIER);
    made_history_done(&made);
}

Test(duration_fit, a_pending_old_snapshot_slows_the_forecast_a_young_one_does_not)
{
    struct made_history made;
    struct set_aside aside = {0};
    made_history_init(&made, &seed_truth, 5, 10, 7200, 0, 0);
    struct duration_sample *last = &made.durations[9];
    int64_t usual_ms = last->duration_ms;
    last->pending = true;
    last->duration_ms = usual_ms / 20;
    struct duration_fit young = learn(&made.history, &aside);
    last->duration_ms = usual_ms * 4;
    struct duration_fit old = learn(&made.history, &aside);
    double done = duration_fit_log_s(&young, 1e10);
    cr_expect_gt(duration_fit_log_s(&old, 1e10), done + 0.02);
    cr_expect_eq(young.sample_count, 9);
    cr_expect_eq(young.pending_count, 1);
    made_history_done(&made);
}

/* Those of a set complete together: a small one that waited for a large one is not slow itself. */
Test(duration_fit, a_member_of_a_set_is_not_blamed_for_its_wait)
{
    double floor_error = 0;
    double rate_error = 0;
    for (unsigned long seed = 1; seed <= 20; seed++) {
        struct made_history made;
        struct set_aside aside = {0};
        made_history_init(&made, &seed_truth, seed, 60, 7200, 0, 0);
        vary(&made, &seed_truth);
        for (size_t i = 0; i < 60; i++) {
            struct duration_sample *sample = &made.durations[i];
            sample->set_bytes = sample->delta_bytes / 2;
            sample->started_ms -= INT64_C(86400000); /* the longest is over by now */
            if (i % 3 != 0) {
                sample->set_bytes = 20 * sample->delta_bytes;
                double set_s = truth_duration_s(&seed_truth, (double)sample->set_bytes, made.rng);
                sample->duration_ms = llround(1000 * set_s);
            }
        }
        struct duration_fit fit = learn(&made.history, &aside);
        floor_error += fit.log_fixed_s - log(seed_truth.fixed_s);
        rate_error += fit.log_s_per_mib - log(1048576 / seed_truth.bytes_per_s);
        cr_expect_eq(aside.total_count, 0, "one that waits is no outlier");
        made_history_done(&made);
    }
    cr_expect_lt(fabs(floor_error / 20), 0.1, "floor off by %g", floor_error / 20);
    cr_expect_lt(fabs(rate_error / 20), 0.1, "rate off by %g", rate_error / 20);
}

/* All that is known of one that always waited: it was never slower than its set. */
Test(duration_fit, who_only_ever_waited_is_bounded_and_uncertain)
{
    struct made_history made;
    struct set_aside aside = {0};
    made_history_init(&made, &seed_truth, 7, 30, 7200, 0, 0);
    for (size_t i = 0; i < 30; i++) {
        made.durations[i].delta_bytes = 10 * INT64_C(1000000000);
        made.durations[i].set_bytes = 2 * made.durations[i].delta_bytes;
        made.durations[i].duration_ms = 100 * 1000;
    }
    struct duration_fit fit = learn(&made.history, &aside);
    cr_expect_lt(duration_fit_log_s(&fit, 1e10), log(100));
    cr_expect_gt(duration_fit_log_s(&fit, 1e10), log(100 / 8.0), "the prior counts");
    cr_expect_gt(duration_fit_scale(&fit, 1e10), 0.2, "%g", duration_fit_scale(&fit, 1e10));
    made.durations[29].pending = true;
    made.durations[29].duration_ms = 10000 * 1000;
    struct duration_fit waiting = learn(&made.history, &aside);
    cr_expect_eq(waiting.pending_count, 0, "it may long be over");
    cr_expect_lt(duration_fit_log_s(&waiting, 1e10), log(100));
    made_history_done(&made);
}

Test(duration_fit, order_of_the_rows_does_not_matter)
{
    struct made_history made;
    struct set_aside aside = {0};
    made_history_init(&made, &seed_truth, 6, 20, 7200, 0, 0);
    struct duration_fit fit = learn(&made.history, &aside);
    for (size_t i = 0; i < 10; i++) {
        struct duration_sample row = made.durations[i];
        made.durations[i] = made.durations[19 - i];
        made.durations[19 - i] = row;
    }
    struct duration_fit turned = learn(&made.history, &aside);
    cr_expect_eq(fit.log_fixed_s, turned.log_fixed_s);
    cr_expect_eq(fit.log_s_per_mib, turned.log_s_per_mib);
    cr_expect_eq(fit.level, turned.level);
    made_history_done(&made);
}

Test(duration_fit, a_full_one_tells_of_full_ones)
{
    struct made_history made;
    struct set_aside aside = {0};
    made_history_init(&made, &seed_truth, 7, 1, 7200, 0, 0);
    made.durations[0].full = true;
    made.durations[0].delta_bytes = INT64_C(2200000000000);
    made.durations[0].started_ms = MADE_NOW_MS - INT64_C(90000000);
    made.durations[0].duration_ms = INT64_C(80000000); /* 27.5 MB/s */
    struct duration_fit fit = learn(&made.history, &aside);
    double seconds = exp(duration_fit_full_log_s(&fit, 2.2e12));
    cr_expect(seconds > 55000 && seconds < 80000, "%g s", seconds);
    /* A small one waited for this one: it tells of its rate, with a little more doubt. */
    made.durations[0].delta_bytes = INT64_C(3000000000);
    made.durations[0].set_bytes = INT64_C(2200000000000);
    struct duration_fit waited = learn(&made.history, &aside);
    double waited_s = exp(duration_fit_full_log_s(&waited, 2.2e12));
    cr_expect(waited_s > 50000 && waited_s < 80000, "%g s", waited_s);
    cr_expect_gt(waited.full_scale, fit.full_scale);
    cr_expect_lt(waited.full_scale, 0.3);
    made_history_done(&made);
}

/* A mover a thousand times slower than the shipped prior believes: the rows must win, and not all
 * be taken for outliers. */
Test(duration_fit, a_prior_far_off_gives_way)
{
    struct made_history made;
    struct set_aside aside = {0};
    made_history_init(&made, &seed_truth, 11, 12, 7200, 0, 0);
    for (size_t i = 0; i < made.history.duration_count; i++) {
        made.durations[i].duration_ms *= 100;
        made.durations[i].started_ms -= 100 * INT64_C(86400000);
    }
    struct duration_fit fit = learn(&made.history, &aside);
    double bytes = (double)made.durations[5].delta_bytes;
    double took = log((double)made.durations[5].duration_ms / 1000);
    cr_expect_float_eq(duration_fit_log_s(&fit, bytes), took, 0.5);
    cr_expect_lt(fit.noise, 0.5);
    cr_expect_eq(aside.total_count, 0);
    made_history_done(&made);
}

Test(duration_fit, a_fleet_makes_the_prior_of_a_new_volume)
{
    struct duration_fit fits[3] = {
        {.log_fixed_s = 3, .log_s_per_mib = -2, .full_log_s_per_mib = -3},
        {.log_fixed_s = 5, .log_s_per_mib = -4, .full_log_s_per_mib = -5},
        {.log_fixed_s = 90, .prior_only = true},
    };
    struct duration_prior prior = duration_prior_of_fleet(fits, 3);
    cr_expect_float_eq(prior.log_fixed_s, 4, 1e-12);
    cr_expect_float_eq(prior.log_s_per_mib, -3, 1e-12);
    cr_expect_float_eq(prior.full_log_s_per_mib, -4, 1e-12);
    fits[1].log_fixed_s = 15;
    struct duration_prior scattered = duration_prior_of_fleet(fits, 3);
    cr_expect_gt(scattered.scale_fixed, prior.scale_fixed, "volumes that differ tell less");
    struct duration_prior none = duration_prior_of_fleet(&fits[2], 1);
    cr_expect_eq(none.log_fixed_s, duration_prior_shipped().log_fixed_s);
}

/* A small final after large rounds is what matters, and what such a history says least of. */
Test(duration_fit, doubts_grow_outside_the_sizes_that_taught)
{
    struct made_history made;
    struct set_aside aside = {0};
    struct volume_history none = {0};
    made_history_init(&made, &seed_truth, 9, 40, 7200, 0, 0);
    struct duration_fit fit = learn(&made.history, &aside);
    double least = fit.least_bytes;
    double most = fit.most_bytes;
    double inside = duration_fit_scale(&fit, sqrt(least * most));
    cr_expect_float_eq(duration_fit_scale(&fit, least), inside, 0.05 * inside);
    double before = duration_fit_scale(&fit, least);
    for (double bytes = least / 2; bytes > 1e5; bytes /= 4) {
        double scale = duration_fit_scale(&fit, bytes);
        cr_expect(scale > before && isfinite(scale), "%g bytes", bytes);
        before = scale;
    }
    cr_expect_gt(duration_fit_scale(&fit, 16 * most), 1.5 * duration_fit_scale(&fit, most));
    struct duration_fit prior = learn(&none, &aside);
    cr_expect(isfinite(duration_fit_scale(&prior, 0)) &&
              isfinite(duration_fit_scale(&prior, 1e15)));
    made_history_done(&made);
}

/* A history where every other transfer had three beside it, each of which cost `slowdown`. */
static struct duration_fit learn_queued(double slowdown, double queue, unsigned long seed)
{
    struct made_history made;
    struct set_aside aside = {0};
    struct duration_fit fit = {0};
    struct error err = {0};
    made_history_init(&made, &seed_truth, seed, 60, 7200, 0, 0);
    vary(&made, &seed_truth);
    for (size_t i = 0; i < made.history.duration_count; i++) {
        struct duration_sample *sample = &made.durations[i];
        sample->queued = i % 2 == 0 ? 0 : 3;
        double bytes = (double)sample->delta_bytes * (1 + slowdown * sample->queued);
        sample->duration_ms = llround(1000 * truth_duration_s(&seed_truth, bytes, made.rng));
    }
    struct duration_source source = {
        .history = &made.history,
        .kind = TRANSFER_SNAPSHOT,
        .now_ms = MADE_NOW_MS + 86400000,
        .queue = queue,
        .prior = duration_prior_shipped(),
    };
    cr_assert_eq(duration_fit_learn(&source, &fit, &aside, &err), ERR_NONE, "%s", err.message);
    made_history_done(&made);
    return fit;
}

Test(duration_fit, transfers_beside_one_slow_it_as_the_history_shows)
{
    static const double slowdowns[] = {0, 0.3, 0.8};
    for (size_t i = 0; i < 3; i++) {
        double found = 0;
        double alone = 0;
        double beside = 0;
        for (unsigned long seed = 1; seed <= 10; seed++) {
            struct duration_fit fit = learn_queued(slowdowns[i], 0, seed);
            found += fit.queue_slowdown / 10;
            alone += duration_fit_log_s(&fit, 1e11) / 10;
            fit = learn_queued(slowdowns[i], 3, seed);
            beside += duration_fit_log_s(&fit, 1e11) / 10;
        }
        cr_expect_float_eq(found, slowdowns[i], 0.1, "%g found as %g", slowdowns[i], found);
        cr_expect_float_eq(alone, log(truth_median_duration_s(&seed_truth, 1e11)), 0.08);
        cr_expect_float_eq(
            beside, log(truth_median_duration_s(&seed_truth, 1e11 * (1 + 3 * slowdowns[i]))), 0.1);
    }
}

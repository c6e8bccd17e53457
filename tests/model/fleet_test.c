#include "model/fleet.h"

#include <math.h>
#include <string.h>

#include <criterion/criterion.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>

#include "model/fit.h"
#include "model/forecast.h"
#include "tests/model/made_history.h"

static void no_gsl_abort(void)
{
    gsl_set_error_handler_off();
}

TestSuite(fleet, .init = no_gsl_abort);

/* An account whose volumes are alike and unlike the built-in prior: quick transfers, a hot set that
 * is large and turns fast. The members differ by a tenth or two. */
static struct truth sibling_of(const struct truth *truth, gsl_rng *rng)
{
    struct truth made = *truth;
    made.fixed_s *= exp(gsl_ran_gaussian(rng, 0.15));
    made.bytes_per_s *= exp(gsl_ran_gaussian(rng, 0.15));
    made.hot_bytes *= exp(gsl_ran_gaussian(rng, 0.15));
    made.write_bytes_per_s *= exp(gsl_ran_gaussian(rng, 0.3));
    return made;
}

static struct truth account_truth(void)
{
    struct truth truth = seed_truth;
    truth.fixed_s = 12;
    truth.bytes_per_s = 160e6;
    truth.hot_turn_s = 900;
    truth.hot_bytes = 30e9;
    truth.cold_bytes_per_s = 0.3e6;
    return truth;
}

static struct fleet_member member_of(const struct truth *truth, unsigned long seed)
{
    struct error err;
    struct made_history made;
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    made_history_init(&made, truth, seed, 30, 3600, 14, 1);
    cr_assert_eq(volume_model_fit(&made.history, MADE_NOW_MS, &model, &err), ERR_NONE, "%s",
                 err.message);
    made_history_done(&made);
    return (struct fleet_member){
        .snapshot = model.snapshot, .copy = model.copy, .dirty = model.dirty};
}

static void make_fleet(struct fleet_member *members, size_t count, unsigned long seed)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    gsl_rng_set(rng, seed);
    struct truth account = account_truth();
    for (size_t i = 0; i < count; i++) {
        struct truth truth = sibling_of(&account, rng);
        members[i] = member_of(&truth, seed * 100 + i);
    }
    gsl_rng_free(rng);
}

/* How far the model's median for a gap is off the truth, in logarithms. */
static double delta_error(const struct volume_prior *prior, size_t snapshots, double gap_s,
                          unsigned long seed)
{
    struct error err;
    struct made_history made;
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    struct truth truth = account_truth();
    made_history_init(&made, &truth, seed, snapshots, 3600, 14, 0);
    made.history.dirty_count = snapshots; /* no unions: a new volume has none */
    made.history.prior = prior;
    cr_assert_eq(volume_model_fit(&made.history, MADE_NOW_MS, &model, &err), ERR_NONE);
    struct quantiles q;
    int64_t from_ms = MADE_NOW_MS - 60000;
    cr_assert_eq(forecast_delta(&model, from_ms, from_ms + llround(gap_s * 1000), &q, &err),
                 ERR_NONE);
    made_history_done(&made);
    return fabs(log(q.p50 / truth_median_delta_bytes(&truth, gap_s)));
}

Test(fleet, an_account_tells_more_of_a_new_volume_than_general_experience)
{
    double built_in[3] = {0};
    double account[3] = {0};
    for (unsigned long seed = 1; seed <= 8; seed++) {
        struct fleet_member members[6];
        make_fleet(members, 6, seed);
        struct volume_prior prior = volume_prior_of_fleet(members, 6);
        cr_assert_eq(prior.snapshot_volumes, 6);
        cr_assert_eq(prior.copy_volumes, 6);
        cr_assert_eq(prior.dirty_volumes, 6);
        for (size_t n = 0; n < 3; n++) {
            double gap_s = n == 0 ? 3600 : 4 * 3600;
            built_in[n] += delta_error(NULL, n, gap_s, seed) / 8;
            account[n] += delta_error(&prior, n, gap_s, seed) / 8;
        }
    }
    for (size_t n = 0; n < 3; n++) {
        cr_expect_lt(account[n], 0.6 * built_in[n], "%zu snapshots: account %.3f, built in %.3f", n,
                     account[n], built_in[n]);
    }
}

Test(fleet, an_account_tells_how_long_a_first_snapshot_takes)
{
    struct fleet_member members[3];
    struct error err;
    make_fleet(members, 3, 7);
    struct volume_prior prior = volume_prior_of_fleet(members, 3);
    struct volume_history history = {.volume_id = "vol-new", .prior = &prior};
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    cr_assert_eq(volume_model_fit(&history, MADE_NOW_MS, &model, &err), ERR_NONE);
    cr_expect(model.prior_only);
    cr_expect_eq(model.prior.snapshot_volumes, 3);
    struct truth truth = account_truth();
    double log_s = duration_fit_log_s(&model.snapshot, 20e9);
    cr_expect_float_eq(log_s, log(truth_median_duration_s(&truth, 20e9)), 0.4, "%.1f s",
                       exp(log_s));
    cr_expect_float_eq(duration_fit_log_s(&model.copy, 20e9), log_s, 0.4);
}

Test(fleet, too_few_or_too_young_volumes_leave_the_built_in_prior)
{
    struct fleet_member members[4];
    struct volume_prior built_in = volume_prior_shipped();
    make_fleet(members, 4, 3);
    struct volume_prior two = volume_prior_of_fleet(members, 2);
    cr_expect(memcmp(&two, &built_in, sizeof(two)) == 0, "two volumes");
    struct volume_prior three = volume_prior_of_fleet(members, 3);
    cr_expect_eq(three.snapshot_volumes, 3);
    cr_expect_eq(three.dirty_volumes, 0);
    for (size_t i = 0; i < 4; i++)
        members[i].snapshot.sample_count = members[i].copy.sample_count =
            members[i].dirty.sample_count = FLEET_LEAST_SAMPLES - 1;
    struct volume_prior young = volume_prior_of_fleet(members, 4);
    cr_expect(memcmp(&young, &built_in, sizeof(young)) == 0, "young volumes");
    struct volume_prior none = volume_prior_of_fleet(NULL, 0);
    cr_expect(memcmp(&none, &built_in, sizeof(none)) == 0, "no volume");
}

Test(fleet, the_scatter_stays_a_covariance_and_narrows_with_volumes)
{
    struct fleet_member members[16];
    struct dirty_fit fits[16];
    make_fleet(members, 16, 11);
    double before = HUGE_VAL;
    for (size_t count = 4; count <= 16; count *= 2) {
        for (size_t i = 0; i < count; i++)
            fits[i] = members[i].dirty;
        struct dirty_prior prior = dirty_prior_of_fleet(fits, count);
        double noise_square = prior.rate / prior.shape;
        for (size_t i = 0; i < DIRTY_TERMS; i++) {
            cr_expect_gt(prior.covariance[i][i], 0);
            for (size_t k = 0; k < DIRTY_TERMS; k++) {
                double product = prior.covariance[i][i] * prior.covariance[k][k];
                cr_expect_float_eq(prior.covariance[i][k], prior.covariance[k][i],
                                   1e-12 * sqrt(product));
                cr_expect_leq(prior.covariance[i][k] * prior.covariance[i][k], product);
            }
        }
        cr_expect_lt(noise_square * prior.covariance[3][3], before, "%zu volumes", count);
        before = noise_square * prior.covariance[3][3];
    }
}

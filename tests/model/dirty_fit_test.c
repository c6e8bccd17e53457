#include "model/dirty_fit.h"

#include <math.h>

#include <criterion/criterion.h>
#include <gsl/gsl_errno.h>

#include "model/fit.h"
#include "tests/model/made_history.h"

static void no_gsl_abort(void)
{
    gsl_set_error_handler_off();
}

TestSuite(dirty_fit, .init = no_gsl_abort);

static void fit(const struct volume_history *history, struct volume_model *model)
{
    struct error err = {0};
    cr_assert_eq(volume_model_fit(history, MADE_NOW_MS, model, &err), ERR_NONE, "%s", err.message);
}

static double ask_blocks(const struct volume_model *model, double elapsed_s)
{
    int64_t from_ms = MADE_NOW_MS - llround(elapsed_s * 1000);
    struct write_amount amount = write_rate_between(&model->writes, from_ms, MADE_NOW_MS);
    struct dirty_query query = {amount.bytes, amount.ops, elapsed_s};
    return exp(dirty_fit_ask(&model->dirty, &query).log_blocks);
}

Test(dirty_fit, finds_the_curve_again_inside_the_observed_gaps)
{
    double error = 0;
    for (unsigned long seed = 1; seed <= 10; seed++) {
        struct made_history made;
        CLEANUP_VOLUME_MODEL struct volume_model model = {0};
        made_history_init(&made, &seed_truth, seed, 40, 3600, 14, 0);
        fit(&made.history, &model);
        for (double elapsed_s = 3600; elapsed_s <= 8 * 3600; elapsed_s *= 2) {
            double want = truth_median_delta_bytes(&seed_truth, elapsed_s) / BLOCK_BYTES;
            error += fabs(log(ask_blocks(&model, elapsed_s) / want)) / 40;
        }
        made_history_done(&made);
    }
    cr_expect_lt(error, 0.12, "mean log error %g", error);
}

Test(dirty_fit, grows_with_time_and_never_faster_than_it)
{
    struct made_history made;
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    made_history_init(&made, &seed_truth, 2, 25, 7200, 14, 0);
    fit(&made.history, &model);
    double scale = model.dirty.volume_blocks;
    double before = 0;
    for (double elapsed_s = 60; elapsed_s < 30 * 86400; elapsed_s *= 1.5) {
        struct dirty_query query = {11e6 * elapsed_s, 1343 * elapsed_s, elapsed_s};
        double blocks = exp(dirty_fit_ask(&model.dirty, &query).log_blocks);
        cr_expect_gt(blocks, before, "%g s", elapsed_s);
        if (before > 0)
            cr_expect_leq(blocks / before, 1.5 * 1.03, "%g s", elapsed_s);
        cr_expect_leq(dirty_fit_cap_blocks(&model.dirty, &query), scale);
        before = blocks;
    }
    made_history_done(&made);
}

Test(dirty_fit, never_more_than_was_written)
{
    struct made_history made;
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    made_history_init(&made, &seed_truth, 3, 25, 7200, 14, 0);
    fit(&made.history, &model);
    struct dirty_query idle = {0, 0, 86400};
    cr_expect_eq(dirty_fit_cap_blocks(&model.dirty, &idle), 1);
    made_history_done(&made);
}

Test(dirty_fit, answers_from_no_history_on_and_says_so)
{
    for (size_t count = 0; count <= 3; count++) {
        struct made_history made;
        CLEANUP_VOLUME_MODEL struct volume_model model = {0};
        made_history_init(&made, &seed_truth, 4, count, 3600, 2, 0);
        fit(&made.history, &model);
        cr_expect_eq(model.dirty.prior_only, count == 0);
        cr_expect_eq(model.prior_only, count == 0);
        for (double elapsed_s = 60; elapsed_s < 1e6; elapsed_s *= 4)
            cr_expect(isfinite(ask_blocks(&model, elapsed_s)));
        made_history_done(&made);
    }
}

Test(dirty_fit, impossible_pairs_are_set_aside_by_id)
{
    struct made_history made;
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    made_history_init(&made, &seed_truth, 5, 20, 3600, 2, 0);
    made.dirties[3].changed_bytes = -1;
    made.dirties[5].end_ms = made.dirties[5].start_ms;
    made.dirties[6].start_ms = 0;
    fit(&made.history, &model);
    cr_expect_eq(model.aside.total_count, 3);
    cr_expect_str_eq(model.aside.rows[0].id, made.dirties[3].id);
    cr_expect_eq(model.aside.rows[0].reason, SET_ASIDE_SIZE);
    cr_expect_eq(model.aside.rows[1].reason, SET_ASIDE_LENGTH);
    cr_expect_eq(model.aside.rows[2].reason, SET_ASIDE_TIME);
    made_history_done(&made);
}

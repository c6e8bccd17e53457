#include "model/residual.h"

#include <math.h>
#include <string.h>

#include <criterion/criterion.h>
#include <gsl/gsl_errno.h>

#include "tests/model/made_history.h"

#define ROOM 400

static void no_gsl_abort(void)
{
    gsl_set_error_handler_off();
}

TestSuite(residual, .init = no_gsl_abort);

static size_t find(struct made_history *made, struct volume_model *model, struct residual *rows,
                   size_t room)
{
    struct error err = {0};
    cr_assert_eq(volume_model_fit(&made->history, MADE_NOW_MS, model, &err), ERR_NONE);
    return residuals_of(model, &made->history, rows, room);
}

Test(residual, rows_are_small_where_the_model_fits)
{
    struct made_history made;
    struct residual rows[ROOM];
    size_t kinds[3];
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    made_history_init(&made, &seed_truth, 5, 40, 3600, 14, 1);
    size_t count = find(&made, &model, rows, ROOM);
    for (enum residual_kind kind = RESIDUAL_SNAPSHOT; kind <= RESIDUAL_CHANGE; kind++) {
        double spread = residuals_spread(rows, count, kind, &kinds[kind]);
        cr_expect(spread > 0 && spread < 0.6, "%s: %g", residual_kind_text(kind), spread);
    }
    cr_expect_eq(kinds[RESIDUAL_SNAPSHOT], kinds[RESIDUAL_COPY]);
    cr_expect_eq(kinds[0] + kinds[1] + kinds[2], count);
    made_history_done(&made);
}

Test(residual, a_slow_snapshot_stands_out_by_its_id)
{
    struct made_history made;
    struct residual rows[ROOM];
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    made_history_init(&made, &seed_truth, 6, 40, 3600, 14, 0);
    made.durations[20].duration_ms *= 30;
    /* So that it is over by now. */
    made.durations[20].started_ms -= 40 * made.durations[20].duration_ms;
    size_t count = find(&made, &model, rows, ROOM);
    const struct residual *worst = &rows[0];
    for (size_t i = 0; i < count; i++)
        worst = rows[i].scales > worst->scales ? &rows[i] : worst;
    cr_expect_str_eq(worst->id, made.durations[20].id);
    cr_expect_gt(worst->scales, 5);
    made_history_done(&made);
}

Test(residual, fills_no_more_than_there_is_room_for)
{
    struct made_history made;
    struct residual rows[3];
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    made_history_init(&made, &seed_truth, 7, 10, 3600, 3, 0);
    cr_expect_eq(find(&made, &model, rows, 2), 2);
    made_history_done(&made);
}

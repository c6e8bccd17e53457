#include "cli/render_run.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

/* 2026-03-02 09:20:31 UTC. */
#define NOW_MS INT64_C(1772443231000)

static struct round full_round = {
    .number = 1,
    .full = true,
    .planned_ms = NOW_MS + 61000,
    .duration_s = {25000, 50760, 115200},
};

static struct run_view waiting(void)
{
    return (struct run_view){
        .run =
            {
                .state = STATE_ROUND_WAIT,
                .source_region = "us-east-1",
                .target_region = "eu-west-1",
                .fence = true,
                .downtime_p05_s = 213,
                .downtime_p50_s = 337,
                .downtime_p95_s = 578,
            },
        .rounds = &full_round,
        .round_count = 1,
    };
}

static char *text_of(const struct run_view *view)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cr_assert_not_null(out);
    render_run_text(view, NOW_MS, out);
    cr_assert_eq(fclose(out), 0);
    return text;
}

Test(render_run, a_waiting_run_tells_the_end_of_its_round_and_the_downtime_to_come)
{
    struct run_view view = waiting();
    char *text = text_of(&view);
    cr_expect_not_null(strstr(text, "\nround ends 2026-03-02T23:27:32Z (2026-03-02T16:18:12Z to "),
                       "%s", text);
    cr_expect_not_null(strstr(text, "\ndowntime   predicted 5m37s (3m33s to 9m38s)\n"), "%s", text);
    free(text);
}

Test(render_run, a_finished_run_tells_both)
{
    struct run_view view = waiting();
    view.run.state = STATE_DONE;
    view.run.down_ms = NOW_MS;
    view.run.up_ms = NOW_MS + 312000;
    char *text = text_of(&view);
    cr_expect_not_null(strstr(text, "\ndowntime   5m12s; predicted 5m37s (3m33s to 9m38s)\n"), "%s",
                       text);
    cr_expect_null(strstr(text, "round ends"), "%s", text);
    free(text);
}

Test(render_run, an_aborting_run_promises_nothing)
{
    struct run_view view = waiting();
    view.run.state = STATE_ABORTING;
    char *text = text_of(&view);
    cr_expect_null(strstr(text, "predicted 5m37s"), "%s", text);
    free(text);
}

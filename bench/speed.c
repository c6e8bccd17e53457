#include "bench/speed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "cli/json_out.h"
#include "core/clock.h"
#include "model/fit.h"
#include "model/instant.h"
#include "model/plan.h"
#include "tests/model/made_history.h"

#define SNAPSHOTS 100
#define GAP_S     3600.0
#define DAYS      60
#define REPEATS   15
/* Volumes of a fleet differ; so many different ones are made beforehand, and taken in turn. */
#define DIFFERENT 20

/* Milliseconds of the stages of one volume. */
struct stages {
    double fit_ms;
    double plan_ms;
};

static double since_ms(int64_t start_us)
{
    return (double)(clock_mono_us() - start_us) / 1000;
}

static enum error_code fit_and_plan(const struct volume_history *history, struct stages *stages,
                                    struct plan *plan, struct error *err)
{
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    int64_t start_us = clock_mono_us();
    TRY(volume_model_fit(history, MADE_NOW_MS, &model, err));
    stages->fit_ms = since_ms(start_us);
    start_us = clock_mono_us();
    struct plan_member member = {
        .model = &model,
        .last_snapshot_ms = MADE_NOW_MS - MS_PER_HOUR,
        .last_copied_ms = MADE_NOW_MS - MS_PER_HOUR,
    };
    struct plan_input input = {
        .now_ms = MADE_NOW_MS,
        .window_start_ms = MADE_NOW_MS + 6 * MS_PER_HOUR,
        .window_end_ms = MADE_NOW_MS + 10 * MS_PER_HOUR,
        .members = &member,
        .member_count = 1,
        .seed = 1,
        .draw_count = 256,
    };
    TRY(plan_make(&input, plan, err));
    stages->plan_ms = since_ms(start_us);
    return ERR_NONE;
}

static double median(double *values, size_t count)
{
    gsl_sort(values, 1, count);
    return gsl_stats_median_from_sorted_data(values, 1, count);
}

static bool same_quantiles(const struct quantiles *one, const struct quantiles *other)
{
    return one->p05 == other->p05 && one->p50 == other->p50 && one->p95 == other->p95;
}

static bool is_same(const struct plan *one, const struct plan *other)
{
    return one->round_count == other->round_count && one->next.at_ms == other->next.at_ms &&
           same_quantiles(&one->downtime_s, &other->downtime_s) &&
           same_quantiles(&one->final.delta_bytes, &other->final.delta_bytes) &&
           one->start_by_ms == other->start_by_ms;
}

static enum error_code measure_volume(struct json_out *document, struct error *err)
{
    struct made_history made;
    struct plan plans[2] = {{0}};
    double fit_ms[REPEATS];
    double plan_ms[REPEATS];
    enum error_code code = ERR_NONE;
    made_history_init(&made, &seed_truth, 1, SNAPSHOTS, GAP_S, DAYS, 0);
    for (size_t i = 0; i < REPEATS && code == ERR_NONE; i++) {
        struct stages stages = {0};
        code = fit_and_plan(&made.history, &stages, &plans[i % 2], err);
        fit_ms[i] = stages.fit_ms;
        plan_ms[i] = stages.plan_ms;
        if (code == ERR_NONE && i > 0 && !is_same(&plans[0], &plans[1]))
            code = error_set(err, ERR_STATE, "the same input gave two plans");
    }
    made_history_done(&made);
    TRY(code);
    struct json_out *volume = json_out_object(document, "volume");
    double fit = median(fit_ms, REPEATS);
    double plan = median(plan_ms, REPEATS);
    json_out_real(volume, "fit_milliseconds", fit);
    json_out_real(volume, "plan_milliseconds", plan);
    json_out_real(volume, "total_milliseconds", fit + plan);
    json_out_bool(volume, "under_20_milliseconds", fit + plan < 20);
    json_out_bool(volume, "same_plan_twice", true);
    return ERR_NONE;
}

static double peak_mib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024 : 0;
}

static enum error_code fleet_seconds(const struct made_history *histories, size_t count,
                                     double *seconds, struct error *err)
{
    int64_t start_us = clock_mono_us();
    for (size_t i = 0; i < count; i++) {
        struct stages stages = {0};
        struct plan plan = {0};
        TRY(fit_and_plan(&histories[i % DIFFERENT].history, &stages, &plan, err));
    }
    *seconds = since_ms(start_us) / 1000;
    return ERR_NONE;
}

static enum error_code measure_fleet(const struct made_history *histories, size_t count,
                                     struct json_out *document, struct error *err)
{
    double small_s = 0;
    double large_s = 0;
    TRY(fleet_seconds(histories, count / 10, &small_s, err));
    double small_mib = peak_mib();
    TRY(fleet_seconds(histories, count, &large_s, err));
    struct json_out *fleet = json_out_object(document, "fleet");
    json_out_int(fleet, "volumes", (int64_t)count);
    json_out_real(fleet, "seconds", large_s);
    json_out_real(fleet, "seconds_of_a_tenth", small_s);
    json_out_real(fleet, "growth_beside_proportion", large_s / small_s / 10);
    json_out_real(fleet, "peak_mebibytes", peak_mib());
    json_out_real(fleet, "peak_mebibytes_of_a_tenth", small_mib);
    json_out_int(fleet, "processes", 1);
    return ERR_NONE;
}

enum error_code speed_print(size_t volume_count, struct error *err)
{
    struct made_history *histories = calloc(DIFFERENT, sizeof(*histories));
    if (histories == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %d histories", DIFFERENT);
    for (unsigned long i = 0; i < DIFFERENT; i++)
        made_history_init(&histories[i], &seed_truth, i + 1, SNAPSHOTS, GAP_S, DAYS, 0);
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", "ebshift-bench-speed-1");
    enum error_code code = measure_volume(document, err);
    if (code == ERR_NONE)
        code = measure_fleet(histories, volume_count, document, err);
    for (size_t i = 0; i < DIFFERENT; i++)
        made_history_done(&histories[i]);
    free(histories);
    json_out_print(document, stdout);
    return code;
}

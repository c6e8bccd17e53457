#include "bench/speed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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
#define DRAWS     256
/* Volumes of a fleet differ; so many different ones are made beforehand, and taken in turn. */
#define DIFFERENT 20
/* Fitting and planning are functions of their arguments: volumes go to as many processes. */
#define PROCESSES 2

/* Volumes that go to one region in one night, and share its places for copies. Each process has a
 * region of its own. */
#define NIGHTLY 60

/* A volume's past, and what who plans often keeps of it. */
struct past {
    struct made_history made;
    struct write_sums sums;
};

/* Milliseconds of one volume. */
struct stages {
    double fit_ms; /* processor time */
    double plan_ms;
    double elapsed_ms; /* both, by the clock */
};

static double since_ms(int64_t start_us)
{
    return (double)(clock_mono_us() - start_us) / 1000;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double cpu_seconds(const struct rusage *usage)
{
    return seconds_of(usage->ru_utime) + seconds_of(usage->ru_stime);
}

/* Processor time of this process: other work on the machine stretches it least. */
static double cpu_ms(void)
{
    struct rusage usage = {0};
    return getrusage(RUSAGE_SELF, &usage) == 0 ? 1000 * cpu_seconds(&usage) : 0;
}

/* places: of the region it is copied to; NULL if it is not. */
static enum error_code plan_of(const struct volume_model *model, const struct places *places,
                               struct plan *plan, struct error *err)
{
    struct plan_member member = {
        .model = model,
        .last_snapshot_ms = MADE_NOW_MS - MS_PER_HOUR,
        .last_copied_ms = MADE_NOW_MS - MS_PER_HOUR,
    };
    struct plan_input input = {
        .now_ms = MADE_NOW_MS,
        .window_start_ms = MADE_NOW_MS + 6 * MS_PER_HOUR,
        .window_end_ms = MADE_NOW_MS + 10 * MS_PER_HOUR,
        .copies = places != NULL,
        .members = &member,
        .member_count = 1,
        .seed = 1,
        .draw_count = DRAWS,
    };
    if (places != NULL)
        input.places = *places;
    return plan_make(&input, plan, err);
}

/* At the medians of a step: its copy follows on its snapshot. */
static enum error_code book_copy(struct places *places, int64_t starts_ms, double snapshot_s,
                                 double copy_s, struct error *err)
{
    int64_t copied_ms = starts_ms + (int64_t)(1000 * snapshot_s);
    return places_book(places, copied_ms, copied_ms + (int64_t)(1000 * copy_s), err);
}

/* Who is planned later finds the copies of this plan in his way. */
static enum error_code book_copies(const struct plan *plan, struct places *places,
                                   struct error *err)
{
    const struct plan_final *final = &plan->final;
    TRY(book_copy(places, final->cut_at_ms, final->snapshot_s.p50, final->copy_s.p50, err));
    for (size_t i = 0; i < plan->round_count; i++) {
        const struct plan_round *round = &plan->rounds[i];
        TRY(book_copy(places, round->starts_at_ms, round->snapshot_s.p50, round->copy_s.p50, err));
    }
    return ERR_NONE;
}

static enum error_code fit_and_plan(const struct volume_history *history,
                                    const struct places *places, struct stages *stages,
                                    struct plan *plan, struct error *err)
{
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    int64_t start_us = clock_mono_us();
    double start_ms = cpu_ms();
    TRY(volume_model_fit(history, MADE_NOW_MS, &model, err));
    double fitted_ms = cpu_ms();
    TRY(plan_of(&model, places, plan, err));
    stages->fit_ms = fitted_ms - start_ms;
    stages->plan_ms = cpu_ms() - fitted_ms;
    stages->elapsed_ms = since_ms(start_us);
    return ERR_NONE;
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

static void print_milliseconds(struct json_out *object, const char *name, double *values)
{
    gsl_sort(values, 1, DIFFERENT);
    json_out_three(object, name, gsl_stats_quantile_from_sorted_data(values, 1, DIFFERENT, 0.05),
                   gsl_stats_quantile_from_sorted_data(values, 1, DIFFERENT, 0.50),
                   gsl_stats_quantile_from_sorted_data(values, 1, DIFFERENT, 0.95));
}

/* Every volume twice, so that the second plan, from kept sums, can be held against the first. */
static enum error_code measure_volume(const struct past *pasts, struct json_out *document,
                                      struct error *err)
{
    double fit_ms[DIFFERENT];
    double again_ms[DIFFERENT];
    double plan_ms[DIFFERENT];
    double total_ms[DIFFERENT];
    double elapsed_ms[DIFFERENT];
    for (size_t i = 0; i < DIFFERENT; i++) {
        struct plan plans[2] = {{0}};
        struct stages first = {0};
        struct stages again = {0};
        struct volume_history kept = pasts[i].made.history;
        kept.sums = &pasts[i].sums;
        TRY(fit_and_plan(&pasts[i].made.history, NULL, &first, &plans[0], err));
        TRY(fit_and_plan(&kept, NULL, &again, &plans[1], err));
        if (!is_same(&plans[0], &plans[1]))
            return error_set(err, ERR_STATE, "the same input gave two plans");
        fit_ms[i] = first.fit_ms;
        again_ms[i] = again.fit_ms;
        plan_ms[i] = first.plan_ms;
        total_ms[i] = first.fit_ms + first.plan_ms;
        elapsed_ms[i] = first.elapsed_ms;
    }
    struct json_out *volume = json_out_object(document, "volume");
    json_out_int(volume, "snapshots", SNAPSHOTS);
    json_out_int(volume, "days_of_writes", DAYS);
    json_out_int(volume, "draws", DRAWS);
    print_milliseconds(volume, "fit_milliseconds", fit_ms);
    print_milliseconds(volume, "fit_from_kept_sums_milliseconds", again_ms);
    print_milliseconds(volume, "plan_milliseconds", plan_ms);
    print_milliseconds(volume, "total_milliseconds", total_ms);
    print_milliseconds(volume, "elapsed_milliseconds", elapsed_ms);
    json_out_bool(volume, "under_20_milliseconds",
                  gsl_stats_median_from_sorted_data(total_ms, 1, DIFFERENT) < 20);
    json_out_bool(volume, "same_plan_twice", true);
    return ERR_NONE;
}

/* Every PROCESSES-th volume from `first` on, one at a time: memory does not grow. */
static enum error_code plan_share(const struct past *pasts, size_t first, size_t count,
                                  size_t *waited, struct error *err)
{
    CLEANUP_PLACES struct places places = {.count = PLACES_BY_DEFAULT};
    for (size_t i = first; i < count; i += PROCESSES) {
        struct stages stages = {0};
        struct plan plan = {0};
        const struct past *past = &pasts[i % DIFFERENT];
        struct volume_history kept = past->made.history;
        kept.sums = &past->sums;
        if (i / PROCESSES % NIGHTLY == 0)
            places_done(&places);
        TRY(fit_and_plan(&kept, &places, &stages, &plan, err));
        *waited += places_booked(&places, plan.final.cut_at_ms) >= places.count;
        TRY(book_copies(&plan, &places, err));
    }
    return ERR_NONE;
}

/* What a fleet took, all processes together. */
struct fleet_cost {
    double seconds;
    double cpu_s;
    double peak_mib;
    size_t waited; /* plans that found every place taken at their cut */
};

static enum error_code wait_share(pid_t process, struct fleet_cost *cost, struct error *err)
{
    int status = 0;
    struct rusage usage = {0};
    if (wait4(process, &status, 0, &usage) != process || status != 0)
        return error_set(err, ERR_STATE, "a process of the fleet failed");
    cost->cpu_s += cpu_seconds(&usage);
    cost->peak_mib += (double)usage.ru_maxrss / 1024;
    return ERR_NONE;
}

static enum error_code plan_fleet(const struct past *pasts, size_t count, struct fleet_cost *cost,
                                  struct error *err)
{
    pid_t processes[PROCESSES];
    size_t *waited = mmap(NULL, PROCESSES * sizeof(*waited), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (waited == MAP_FAILED)
        return error_set(err, ERR_NO_MEMORY, "cannot share a count");
    int64_t start_us = clock_mono_us();
    (void)fflush(stdout);
    for (size_t i = 0; i < PROCESSES; i++) {
        processes[i] = fork();
        if (processes[i] == 0)
            _exit(plan_share(pasts, i, count, &waited[i], err) == ERR_NONE ? 0 : 1);
    }
    enum error_code code = ERR_NONE;
    for (size_t i = 0; i < PROCESSES; i++) {
        enum error_code one = wait_share(processes[i], cost, err);
        code = code == ERR_NONE ? one : code;
        cost->waited += waited[i];
    }
    cost->seconds = since_ms(start_us) / 1000;
    (void)munmap(waited, PROCESSES * sizeof(*waited));
    return code;
}

/* Growth is told by processor time. */
static enum error_code measure_fleets(const struct past *pasts, size_t largest,
                                      struct json_out *document, struct error *err)
{
    size_t counts[] = {largest / 10, largest * 3 / 10, largest};
    struct json_out *fleets = json_out_array(document, "fleets");
    double first_cpu_s = 0;
    double growth = 0;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct fleet_cost cost = {0};
        TRY(plan_fleet(pasts, counts[i], &cost, err));
        struct json_out *fleet = json_out_item(fleets);
        json_out_int(fleet, "volumes", (int64_t)counts[i]);
        json_out_real(fleet, "seconds", cost.seconds);
        json_out_real(fleet, "processor_seconds", cost.cpu_s);
        json_out_real(fleet, "peak_mebibytes", cost.peak_mib);
        json_out_int(fleet, "found_all_places_taken", (int64_t)cost.waited);
        double each_s = cost.cpu_s / (double)counts[i];
        first_cpu_s = i == 0 ? each_s : first_cpu_s;
        growth = each_s / first_cpu_s;
    }
    json_out_int(document, "processes", PROCESSES);
    json_out_int(document, "places_for_copies", PLACES_BY_DEFAULT);
    json_out_int(document, "volumes_a_night", NIGHTLY);
    json_out_real(document, "growth_beside_proportion", growth);
    return ERR_NONE;
}

static enum error_code init_past(struct past *past, size_t number, struct error *err)
{
    struct set_aside aside = {0};
    made_history_init(&past->made, &seed_truth, number, SNAPSHOTS, GAP_S, DAYS, 0);
    const struct volume_history *history = &past->made.history;
    return write_sums_add(&past->sums, history->writes, history->write_count, MADE_NOW_MS, &aside,
                          err);
}

enum error_code speed_print(size_t volume_count, struct error *err)
{
    struct past pasts[DIFFERENT] = {{.made = {.rng = NULL}}};
    enum error_code code = ERR_NONE;
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", "ebshift-bench-speed-3");
    for (size_t i = 0; i < DIFFERENT && code == ERR_NONE; i++)
        code = init_past(&pasts[i], i + 1, err);
    if (code == ERR_NONE)
        code = measure_volume(pasts, document, err);
    if (code == ERR_NONE)
        code = measure_fleets(pasts, volume_count, document, err);
    for (size_t i = 0; i < DIFFERENT; i++) {
        write_sums_done(&pasts[i].sums);
        made_history_done(&pasts[i].made);
    }
    json_out_print(document, stdout);
    return code;
}

#define SAMPLE 5

enum error_code speed_of_one(double *median_ms, bool *same, struct error *err)
{
    double total_ms[SAMPLE];
    *same = true;
    for (size_t i = 0; i < SAMPLE; i++) {
        struct plan plans[2] = {{0}};
        struct stages stages[2] = {{0}};
        struct made_history made;
        made_history_init(&made, &seed_truth, i + 1, SNAPSHOTS, GAP_S, DAYS, 0);
        enum error_code code = fit_and_plan(&made.history, NULL, &stages[0], &plans[0], err);
        if (code == ERR_NONE)
            code = fit_and_plan(&made.history, NULL, &stages[1], &plans[1], err);
        made_history_done(&made);
        TRY(code);
        *same = *same && is_same(&plans[0], &plans[1]);
        total_ms[i] = stages[1].fit_ms + stages[1].plan_ms;
    }
    gsl_sort(total_ms, 1, SAMPLE);
    *median_ms = gsl_stats_median_from_sorted_data(total_ms, 1, SAMPLE);
    return ERR_NONE;
}

static void print_row(struct json_out *rows, const double *values, size_t count)
{
    struct json_out *row = json_out_item_array(rows);
    for (size_t i = 0; i < count; i++)
        json_out_item_exact(row, values[i]);
}

static void print_history(struct json_out *document, const struct volume_history *history)
{
    struct json_out *durations = json_out_array(document, "durations");
    for (size_t i = 0; i < history->duration_count; i++) {
        const struct duration_sample *row = &history->durations[i];
        double values[] = {(double)row->started_ms / 1000, (double)row->duration_ms / 1000,
                           (double)row->delta_bytes};
        print_row(durations, values, 3);
    }
    struct json_out *dirties = json_out_array(document, "changes");
    for (size_t i = 0; i < history->dirty_count; i++) {
        const struct dirty_sample *row = &history->dirties[i];
        double values[] = {(double)row->start_ms / 1000, (double)row->end_ms / 1000,
                           (double)row->changed_bytes, row->merged_count};
        print_row(dirties, values, 4);
    }
    struct json_out *writes = json_out_array(document, "writes");
    for (size_t i = 0; i < history->write_count; i++) {
        const struct write_sample *row = &history->writes[i];
        double values[] = {(double)row->start_ms / 1000, (double)row->bytes, (double)row->ops};
        print_row(writes, values, 3);
    }
}

static void print_answers(struct json_out *document, const struct volume_model *model,
                          const struct plan *plan)
{
    struct json_out *answers = json_out_object(document, "answers");
    struct json_out *mean = json_out_array(answers, "changes_mean");
    for (size_t i = 0; i < DIRTY_TERMS; i++)
        json_out_item_exact(mean, model->dirty.all.mean[i]);
    json_out_exact(answers, "changes_noise", model->dirty.all.noise);
    json_out_exact(answers, "neighbours_noise", model->dirty.neighbours.noise);
    json_out_exact(answers, "log_fixed_seconds", model->snapshot.log_fixed_s);
    json_out_exact(answers, "log_seconds_per_mib", model->snapshot.log_s_per_mib);
    json_out_exact(answers, "duration_noise", model->snapshot.noise);
    json_out_exact(answers, "duration_level", model->snapshot.level);
    struct write_amount ahead = write_rate_between(&model->writes, MADE_NOW_MS + 6 * MS_PER_HOUR,
                                                   MADE_NOW_MS + 10 * MS_PER_HOUR);
    json_out_exact(answers, "window_write_bytes", ahead.bytes);
    json_out_exact(answers, "write_log_noise", model->writes.log_noise);
    json_out_exact(answers, "round_seconds", plan->series.round_s);
    json_out_exact(answers, "downtime_median_seconds", plan->downtime_s.p50);
    json_out_exact(answers, "downtime_promise_seconds", plan->downtime_promise_s);
    json_out_int(answers, "rounds", (int64_t)plan->round_count);
}

enum error_code speed_print_case(size_t number, struct error *err)
{
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    struct plan plan = {0};
    struct made_history made;
    made_history_init(&made, &seed_truth, number, SNAPSHOTS, GAP_S, DAYS, 0);
    enum error_code code = volume_model_fit(&made.history, MADE_NOW_MS, &model, err);
    if (code == ERR_NONE)
        code = plan_of(&model, NULL, &plan, err);
    if (code == ERR_NONE) {
        struct json_out *document = json_out_new();
        json_out_int(document, "draws", DRAWS);
        json_out_exact(document, "now_seconds", (double)MADE_NOW_MS / 1000);
        json_out_exact(document, "volume_bytes", (double)made.history.volume_bytes);
        print_history(document, &made.history);
        print_answers(document, &model, &plan);
        json_out_print(document, stdout);
    }
    made_history_done(&made);
    return code;
}

#include "bench/duration_cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "bench/bench_clock.h"
#include "bench/table.h"
#include "model/duration_fit.h"

/* So that the recorded transfers, quick ones of a local machine, last as long as those of EBS, and
 * whole milliseconds are fine enough. */
#define SLOWDOWN 1000.0
#define MAX_SETS 16

struct columns {
    size_t number, set, regime, count, role, bytes, seconds;
    size_t reference[QUANTILE_SLOTS];
};

struct cases {
    struct table table;
    struct columns columns;
    struct duration_sample *samples; /* scratch, room for every row */
    size_t set_count;
    const char *sets[MAX_SETS];
    struct duration_fit fits[MAX_SETS];
};

static void cases_done(struct cases *cases)
{
    table_done(&cases->table);
    free(cases->samples);
}

static enum error_code cases_read(struct cases *cases, const char *directory, struct error *err)
{
    struct columns *columns = &cases->columns;
    TRY(table_read(&cases->table, directory, "t_cases", err));
    TRY(table_column(&cases->table, "case", &columns->number, err));
    TRY(table_column(&cases->table, "set", &columns->set, err));
    TRY(table_column(&cases->table, "regime", &columns->regime, err));
    TRY(table_column(&cases->table, "n", &columns->count, err));
    TRY(table_column(&cases->table, "role", &columns->role, err));
    TRY(table_column(&cases->table, "bytes", &columns->bytes, err));
    TRY(table_column(&cases->table, "seconds", &columns->seconds, err));
    static const char *const names[QUANTILE_SLOTS] = {"ref_median", "ref_q05", "ref_q50lo",
                                                      "ref_q50hi",  "ref_q90", "ref_q95"};
    for (size_t i = 0; i < QUANTILE_SLOTS; i++)
        columns->reference[i] = table_column_or_none(&cases->table, names[i]);
    cases->samples = calloc(cases->table.row_count + 1, sizeof(*cases->samples));
    if (cases->samples == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu durations", cases->table.row_count);
    return ERR_NONE;
}

static bool is_history(const struct cases *cases, size_t row)
{
    return strcmp(table_text(&cases->table, row, cases->columns.role), "h") == 0;
}

/* The file gives no instants; the order is that of time. */
static struct duration_sample sample_of(const struct cases *cases, size_t row)
{
    double seconds = SLOWDOWN * table_number(&cases->table, row, cases->columns.seconds);
    return (struct duration_sample){
        .kind = TRANSFER_SNAPSHOT,
        .started_ms = tick_to_ms((double)row),
        .duration_ms = llround(fmin(fmax(seconds, 0.001), 1e7) * 1000),
        .delta_bytes = (int64_t)table_number(&cases->table, row, cases->columns.bytes),
    };
}

static enum error_code fit(const struct cases *cases, size_t count, struct duration_prior prior,
                           struct duration_fit *out, struct error *err)
{
    struct set_aside aside = {0};
    struct volume_history history = {.durations = cases->samples, .duration_count = count};
    struct duration_source source = {
        .history = &history,
        .kind = TRANSFER_SNAPSHOT,
        .now_ms = tick_to_ms(1e6),
        .prior = prior,
    };
    return duration_fit_learn(&source, out, &aside, err);
}

static size_t set_index(const struct cases *cases, const char *name)
{
    size_t i = 0;
    while (i < cases->set_count && strcmp(cases->sets[i], name) != 0)
        i++;
    return i;
}

/* Every history row of each set once: cases overlap, but the fit only serves as a prior. */
static enum error_code fit_sets(struct cases *cases, struct error *err)
{
    const struct table *table = &cases->table;
    for (size_t i = 0; i < table->row_count; i++) {
        const char *name = table_text(table, i, cases->columns.set);
        if (set_index(cases, name) == cases->set_count && cases->set_count < MAX_SETS)
            cases->sets[cases->set_count++] = name;
    }
    for (size_t set = 0; set < cases->set_count; set++) {
        size_t count = 0;
        for (size_t i = 0; i < table->row_count; i++) {
            const char *name = table_text(table, i, cases->columns.set);
            if (is_history(cases, i) && strcmp(name, cases->sets[set]) == 0)
                cases->samples[count++] = sample_of(cases, i);
        }
        TRY(fit(cases, count, duration_prior_shipped(), &cases->fits[set], err));
    }
    return ERR_NONE;
}

static struct duration_prior prior_without(const struct cases *cases, const char *name)
{
    struct duration_fit others[MAX_SETS];
    size_t count = 0;
    for (size_t i = 0; i < cases->set_count; i++) {
        if (strcmp(cases->sets[i], name) != 0)
            others[count++] = cases->fits[i];
    }
    return duration_prior_of_fleet(others, count);
}

static struct prediction predict(const struct cases *cases, size_t row,
                                 const struct duration_fit *learned)
{
    const struct table *table = &cases->table;
    double bytes = table_number(table, row, cases->columns.bytes);
    struct prediction out = {
        .case_number = (long)table_number(table, row, cases->columns.number),
        .history_count = (size_t)table_number(table, row, cases->columns.count),
        .truth = table_number(table, row, cases->columns.seconds),
        .log_scale = duration_fit_scale(learned, bytes),
    };
    double log_s = duration_fit_log_s(learned, bytes);
    (void)snprintf(out.set, sizeof(out.set), "%s", table_text(table, row, cases->columns.set));
    (void)snprintf(out.regime, sizeof(out.regime), "%s",
                   table_text(table, row, cases->columns.regime));
    for (size_t i = 0; i < QUANTILE_SLOTS; i++) {
        double deviate = gsl_cdf_tdist_Pinv(quantile_chances[i], DURATION_DOF);
        out.quantiles[i] = exp(log_s + out.log_scale * deviate) / SLOWDOWN;
        out.reference[i] = table_number(table, row, cases->columns.reference[i]);
    }
    return out;
}

/* Rows of a case lie together, its history first. Returns where the next case begins. */
static enum error_code predict_case(struct cases *cases, size_t first, size_t *next,
                                    struct predictions *predictions, struct error *err)
{
    const struct table *table = &cases->table;
    double number = table_number(table, first, cases->columns.number);
    size_t end = first;
    size_t count = 0;
    for (; end < table->row_count && table_number(table, end, cases->columns.number) == number;
         end++) {
        if (is_history(cases, end))
            cases->samples[count++] = sample_of(cases, end);
    }
    struct duration_fit learned = {0};
    const char *set = table_text(table, first, cases->columns.set);
    TRY(fit(cases, count, prior_without(cases, set), &learned, err));
    long key = 0;
    for (size_t i = first; i < end; i++) {
        if (is_history(cases, i))
            continue;
        struct prediction row = predict(cases, i, &learned);
        row.key = key++;
        TRY(predictions_add(predictions, &row, err));
    }
    *next = end;
    return ERR_NONE;
}

enum error_code duration_cases_predict(const char *directory, struct predictions *predictions,
                                       struct error *err)
{
    CLEANUP(cases_done) struct cases cases = {0};
    TRY(cases_read(&cases, directory, err));
    TRY(fit_sets(&cases, err));
    for (size_t row = 0; row < cases.table.row_count;)
        TRY(predict_case(&cases, row, &row, predictions, err));
    return ERR_NONE;
}

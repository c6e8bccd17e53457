#include "bench/dirty_cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <gsl/gsl_cdf.h>

#include "bench/bench_clock.h"
#include "bench/table.h"
#include "model/fit.h"

/* The newest writes are taken as measured; the model waits this long before it believes them. */
#define SETTLED_TICKS 3

struct files {
    struct table history;
    struct table unions;
    struct table queries;
};

static void files_done(struct files *files)
{
    table_done(&files->history);
    table_done(&files->unions);
    table_done(&files->queries);
}

/* One case's past, cut out of the files. */
struct past {
    struct dirty_sample *dirties;
    size_t dirty_count;
    struct write_sample *writes;
    size_t write_count;
    double end_tick;
};

static void past_done(struct past *past)
{
    free(past->dirties);
    free(past->writes);
}

/* The columns that history, unions and queries share, and those that some lack. */
struct columns {
    size_t number, start, end, bytes, ops, blocks, merged;
};

/* Columns of the queries alone. */
struct query_columns {
    size_t volume, regime, count, median, scale, dof;
};

static enum error_code find_columns(const struct table *table, bool has_writes, bool has_merged,
                                    struct columns *columns, struct error *err)
{
    TRY(table_column(table, "case", &columns->number, err));
    TRY(table_column(table, "tick_start", &columns->start, err));
    TRY(table_column(table, "tick_end", &columns->end, err));
    TRY(table_column(table, "changed_blocks", &columns->blocks, err));
    if (has_writes) {
        TRY(table_column(table, "write_bytes", &columns->bytes, err));
        TRY(table_column(table, "write_ops", &columns->ops, err));
    }
    return has_merged ? table_column(table, "merged", &columns->merged, err) : ERR_NONE;
}

static void add_dirty(struct past *past, const struct table *table, const struct columns *columns,
                      size_t row, unsigned merged)
{
    struct dirty_sample *sample = &past->dirties[past->dirty_count++];
    *sample = (struct dirty_sample){
        .start_ms = tick_to_ms(table_number(table, row, columns->start)),
        .end_ms = tick_to_ms(table_number(table, row, columns->end)),
        .changed_bytes = (int64_t)table_number(table, row, columns->blocks) * BLOCK_BYTES,
        .merged_count = merged,
    };
    (void)snprintf(sample->id, sizeof(sample->id), "snap-%zu", row);
}

static void add_write(struct past *past, const struct table *table, const struct columns *columns,
                      size_t row)
{
    double start = table_number(table, row, columns->start);
    double end = table_number(table, row, columns->end);
    past->writes[past->write_count++] = (struct write_sample){
        .start_ms = tick_to_ms(start),
        .length_ms = (int64_t)((end - start) * (double)TICK_MS),
        .bytes = (int64_t)table_number(table, row, columns->bytes),
        .ops = (int64_t)table_number(table, row, columns->ops),
    };
    past->end_tick = fmax(past->end_tick, end);
}

static enum error_code collect(const struct files *files, double number, struct past *past,
                               struct error *err)
{
    size_t room = files->history.row_count + files->unions.row_count;
    struct columns history = {0};
    struct columns unions = {0};
    TRY(find_columns(&files->history, true, false, &history, err));
    TRY(find_columns(&files->unions, false, true, &unions, err));
    past->dirties = calloc(room + 1, sizeof(*past->dirties));
    past->writes = calloc(files->history.row_count + 1, sizeof(*past->writes));
    if (past->dirties == NULL || past->writes == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a case");
    for (size_t i = 0; i < files->history.row_count; i++) {
        if (table_number(&files->history, i, history.number) == number) {
            add_dirty(past, &files->history, &history, i, 1);
            add_write(past, &files->history, &history, i);
        }
    }
    for (size_t i = 0; i < files->unions.row_count; i++) {
        if (table_number(&files->unions, i, unions.number) == number) {
            double merged = table_number(&files->unions, i, unions.merged);
            add_dirty(past, &files->unions, &unions, i, (unsigned)merged);
        }
    }
    return ERR_NONE;
}

static enum error_code fit_case(const struct files *files, double number,
                                struct volume_model *model, struct error *err)
{
    CLEANUP(past_done) struct past past = {0};
    TRY(collect(files, number, &past, err));
    struct volume_history history = {
        .dirties = past.dirties,
        .dirty_count = past.dirty_count,
        .writes = past.writes,
        .write_count = past.write_count,
    };
    return volume_model_fit(&history, tick_to_ms(past.end_tick + SETTLED_TICKS), model, err);
}

static void predict_row(const struct files *files, const struct columns *columns, size_t row,
                        const struct dirty_fit *fit, struct prediction *prediction)
{
    const struct table *queries = &files->queries;
    double ticks =
        table_number(queries, row, columns->end) - table_number(queries, row, columns->start);
    struct dirty_query query = {
        .write_bytes = table_number(queries, row, columns->bytes),
        .write_ops = table_number(queries, row, columns->ops),
        .elapsed_s = ticks * TICK_S,
    };
    struct dirty_answer answer = dirty_fit_ask(fit, &query);
    double cap = dirty_fit_cap_blocks(fit, &query);
    prediction->log_scale = answer.scale;
    for (size_t i = 0; i < QUANTILE_SLOTS; i++) {
        double deviate = gsl_cdf_tdist_Pinv(quantile_chances[i], fit->neighbours.dof);
        prediction->quantiles[i] = fmin(exp(answer.log_blocks + answer.scale * deviate), cap);
    }
}

/* The reference's log-t distribution, as far as the file holds one. */
static void read_reference(const struct table *queries, const struct query_columns *columns,
                           size_t row, struct prediction *prediction)
{
    double median = table_number(queries, row, columns->median);
    double scale = table_number(queries, row, columns->scale);
    double dof = table_number(queries, row, columns->dof);
    for (size_t i = 0; i < QUANTILE_SLOTS; i++) {
        double deviate = dof > 0 ? gsl_cdf_tdist_Pinv(quantile_chances[i], dof) : (double)NAN;
        prediction->reference[i] = median * exp(scale * deviate);
    }
    prediction->reference_log_scale = scale;
}

static enum error_code find_query_columns(const struct table *queries,
                                          struct query_columns *columns, struct error *err)
{
    TRY(table_column(queries, "vol", &columns->volume, err));
    TRY(table_column(queries, "regime", &columns->regime, err));
    TRY(table_column(queries, "n", &columns->count, err));
    columns->median = table_column_or_none(queries, "ref_median");
    columns->scale = table_column_or_none(queries, "ref_log_scale");
    columns->dof = table_column_or_none(queries, "ref_dof");
    return ERR_NONE;
}

static enum error_code predict_all(const struct files *files, struct predictions *predictions,
                                   struct error *err)
{
    const struct table *queries = &files->queries;
    struct columns columns = {0};
    struct query_columns own = {0};
    TRY(find_columns(queries, true, false, &columns, err));
    TRY(find_query_columns(queries, &own, err));
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    double fitted = (double)NAN;
    for (size_t i = 0; i < queries->row_count; i++) {
        double number = table_number(queries, i, columns.number);
        if (number != fitted) {
            volume_model_done(&model);
            TRY(fit_case(files, number, &model, err));
            fitted = number;
        }
        struct prediction row = {
            .case_number = (long)number,
            .key = (long)table_number(queries, i, columns.end),
            .history_count = (size_t)table_number(queries, i, own.count),
            .truth = table_number(queries, i, columns.blocks),
        };
        /* The scoreboard leaves out windows without any write. */
        if (!(table_number(queries, i, columns.bytes) > 0))
            row.truth = 0;
        (void)snprintf(row.set, sizeof(row.set), "%s", table_text(queries, i, own.volume));
        (void)snprintf(row.regime, sizeof(row.regime), "%s", table_text(queries, i, own.regime));
        predict_row(files, &columns, i, &model.dirty, &row);
        read_reference(queries, &own, i, &row);
        TRY(predictions_add(predictions, &row, err));
    }
    return ERR_NONE;
}

enum error_code dirty_cases_predict(const char *directory, struct predictions *predictions,
                                    struct error *err)
{
    CLEANUP(files_done) struct files files = {0};
    TRY(table_read(&files.history, directory, "d_history", err));
    TRY(table_read(&files.unions, directory, "d_unions", err));
    TRY(table_read(&files.queries, directory, "d_queries", err));
    return predict_all(&files, predictions, err);
}

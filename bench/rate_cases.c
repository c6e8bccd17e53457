#include "bench/rate_cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/table.h"
#include "model/rhythm.h"

/* The first slot of a recording is partial and is left out. */
#define FIRST_SLOT   1
#define LONGEST_SPAN 1000

struct files {
    struct table rates;
    struct table cases;
    size_t volume, slot, bytes;
};

static void files_done(struct files *files)
{
    table_done(&files->rates);
    table_done(&files->cases);
}

static enum error_code files_read(struct files *files, const char *directory, struct error *err)
{
    TRY(table_read(&files->rates, directory, "cp_rate", err));
    TRY(table_read(&files->cases, directory, "r_cases", err));
    TRY(table_column(&files->rates, "vol", &files->volume, err));
    TRY(table_column(&files->rates, "slot", &files->slot, err));
    return table_column(&files->rates, "write_bytes", &files->bytes, err);
}

/* Half-hour sums of one volume from FIRST_SLOT to before `end`, *sums the caller's to free. */
static enum error_code collect(const struct files *files, const char *volume, size_t end,
                               double **sums, struct error *err)
{
    double *made = calloc(end + 1, sizeof(*made));
    if (made == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu half hours", end);
    for (size_t i = 0; i < files->rates.row_count; i++) {
        double slot = table_number(&files->rates, i, files->slot);
        if (slot >= FIRST_SLOT && slot < (double)end &&
            strcmp(table_text(&files->rates, i, files->volume), volume) == 0)
            made[(size_t)slot - FIRST_SLOT] += table_number(&files->rates, i, files->bytes);
    }
    *sums = made;
    return ERR_NONE;
}

static enum error_code predict(const struct files *files, const char *volume,
                               struct prediction *row, struct error *err)
{
    double *sums = NULL;
    double future[LONGEST_SPAN];
    size_t origin = (size_t)row->key;
    size_t ahead = (size_t)(row->lead + row->span);
    if (origin <= FIRST_SLOT || ahead > LONGEST_SPAN)
        return error_set(err, ERR_INVALID, "window of '%s' at %zu", volume, origin);
    TRY(collect(files, volume, origin, &sums, err));
    row->history_count = origin - FIRST_SLOT;
    rhythm_forecast(sums, row->history_count, FIRST_SLOT, future, ahead);
    free(sums);
    for (size_t i = (size_t)row->lead; i < ahead; i++)
        row->quantiles[QUANTILE_MEDIAN] += future[i];
    return ERR_NONE;
}

enum error_code rate_cases_predict(const char *directory, struct predictions *predictions,
                                   struct error *err)
{
    CLEANUP(files_done) struct files files = {0};
    size_t volume = 0;
    size_t origin = 0;
    size_t lead = 0;
    size_t span = 0;
    size_t truth = 0;
    TRY(files_read(&files, directory, err));
    TRY(table_column(&files.cases, "vol", &volume, err));
    TRY(table_column(&files.cases, "origin_slot", &origin, err));
    TRY(table_column(&files.cases, "lead", &lead, err));
    TRY(table_column(&files.cases, "h", &span, err));
    TRY(table_column(&files.cases, "truth_bytes", &truth, err));
    size_t reference = table_column_or_none(&files.cases, "ref_pool");
    for (size_t i = 0; i < files.cases.row_count; i++) {
        const char *name = table_text(&files.cases, i, volume);
        struct prediction row = {
            .key = (long)table_number(&files.cases, i, origin),
            .lead = (long)table_number(&files.cases, i, lead),
            .span = (long)table_number(&files.cases, i, span),
            .truth = table_number(&files.cases, i, truth),
        };
        (void)snprintf(row.set, sizeof(row.set), "%s", name);
        for (size_t slot = 0; slot < QUANTILE_SLOTS; slot++)
            row.reference[slot] = (double)NAN;
        row.reference[QUANTILE_MEDIAN] = table_number(&files.cases, i, reference);
        TRY(predict(&files, name, &row, err));
        TRY(predictions_add(predictions, &row, err));
    }
    return ERR_NONE;
}

#include "bench/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#define LOG_FLOOR_BYTES 1e5

static bool passes(const struct prediction *row, const struct measure_filter *filter)
{
    return row->truth > 0 && (filter->set == NULL || strcmp(filter->set, row->set) == 0) &&
           (filter->regime == NULL || strcmp(filter->regime, row->regime) == 0) &&
           row->history_count >= filter->least_history &&
           (filter->most_history == 0 || row->history_count <= filter->most_history);
}

static double pinball(const double *quantiles, double truth)
{
    static const enum quantile_slot slots[] = {QUANTILE_MEDIAN, QUANTILE_90, QUANTILE_95};
    double sum = 0;
    for (size_t i = 0; i < 3; i++) {
        double chance = quantile_chances[slots[i]];
        double off = truth - quantiles[slots[i]];
        sum += fmax(chance * off, (chance - 1) * off);
    }
    return sum / 3 / truth;
}

static bool is_same(const struct prediction *row)
{
    double median = row->quantiles[QUANTILE_MEDIAN] / row->reference[QUANTILE_MEDIAN];
    double scale = row->log_scale / row->reference_log_scale;
    return fabs(median - 1) <= 0.01 && fabs(scale - 1) <= 0.02;
}

static bool is_finite(const double *quantiles)
{
    bool finite = true;
    for (size_t i = 0; i < QUANTILE_SLOTS; i++)
        finite = finite && isfinite(quantiles[i]);
    return finite;
}

static double value_of(const struct prediction *row, enum measure_kind kind,
                       const double *quantiles)
{
    double truth = row->truth;
    double median = quantiles[QUANTILE_MEDIAN];
    switch (kind) {
    case MEASURE_MEDIAN_APE:
    case MEASURE_P90_APE:
        return fabs(median - truth) / truth;
    case MEASURE_CENTRAL_90:
        return truth >= quantiles[QUANTILE_05] && truth <= quantiles[QUANTILE_95];
    case MEASURE_UPPER_90:
        return truth <= quantiles[QUANTILE_90];
    case MEASURE_UPPER_95:
        return truth <= quantiles[QUANTILE_95];
    case MEASURE_PINBALL:
        return pinball(quantiles, truth);
    case MEASURE_LOG_ERROR:
        return fabs(log((median + LOG_FLOOR_BYTES) / (truth + LOG_FLOOR_BYTES)));
    case MEASURE_SAME:
        return is_same(row);
    case MEASURE_FINITE:
        return is_finite(quantiles);
    }
    return (double)NAN;
}

static double joined(double *values, size_t count, enum measure_kind kind)
{
    if (count == 0)
        return (double)NAN;
    if (kind != MEASURE_MEDIAN_APE && kind != MEASURE_P90_APE)
        return gsl_stats_mean(values, 1, count);
    gsl_sort(values, 1, count);
    return gsl_stats_quantile_from_sorted_data(values, 1, count,
                                               kind == MEASURE_P90_APE ? 0.9 : 0.5);
}

double measure(const struct predictions *predictions, enum measure_kind kind,
               const struct measure_filter *filter, bool of_reference)
{
    double *values = calloc(predictions->count + 1, sizeof(*values));
    size_t count = 0;
    for (size_t i = 0; i < predictions->count && values != NULL; i++) {
        const struct prediction *row = &predictions->rows[i];
        const double *quantiles = of_reference ? row->reference : row->quantiles;
        if (of_reference && isnan(quantiles[QUANTILE_MEDIAN]))
            continue;
        if (passes(row, filter))
            values[count++] = value_of(row, kind, quantiles);
    }
    double result = joined(values, count, kind);
    free(values);
    return result;
}

#include "model/forecast.h"

#include <inttypes.h>
#include <math.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

/* Points of equal chance that stand for one distribution where two are joined. */
#define POINTS ((size_t)21)

void quantiles_of(double *values, size_t count, struct quantiles *out)
{
    *out = (struct quantiles){0};
    if (count == 0)
        return;
    gsl_sort(values, 1, count);
    out->p05 = gsl_stats_quantile_from_sorted_data(values, 1, count, 0.05);
    out->p50 = gsl_stats_quantile_from_sorted_data(values, 1, count, 0.50);
    out->p95 = gsl_stats_quantile_from_sorted_data(values, 1, count, 0.95);
}

static struct delta_law law_of(const struct volume_model *model, int64_t from_ms, int64_t to_ms,
                               bool typical)
{
    const struct dirty_fit *dirty = &model->dirty;
    int64_t end_ms = to_ms > from_ms + 1000 ? to_ms : from_ms + 1000;
    struct write_amount amount = write_rate_between(&model->writes, from_ms, end_ms);
    struct dirty_query query = {
        .write_bytes = amount.bytes,
        .write_ops = amount.ops,
        .elapsed_s = (double)(end_ms - from_ms) / 1000,
    };
    struct delta_law law = {.dof = dirty->neighbours.dof};
    law.blocks = typical ? dirty_fit_ask_typical(dirty, &query) : dirty_fit_ask(dirty, &query);
    law.cap_blocks = dirty_fit_cap_blocks(dirty, &query);
    double elasticity = fmin(fmax(dirty->all.mean[1] + dirty->all.mean[2], 0.3), 1);
    law.write_scale = elasticity * model->writes.log_noise * amount.forecast_ratio;
    return law;
}

struct delta_law forecast_delta_law(const struct volume_model *model, int64_t from_ms,
                                    int64_t to_ms)
{
    return law_of(model, from_ms, to_ms, false);
}

struct delta_law forecast_delta_law_typical(const struct volume_model *model, int64_t from_ms,
                                            int64_t to_ms)
{
    return law_of(model, from_ms, to_ms, true);
}

double forecast_delta_at(const struct delta_law *law, double error, double write_error)
{
    double blocks = exp(law->blocks.log_blocks + error + write_error);
    if (blocks > law->cap_blocks)
        blocks = fmin(blocks, law->cap_blocks * exp(fmax(write_error, 0)));
    return BLOCK_BYTES * blocks;
}

/* The t deviate of a chance, widened by the writes' share of the doubt. */
static double delta_quantile(const struct delta_law *law, double chance)
{
    double scale = hypot(law->blocks.scale, law->write_scale);
    return forecast_delta_at(law, scale * gsl_cdf_tdist_Pinv(chance, law->dof), 0);
}

static struct quantiles delta_quantiles(const struct delta_law *law)
{
    return (struct quantiles){
        .p05 = delta_quantile(law, 0.05),
        .p50 = delta_quantile(law, 0.50),
        .p95 = delta_quantile(law, 0.95),
    };
}

static enum error_code check_gap(int64_t from_ms, int64_t to_ms, struct error *err)
{
    if (from_ms > 0 && to_ms > from_ms)
        return ERR_NONE;
    return error_set(err, ERR_INVALID, "no gap from %" PRId64 " ms to %" PRId64 " ms", from_ms,
                     to_ms);
}

enum error_code forecast_delta(const struct volume_model *model, int64_t from_ms, int64_t to_ms,
                               struct quantiles *delta_bytes, struct error *err)
{
    TRY(check_gap(from_ms, to_ms, err));
    struct delta_law law = forecast_delta_law(model, from_ms, to_ms);
    *delta_bytes = delta_quantiles(&law);
    return ERR_NONE;
}

/* The chance in the middle of the i-th of POINTS equal parts. */
static double chance_of(size_t point)
{
    return ((double)point + 0.5) / (double)POINTS;
}

static double duration_quantile(const struct duration_fit *fit, double delta_bytes, double chance)
{
    return exp(duration_fit_log_s(fit, delta_bytes) +
               duration_fit_scale(fit, delta_bytes) * gsl_cdf_tdist_Pinv(chance, DURATION_DOF));
}

/* Joins the doubt about the size with the doubt about the time for a size. */
static void duration_quantiles(const struct duration_fit *fit, const struct delta_law *law,
                               struct quantiles *out)
{
    double seconds[POINTS * POINTS];
    for (size_t i = 0; i < POINTS; i++) {
        double bytes = delta_quantile(law, chance_of(i));
        for (size_t k = 0; k < POINTS; k++)
            seconds[i * POINTS + k] = duration_quantile(fit, bytes, chance_of(k));
    }
    quantiles_of(seconds, POINTS * POINTS, out);
}

enum error_code forecast_step(const struct volume_model *model, int64_t from_ms, int64_t to_ms,
                              struct forecast *out, struct error *err)
{
    TRY(check_gap(from_ms, to_ms, err));
    struct delta_law law = forecast_delta_law(model, from_ms, to_ms);
    out->delta_bytes = delta_quantiles(&law);
    duration_quantiles(&model->snapshot, &law, &out->snapshot_s);
    duration_quantiles(&model->copy, &law, &out->copy_s);
    return ERR_NONE;
}

static double full_quantile(const struct duration_fit *fit, double bytes, double chance)
{
    return exp(duration_fit_full_log_s(fit, bytes) +
               duration_fit_full_scale(fit) * gsl_cdf_tdist_Pinv(chance, DURATION_DOF));
}

void forecast_full(const struct volume_model *model, enum transfer_kind kind, int64_t full_bytes,
                   struct quantiles *duration_s)
{
    const struct duration_fit *fit = kind == TRANSFER_COPY ? &model->copy : &model->snapshot;
    double bytes = (double)full_bytes;
    *duration_s = (struct quantiles){
        .p05 = full_quantile(fit, bytes, 0.05),
        .p50 = full_quantile(fit, bytes, 0.50),
        .p95 = full_quantile(fit, bytes, 0.95),
    };
}

#include "model/duration_prior.h"

#include <math.h>

#include "model/duration_fit.h"

/* Prior: a floor of about a minute, 45 MB/s, both within a factor of two to three; noise of a
 * quarter, worth three samples. From reported EBS snapshots (TiDB operator's documentation). */
static const struct duration_prior shipped = {
    .log_fixed_s = 4.0943445622221,
    .log_s_per_mib = -3.8066624897703196,
    .scale_fixed = 1.0,
    .scale_slope = 0.8,
    .full_log_s_per_mib = -3.8066624897703196,
};
/* Snapshots and copies share a back end; the one tells this much of the other. */
#define SIBLING_SCALE_FIXED 0.7
#define SIBLING_SCALE_SLOPE 0.6
/* Scatter from volume to volume, believed until volumes show their own, and its weight in volumes. */
#define FLEET_SCALE_FIXED 1.5
#define FLEET_SCALE_SLOPE 1.0
#define FLEET_WEIGHT      3.0

struct duration_prior duration_prior_shipped(void)
{
    return shipped;
}

struct duration_prior duration_prior_of_sibling(const struct duration_fit *sibling,
                                                const struct duration_prior *prior)
{
    if (sibling->prior_only)
        return *prior;
    return (struct duration_prior){
        .log_fixed_s = sibling->log_fixed_s,
        .log_s_per_mib = sibling->log_s_per_mib,
        .scale_fixed = SIBLING_SCALE_FIXED,
        .scale_slope = SIBLING_SCALE_SLOPE,
        .full_log_s_per_mib = sibling->full_log_s_per_mib,
    };
}

struct duration_prior duration_prior_of_chain(struct duration_prior prior, int transfers)
{
    double longer = transfers > 1 ? log(transfers) : 0;
    prior.log_fixed_s += longer;
    prior.log_s_per_mib += longer;
    prior.full_log_s_per_mib += longer;
    return prior;
}

/* The scale believed beforehand counts as FLEET_WEIGHT volumes. */
static double fleet_scale(double believed, double squares, double count)
{
    return sqrt((FLEET_WEIGHT * believed * believed + squares) / (FLEET_WEIGHT + count - 1));
}

struct duration_prior duration_prior_of_fleet(const struct duration_fit *fits, size_t count)
{
    struct duration_prior mean = {0};
    double learned = 0;
    for (size_t i = 0; i < count; i++) {
        if (fits[i].prior_only)
            continue;
        learned++;
        mean.log_fixed_s += (fits[i].log_fixed_s - mean.log_fixed_s) / learned;
        mean.log_s_per_mib += (fits[i].log_s_per_mib - mean.log_s_per_mib) / learned;
        mean.full_log_s_per_mib += (fits[i].full_log_s_per_mib - mean.full_log_s_per_mib) / learned;
    }
    if (learned == 0)
        return shipped;
    double fixed = 0;
    double slope = 0;
    for (size_t i = 0; i < count; i++) {
        double off_fixed = fits[i].prior_only ? 0 : fits[i].log_fixed_s - mean.log_fixed_s;
        double off_slope = fits[i].prior_only ? 0 : fits[i].log_s_per_mib - mean.log_s_per_mib;
        fixed += off_fixed * off_fixed;
        slope += off_slope * off_slope;
    }
    mean.scale_fixed = fleet_scale(FLEET_SCALE_FIXED, fixed, learned);
    mean.scale_slope = fleet_scale(FLEET_SCALE_SLOPE, slope, learned);
    return mean;
}

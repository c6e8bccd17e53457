#include "model/fleet.h"

#include <math.h>

/* The built-in prior counts as so many volumes. */
#define BUILT_IN_WEIGHT 2.0

struct volume_prior volume_prior_shipped(void)
{
    return (struct volume_prior){
        .snapshot = duration_prior_shipped(),
        .copy = duration_prior_shipped(),
        .dirty = dirty_prior_shipped(),
    };
}

/* Adds what one volume shows of the scatter around the mean: how far it lies off, and how well that
 * is known. */
static void add_scatter(const struct dirty_fit *fit, const struct dirty_prior *mean,
                        double scatter[DIRTY_TERMS][DIRTY_TERMS])
{
    double square = fit->all.noise * fit->all.noise;
    for (size_t i = 1; i < DIRTY_TERMS; i++) {
        for (size_t k = 1; k < DIRTY_TERMS; k++) {
            double off = (fit->all.mean[i] - mean->mean[i]) * (fit->all.mean[k] - mean->mean[k]);
            scatter[i][k] += off + square * fit->all.covariance[i][k];
        }
    }
}

/* Means of coefficients, noise and hourly ratio, the built-in prior among them. Returns how many
 * volumes taught. */
static double average(const struct dirty_fit *fits, size_t count, struct dirty_prior *prior)
{
    double weight = BUILT_IN_WEIGHT;
    double square = prior->rate / prior->shape;
    for (size_t i = 0; i < count; i++) {
        if (fits[i].prior_only)
            continue;
        weight += 1;
        for (size_t k = 1; k < DIRTY_TERMS; k++)
            prior->mean[k] += (fits[i].all.mean[k] - prior->mean[k]) / weight;
        square += (fits[i].neighbours.noise * fits[i].neighbours.noise - square) / weight;
        prior->log_hour_ratio += (fits[i].log_hour_ratio - prior->log_hour_ratio) / weight;
    }
    prior->rate = prior->shape * square;
    return weight - BUILT_IN_WEIGHT;
}

/* The scatter of the hourly ratio from volume to volume. */
static double hour_scale(const struct dirty_fit *fits, size_t count, double believed, double mean)
{
    double weight = BUILT_IN_WEIGHT;
    double squares = BUILT_IN_WEIGHT * believed * believed;
    for (size_t i = 0; i < count; i++) {
        double off = fits[i].prior_only ? 0 : fits[i].log_hour_ratio - mean;
        weight += !fits[i].prior_only;
        squares += off * off;
    }
    return sqrt(squares / weight);
}

struct dirty_prior dirty_prior_of_fleet(const struct dirty_fit *fits, size_t count)
{
    const struct dirty_prior built_in = dirty_prior_shipped();
    struct dirty_prior prior = built_in;
    double learned = average(fits, count, &prior);
    if (learned == 0)
        return built_in;

    double scatter[DIRTY_TERMS][DIRTY_TERMS] = {0};
    for (size_t i = 0; i < count; i++) {
        if (!fits[i].prior_only)
            add_scatter(&fits[i], &prior, scatter);
    }
    double built_in_square = built_in.rate / built_in.shape;
    double square = prior.rate / prior.shape;
    for (size_t i = 1; i < DIRTY_TERMS; i++) {
        for (size_t k = 1; k < DIRTY_TERMS; k++) {
            double sum = BUILT_IN_WEIGHT * built_in_square * built_in.covariance[i][k];
            prior.covariance[i][k] = (sum + scatter[i][k]) / (BUILT_IN_WEIGHT + learned) / square;
        }
    }
    prior.hour_scale = hour_scale(fits, count, built_in.hour_scale, prior.log_hour_ratio);
    return prior;
}

/* Replaces *prior by what the volumes with enough transfers tell, if there are enough of them.
 * Returns how many taught. */
static size_t learn_durations(const struct fleet_member *members, size_t count,
                              enum transfer_kind kind, struct duration_prior *prior)
{
    struct duration_fit fits[FLEET_MAX];
    size_t taught = 0;
    for (size_t i = 0; i < count && taught < FLEET_MAX; i++) {
        const struct duration_fit *fit =
            kind == TRANSFER_COPY ? &members[i].copy : &members[i].snapshot;
        if (fit->sample_count >= FLEET_LEAST_SAMPLES)
            fits[taught++] = *fit;
    }
    if (taught < FLEET_LEAST_DURATION_VOLUMES)
        return 0;
    *prior = duration_prior_of_fleet(fits, taught);
    return taught;
}

static size_t learn_dirties(const struct fleet_member *members, size_t count,
                            struct dirty_prior *prior)
{
    struct dirty_fit fits[FLEET_MAX];
    size_t taught = 0;
    for (size_t i = 0; i < count && taught < FLEET_MAX; i++) {
        const struct dirty_fit *fit = &members[i].dirty;
        if (fit->writes_known && fit->sample_count >= FLEET_LEAST_SAMPLES)
            fits[taught++] = *fit;
    }
    if (taught < FLEET_LEAST_DIRTY_VOLUMES)
        return 0;
    *prior = dirty_prior_of_fleet(fits, taught);
    return taught;
}

struct volume_prior volume_prior_of_fleet(const struct fleet_member *members, size_t count)
{
    struct volume_prior prior = volume_prior_shipped();
    prior.snapshot_volumes = learn_durations(members, count, TRANSFER_SNAPSHOT, &prior.snapshot);
    prior.copy_volumes = learn_durations(members, count, TRANSFER_COPY, &prior.copy);
    prior.dirty_volumes = learn_dirties(members, count, &prior.dirty);
    return prior;
}

#include "tests/model/made_history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <gsl/gsl_randist.h>

#define DAY_S  86400.0
#define TICK_S 300.0

const struct truth seed_truth = {
    .fixed_s = 95,
    .bytes_per_s = 45e6,
    .noise = 0.15,
    .hot_bytes = 17e9,
    .hot_turn_s = 2400,
    .cold_bytes_per_s = 2.7e6,
    .dirty_noise = 0.08,
    .write_bytes_per_s = 11e6,
    .volume_bytes = INT64_C(3000000000000),
};

double truth_median_delta_bytes(const struct truth *truth, double elapsed_s)
{
    return truth->hot_bytes * (1 - exp(-elapsed_s / truth->hot_turn_s)) +
           truth->cold_bytes_per_s * elapsed_s;
}

double truth_delta_bytes(const struct truth *truth, double elapsed_s, gsl_rng *rng)
{
    return truth_median_delta_bytes(truth, elapsed_s) *
           exp(gsl_ran_gaussian(rng, truth->dirty_noise));
}

double truth_median_duration_s(const struct truth *truth, double bytes)
{
    return truth->fixed_s + bytes / truth->bytes_per_s;
}

double truth_duration_s(const struct truth *truth, double bytes, gsl_rng *rng)
{
    return truth_median_duration_s(truth, bytes) * exp(gsl_ran_gaussian(rng, truth->noise));
}

static void add_duration(struct made_history *made, enum transfer_kind kind, size_t number,
                         int64_t started_ms, int64_t bytes, double seconds)
{
    struct duration_sample *sample = &made->durations[made->history.duration_count++];
    *sample = (struct duration_sample){
        .kind = kind,
        .started_ms = started_ms,
        .duration_ms = llround(seconds) * 1000,
        .delta_bytes = bytes,
    };
    snprintf(sample->id, sizeof(sample->id), "snap-%017zx", number);
}

static void add_dirty(struct made_history *made, size_t number, int64_t start_ms, int64_t end_ms,
                      double bytes, unsigned merged)
{
    struct dirty_sample *sample = &made->dirties[made->history.dirty_count++];
    *sample = (struct dirty_sample){
        .start_ms = start_ms,
        .end_ms = end_ms,
        .changed_bytes = llround(bytes / BLOCK_BYTES) * BLOCK_BYTES,
        .merged_count = merged,
    };
    snprintf(sample->id, sizeof(sample->id), "snap-%017zx", number);
}

static void add_writes(struct made_history *made, const struct truth *truth, size_t days)
{
    size_t count = days * 288;
    for (size_t i = 0; i < count; i++) {
        int64_t start_ms = MADE_NOW_MS - (int64_t)(count - i) * 300000;
        double hour = fmod((double)start_ms / 3.6e6, 24);
        double rate = truth->write_bytes_per_s * (1 + 0.5 * sin(hour * M_PI / 12)) *
                      exp(gsl_ran_gaussian(made->rng, 0.1));
        made->writes[made->history.write_count++] = (struct write_sample){
            .start_ms = start_ms,
            .length_ms = 300000,
            .bytes = llround(rate * TICK_S),
            .ops = llround(rate * TICK_S / 8192),
        };
    }
}

static void add_snapshot(struct made_history *made, const struct truth *truth, size_t number,
                         int64_t at_ms, double gap_s, int copies)
{
    int64_t gap_ms = llround(gap_s * 1000);
    double bytes = truth_delta_bytes(truth, gap_s, made->rng);
    double seconds = truth_duration_s(truth, bytes, made->rng);
    add_dirty(made, number, at_ms - gap_ms, at_ms, bytes, 1);
    add_duration(made, TRANSFER_SNAPSHOT, number, at_ms, llround(bytes), seconds);
    if (copies) {
        add_duration(made, TRANSFER_COPY, number, at_ms + llround(seconds) * 1000, llround(bytes),
                     truth_duration_s(truth, bytes, made->rng));
    }
    for (unsigned merged = 2; merged <= 8 && merged <= number; merged *= 2) {
        add_dirty(made, number, at_ms - merged * gap_ms, at_ms,
                  truth_delta_bytes(truth, merged * gap_s, made->rng), merged);
    }
}

void made_history_init(struct made_history *made, const struct truth *truth, unsigned long seed,
                       size_t snapshot_count, double gap_s, size_t days, int copies)
{
    *made = (struct made_history){0};
    made->history.volume_id = "vol-0123456789abcdef0";
    made->history.volume_bytes = truth->volume_bytes;
    made->rng = gsl_rng_alloc(gsl_rng_taus2);
    gsl_rng_set(made->rng, seed);
    made->durations = calloc(2 * snapshot_count + 1, sizeof(*made->durations));
    made->dirties = calloc(4 * snapshot_count + 1, sizeof(*made->dirties));
    made->writes = calloc(days * 288 + 1, sizeof(*made->writes));
    for (size_t i = 0; i < snapshot_count; i++) {
        add_snapshot(made, truth, i + 1,
                     MADE_NOW_MS - llround((double)(snapshot_count - i) * gap_s * 1000), gap_s,
                     copies);
    }
    add_writes(made, truth, days);
    made->history.durations = made->durations;
    made->history.dirties = made->dirties;
    made->history.writes = made->writes;
}

void made_history_done(struct made_history *made)
{
    free(made->durations);
    free(made->dirties);
    free(made->writes);
    gsl_rng_free(made->rng);
    *made = (struct made_history){0};
}

/* made_history.h: a volume's past, made from a known truth.
 *
 * Snapshots at a fixed rhythm, their changed blocks, copies and writes with a day's rhythm, all
 * from formulas of the test's own that differ from the model's (a hot set that saturates, a cold
 * stream, log-normal noise), so that a test can ask whether the truth is found again. */
#ifndef TESTS_MODEL_MADE_HISTORY_H
#define TESTS_MODEL_MADE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include <gsl/gsl_rng.h>

#include "model/sample.h"

/* 2026-03-02 00:00:00 UTC, a Monday: the end of every made history. */
#define MADE_NOW_MS INT64_C(1772409600000)

/* The truth. */
struct truth {
    double fixed_s;           /* of a snapshot, and of a copy */
    double bytes_per_s;       /* carried, both kinds */
    double noise;             /* log-normal scale of durations */
    double hot_bytes;         /* set that is rewritten all the time */
    double hot_turn_s;        /* time in which two thirds of it are touched */
    double cold_bytes_per_s;  /* blocks touched once */
    double dirty_noise;       /* log-normal scale of changed bytes */
    double write_bytes_per_s; /* mean; swings by half over the day */
    int64_t volume_bytes;
};

/* The case of the product's first page: 2.2 TB, 45 MB/s, about 25 GB changed in an hour. */
extern const struct truth seed_truth;

struct made_history {
    struct volume_history history; /* borrows the arrays below */
    struct duration_sample *durations;
    struct dirty_sample *dirties;
    struct write_sample *writes;
    gsl_rng *rng;
};

/* Makes snapshot_count snapshots gap_s apart that end at MADE_NOW_MS, with unions of up to eight
 * neighbours, one copy each if copies is set, and `days` days of five-minute writes. */
void made_history_init(struct made_history *made, const struct truth *truth, unsigned long seed,
                       size_t snapshot_count, double gap_s, size_t days, int copies);
void made_history_done(struct made_history *made);

/* One outcome of the truth: bytes changed in elapsed_s, and seconds to carry bytes. */
double truth_delta_bytes(const struct truth *truth, double elapsed_s, gsl_rng *rng);
double truth_duration_s(const struct truth *truth, double bytes, gsl_rng *rng);
/* The same without noise. */
double truth_median_delta_bytes(const struct truth *truth, double elapsed_s);
double truth_median_duration_s(const struct truth *truth, double bytes);

#endif

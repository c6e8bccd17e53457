/* calibration.h: what past promises teach about the next one.
 *
 * Each finished round and series is kept beside what was told of it. Where its outcome lies in the
 * told distribution (a chance, uniform if the teller is honest) shows whether the teller is late or
 * too sure; the next promise is moved and widened by as much. Few outcomes teach little: a volume
 * leans on its account, the account on general experience. */
#ifndef MODEL_CALIBRATION_H
#define MODEL_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>

#include "model/forecast.h"

/* So many series, and a teller is known. */
#define CALIBRATION_SERIES 5

/* What was told, before any correction, and what came of it; seconds. */
struct calibration_outcome {
    struct quantiles told_s;
    double actual_s;
    bool series; /* the downtime of a whole run; else one of its rounds */
    bool own;    /* of the volumes in question; else of others of the account */
    /* How much it counts: 1 for a series; the rounds of one run share its luck and count as one
     * together. */
    double weight;
};

/* Correction of a promise: of its normal score z to shift + widen z. Neutral if widen is 0. */
struct calibration {
    double shift;
    double widen;
    size_t own_series; /* that taught */
    size_t own_rounds;
    size_t account_series;
    size_t account_rounds;
};

/* Tells whether numbers are such that an outcome can teach: positive, finite, in order. */
bool calibration_outcome_is_possible(const struct calibration_outcome *outcome);

/* The told chance of no more than what came: 0..1. Only for a possible outcome. */
double calibration_outcome_chance(const struct calibration_outcome *outcome);

/* Learns from the possible ones among outcomes[0..count). Until CALIBRATION_SERIES series are known,
 * of whichever volume, promises are widened by a tenth at least. */
struct calibration calibration_learn(const struct calibration_outcome *outcomes, size_t count);

/* The corrected value of a quantity (seconds, positive) told by *told: monotone in `value`. */
double calibration_correct(const struct calibration *calibration, const struct quantiles *told,
                           double value);

#endif

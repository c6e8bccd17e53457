#include "model/overhead.h"

#include <math.h>
#include <stdbool.h>

/* 95 % quantile of the normal distribution. */
#define NORMAL_P95 1.6448536269514722
/* A guess from EC2's usual answers, wide until runs have been measured. */
#define GUESS_P50_S         40.0
#define GUESS_P95_S         150.0
#define GUESS_MEAN_WEIGHT   1.0
#define GUESS_SPREAD_WEIGHT 3.0

static bool counts(double seconds)
{
    return seconds > 0 && isfinite(seconds);
}

struct overhead overhead_learn(const double *seconds, size_t count)
{
    struct overhead made = {0};
    double mean = GUESS_MEAN_WEIGHT * log(GUESS_P50_S);
    for (size_t i = 0; i < count; i++) {
        if (!counts(seconds[i]))
            continue;
        made.run_count++;
        mean += log(seconds[i]);
    }
    mean /= GUESS_MEAN_WEIGHT + (double)made.run_count;
    double spread = log(GUESS_P95_S / GUESS_P50_S) / NORMAL_P95;
    double squares = GUESS_SPREAD_WEIGHT * spread * spread;
    for (size_t i = 0; i < count; i++) {
        double off = counts(seconds[i]) ? log(seconds[i]) - mean : 0;
        squares += off * off;
    }
    double scale = sqrt(squares / (GUESS_SPREAD_WEIGHT + (double)made.run_count));
    made.p50_s = exp(mean);
    made.p95_s = exp(mean + NORMAL_P95 * scale);
    return made;
}

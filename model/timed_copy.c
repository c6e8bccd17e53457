#include "model/timed_copy.h"

#include <math.h>
#include <stddef.h>

#include "model/instant.h"
#include "model/sample.h"

#define STEP_MS    (15 * MS_PER_MINUTE)
#define LONGEST_MS (48 * MS_PER_HOUR)

bool timed_copy_is_possible(int64_t duration_ms)
{
    return duration_ms >= STEP_MS && duration_ms <= LONGEST_MS && duration_ms % STEP_MS == 0;
}

int64_t timed_copy_ms(int64_t limit_ms, double bytes)
{
    double least_s = fmax(bytes, 0) / BYTES_PER_MIB / TIMED_COPY_MIB_PER_S;
    double steps = ceil(least_s * MS_PER_SECOND / STEP_MS);
    int64_t least_ms = (int64_t)fmin(steps, LONGEST_MS / STEP_MS) * STEP_MS;
    return limit_ms > least_ms ? limit_ms : least_ms;
}

double timed_copy_longest_s(int64_t limit_ms, int hops, double bytes)
{
    if (limit_ms == 0)
        return HUGE_VAL;
    return (double)hops * (double)timed_copy_ms(limit_ms, bytes) / MS_PER_SECOND;
}

double timed_copy_usd_per_gib(int64_t duration_ms)
{
    static const struct {
        int64_t from_ms;
        double usd;
    } tiers[] = {
        {16 * MS_PER_HOUR, 0.005},   {8 * MS_PER_HOUR, 0.010}, {4 * MS_PER_HOUR, 0.012},
        {2 * MS_PER_HOUR, 0.014},    {MS_PER_HOUR, 0.016},     {30 * MS_PER_MINUTE, 0.018},
        {15 * MS_PER_MINUTE, 0.020},
    };
    for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
        if (duration_ms >= tiers[i].from_ms)
            return tiers[i].usd;
    }
    return 0;
}

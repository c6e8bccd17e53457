#include "tests/sim/dice.h"

#include <math.h>

uint64_t dice_hash(uint64_t left, uint64_t right)
{
    return dice_mix(dice_mix(left + UINT64_C(0x9e3779b97f4a7c15)) ^
                    (right * UINT64_C(0xd6e8feb86659fd93)));
}

uint64_t dice_hash_text(uint64_t seed, const char *text)
{
    uint64_t hash = seed;
    for (const char *at = text; *at != '\0'; at++)
        hash = dice_hash(hash, (uint64_t)(unsigned char)*at);
    return hash;
}

double dice_uniform(struct dice *dice)
{
    return ((double)(dice_next(dice) >> 12) + 0.5) / 4503599627370496.0;
}

double dice_normal(struct dice *dice)
{
    double radius = sqrt(-2 * log(dice_uniform(dice)));
    return radius * cos(2 * M_PI * dice_uniform(dice));
}

double dice_lognormal(struct dice *dice, double median, double sigma)
{
    return median * exp(sigma * dice_normal(dice));
}

/* The process at a grid point is the sum of its past shocks; beyond 40 steps they are forgotten. */
static double drift_at_step(uint64_t key, int64_t step, double keep)
{
    double sum = 0;
    double weight = 1;
    for (int64_t back = 0; back < 40; back++) {
        struct dice dice = {dice_hash(key, (uint64_t)(step - back))};
        sum += weight * dice_normal(&dice);
        weight *= keep;
    }
    return sum * sqrt(1 - keep * keep);
}

double dice_drift(uint64_t key, int64_t at_ms, int64_t step_ms, double keep)
{
    int64_t step = at_ms / step_ms;
    double part = (double)(at_ms % step_ms) / (double)step_ms;
    return (1 - part) * drift_at_step(key, step, keep) + part * drift_at_step(key, step + 1, keep);
}

void dice_hex(struct dice *dice, char *text, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++)
        text[i] = "0123456789abcdef"[dice_next(dice) >> 60];
    text[size - 1] = '\0';
}

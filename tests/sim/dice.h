/* dice.h: repeatable randomness for the simulator's physics.
 *
 * Every random quantity is a function of the world's seed and of what it belongs to (a volume, a
 * call, an hour), never of how many other draws were made: the same calls at the same simulated
 * times give the same world. */
#ifndef TESTS_SIM_DICE_H
#define TESTS_SIM_DICE_H

#include <stddef.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t dice_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* Mixes two numbers into one that looks random. */
uint64_t dice_hash(uint64_t left, uint64_t right);

/* The same for a text. */
uint64_t dice_hash_text(uint64_t seed, const char *text);

/* The next 64 random bits. In the header because a ghost draws some million of them for a snapshot. */
static inline uint64_t dice_next(struct dice *dice)
{
    dice->state += UINT64_C(0x9e3779b97f4a7c15);
    return dice_mix(dice->state);
}

/* Uniform in (0, 1). */
double dice_uniform(struct dice *dice);

/* Standard normal. */
double dice_normal(struct dice *dice);

/* `median` times exp(sigma * normal). */
double dice_lognormal(struct dice *dice, double median, double sigma);

/* A first-order autoregressive process with unit variance, read at any time without memory of
 * earlier reads. Step and time in ms; `keep` is the correlation of neighbouring steps, below 1. */
double dice_drift(uint64_t key, int64_t at_ms, int64_t step_ms, double keep);

/* Fills size - 1 lower-case hex digits and a NUL. */
void dice_hex(struct dice *dice, char *text, size_t size);

#endif

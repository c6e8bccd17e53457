#include "tests/sim/physics.h"

#include <math.h>

#include "model/instant.h"

#define BYTES_PER_MB         1e6
#define SLOW_EPISODE_CHANCE  0.05
#define SLOW_EPISODE_SPAN_MS (2 * MS_PER_HOUR)
#define TIMED_COPY_CAP       (500.0 * 1048576)

/* Bytes per second along one path at one time. */
static double throughput(const struct transfer *transfer, struct dice *dice)
{
    struct dice path = {dice_hash(transfer->path_key, 101)};
    double base = 42.5 + 3.5 * dice_uniform(&path);
    double drift =
        exp(0.055 * dice_drift(transfer->path_key, transfer->start_ms, 3 * MS_PER_HOUR, 0.85));
    double noisy = base * drift * dice_lognormal(dice, 1, 0.05);
    double bounded = noisy < 35 ? 35 : noisy > 55 ? 55 : noisy;
    return bounded * BYTES_PER_MB;
}

static double fixed_cost_ms(const struct transfer *transfer, struct dice *dice)
{
    double busy =
        exp(0.15 * dice_drift(transfer->path_key ^ 202, transfer->start_ms, MS_PER_HOUR, 0.7));
    double cost_s = dice_lognormal(dice, transfer->is_copy ? 95 : 82, 0.28) * busy;
    return (cost_s < 45 ? 45 : cost_s) * (double)MS_PER_SECOND;
}

/* About one in twenty takes two to five times as long; of a very long one only the hours of the
 * episode are slow. */
static double slow_episode_ms(double usual_ms, struct dice *dice)
{
    double chance = dice_uniform(dice);
    double severity = dice_uniform(dice);
    if (chance >= SLOW_EPISODE_CHANCE)
        return 0;
    double factor = 2 + 3 * severity * severity;
    double span_ms = fmin(usual_ms, (double)SLOW_EPISODE_SPAN_MS);
    return (factor - 1) * span_ms;
}

int64_t physics_transfer_ms(const struct transfer *transfer, struct dice dice)
{
    double usual_ms = fixed_cost_ms(transfer, &dice);
    usual_ms += 1000.0 * (double)transfer->bytes / throughput(transfer, &dice);
    if (!transfer->calm)
        usual_ms += slow_episode_ms(usual_ms, &dice);
    return (int64_t)usual_ms;
}

int64_t physics_timed_copy_ms(int64_t bytes, int64_t asked_min, struct dice dice)
{
    double least_ms = 1000.0 * (double)bytes / TIMED_COPY_CAP;
    double used_ms = (0.55 + 0.4 * dice_uniform(&dice)) * (double)(asked_min * MS_PER_MINUTE);
    return (int64_t)(used_ms > least_ms ? used_ms : least_ms);
}

/* Shown progress runs ahead of, then behind the truth, and only at a handful of jumps. */
int physics_progress(uint64_t key, double done)
{
    struct dice dice = {dice_hash(key, 303)};
    double first_seen = 0.03 + 0.07 * dice_uniform(&dice);
    double stuck_from = 0.60 + 0.30 * dice_uniform(&dice);
    if (done < first_seen)
        return -1;
    if (done >= stuck_from)
        return 99;
    double shown = 0;
    double jump_at = first_seen;
    for (int jump = 0; jump < 40 && jump_at <= done; jump++) {
        shown = jump == 0 ? 0 : 99 * pow(jump_at / stuck_from, 0.8);
        jump_at += (0.02 + 0.16 * dice_uniform(&dice)) * stuck_from;
    }
    return shown > 98 ? 98 : (int)shown;
}

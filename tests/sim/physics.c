#include "tests/sim/physics.h"

#include <math.h>

#include "model/instant.h"

#define BYTES_PER_MB         1e6
#define SLOW_EPISODE_SPAN_MS (2 * MS_PER_HOUR)
#define TIMED_COPY_CAP       (500.0 * 1048576)

/* Bytes per second along one path at one time. */
static double throughput(const struct transfer *transfer, struct dice *dice)
{
    const struct pace *pace = transfer->pace;
    struct dice path = {dice_hash(transfer->path_key, 101)};
    double base =
        pace->least_mb_per_s + (pace->most_mb_per_s - pace->least_mb_per_s) * dice_uniform(&path);
    double drift = exp(pace->drift *
                       dice_drift(transfer->path_key, transfer->start_ms, 3 * MS_PER_HOUR, 0.85));
    double noisy = base * drift * dice_lognormal(dice, 1, pace->noise);
    return fmin(fmax(noisy, pace->floor_mb_per_s), pace->ceiling_mb_per_s) * BYTES_PER_MB;
}

static double fixed_cost_ms(const struct transfer *transfer, struct dice *dice)
{
    const struct pace *pace = transfer->pace;
    double busy =
        exp(0.15 * dice_drift(transfer->path_key ^ 202, transfer->start_ms, MS_PER_HOUR, 0.7));
    double median_s = transfer->is_copy ? pace->copy_cost_s : pace->snapshot_cost_s;
    double cost_s = dice_lognormal(dice, median_s, pace->cost_spread) * busy;
    return fmax(cost_s, pace->least_cost_s) * (double)MS_PER_SECOND;
}

/* Now and then one takes several times as long. */
static double slow_factor(const struct transfer *transfer, struct dice *dice)
{
    double chance = dice_uniform(dice);
    double severity = dice_uniform(dice);
    if (transfer->calm || chance >= transfer->pace->slow_chance)
        return 1;
    return 2 + (transfer->pace->slow_most - 2) * severity * severity;
}

struct transfer_law physics_transfer_law(const struct transfer *transfer, struct dice dice)
{
    struct transfer_law law = {.cost_ms = fixed_cost_ms(transfer, &dice)};
    law.bytes_per_s = throughput(transfer, &dice);
    law.slow_factor = slow_factor(transfer, &dice);
    return law;
}

/* Of a very long transfer only the hours of the episode are slow. */
double physics_law_ms(const struct transfer_law *law, double bytes)
{
    double usual_ms = law->cost_ms + 1000.0 * bytes / law->bytes_per_s;
    double span_ms = fmin(usual_ms, (double)SLOW_EPISODE_SPAN_MS);
    return usual_ms + (law->slow_factor - 1) * span_ms;
}

int64_t physics_transfer_ms(const struct transfer *transfer, struct dice dice)
{
    struct transfer_law law = physics_transfer_law(transfer, dice);
    return (int64_t)physics_law_ms(&law, (double)transfer->bytes);
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

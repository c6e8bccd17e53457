#include <stdlib.h>
#include <string.h>

#include "tests/sim/world_inner.h"

static void add_to_minute(struct volume_inner *inner, int64_t minute,
                          const double counts[METRIC_COUNT], double part)
{
    size_t last = inner->minute_count;
    if (last == 0 || inner->minutes[last - 1].minute < minute) {
        inner->minutes = world_grow(inner->minutes, last, sizeof(*inner->minutes));
        inner->minutes[last].minute = minute;
        inner->minute_count++;
        last++;
    }
    for (size_t i = 0; i < METRIC_COUNT; i++)
        inner->minutes[last - 1].counts[i] += counts[i] * part;
}

/* What was counted since the last look is spread evenly over the time since then. */
static void spread(struct volume_inner *inner, int64_t from_ms, int64_t to_ms,
                   const double counts[METRIC_COUNT])
{
    double whole_ms = (double)(to_ms - from_ms);
    for (int64_t at_ms = from_ms; at_ms < to_ms;) {
        int64_t minute = at_ms / MS_PER_MINUTE;
        int64_t end_ms = (minute + 1) * MS_PER_MINUTE;
        if (end_ms > to_ms)
            end_ms = to_ms;
        add_to_minute(inner, minute, counts, (double)(end_ms - at_ms) / whole_ms);
        at_ms = end_ms;
    }
}

static void count_device(struct world *world, struct volume_inner *inner)
{
    struct pool_counters now;
    if (inner->loop_number < 0 || world->now_ms <= inner->counters_ms ||
        !pool_counters(inner->loop_number, &now))
        return;
    const struct pool_counters *old = &inner->counters;
    double counts[METRIC_COUNT] = {
        [METRIC_READ_BYTES] = (double)(now.read_bytes - old->read_bytes),
        [METRIC_WRITE_BYTES] = (double)(now.write_bytes - old->write_bytes),
        [METRIC_READ_OPS] = (double)(now.read_ops - old->read_ops),
        [METRIC_WRITE_OPS] = (double)(now.write_ops - old->write_ops),
    };
    if (inner->counters_ms != 0)
        spread(inner, inner->counters_ms, world->now_ms, counts);
    inner->counters = now;
    inner->counters_ms = world->now_ms;
}

void world_count_devices(struct world *world)
{
    for (size_t i = 0; i < world->volume_count; i++) {
        if (!world->volumes[i]->inner->gone)
            count_device(world, world->volumes[i]->inner);
    }
}

/* How long CloudWatch keeps datapoints of a period (CloudWatch user guide). */
static bool is_kept(int64_t age_ms, int64_t period_s)
{
    if (age_ms <= 15 * MS_PER_DAY)
        return true;
    if (age_ms <= 63 * MS_PER_DAY)
        return period_s >= 300;
    return period_s >= 3600 && age_ms <= 455 * MS_PER_DAY;
}

static double ghost_minute(struct ghost *ghost, enum sim_metric metric, int64_t minute)
{
    switch (metric) {
    case METRIC_READ_BYTES:
        return ghost_read_bytes(ghost, minute);
    case METRIC_WRITE_BYTES:
        return ghost_write_bytes(ghost, minute);
    case METRIC_READ_OPS:
        return ghost_read_ops(ghost, minute);
    case METRIC_WRITE_OPS:
        return ghost_write_ops(ghost, minute);
    case METRIC_COUNT:
        break;
    }
    return 0;
}

static double device_minutes(const struct volume_inner *inner, enum sim_metric metric,
                             int64_t first, int64_t end)
{
    double sum = 0;
    size_t low = 0;
    size_t high = inner->minute_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (inner->minutes[middle].minute < first) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < inner->minute_count && inner->minutes[low].minute < end; low++)
        sum += inner->minutes[low].counts[metric];
    return sum;
}

bool world_metric_sum(struct world *world, const struct sim_volume *volume, enum sim_metric metric,
                      int64_t start_ms, int64_t period_s, double *sum)
{
    struct volume_inner *inner = volume->inner;
    int64_t first = start_ms / MS_PER_MINUTE;
    int64_t end = first + period_s / 60;
    int64_t attached = (volume->attach_ms + MS_PER_MINUTE - 1) / MS_PER_MINUTE;
    bool attached_now = volume->attachment != ATTACHMENT_NONE;
    if (!is_kept(world->now_ms - start_ms, period_s) || end * MS_PER_MINUTE > world->now_ms)
        return false;
    bool has_device = inner->minute_count > 0 && inner->minutes[0].minute < end &&
                      inner->minutes[inner->minute_count - 1].minute >= first;
    bool is_attached = attached_now && end > attached;
    if (!has_device && !is_attached)
        return false;
    *sum = device_minutes(inner, metric, first, end);
    for (int64_t minute = first > attached ? first : attached;
         inner->ghost != NULL && attached_now && minute < end; minute++)
        *sum += ghost_minute(inner->ghost, metric, minute);
    return true;
}

/* Time-based copies: what one may use, and what all of them may use between two regions. */
#include <string.h>

#include "tests/sim/world_inner.h"

#define MIB            INT64_C(1048576)
#define COPY_RATE_MAX  (500 * MIB)
#define ROUTE_RATE_MAX (2000 * MIB)

static bool is_on_route(const struct world *world, const struct sim_snapshot *copy,
                        const struct caller *caller, const char *from_region)
{
    return copy->completion_duration_min > 0 && !copy->inner->gone &&
           world->now_ms < copy->ends_ms && strcmp(copy->account, caller->account) == 0 &&
           strcmp(copy->region, caller->region) == 0 &&
           strcmp(copy->inner->from_region, from_region) == 0;
}

static int64_t rate_left(const struct world *world, const struct caller *caller,
                         const char *from_region)
{
    int64_t left = ROUTE_RATE_MAX;
    for (size_t i = 0; i < world->snapshot_count; i++) {
        if (is_on_route(world, world->snapshots[i], caller, from_region))
            left -= world->snapshots[i]->inner->timed_bytes_per_s;
    }
    return left;
}

bool world_check_timed(const struct world *world, const struct caller *caller,
                       const struct copy_request *request, struct refusal *refusal)
{
    if (request->completion_duration_min == 0 ||
        rate_left(world, caller, request->source_region) > 0)
        return true;
    return refuse(refusal, "ResourceLimitExceeded",
                  "The throughput quota of time-based copies between these regions is used up");
}

int64_t world_timed_rate(const struct world *world, const struct caller *caller,
                         const struct copy_request *request, int64_t bytes)
{
    int64_t wanted = bytes / (request->completion_duration_min * 60) + 1;
    int64_t left = rate_left(world, caller, request->source_region);
    if (wanted > COPY_RATE_MAX)
        wanted = COPY_RATE_MAX;
    return wanted < left ? wanted : left;
}

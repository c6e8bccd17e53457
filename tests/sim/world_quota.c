#include "tests/sim/world_quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world_inner.h"

#define GIB_PER_TIB 1024.0

/* EBS user guide, "Quotas for Amazon EBS", of an account that asked for nothing. */
static const struct sim_quota quotas[] = {
    {"L-309BACF6", "Snapshots per Region", NULL, false, 100000, false},
    {"L-9CF3C2EB", "Storage for Magnetic (standard) volumes, in TiB", "standard", false, 50, true},
    {"L-D18FCD1D", "Storage for General Purpose SSD (gp2) volumes, in TiB", "gp2", false, 50, true},
    {"L-7A658B76", "Storage for General Purpose SSD (gp3) volumes, in TiB", "gp3", false, 50, true},
    {"L-FD252861", "Storage for Provisioned IOPS SSD (io1) volumes, in TiB", "io1", false, 50,
     true},
    {"L-09BD8365", "Storage for Provisioned IOPS SSD (io2) volumes, in TiB", "io2", false, 20,
     true},
    {"L-17AF77E8", "Storage for Cold HDD (sc1) volumes, in TiB", "sc1", false, 50, true},
    {"L-82ACEF56", "Storage for Throughput Optimized HDD (st1) volumes, in TiB", "st1", false, 50,
     true},
    {"L-B3A130E6", "IOPS for Provisioned IOPS SSD (io1) volumes", "io1", true, 300000, true},
    {"L-8D977E7E", "IOPS for Provisioned IOPS SSD (io2) volumes", "io2", true, 100000, true},
};
#define QUOTA_COUNT (sizeof(quotas) / sizeof(quotas[0]))

/* What somebody was granted instead of a default. */
struct grant_of_quota {
    char account[13]; /* "": everybody */
    char region[SIM_REGION_SIZE];
    const struct sim_quota *quota;
    double value;
};

const struct sim_quota *world_quota_at(size_t index)
{
    return index < QUOTA_COUNT ? &quotas[index] : NULL;
}

const struct sim_quota *world_quota_find(const char *code)
{
    for (size_t i = 0; i < QUOTA_COUNT; i++) {
        if (strcmp(quotas[i].code, code) == 0)
            return &quotas[i];
    }
    return NULL;
}

double world_quota_value(const struct world *world, const struct caller *caller,
                         const struct sim_quota *quota)
{
    double value = quota->standard;
    for (size_t i = 0; i < world->quota_count; i++) {
        const struct grant_of_quota *granted = &world->quotas[i];
        bool is_theirs =
            granted->account[0] == '\0' || strcmp(granted->account, caller->account) == 0;
        if (granted->quota == quota && is_theirs && strcmp(granted->region, caller->region) == 0)
            value = granted->value;
    }
    return value;
}

void world_quota_set(struct world *world, const char *account, const char *region,
                     const struct sim_quota *quota, double value)
{
    world->quotas = world_grow(world->quotas, world->quota_count, sizeof(*world->quotas));
    struct grant_of_quota *granted = &world->quotas[world->quota_count++];
    *granted = (struct grant_of_quota){.quota = quota, .value = value};
    world_text(granted->account, sizeof(granted->account), account);
    world_text(granted->region, sizeof(granted->region), region);
}

enum error_code world_quota_arm(struct world *world, const char *text, struct error *err)
{
    char region[SIM_REGION_SIZE];
    char code[16];
    char *end = NULL;
    const char *colon = strchr(text, ':');
    const char *equals = strchr(text, '=');
    if (colon == NULL || equals == NULL || equals < colon)
        return error_set(err, ERR_INVALID, "'%s' is not REGION:CODE=VALUE", text);
    (void)snprintf(region, sizeof(region), "%.*s", (int)(colon - text), text);
    (void)snprintf(code, sizeof(code), "%.*s", (int)(equals - colon - 1), colon + 1);
    const struct sim_quota *quota = world_quota_find(code);
    double value = strtod(equals + 1, &end);
    if (quota == NULL || end == equals + 1 || *end != '\0' || value < 0)
        return error_set(err, ERR_INVALID, "'%s' names no quota, or no value", text);
    world_quota_set(world, "", region, quota, value);
    return ERR_NONE;
}

/* ---- judging ---- */

static bool is_here(const struct caller *caller, const char *account, const char *region)
{
    return strcmp(account, caller->account) == 0 && strcmp(region, caller->region) == 0;
}

static double used_of(const struct world *world, const struct caller *caller,
                      const struct sim_quota *quota)
{
    double used = 0;
    for (size_t i = 0; i < world->volume_count; i++) {
        const struct sim_volume *volume = world->volumes[i];
        if (!volume->inner->gone && is_here(caller, volume->account, volume->region) &&
            strcmp(volume->type, quota->volume_type) == 0)
            used += quota->is_iops ? (double)volume->iops : (double)volume->size_gib / GIB_PER_TIB;
    }
    return used;
}

bool world_quota_fits_volume(const struct world *world, const struct caller *caller,
                             const char *type, int64_t size_gib, int64_t iops,
                             struct refusal *refusal)
{
    for (size_t i = 0; i < QUOTA_COUNT; i++) {
        const struct sim_quota *quota = &quotas[i];
        if (quota->volume_type == NULL || strcmp(quota->volume_type, type) != 0)
            continue;
        double more = quota->is_iops ? (double)iops : (double)size_gib / GIB_PER_TIB;
        if (used_of(world, caller, quota) + more <= world_quota_value(world, caller, quota))
            continue;
        return refuse(refusal, quota->is_iops ? "MaxIOPSLimitExceeded" : "VolumeLimitExceeded",
                      "You have exceeded your maximum %s limit of %g %s for %s volumes in this "
                      "region.",
                      type, world_quota_value(world, caller, quota),
                      quota->is_iops ? "IOPS" : "TiB", type);
    }
    return true;
}

bool world_quota_fits_snapshots(const struct world *world, const struct caller *caller,
                                size_t count, struct refusal *refusal)
{
    double limit = world_quota_value(world, caller, &quotas[0]);
    size_t used = 0;
    for (size_t i = 0; i < world->snapshot_count; i++) {
        const struct sim_snapshot *snapshot = world->snapshots[i];
        used += !snapshot->inner->gone && is_here(caller, snapshot->account, snapshot->region);
    }
    if ((double)(used + count) <= limit)
        return true;
    return refuse(refusal, "SnapshotLimitExceeded",
                  "You have reached your snapshot limit of %.0f in this region.", limit);
}

void world_free_quotas(struct world *world)
{
    free(world->quotas);
}

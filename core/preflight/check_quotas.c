#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/listing.h"
#include "core/preflight/checks.h"
#include "model/amount.h"

/* More rounds than a series ever takes before its first snapshots may go. */
#define ROUNDS_MAX 20

#define TIB UINT64_C(1099511627776)

enum verdict quota_verdict(size_t used, size_t needed, size_t limit)
{
    if (used >= limit)
        return VERDICT_FAIL;
    return used + needed > limit ? VERDICT_WARN : VERDICT_OK;
}

/* ---- what is granted ---- */

/* What AWS grants without being asked, for who may not look; the least of all types. */
static uint64_t usual_of(enum cloud_quota quota)
{
    static const uint64_t usual[] = {
        [CLOUD_QUOTA_SNAPSHOTS] = 100000,
        [CLOUD_QUOTA_STORAGE] = 20 * TIB,
        [CLOUD_QUOTA_IOPS] = 100000,
    };
    return usual[quota];
}

/* A quota as told, or assumed where it is not. */
struct granted {
    uint64_t value;
    const char *note;
};

/* Errors: ERR_INTERRUPTED. */
static enum error_code ask_quota(const struct preflight *preflight, const struct cloud *cloud,
                                 enum cloud_quota quota, const char *type, struct granted *granted,
                                 struct error *err)
{
    enum error_code code = ERR_NONE;
    *granted = (struct granted){.note = ""};
    struct attempt attempt =
        attempt_begin(preflight->clock, preflight->log, "ask for a quota", PATIENCE_AT_A_PROMPT_MS);
    do {
        code = cloud->get_quota(cloud->self, quota, type, &granted->value, err);
    } while (attempt_again(&attempt, &code, err));
    if (code != ERR_NONE) {
        granted->value = usual_of(quota);
        granted->note = " (assumed: Service Quotas does not tell)";
    }
    return code == ERR_INTERRUPTED ? code : ERR_NONE;
}

/* ---- snapshots and copies ---- */

static enum error_code take_census(const struct preflight *preflight, const struct cloud *cloud,
                                   struct census *census, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots all = {0};
    const struct listing listing = {
        .cloud = cloud,
        .clock = preflight->clock,
        .log = preflight->log,
        .what = "count the snapshots",
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    const struct cloud_snapshot_filter filter = {0};
    TRY(listing_snapshots(&listing, &filter, &all, err));
    *census = (struct census){.snapshots = all.count};
    for (size_t i = 0; i < all.count; i++)
        census->copies_in_flight += listing_is_copy_in_flight(&all.items[i]);
    return ERR_NONE;
}

/* Counts each place once: that of the snapshots, then those of the copies. */
static enum error_code take_censuses(struct preflight *preflight, struct error *err)
{
    if (preflight->counted)
        return ERR_NONE;
    TRY(take_census(preflight, preflight->source, &preflight->at_source, err));
    for (size_t i = 0; i < preflight->path->count; i++) {
        TRY(take_census(preflight, preflight->path->hops[i].to, &preflight->at_hop[i], err));
    }
    preflight->counted = true;
    return ERR_NONE;
}

enum error_code check_copies(struct preflight *preflight, struct finding *finding,
                             struct error *err)
{
    const struct path *path = preflight->path;
    size_t needed = preflight->config->volume_count;
    size_t places = (size_t)preflight->config->copies_at_once;
    if (path->count == 0) {
        finding_add(finding, VERDICT_OK, "", "nothing has to be copied");
        return ERR_NONE;
    }
    enum error_code code = take_censuses(preflight, err);
    for (size_t i = 0; code == ERR_NONE && i < path->count; i++) {
        size_t used = preflight->at_hop[i].copies_in_flight;
        char place[PATH_PLACE_SIZE];
        path_place(path, i, place);
        enum verdict verdict = quota_verdict(used, needed, places);
        finding_add(finding, verdict,
                    verdict == VERDICT_OK ? ""
                                          : "ours would wait for a free place: let them end, and "
                                            "find out who begins them",
                    "%s: %zu of %zu, this set takes %zu", place, used, places, needed);
    }
    return finding_take(finding, code, "", err);
}

static enum error_code judge_snapshots(const struct preflight *preflight, const struct cloud *cloud,
                                       const struct census *census, const char *place,
                                       struct finding *finding, struct error *err)
{
    size_t needed = ROUNDS_MAX * preflight->config->volume_count;
    struct granted granted;
    TRY(ask_quota(preflight, cloud, CLOUD_QUOTA_SNAPSHOTS, NULL, &granted, err));
    enum verdict verdict = quota_verdict(census->snapshots, needed, granted.value);
    finding_add(finding, verdict,
                verdict == VERDICT_OK ? ""
                                      : "delete what nobody needs, or ask Service Quotas for more "
                                        "(L-309BACF6)",
                "%s: %zu of %" PRIu64 "%s", place, census->snapshots, granted.value, granted.note);
    return ERR_NONE;
}

enum error_code check_quota(struct preflight *preflight, struct finding *finding, struct error *err)
{
    enum error_code code = take_censuses(preflight, err);
    if (code == ERR_NONE)
        code = judge_snapshots(preflight, preflight->source, &preflight->at_source,
                               preflight->source->region, finding, err);
    for (size_t i = 0; code == ERR_NONE && i < preflight->path->count; i++) {
        char place[PATH_PLACE_SIZE];
        path_place(preflight->path, i, place);
        code = judge_snapshots(preflight, preflight->path->hops[i].to, &preflight->at_hop[i], place,
                               finding, err);
    }
    return finding_take(finding, code, "", err);
}

/* ---- the new volumes ---- */

static uint64_t part_of(const struct cloud_volume *volume, enum cloud_quota quota)
{
    return quota == CLOUD_QUOTA_STORAGE ? volume->size_bytes : (uint64_t)volume->iops;
}

static uint64_t sum_of(const struct cloud_volumes *volumes, enum cloud_quota quota,
                       const char *type)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < volumes->count; i++) {
        if (strcmp(volumes->items[i].type, type) == 0 &&
            volumes->items[i].state != CLOUD_VOLUME_DELETED)
            sum += part_of(&volumes->items[i], quota);
    }
    return sum;
}

static void write_amount(enum cloud_quota quota, uint64_t amount, char text[AMOUNT_TEXT_SIZE])
{
    if (quota == CLOUD_QUOTA_STORAGE) {
        (void)amount_text((double)amount, text);
    } else {
        (void)snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64 " IOPS", amount);
    }
}

/* The volumes that are there, and the quota they are judged by. Borrows. */
struct demand {
    const struct cloud_volumes *there;
    enum cloud_quota quota;
    const char *type;
};

/* The series would go well, and its last call of all be refused. */
static enum error_code judge_volumes(const struct preflight *preflight, const struct demand *demand,
                                     struct finding *finding, struct error *err)
{
    uint64_t used = sum_of(demand->there, demand->quota, demand->type);
    uint64_t needed = sum_of(&preflight->volumes, demand->quota, demand->type);
    struct granted granted;
    char texts[3][AMOUNT_TEXT_SIZE];
    TRY(ask_quota(preflight, preflight->target, demand->quota, demand->type, &granted, err));
    bool fits = used + needed <= granted.value;
    bool is_told = granted.note[0] == '\0';
    write_amount(demand->quota, used, texts[0]);
    write_amount(demand->quota, granted.value, texts[1]);
    write_amount(demand->quota, needed, texts[2]);
    finding_add(finding, fits ? VERDICT_OK : (is_told ? VERDICT_FAIL : VERDICT_WARN),
                fits ? "" : "ask Service Quotas for more in that region, days before the night",
                "%s: %s has %s of %s%s, the new volumes take %s", preflight->target->region,
                demand->type, texts[0], texts[1], granted.note, texts[2]);
    return ERR_NONE;
}

static bool is_first_of_type(const struct cloud_volumes *volumes, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(volumes->items[i].type, volumes->items[index].type) == 0)
            return false;
    }
    return true;
}

/* gp3 has IOPS of its own too, but no quota of them. */
static enum error_code judge_type(const struct preflight *preflight,
                                  const struct cloud_volumes *there, const char *type,
                                  struct finding *finding, struct error *err)
{
    struct demand demand = {there, CLOUD_QUOTA_STORAGE, type};
    TRY(judge_volumes(preflight, &demand, finding, err));
    demand.quota = CLOUD_QUOTA_IOPS;
    return strncmp(type, "io", 2) == 0 ? judge_volumes(preflight, &demand, finding, err) : ERR_NONE;
}

static enum error_code list_there(const struct preflight *preflight, struct cloud_volumes *there,
                                  struct error *err)
{
    const struct cloud *target = preflight->target;
    const struct cloud_volume_filter filter = {0};
    enum error_code code = ERR_NONE;
    struct attempt attempt = attempt_begin(preflight->clock, preflight->log, "list the volumes",
                                           PATIENCE_AT_A_PROMPT_MS);
    do {
        cloud_volumes_done(there);
        code = target->list_volumes(target->self, &filter, there, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

enum error_code check_volume_quota(struct preflight *preflight, struct finding *finding,
                                   struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes there = {0};
    const struct cloud_volumes *ours = &preflight->volumes;
    enum error_code code = list_there(preflight, &there, err);
    for (size_t i = 0; code == ERR_NONE && i < ours->count; i++) {
        if (is_first_of_type(ours, i))
            code = judge_type(preflight, &there, ours->items[i].type, finding, err);
    }
    return finding_take(finding, code, "", err);
}

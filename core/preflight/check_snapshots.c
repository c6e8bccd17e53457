#include <stdio.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/base.h"
#include "core/engine/engine.h"
#include "core/engine/listing.h"
#include "core/preflight/checks.h"
#include "model/instant.h"

/* What AWS grants an account without being asked for more (EBS user guide, "Quotas for Amazon EBS"). */
#define PENDING_MAX     5
#define PENDING_HDD_MAX 1 /* st1 and sc1 */

/* Whoever was at work lately is at work on the night of the cut. */
#define LATELY_MS (7 * MS_PER_DAY)

/* ---- pending snapshots of a volume ---- */

static size_t pending_max(const struct cloud_volume *volume)
{
    bool is_hdd = strcmp(volume->type, "st1") == 0 || strcmp(volume->type, "sc1") == 0;
    return is_hdd ? PENDING_HDD_MAX : PENDING_MAX;
}

/* What failed counts until it is deleted. */
static size_t count_open(const struct cloud_snapshots *snapshots)
{
    size_t open = 0;
    for (size_t i = 0; i < snapshots->count; i++) {
        open += snapshots->items[i].state == CLOUD_SNAPSHOT_PENDING ||
                snapshots->items[i].state == CLOUD_SNAPSHOT_ERROR;
    }
    return open;
}

enum error_code check_pending(struct preflight *preflight, struct finding *finding,
                              struct error *err)
{
    (void)err;
    for (size_t i = 0; i < preflight->volumes.count; i++) {
        const struct cloud_volume *volume = &preflight->volumes.items[i];
        size_t open = count_open(&preflight->snapshots[i]);
        size_t limit = pending_max(volume);
        enum verdict verdict = quota_verdict(open, 1, limit);
        if (open > 0 && verdict == VERDICT_OK)
            verdict = VERDICT_WARN;
        finding_add(finding, verdict,
                    verdict == VERDICT_OK
                        ? ""
                        : "they complete in their order, so the next one waits behind them: let "
                          "them end, and delete those that failed",
                    "'%s' (%s): %zu of %zu", volume->id, volume->type, open, limit);
    }
    return ERR_NONE;
}

/* ---- lineage ---- */

#define REMEDY_FULL                                                                                \
    "what is full carries every block, which takes hours per TiB: 'ebshift plan' counts that, so " \
    "begin early enough"

static bool has_base(const struct cloud_snapshots *snapshots)
{
    for (size_t i = 0; i < snapshots->count; i++) {
        if (snapshots->items[i].state == CLOUD_SNAPSHOT_COMPLETED && !snapshots->items[i].archived)
            return true;
    }
    return false;
}

/* A first copy is the same news as a first snapshot; any other reason is one to mend. */
static enum error_code look_at_copies(const struct preflight *preflight,
                                      const struct cloud_volume *volume, struct finding *finding,
                                      struct error *err)
{
    struct base_request wanted = {
        .path = preflight->path,
        .volume_id = volume->id,
        .volume_encrypted = volume->encrypted,
        .store = preflight->memory,
        .clock = preflight->clock,
        .log = preflight->log,
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    for (; wanted.hop < preflight->path->count; wanted.hop++) {
        char place[PATH_PLACE_SIZE];
        struct base base = {0};
        path_place(preflight->path, wanted.hop, place);
        TRY(base_find(&wanted, &base, err));
        if (base.full == LINEAGE_FULL_FIRST) {
            finding_add(finding, VERDICT_WARN, REMEDY_FULL, "'%s' was never copied to %s",
                        volume->id, place);
        } else if (base.full != LINEAGE_INCREMENTAL) {
            finding_add(finding, VERDICT_WARN, REMEDY_FULL, "the next copy of '%s' to %s is %s",
                        volume->id, place, lineage_full_text(base.full));
        }
    }
    return ERR_NONE;
}

enum error_code check_lineage(struct preflight *preflight, struct finding *finding,
                              struct error *err)
{
    enum error_code code = ERR_NONE;
    for (size_t i = 0; code == ERR_NONE && i < preflight->volumes.count; i++) {
        const struct cloud_volume *volume = &preflight->volumes.items[i];
        if (!has_base(&preflight->snapshots[i])) {
            finding_add(finding, VERDICT_WARN, REMEDY_FULL, "'%s' has no completed snapshot yet",
                        volume->id);
        }
        code = look_at_copies(preflight, volume, finding, err);
    }
    if (code == ERR_NONE)
        finding_add(finding, VERDICT_OK, "", "the next snapshots and copies are increments");
    return finding_take(finding, code, "", err);
}

/* ---- other schedulers ---- */

/* Who took a snapshot that is not ours: by the tags that services leave. */
static const char *taker_of(const struct cloud_snapshot *snapshot)
{
    static const struct {
        const char *tag;
        const char *taker;
    } takers[] = {
        {"aws:dlm:lifecycle-policy-id", "Data Lifecycle Manager"},
        {"dlm:managed", "Data Lifecycle Manager"},
        {"aws:backup:source-resource", "AWS Backup"},
    };
    for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++) {
        if (cloud_tags_get(&snapshot->tags, takers[i].tag) != NULL)
            return takers[i].taker;
    }
    return NULL;
}

/* What others did to one volume lately. */
struct others {
    size_t count;
    const char *taker; /* NULL: nobody that leaves a name */
    int64_t newest_ms;
};

static struct others count_others(const struct cloud_snapshots *snapshots, int64_t since_ms)
{
    struct others others = {0};
    for (size_t i = 0; i < snapshots->count; i++) {
        const struct cloud_snapshot *snapshot = &snapshots->items[i];
        if (snapshot->started_ms < since_ms || cloud_tags_get(&snapshot->tags, TAG_RUN) != NULL)
            continue;
        others.count++;
        if (taker_of(snapshot) != NULL)
            others.taker = taker_of(snapshot);
        if (snapshot->started_ms > others.newest_ms)
            others.newest_ms = snapshot->started_ms;
    }
    return others;
}

/* One without a name may have been taken by hand; two make a habit. */
enum error_code check_schedulers(struct preflight *preflight, struct finding *finding,
                                 struct error *err)
{
    static const char remedy[] =
        "pause it for the night: a snapshot of others that is pending at the cut delays the final "
        "one, and deleting the newest one makes the next one full";
    int64_t since_ms = clock_now_ms(preflight->clock) - LATELY_MS;
    (void)err;
    for (size_t i = 0; i < preflight->volumes.count; i++) {
        struct others others = count_others(&preflight->snapshots[i], since_ms);
        char newest[INSTANT_TEXT_SIZE];
        if (others.taker == NULL && others.count < 2)
            continue;
        finding_add(finding, VERDICT_WARN, remedy,
                    "%s took %zu snapshot%s of '%s' in the last 7 days, the newest at %s",
                    others.taker == NULL ? "somebody" : others.taker, others.count,
                    others.count == 1 ? "" : "s", preflight->volumes.items[i].id,
                    instant_text(others.newest_ms / 1000 * 1000, newest));
    }
    finding_add(finding, VERDICT_OK, "", "nobody else took snapshots in the last 7 days");
    return ERR_NONE;
}

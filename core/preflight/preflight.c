#include "core/preflight/preflight.h"

#include "core/preflight/checks.h"

#define SOURCE   GROUND_SOURCE
#define TARGET   GROUND_TARGET
#define BOTH     (GROUND_SOURCE | GROUND_TARGET)
#define VOLUMES  GROUND_VOLUMES
#define DATABASE GROUND_DATABASE
#define MOUNTS   GROUND_MOUNTS
#define STORE    GROUND_STORE

const struct check checks[] = {
    {"store", "the store, and runs under way in it", 0, STORE, check_store},
    {"source-identity", "who ebshift is on the source side", 0, SOURCE, check_source},
    {"target-identity", "who it is on the target side", SOURCE, TARGET, check_target_identity},
    {"clock", "this machine's clock, and the database's, against the service's", SOURCE, 0,
     check_clock},
    {"target", "zone and instance of the new volumes", TARGET, 0, check_target},
    {"volumes", "the volumes of the set", SOURCE, VOLUMES, check_volumes},
    {"rights", "every right that the move needs, on both sides", BOTH, 0, check_rights},
    {"claim", "claims of other runs on them", VOLUMES, 0, check_claim},
    {"keys", "the keys of volumes and copies, on every hop", BOTH | VOLUMES, 0, check_keys},
    {"pending-snapshots", "snapshots under way against the limit per volume", VOLUMES, 0,
     check_pending},
    {"copies-in-flight", "copies under way against the limit per destination", BOTH, 0,
     check_copies},
    {"snapshot-quota", "snapshots against the quota per region", BOTH, 0, check_quota},
    {"volume-quota", "the new volumes against the quotas of their types", BOTH | VOLUMES, 0,
     check_volume_quota},
    {"lineage", "what the next snapshot and its copies can build on", BOTH | VOLUMES | STORE, 0,
     check_lineage},
    {"schedulers", "whoever else takes snapshots of these volumes", VOLUMES, 0, check_schedulers},
    {"postgres", "a direct session with the right server, and its version", 0, DATABASE,
     check_postgres},
    {"settings", "settings that a copy of the volumes depends on", DATABASE, 0, check_settings},
    {"fence", "the right to shut writers out", DATABASE, 0, check_fence},
    {"archive", "archiving of WAL", DATABASE, 0, check_archive},
    {"wal-space", "room for WAL over the series", DATABASE, 0, check_wal_space},
    {"mounts", "every place of the database against the set", DATABASE, MOUNTS, check_mounts},
    {"freeze", "freezing and thawing, tried on a scratch mount", MOUNTS, 0, check_freeze},
    {"filesystems", "features of the filesystems against the target's kernel", MOUNTS, 0,
     check_filesystems},
    {"libraries", "what orders text, and the server's programs, on the target machine", DATABASE, 0,
     check_libraries},
};
const size_t check_count = sizeof(checks) / sizeof(checks[0]);

void preflight_done(struct preflight *preflight)
{
    cloud_volumes_done(&preflight->volumes);
    for (size_t i = 0; i < CLOUD_SET_MAX; i++)
        cloud_snapshots_done(&preflight->snapshots[i]);
}

/* The check that would have given what is missing. */
static const char *giver_of(unsigned missing)
{
    for (size_t i = 0; i < check_count; i++) {
        if ((checks[i].gives & missing) != 0)
            return checks[i].name;
    }
    return "another check";
}

static void skip(const struct preflight *preflight, const struct check *check,
                 struct finding *finding)
{
    unsigned missing = check->needs & ~preflight->has;
    if ((missing & (DATABASE | MOUNTS)) != 0 && preflight->config->data_directory[0] == '\0') {
        finding_add(finding, VERDICT_SKIPPED, "",
                    "no database: postgres.data_directory is not set");
        return;
    }
    finding_add(finding, VERDICT_SKIPPED, "", "waits for '%s' to be in order", giver_of(missing));
}

enum error_code preflight_run(struct preflight *preflight, struct finding *findings,
                              struct error *err)
{
    for (size_t i = 0; i < check_count; i++) {
        const struct check *check = &checks[i];
        findings[i] = (struct finding){0};
        if ((check->needs & ~preflight->has) != 0) {
            skip(preflight, check, &findings[i]);
            continue;
        }
        TRY(check->look(preflight, &findings[i], err));
        TRY(clock_check_stop(err));
        if (findings[i].verdict == VERDICT_OK || findings[i].verdict == VERDICT_WARN)
            preflight->has |= check->gives;
    }
    return ERR_NONE;
}

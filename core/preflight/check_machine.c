#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/host/freeze.h"
#include "core/host/fs_features.h"
#include "core/host/survey.h"
#include "core/preflight/checks.h"
#include "model/instant.h"

#define REMEDY_FACTS                                                                               \
    "run 'ebshift preflight --facts FILE' on the target machine, and here with --target-facts FILE"

enum error_code check_mounts(struct preflight *preflight, struct finding *finding,
                             struct error *err)
{
    (void)err;
    if (preflight->mounts.code != ERR_NONE) {
        finding_fail(finding, &preflight->mounts.err,
                     "add the volume to source.volume, or move the place onto the set");
        return ERR_NONE;
    }
    for (size_t i = 0; i < preflight->mount_count; i++)
        finding_add(finding, VERDICT_OK, "", "'%s'", preflight->mount_points[i]);
    return ERR_NONE;
}

/* ---- freezing ---- */

static bool was_tried(char (*tried)[SURVEY_FILESYSTEM_SIZE], size_t count, const char *filesystem)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tried[i], filesystem) == 0)
            return true;
    }
    return false;
}

static void try_filesystem(const struct survey *survey, const char *filesystem,
                           struct finding *finding)
{
    struct error why = {0};
    struct held held = {0};
    enum error_code code = survey->try_freeze(survey->self, filesystem, &held, &why);
    if (code == ERR_NOT_FOUND) {
        finding_add(finding, VERDICT_SKIPPED, "run preflight as root, on the database's machine",
                    "%s cannot be tried on a scratch mount: %s", filesystem, why.message);
    } else if (code != ERR_NONE) {
        finding_fail(finding, &why, "a cut would fail the same way: see dmesg");
    } else if (held.fired || !held.all_frozen) {
        finding_add(finding, VERDICT_FAIL, "see dmesg",
                    "a scratch %s was thawed by the watchdog, not at our word", filesystem);
    } else {
        finding_add(finding, VERDICT_OK, "", "a scratch %s froze and thawed in %" PRId64 " us",
                    filesystem, held.freeze_us + held.held_us + held.thaw_us);
    }
}

enum error_code check_freeze(struct preflight *preflight, struct finding *finding,
                             struct error *err)
{
    const struct survey *survey = preflight->survey;
    char tried[FREEZE_MOUNTS_MAX][SURVEY_FILESYSTEM_SIZE];
    size_t count = 0;
    struct error why = {0};
    (void)err;
    if (survey->check_mounts(survey->self, preflight->mount_points, preflight->mount_count, &why) !=
        ERR_NONE)
        finding_fail(finding, &why, "nothing of ebshift, and nobody else's freeze, may be there");
    if (survey->check_way(survey->self, &why) != ERR_NONE)
        finding_fail(finding, &why, "raise freeze.limit, or run ebshift nearer");
    for (size_t i = 0; i < preflight->mount_count && count < FREEZE_MOUNTS_MAX; i++) {
        char filesystem[SURVEY_FILESYSTEM_SIZE];
        enum error_code code =
            survey->filesystem(survey->self, preflight->mount_points[i], filesystem, &why);
        if (code != ERR_NONE) {
            finding_fail(finding, &why, "a cut could not freeze it");
        } else if (!was_tried(tried, count, filesystem)) {
            memcpy(tried[count++], filesystem, sizeof(filesystem));
            try_filesystem(survey, filesystem, finding);
        }
    }
    return ERR_NONE;
}

/* ---- what the target machine must understand ---- */

/* A kind of filesystem and where it is, for messages. */
struct place {
    const char *mount_point;
    char filesystem[SURVEY_FILESYSTEM_SIZE];
};

static void judge_needs(const struct preflight *preflight, const struct place *place,
                        const struct fs_needs *needs, struct finding *finding)
{
    const struct machine_facts *there = preflight->there;
    if (there == NULL) {
        finding_add(finding, VERDICT_SKIPPED, REMEDY_FACTS,
                    "%s of '%s' needs Linux %d.%d%s%s, and the target's is not known",
                    place->filesystem, place->mount_point, needs->major, needs->minor,
                    needs->feature[0] == '\0' ? "" : " for ", needs->feature);
    } else if (!kernel_is_at_least(there->kernel, needs->major, needs->minor)) {
        finding_add(finding, VERDICT_FAIL, "run a newer kernel there",
                    "%s of '%s' needs Linux %d.%d for its feature '%s'; the target runs '%s'",
                    place->filesystem, place->mount_point, needs->major, needs->minor,
                    needs->feature, there->kernel);
    } else {
        finding_add(finding, VERDICT_OK, "", "%s of '%s' needs Linux %d.%d; the target runs '%s'",
                    place->filesystem, place->mount_point, needs->major, needs->minor,
                    there->kernel);
    }
    if (needs->unknown) {
        finding_add(finding, VERDICT_WARN, "mount a copy of it on the target machine once",
                    "%s of '%s' has features that ebshift does not know", place->filesystem,
                    place->mount_point);
    }
}

enum error_code check_filesystems(struct preflight *preflight, struct finding *finding,
                                  struct error *err)
{
    const struct survey *survey = preflight->survey;
    (void)err;
    for (size_t i = 0; i < preflight->mount_count; i++) {
        struct place place = {.mount_point = preflight->mount_points[i]};
        struct fs_needs needs;
        struct error why = {0};
        enum error_code code =
            survey->filesystem(survey->self, place.mount_point, place.filesystem, &why);
        if (code == ERR_NONE)
            code = survey->needs(survey->self, place.mount_point, &needs, &why);
        if (code == ERR_NONE) {
            judge_needs(preflight, &place, &needs, finding);
        } else {
            finding_add(finding, VERDICT_SKIPPED,
                        "see that the target's kernel can mount such a filesystem", "%s",
                        why.message);
        }
    }
    return ERR_NONE;
}

#define REMEDY_REINDEX                                                                             \
    "on the other side REINDEX what orders text, then ALTER DATABASE ... REFRESH COLLATION "       \
    "VERSION, before the application comes back"

/* What one library orders: whole databases, and indexes whose columns say so. */
struct ordered {
    const char *library;
    int databases;
    int indexes;
};

/* "glibc orders the text of 2 databases and 1 index, ..." where it is another one there. */
static void judge_library(const struct ordered *ordered, const char *here, const char *there,
                          struct finding *finding)
{
    if (ordered->databases + ordered->indexes == 0 || strcmp(here, there) == 0)
        return;
    finding_add(finding, VERDICT_WARN, REMEDY_REINDEX,
                "%s orders the text of %d database%s and %d more index%s, and is '%s' here and "
                "'%s' there",
                ordered->library, ordered->databases, ordered->databases == 1 ? "" : "s",
                ordered->indexes, ordered->indexes == 1 ? "" : "es", here, there);
}

static void judge_programs(const struct preflight *preflight, const struct machine_facts *here,
                           struct finding *finding)
{
    const struct machine_facts *there = preflight->there;
    int major = preflight->facts->server_version_num / 10000;
    if (strcmp(here->architecture, there->architecture) != 0) {
        finding_add(finding, VERDICT_FAIL,
                    "a data directory does not work on another architecture: choose an instance of "
                    "this one",
                    "the database's machine is '%s', the target '%s'", here->architecture,
                    there->architecture);
    }
    if (there->postgres[0] == '\0') {
        finding_add(finding, VERDICT_WARN, "see that the same major version is there",
                    "no PostgreSQL was found on the target");
    } else if (!machine_has(there->postgres, major)) {
        finding_add(finding, VERDICT_FAIL, "install the same major version there",
                    "the server is PostgreSQL %d, the target has %s", major, there->postgres);
    }
}

static void judge_today(const struct preflight *preflight, struct finding *finding)
{
    int databases = preflight->facts->stale_databases;
    int indexes = preflight->collations->stale_indexes;
    if (databases + indexes > 0) {
        finding_add(finding, VERDICT_WARN,
                    "REINDEX what orders text there, then ALTER DATABASE or ALTER COLLATION ... "
                    "REFRESH VERSION",
                    "%d database%s and %d index%s of single columns were made in an order that is "
                    "no longer this machine's",
                    databases, databases == 1 ? "" : "s", indexes, indexes == 1 ? "" : "es");
    }
    if (preflight->ordered.code != ERR_NONE) {
        finding_add(finding, VERDICT_WARN, "see that the role may ask each database", "%s",
                    preflight->ordered.err.message);
    } else if (preflight->collations->unseen > 0) {
        finding_add(finding, VERDICT_WARN, "see that the role may connect to each database",
                    "%d database%s could not be looked into, %s", preflight->collations->unseen,
                    preflight->collations->unseen == 1 ? "" : "s",
                    preflight->collations->unseen_why);
    }
}

enum error_code check_libraries(struct preflight *preflight, struct finding *finding,
                                struct error *err)
{
    const struct pg_facts *facts = preflight->facts;
    const struct survey *survey = preflight->survey;
    const struct machine_facts *there = preflight->there;
    const struct ordered by_libc = {"glibc", facts->libc_databases,
                                    preflight->collations->libc_indexes};
    const struct ordered by_icu = {"ICU", facts->icu_databases, preflight->collations->icu_indexes};
    struct machine_facts here = {0};
    struct error why = {0};
    (void)err;
    judge_today(preflight, finding);
    if (survey->facts(survey->self, &here, &why) != ERR_NONE) {
        finding_add(finding, VERDICT_SKIPPED, "see that ebshift-hold runs there", "%s",
                    why.message);
        return ERR_NONE;
    }
    if (there == NULL) {
        finding_add(
            finding, VERDICT_SKIPPED, REMEDY_FACTS,
            "glibc %s orders the text of %d databases and %d more indexes, ICU %s of %d and "
            "%d; PostgreSQL %d on %s; what the target has is not known",
            here.glibc, by_libc.databases, by_libc.indexes, here.icu, by_icu.databases,
            by_icu.indexes, facts->server_version_num / 10000, here.architecture);
        return ERR_NONE;
    }
    judge_library(&by_libc, here.glibc, there->glibc, finding);
    judge_library(&by_icu, here.icu, there->icu, finding);
    judge_programs(preflight, &here, finding);
    finding_add(finding, VERDICT_OK, "", "%s, glibc %s, ICU %s, PostgreSQL %d there as here",
                here.architecture, there->glibc, there->icu, facts->server_version_num / 10000);
    return ERR_NONE;
}

/* preflight.h: everything that can be known before the night, looked at by one table of checks.
 *
 * Each check has a name, says what it looks at and yields a finding. Nothing is changed, neither at
 * AWS nor in the database. A check that needs what another one found broken is skipped. `plan` and `migrate` ask the same functions for what would stop them. */
#ifndef CORE_PREFLIGHT_PREFLIGHT_H
#define CORE_PREFLIGHT_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/cloud.h"
#include "core/config.h"
#include "core/engine/path.h"
#include "core/host/machine_facts.h"
#include "core/host/survey.h"
#include "core/log.h"
#include "core/pg/collations.h"
#include "core/pg/facts.h"
#include "core/preflight/finding.h"
#include "core/store.h"
#include "model/error.h"

/* How something went that only the composition root can do. */
struct outcome {
    enum error_code code;
    struct error err;
};

/* Snapshots of one account and region. */
struct census {
    size_t snapshots;
    size_t copies_in_flight;
};

/* What is planned, where, and what the composition root found out. Everything in the first two
 * groups is borrowed; the third is for the checks. Zero-initialise; hand back with
 * preflight_done(). */
struct preflight {
    const struct config *config;
    const struct cloud *source;
    const struct cloud *target;
    const struct path *path;
    const struct clock *clock;
    const struct log *log;
    bool fence;            /* writers will be shut out */
    bool backup;           /* the cut will lie in backup mode */
    int64_t window_end_ms; /* 0: not known */

    struct outcome store;         /* the store is there, free, and no run is under way */
    struct store *memory;         /* it, if so */
    struct outcome database;      /* of reading *facts */
    const struct pg_facts *facts; /* NULL: there is no database, only volumes */
    struct outcome ordered;       /* of reading *collations */
    const struct pg_collations *collations;
    struct outcome mounts; /* of finding the mounts, all on volumes of the set */
    const char *const *mount_points;
    size_t mount_count;
    const struct survey *survey;       /* of the database's machine; NULL: it cannot be asked */
    const struct machine_facts *there; /* of the target machine; NULL: not known */

    unsigned has; /* what checks found in order */
    int64_t skew_ms;
    char source_account[16];
    struct cloud_volumes volumes;                    /* of the set */
    struct cloud_snapshots snapshots[CLOUD_SET_MAX]; /* of each volume */
    bool counted;
    struct census at_source;
    struct census at_hop[PATH_HOPS_MAX];
};

/* Frees what the checks read. */
void preflight_done(struct preflight *preflight);

/* One check: what it is called, what it looks at, what it needs to be in order first. */
struct check {
    const char *name;
    const char *looks_at;
    unsigned needs;
    unsigned gives; /* in order unless it fails */
    /* Fills the finding, which is empty. Errors: ERR_INTERRUPTED or ERR_NO_MEMORY;
     * all else is a finding. */
    enum error_code (*look)(struct preflight *preflight, struct finding *finding,
                            struct error *err);
};

/* The table, in the order in which the checks run. */
extern const struct check checks[];
extern const size_t check_count;

/* Runs all checks; findings[i] is of checks[i]. Errors: ERR_INTERRUPTED, ERR_NO_MEMORY. */
MUST_CHECK enum error_code preflight_run(struct preflight *preflight, struct finding *findings,
                                         struct error *err);

#endif

/* checks.h: the functions behind the table of preflight.h, by where they look. */
#ifndef CORE_PREFLIGHT_CHECKS_H
#define CORE_PREFLIGHT_CHECKS_H

#include "core/preflight/preflight.h"

/* What one check finds in order and others build on. */
enum check_ground {
    GROUND_SOURCE = 1 << 0, /* credentials of the source */
    GROUND_TARGET = 1 << 1, /* and of the target */
    GROUND_VOLUMES = 1 << 2,
    GROUND_DATABASE = 1 << 3,
    GROUND_MOUNTS = 1 << 4,
    GROUND_STORE = 1 << 5,
};

/* One function per check; the contract is that of check.look. */
typedef enum error_code check_function(struct preflight *preflight, struct finding *finding,
                                       struct error *err);

/* check_service.c: who, where, which volumes, under which keys. */
check_function check_store;
check_function check_source;
check_function check_target_identity;
check_function check_clock;
check_function check_target;
check_function check_volumes;
check_function check_claim;
check_function check_keys;

/* check_rights.c: the rights on both sides, each asked about without doing. */
check_function check_rights;

/* check_snapshots.c: what is there already, whose, and what still fits. */
check_function check_pending;
check_function check_lineage;
check_function check_schedulers;

/* check_quotas.c: what the account may have, on every side. */
check_function check_copies;
check_function check_quota;
check_function check_volume_quota;

/* check_database.c: PostgreSQL as a server. */
check_function check_postgres;
check_function check_settings;
check_function check_fence;
check_function check_archive;
check_function check_wal_space;

/* check_machine.c: mounts, freezing, and what the target machine must understand. */
check_function check_mounts;
check_function check_freeze;
check_function check_filesystems;
check_function check_libraries;

/* How full a quota is, for a set that needs more of it. Pure. */
enum verdict quota_verdict(size_t used, size_t needed, size_t limit);

#endif

/* collations.h: what in the databases is ordered by a library of the machine: whoever moves to other
 * libraries has to make those indexes anew.
 *
 * An index has the collation of its columns, which may be another one than its database's. That is
 * known only inside each database, so each gets a session of its own; for preflight, not for a run. */
#ifndef CORE_PG_COLLATIONS_H
#define CORE_PG_COLLATIONS_H

#include <stddef.h>

#include "core/pg/conn.h"
#include "model/error.h"

/* Indexes of all databases whose columns name a collation, by who orders them. A plain value. */
struct pg_collations {
    int libc_indexes;
    int icu_indexes;
    int stale_indexes;   /* made in another order than today's */
    int databases;       /* that were looked into */
    int unseen;          /* that would not let us in */
    char unseen_why[96]; /* the last of them, and why not */
};

/* Looks into every database that lets sessions in. `conninfo` as in pg_conn_open(). One that cannot be
 * looked into is counted, and no error.
 * Errors: as pg_conn_query(), for the list of databases. */
MUST_CHECK enum error_code pg_collations_read(const char *conninfo, int connect_timeout_ms,
                                              struct pg_collations *collations, struct error *err);

#endif

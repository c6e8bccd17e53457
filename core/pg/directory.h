/* directory.h: what a data directory tells by itself: how to reach its server, whether a server is
 * that one, and, while it is stopped, which places it is made of. init may know nothing else. */
#ifndef CORE_PG_DIRECTORY_H
#define CORE_PG_DIRECTORY_H

#include <stddef.h>

#include "core/pg/conn.h"
#include "core/pg/facts.h"
#include "model/error.h"

/* Writes a libpq connection string for the server that runs in a data directory, as its
 * postmaster.pid says: socket directory (or address) and port, role "postgres".
 * Errors: ERR_NOT_FOUND if no server runs there; ERR_POSTGRES if the file makes no sense;
 * ERR_CONFIG if the string does not fit into `size`. */
MUST_CHECK enum error_code pg_directory_conninfo(const char *data_directory, char *conninfo,
                                                 size_t size, struct error *err);

/* Refuses a server that is not the one in `data_directory` of this machine, for example a standby
 * that took over elsewhere. A superuser's session compares postmaster.pid as both sides see it, an
 * ordinary one only the path.
 * Errors: ERR_POSTGRES naming both; as pg_conn_query(). */
MUST_CHECK enum error_code pg_directory_check_server(struct pg_conn *conn,
                                                     const char *data_directory, struct error *err);

/* Of what tells one server from every other: the first lines of its postmaster.pid. */
enum { PG_HEAD_SIZE = 4608 };

/* The same refusal for a server on another machine, where `head` was read. An ordinary session sees
 * no postmaster.pid and compares only the path.
 * Errors: ERR_POSTGRES naming both; as pg_conn_query(). */
MUST_CHECK enum error_code pg_directory_check_head(struct pg_conn *conn, const char *data_directory,
                                                   const char *head, struct error *err);

/* Fills facts->places from the links of a data directory: itself, pg_wal, the tablespaces. The
 * other members stay as they are. Config files elsewhere cannot be seen this way.
 * Errors: ERR_CONFIG if it is no data directory; ERR_POSTGRES if one of its links leads nowhere;
 * ERR_SYSTEM; ERR_NO_MEMORY. */
MUST_CHECK enum error_code pg_directory_places(const char *data_directory, struct pg_facts *facts,
                                               struct error *err);

#endif

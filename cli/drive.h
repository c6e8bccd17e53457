/* drive.h: a run from the command line: build the engine, run it, show the result. */
#ifndef CLI_DRIVE_H
#define CLI_DRIVE_H

#include "cli/session.h"
#include "core/engine/engine.h"
#include "model/error.h"

/* Puts the engine together for a run; borrows the session. */
struct engine drive_engine(struct session *session, const struct run *run);

/* Opens what resume (or, if `aborting`, abort) needs and finds the unfinished run they mean.
 * Errors: ERR_STATE if that run is over; ERR_NO_RUN; ERR_POSTGRES if the database is gone and what
 * is left to do needs it. */
MUST_CHECK enum error_code drive_reopen(struct session *session, struct run *run, bool aborting,
                                        struct error *err);

/* Shows the run after the engine stopped with `code`, and hands `code` on. */
enum error_code drive_show(struct session *session, const char *run_id, enum error_code code,
                           struct error *err);

#endif

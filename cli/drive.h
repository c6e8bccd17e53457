/* drive.h: a run from the command line: build the engine, run it, show the result. */
#ifndef CLI_DRIVE_H
#define CLI_DRIVE_H

#include "cli/session.h"
#include "core/engine/engine.h"
#include "model/error.h"

/* Puts the engine together for a run; borrows the session. */
struct engine drive_engine(struct session *session, const struct run *run);

/* A new run with an id of its own, for the places of the config; nothing is stored. */
struct run drive_new_run(const struct session *session, const char *source_account);

/* Puts places and principals of a run into the config: the run knows where it goes, whatever the
 * config says by now. */
void drive_take_run(struct session *session, const struct run *run);

/* Checks that the credentials are of the run's accounts: in a wrong one nothing of the run would be
 * found, and abort would believe it gone. Errors: ERR_CONFIG; those of the cloud. */
MUST_CHECK enum error_code drive_check_accounts(struct session *session, const struct run *run,
                                                struct error *err);

/* Opens what resume (or, if `aborting`, abort) needs and finds the unfinished run they mean.
 * Errors: ERR_STATE if that run is over; ERR_NO_RUN; ERR_POSTGRES if the database is gone and what
 * is left to do needs it. */
MUST_CHECK enum error_code drive_reopen(struct session *session, struct run *run, bool aborting,
                                        struct error *err);

/* Writes the texts of a run that is done beside the store, unless they are there, and says what they
 * are for: the fence that the copy carries, backup_label, tablespace_map. */
void drive_export_texts(struct session *session, const struct run *run);

/* Shows the run after the engine stopped with `code`, and hands `code` on. */
enum error_code drive_show(struct session *session, const char *run_id, enum error_code code,
                           struct error *err);

#endif

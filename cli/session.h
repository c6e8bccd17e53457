/* session.h: the composition root: joins clock, store, clouds and quiesce for one verb.
 *
 * The only file that names the concrete drivers. A verb opens the parts it needs and closes all at
 * once. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/opt.h"
#include "cli/progress.h"
#include "core/aws/cloud_aws.h"
#include "core/clock.h"
#include "core/cloud.h"
#include "core/config.h"
#include "core/counter.h"
#include "core/engine/engine.h"
#include "core/engine/path.h"
#include "core/host/far.h"
#include "core/host/far_survey.h"
#include "core/host/mounts.h"
#include "core/host/quiesce_local.h"
#include "core/host/ssh.h"
#include "core/host/survey_here.h"
#include "core/log.h"
#include "core/pg/collations.h"
#include "core/pg/facts.h"
#include "core/store.h"
#include "model/error.h"

/* Everything a verb may hold. Zero-initialise; hand back with session_done(). */
struct session {
    struct options options;
    struct config config;
    struct progress progress;
    struct log log;
    struct rehearsal_clock rehearsal;
    bool rehearsing;
    struct clock clock;
    struct store *store;
    struct aws_env aws_env;
    struct aws_env target_env;
    struct http *http;
    struct cloud_aws *source_aws;
    struct cloud_aws *target_aws;
    struct cloud_aws *via_source_aws;
    struct cloud_aws *via_target_aws;
    struct cloud source;
    struct cloud target;
    struct cloud via_source; /* where snapshots change accounts, in either one */
    struct cloud via_target;
    struct path path;
    char principal[256]; /* who gets grants in the target account */
    struct ssh ssh;
    struct ssm ssm;
    struct http *far_http;
    struct cloud_aws *far_aws;
    struct far far; /* the database's machine, where that is another one */
    struct holder far_holder;
    struct survey_here here;
    struct survey survey;
    const char *mount_list[CONFIG_MOUNT_MAX];
    struct quiesce_local local;
    struct quiesce quiesce;
    bool has_quiesce;
    struct mount_roots roots;
    struct counter counter; /* of this machine's disks */
    char mounts[CONFIG_MOUNT_MAX][CONFIG_TEXT_SIZE];
    size_t mount_count;
};

/* Closes whatever was opened, in reverse order. Harmless on an empty one. */
void session_done(struct session *session);
#define CLEANUP_SESSION CLEANUP(session_done)

/* Chooses the clock and the log. Errors: ERR_SYSTEM if a rehearsal clock is named and not there. */
MUST_CHECK enum error_code session_start(struct session *session, struct error *err);

/* Reads config file, environment and flags. `must_exist` makes a missing --config file an error.
 * Errors: ERR_CONFIG. */
MUST_CHECK enum error_code session_configure(struct session *session, bool must_exist,
                                             struct error *err);

/* Opens the store: to act (with the lock), or only to look. Errors: ERR_STORE, ERR_LOCKED,
 * ERR_NO_RUN. */
MUST_CHECK enum error_code session_open_store(struct session *session, struct error *err);
MUST_CHECK enum error_code session_read_store(struct session *session, struct error *err);

/* Makes the clouds of source and target, and the path between them; sends nothing yet.
 * Errors: ERR_CONFIG, ERR_NO_MEMORY. */
MUST_CHECK enum error_code session_open_clouds(struct session *session, struct error *err);

/* Makes the cloud whose SSM reaches the database's machine, with a principal and connections of its
 * own: what is said there inside the freeze must not touch the request that is ready to be sent.
 * Errors: ERR_CONFIG without source.instance; ERR_NO_MEMORY. */
MUST_CHECK enum error_code session_open_far_cloud(struct session *session, struct error *err);

/* Finds the places of the database, checks that the set covers them, and makes the quiesce.
 * Without a data directory there is nothing to hold still.
 * Errors: ERR_QUIESCE naming a place that is left out; those of PostgreSQL. */
MUST_CHECK enum error_code session_open_quiesce(struct session *session, struct error *err);

/* The first half of that: fills session->mounts with what a cut would freeze, WAL last.
 * Errors: ERR_QUIESCE as above. */
MUST_CHECK enum error_code session_find_mounts(struct session *session,
                                               const struct pg_facts *facts, struct error *err);

/* Reads where the database lives. */
MUST_CHECK enum error_code session_read_facts(struct session *session, struct pg_facts *facts,
                                              struct error *err);

/* The same for init, which may know only a data directory: takes the connection from the running
 * server's postmaster.pid, or the places from the links of a stopped one. */
MUST_CHECK enum error_code session_find_facts(struct session *session, struct pg_facts *facts,
                                              struct error *err);

/* Reads what in its databases is ordered by the libraries of its machine; asks each of them. */
MUST_CHECK enum error_code session_read_collations(struct session *session,
                                                   struct pg_collations *collations,
                                                   struct error *err);

/* Finds where a path is on the database's machine, and the volumes under it.
 * Errors: ERR_NOT_FOUND; ERR_QUIESCE, also if it lies on no EBS volume. */
MUST_CHECK enum error_code session_find_place(struct session *session, const char *path,
                                              struct far_place *place, struct error *err);

/* What can be seen of the database's machine; borrows the session. NULL if that is another one, and
 * the way to it was not made by one of the reading functions above. */
const struct survey *session_survey(struct session *session);

/* The roots under which devices of this machine are looked up. */
struct mount_roots session_roots(const struct session *session);

#endif

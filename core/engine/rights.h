/* rights.h: the rights that a run needs: which principal does what, where, and on what.
 *
 * One table of rules holds every action of core/aws; from a config and its path it yields the list of
 * this run. `ebshift policy` prints it, `ebshift preflight` asks about each (rights_ask.h). Pure. */
#ifndef CORE_ENGINE_RIGHTS_H
#define CORE_ENGINE_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/cloud.h"
#include "core/config.h"
#include "core/engine/path.h"
#include "model/error.h"

/* In whose name: each side has credentials of its own, which may be the same. */
enum right_side { RIGHT_SOURCE, RIGHT_TARGET };

/* What may be done alike, on alike resources under alike conditions: one statement of a policy. */
enum right_group {
    RIGHT_LOOK,        /* lists; these know no resources */
    RIGHT_LOOK_AHEAD,  /* what only preflight looks at: a run does without */
    RIGHT_READ_BLOCKS, /* which blocks of any snapshot are there, and which differ */
    RIGHT_SNAPSHOT_OF, /* of the volumes of the set, and their instance */
    RIGHT_SNAPSHOT_OF_CANARY,
    RIGHT_MAKE_SNAPSHOT,
    RIGHT_COPY,
    RIGHT_MAKE_VOLUME,
    RIGHT_VOLUME_FROM, /* a snapshot or copy of ebshift's */
    RIGHT_ATTACH,
    RIGHT_ATTACH_TO, /* the target instance */
    RIGHT_SHARE,     /* with the target's account only */
    RIGHT_TAG_NEW,
    RIGHT_TAG_OWN,
    RIGHT_CLAIM,      /* the volumes of the set, by one tag */
    RIGHT_KEY,        /* what is asked directly of a key */
    RIGHT_KEY_BY_EBS, /* what EBS does with it in the principal's name */
    RIGHT_KEY_GRANT_BY_EBS,
    RIGHT_KEY_OF_BLOCKS, /* to list blocks under it */
    RIGHT_LEND,          /* a key to the target's principal */
    RIGHT_COMMAND,
    RIGHT_ASSUME,
    RIGHT_REMOVE, /* from here on what deletes or undoes */
    RIGHT_DETACH_FROM,
    RIGHT_UNSHARE,
    RIGHT_TAKE_BACK,
    RIGHT_GROUPS
};

/* One action of one principal in one place. Borrows its texts. */
struct right {
    const char *action; /* as IAM names it, "ec2:CreateSnapshot" */
    enum right_group group;
    enum right_side side;
    const char *region;
    const char *account;       /* of what it is done on; empty: unknown */
    const char *key;           /* of the groups about keys, as configured; empty: unknown */
    const struct cloud *cloud; /* where it can be asked about; NULL: nowhere */
};

struct rights {
    struct right *items; /* heap */
    size_t count;
};
void rights_done(struct rights *rights);
#define CLEANUP_RIGHTS CLEANUP(rights_done)

/* For whom. Borrows all; so does the list made from it. */
struct rights_request {
    const struct config *config; /* with its regions filled in */
    const struct path *path;
    const struct cloud *source;
    const struct cloud *target;
    const char *source_account;          /* empty: unknown */
    const struct cloud_volumes *volumes; /* the set, for its keys; NULL: maybe encrypted */
    bool canary;                         /* also what preflight's canary does */
};

/* Lists the rights of a run, each once, in the order of its work. Errors: ERR_NO_MEMORY. */
MUST_CHECK enum error_code rights_list(const struct rights_request *request, struct rights *rights,
                                       struct error *err);

/* Lists those of somebody who only looks, with history, forecast, plan and status: all of the target
 * included, for RIGHT_SOURCE. Errors: ERR_NO_MEMORY. */
MUST_CHECK enum error_code rights_list_watcher(const struct rights_request *request,
                                               struct rights *rights, struct error *err);

#endif

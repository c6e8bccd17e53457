/* survey.h: what can be seen of the database's machine before the night, changing nothing there.
 *
 * This machine where ebshift runs beside the database (survey_here.h), or another one whose
 * ebshift-hold is asked (far_survey.h); preflight judges either alike. */
#ifndef CORE_HOST_SURVEY_H
#define CORE_HOST_SURVEY_H

#include <stddef.h>
#include <stdint.h>

#include "core/host/fs_features.h"
#include "core/host/holder.h"
#include "core/host/machine_facts.h"
#include "model/error.h"

enum { SURVEY_FILESYSTEM_SIZE = 64 };

/* Room of the filesystem a directory lies on, and what the files in it take already. */
struct survey_room {
    int64_t free_bytes;
    int64_t used_bytes;
};

/* Every function is set. A machine that cannot be asked is ERR_QUIESCE. */
struct survey {
    void *self;
    const char *host; /* how the machine is called; NULL: it is this one. Borrowed */

    /* What decides whether another machine can take the database over. */
    enum error_code (*facts)(void *self, struct machine_facts *facts, struct error *err);

    /* Its clock, in Unix milliseconds UTC. */
    enum error_code (*now)(void *self, int64_t *now_ms, struct error *err);

    /* Errors: ERR_NOT_FOUND. */
    enum error_code (*room)(void *self, const char *directory, struct survey_room *room,
                            struct error *err);

    /* Refuses mounts that could not be frozen now: one that is frozen, `/`, or what something of
     * ebshift lies on. Errors: ERR_QUIESCE, ERR_SYSTEM. */
    enum error_code (*check_mounts)(void *self, const char *const *mount_points, size_t count,
                                    struct error *err);

    /* Refuses a way to the machine on which a freeze would outlast its limit. Errors: ERR_QUIESCE. */
    enum error_code (*check_way)(void *self, struct error *err);

    /* The kind of filesystem at a mount point, "ext4". Errors: ERR_NOT_FOUND, ERR_SYSTEM. */
    enum error_code (*filesystem)(void *self, const char *mount_point,
                                  char filesystem[SURVEY_FILESYSTEM_SIZE], struct error *err);

    /* What that filesystem asks of a kernel. Errors: those of fs_needs_read(). */
    enum error_code (*needs)(void *self, const char *mount_point, struct fs_needs *needs,
                             struct error *err);

    /* Freezes and thaws a filesystem of that kind made for it. Errors: those of scratch_freeze(). */
    enum error_code (*try_freeze)(void *self, const char *filesystem, struct held *held,
                                  struct error *err);
};

#endif

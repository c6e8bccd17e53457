/* freeze.h: several filesystems held still by FIFREEZE, thawed by FITHAW in reverse.
 *
 * Owns only what it froze: a filesystem that somebody else has frozen is refused and left alone.
 * FIFREEZE shuts writers out first and flushes after, so freeze_flush() comes before. The watchdog
 * (watchdog.h) is told of each mount before it is frozen. */
#ifndef CORE_HOST_FREEZE_H
#define CORE_HOST_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/host/frozen_record.h"
#include "core/host/watchdog.h"
#include "model/error.h"

enum { FREEZE_MOUNTS_MAX = WATCHDOG_MOUNTS_MAX };

/* Mounts in freezing order. Zero-initialise; hand back with freeze_close(). */
struct freeze {
    struct frozen_mount *mounts; /* heap, `count` */
    int fds[FREEZE_MOUNTS_MAX];
    bool frozen[FREEZE_MOUNTS_MAX]; /* by us, and not thawed by us yet */
    size_t count;
    bool stolen;       /* a thaw found a mount thawed already: somebody else did it */
    int64_t began_us;  /* monotonic: before the first FIFREEZE */
    int64_t frozen_us; /* after the last FIFREEZE */
    int64_t ended_us;  /* before the first FITHAW */
    int64_t thawed_us; /* after the last FITHAW */
};

/* Opens the root directory of each mount point and keeps it open. Paths of one filesystem given
 * twice are taken once.
 * Errors: ERR_QUIESCE for a path that is no mount point, is `/`, or one too many; ERR_SYSTEM. */
MUST_CHECK enum error_code freeze_open(struct freeze *freeze, const char *const *mount_points,
                                       size_t count, struct error *err);

/* Thaws what is still frozen by us and closes all. Harmless on an empty one. */
void freeze_close(struct freeze *freeze);
#define CLEANUP_FREEZE CLEANUP(freeze_close)

/* Refuses a set that would freeze ourselves: the executable, the working directory, any file open
 * for writing (log, standard output, store), swap files, or one of `own_paths` (a path that does
 * not exist counts as its nearest parent that does).
 * Errors: ERR_QUIESCE naming the mount and what lies on it. */
MUST_CHECK enum error_code freeze_check_own(const struct freeze *freeze,
                                            const char *const *own_paths, size_t own_count,
                                            struct error *err);

/* Refuses a mount point that is frozen now, by whomever; one of which nothing can be told within 5 s
 * counts as frozen. Changes nothing.
 * Errors: ERR_QUIESCE naming the mount; ERR_SYSTEM. */
MUST_CHECK enum error_code freeze_check_thawed(const char *const *mount_points, size_t count,
                                               struct error *err);

/* Flushes every mount again and again until one pass takes under `quick_us`, at most `most_passes`
 * times; *flush_us is the time of all passes.
 * Errors: ERR_SYSTEM if a flush fails: the disk is bad, do not go on. */
MUST_CHECK enum error_code freeze_flush(const struct freeze *freeze, int64_t quick_us,
                                        int most_passes, int64_t *flush_us, struct error *err);

/* Freezes all mounts in order; if one fails, thaws those before it in reverse. Between success and
 * freeze_end() the caller must not write to any filesystem of the set.
 * Errors: ERR_QUIESCE (frozen by somebody else, not supported, watchdog gone). */
MUST_CHECK enum error_code freeze_begin(struct freeze *freeze, const struct watchdog *watchdog,
                                        struct error *err);

/* Thaws in reverse what freeze_begin() froze. Harmless when nothing is frozen.
 * Errors: ERR_NOT_THAWED naming the mount, after all others were tried. */
MUST_CHECK enum error_code freeze_end(struct freeze *freeze, struct error *err);

/* Thaws one mount point whoever froze it; *was_frozen tells whether there was something to do.
 * Errors: ERR_SYSTEM if the path cannot be opened; ERR_NOT_THAWED. */
MUST_CHECK enum error_code freeze_thaw_path(const char *mount_point, bool *was_frozen,
                                            struct error *err);

/* Thaws every mount that a record in `record_dir` (FROZEN_RECORD_DIR) names and removes the
 * records. `told`, if not NULL, is called for each mount with what was found. The records of living
 * processes too: whoever runs `ebshift thaw` wants the disk back, and the other run will notice.
 * Errors: ERR_NOT_THAWED, ERR_NOT_FOUND or ERR_SYSTEM of the last mount that failed. */
MUST_CHECK enum error_code
freeze_thaw_leftovers(const char *record_dir,
                      void (*told)(void *context, const char *mount_point, bool was_frozen),
                      void *context, struct error *err);

#endif

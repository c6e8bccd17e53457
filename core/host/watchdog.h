/* watchdog.h: the parent's side of the process that thaws in our place.
 *
 * The watchdog is a program of its own (watchdog_main.c), started before the freeze. The parent
 * announces each mount just before it freezes it, thaws by itself, then disarms. If the parent dies
 * or the limit passes first, the watchdog thaws every announced mount. */
#ifndef CORE_HOST_WATCHDOG_H
#define CORE_HOST_WATCHDOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/host/watchdog_wire.h"
#include "model/error.h"

/* A running watchdog; zero-initialise. `pid` 0 means none. */
struct watchdog {
    pid_t pid;
    int socket_fd;
};

struct watchdog_options {
    const char *program;  /* absolute path of ebshift-watchdog */
    int64_t limit_ms;     /* longest freeze, counted from the first announcement */
    const int *mount_fds; /* root directories of the mounts, in freezing order */
    size_t mount_count;   /* at most WATCHDOG_MOUNTS_MAX */
};

/* Finds the program: `configured` if not empty, else beside our executable, else in
 * ../libexec/ebshift or ../lib/ebshift of it. Writes an absolute path.
 * Errors: ERR_QUIESCE if there is none. */
MUST_CHECK enum error_code watchdog_find(const char *configured, char *path, size_t path_size,
                                         struct error *err);

/* Starts the process in its own session and, where permitted, outside of our control group, and
 * waits until it says it is ready.
 * Errors: ERR_QUIESCE if it cannot be started or is not ready within 5 s. */
MUST_CHECK enum error_code watchdog_start(struct watchdog *watchdog,
                                          const struct watchdog_options *options,
                                          struct error *err);

/* Announces that mount `index` is about to be frozen. Allocates nothing.
 * Errors: ERR_QUIESCE if the watchdog is gone: then do not freeze. */
MUST_CHECK enum error_code watchdog_announce(const struct watchdog *watchdog, size_t index,
                                             struct error *err);

/* Takes an announcement back: mount `index` could not be frozen and is not ours to thaw. */
void watchdog_retract(const struct watchdog *watchdog, size_t index);

/* Ends the process after everything is thawed; false in *fired means that it never thawed anything.
 * A watchdog that does not answer within 2 s counts as fired and is killed. Harmless on none. */
void watchdog_stop(struct watchdog *watchdog, bool *fired);

#endif

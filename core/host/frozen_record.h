/* frozen_record.h: a file on tmpfs that names what a process is about to freeze.
 *
 * Written before the freeze and removed after the thaw, so that `ebshift thaw` finds what a dead
 * ebshift (and a dead watchdog) left frozen, without config, store or network. The first line is
 * "boot ID": no freeze survives a reboot. Then one line a mount: "MAJOR:MINOR DISK PATH", the path as
 * given by the kernel's mount table, newlines not allowed. */
#ifndef CORE_HOST_FROZEN_RECORD_H
#define CORE_HOST_FROZEN_RECORD_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/error.h"

#define FROZEN_RECORD_DIR "/run/ebshift"

/* One mount as a record names it. */
struct frozen_mount {
    dev_t device;
    uint64_t disk; /* mount_disk_number(): the same device number is another disk another time */
    char path[PATH_MAX];
};

/* Writes DIR/frozen.PID for this process, making DIR (mode 0755) if needed.
 * Errors: ERR_SYSTEM; ERR_INVALID for a path with a newline. */
MUST_CHECK enum error_code frozen_record_write(const char *dir, const struct frozen_mount *mounts,
                                               size_t count, struct error *err);

/* Removes this process's record. Harmless if there is none. */
void frozen_record_remove(const char *dir);

/* Calls `visit` for every mount of every record in DIR, then removes the records whose mounts were
 * all visited with ERR_NONE. A record of an earlier boot is removed unvisited. A missing DIR is an
 * empty one.
 * Errors: ERR_SYSTEM; the last error of `visit`, after all mounts were visited. */
MUST_CHECK enum error_code frozen_record_visit(
    const char *dir,
    enum error_code (*visit)(void *context, const struct frozen_mount *mount, struct error *err),
    void *context, struct error *err);

#endif
